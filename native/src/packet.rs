//! One decoded packet as it crosses to TypeScript: 64 bytes, one cache line. `src/addon/packet-layout.ts` explains the
//! words; a test compares the numbers here with those there.

use crate::layout::{layout, Layout};
use crate::mixing::{folded_product, SplitMix64};

pub const PACKET_BYTES: usize = 64;
pub const PACKET_WORDS: usize = PACKET_BYTES / 4;

pub const P_SRC: usize = 0;
pub const P_DST: usize = 4;
pub const P_PORTS: usize = 8;
pub const P_PROTO_TOS_FLAGS: usize = 9;
pub const P_INPUT: usize = 10;
pub const P_OCTETS: usize = 11;
pub const P_HASH: usize = 12;
pub const P_META: usize = 13;
pub const P_TIME: usize = 14;

pub const P_META_VERSION_MASK: u32 = 0x0f;
pub const P_META_FRAGMENT: u32 = 0x10;
pub const P_META_CUT: u32 = 0x20;
pub const P_META_DIRECTION_KNOWN: u32 = 0x40;
pub const P_META_EGRESS: u32 = 0x80;
pub const P_META_TTL_SHIFT: u32 = 8;
pub const P_META_NANOS_SHIFT: u32 = 20;

/// Every constant by name, for the test on the other side.
pub const LAYOUT: Layout = layout![
    PACKET_BYTES,
    PACKET_WORDS,
    P_SRC,
    P_DST,
    P_PORTS,
    P_PROTO_TOS_FLAGS,
    P_INPUT,
    P_OCTETS,
    P_HASH,
    P_META,
    P_TIME,
    P_META_VERSION_MASK,
    P_META_FRAGMENT,
    P_META_CUT,
    P_META_DIRECTION_KNOWN,
    P_META_EGRESS,
    P_META_TTL_SHIFT,
    P_META_NANOS_SHIFT,
];

/// A packet's fields before they are packed.
pub struct PacketRecord {
    /// Source and destination: the 16 bytes of each in network order, as two words loaded in the machine's order.
    pub addresses: [u64; 4],
    pub ports: u32,
    pub protocol: u8,
    pub tos: u8,
    pub tcp_flags: u16,
    pub input: u32,
    pub octets: u32,
    pub version: u8,
    pub ttl: u8,
    /// P_META_* bits.
    pub meta: u32,
    pub time_ns: u64,
}

impl PacketRecord {
    #[inline(always)]
    pub fn write(&self, seed: &HashSeed, out: &mut [u8; PACKET_BYTES]) {
        let hash = seed.hash(self);
        let micros = self.time_ns / 1000;
        let nanos = (self.time_ns - micros * 1000) as u32;
        let meta =
            u32::from(self.version) | u32::from(self.ttl) << P_META_TTL_SHIFT | self.meta | nanos << P_META_NANOS_SHIFT;
        let proto = u32::from(self.protocol) | u32::from(self.tos) << 8 | u32::from(self.tcp_flags) << 16;
        for (at, half) in [(P_SRC, 0), (P_SRC + 2, 1), (P_DST, 2), (P_DST + 2, 3)] {
            out[at * 4..at * 4 + 8].copy_from_slice(&self.addresses[half].to_ne_bytes());
        }
        for (at, word) in [
            (P_PORTS, self.ports),
            (P_PROTO_TOS_FLAGS, proto),
            (P_INPUT, self.input),
            (P_OCTETS, self.octets),
            (P_HASH, hash),
            (P_META, meta),
        ] {
            out[at * 4..at * 4 + 4].copy_from_slice(&word.to_ne_bytes());
        }
        out[P_TIME * 4..].copy_from_slice(&(micros as i64 as f64).to_ne_bytes());
    }
}

/// Secret of the hash: whoever does not know it cannot make packets that meet in one chain of the flow cache.
pub struct HashSeed([u64; 6]);

impl HashSeed {
    pub fn new(seed: u64) -> HashSeed {
        let mut random = SplitMix64::new(seed);
        // Odd, so that no factor of a folded product is ever 0 for an all-zero word.
        HashSeed(std::array::from_fn(|_| random.draw() | 1))
    }

    /// Covers the flow's key and nothing that changes within a flow. Fields that one key mode leaves out (ToS, input)
    /// are in it all the same: whoever groups without them hashes anew.
    #[inline(always)]
    fn hash(&self, record: &PacketRecord) -> u32 {
        let HashSeed(seed) = self;
        let [src_hi, src_lo, dst_hi, dst_lo] = record.addresses;
        let rest = u64::from(record.ports)
            | u64::from(record.protocol) << 32
            | u64::from(record.tos) << 40
            | u64::from(record.version) << 48;
        let source = folded_product(src_hi ^ seed[0], src_lo ^ seed[1]);
        let destination = folded_product(dst_hi ^ seed[2], dst_lo ^ seed[3]);
        let key = folded_product(rest ^ seed[4], u64::from(record.input) ^ seed[5]);
        // Unequal roles for the two ends: A to B and B to A are two flows.
        let all = folded_product(source ^ seed[5] ^ key, destination ^ seed[4]);
        (all ^ (all >> 32)) as u32
    }

    /// The same for two sightings of a packet, whatever routers between them have changed; different for any other with
    /// all but certainty. `protocol`, `id` and `fragment` are as its IP header has them, `payload` is what follows that.
    pub fn fingerprint(&self, record: &PacketRecord, protocol: u8, id: u32, fragment: u32, payload: &[u8]) -> u64 {
        let HashSeed(seed) = self;
        let [src_hi, src_lo, dst_hi, dst_lo] = record.addresses;
        let source = folded_product(src_hi ^ seed[0], src_lo ^ seed[1]);
        let destination = folded_product(dst_hi ^ seed[2], dst_lo ^ seed[3]);
        let packet = u64::from(id) | u64::from(protocol) << 32 | u64::from(record.version) << 40;
        let place = u64::from(fragment) | u64::from(record.octets) << 32;
        let header = folded_product(packet ^ seed[4], place ^ seed[5]);
        let mut all = folded_product(source ^ seed[3] ^ header, destination ^ seed[2]);
        for pair in payload[..payload.len().min(FINGERPRINT_OCTETS)].chunks(16) {
            let mut bytes = [0; 16];
            bytes[..pair.len()].copy_from_slice(pair);
            let pair = u128::from_ne_bytes(bytes);
            all = folded_product(
                all ^ pair as u64 ^ seed[0],
                all.rotate_left(32) ^ (pair >> 64) as u64 ^ seed[1],
            );
        }
        all
    }

    /// Hash of a fragmented packet's identity.
    #[inline]
    pub fn fragment_hash(&self, addresses: &[u64; 4], id: u32, protocol: u8) -> u64 {
        let HashSeed(seed) = self;
        let source = folded_product(addresses[0] ^ seed[0], addresses[1] ^ seed[1]);
        let destination = folded_product(addresses[2] ^ seed[2], addresses[3] ^ seed[3]);
        folded_product(
            source ^ seed[4],
            destination ^ seed[5] ^ (u64::from(id) | u64::from(protocol) << 32),
        )
    }
}

/// A TCP header with its usual options and some of what follows; retransmissions and answers differ in these.
const FINGERPRINT_OCTETS: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(i: u32) -> PacketRecord {
        PacketRecord {
            addresses: [
                0,
                0xffff_0000 | u64::from(i >> 8) << 32,
                0,
                0xffff_0000 | u64::from(i & 0xff) << 40,
            ],
            ports: 443 << 16 | (i * 7) & 0xffff,
            protocol: 6,
            tos: 0,
            tcp_flags: 2,
            input: 0,
            octets: 60,
            version: 4,
            ttl: 64,
            meta: 0,
            time_ns: 1_700_000_000_123_456_789,
        }
    }

    #[test]
    fn fields_stand_where_the_layout_says() {
        let mut out = [0; PACKET_BYTES];
        let mut one = record(0x0102);
        one.addresses = [1, 2, 3, 4].map(|n: u64| u64::from_ne_bytes([n as u8; 8]));
        one.meta = P_META_FRAGMENT | P_META_DIRECTION_KNOWN;
        one.write(&HashSeed::new(0), &mut out);
        let word = |at: usize| u32::from_ne_bytes(out[at * 4..at * 4 + 4].try_into().unwrap());
        assert_eq!(out[..32], [[1; 8], [2; 8], [3; 8], [4; 8]].concat());
        assert_eq!(word(P_PROTO_TOS_FLAGS), 6 | 2 << 16);
        assert_eq!(word(P_OCTETS), 60);
        assert_eq!(word(P_META), 4 | 0x50 | 64 << 8 | 789 << 20);
        let micros = f64::from_ne_bytes(out[56..].try_into().unwrap());
        assert_eq!(micros, 1_700_000_000_123_456.0);
    }

    #[test]
    fn hash_spreads_and_depends_on_key_and_seed_alone() {
        let seed = HashSeed::new(7);
        let mut buckets = vec![0u32; 1 << 12];
        for i in 0..1 << 16 {
            buckets[(seed.hash(&record(i)) & 0xfff) as usize] += 1;
        }
        // 16 a bucket on average; a Poisson tail beyond 48 is about 1e-10 a bucket.
        assert!(*buckets.iter().max().unwrap() < 48);
        let (a, mut b) = (record(1), record(1));
        (b.octets, b.tcp_flags, b.ttl, b.time_ns, b.meta) = (1, 1, 1, 1, P_META_FRAGMENT);
        assert_eq!(seed.hash(&a), seed.hash(&b));
        assert_ne!(seed.hash(&a), HashSeed::new(8).hash(&a));
        let changes: [fn(&mut PacketRecord); 5] = [
            |r| r.tos = 4,
            |r| r.input = 1,
            |r| r.protocol = 17,
            |r| r.version = 6,
            |r| r.addresses.swap(1, 3),
        ];
        for change in changes {
            let mut other = record(1);
            change(&mut other);
            assert_ne!(seed.hash(&a), seed.hash(&other));
        }
    }
}
