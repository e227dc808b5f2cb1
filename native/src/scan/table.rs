//! Groups of flows: keys to numbers of groups, and what is counted for each group.

use crate::mixing::{folded_product, GOLDEN};
use std::hash::{BuildHasher, RandomState};

/// Memory for a key, and its share of the slots.
pub const KEY_BYTES: usize = 32;

/// Hashes keys; random, so that nobody can send addresses that all collide.
#[derive(Debug, Clone, Copy)]
pub struct Hasher(u64, u64);

impl Default for Hasher {
    fn default() -> Hasher {
        let random = RandomState::new();
        Hasher(random.hash_one(1), random.hash_one(2))
    }
}

impl Hasher {
    #[inline(always)]
    pub fn hash(self, key: u128) -> u64 {
        // Both halves of the key reach every bit.
        let low = folded_product(key as u64 ^ self.0, GOLDEN);
        folded_product(low ^ (key >> 64) as u64, self.1 | 1)
    }
}

/// Distinct keys, numbered in order of appearance.
pub struct Keys {
    pub keys: Vec<u128>,
    /// Open addressing: upper half of the hash, and number + 1 or 0 when free.
    slots: Vec<(u32, u32)>,
    hasher: Hasher,
}

const SMALLEST: usize = 1 << 10;

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            keys: Vec::new(),
            slots: vec![(0, 0); SMALLEST],
            hasher: Hasher::default(),
        }
    }
}

impl Keys {
    pub fn number(&mut self, key: u128) -> u32 {
        let hash = self.hasher.hash(key);
        let mask = self.slots.len() - 1;
        let tag = (hash >> 32) as u32;
        let mut slot = hash as usize & mask;
        loop {
            let (held, number) = self.slots[slot];
            if number == 0 {
                break;
            }
            if held == tag && self.keys[number as usize - 1] == key {
                return number - 1;
            }
            slot = (slot + 1) & mask;
        }
        self.keys.push(key);
        let number = u32::try_from(self.keys.len()).expect("fewer keys than numbers");
        self.slots[slot] = (tag, number);
        if self.keys.len() * 2 > self.slots.len() {
            self.grow();
        }
        number - 1
    }

    fn grow(&mut self) {
        let length = self.slots.len() * 4;
        let mask = length - 1;
        let mut slots = vec![(0, 0); length];
        for (index, &key) in self.keys.iter().enumerate() {
            let hash = self.hasher.hash(key);
            let mut slot = hash as usize & mask;
            while slots[slot].1 != 0 {
                slot = (slot + 1) & mask;
            }
            slots[slot] = ((hash >> 32) as u32, index as u32 + 1);
        }
        self.slots = slots;
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }
}

/// What is counted for a group; sums stay at the largest number rather than overflow.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Sums {
    pub rows: u64,
    pub flows: u64,
    pub packets: u64,
    pub octets: u64,
    pub out_packets: u64,
    pub out_octets: u64,
    pub first: i64,
    pub last: i64,
}

impl Default for Sums {
    fn default() -> Sums {
        Sums {
            rows: 0,
            flows: 0,
            packets: 0,
            octets: 0,
            out_packets: 0,
            out_octets: 0,
            first: i64::MAX,
            last: i64::MIN,
        }
    }
}

impl Sums {
    pub fn add(&mut self, other: &Sums) {
        self.rows += other.rows;
        self.flows = self.flows.saturating_add(other.flows);
        self.packets = self.packets.saturating_add(other.packets);
        self.octets = self.octets.saturating_add(other.octets);
        self.out_packets = self.out_packets.saturating_add(other.out_packets);
        self.out_octets = self.out_octets.saturating_add(other.out_octets);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// What tables of records have besides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extra {
    /// Place of the first row among all files.
    pub position: u64,
    pub tcp_flags: u32,
    /// Of conversations: the ends of the first row have changed places.
    pub is_turned: bool,
}

impl Default for Extra {
    fn default() -> Extra {
        Extra {
            position: u64::MAX,
            tcp_flags: 0,
            is_turned: false,
        }
    }
}

impl Extra {
    pub fn add(&mut self, other: &Extra) {
        self.tcp_flags |= other.tcp_flags;
        if other.position < self.position {
            (self.position, self.is_turned) = (other.position, other.is_turned);
        }
    }
}

/// A group; `extra.position` counts all rows of all files.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub key: u128,
    pub sums: Sums,
    pub extra: Extra,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_numbers() {
        let mut keys = Keys::default();
        let key = |number: u128| number.wrapping_mul(0x0001_0000_0000_0000_0001) << (number % 3);
        for round in 0..2 {
            for number in 0..20_000u32 {
                assert_eq!(keys.number(key(u128::from(number) * 3)), number, "round {round}");
            }
        }
        assert_eq!(keys.len(), 20_000);
    }

    #[test]
    fn sums_stop_at_the_largest_number() {
        let mut sums = Sums {
            octets: u64::MAX - 1,
            ..Sums::default()
        };
        sums.add(&Sums {
            octets: 5,
            ..Sums::default()
        });
        assert_eq!(sums.octets, u64::MAX);
    }
}
