//! Later fragments of a packet have no ports: they get those of the first one, which this table keeps for a while.
//!
//! Fixed in size: sets of four entries, the oldest of a set gives way. Time is the packets' own.

use crate::packet::HashSeed;

const WAYS: usize = 4;
const SETS: usize = 1024;
/// As long as reassembly waits in most systems (RFC 8200 says 60 s, Linux takes 30 s).
const LIFETIME_NS: u64 = 30_000_000_000;

/// What makes fragments parts of one packet: addresses, identification and, in IPv4, the protocol (RFC 791).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub addresses: [u64; 4],
    pub id: u32,
    /// 0 in IPv6, where each fragment may have its own view of what comes next.
    pub protocol: u8,
}

/// What a first fragment says for those behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct First {
    pub protocol: u8,
    pub ports: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    identity: Identity,
    first: First,
    time_ns: u64,
    used: bool,
}

const EMPTY: Entry = Entry {
    identity: Identity {
        addresses: [0; 4],
        id: 0,
        protocol: 0,
    },
    first: First { protocol: 0, ports: 0 },
    time_ns: 0,
    used: false,
};

pub struct Fragments {
    /// Made on the first fragment: most sources never see one.
    entries: Vec<Entry>,
}

impl Fragments {
    pub fn new() -> Fragments {
        Fragments { entries: Vec::new() }
    }

    pub fn remember(&mut self, seed: &HashSeed, identity: Identity, first: First, time_ns: u64) {
        if self.entries.is_empty() {
            self.entries = vec![EMPTY; SETS * WAYS];
        }
        let set = self.set(seed, &identity);
        let entries = &mut self.entries[set..set + WAYS];
        let place = entries
            .iter()
            .position(|entry| entry.used && entry.identity == identity)
            .or_else(|| entries.iter().position(|entry| !entry.used))
            .unwrap_or_else(|| (0..WAYS).min_by_key(|&way| entries[way].time_ns).unwrap_or(0));
        entries[place] = Entry {
            identity,
            first,
            time_ns,
            used: true,
        };
    }

    pub fn find(&self, seed: &HashSeed, identity: &Identity, time_ns: u64) -> Option<First> {
        if self.entries.is_empty() {
            return None;
        }
        let set = self.set(seed, identity);
        self.entries[set..set + WAYS]
            .iter()
            .find(|entry| entry.used && entry.identity == *identity && entry.time_ns.abs_diff(time_ns) <= LIFETIME_NS)
            .map(|entry| entry.first)
    }

    fn set(&self, seed: &HashSeed, identity: &Identity) -> usize {
        let hash = seed.fragment_hash(&identity.addresses, identity.id, identity.protocol);
        (hash as usize % SETS) * WAYS
    }
}
