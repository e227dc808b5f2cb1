//! Datagrams as JavaScript gets them: a slot has `META_BYTES` of description for each datagram from its start, and the
//! payloads from its end downwards, so that neither few long nor many short datagrams leave room unused.
//! `src/addon/datagram-layout.ts` has the same numbers; a test compares them.

pub mod batch;
pub mod device;
pub mod file;
pub mod live;
pub mod multicast;
mod output;
pub(crate) mod packet;
pub mod reassembly;
pub mod socket;

use crate::layout::Layout;
use crate::slots::{Filling, SlotRing};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

pub const META_BYTES: usize = 64;
pub const META_WORDS: usize = META_BYTES / 4;
pub const OFFSET: usize = 0;
pub const LENGTH: usize = 1;
pub const SRC_PORT: usize = 2;
pub const LOCAL_PORT: usize = 3;
pub const SRC_HI: usize = 4;
pub const SRC_LO: usize = 6;
pub const RECEIVED_MS: usize = 8;
pub const LISTENER: usize = 10;
/// Connections are received in TypeScript; of datagrams this stays 0.
pub const SESSION: usize = 11;

/// Largest payload of one UDP datagram (its length field has 16 bits; jumbograms do not exist for UDP in practice).
pub const MAX_PAYLOAD: usize = 65_535;

/// A slot must hold at least one datagram of any size.
pub const MIN_SLOT_BYTES: usize = 128 * 1024;

/// Payloads begin at multiples of this, so that they start on the same footing for whoever copies them.
const PAYLOAD_ALIGN: usize = 8;

/// Every constant by name, for the test on the other side.
pub const LAYOUT: Layout = &[
    ("DATAGRAM_META_BYTES", META_BYTES as u32),
    ("DATAGRAM_META_WORDS", META_WORDS as u32),
    ("D_OFFSET", OFFSET as u32),
    ("D_LENGTH", LENGTH as u32),
    ("D_SRC_PORT", SRC_PORT as u32),
    ("D_LOCAL_PORT", LOCAL_PORT as u32),
    ("D_SRC_HI", SRC_HI as u32),
    ("D_SRC_LO", SRC_LO as u32),
    ("D_RECEIVED_MS", RECEIVED_MS as u32),
    ("D_LISTENER", LISTENER as u32),
    ("D_SESSION", SESSION as u32),
];

/// Where a datagram came from and when.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    pub source: Endpoint,
    pub local_port: u16,
    pub received_ms: f64,
    pub listener: u32,
}

/// An address as two 64-bit halves (IPv4 as ::ffff:a.b.c.d) and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Endpoint {
    pub high: u64,
    pub low: u64,
    pub port: u16,
}

impl Endpoint {
    pub fn v4(address: [u8; 4], port: u16) -> Endpoint {
        Endpoint {
            high: 0,
            low: 0xffff_0000_0000 | u64::from(u32::from_be_bytes(address)),
            port,
        }
    }

    pub fn v6(address: [u8; 16], port: u16) -> Endpoint {
        let bits = u128::from_be_bytes(address);
        Endpoint {
            high: (bits >> 64) as u64,
            low: bits as u64,
            port,
        }
    }
}

impl Endpoint {
    /// IPv4 where it is mapped.
    pub fn ip(&self) -> IpAddr {
        let bits = u128::from(self.high) << 64 | u128::from(self.low);
        std::net::Ipv6Addr::from(bits).to_canonical()
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Endpoint {
        match address.ip() {
            IpAddr::V4(ip) => Endpoint::v4(ip.octets(), address.port()),
            IpAddr::V6(ip) => Endpoint::v6(ip.octets(), address.port()),
        }
    }
}

/// What every datagram source counts; written by its threads, read from any.
#[derive(Debug, Default)]
pub struct Counters {
    pub datagrams: AtomicU64,
    pub bytes: AtomicU64,
    pub queue_dropped: AtomicU64,
    pub skipped_packets: AtomicU64,
    pub bytes_read: AtomicU64,
}

/// A slot in the making.
pub struct DatagramSlot<'a> {
    filling: Filling<'a>,
    count: usize,
    /// Where the payloads begin; all below it and above the descriptions is free.
    floor: usize,
    bytes: u64,
}

impl<'a> DatagramSlot<'a> {
    pub fn new(mut filling: Filling<'a>) -> DatagramSlot<'a> {
        let floor = filling.bytes().len() / PAYLOAD_ALIGN * PAYLOAD_ALIGN;
        DatagramSlot {
            filling,
            count: 0,
            floor,
            bytes: 0,
        }
    }

    /// The next free slot of the ring; waits for one. `None` once the ring was stopped.
    pub fn acquire(ring: &'a SlotRing) -> Option<DatagramSlot<'a>> {
        ring.acquire().map(DatagramSlot::new)
    }

    /// Appends a datagram; false when it does not fit, and then nothing is changed.
    pub fn push(&mut self, payload: &[u8], origin: &Origin) -> bool {
        let meta = self.count * META_BYTES;
        let Some(start) = self.floor.checked_sub(payload.len()) else {
            return false;
        };
        let start = start / PAYLOAD_ALIGN * PAYLOAD_ALIGN;
        if start < meta + META_BYTES {
            return false;
        }
        let slot = self.filling.bytes();
        slot[start..start + payload.len()].copy_from_slice(payload);
        describe(&mut slot[meta..meta + META_BYTES], start, payload.len(), origin);
        self.floor = start;
        self.count += 1;
        self.bytes += payload.len() as u64;
        true
    }

    /// Hands the slot over and counts what is in it; an empty one goes back unused.
    pub fn publish(self, counters: &Counters) {
        if self.count > 0 {
            counters.datagrams.fetch_add(self.count as u64, Ordering::Relaxed);
            counters.bytes.fetch_add(self.bytes, Ordering::Relaxed);
            self.filling.publish(self.count as u32);
        }
    }
}

/// Writes one description, in the byte order of this machine, as typed arrays read it.
fn describe(meta: &mut [u8], offset: usize, length: usize, origin: &Origin) {
    let mut words = [0u8; META_BYTES];
    let mut put = |word: usize, value: &[u8]| words[word * 4..word * 4 + value.len()].copy_from_slice(value);
    // Low word first on every machine, as FlowBatch has 64-bit columns.
    let halves = |value: u64| (value as u32, (value >> 32) as u32);
    let (high_0, high_1) = halves(origin.source.high);
    let (low_0, low_1) = halves(origin.source.low);
    put(OFFSET, &(offset as u32).to_ne_bytes());
    put(LENGTH, &(length as u32).to_ne_bytes());
    put(SRC_PORT, &u32::from(origin.source.port).to_ne_bytes());
    put(LOCAL_PORT, &u32::from(origin.local_port).to_ne_bytes());
    put(SRC_HI, &high_0.to_ne_bytes());
    put(SRC_HI + 1, &high_1.to_ne_bytes());
    put(SRC_LO, &low_0.to_ne_bytes());
    put(SRC_LO + 1, &low_1.to_ne_bytes());
    put(RECEIVED_MS, &origin.received_ms.to_ne_bytes());
    put(LISTENER, &origin.listener.to_ne_bytes());
    meta.copy_from_slice(&words);
}

/// What a slot says of one datagram.
pub struct Entry<'a> {
    pub source: Endpoint,
    pub session: u32,
    pub payload: &'a [u8],
}

/// Reads the description of datagram `index`; `None` when it does not lie in the slot.
pub fn entry(slot: &[u8], index: usize) -> Option<Entry<'_>> {
    let meta = slot
        .get(index.checked_mul(META_BYTES)?..)?
        .first_chunk::<META_BYTES>()?;
    let word = |at: usize| u32::from_ne_bytes([meta[at * 4], meta[at * 4 + 1], meta[at * 4 + 2], meta[at * 4 + 3]]);
    let half = |at: usize| u64::from(word(at)) | u64::from(word(at + 1)) << 32;
    let start = word(OFFSET) as usize;
    Some(Entry {
        source: Endpoint {
            high: half(SRC_HI),
            low: half(SRC_LO),
            port: word(SRC_PORT) as u16,
        },
        session: word(SESSION),
        payload: slot.get(start..start.checked_add(word(LENGTH) as usize)?)?,
    })
}

/// Payloads of a slot that the caller took from the ring, for tests.
#[cfg(test)]
pub(crate) fn payloads(ring: &SlotRing, slot: usize) -> Vec<Vec<u8>> {
    // SAFETY: the slot is in the caller's hands and lives as long as the ring.
    let bytes = unsafe { std::slice::from_raw_parts(ring.regions()[slot].as_ptr(), ring.slot_bytes()) };
    let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    (0..ring.count(slot) as usize)
        .map(|i| {
            let (offset, length) = (word(i * META_BYTES + OFFSET * 4), word(i * META_BYTES + LENGTH * 4));
            bytes[offset..offset + length].to_vec()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::Next;

    fn word(slot: &[u8], index: usize) -> u32 {
        u32::from_ne_bytes(slot[index * 4..index * 4 + 4].try_into().unwrap())
    }

    fn origin() -> Origin {
        Origin {
            source: Endpoint::v4([192, 0, 2, 1], 2055),
            local_port: 9995,
            received_ms: 1.5,
            listener: 3,
        }
    }

    #[test]
    fn datagrams_fill_a_slot_from_both_ends_and_stay_whole() {
        let ring = SlotRing::new(1, 4096, Box::new(|| {})).unwrap();
        let counters = Counters::default();
        let mut slot = DatagramSlot::acquire(&ring).unwrap();
        let payloads: Vec<Vec<u8>> = (0..200u8).map(|i| vec![i; usize::from(i) % 40]).collect();
        let fitted = payloads
            .iter()
            .take_while(|payload| slot.push(payload, &origin()))
            .count();
        assert!(fitted > 30 && fitted < 200);
        assert!(!slot.push(&[0; 5000], &origin()));
        slot.publish(&counters);
        let Next::Slot(index) = ring.next() else {
            panic!("published")
        };
        assert_eq!(ring.count(index) as usize, fitted);
        assert_eq!(counters.datagrams.load(Ordering::Relaxed) as usize, fitted);
        // SAFETY: the slot is in our hands and lives as long as the ring.
        let bytes = unsafe { std::slice::from_raw_parts(ring.regions()[index].as_ptr(), 4096) };
        for (i, payload) in payloads.iter().take(fitted).enumerate() {
            let meta = &bytes[i * META_BYTES..(i + 1) * META_BYTES];
            let (offset, length) = (word(meta, OFFSET) as usize, word(meta, LENGTH) as usize);
            assert!(offset >= fitted * META_BYTES);
            assert_eq!(&bytes[offset..offset + length], payload.as_slice());
            assert_eq!(word(meta, SRC_PORT), 2055);
            assert_eq!(word(meta, LOCAL_PORT), 9995);
            assert_eq!((word(meta, SRC_HI), word(meta, SRC_HI + 1)), (0, 0));
            assert_eq!((word(meta, SRC_LO), word(meta, SRC_LO + 1)), (0xc000_0201, 0xffff));
            let received = &meta[RECEIVED_MS * 4..RECEIVED_MS * 4 + 8];
            assert_eq!(f64::from_ne_bytes(received.try_into().unwrap()), 1.5);
            assert_eq!(word(meta, LISTENER), 3);
        }
    }

    #[test]
    fn the_smallest_slot_holds_the_largest_datagram() {
        let ring = SlotRing::new(1, MIN_SLOT_BYTES, Box::new(|| {})).unwrap();
        let mut slot = DatagramSlot::acquire(&ring).unwrap();
        assert!(slot.push(&[1; MAX_PAYLOAD], &origin()));
    }

    #[test]
    fn an_empty_slot_is_not_handed_over() {
        let ring = SlotRing::new(1, 4096, Box::new(|| {})).unwrap();
        DatagramSlot::acquire(&ring).unwrap().publish(&Counters::default());
        assert_eq!(ring.next(), Next::None);
        assert!(ring.try_acquire().is_some());
    }

    #[test]
    fn addresses_are_two_halves() {
        let v6 = Endpoint::from("[2001:db8::1]:5".parse::<SocketAddr>().unwrap());
        assert_eq!((v6.high, v6.low, v6.port), (0x2001_0db8_0000_0000, 1, 5));
        let v4 = Endpoint::from("10.0.0.1:5".parse::<SocketAddr>().unwrap());
        assert_eq!(v4, Endpoint::from("[::ffff:10.0.0.1]:5".parse::<SocketAddr>().unwrap()));
    }
}
