//! Halves of the addresses of a flow file, of which its filter is made.

use super::filter::{key, Half};
use super::record::{Identity, MOST_KEYS};
use crate::mixing::folded_product;
use crate::panics::locked;
use crate::segment::column::{pairs, Cell, ColumnSpec, ColumnType, Values};
use std::collections::HashSet;
use std::fs::Metadata;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;

/// Distinct ones, by `Half`; None once they are too many. Sets of what stands in the file: most come in every row group, and are
/// not to be hashed for the filter each time.
pub struct Halves(Option<[HashSet<u64, Seeds>; 2]>);

impl Default for Halves {
    fn default() -> Halves {
        Halves(Some(Default::default()))
    }
}

impl Halves {
    /// False once there are too many.
    pub fn extend<T: Cell>(&mut self, half: Half, values: &[T]) -> bool {
        if let Some(sets) = &mut self.0 {
            let set = &mut sets[half as usize];
            // `extend` would make room for all of them first.
            values.iter().for_each(|value| {
                set.insert(value.wide());
            });
        }
        self.limit()
    }

    /// Adds what the first `rows` rows of the columns have; they have so many.
    pub fn add_rows(&mut self, columns: &[ColumnSpec], values: &[Values], rows: usize) {
        for (column, values) in columns.iter().zip(values) {
            let Some(half) = half_of(&column.name).filter(|_| column.column_type == ColumnType::U64 && rows > 0) else {
                continue;
            };
            match values {
                Values::Words(words) => self.extend(half, &pairs(words)[..rows]),
                Values::Absent | Values::Constant(_) => self.extend(half, &values.widen(1, column.absent)),
                _ => self.extend(half, &values.widen(rows, column.absent)),
            };
        }
    }

    pub fn add(&mut self, other: Halves) {
        match (&mut self.0, other.0) {
            (Some(here), Some(there)) => here.iter_mut().zip(there).for_each(|(here, there)| here.extend(there)),
            (here, _) => *here = None,
        }
        self.limit();
    }

    fn limit(&mut self) -> bool {
        self.0.take_if(|sets| count(sets) > MOST_KEYS);
        self.0.is_some()
    }

    /// Of all of them; None when there are too many.
    pub fn keys(&self) -> Option<Vec<u64>> {
        let [low, high] = self.0.as_ref()?;
        let keys = |half, set: &HashSet<u64, Seeds>| set.iter().map(|&value| key(half, value)).collect::<Vec<_>>();
        Some([keys(Half::Low, low), keys(Half::High, high)].concat())
    }

    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(0, count)
    }
}

fn count(sets: &[HashSet<u64, Seeds>; 2]) -> usize {
    sets.iter().map(HashSet::len).sum()
}

/// Senders choose addresses: without seeds they could have all fall on one place.
#[derive(Clone, Copy)]
struct Seeds(u64, u64);

impl Default for Seeds {
    fn default() -> Seeds {
        let random = RandomState::new();
        Seeds(random.hash_one(0), random.hash_one(1) | 1)
    }
}

impl BuildHasher for Seeds {
    type Hasher = HalfHasher;

    fn build_hasher(&self) -> HalfHasher {
        HalfHasher { seeds: *self, hash: 0 }
    }
}

struct HalfHasher {
    seeds: Seeds,
    hash: u64,
}

impl Hasher for HalfHasher {
    fn write_u64(&mut self, value: u64) {
        self.hash = folded_product(value ^ self.seeds.0, self.seeds.1);
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("halves are numbers");
    }

    fn finish(&self) -> u64 {
        self.hash
    }
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

/// Of files that this process has written and not yet entered into an index, by device and identity: it need not read them again.
static WRITTEN: Mutex<Vec<(u64, Identity, Halves)>> = Mutex::new(Vec::new());
/// Files, and halves of each and of all of them, for those that came to no index must not be held for ever. Whatever is more
/// is read again.
const MOST_WRITTEN: usize = 64;
pub const MOST_NOTED: usize = 1 << 20;

/// Notes what a file has, in the state that it is in, for `take_written`.
pub fn note_written(metadata: &Metadata, halves: Halves) {
    let mut written = locked(&WRITTEN);
    let noted: usize = written.iter().map(|(_, _, halves)| halves.count()).sum();
    if written.len() == MOST_WRITTEN || noted > MOST_NOTED {
        written.clear();
    }
    written.push((metadata.dev(), Identity::of(metadata), halves));
}

pub fn take_written(metadata: &Metadata) -> Option<Halves> {
    let state = (metadata.dev(), Identity::of(metadata));
    let mut written = locked(&WRITTEN);
    let at = written
        .iter()
        .position(|&(device, identity, _)| (device, identity) == state)?;
    Some(written.swap_remove(at).2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_are_none() {
        let numbers: Vec<u64> = (1..=MOST_KEYS as u64).collect();
        let mut halves = Halves::default();
        assert!(halves.extend(Half::Low, &numbers));
        assert!(halves.extend(Half::Low, &numbers[..9]));
        assert!(halves.keys().is_some_and(|keys| keys.len() == MOST_KEYS));
        assert!(!halves.extend(Half::High, &numbers[..1]));
        assert!(halves.keys().is_none());
        let mut fewer = Halves::default();
        fewer.add(halves);
        assert!(!fewer.extend(Half::Low, &numbers[..1]));
    }
}
