//! Lists of single flows: which rows they are, and the values of rows that were chosen.

use crate::scan::column::BLOCK;
use crate::scan::counted::Counted;
use crate::scan::file::{bind, rows_of, Segment, Wanted};
use crate::scan::group::Group;
use crate::scan::job::{measure, Counters, Order, Rows};
use crate::scan::with_name;
use crate::segment::general;
use parquet::errors::Result;
use std::ops::Range;

/// Bits of a row's position that are its place in its file; the others are the number of the file.
pub const ROW_BITS: u32 = 40;

/// Rows that a question lists.
#[derive(Debug, Clone)]
pub enum List {
    /// The first so many in the order of the files.
    First(usize),
    /// The first so many in an order, equal ones in the order of the files.
    Top(usize, Order),
    /// All of the next row groups, in the order of the files, until so many rows are found.
    Next(usize),
}

/// Rows that one thread has found so far.
pub struct Found<'a> {
    list: &'a List,
    /// What the order compares (the larger the earlier, nothing for `First`), and the position.
    rows: Vec<(i128, u64)>,
    /// Rows that compare less cannot come in any more.
    least: i128,
}

impl<'a> Found<'a> {
    pub fn new(list: &'a List) -> Found<'a> {
        Found {
            list,
            rows: Vec::new(),
            least: i128::MIN,
        }
    }

    /// Adds the rows of a block; `position` is the place of its first row.
    pub fn add(&mut self, group: &Group, counters: &Counters, rows: Rows, position: u64) {
        let List::Top(count, order) = self.list else {
            rows.each(|_, row| self.rows.push((0, position + row as u64)));
            return;
        };
        let counted = Counted::of(group, counters);
        rows.each(|_, row| {
            let measure = measure(&counted.row(row), order);
            let measure = if order.ascending { -measure } else { measure };
            if measure >= self.least {
                self.rows.push((measure, position + row as u64));
            }
        });
        if self.rows.len() > 4 * count + BLOCK {
            self.cut();
        }
    }

    /// Leaves no more rows than are wanted.
    fn cut(&mut self) {
        let (List::First(count) | List::Top(count, _)) = self.list else {
            return;
        };
        if self.rows.len() > *count && *count > 0 {
            let (_, last, _) = self.rows.select_nth_unstable_by_key(count - 1, |row| (-row.0, row.1));
            self.least = last.0;
        }
        self.rows.truncate(*count);
    }

    pub fn absorb(&mut self, other: Found) {
        self.rows.extend(other.rows);
        self.cut();
    }

    /// Rows found from a place on.
    pub fn count_from(&self, position: u64) -> usize {
        self.rows.iter().rev().take_while(|(_, at)| *at >= position).count()
    }

    pub fn positions(mut self) -> Vec<u64> {
        self.cut();
        self.rows.sort_unstable_by_key(|row| (-row.0, row.1));
        self.rows.into_iter().map(|(_, position)| position).collect()
    }
}

/// Values of columns in rows: a list a column, in the order of `positions`.
pub fn fetch(segments: &[Segment], columns: &[Wanted], positions: &[u64]) -> Result<Vec<Vec<u64>>> {
    let mut order: Vec<usize> = (0..positions.len()).collect();
    order.sort_unstable_by_key(|&index| positions[index]);
    let mut values = vec![vec![0; positions.len()]; columns.len()];
    let mut group = Group::new(columns);
    let mut from = 0;
    while let Some(&first) = order.get(from) {
        let file = (positions[first] >> ROW_BITS) as usize;
        let segment = segments.get(file).ok_or_else(|| general("no such row"))?;
        let of_file = order[from..].partition_point(|&index| (positions[index] >> ROW_BITS) as usize == file);
        let wanted = &order[from..from + of_file];
        fetch_from(
            segment,
            (file as u64) << ROW_BITS,
            columns,
            &mut group,
            wanted,
            positions,
            &mut values,
        )
        .map_err(|cause| with_name(&segment.path, cause))?;
        from += of_file;
    }
    Ok(values)
}

/// Reads the wanted rows of one file, whose rows have the positions from `start` on.
fn fetch_from(
    segment: &Segment,
    mut start: u64,
    columns: &[Wanted],
    group: &mut Group,
    mut wanted: &[usize],
    positions: &[u64],
    values: &mut [Vec<u64>],
) -> Result<()> {
    let open = segment.open()?;
    let bound = bind(&open.metadata, columns)?;
    for number in 0..open.metadata.num_row_groups() {
        let count = rows_of(&open.metadata, number)?;
        let rows = start..start + count as u64;
        start = rows.end;
        let (here, later) = wanted.split_at(wanted.partition_point(|&index| positions[index] < rows.end));
        if !here.is_empty() {
            group.start(&open, &bound, number, count);
            read_rows(group, rows, here, positions, values)?;
        }
        wanted = later;
    }
    if wanted.is_empty() {
        Ok(())
    } else {
        Err(general("no such row"))
    }
}

/// Reads the wanted rows of one row group, whose rows have the positions `rows`. Block by block, not column by column:
/// the column that others are multiplied by goes along with each of them, and blocks only come in rising order.
fn read_rows(
    group: &mut Group,
    rows: Range<u64>,
    mut wanted: &[usize],
    positions: &[u64],
    values: &mut [Vec<u64>],
) -> Result<()> {
    let count = (rows.end - rows.start) as usize;
    let row = |index: usize| (positions[index] - rows.start) as usize;
    while let Some(&first) = wanted.first() {
        let start = row(first) - row(first) % BLOCK;
        let (block, later) = wanted.split_at(wanted.partition_point(|&index| row(index) < start + BLOCK));
        for (column, values) in values.iter_mut().enumerate() {
            group.spread(column, start, BLOCK.min(count - start))?;
            for &index in block {
                values[index] = group.values(column)[row(index) - start];
            }
        }
        wanted = later;
    }
    Ok(())
}
