//! What the index has to know of a flow file.

use super::filter::{key, Half};
use super::record::{columns_text, hash, Entry, Identity, LONGEST_COLUMNS, MOST_GROUPS, MOST_KEYS};
use crate::scan::column::{not_here, Column, BLOCK};
use crate::scan::file::{is_of_type, open, place, rows_of, OpenFile, Segment};
use crate::segment::column::ColumnType;
use crate::segment::merge::named;
use crate::segment::{general, CREATOR};
use parquet::errors::Result;
use std::collections::HashSet;
use std::fs::Metadata;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;

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
    let keys = keys(open)?;
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

/// Keys of both halves of every address in a file; None when there are too many.
fn keys(open: &OpenFile) -> Result<Option<Vec<u64>>> {
    let schema = open.metadata.file_metadata().schema_descr();
    let mut keys = Keys::default();
    let mut column = Column::default();
    for number in 0..open.metadata.num_row_groups() {
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
                if !keys.extend(half, entries) {
                    return Ok(None);
                }
                continue;
            }
            for start in (0..rows).step_by(BLOCK) {
                column.load(start, BLOCK.min(rows - start))?;
                column.spread();
                // A few octets may stand for any number of values.
                if !keys.extend(half, column.values()) {
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(keys.0.into_iter().collect()))
}

/// Every address is two columns with names of this form.
pub fn half_of(column: &str) -> Option<Half> {
    if column.ends_with("_lo") {
        Some(Half::Low)
    } else if column.ends_with("_hi") {
        Some(Half::High)
    } else {
        None
    }
}

/// Distinct keys. A set, because most values come in every row group: to sort them all took four times as long.
#[derive(Default)]
struct Keys(HashSet<u64, KeyHashing>);

impl Keys {
    /// False once there are too many.
    fn extend(&mut self, half: Half, values: &[u64]) -> bool {
        self.0.extend(values.iter().map(|&value| key(half, value)));
        self.0.len() <= MOST_KEYS
    }
}

/// Keys are hashes already, but of addresses that somebody may have chosen: the seed keeps them from falling together.
struct KeyHashing(u64);

impl Default for KeyHashing {
    fn default() -> Self {
        KeyHashing(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for KeyHashing {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher(self.0)
    }
}

struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write_u64(&mut self, key: u64) {
        let product = u128::from(key ^ self.0) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
