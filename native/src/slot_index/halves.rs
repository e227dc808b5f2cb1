//! Halves of the addresses of a flow file, of which its filter is made.

use super::distinct::Distinct;
use super::filter::{key, Half};
use super::record::{Identity, MOST_KEYS};
use crate::segment::column::{pairs, Cell, ColumnSpec, ColumnType, Values};
use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Distinct ones, by `Half`; None once they are too many.
pub struct Halves(Option<[Distinct; 2]>);

impl Default for Halves {
    fn default() -> Halves {
        Halves(Some(Default::default()))
    }
}

impl Halves {
    /// False once there are too many.
    pub fn extend<T: Cell>(&mut self, half: Half, values: &[T]) -> bool {
        if let Some(sets) = &mut self.0 {
            sets[half as usize].extend(values);
        }
        self.0.take_if(|sets| count(sets) > MOST_KEYS);
        self.0.is_some()
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
        match other.0 {
            None => self.0 = None,
            Some(sets) => [Half::Low, Half::High].into_iter().zip(&sets).for_each(|(half, set)| {
                self.extend(half, &set.values());
            }),
        }
    }

    /// Of all of them; None when there are too many.
    pub fn keys(&self) -> Option<Vec<u64>> {
        let [low, high] = self.0.as_ref()?;
        let hashed = |half| move |value| key(half, value);
        let low = low.values().into_iter().map(hashed(Half::Low));
        Some(low.chain(high.values().into_iter().map(hashed(Half::High))).collect())
    }

    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(0, count)
    }
}

fn count(sets: &[Distinct; 2]) -> usize {
    sets.iter().map(Distinct::len).sum()
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
static WRITTEN: Mutex<Option<HashMap<(u64, Identity), Halves>>> = Mutex::new(None);
/// Files, and halves of each and of all of them, for those that came to no index must not be held for ever. Whatever is more
/// is read again.
const MOST_WRITTEN: usize = 64;
pub const MOST_NOTED: usize = 1 << 20;

/// Notes what a file has, in the state that it is in, for `take_written`.
pub fn note_written(metadata: &Metadata, halves: Halves) {
    let mut guard = locked(&WRITTEN);
    let written = guard.get_or_insert_default();
    if written.len() == MOST_WRITTEN || written.values().map(Halves::count).sum::<usize>() > MOST_NOTED {
        written.clear();
    }
    written.insert((metadata.dev(), Identity::of(metadata)), halves);
}

pub fn take_written(metadata: &Metadata) -> Option<Halves> {
    locked(&WRITTEN)
        .as_mut()?
        .remove(&(metadata.dev(), Identity::of(metadata)))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
