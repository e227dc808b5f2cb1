//! Joins IP fragments of captured datagrams: exporters with datagrams above the MTU (14 kB are seen) get fragmented, and
//! a capture has what was on the wire.
//!
//! Bounded in packets and bytes; the oldest incomplete one gives way. Time is the packets' own.

use crate::datagram::packet::{udp, Datagram, Fragment, Identity};
use crate::datagram::{Endpoint, MAX_PAYLOAD};
use std::collections::HashMap;

/// Incomplete packets kept at most; each has at most 64 KiB.
const PACKETS: usize = 256;
/// Pieces of a packet with holes between them: more come from nobody but an attacker.
const RANGES: usize = 64;
/// As long as Linux waits (net.ipv4.ipfrag_time).
const LIFETIME_MS: f64 = 30_000.0;

#[derive(Default)]
pub struct Reassembly {
    packets: HashMap<Identity, Partial>,
    /// The packet that was completed last.
    whole: Vec<u8>,
}

struct Partial {
    bytes: Vec<u8>,
    /// What is there: start and end, in order, never touching.
    ranges: Vec<(usize, usize)>,
    /// Known once the last fragment is there.
    length: Option<usize>,
    fragments: u64,
    first_ms: f64,
}

/// What became of a fragment.
pub enum Joined<'a> {
    /// It completed a datagram.
    Whole(Datagram<'a>),
    /// It is kept, or nothing can come of it. So many packets will not be part of a datagram.
    Lost(u64),
}

impl Reassembly {
    /// Adds a fragment seen at `ms`.
    pub fn add(&mut self, fragment: &Fragment, ms: f64) -> Joined<'_> {
        let identity = fragment.identity;
        let mut lost = 0;
        match self.packets.get(&identity) {
            // The identification is used again.
            Some(partial) if (ms - partial.first_ms).abs() > LIFETIME_MS => lost += self.remove(&identity),
            None if self.packets.len() >= PACKETS => lost += self.remove_oldest(),
            _ => {}
        }
        let partial = self.packets.entry(identity).or_insert_with(|| Partial {
            bytes: Vec::new(),
            ranges: Vec::new(),
            length: None,
            fragments: 0,
            first_ms: ms,
        });
        partial.fragments += 1;
        if !partial.add(fragment) {
            return Joined::Lost(lost + self.remove(&identity));
        }
        if !partial.is_whole() {
            return Joined::Lost(lost);
        }
        let fragments = partial.fragments;
        if let Some(partial) = self.packets.remove(&identity) {
            self.whole = partial.bytes;
        }
        let source = Endpoint {
            high: identity.addresses[0],
            low: identity.addresses[1],
            port: 0,
        };
        match udp(source, &self.whole) {
            // Whatever gave way for this one is gone before, so nothing is lost in a call that completes a packet.
            Some(datagram) => Joined::Whole(datagram),
            None => Joined::Lost(lost + fragments),
        }
    }

    /// Gives up all incomplete packets; says how many fragments they had.
    pub fn clear(&mut self) -> u64 {
        self.packets.drain().map(|(_, partial)| partial.fragments).sum()
    }

    fn remove(&mut self, identity: &Identity) -> u64 {
        self.packets.remove(identity).map_or(0, |partial| partial.fragments)
    }

    fn remove_oldest(&mut self) -> u64 {
        let oldest = self
            .packets
            .iter()
            .min_by(|(_, a), (_, b)| a.first_ms.total_cmp(&b.first_ms))
            .map(|(identity, _)| *identity);
        oldest.map_or(0, |identity| self.remove(&identity))
    }
}

impl Partial {
    /// False when the fragment contradicts the others: overlaps have no honest reason (RFC 5722) and end the packet. The
    /// same fragment twice is no contradiction.
    fn add(&mut self, fragment: &Fragment) -> bool {
        let (start, end) = (fragment.offset, fragment.offset + fragment.data.len());
        // The UDP length field has 16 bits, and all but the last fragment are whole units of 8 bytes.
        if end > MAX_PAYLOAD || start == end || (fragment.more && !fragment.data.len().is_multiple_of(8)) {
            return false;
        }
        if !fragment.more {
            if self.length.is_some_and(|length| length != end) {
                return false;
            }
            self.length = Some(end);
        }
        let last = self.ranges.last().map_or(0, |&(_, last)| last);
        if self.length.is_some_and(|length| end.max(last) > length) {
            return false;
        }
        let place = self.ranges.partition_point(|&(_, range_end)| range_end < end);
        if self
            .ranges
            .get(place)
            .is_some_and(|&(range_start, _)| range_start <= start)
        {
            return true;
        }
        let after = self.ranges.get(place).copied();
        let before = place.checked_sub(1).map(|index| self.ranges[index]);
        if after.is_some_and(|(range_start, _)| range_start < end) || before.is_some_and(|(_, to)| to > start) {
            return false;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(fragment.data);
        let joins_before = before.filter(|&(_, to)| to == start);
        let joins_after = after.filter(|&(from, _)| from == end);
        match (joins_before, joins_after) {
            (Some((from, _)), Some((_, to))) => {
                self.ranges[place - 1] = (from, to);
                self.ranges.remove(place);
            }
            (Some((from, _)), None) => self.ranges[place - 1] = (from, end),
            (None, Some((_, to))) => self.ranges[place] = (start, to),
            (None, None) => self.ranges.insert(place, (start, end)),
        }
        self.ranges.len() <= RANGES
    }

    fn is_whole(&self) -> bool {
        matches!((self.length, self.ranges.as_slice()), (Some(length), [(0, end)]) if *end == length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::Random;

    fn identity(id: u32) -> Identity {
        Identity {
            addresses: [0, 1, 0, 2],
            id,
        }
    }

    /// A UDP header (port 7 to 8) and payload.
    fn transport(length: usize) -> Vec<u8> {
        let mut bytes = vec![0, 7, 0, 8, ((length + 8) >> 8) as u8, (length + 8) as u8, 0, 0];
        bytes.extend((0..length).map(|i| (i / 8) as u8));
        bytes
    }

    fn part(id: u32, whole: &[u8], start: usize, end: usize) -> Fragment<'_> {
        Fragment {
            identity: identity(id),
            offset: start,
            more: end < whole.len(),
            data: &whole[start..end],
        }
    }

    fn payload(joined: Joined) -> Option<Vec<u8>> {
        match joined {
            Joined::Whole(datagram) => {
                assert_eq!((datagram.source.port, datagram.destination_port), (7, 8));
                assert_eq!((datagram.source.high, datagram.source.low), (0, 1));
                Some(datagram.payload.to_vec())
            }
            Joined::Lost(_) => None,
        }
    }

    #[test]
    fn joins_in_any_order_and_takes_duplicates() {
        let whole = transport(100);
        let parts = [(0, 24), (24, 48), (48, 96), (96, 108)];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
            let mut table = Reassembly::default();
            for &index in &order[..3] {
                for _ in 0..2 {
                    let (start, end) = parts[index];
                    assert!(payload(table.add(&part(1, &whole, start, end), 0.0)).is_none());
                }
            }
            let (start, end) = parts[order[3]];
            assert_eq!(
                payload(table.add(&part(1, &whole, start, end), 1.0)).unwrap(),
                whole[8..]
            );
            assert_eq!(table.clear(), 0);
        }
    }

    #[test]
    fn contradictions_end_the_packet() {
        let whole = transport(100);
        let cases: [&[(usize, usize, bool)]; 5] = [
            &[(0, 24, true), (16, 40, true)],
            &[(24, 48, true), (0, 32, true)],
            &[(0, 23, true)],
            &[(0, 24, true), (40, 50, false), (56, 64, true)],
            &[(40, 50, false), (40, 48, false)],
        ];
        for case in cases {
            let mut table = Reassembly::default();
            let mut lost = 0;
            for &(start, end, more) in case {
                let fragment = Fragment {
                    more,
                    ..part(1, &whole, start, end)
                };
                if let Joined::Lost(packets) = table.add(&fragment, 0.0) {
                    lost += packets;
                }
            }
            assert_eq!(lost, case.len() as u64, "{case:?}");
            assert_eq!(table.clear(), 0);
        }
    }

    #[test]
    fn old_pieces_do_not_mix_with_new_ones() {
        let whole = transport(40);
        let mut table = Reassembly::default();
        table.add(&part(1, &whole, 0, 24), 0.0);
        assert!(payload(table.add(&part(1, &whole, 24, 48), 31_000.0)).is_none());
        assert!(payload(table.add(&part(1, &whole, 0, 24), 31_001.0)).is_some());
    }

    #[test]
    fn is_bounded_and_counts_what_gives_way() {
        let whole = transport(40);
        let mut table = Reassembly::default();
        let mut lost = 0;
        for id in 0..1000 {
            if let Joined::Lost(packets) = table.add(&part(id, &whole, 0, 24), f64::from(id)) {
                lost += packets;
            }
        }
        assert_eq!(lost, 1000 - PACKETS as u64);
        assert!(payload(table.add(&part(999, &whole, 24, 48), 1000.0)).is_some());
        assert_eq!(table.clear(), PACKETS as u64 - 1);
    }

    #[test]
    fn holes_without_end_are_refused() {
        let mut table = Reassembly::default();
        let whole = vec![0; 60_000];
        let mut lost = 0;
        for i in 0..=RANGES {
            if let Joined::Lost(packets) = table.add(&part(1, &whole, i * 16, i * 16 + 8), 0.0) {
                lost += packets;
            }
        }
        assert_eq!(lost, RANGES as u64 + 1);
    }

    #[test]
    fn never_gives_bytes_that_were_not_sent() {
        let mut random = Random::new();
        let whole = transport(400);
        let mut table = Reassembly::default();
        let mut joined = 0;
        while random.time_left() {
            let start = random.below(51) * 8;
            let end = (start + 8 * (1 + random.below(50))).min(whole.len());
            let id = random.below(300) as u32;
            let seen = payload(table.add(&part(id, &whole, start, end), random.below(40_000) as f64));
            if let Some(payload) = seen {
                assert_eq!(payload, whole[8..]);
                joined += 1;
            }
            assert!(table.packets.len() <= PACKETS);
        }
        assert!(joined > 0);
    }
}
