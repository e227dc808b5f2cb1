//! Packets of one slot that belong to one flow, counted together: what the flow cache would add up one by one, this
//! thread adds up while it has the packet at hand. Of a run only the first packet has a record, and these stand one behind
//! another: less memory to write, to compare with and to read. `src/addon/packet-run-layout.ts` explains the words; a test
//! compares the numbers here with those there.

use crate::layout::{layout, Layout};
use crate::packet::{
    PACKET_BYTES, P_HASH, P_INPUT, P_META, P_META_EGRESS, P_META_VERSION_MASK, P_OCTETS, P_PORTS, P_PROTO_TOS_FLAGS,
    P_TIME,
};
use crate::prefetch::prefetch;

pub const RUN_WORDS: usize = 4;
pub const HEAD_RUNS: usize = 0;
pub const HEAD_LAST_SECONDS: usize = 1;
pub const HEAD_LAST_MICROS: usize = 2;
pub const RUN_ENDS: usize = 0;
pub const RUN_OCTETS: usize = 1;
pub const RUN_SPAN: usize = 2;
pub const RUN_REST_FLAGS: usize = 3;
pub const RUN_REST_MASK: u32 = 0xffff;
pub const REST_BEFORE_RUN: usize = 0;
pub const REST_OCTETS: usize = 1;
pub const REST_LATER_FLAGS: usize = 2;
pub const REST_LATER_BITS: u32 = 20;
pub const REST_META: usize = 3;

/// Every constant by name, for the test on the other side.
pub const LAYOUT: Layout = layout![
    RUN_WORDS,
    HEAD_RUNS,
    HEAD_LAST_SECONDS,
    HEAD_LAST_MICROS,
    RUN_ENDS,
    RUN_OCTETS,
    RUN_SPAN,
    RUN_REST_FLAGS,
    RUN_REST_MASK,
    REST_BEFORE_RUN,
    REST_OCTETS,
    REST_LATER_FLAGS,
    REST_LATER_BITS,
    REST_META,
];

/// Slots of more packets than this have no runs: numbers of packets, and of runs plus one, have sixteen bits.
pub const MOST_PACKETS: usize = (1 << 16) - 1;

/// The flow cache's step of time: what is due in one of them ends before the first packet of the next is counted.
const TICK_US: f64 = 1_000_000.0;
/// Last time that the flow cache takes as it is.
const MAX_TIME_US: f64 = 4_294_967_296.0 * TICK_US - 1.0;
const TCP_FIN_RST: u32 = 0x05 << 16;
const FLAGS: u32 = 0xffff_0000;
/// What of words 9 and 13 tells flows apart.
const PROTO_TOS: u32 = 0xffff;
const META_KEY: u32 = P_META_VERSION_MASK | P_META_EGRESS;
/// Of two numbers in one word the first.
const LOW: u32 = 0xffff;
const HIGH_SHIFT: u32 = 16;
const LATER: u32 = (1 << REST_LATER_BITS) - 1;

pub type Record = [u8; PACKET_BYTES];
/// Four words: the head of a slot's runs, a run, or what there is of a packet that is not the first of its run.
pub type Quad = [u8; RUN_WORDS * 4];

/// Bytes that runs take behind the records of a slot: a quad in front, then one for each run, then one for each packet.
pub fn bytes(capacity: usize) -> usize {
    (1 + 2 * capacity) * size_of::<Quad>()
}

/// The records of a slot, and the quads behind them.
pub struct Slot<'a> {
    pub records: &'a mut [Record],
    pub quads: &'a mut [Quad],
}

impl Slot<'_> {
    #[inline(always)]
    fn rest(&mut self, packet: usize) -> &mut Quad {
        &mut self.quads[1 + self.records.len() + packet]
    }

    /// Gives each of the first `packets` packets a record of its own again, at its own place. There are no runs any more.
    /// Err if these cannot be the runs of so many packets.
    pub fn unfold(&mut self, packets: usize) -> Result<(), &'static str> {
        const IMPOSSIBLE: &str = "these are no runs of so many packets";
        let capacity = self.records.len();
        if packets > capacity || self.quads.len() != 1 + 2 * capacity {
            return Err(IMPOSSIBLE);
        }
        let [mut runs, ..] = words_of(&self.quads[0]).map(|word| word as usize);
        self.quads[0] = quad([0; RUN_WORDS]);
        if runs > packets {
            return Err(IMPOSSIBLE);
        }
        // From the back, for the record of a run stands no later than any of its packets.
        for packet in (0..packets).rev() {
            if runs > 0 && words_of(&self.quads[runs])[RUN_ENDS] & LOW == packet as u32 {
                runs -= 1;
                self.records[packet] = self.records[runs];
                continue;
            }
            let rest = words_of(self.rest(packet));
            let run = (rest[REST_BEFORE_RUN] >> HIGH_SHIFT) as usize;
            if run >= runs {
                return Err(IMPOSSIBLE);
            }
            self.records[packet] = unfolded(&self.records[run], &rest);
        }
        Ok(())
    }
}

/// The record of a packet out of that of the first in its run.
fn unfolded(first: &Record, rest: &[u32; RUN_WORDS]) -> Record {
    let mut record = *first;
    let later_flags = rest[REST_LATER_FLAGS];
    let time = time_of(first) + f64::from(later_flags & LATER);
    let flags = later_flags >> REST_LATER_BITS << 16;
    for (at, word) in [
        (P_PROTO_TOS_FLAGS, word(first, P_PROTO_TOS_FLAGS) & PROTO_TOS | flags),
        (P_OCTETS, rest[REST_OCTETS]),
        (P_META, rest[REST_META]),
    ] {
        record[at * 4..at * 4 + 4].copy_from_slice(&word.to_ne_bytes());
    }
    record[P_TIME * 4..].copy_from_slice(&time.to_ne_bytes());
    record
}

/// Packets between asking for the place of a packet in the table and asking for the run there, and from then to joining it:
/// slots and what is read of the capture pass through the processor's cache, and nothing else stays in it.
const DISTANCE: usize = 4;
const WAITING: usize = 2 * DISTANCE;

/// Puts the packets of one slot after another into runs.
pub struct RunWriter {
    /// Open addressing: the upper half of the hash and number of the run plus one; never more than half full.
    table: Vec<u32>,
    /// Records of the latest packets, each at its number modulo their number.
    waiting: Box<[Record; WAITING]>,
    /// Packets of the slot at hand, those that wait with them.
    packets: usize,
    filled: Filled,
}

/// What is in the slot at hand.
#[derive(Default)]
struct Filled {
    packets: usize,
    runs: usize,
    /// Runs before this one are of an earlier tick.
    base: usize,
    tick_end: f64,
    latest: f64,
    /// Time has stepped back: every packet has its record and there are no runs.
    plain: bool,
}

impl RunWriter {
    /// For slots of `capacity` packets, at most `MOST_PACKETS`.
    pub fn new(capacity: usize) -> RunWriter {
        RunWriter {
            table: vec![0; (capacity * 2).next_power_of_two()],
            waiting: Box::new([[0; PACKET_BYTES]; WAITING]),
            packets: 0,
            filled: Filled::default(),
        }
    }

    /// Where the record of the next packet is to be written.
    #[inline(always)]
    pub fn place(&mut self) -> &mut Record {
        &mut self.waiting[self.packets % WAITING]
    }

    /// Takes the packet whose record is at `place`. There must be room for it in the slot.
    #[inline(always)]
    pub fn add(&mut self, slot: &mut Slot) {
        let packet = self.packets;
        self.packets += 1;
        prefetch(&self.table, self.home(packet));
        if packet >= DISTANCE {
            let entry = self.table[self.home(packet - DISTANCE)];
            prefetch(slot.records, ((entry & LOW) as usize).wrapping_sub(1));
        }
        if self.packets >= WAITING {
            self.take(slot);
        }
    }

    /// The slot is given away as it is; the next packet is of another.
    pub fn finish(&mut self, slot: &mut Slot) {
        while self.filled.packets < self.packets {
            self.take(slot);
        }
        let Filled {
            runs, latest, plain, ..
        } = std::mem::take(&mut self.filled);
        let seconds = (latest / TICK_US).floor();
        let micros = latest - seconds * TICK_US;
        slot.quads[0] = match plain {
            true => quad([0; RUN_WORDS]),
            false => quad([runs as u32, seconds as u32, micros as u32, 0]),
        };
        self.table.fill(0);
        self.packets = 0;
    }

    /// Where the search for the flow of a packet that waits begins.
    #[inline(always)]
    fn home(&self, packet: usize) -> usize {
        word(&self.waiting[packet % WAITING], P_HASH) as usize & (self.table.len() - 1)
    }

    /// Gives the packet that has waited longest its place in the slot.
    #[inline(always)]
    fn take(&mut self, slot: &mut Slot) {
        if !self.filled.plain && !self.joins(slot) {
            self.step_back(slot);
        }
        if self.filled.plain {
            slot.records[self.filled.packets] = self.waiting[self.filled.packets % WAITING];
        }
        self.filled.packets += 1;
    }

    /// The flow cache must see packet after packet.
    #[cold]
    fn step_back(&mut self, slot: &mut Slot) {
        slot.quads[0] = quad([self.filled.runs as u32, 0, 0, 0]);
        slot.unfold(self.filled.packets).expect("runs as they were written");
        self.filled.plain = true;
    }

    /// Adds the packet that has waited longest to a run, or begins one with it. False where time steps back or cannot be.
    #[inline(always)]
    fn joins(&mut self, slot: &mut Slot) -> bool {
        let filled = &mut self.filled;
        let record = &self.waiting[filled.packets % WAITING];
        let time = time_of(record);
        if !(time >= filled.latest && time <= MAX_TIME_US) {
            return false;
        }
        filled.latest = time;
        if time >= filled.tick_end {
            filled.tick_end = ((time / TICK_US).floor() + 1.0) * TICK_US;
            filled.base = filled.runs;
        }
        let hash = word(record, P_HASH);
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let entry = self.table[at];
            if entry == 0 {
                break;
            }
            if (entry ^ hash) & !LOW == 0 {
                let run = (entry & LOW) as usize - 1;
                if run < filled.base {
                    break;
                }
                if same_flow(&slot.records[run], record) {
                    if add(slot, run, record, filled.packets) {
                        return true;
                    }
                    break;
                }
            }
            at = (at + 1) & mask;
        }
        // Of a flow that has several runs the latest is found.
        self.table[at] = hash & !LOW | (filled.runs + 1) as u32;
        slot.records[filled.runs] = *record;
        let number = filled.packets as u32;
        slot.quads[1 + filled.runs] = quad([number | number << HIGH_SHIFT, 0, 0, 0]);
        filled.runs += 1;
        true
    }
}

/// Adds a packet to a run of its flow, unless one of both ends the flow or the run would overflow.
#[inline(always)]
fn add(slot: &mut Slot, run: usize, record: &Record, packet: usize) -> bool {
    let first = &slot.records[run];
    let [ends, octets, _, rest_flags] = words_of(&slot.quads[1 + run]);
    let flags = word(record, P_PROTO_TOS_FLAGS) & FLAGS;
    let length = word(record, P_OCTETS);
    let Some(sum) = octets.checked_add(length) else {
        return false;
    };
    if (flags | word(first, P_PROTO_TOS_FLAGS)) & TCP_FIN_RST != 0 || rest_flags & RUN_REST_MASK == RUN_REST_MASK {
        return false;
    }
    // Within a tick, hence below a million.
    let later = (time_of(record) - time_of(first)) as u32;
    let rest = quad([
        ends >> HIGH_SHIFT | (run as u32) << HIGH_SHIFT,
        length,
        later | flags >> 16 << REST_LATER_BITS,
        word(record, P_META),
    ]);
    let ends = ends & LOW | (packet as u32) << HIGH_SHIFT;
    slot.quads[1 + run] = quad([ends, sum, later, (rest_flags + 1) | flags]);
    *slot.rest(packet) = rest;
    true
}

#[inline(always)]
fn same_flow(a: &Record, b: &Record) -> bool {
    // Words compared one by one would be as many branches, and slices a call.
    let differ = (0..P_PORTS / 2).fold(0, |differ, pair| differ | (pair_of(a, pair) ^ pair_of(b, pair)));
    differ == 0
        && word(a, P_PORTS) == word(b, P_PORTS)
        && (word(a, P_PROTO_TOS_FLAGS) ^ word(b, P_PROTO_TOS_FLAGS)) & PROTO_TOS == 0
        && word(a, P_INPUT) == word(b, P_INPUT)
        && (word(a, P_META) ^ word(b, P_META)) & META_KEY == 0
}

/// Words 2 n and 2 n + 1.
#[inline(always)]
fn pair_of(record: &Record, n: usize) -> u64 {
    u64::from_ne_bytes(*record[n * 8..].first_chunk().expect("eight bytes of two words"))
}

#[inline(always)]
fn word(record: &Record, at: usize) -> u32 {
    u32::from_ne_bytes(*record[at * 4..].first_chunk().expect("four bytes of a word"))
}

#[inline(always)]
fn time_of(record: &Record) -> f64 {
    f64::from_ne_bytes(*record[P_TIME * 4..].first_chunk().expect("eight bytes of time"))
}

#[inline(always)]
fn words_of(quad: &Quad) -> [u32; RUN_WORDS] {
    std::array::from_fn(|at| u32::from_ne_bytes(*quad[at * 4..].first_chunk().expect("four bytes of a word")))
}

#[inline(always)]
fn quad(words: [u32; RUN_WORDS]) -> Quad {
    let mut out = [0; RUN_WORDS * 4];
    for (out, word) in out.as_chunks_mut().0.iter_mut().zip(words) {
        *out = word.to_ne_bytes();
    }
    out
}

#[cfg(test)]
mod tests;
