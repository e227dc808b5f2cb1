//! Rows that were put aside.

use super::table::{Entry, Extra};

/// Rows of a chunk.
pub const CHUNK: usize = 64;

/// A row of usual numbers; what does not fit is an `Entry`.
#[derive(Clone, Copy)]
pub struct Narrow {
    pub key: [u64; 2],
    pub packets: u32,
    pub octets: u32,
    /// Milliseconds after the first of all.
    pub first: u32,
    pub duration: u32,
    /// Position, a bit for turned ends, 16 bits of TCP flags.
    pub place: u64,
}

pub const FLAG_BITS: u32 = 16;
/// Rows of all files that have a place.
pub const MOST_ROWS: u64 = 1 << (u64::BITS - FLAG_BITS - 1);

impl Narrow {
    pub fn key(&self) -> u128 {
        u128::from(self.key[0]) | u128::from(self.key[1]) << 64
    }

    pub fn add_to(&self, entry: &mut Entry, earliest: i64) {
        let Entry { sums, extra, .. } = entry;
        let is_turned = self.place >> FLAG_BITS & 1 != 0;
        sums.rows += 1;
        sums.flows = sums.flows.saturating_add(1);
        let (packets, octets, shift) = if is_turned {
            (&mut sums.out_packets, &mut sums.out_octets, 16)
        } else {
            (&mut sums.packets, &mut sums.octets, 0)
        };
        *packets = packets.saturating_add(u64::from(self.packets));
        *octets = octets.saturating_add(u64::from(self.octets));
        // As the differences were made: times of a file may be anything.
        let first = earliest.wrapping_add(i64::from(self.first));
        sums.first = sums.first.min(first);
        sums.last = sums.last.max(first.wrapping_add(i64::from(self.duration)));
        extra.add(&Extra {
            position: self.place >> (FLAG_BITS + 1),
            tcp_flags: u32::from(self.place as u16) << shift,
            is_turned,
        });
    }
}

#[derive(Default)]
pub struct Pile {
    pub full: Vec<Vec<Narrow>>,
    pub open: Vec<Narrow>,
    pub groups: Vec<Entry>,
}

impl Pile {
    pub fn chunks(&self) -> impl Iterator<Item = &[Narrow]> {
        self.full.iter().chain([&self.open]).map(Vec::as_slice)
    }

    pub fn rows(&self) -> usize {
        self.full.len() * CHUNK + self.open.len() + self.groups.len()
    }
}
