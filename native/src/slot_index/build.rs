//! What the index has to know of a flow file.

use super::halves::{half_of, take_written, Halves};
use super::record::{columns_text, hash, Entry, Identity, LONGEST_COLUMNS, MOST_GROUPS};
use crate::scan::column::{not_here, Column, BLOCK};
use crate::scan::file::{is_of_type, open, place, rows_of, OpenFile, Segment};
use crate::segment::column::ColumnType;
use crate::segment::named;
use crate::segment::{general, CREATOR};
use parquet::errors::Result;
use std::fs::Metadata;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

/// Row groups of a file from which on two threads read it.
const GROUPS_TO_SHARE: usize = 8;

/// An entry that lacks its columns, and what its filter is made of.
pub struct Built {
    pub entry: Entry,
    pub columns: Vec<String>,
    /// Distinct; None where there are too many.
    pub keys: Option<Vec<u64>>,
    pub metadata: Metadata,
}

impl Built {
    pub fn memory(&self) -> usize {
        let names = self.columns.iter().map(String::len).sum::<usize>();
        size_of::<Built>() + names + self.keys.as_ref().map_or(0, Vec::len) * size_of::<u64>()
    }
}

/// Reads what the index has to know of a file. Files that other programs wrote are refused: their columns may be of other
/// types, which a question must meet.
pub fn build(path: &Path) -> Result<Built> {
    let open = open(path)?;
    try_build(path, &open).map_err(|cause| named(path, &cause))
}

fn try_build(path: &Path, open: &OpenFile) -> Result<Built> {
    let created_by = open.metadata.file_metadata().created_by();
    if !created_by.is_some_and(|creator| creator.starts_with(CREATOR)) {
        return Err(not_here("weir did not write it"));
    }
    let name = path.file_name().ok_or_else(|| general("not the name of a file"))?;
    let metadata = open.file.metadata()?;
    let segment = Segment::of(path, open)?;
    let groups = u32::try_from(segment.groups)?;
    if groups > MOST_GROUPS {
        return Err(not_here("so many row groups"));
    }
    // Names stand in lines.
    if columns_text(&segment.columns).len() > LONGEST_COLUMNS || segment.columns.iter().any(|name| name.contains('\n'))
    {
        return Err(not_here("columns of such names"));
    }
    let halves = match take_written(&metadata) {
        Some(halves) => halves,
        None => halves(open)?,
    };
    let keys = halves.keys();
    Ok(Built {
        entry: Entry {
            name: hash(name.as_encoded_bytes()),
            identity: Identity::of(&metadata),
            rows: segment.rows,
            groups,
            is_sampled: segment.is_sampled,
            spans: segment.spans,
            columns: 0,
            blocks: keys
                .as_ref()
                .map(|keys| u32::try_from(super::filter::blocks_for(keys.len())))
                .transpose()?,
        },
        columns: segment.columns.to_vec(),
        keys,
        metadata,
    })
}

/// Both halves of every address in a file.
fn halves(open: &OpenFile) -> Result<Halves> {
    let groups = open.metadata.num_row_groups();
    // Somebody may wait for this with nothing else to do.
    let shares = if groups < GROUPS_TO_SHARE { 1 } else { 2 };
    let (here, there) = thread::scope(|scope| {
        let there = (shares == 2).then(|| scope.spawn(|| halves_of(open, (1..groups).step_by(2))));
        let here = halves_of(open, (0..groups).step_by(shares));
        let there = there.map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        (here, there)
    });
    let mut halves = here?;
    if let Some(there) = there {
        halves.add(there?);
    }
    Ok(halves)
}

/// Those of these row groups; of no further ones once they are too many.
fn halves_of(open: &OpenFile, groups: impl Iterator<Item = usize>) -> Result<Halves> {
    let schema = open.metadata.file_metadata().schema_descr();
    let mut halves = Halves::default();
    let mut column = Column::default();
    for number in groups {
        let rows = rows_of(&open.metadata, number)?;
        for (at, described) in schema.columns().iter().enumerate() {
            let Some(half) = half_of(described.name()).filter(|_| rows > 0) else {
                continue;
            };
            if !is_of_type(described, ColumnType::U64) {
                return Err(not_here("a column of another type"));
            }
            let chunk = open.metadata.row_group(number).column(at);
            column.start(&open.file, place(chunk), chunk, rows)?;
            if let Some(entries) = column.dictionary() {
                if !halves.extend(half, entries) {
                    return Ok(halves);
                }
                continue;
            }
            for start in (0..rows).step_by(BLOCK) {
                column.load(start, BLOCK.min(rows - start))?;
                column.spread();
                // A few octets may stand for any number of values.
                if !halves.extend(half, column.values()) {
                    return Ok(halves);
                }
            }
        }
    }
    Ok(halves)
}
