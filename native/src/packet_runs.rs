//! Packets of one slot that belong to one flow, counted together: what the flow cache would add up one by one, this
//! thread adds up while it has the records at hand. `src/addon/packet-run-layout.ts` explains the words; a test compares
//! the numbers here with those there.

use crate::packet::{
    PACKET_BYTES, P_HASH, P_INPUT, P_META, P_META_EGRESS, P_META_VERSION_MASK, P_OCTETS, P_PORTS, P_PROTO_TOS_FLAGS,
    P_TIME,
};

pub const RUN_BYTES: usize = 16;
pub const RUN_WORDS: usize = RUN_BYTES / 4;
pub const RUN_FIRST: usize = 0;
pub const RUN_OCTETS: usize = 1;
pub const RUN_SPAN: usize = 2;
pub const RUN_REST_FLAGS: usize = 3;
pub const RUN_REST_MASK: u32 = 0xffff;

/// Every constant by name, for the test on the other side.
pub const LAYOUT: [(&str, u32); 7] = [
    ("RUN_BYTES", RUN_BYTES as u32),
    ("RUN_WORDS", RUN_WORDS as u32),
    ("RUN_FIRST", RUN_FIRST as u32),
    ("RUN_OCTETS", RUN_OCTETS as u32),
    ("RUN_SPAN", RUN_SPAN as u32),
    ("RUN_REST_FLAGS", RUN_REST_FLAGS as u32),
    ("RUN_REST_MASK", RUN_REST_MASK),
];

/// Slots of more packets than this have no runs: the number of a packet in its run has sixteen bits.
pub const MOST_PACKETS: usize = 1 << 16;

/// The flow cache's step of time: what is due in one of them ends before the first packet of the next is counted.
const TICK_US: f64 = 1_000_000.0;
/// Last time that the flow cache takes as it is.
const MAX_TIME_US: f64 = 4_294_967_296.0 * TICK_US - 1.0;
const TCP_FIN_RST: u32 = 0x05 << 16;
const FLAGS: u32 = 0xffff_0000;
/// What of words 9 and 13 tells flows apart.
const PROTO_TOS: u32 = 0xffff;
const META_KEY: u32 = P_META_VERSION_MASK | P_META_EGRESS;

type Record = [u8; PACKET_BYTES];

struct Run {
    first: u32,
    last: u32,
    /// Of the packets behind the first: octets, how many, and the union of their TCP flags in the upper half.
    octets: u32,
    rest: u32,
    flags: u32,
    span_us: u32,
    /// No packet joins any more.
    closed: bool,
}

/// Bytes that runs take beside `capacity` records: a run for each packet, one in front for their number, and a link.
pub fn bytes(capacity: usize) -> usize {
    (capacity + 1) * RUN_BYTES + capacity * 4
}

pub struct RunGrouper {
    runs: Vec<Run>,
    /// Open addressing: hash and number of the run plus one; never more than half full.
    table: Vec<u64>,
    capacity: usize,
}

impl RunGrouper {
    pub fn new(capacity: usize) -> RunGrouper {
        RunGrouper {
            runs: Vec::with_capacity(capacity),
            table: vec![0; (capacity * 2).next_power_of_two()],
            capacity,
        }
    }

    /// Writes the runs of these records, at most `capacity`, to `out`, which has room for `bytes(capacity)`. There are
    /// none, and their number is 0, where times step back: then the flow cache must see packet after packet.
    pub fn write(&mut self, records: &[Record], out: &mut [u8]) {
        let (runs, links) = out.split_at_mut((self.capacity + 1) * RUN_BYTES);
        let worth = self.group(records, links) && self.runs.len() < records.len();
        let count = if worth { self.runs.len() } else { 0 };
        runs[..4].copy_from_slice(&(count as u32).to_ne_bytes());
        for (out, run) in runs[RUN_BYTES..].chunks_exact_mut(RUN_BYTES).zip(&self.runs[..count]) {
            for (at, word) in [
                (RUN_FIRST, run.first),
                (RUN_OCTETS, run.octets),
                (RUN_SPAN, run.span_us),
                (RUN_REST_FLAGS, run.rest | run.flags),
            ] {
                out[at * 4..at * 4 + 4].copy_from_slice(&word.to_ne_bytes());
            }
        }
    }

    /// False where times step back or cannot be.
    fn group(&mut self, records: &[Record], links: &mut [u8]) -> bool {
        self.runs.clear();
        self.table.fill(0);
        let mask = self.table.len() - 1;
        let mut before = 0.0;
        let mut tick_end = 0.0;
        // Runs before this one are of an earlier tick.
        let mut base = 0;
        for (index, record) in records.iter().enumerate() {
            let time = f64::from_ne_bytes(*record[P_TIME * 4..].first_chunk().expect("eight bytes of time"));
            if !(time >= before && time <= MAX_TIME_US) {
                return false;
            }
            before = time;
            if time >= tick_end {
                tick_end = ((time / TICK_US).floor() + 1.0) * TICK_US;
                base = self.runs.len();
            }
            let hash = word(record, P_HASH);
            let octets = word(record, P_OCTETS);
            let flags = word(record, P_PROTO_TOS_FLAGS) & FLAGS;
            let ends = flags & TCP_FIN_RST != 0;
            let mut at = hash as usize & mask;
            let joined = loop {
                let entry = self.table[at];
                if entry == 0 {
                    break false;
                }
                if (entry >> 32) as u32 == hash {
                    let number = entry as u32 as usize - 1;
                    let run = &mut self.runs[number];
                    if number < base {
                        break false;
                    }
                    let first = &records[run.first as usize];
                    if same_flow(first, record) {
                        break !ends && run.add(first, index as u32, time, octets, flags, links);
                    }
                }
                at = (at + 1) & mask;
            };
            if !joined {
                self.runs.push(Run {
                    first: index as u32,
                    last: index as u32,
                    octets: 0,
                    rest: 0,
                    flags: 0,
                    span_us: 0,
                    closed: ends,
                });
                self.table[at] = u64::from(hash) << 32 | self.runs.len() as u64;
            }
        }
        true
    }
}

impl Run {
    /// Adds packet `index` unless the run is closed or would overflow.
    #[inline]
    fn add(&mut self, first: &Record, index: u32, time: f64, octets: u32, flags: u32, links: &mut [u8]) -> bool {
        let Some(sum) = self.octets.checked_add(octets) else {
            return false;
        };
        if self.closed || self.rest == RUN_REST_MASK {
            return false;
        }
        let began = f64::from_ne_bytes(*first[P_TIME * 4..].first_chunk().expect("eight bytes of time"));
        let link = self.last as usize * 4;
        links[link..link + 4].copy_from_slice(&index.to_ne_bytes());
        self.last = index;
        self.octets = sum;
        self.rest += 1;
        self.flags |= flags;
        // Within a tick, hence below a million.
        self.span_us = (time - began) as u32;
        true
    }
}

#[inline]
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
#[inline]
fn pair_of(record: &Record, n: usize) -> u64 {
    u64::from_ne_bytes(*record[n * 8..].first_chunk().expect("eight bytes of two words"))
}

#[inline]
fn word(record: &Record, at: usize) -> u32 {
    u32::from_ne_bytes(*record[at * 4..].first_chunk().expect("four bytes of a word"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACK: u32 = 0x10 << 16;
    const FIN: u32 = 0x11 << 16;

    fn record(flow: u32, time_us: f64, octets: u32, flags: u32) -> Record {
        let mut out = [0; PACKET_BYTES];
        for (at, word) in [
            (P_PORTS, flow),
            (P_PROTO_TOS_FLAGS, 6 | flags),
            (P_OCTETS, octets),
            // All in one chain.
            (P_HASH, flow & 1),
            (P_META, 4 | flow << 20),
        ] {
            out[at * 4..at * 4 + 4].copy_from_slice(&word.to_ne_bytes());
        }
        out[P_TIME * 4..].copy_from_slice(&time_us.to_ne_bytes());
        out
    }

    /// First packet, octets, span, rest and flags of each run; then the numbers of the packets in it.
    fn runs(records: &[Record]) -> Vec<([u32; 4], Vec<u32>)> {
        let mut out = vec![0; bytes(records.len())];
        RunGrouper::new(records.len()).write(records, &mut out);
        let words: Vec<u32> = out
            .chunks(4)
            .map(|word| u32::from_ne_bytes(word.try_into().unwrap()))
            .collect();
        let links = &words[(records.len() + 1) * RUN_WORDS..];
        let run = |number: usize| {
            let run: [u32; 4] = *words[(number + 1) * RUN_WORDS..].first_chunk().unwrap();
            let mut members = vec![run[RUN_FIRST]];
            for _ in 0..run[RUN_REST_FLAGS] & RUN_REST_MASK {
                members.push(links[*members.last().unwrap() as usize]);
            }
            (run, members)
        };
        (0..words[0] as usize).map(run).collect()
    }

    #[test]
    fn packets_of_a_flow_are_one_run() {
        let found = runs(&[
            record(1, 10.0, 40, ACK),
            record(3, 11.0, 100, ACK),
            record(1, 20.0, 50, ACK),
            record(1, 20.0, 60, 0x08 << 16),
        ]);
        assert_eq!(
            found,
            [([0, 110, 10, 2 | 0x18 << 16], vec![0, 2, 3]), ([1, 0, 0, 0], vec![1]),]
        );
    }

    #[test]
    fn fin_and_the_next_second_end_a_run() {
        let found = runs(&[
            record(1, 1.0, 1, ACK),
            record(1, 2.0, 1, ACK),
            record(1, 3.0, 1, FIN),
            record(1, 4.0, 1, ACK),
            record(1, 999_999.0, 1, ACK),
            record(1, 1_000_000.0, 1, ACK),
        ]);
        let members: Vec<_> = found.into_iter().map(|(_, members)| members).collect();
        assert_eq!(members, [vec![0, 1], vec![2], vec![3, 4], vec![5]]);
    }

    #[test]
    fn octets_do_not_overflow() {
        let large = u32::MAX / 2;
        let found = runs(&[0.0, 1.0, 2.0, 3.0].map(|time| record(1, time, large, ACK)));
        let members: Vec<_> = found.into_iter().map(|(_, members)| members).collect();
        assert_eq!(members, [vec![0, 1, 2], vec![3]]);
    }

    #[test]
    fn there_are_none_where_time_steps_back_or_nothing_joins() {
        let at = |times: [f64; 3]| runs(&times.map(|time| record(1, time, 1, ACK))).len();
        assert_eq!(at([5.0, 5.0, 6.0]), 1);
        for times in [
            [5.0, 6.0, 5.0],
            [5.0, f64::NAN, 6.0],
            [5.0, 6.0, 5e18],
            [-1.0, 0.0, 0.0],
        ] {
            assert_eq!(at(times), 0, "{times:?}");
        }
        assert_eq!(runs(&[record(1, 0.0, 1, ACK), record(2, 0.0, 1, ACK)]).len(), 0);
    }
}
