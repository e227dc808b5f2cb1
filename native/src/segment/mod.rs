//! Parquet segments: row groups of flow columns, encoded in parallel and written to one file.

pub mod bits;
pub mod chunk;
pub mod column;
pub mod dictionary;
pub mod encoders;
pub mod file;
pub mod footer;
pub mod merge;
mod merge_text;
pub mod stored;
pub mod totals;

use crate::segment::chunk::{Chunk, Codec};
use crate::segment::column::{ColumnSpec, Values};
use crate::segment::encoders::GroupEncoder;
use crate::segment::file::PendingFile;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::fs::Metadata;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct Options {
    pub codec: Codec,
    pub metadata: Vec<(String, String)>,
}

/// How a file that weir wrote begins to say so.
pub const CREATOR: &str = "weir version ";
const CREATED_BY: &str = concat!("weir version ", env!("CARGO_PKG_VERSION"));

pub struct SegmentWriter {
    pending: Option<PendingFile>,
    writer: Option<Writer>,
    options: Options,
    group_encoder: GroupEncoder,
}

struct Writer {
    file: SerializedFileWriter<PendingFile>,
    columns: Vec<ColumnSpec>,
}

impl SegmentWriter {
    pub fn create(path: &Path, options: Options) -> Result<SegmentWriter> {
        Ok(SegmentWriter {
            pending: Some(PendingFile::create(path)?),
            writer: None,
            group_encoder: GroupEncoder::new(options.codec),
            options,
        })
    }

    /// The file in the making; the first call fixes its columns.
    fn writer(&mut self, columns: &[ColumnSpec]) -> Result<&mut Writer> {
        if let Some(pending) = self.pending.take() {
            self.writer = Some(Writer {
                file: SerializedFileWriter::new(pending, Arc::new(schema(columns)?), Arc::new(properties()))?,
                columns: columns.to_vec(),
            });
        }
        match self.writer.as_mut() {
            None => Err(general("the segment was finished or failed before")),
            Some(writer) if writer.columns != columns => Err(general("every row group has the same columns")),
            Some(writer) => Ok(writer),
        }
    }

    /// What encodes row groups for this segment; several can be encoded at once and before their turn to be appended.
    pub fn group_encoder(&self) -> GroupEncoder {
        self.group_encoder.clone()
    }

    /// Appends one row group. After an error the writer is of no more use and its file is gone.
    pub fn append(&mut self, columns: &[ColumnSpec], values: &[Values], rows: usize) -> Result<()> {
        let chunks = self.group_encoder.encode(columns, values, rows);
        self.append_encoded(columns, chunks)
    }

    /// As `append`, of what `group_encoder` made.
    pub fn append_encoded(&mut self, columns: &[ColumnSpec], chunks: Result<Vec<Chunk>>) -> Result<()> {
        let result = chunks.and_then(|chunks| self.append_chunks(columns, chunks));
        if result.is_err() {
            self.abort();
        }
        result
    }

    /// Appends one row group of column chunks that were encoded elsewhere; without any it fixes the columns alone.
    pub fn append_chunks(&mut self, columns: &[ColumnSpec], chunks: Vec<Chunk>) -> Result<()> {
        let file = &mut self.writer(columns)?.file;
        if chunks.is_empty() {
            return Ok(());
        }
        let mut group = file.next_row_group()?;
        for chunk in chunks {
            group.append_column(&chunk.bytes, chunk.close)?;
        }
        group.close()?;
        file.inner_mut().begin_writing();
        Ok(())
    }

    /// Footer, then the file appears. Gives what the system knows of it.
    pub fn finish(&mut self, metadata: Vec<(String, String)>) -> Result<Metadata> {
        Ok(self.close(metadata)?.commit()?)
    }

    /// Writes the footer: the file is whole, to be committed.
    pub fn close(&mut self, metadata: Vec<(String, String)>) -> Result<PendingFile> {
        let Some(mut writer) = self.writer.take() else {
            return Err(general("a segment without columns cannot be finished"));
        };
        for (key, value) in std::mem::take(&mut self.options.metadata).into_iter().chain(metadata) {
            writer.file.append_key_value_metadata(KeyValue::new(key, value));
        }
        writer.file.flush()?;
        writer.file.inner_mut().hold();
        let mut file = writer.file.into_inner()?;
        let end = file.release();
        footer::write(&mut file, &end)?;
        Ok(file)
    }

    /// Removes the temporary file.
    pub fn abort(&mut self) {
        self.pending = None;
        self.writer = None;
    }
}

pub fn general(message: &str) -> ParquetError {
    ParquetError::General(message.to_string())
}

/// The same failure, with the name of the file that it is about.
pub fn named(path: &Path, cause: &ParquetError) -> ParquetError {
    match cause {
        ParquetError::NYI(what) => ParquetError::NYI(format!("{}: {what}", path.display())),
        ParquetError::General(what) => ParquetError::General(format!("{}: {what}", path.display())),
        cause => ParquetError::General(format!("{}: {cause}", path.display())),
    }
}

fn schema(columns: &[ColumnSpec]) -> Result<Type> {
    let fields = columns
        .iter()
        .map(|column| column.parquet_type().map(Arc::new))
        .collect::<Result<Vec<_>>>()?;
    Type::group_type_builder("flows").with_fields(fields).build()
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by(CREATED_BY.to_string())
        // One page holds as many rows as a small row group: offsets of pages would index next to nothing.
        .set_offset_index_disabled(true)
        .build()
}

#[cfg(test)]
mod tests;
