//! Rows of many groups are put aside first, in partitions by their key, and counted partition by partition: the table of one
//! partition stays in the processor's cache. What does not fit the memory is left for a further pass over the files.

use super::column::not_here;
use super::conversation::Conversation;
use super::facts::Facts;
use super::gather::Gather;
use super::group::Group;
use super::job::{Counters, Rows};
use super::key::RowKeys;
use super::numbers::Numbers;
use super::pile::{Narrow, Pile, CHUNK, FLAG_BITS};
use super::spread::Spread;
use super::table::{Entry, Extra, Sums};
use parquet::errors::Result;

/// Passes over the files after which an engine that uses the disk is faster.
const MOST_PASSES: usize = 16;
/// One part in so many is counted early to see whether that makes room.
const SAMPLE: usize = 16;

/// What one thread puts aside.
pub struct Aside<'a> {
    spread: &'a Spread<'a>,
    keys: RowKeys<'a>,
    /// From the first partition of this pass on.
    pub piles: Vec<Pile>,
    spare: Vec<Vec<Narrow>>,
    gather: Gather,
}

impl<'a> Aside<'a> {
    pub fn new(spread: &'a Spread<'a>) -> Aside<'a> {
        spread.start();
        let places = spread.places.clone();
        let parts = (0..places.len()).map(|part| spread.numbers(part).map(Numbers::shared));
        Aside {
            keys: RowKeys::new(places, parts.collect(), spread.job.sides.len()),
            piles: spread.partitions().map(|_| Pile::default()).collect(),
            spare: Vec::new(),
            gather: Gather::default(),
            spread,
        }
    }

    /// Puts a group aside that was counted; `extra.position` is of its first row.
    pub fn put_group(&mut self, mut entry: Entry) {
        let spread = self.spread;
        if spread.job.extra {
            entry.extra.position = spread.position(entry.extra.position);
        }
        let partition = spread.partition(spread.hasher.hash(entry.key));
        if let Some(pile) = self.piles.get_mut(partition.wrapping_sub(spread.partitions().start)) {
            pile.groups.push(entry);
        }
    }

    pub fn start_group(&mut self) {
        self.keys.start_group();
        self.piles.truncate(self.spread.partitions().len());
    }

    pub fn count(
        &mut self,
        group: &mut Group,
        counters: &Counters,
        start: usize,
        count: usize,
        rows: Rows,
        position: u64,
    ) -> Result<()> {
        let spread = self.spread;
        let position = spread.position(position);
        for side in spread.job.sides.iter().enumerate() {
            let side = (side.0, side.1.as_slice());
            self.keys.make(group, side, (start, count), rows, true)?;
            self.put(group, counters, rows, position);
        }
        Ok(())
    }

    /// Puts rows aside whose keys have been made.
    fn put(&mut self, group: &Group, counters: &Counters, rows: Rows, position: u64) {
        let spread = self.spread;
        let (hasher, from) = (spread.hasher, spread.partitions().start);
        let is_conversation = spread.job.conversation.is_some();
        let present = |column: usize| (!group.is_missing(column)).then(|| group.values(column));
        let (flows, out_packets, out_octets) = (
            present(counters.flows),
            present(counters.out_packets),
            present(counters.out_octets),
        );
        let (packets, octets) = (group.values(counters.packets), group.values(counters.octets));
        let (first, last) = (group.values(counters.first), group.values(counters.last));
        let flags = counters.tcp_flags.map(|column| group.values(column));
        let (piles, spare, keys) = (&mut self.piles, &mut self.spare, &self.keys.keys);
        rows.each(|index, row| {
            let (key, is_turned) = if is_conversation {
                Conversation::ordered(keys[index])
            } else {
                (keys[index], false)
            };
            let partition = spread.partition(hasher.hash(key)).wrapping_sub(from);
            let Some(pile) = piles.get_mut(partition) else { return };
            let cell = |column: Option<&[u64]>| column.map_or(0, |values| values[row]);
            let (flows, out_packets, out_octets) = (cell(flows).max(1), cell(out_packets), cell(out_octets));
            let (packets, octets, first, last) = (packets[row], octets[row], first[row], last[row]);
            let since = first.wrapping_sub(spread.earliest as u64);
            let duration = last.wrapping_sub(first);
            let flags = flags.map_or(0, |flags| flags[row] as u16);
            let position = position + row as u64;
            if (packets | octets | since | duration) >> 32 == 0 && flows == 1 && out_packets | out_octets == 0 {
                let row = Narrow {
                    key: [key as u64, (key >> 64) as u64],
                    packets: packets as u32,
                    octets: octets as u32,
                    first: since as u32,
                    duration: duration as u32,
                    place: (position << 1 | u64::from(is_turned)) << FLAG_BITS | u64::from(flags),
                };
                if pile.open.len() == pile.open.capacity() {
                    let fresh = spare.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK));
                    let full = std::mem::replace(&mut pile.open, fresh);
                    if !full.is_empty() {
                        pile.full.push(full);
                    }
                }
                pile.open.push(row);
                return;
            }
            let mut sums = Sums {
                rows: 1,
                flows,
                packets,
                octets,
                out_packets,
                out_octets,
                first: first as i64,
                last: last as i64,
            };
            if is_turned {
                std::mem::swap(&mut sums.packets, &mut sums.out_packets);
                std::mem::swap(&mut sums.octets, &mut sums.out_octets);
            }
            let tcp_flags = u32::from(flags) << if is_turned { 16 } else { 0 };
            let extra = Extra {
                position,
                tcp_flags,
                is_turned,
            };
            pile.groups.push(Entry { key, sums, extra });
        });
    }

    fn bytes(&self) -> usize {
        let piles = self.piles.iter().map(|pile| {
            (pile.full.len() * CHUNK + pile.open.capacity()) * size_of::<Narrow>()
                + pile.groups.capacity() * size_of::<Entry>()
        });
        piles.sum::<usize>() + self.keys.bytes()
    }

    /// Makes room when there is too little: counts what is there where that helps, else leaves partitions to the next pass.
    /// `done` is the part of this pass that is done.
    pub fn check_memory(&mut self, done: f64) -> Result<()> {
        let bytes = self.bytes();
        let most = self.spread.row_bytes();
        if bytes <= most {
            return Ok(());
        }
        let fixed = self.keys.bytes();
        if self.compact((bytes - fixed) / SAMPLE) && self.bytes() * 4 < most * 3 {
            return Ok(());
        }
        let room = most.saturating_sub(fixed) as f64;
        let expected = (self.bytes() - fixed) as f64 / done.clamp(0.001, 1.0);
        let left = (self.piles.len() as f64 * 0.9 * room / expected) as usize;
        if left == 0 || left >= self.piles.len() || left * MOST_PASSES < self.spread.partition_count() {
            return Err(not_here("more groups than memory should hold"));
        }
        self.spread.leave_from(self.spread.partitions().start + left);
        self.piles.truncate(self.spread.partitions().len());
        Ok(())
    }

    /// Counts the rows of partitions into groups where these take less room, and goes on as long as that makes half of it
    /// free: `sample` bytes are tried. Says whether it went through all.
    fn compact(&mut self, sample: usize) -> bool {
        let (mut before, mut after) = (0, 0);
        for pile in &mut self.piles {
            if before >= sample && after * 2 > before {
                return false;
            }
            let narrow = pile.full.len() * CHUNK * size_of::<Narrow>();
            let bytes = narrow + pile.groups.len() * size_of::<Entry>();
            self.gather.start(pile.rows());
            self.gather.add(self.spread, pile);
            let groups = self.gather.groups.len() * size_of::<Entry>();
            before += bytes;
            after += groups.min(bytes);
            if groups >= bytes {
                continue;
            }
            pile.groups.clear();
            pile.groups.extend_from_slice(&self.gather.groups);
            pile.open.clear();
            self.spare.extend(pile.full.drain(..).map(|mut chunk| {
                chunk.clear();
                chunk
            }));
        }
        true
    }
}
