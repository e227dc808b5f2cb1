//! Distinct numbers out of many, most of which come again and again.

use crate::mixing::folded_product;
use crate::segment::column::Cell;
use std::hash::{BuildHasher, RandomState};

const FIRST_PLACES: usize = 1 << 9;
/// Numbers looked for before those that were not found at once are taken one by one.
const BLOCK: usize = 1024;

/// A set of numbers by open addressing.
pub struct Distinct {
    /// A power of two of them, at most half of them in use. 0 is a free one.
    places: Vec<u64>,
    /// Numbers in `places`.
    count: usize,
    has_zero: bool,
    /// At random, for senders choose the numbers: without seeds they could have all fall on one place.
    seeds: (u64, u64),
}

impl Default for Distinct {
    fn default() -> Distinct {
        let random = RandomState::new();
        Distinct {
            places: vec![0; FIRST_PLACES],
            count: 0,
            has_zero: false,
            seeds: (random.hash_one(0), random.hash_one(1) | 1),
        }
    }
}

impl Distinct {
    pub fn len(&self) -> usize {
        self.count + usize::from(self.has_zero)
    }

    pub fn extend<T: Cell>(&mut self, values: &[T]) {
        let mut others = [0; BLOCK];
        for block in values.chunks(BLOCK) {
            // Nearly all are there, and in their first place. No branch depends on it, for it would often be foretold wrongly.
            let mut count = 0;
            for value in block {
                let value = value.wide();
                others[count] = value;
                count += usize::from(self.places[self.first_place(value)] != value);
                self.has_zero |= value == 0;
            }
            for &value in &others[..count] {
                self.insert(value);
            }
        }
    }

    /// In no order.
    pub fn values(&self) -> Vec<u64> {
        let others = self.places.iter().copied().filter(|&value| value != 0);
        self.has_zero.then_some(0).into_iter().chain(others).collect()
    }

    fn insert(&mut self, value: u64) {
        let place = self.place(value);
        if value == 0 || self.places[place] == value {
            return;
        }
        self.places[place] = value;
        self.count += 1;
        if self.count > self.places.len() / 2 {
            self.grow();
        }
    }

    #[inline]
    fn first_place(&self, value: u64) -> usize {
        folded_product(value ^ self.seeds.0, self.seeds.1) as usize & (self.places.len() - 1)
    }

    /// Where a number stands, or else is to stand.
    fn place(&self, value: u64) -> usize {
        let mut place = self.first_place(value);
        while self.places[place] != value && self.places[place] != 0 {
            place = (place + 1) & (self.places.len() - 1);
        }
        place
    }

    fn grow(&mut self) {
        let larger = vec![0; self.places.len() * 2];
        for value in std::mem::replace(&mut self.places, larger) {
            if value != 0 {
                let place = self.place(value);
                self.places[place] = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixing::SplitMix64;
    use std::collections::BTreeSet;

    #[test]
    fn has_each_number_once() {
        let mut random = SplitMix64::new(7);
        for count in [0, 1, 100, FIRST_PLACES / 2, FIRST_PLACES / 2 + 1, 50_000] {
            // Zeros, numbers in a row, and any; each of them more than once.
            let numbers: Vec<u64> = (0..count as u64)
                .map(|at| if at % 2 == 0 { at / 4 } else { random.draw() })
                .collect();
            let mut distinct = Distinct::default();
            for _ in 0..2 {
                distinct.extend(&numbers);
            }
            let found = distinct.values();
            let wanted: BTreeSet<u64> = numbers.into_iter().collect();
            assert_eq!(found.len(), wanted.len());
            assert_eq!(distinct.len(), wanted.len());
            assert_eq!(found.into_iter().collect::<BTreeSet<u64>>(), wanted);
        }
    }
}
