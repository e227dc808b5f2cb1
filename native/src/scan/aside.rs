//! Rows of many groups are put aside first, in partitions by their key, and counted partition by partition: the table of one
//! partition stays in the processor's cache. What does not fit the memory is left for a further pass over the files.

use super::column::not_here;
use super::conversation::Conversation;
use super::file::Segment;
use super::gather::{Entry, Gather};
use super::group::Group;
use super::job::{Counters, Job, Rows};
use super::key::{places_of, Place, RowKeys};
use super::list::ROW_BITS;
use super::numbers::{Numbers, SharedNumbers};
use super::table::{Extra, Hasher, Sums};
use parquet::errors::Result;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::OnceLock;

/// Rows of a partition for which tables fit the cache; more partitions than `MOST_BITS` are more places to write to than
/// the cache has.
const PARTITION_ROWS: u64 = 1 << 14;
const MOST_BITS: u32 = 11;
const LEAST_BITS: u32 = 4;
/// Rows of a chunk.
const CHUNK: usize = 64;
/// Passes over the files after which an engine that uses the disk is faster.
const MOST_PASSES: usize = 16;
/// One part in so many is counted early to see whether that makes room.
const SAMPLE: usize = 16;

/// A row of usual numbers; what does not fit is an `Entry`.
#[derive(Clone, Copy)]
pub struct Narrow {
    key: [u64; 2],
    packets: u32,
    octets: u32,
    /// Milliseconds after the first of all.
    first: u32,
    duration: u32,
    /// Position, a bit for turned ends, 16 bits of TCP flags.
    place: u64,
}

const FLAG_BITS: u32 = 16;

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
        let first = earliest + i64::from(self.first);
        sums.first = sums.first.min(first);
        sums.last = sums.last.max(first + i64::from(self.duration));
        extra.add(&Extra {
            position: self.place >> (FLAG_BITS + 1),
            tcp_flags: u32::from(self.place as u16) << shift,
            is_turned,
        });
    }
}

/// A job whose rows are put aside, as all threads see it.
pub struct Spread<'a> {
    pub job: &'a Job,
    pub places: Vec<Place>,
    /// Made when rows are put aside, as most questions never do.
    numbers: OnceLock<Vec<SharedNumbers>>,
    pub hasher: Hasher,
    bits: u32,
    /// Partitions before are done, those from `limit` on are for a later pass.
    from: AtomicUsize,
    limit: AtomicUsize,
    pub earliest: i64,
    /// Rows before each file.
    before: Vec<u64>,
    memory: &'a Memory,
    is_used: AtomicBool,
}

/// Memory of all threads together.
pub struct Memory {
    /// For rows that are put aside.
    pub rows: usize,
    /// For groups that are wanted.
    pub groups: usize,
    pub threads: usize,
    /// Jobs that share it.
    pub users: AtomicUsize,
}

impl<'a> Spread<'a> {
    /// None when the parts are too many for one key.
    pub fn new(job: &'a Job, segments: &[Segment], memory: &'a Memory) -> Option<Spread<'a>> {
        let places = places_of(job)?;
        let mut all = 0;
        let mut before = Vec::with_capacity(segments.len());
        for segment in segments {
            before.push(all);
            all += segment.rows;
        }
        let starts = segments.iter().filter_map(|segment| segment.span);
        let bits = (all / PARTITION_ROWS).max(1).ilog2().clamp(LEAST_BITS, MOST_BITS);
        Some(Spread {
            job,
            numbers: OnceLock::new(),
            places,
            hasher: Hasher::default(),
            bits,
            from: AtomicUsize::new(0),
            limit: AtomicUsize::new(1 << bits),
            earliest: starts.map(|(first, _)| first).min().unwrap_or(0),
            before,
            memory,
            is_used: AtomicBool::new(false),
        })
    }

    fn start(&self) {
        if !self.is_used.swap(true, Ordering::Relaxed) {
            self.memory.users.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether some thread has put rows aside.
    pub fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    /// Whether there are partitions for another pass.
    pub fn goes_on(&self) -> bool {
        self.is_used() && !self.partitions().is_empty()
    }

    /// Memory for the groups that are wanted.
    pub fn group_bytes(&self) -> usize {
        self.memory.groups / self.memory.users.load(Ordering::Relaxed).max(1)
    }

    /// Memory for the rows that one thread puts aside.
    fn row_bytes(&self) -> usize {
        self.memory.rows / (self.memory.users.load(Ordering::Relaxed).max(1) * self.memory.threads)
    }

    /// The values of a part; both ends of conversations are numbered alike.
    pub fn numbers(&self, part: usize) -> Option<&SharedNumbers> {
        let all = self
            .numbers
            .get_or_init(|| self.places.iter().map(|_| SharedNumbers::default()).collect());
        self.places[part].by_number.then(|| &all[self.shared(part)])
    }

    /// The part that numbers the values of a part.
    pub fn shared(&self, part: usize) -> usize {
        part - usize::from(self.job.conversation.is_some() && part == 1)
    }

    /// Partitions of this pass.
    pub fn partitions(&self) -> Range<usize> {
        self.from.load(Ordering::Relaxed)..self.limit.load(Ordering::Relaxed)
    }

    /// Goes on to the partitions that were left out.
    pub fn next_pass(&self) {
        let Range { start, end } = self.partitions();
        self.from.store(end, Ordering::Relaxed);
        self.limit
            .store((2 * end - start).min(1 << self.bits), Ordering::Relaxed);
    }

    fn position(&self, position: u64) -> u64 {
        self.before[(position >> ROW_BITS) as usize] + (position & ((1 << ROW_BITS) - 1))
    }

    /// Where the row at a position among all rows stands in its file.
    pub fn place(&self, position: u64) -> u64 {
        let file = self.before.partition_point(|&before| before <= position) - 1;
        (file as u64) << ROW_BITS | (position - self.before[file])
    }
}

#[derive(Default)]
pub struct Pile {
    full: Vec<Vec<Narrow>>,
    open: Vec<Narrow>,
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
        let partition = (spread.hasher.hash(entry.key) >> (64 - spread.bits)) as usize;
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
        let (hasher, shift, from) = (spread.hasher, 64 - spread.bits, spread.partitions().start);
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
            let partition = ((hasher.hash(key) >> shift) as usize).wrapping_sub(from);
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
        if left == 0 || left >= self.piles.len() || left * MOST_PASSES < 1 << self.spread.bits {
            return Err(not_here("more groups than memory should hold"));
        }
        let limit = &self.spread.limit;
        limit.fetch_min(self.spread.partitions().start + left, Ordering::Relaxed);
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
