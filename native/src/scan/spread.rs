//! What all threads know of a job whose rows are put aside: partitions, numbers of values, memory.

use super::file::Segment;
use super::job::Job;
use super::key::{places_of, Place};
use super::list::ROW_BITS;
use super::numbers::SharedNumbers;
use super::table::Hasher;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::OnceLock;

/// Rows of a partition for which tables fit the cache; more partitions than `MOST_BITS` are more places to write to than
/// the cache has.
const PARTITION_ROWS: u64 = 1 << 14;
const MOST_BITS: u32 = 11;
const LEAST_BITS: u32 = 4;
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
        let starts = segments.iter().filter_map(|segment| segment.spans);
        let bits = (all / PARTITION_ROWS).max(1).ilog2().clamp(LEAST_BITS, MOST_BITS);
        Some(Spread {
            job,
            numbers: OnceLock::new(),
            places,
            hasher: Hasher::default(),
            bits,
            from: AtomicUsize::new(0),
            limit: AtomicUsize::new(1 << bits),
            earliest: starts.map(|spans| spans.first.0).min().unwrap_or(0),
            before,
            memory,
            is_used: AtomicBool::new(false),
        })
    }

    pub fn start(&self) {
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
    pub fn row_bytes(&self) -> usize {
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

    pub fn partition_count(&self) -> usize {
        1 << self.bits
    }

    /// The partition of a key with this hash.
    #[inline(always)]
    pub fn partition(&self, hash: u64) -> usize {
        (hash >> (64 - self.bits)) as usize
    }

    /// Leaves partitions to a later pass.
    pub fn leave_from(&self, partition: usize) {
        self.limit.fetch_min(partition, Ordering::Relaxed);
    }

    /// Goes on to the partitions that were left out.
    pub fn next_pass(&self) {
        let Range { start, end } = self.partitions();
        self.from.store(end, Ordering::Relaxed);
        self.limit
            .store((2 * end - start).min(1 << self.bits), Ordering::Relaxed);
    }

    pub fn position(&self, position: u64) -> u64 {
        self.before[(position >> ROW_BITS) as usize] + (position & ((1 << ROW_BITS) - 1))
    }

    /// Where the row at a position among all rows stands in its file.
    pub fn place(&self, position: u64) -> u64 {
        let file = self.before.partition_point(|&before| before <= position) - 1;
        (file as u64) << ROW_BITS | (position - self.before[file])
    }
}
