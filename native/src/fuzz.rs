//! Random bytes for tests: seeded (WEIR_FUZZ_SEED repeats a run, the seed is printed) and boxed in time (a second, or
//! WEIR_FUZZ_MS milliseconds).

use crate::mixing::SplitMix64;
use std::time::{Duration, Instant};

pub struct Random {
    numbers: SplitMix64,
    until: Instant,
}

impl Random {
    pub fn new() -> Random {
        let clock = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let seed = number_in("WEIR_FUZZ_SEED").unwrap_or_else(clock);
        println!("WEIR_FUZZ_SEED={seed}");
        Random {
            numbers: SplitMix64::new(seed),
            until: Instant::now() + Duration::from_millis(number_in("WEIR_FUZZ_MS").unwrap_or(1000)),
        }
    }

    pub fn time_left(&self) -> bool {
        Instant::now() < self.until
    }

    pub fn next(&mut self) -> u64 {
        self.numbers.draw()
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Flips, overwrites with telling values, cuts or lengthens in a few places.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..1 + self.below(6) {
            if bytes.is_empty() {
                bytes.push(self.next() as u8);
            }
            let at = self.below(bytes.len());
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => bytes[at] = 0xff,
                2 => bytes[at] = 0,
                3 => bytes.insert(at, self.next() as u8),
                4 => {
                    bytes.remove(at);
                }
                5 => bytes[at] ^= 1 << self.below(8),
                _ => bytes[at] = self.next() as u8,
            }
        }
    }
}

/// What the environment has under a name.
fn number_in(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}
