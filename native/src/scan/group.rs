//! The row group that a thread works on: its columns, opened when they are first asked for.

use crate::scan::column::{Column, Lane};
use crate::scan::facts::Facts;
use crate::scan::file::{bounds, place, OpenFile, Wanted};
use crate::segment::column::ColumnType;
use parquet::bloom_filter::Sbbf;
use parquet::errors::Result;
use parquet::file::metadata::RowGroupMetaData;

/// How a column is multiplied.
#[derive(Clone, Copy)]
struct Scale {
    by: usize,
    /// By the statistics.
    bounds: Option<(u64, u64)>,
}

/// Columns of one thread; their memory is used for one row group after the other.
pub struct Group<'a> {
    wanted: &'a [Wanted],
    columns: Vec<Column>,
    is_open: Vec<bool>,
    /// Place of each wanted column in the schema of the file at hand.
    bound: Vec<Option<usize>>,
    /// For each wanted column the one that multiplies it in this row group, and within which bounds.
    scaled: Vec<Option<Scale>>,
    open: Option<(OpenFile, usize)>,
    pub rows: usize,
}

impl<'a> Group<'a> {
    pub fn new(wanted: &'a [Wanted]) -> Group<'a> {
        Group {
            wanted,
            columns: wanted.iter().map(|_| Column::default()).collect(),
            is_open: vec![false; wanted.len()],
            bound: Vec::new(),
            scaled: Vec::new(),
            open: None,
            rows: 0,
        }
    }

    /// Goes to a row group of a file whose columns stand at `bound`.
    pub fn start(&mut self, open: &OpenFile, bound: &[Option<usize>], number: usize, rows: usize) {
        self.open = Some((
            OpenFile {
                file: open.file.clone(),
                metadata: open.metadata.clone(),
                identity: open.identity,
            },
            number,
        ));
        self.bound.clear();
        self.bound.extend_from_slice(bound);
        self.is_open.fill(false);
        self.rows = rows;
        let mut scaled = std::mem::take(&mut self.scaled);
        scaled.clear();
        scaled.extend(self.wanted.iter().map(|want| self.scale(want.scaled_by?)));
        self.scaled = scaled;
    }

    /// Row groups whose statistics say that no rate is above 1 stay as they are.
    fn scale(&self, by: usize) -> Option<Scale> {
        let chunk = self.metadata().column(self.bound[by]?);
        let bounds = bounds(chunk);
        bounds.is_none_or(|(_, most)| most > 1).then_some(Scale { by, bounds })
    }

    fn metadata(&self) -> &RowGroupMetaData {
        let (open, number) = self.open.as_ref().expect("a row group was started");
        open.metadata.row_group(*number)
    }

    /// Whether the column has none of the values, as its Bloom filter tells; false without one.
    pub fn has_none(&self, column: usize, mut values: impl Iterator<Item = u64>) -> Result<bool> {
        let (Some(at), Some((open, number))) = (self.bound[column], &self.open) else {
            return Ok(false);
        };
        if self.scaled[column].is_some() {
            return Ok(false);
        }
        let chunk = open.metadata.row_group(*number).column(at);
        // Filters of other writers are of other values where times are in microseconds.
        if chunk.bloom_filter_offset().is_none() || self.wanted[column].column_type == ColumnType::TimeMs {
            return Ok(false);
        }
        let Some(filter) = Sbbf::read_from_column_chunk(chunk, &*open.file)? else {
            return Ok(false);
        };
        let is_wide = self.wanted[column].column_type.is_wide();
        Ok(!values.any(|value| {
            if is_wide {
                filter.check(&(value as i64))
            } else {
                filter.check(&(value as i32))
            }
        }))
    }

    /// The column with its dictionary read; a missing one has its absent value in every row.
    pub fn column(&mut self, column: usize) -> Result<&mut Column> {
        if !self.is_open[column] {
            match self.bound[column] {
                None => self.columns[column].start_same(self.wanted[column].absent),
                Some(at) => {
                    let (open, number) = self.open.as_ref().expect("a row group was started");
                    let chunk = open.metadata.row_group(*number).column(at);
                    self.columns[column].start(&open.file, place(chunk), chunk, self.rows)?;
                    if self.scaled[column].is_some() {
                        self.columns[column].scale();
                    }
                }
            }
            self.is_open[column] = true;
        }
        Ok(&mut self.columns[column])
    }

    /// Makes a block the one at hand in a column.
    pub fn load(&mut self, column: usize, start: usize, count: usize) -> Result<()> {
        self.column(column)?.load(start, count)?;
        self.multiply(column, start, count)
    }

    /// Multiplies the loaded block where the column is a scaled one.
    fn multiply(&mut self, column: usize, start: usize, count: usize) -> Result<()> {
        let Some(Scale { by, .. }) = self.scaled[column] else {
            return Ok(());
        };
        self.spread(by, start, count)?;
        if let Ok([column, factors]) = self.columns.get_disjoint_mut([column, by]) {
            column.multiply(factors.values());
        }
        Ok(())
    }

    /// The block at hand of a column that was loaded.
    pub fn lane(&self, column: usize) -> Lane<'_> {
        self.columns[column].lane()
    }

    /// Values of the block at hand of a column that was spread.
    pub fn values(&self, column: usize) -> &[u64] {
        self.columns[column].values()
    }

    /// Loads a block with its values in a row.
    pub fn spread(&mut self, column: usize, start: usize, count: usize) -> Result<()> {
        self.load(column, start, count)?;
        self.columns[column].spread();
        Ok(())
    }

    pub fn dictionary(&self, column: usize) -> Option<&[u64]> {
        self.columns[column].dictionary()
    }
}

impl Facts for Group<'_> {
    fn is_missing(&self, column: usize) -> bool {
        self.bound[column].is_none()
    }

    fn bounds(&self, column: usize) -> Option<(u64, u64)> {
        let (least, most) = bounds(self.metadata().column(self.bound[column]?))?;
        let Some(scale) = self.scaled[column] else {
            return Some((least, most));
        };
        let (from, to) = scale.bounds?;
        Some((least.saturating_mul(from.max(1)), most.saturating_mul(to.max(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::file::{bind, Segment};
    use crate::segment::chunk::Codec;
    use crate::segment::column::{ColumnSpec, Values};
    use crate::segment::file::tests::Scratch;
    use crate::segment::{Options, SegmentWriter};

    #[test]
    fn bloom_filters_tell_what_is_not_there() {
        let scratch = Scratch::new();
        let path = scratch.0.join("segment");
        let types = [
            ("first", ColumnType::TimeMs),
            ("last", ColumnType::TimeMs),
            ("wide", ColumnType::U64),
            ("narrow", ColumnType::U16),
        ];
        let columns = types.map(|(name, column_type)| ColumnSpec {
            name: name.to_string(),
            column_type,
            absent: 0,
            bloom: column_type != ColumnType::TimeMs,
        });
        let options = Options {
            codec: Codec::Lz4,
            metadata: Vec::new(),
        };
        let mut writer = SegmentWriter::create(&path, options).unwrap();
        let even: Vec<u64> = (0..1000).map(|row| row * 2).collect();
        writer.append(&columns, &[Values::Raw(&even); 4], even.len()).unwrap();
        writer.finish(Vec::new()).unwrap();
        let wanted = columns.map(|column| Wanted {
            name: column.name,
            column_type: column.column_type,
            absent: 0,
            is_core: true,
            scaled_by: None,
        });
        let open = Segment::look(&path).unwrap().open().unwrap();
        let mut group = Group::new(&wanted);
        group.start(&open, &bind(&open.metadata, &wanted).unwrap(), 0, even.len());
        for column in [2, 3] {
            assert!(even
                .iter()
                .all(|&value| !group.has_none(column, [value].into_iter()).unwrap()));
            let refused = even
                .iter()
                .filter(|&&value| group.has_none(column, [value + 1].into_iter()).unwrap());
            assert!(
                refused.count() > 900,
                "a filter answers wrongly once in a hundred times"
            );
        }
        assert!(!group.has_none(0, [1].into_iter()).unwrap());
    }
}
