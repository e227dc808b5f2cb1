//! Distinct values of a column and the index of each row's value among them.

use crate::mixing::GOLDEN;
use crate::segment::column::Cell;
use crate::wide_registers::with_wide_registers;
use std::hash::{BuildHasher, RandomState};

/// Slots looked at before a value is taken for one of a flood of colliding keys.
const PROBES: usize = 256;
const SMALLEST_TABLE: usize = 1 << 10;
/// When half of the first so many rows are distinct, a third of all of them will be: repetition grows slowly.
const SAMPLE_ROWS: usize = 4096;

/// Working memory of one encoding thread; kept from column to column.
pub struct Dictionary {
    /// Distinct values.
    pub values: Vec<u64>,
    /// One for each row.
    pub indices: Vec<u32>,
    /// For values below 2^16: 1 when some row has it, and its index then.
    seen: Vec<u8>,
    direct: Vec<u16>,
    /// Open addressing: value, and index + 1 or 0 when free.
    table: Vec<(u64, u32)>,
    multiplier: u64,
}

impl Default for Dictionary {
    fn default() -> Self {
        Dictionary {
            values: Vec::new(),
            indices: Vec::new(),
            seen: Vec::new(),
            direct: Vec::new(),
            table: Vec::new(),
            // Odd, so that no bit is lost; random, so that nobody can send addresses that all collide.
            multiplier: RandomState::new().hash_one(0) | 1,
        }
    }
}

impl Dictionary {
    /// As `build`, for values that are all at most `most`, which is below 2^16: looked up directly. The values are in order.
    pub fn build_small<T: Cell>(&mut self, rows: &[T], most: u16, limit: usize) -> bool {
        with_wide_registers!(self.mark_and_number(rows, most, limit))
    }

    #[inline(always)]
    fn mark_and_number<T: Cell>(&mut self, rows: &[T], most: u16, limit: usize) -> bool {
        let Dictionary {
            values,
            indices,
            seen,
            direct,
            ..
        } = self;
        values.clear();
        indices.clear();
        let possible = usize::from(most) + 1;
        seen.clear();
        seen.resize(possible.next_multiple_of(8), 0);
        direct.resize(1 << 16, 0);
        for &value in rows {
            seen[value.wide() as usize] = 1;
        }
        let (eights, _) = seen.as_chunks::<8>();
        for (number, eight) in eights.iter().enumerate() {
            if u64::from_ne_bytes(*eight) == 0 {
                continue;
            }
            for (at, _) in eight.iter().enumerate().filter(|(_, &seen)| seen != 0) {
                let value = number * 8 + at;
                direct[value] = values.len() as u16;
                values.push(value as u64);
            }
        }
        if values.len() > limit {
            return false;
        }
        indices.extend(
            rows.iter()
                .map(|&value| u32::from(direct[value.wide() as u16 as usize])),
        );
        true
    }

    /// False when more than `limit` values are distinct: a dictionary would not pay.
    pub fn build<T: Cell>(&mut self, rows: &[T], limit: usize) -> bool {
        self.values.clear();
        self.table.clear();
        self.table.resize(SMALLEST_TABLE, (0, 0));
        let mut indices = std::mem::take(&mut self.indices);
        indices.resize(rows.len(), 0);
        let (sample, rest) = rows.split_at(if rows.len() > 4 * SAMPLE_ROWS {
            SAMPLE_ROWS
        } else {
            rows.len()
        });
        let (sample_indices, rest_indices) = indices.split_at_mut(sample.len());
        let fits = self.index(sample, sample_indices, limit)
            && (rest.is_empty() || self.values.len() < SAMPLE_ROWS / 2)
            && self.index(rest, rest_indices, limit);
        self.indices = indices;
        fits
    }

    fn index<T: Cell>(&mut self, rows: &[T], indices: &mut [u32], limit: usize) -> bool {
        let mut last = (0, 0);
        for (index, value) in indices.iter_mut().zip(rows) {
            let value = value.wide();
            if last.1 == 0 || value != last.0 {
                let Some(seen) = self.find_or_add(value, limit) else {
                    return false;
                };
                last = (value, seen);
            }
            *index = last.1 - 1;
        }
        true
    }

    fn find_or_add(&mut self, value: u64, limit: usize) -> Option<u32> {
        let mask = self.table.len() - 1;
        let mut slot = self.slot(value);
        for _ in 0..PROBES {
            let (held, seen) = self.table[slot];
            if seen == 0 {
                if self.values.len() == limit {
                    return None;
                }
                self.values.push(value);
                let seen = self.values.len() as u32;
                self.table[slot] = (value, seen);
                if self.values.len() * 2 > self.table.len() {
                    self.grow();
                }
                return Some(seen);
            }
            if held == value {
                return Some(seen);
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    fn slot(&self, value: u64) -> usize {
        let shift = 64 - self.table.len().trailing_zeros();
        // Folded first: the low bits alone would never see the high half of an IPv6 address. Folded and multiplied again
        // since some of the random multipliers, on their own, put numbers in a row into few places.
        let mixed = (value ^ (value >> 32)).wrapping_mul(self.multiplier);
        ((mixed ^ (mixed >> 32)).wrapping_mul(GOLDEN) >> shift) as usize
    }

    /// Octets of working memory.
    pub fn held_bytes(&self) -> usize {
        self.values.capacity() * 8 + self.indices.capacity() * 4 + self.table.capacity() * size_of::<(u64, u32)>()
    }

    fn grow(&mut self) {
        let length = self.table.len() * 4;
        self.table.clear();
        self.table.resize(length, (0, 0));
        for at in 0..self.values.len() {
            let mut slot = self.slot(self.values[at]);
            while self.table[slot].1 != 0 {
                slot = (slot + 1) & (length - 1);
            }
            self.table[slot] = (self.values[at], at as u32 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_lead_back_to_the_values() {
        let rows: Vec<u64> = (0..16_000u64).map(|i| (((i * i) % 7919) << 33) | 7).collect();
        let mut dictionary = Dictionary::default();
        for _ in 0..2 {
            assert!(dictionary.build(&rows, rows.len()));
            let back: Vec<u64> = dictionary
                .indices
                .iter()
                .map(|&i| dictionary.values[i as usize])
                .collect();
            assert_eq!(back, rows);
        }
        let small: Vec<u64> = rows.iter().map(|value| (value >> 33) & 0xffff).collect();
        assert!(dictionary.build_small(&small, u16::MAX, small.len()));
        let back: Vec<u64> = dictionary
            .indices
            .iter()
            .map(|&i| dictionary.values[i as usize])
            .collect();
        assert_eq!(back, small);
        assert!(dictionary.values.is_sorted());
    }

    #[test]
    fn gives_up_at_the_limit() {
        let rows: Vec<u64> = (0..1000).map(|row| row % 500).collect();
        let mut dictionary = Dictionary::default();
        assert!(dictionary.build(&rows, 500));
        assert!(!dictionary.build(&rows, 499));
        assert!(dictionary.build_small(&rows, 499, 500));
        assert!(!dictionary.build_small(&rows, 499, 499));
    }

    #[test]
    fn takes_the_greatest_small_value() {
        let mut dictionary = Dictionary::default();
        for most in [0, 7, 8, 255, u16::MAX] {
            assert!(dictionary.build_small(&[most, 0, most], most, 3));
            assert_eq!(dictionary.values.last(), Some(&u64::from(most)));
        }
    }

    #[test]
    fn gives_up_early_when_a_sample_repeats_little() {
        let rows: Vec<u64> = (0..100_000).collect();
        let mut dictionary = Dictionary::default();
        assert!(!dictionary.build(&rows, rows.len()));
        assert_eq!(dictionary.values.len(), SAMPLE_ROWS);
    }

    #[test]
    fn spreads_numbers_in_a_row_with_any_multiplier() {
        let rows: Vec<u64> = (0..20_000).collect();
        for multiplier in [1, 3, (1 << 32) + 1, (1 << 63) + 1, u64::MAX / 3, u64::MAX] {
            let mut dictionary = Dictionary {
                multiplier,
                ..Dictionary::default()
            };
            dictionary.table.resize(SMALLEST_TABLE, (0, 0));
            dictionary.index(&rows, &mut vec![0; rows.len()], rows.len());
            assert_eq!(dictionary.values, rows, "{multiplier}");
        }
    }

    #[test]
    fn gives_up_on_colliding_keys() {
        let mut dictionary = Dictionary::default();
        dictionary.table.resize(SMALLEST_TABLE, (0, 0));
        let slot = dictionary.slot(0);
        let colliding = (0..).filter(|&value| dictionary.slot(value) == slot);
        let rows: Vec<u64> = colliding.take(PROBES + 1).collect();
        assert!(!dictionary.build(&rows, rows.len()));
    }
}
