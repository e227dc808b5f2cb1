//! From a frame to a packet record: link layers down to IP, IP down to the ports.

mod details;
mod extension;
mod fragments;
pub(crate) mod ip;
pub mod link;
mod local_macs;
mod plain;
mod sampler;
mod stats;
mod tunnel;

#[cfg(test)]
mod tests;

pub use local_macs::{parse_mac, LocalMacs};
pub use sampler::Sampler;
pub use stats::Counters;

use crate::capture_file::Direction;
use crate::packet::{HashSeed, PacketRecord, PACKET_BYTES, P_META_DIRECTION_KNOWN, P_META_EGRESS};
use crate::packet_extension::EXTENSION_BYTES;
use details::{Details, Notes, Outer, MORE_FRAGMENTS};
use fragments::Fragments;
use link::Network;

/// One captured frame.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// DLT_ or LINKTYPE_ number, one that `link::supported` knows.
    pub link_type: u16,
    /// ifIndex, unless the link layer has its own.
    pub input: u32,
    pub direction: Direction,
    pub time_ns: u64,
    pub wire_length: u32,
    pub data: &'a [u8],
}

/// Why a packet was not metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    NotIp(u16),
    Malformed,
    Cut,
}

/// Tunnels within tunnels gone into at most: more is an attack on the decoder's time.
const MAX_TUNNELS: usize = 4;
/// Octets that a packet in fragments has at most, and so what it carries.
const MOST_IN_FRAGMENTS: u32 = 65_535;

pub struct Decoder {
    seed: HashSeed,
    fragments: Fragments,
    sampler: Option<Sampler>,
    local_macs: Option<LocalMacs>,
    decapsulates: bool,
    pub counters: Counters,
}

impl Decoder {
    /// `hash_seed` decides about the records' hashes and nothing else.
    pub fn new(hash_seed: u64) -> Decoder {
        Decoder {
            seed: HashSeed::new(hash_seed),
            fragments: Fragments::new(),
            sampler: None,
            local_macs: None,
            decapsulates: false,
            counters: Counters::default(),
        }
    }

    /// Decodes what the sampler takes and counts the rest.
    pub fn sampled_by(self, sampler: Option<Sampler>) -> Decoder {
        Decoder { sampler, ..self }
    }

    /// Tells the direction of Ethernet frames by these addresses, whatever the capture says.
    pub fn with_local_macs(self, local_macs: Option<LocalMacs>) -> Decoder {
        Decoder { local_macs, ..self }
    }

    /// Extended records are of the innermost packet of a tunnel instead of the outermost.
    pub fn decapsulating(self, decapsulates: bool) -> Decoder {
        Decoder { decapsulates, ..self }
    }

    pub fn decapsulates(&self) -> bool {
        self.decapsulates
    }

    /// Counts the frame, and writes its record if it holds IP that can be metered.
    #[inline(always)]
    pub fn decode(&mut self, frame: &Frame, out: &mut [u8; PACKET_BYTES]) -> bool {
        if !self.takes(frame) {
            return false;
        }
        if let Some(mut record) = plain::record(frame) {
            record.meta = direction_bits(self.direction(frame, None));
            record.write(&self.seed, out);
            self.counters.metered += 1;
            return true;
        }
        self.decode_any(frame, out)
    }

    /// The long way.
    #[inline(never)]
    fn decode_any(&mut self, frame: &Frame, out: &mut [u8; PACKET_BYTES]) -> bool {
        let record = self.record(frame, &mut ());
        self.finish(record, out)
    }

    /// The same, and the extension record as well; what `decapsulating` says counts here alone.
    pub fn decode_extended(
        &mut self,
        frame: &Frame,
        out: &mut [u8; PACKET_BYTES],
        extension: &mut [u8; EXTENSION_BYTES],
    ) -> bool {
        if !self.takes(frame) {
            return false;
        }
        let mut details = Details::default();
        link::note_macs(frame.link_type, frame.data, &mut details.link);
        let mut record = self.record(frame, &mut details);
        if let Ok(record) = &mut record {
            if self.decapsulates {
                self.decapsulate(record, &mut details);
            }
            extension::write(&details, record, &self.seed, extension);
        }
        self.finish(record, out)
    }

    /// Makes `record` and `details` those of the packet inside, as far as there is one that can be metered. The first
    /// fragment of a tunnel's packet stands for the whole packet inside; later ones stay the tunnel's.
    fn decapsulate(&mut self, record: &mut PacketRecord, details: &mut Details) {
        for _ in 0..MAX_TUNNELS {
            let outer = details.ip;
            if outer.is_later_fragment() {
                return;
            }
            let Some(found) = tunnel::inside(&outer, record.ports) else {
                return;
            };
            let wire = match outer.fragment & MORE_FRAGMENTS {
                0 => outer.payload_octets,
                // A packet inside that does not tell its length gets this one, and is refused.
                _ => u32::MAX as usize >> 1,
            };
            let inner = self.network(found, outer.payload, wire, record.time_ns, &mut details.ip);
            let fits = |inner: &PacketRecord| wire == outer.payload_octets || inner.octets <= MOST_IN_FRAGMENTS;
            let Some(inner) = inner.ok().filter(fits) else {
                details.ip = outer;
                return;
            };
            details.tunnel.get_or_insert(Outer {
                addresses: record.addresses,
                protocol: outer.protocol,
            });
            *record = PacketRecord {
                input: record.input,
                time_ns: record.time_ns,
                meta: inner.meta | record.meta & (P_META_DIRECTION_KNOWN | P_META_EGRESS),
                ..inner
            };
        }
    }

    /// Counts the frame; whether it is to be metered.
    #[inline]
    fn takes(&mut self, frame: &Frame) -> bool {
        self.counters.packets += 1;
        self.counters.wire_bytes += u64::from(frame.wire_length);
        if let Some(sampler) = &mut self.sampler {
            if !sampler.takes() {
                self.counters.not_sampled += 1;
                return false;
            }
        }
        true
    }

    #[inline]
    fn finish(&mut self, record: Result<PacketRecord, Refused>, out: &mut [u8; PACKET_BYTES]) -> bool {
        match record {
            Ok(record) => {
                record.write(&self.seed, out);
                self.counters.metered += 1;
                true
            }
            Err(refused) => {
                self.counters.refuse(refused);
                false
            }
        }
    }

    #[inline]
    fn record<'a>(&mut self, frame: &Frame<'a>, notes: &mut impl Notes<'a>) -> Result<PacketRecord, Refused> {
        let data = frame.data;
        // A hostile file may say that less was on the wire than was captured.
        let wire = (frame.wire_length as usize).max(data.len());
        let found = link::locate(frame.link_type, data, notes);
        let mut record = self.network(found.network, data, wire, frame.time_ns, notes)?;
        record.time_ns = frame.time_ns;
        record.input = found.interface.unwrap_or(frame.input);
        record.meta |= direction_bits(self.direction(frame, found.direction));
        Ok(record)
    }

    /// `found`: what the link layer says.
    #[inline]
    fn direction(&self, frame: &Frame, found: Option<Direction>) -> Direction {
        match &self.local_macs {
            Some(local_macs) if frame.link_type == link::ETHERNET => local_macs.direction(frame.data),
            _ => found.unwrap_or(frame.direction),
        }
    }

    /// The IP packet found in `data`, of which `wire` bytes were on the wire.
    #[inline]
    fn network<'a>(
        &mut self,
        found: Network,
        data: &'a [u8],
        wire: usize,
        time_ns: u64,
        notes: &mut impl Notes<'a>,
    ) -> Result<PacketRecord, Refused> {
        let (at, version) = match found {
            Network::Ip { at, version } => (at, version),
            Network::Other(ether_type) => return Err(Refused::NotIp(ether_type)),
            Network::Short => return Err(short(data.len(), wire)),
        };
        let packet = data.get(at..).ok_or_else(|| short(data.len(), wire))?;
        let first = *packet.first().ok_or_else(|| short(data.len(), wire))?;
        let wire = wire - at;
        match (version, first >> 4) {
            (4 | link::ANY_VERSION, 4) => self.ipv4(packet, wire, time_ns, notes),
            (6 | link::ANY_VERSION, 6) => self.ipv6(packet, wire, time_ns, notes),
            _ => Err(Refused::Malformed),
        }
    }
}

#[inline]
fn direction_bits(direction: Direction) -> u32 {
    match direction {
        Direction::Unknown => 0,
        Direction::In => P_META_DIRECTION_KNOWN,
        Direction::Out => P_META_DIRECTION_KNOWN | P_META_EGRESS,
    }
}

/// A header that goes beyond the bytes at hand: the capture cut it, or the frame itself is too short.
#[cold]
fn short(captured: usize, wire: usize) -> Refused {
    if captured < wire {
        Refused::Cut
    } else {
        Refused::Malformed
    }
}

#[inline]
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}
