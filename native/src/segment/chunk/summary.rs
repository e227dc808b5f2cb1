//! What a file tells of the values of a chunk, so that readers can pass it over.

use crate::segment::column::{Cell, ColumnType};
use parquet::bloom_filter::Sbbf;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;

/// Share of false answers of a Bloom filter.
const BLOOM_FALSE: f64 = 0.01;

/// Least and largest value, as the type orders them.
pub fn bounds(values: &[u64], column_type: ColumnType) -> (u64, u64) {
    if column_type == ColumnType::TimeMs {
        let signed = || values.iter().map(|&value| value as i64);
        (signed().min().unwrap_or(0) as u64, signed().max().unwrap_or(0) as u64)
    } else {
        (
            values.iter().copied().min().unwrap_or(0),
            values.iter().copied().max().unwrap_or(0),
        )
    }
}

/// Says of a value that it is not there, or may be.
pub fn bloom_of<T: Cell>(values: &[T], column_type: ColumnType) -> Result<Sbbf> {
    let mut filter = Sbbf::new_with_ndv_fpp(values.len() as u64, BLOOM_FALSE)?;
    for value in values {
        let value = value.wide();
        // The hash is one of the bytes that PLAIN encoding has.
        if column_type.is_wide() {
            filter.insert(&(value as i64));
        } else {
            filter.insert(&(value as i32));
        }
    }
    Ok(filter)
}

pub fn statistics_of((least, most): (u64, u64), column_type: ColumnType) -> Statistics {
    if column_type.is_wide() {
        Statistics::int64(Some(least as i64), Some(most as i64), None, Some(0), false)
    } else {
        Statistics::int32(
            Some(least as u32 as i32),
            Some(most as u32 as i32),
            None,
            Some(0),
            false,
        )
    }
}
