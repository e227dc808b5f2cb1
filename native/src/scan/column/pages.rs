//! The way of a column from the bytes of a row group to its pages, one after another.

use super::content::{body, read_plain, to_millis};
use super::whole::read_whole;
use super::{damaged, not_here, Column, Cursor, Form, Place, BLOCK};
use crate::scan::bits::SLACK;
use crate::scan::page::{list_pages, Codec, Encoding};
use crate::segment::stored::LARGEST_CHUNK;
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

impl Column {
    /// Reads the column's bytes of one row group, and its dictionary.
    pub fn start(&mut self, file: &Arc<File>, place: Place, metadata: &ColumnChunkMetaData, rows: usize) -> Result<()> {
        self.place = Some(place);
        self.is_scaled = false;
        self.rows = rows;
        self.dictionary.clear();
        self.has_values = false;
        self.same = None;
        self.block = usize::MAX;
        self.next_page = 0;
        self.page_end = 0;
        self.row = 0;
        self.cursor = Cursor::None;
        if place.length > LARGEST_CHUNK {
            return Err(not_here("a very large column"));
        }
        let Some(codec) = place.codec else {
            return self.start_whole(file, metadata);
        };
        self.chunk.resize(place.length + SLACK, 0);
        file.read_exact_at(&mut self.chunk[..place.length], place.offset)?;
        if !list_pages(&self.chunk, place.length, rows, &mut self.pages)? {
            return self.start_whole(file, metadata);
        }
        if self.pages.first().is_some_and(|page| page.is_dictionary) {
            self.read_dictionary(codec)?;
        }
        let all_codes = self.pages[self.next_page..]
            .iter()
            .all(|page| page.encoding == Encoding::Dictionary);
        self.form = match (all_codes, self.dictionary.len()) {
            // An optional column has levels, which must be looked at.
            (true, 1) if !place.is_optional => Form::Same,
            (true, _) => Form::Codes,
            _ => Form::Values,
        };
        Ok(())
    }

    fn read_dictionary(&mut self, codec: Codec) -> Result<()> {
        let page = self.pages[0];
        self.next_page = 1;
        if page.encoding == Encoding::Deltas {
            return Err(damaged("its dictionary is not plain"));
        }
        let place = self.place.expect("set when the row group was started");
        let bytes = body(&self.chunk, &page, codec, &mut self.unpacker, &mut self.unpacked)?.0;
        if bytes.len() < page.raw || page.raw != page.values * if place.is_wide { 8 } else { 4 } {
            return Err(damaged("its dictionary is of another length"));
        }
        self.dictionary.resize(page.values, 0);
        read_plain(bytes, place.is_wide, &mut self.dictionary);
        if place.is_micros {
            to_millis(&mut self.dictionary)?;
        }
        Ok(())
    }

    fn start_whole(&mut self, file: &Arc<File>, metadata: &ColumnChunkMetaData) -> Result<()> {
        self.form = Form::Whole;
        self.dictionary.clear();
        read_whole(file, metadata, self.rows, &mut self.values)?;
        if self.place.is_some_and(|place| place.is_micros) {
            to_millis(&mut self.values)?;
        }
        Ok(())
    }

    /// Opens the next page: its levels are looked at, and `cursor` stands at its values.
    pub fn open_page(&mut self) -> Result<()> {
        let Some(&page) = self.pages.get(self.next_page) else {
            return Err(damaged("it ends before its row group"));
        };
        self.next_page += 1;
        let place = self.place.expect("set when the row group was started");
        let codec = place.codec.expect("pages of other codecs are not listed");
        let (bytes, mut at, in_chunk) = {
            let (content, in_chunk) = body(&self.chunk, &page, codec, &mut self.unpacker, &mut self.unpacked)?;
            let at = if in_chunk { page.at } else { 0 };
            (if in_chunk { &self.chunk[..] } else { content }, at, in_chunk)
        };
        let end = at + page.raw;
        if place.is_optional {
            let length = bytes[..end]
                .get(at..at + 4)
                .ok_or_else(|| damaged("its levels are cut"))?;
            let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
            let levels_end = (at + 4).saturating_add(length);
            if levels_end > end {
                return Err(damaged("its levels are cut"));
            }
            self.indices.start(at + 4, levels_end, 1)?;
            if self.indices.run_of(bytes, page.values)? != Some(1) {
                // Piece by piece, for a page may claim any number of rows; the block at hand may be half decoded.
                for start in (0..page.values).step_by(BLOCK) {
                    self.levels.resize(BLOCK.min(page.values - start), 0);
                    self.indices.read(bytes, &mut self.levels)?;
                    if self.levels.contains(&0) {
                        return Err(not_here("rows without a value"));
                    }
                }
            }
            at = levels_end;
        }
        self.cursor = match page.encoding {
            Encoding::Dictionary => {
                let width = *bytes[..end].get(at).ok_or_else(|| damaged("it has no indices"))?;
                self.indices.start(at + 1, end, u32::from(width))?;
                Cursor::Codes
            }
            Encoding::Deltas => {
                self.deltas.start(bytes, at, end, if place.is_wide { 64 } else { 32 })?;
                Cursor::Deltas
            }
            _ => {
                let octets = page.values.checked_mul(if place.is_wide { 8 } else { 4 });
                if octets != Some(end - at) {
                    return Err(damaged("its values are of another length"));
                }
                Cursor::Plain(at)
            }
        };
        self.in_chunk = in_chunk;
        self.page_end = self.row + page.values;
        Ok(())
    }
}
