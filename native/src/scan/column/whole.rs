//! Columns in encodings that only the crate's reader knows: whole row groups at once.

use super::not_here;
use crate::segment::stored::StoredChunk;
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use std::fs::File;
use std::sync::Arc;

/// Rows of a row group that are decoded at once.
const MOST_ROWS: usize = 1 << 22;

/// Decodes the rows of a row group to `values`.
pub fn read_whole(file: &Arc<File>, metadata: &ColumnChunkMetaData, rows: usize, values: &mut Vec<u64>) -> Result<()> {
    if rows > MOST_ROWS {
        return Err(not_here("a large row group of an unusual encoding"));
    }
    let stored = StoredChunk::read(file, metadata)?;
    values.clear();
    if !stored.read_numbers(rows, values)? {
        return Err(not_here("a column of an unusual type"));
    }
    if values.len() == rows {
        Ok(())
    } else {
        Err(not_here("rows without a value"))
    }
}
