//! Texts of several row groups put together, each distinct one kept once.

use crate::segment::column::{Texts, Values};
use crate::segment::general;
use crate::segment::stored::StoredChunk;
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use std::collections::HashMap;

/// Rows read at once.
const READ_ROWS: usize = 8192;

#[derive(Default)]
pub struct JoinedTexts {
    /// Number of each row's text.
    ids: Vec<u32>,
    bytes: Vec<u8>,
    ends: Vec<u32>,
    numbers: HashMap<Vec<u8>, u32>,
}

impl JoinedTexts {
    pub fn add_empty(&mut self, rows: usize) {
        self.ids.resize(self.ids.len() + rows, 0);
    }

    /// Appends the `rows` values of a column of a row group.
    pub fn read(&mut self, stored: &StoredChunk, rows: usize) -> Result<()> {
        stored.decode(|reader| self.read_values(reader, rows))
    }

    fn read_values(&mut self, reader: ColumnReader, rows: usize) -> Result<()> {
        let ColumnReader::ByteArrayColumnReader(mut column) = reader else {
            return Err(general("a column of texts is of a type that weir does not write"));
        };
        let end = self.ids.len() + rows;
        let mut read: Vec<ByteArray> = Vec::new();
        while self.ids.len() < end {
            read.clear();
            column.read_records(READ_ROWS.min(end - self.ids.len()), None, None, &mut read)?;
            if read.is_empty() {
                return Err(general("a column ends before its row group"));
            }
            for text in read.drain(..) {
                let id = self.number(text.data())?;
                self.ids.push(id);
            }
        }
        Ok(())
    }

    fn number(&mut self, text: &[u8]) -> Result<u32> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(&id) = self.numbers.get(text) {
            return Ok(id);
        }
        self.bytes.extend(text);
        let end = u32::try_from(self.bytes.len()).map_err(|_| general("texts of more than 4 GiB in one row group"))?;
        self.ends.push(end);
        let id = self.ends.len() as u32;
        self.numbers.insert(text.to_vec(), id);
        Ok(id)
    }

    pub fn values(&self) -> Values<'_> {
        let texts = Texts {
            bytes: &self.bytes,
            ends: &self.ends,
        };
        Values::Texts(&self.ids, texts)
    }
}
