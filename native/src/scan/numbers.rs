//! Numbers of values that are too wide for a key: those of one thread, or the same ones for all threads.

use super::table::{Hasher, Keys, KEY_BYTES};
use std::sync::{Mutex, MutexGuard};

/// Locks, so that threads seldom wait for one another.
const SHARDS: usize = 64;

/// Values that all threads number alike.
pub struct SharedNumbers {
    hasher: Hasher,
    shards: [Mutex<Keys>; SHARDS],
}

impl Default for SharedNumbers {
    fn default() -> SharedNumbers {
        SharedNumbers {
            hasher: Hasher::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl SharedNumbers {
    pub fn number(&self, value: u128) -> u32 {
        let shard = self.hasher.hash(value) as usize % SHARDS;
        let number = self.shards[shard].lock().expect("no holder panics").number(value);
        // Memory for groups has long run out; a wrong number would be a wrong answer.
        number.checked_mul(SHARDS as u32).expect("fewer values than numbers") + shard as u32
    }

    /// For reading without a lock each time; numbers must not be asked for meanwhile.
    pub fn view(&self) -> NumberView<'_> {
        NumberView(Vec::from_iter(
            self.shards.iter().map(|shard| shard.lock().expect("no holder panics")),
        ))
    }
}

pub struct NumberView<'a>(Vec<MutexGuard<'a, Keys>>);

impl NumberView<'_> {
    pub fn value(&self, number: u32) -> u128 {
        let number = number as usize;
        self.0[number % SHARDS].keys[number / SHARDS]
    }
}

pub enum Numbers<'a> {
    Own(Keys),
    Shared {
        all: &'a SharedNumbers,
        /// What this thread has asked for, and the numbers it got.
        known: Keys,
        numbers: Vec<u32>,
    },
}

impl<'a> Numbers<'a> {
    pub fn shared(all: &'a SharedNumbers) -> Numbers<'a> {
        Numbers::Shared {
            all,
            known: Keys::default(),
            numbers: Vec::new(),
        }
    }

    pub fn number(&mut self, value: u128) -> u32 {
        match self {
            Numbers::Own(keys) => keys.number(value),
            Numbers::Shared { all, known, numbers } => {
                let place = known.number(value) as usize;
                if place == numbers.len() {
                    numbers.push(all.number(value));
                }
                numbers[place]
            }
        }
    }

    /// Memory; of numbers that are shared twice what this thread knows, for all know much the same.
    pub fn bytes(&self) -> usize {
        match self {
            Numbers::Own(keys) => keys.len() * KEY_BYTES,
            Numbers::Shared { known, .. } => known.len() * (2 * KEY_BYTES + size_of::<u32>()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_agree_on_numbers() {
        let all = SharedNumbers::default();
        let numbers = |from: u128| {
            let mut numbers = Numbers::shared(&all);
            (from..from + 3000)
                .map(|value| (value, numbers.number(value << 40)))
                .collect::<Vec<_>>()
        };
        let (first, second) = std::thread::scope(|scope| {
            let other = scope.spawn(|| numbers(1000));
            (numbers(0), other.join().unwrap())
        });
        assert_eq!(first[1000..].iter().map(|one| one.1).collect::<Vec<_>>(), {
            second[..2000].iter().map(|one| one.1).collect::<Vec<_>>()
        });
        let view = all.view();
        for (value, number) in first.into_iter().chain(second) {
            assert_eq!(view.value(number), value << 40);
        }
    }
}
