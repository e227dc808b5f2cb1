//! The row group that a thread works on: its columns, opened when they are first asked for.

use crate::scan_column::{Column, Lane};
use crate::scan_file::{bounds, place, OpenFile, Wanted};
use parquet::errors::Result;
use parquet::file::metadata::RowGroupMetaData;

/// Columns of one thread; their memory is used for one row group after the other.
pub struct Group<'a> {
    wanted: &'a [Wanted],
    columns: Vec<Column>,
    is_open: Vec<bool>,
    /// Place of each wanted column in the schema of the file at hand.
    bound: Vec<Option<usize>>,
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
            },
            number,
        ));
        self.bound.clear();
        self.bound.extend_from_slice(bound);
        self.is_open.fill(false);
        self.rows = rows;
    }

    fn metadata(&self) -> &RowGroupMetaData {
        let (open, number) = self.open.as_ref().expect("a row group was started");
        open.metadata.row_group(*number)
    }

    pub fn is_missing(&self, column: usize) -> bool {
        self.bound[column].is_none()
    }

    /// Least and most value by the statistics.
    pub fn bounds(&self, column: usize) -> Option<(u64, u64)> {
        bounds(self.metadata().column(self.bound[column]?))
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
                }
            }
            self.is_open[column] = true;
        }
        Ok(&mut self.columns[column])
    }

    /// Makes a block the one at hand in a column.
    pub fn load(&mut self, column: usize, start: usize, count: usize) -> Result<()> {
        self.column(column)?.load(start, count)
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
        let column = self.column(column)?;
        column.load(start, count)?;
        column.spread();
        Ok(())
    }

    pub fn dictionary(&self, column: usize) -> Option<&[u64]> {
        self.columns[column].dictionary()
    }
}
