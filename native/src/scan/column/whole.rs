//! Columns in encodings that only the crate's reader knows: whole row groups at once.

use super::not_here;
use parquet::column::reader::{get_column_reader, ColumnReader};
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use std::fs::File;
use std::sync::Arc;

/// Rows of a row group that are decoded at once.
const MOST_ROWS: usize = 1 << 22;

/// Decodes the rows of a row group to `values`.
pub fn read_whole(file: &Arc<File>, metadata: &ColumnChunkMetaData, rows: usize, values: &mut Vec<u64>) -> Result<()> {
    if rows > MOST_ROWS {
        return Err(not_here("a large row group of an unusual encoding"));
    }
    let pages = SerializedPageReader::new(file.clone(), metadata, rows, None)?;
    let mut levels = Vec::new();
    values.clear();
    match get_column_reader(metadata.column_descr_ptr(), Box::new(pages)) {
        ColumnReader::Int32ColumnReader(mut column) => {
            let mut read = Vec::with_capacity(rows);
            column.read_records(rows, Some(&mut levels), None, &mut read)?;
            values.extend(read.iter().map(|&value: &i32| u64::from(value as u32)));
        }
        ColumnReader::Int64ColumnReader(mut column) => {
            let mut read = Vec::with_capacity(rows);
            column.read_records(rows, Some(&mut levels), None, &mut read)?;
            values.extend(read.iter().map(|&value: &i64| value as u64));
        }
        _ => return Err(not_here("a column of an unusual type")),
    }
    if values.len() == rows {
        Ok(())
    } else {
        Err(not_here("rows without a value"))
    }
}
