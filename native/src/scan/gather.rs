//! Groups of rows that were put aside, partition by partition.

use super::pile::Pile;
use super::spread::Spread;
use super::table::{Entry, Extra, Sums};

/// The groups of one partition; memory is used for one after the other.
#[derive(Default)]
pub struct Gather {
    /// Open addressing: some bits of the hash, and number + 1 or 0 when free.
    slots: Vec<(u32, u32)>,
    pub groups: Vec<Entry>,
}

/// Partitions are told apart by the highest bits of a hash, slots by the lowest.
const TAG_SHIFT: u32 = 20;

impl Gather {
    /// Starts with a partition of so many rows.
    pub fn start(&mut self, rows: usize) {
        self.groups.clear();
        self.slots.clear();
        self.slots.resize((rows * 2).next_power_of_two(), (0, 0));
    }

    fn group(&mut self, key: u128, hash: u64) -> &mut Entry {
        let mask = self.slots.len() - 1;
        let tag = (hash >> TAG_SHIFT) as u32;
        let mut slot = hash as usize & mask;
        loop {
            let (held, number) = self.slots[slot];
            if number == 0 {
                break;
            }
            if held == tag && self.groups[number as usize - 1].key == key {
                return &mut self.groups[number as usize - 1];
            }
            slot = (slot + 1) & mask;
        }
        self.groups.push(Entry {
            key,
            sums: Sums::default(),
            extra: Extra::default(),
        });
        let number = self.groups.len();
        self.slots[slot] = (tag, number as u32);
        &mut self.groups[number - 1]
    }

    pub fn add(&mut self, spread: &Spread, pile: &Pile) {
        for row in pile.chunks().flatten() {
            let key = row.key();
            row.add_to(self.group(key, spread.hasher.hash(key)), spread.earliest);
        }
        for entry in &pile.groups {
            let group = self.group(entry.key, spread.hasher.hash(entry.key));
            group.sums.add(&entry.sums);
            group.extra.add(&entry.extra);
        }
    }
}
