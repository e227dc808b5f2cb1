//! What the index has to know of a flow file.

use super::filter::{key, Half};
use super::record::{columns_text, hash, Entry, Identity, LONGEST_COLUMNS, MOST_GROUPS, MOST_KEYS};
use crate::mixing::folded_product;
use crate::scan::column::{not_here, Column, BLOCK};
use crate::scan::file::{is_of_type, open, place, rows_of, OpenFile, Segment};
use crate::segment::column::ColumnType;
use crate::segment::named;
use crate::segment::{general, CREATOR};
use parquet::errors::Result;
use std::collections::HashSet;
use std::fs::Metadata;
use std::hash::{BuildHasher, Hasher, RandomState};
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
    let groups = open.metadata.num_row_groups();
    // Whoever replays a capture waits for this at the end, with nothing else to do.
    let shares = if groups < GROUPS_TO_SHARE { 1 } else { 2 };
    let (here, there) = thread::scope(|scope| {
        let there = (shares == 2).then(|| scope.spawn(|| keys_of(open, (1..groups).step_by(2))));
        let here = keys_of(open, (0..groups).step_by(shares));
        let there = there.map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        (here, there)
    });
    let mut keys = here?;
    if let Some(there) = there {
        keys.0.extend(there?.0);
    }
    Ok((keys.0.len() <= MOST_KEYS).then(|| keys.0.into_iter().collect()))
}

/// Keys of these row groups; of no further ones once they are too many.
fn keys_of(open: &OpenFile, groups: impl Iterator<Item = usize>) -> Result<Keys> {
    let schema = open.metadata.file_metadata().schema_descr();
    let mut keys = Keys::default();
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
                if !keys.extend(half, entries) {
                    return Ok(keys);
                }
                continue;
            }
            for start in (0..rows).step_by(BLOCK) {
                column.load(start, BLOCK.min(rows - start))?;
                column.spread();
                // A few octets may stand for any number of values.
                if !keys.extend(half, column.values()) {
                    return Ok(keys);
                }
            }
        }
    }
    Ok(keys)
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

/// Distinct keys. A set, because most values come in every row group: to sort them all took twice as long.
#[derive(Default)]
struct Keys(HashSet<u64, Seeds>);

impl Keys {
    /// False once there are too many.
    fn extend(&mut self, half: Half, values: &[u64]) -> bool {
        self.0.extend(values.iter().map(|&value| key(half, value)));
        self.0.len() <= MOST_KEYS
    }
}

/// Keys are hashes already, but of addresses that senders choose: without seeds they could have all fall on one place.
#[derive(Clone, Copy)]
struct Seeds(u64, u64);

impl Default for Seeds {
    fn default() -> Seeds {
        let random = RandomState::new();
        Seeds(random.hash_one(0), random.hash_one(1) | 1)
    }
}

impl BuildHasher for Seeds {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher { seeds: *self, hash: 0 }
    }
}

struct KeyHasher {
    seeds: Seeds,
    hash: u64,
}

impl Hasher for KeyHasher {
    fn write_u64(&mut self, key: u64) {
        self.hash = folded_product(key ^ self.seeds.0, self.seeds.1);
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}
