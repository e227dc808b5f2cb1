//! IPv4 and IPv6 headers down to the ports.

use super::details::{Ip, Notes, DO_NOT_FRAGMENT, MORE_FRAGMENTS};
use super::fragments::{First, Identity};
use super::{short, u16_at, u32_at, Decoder, Refused};
use crate::packet::{PacketRecord, P_META_CUT, P_META_FRAGMENT};

const HOP_BY_HOP: u8 = 0;
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
const DCCP: u8 = 33;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
pub(super) const ICMPV6: u8 = 58;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;
const SCTP: u8 = 132;
const MOBILITY: u8 = 135;
const UDP_LITE: u8 = 136;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;

/// Extension headers gone through at most; real chains have four or five.
const MAX_EXTENSIONS: usize = 16;

pub(super) const IPV4_HEADER: usize = 20;
pub(super) const IPV6_HEADER: usize = 40;

/// Where the walk along the extension headers came to.
pub(crate) struct Chain {
    /// What follows the last header read, or the header that is cut or broken.
    pub(crate) protocol: u8,
    /// Where that begins; `None` if it is not there to be read.
    pub(crate) at: Option<usize>,
    /// Length from the jumbo payload option (RFC 2675).
    jumbo: Option<u32>,
    /// Identification, offset in units of 8 bytes, and whether more follow.
    pub(crate) fragment: Option<(u32, u16, bool)>,
}

impl Decoder {
    /// `packet` begins with the IP header; `wire` bytes of it were on the wire.
    #[inline]
    pub(super) fn ipv4<'a>(
        &mut self,
        packet: &'a [u8],
        wire: usize,
        time_ns: u64,
        notes: &mut impl Notes<'a>,
    ) -> Result<PacketRecord, Refused> {
        if packet.len() < IPV4_HEADER {
            return Err(short(packet.len(), wire));
        }
        let header = usize::from(packet[0] & 0x0f) * 4;
        // Segmentation offload leaves 0 in packets too long for the field.
        let octets = match usize::from(u16_at(packet, 2)) {
            0 => wire,
            octets => octets,
        };
        if header < IPV4_HEADER || octets < header || octets > wire {
            return Err(Refused::Malformed);
        }
        if packet.len() < header {
            return Err(short(packet.len(), wire));
        }
        let protocol = packet[9];
        let mut record = PacketRecord {
            addresses: [0, mapped(&packet[12..16]), 0, mapped(&packet[16..20])],
            ports: 0,
            protocol,
            tos: packet[1],
            tcp_flags: 0,
            input: 0,
            octets: octets as u32,
            version: 4,
            ttl: packet[8],
            meta: 0,
            time_ns: 0,
        };
        let payload = &packet[header..packet.len().min(octets)];
        let fragment = u16_at(packet, 6);
        notes.ip(Ip {
            protocol,
            id: u32::from(u16_at(packet, 4)),
            fragment: u32::from(fragment & 0x1fff) << 3
                | if fragment & 0x2000 != 0 { MORE_FRAGMENTS } else { 0 }
                | if fragment & 0x4000 != 0 { DO_NOT_FRAGMENT } else { 0 },
            flow_label: 0,
            payload,
            payload_octets: octets - header,
        });
        if fragment & 0x3fff == 0 {
            self.transport(&mut record, payload);
        } else {
            let identity = Identity {
                addresses: record.addresses,
                id: u32::from(u16_at(packet, 4)),
                protocol,
            };
            self.fragment(&mut record, identity, fragment & 0x1fff == 0, payload, time_ns);
        }
        Ok(record)
    }

    #[inline]
    pub(super) fn ipv6<'a>(
        &mut self,
        packet: &'a [u8],
        wire: usize,
        time_ns: u64,
        notes: &mut impl Notes<'a>,
    ) -> Result<PacketRecord, Refused> {
        if packet.len() < IPV6_HEADER {
            return Err(short(packet.len(), wire));
        }
        let payload_length = usize::from(u16_at(packet, 4));
        let next = packet[6];
        // Length 0 is a jumbogram, or segmentation offload on packets too long for the field; else it means nothing.
        let limit = match (payload_length, next) {
            (0, HOP_BY_HOP | TCP | UDP) => wire,
            _ => IPV6_HEADER + payload_length,
        };
        if limit > wire {
            return Err(Refused::Malformed);
        }
        let end = packet.len().min(limit);
        let chain = match next {
            TCP | UDP | ICMPV6 => Chain {
                protocol: next,
                at: Some(IPV6_HEADER),
                jumbo: None,
                fragment: None,
            },
            _ => extensions(&packet[..end], next),
        };
        let octets = match (payload_length, next, chain.jumbo) {
            (0, HOP_BY_HOP, Some(jumbo)) => {
                let octets = IPV6_HEADER as u64 + u64::from(jumbo);
                if octets > wire as u64 {
                    return Err(Refused::Malformed);
                }
                octets as usize
            }
            (0, HOP_BY_HOP, None) => IPV6_HEADER,
            _ => limit,
        };
        let mut record = PacketRecord {
            addresses: ipv6_addresses(packet),
            ports: 0,
            protocol: chain.protocol,
            tos: (u16_at(packet, 0) >> 4) as u8,
            tcp_flags: 0,
            input: 0,
            octets: octets as u32,
            version: 6,
            ttl: packet[7],
            meta: 0,
            time_ns: 0,
        };
        let payload = chain.at.map(|at| &packet[at..end.min(octets).max(at)]);
        let (id, offset, more) = chain.fragment.unwrap_or_default();
        notes.ip(Ip {
            protocol: chain.protocol,
            id,
            fragment: u32::from(offset) << 3 | if more { MORE_FRAGMENTS } else { 0 },
            flow_label: u32_at(packet, 0) & 0x000f_ffff,
            payload: payload.unwrap_or_default(),
            payload_octets: chain.at.map_or(0, |at| octets.saturating_sub(at)),
        });
        match chain.fragment {
            // An atomic fragment (RFC 6946) is a whole packet.
            None | Some((_, 0, false)) => match payload {
                Some(payload) => self.transport(&mut record, payload),
                None => self.cut(&mut record),
            },
            Some((id, offset, _)) => {
                let identity = Identity {
                    addresses: record.addresses,
                    id,
                    protocol: 0,
                };
                self.fragment(&mut record, identity, offset == 0, payload.unwrap_or(&[]), time_ns);
            }
        }
        Ok(record)
    }

    /// Ports and flags of a whole packet or a first fragment.
    #[inline]
    fn transport(&mut self, record: &mut PacketRecord, payload: &[u8]) {
        match record.protocol {
            TCP | UDP | UDP_LITE | SCTP | DCCP => {
                if payload.len() < 4 {
                    return self.cut(record);
                }
                record.ports = u32::from(u16_at(payload, 0)) | u32::from(u16_at(payload, 2)) << 16;
                if record.protocol == TCP && payload.len() >= 14 {
                    record.tcp_flags = u16_at(payload, 12) & 0x0fff;
                }
            }
            // Type and code stand in for the destination port, as in every NetFlow.
            ICMP | ICMPV6 => {
                if payload.len() < 2 {
                    return self.cut(record);
                }
                record.ports = u32::from(u16_at(payload, 0)) << 16;
            }
            _ => {}
        }
    }

    #[cold]
    fn cut(&mut self, record: &mut PacketRecord) {
        record.meta |= P_META_CUT;
        self.counters.cut_transport += 1;
    }

    #[cold]
    fn fragment(
        &mut self,
        record: &mut PacketRecord,
        identity: Identity,
        is_first: bool,
        payload: &[u8],
        time_ns: u64,
    ) {
        record.meta |= P_META_FRAGMENT;
        if is_first {
            self.transport(record, payload);
            let first = First {
                protocol: record.protocol,
                ports: record.ports,
            };
            self.fragments.remember(&self.seed, identity, first, time_ns);
            return;
        }
        match self.fragments.find(&self.seed, &identity, time_ns) {
            Some(first) => {
                record.protocol = first.protocol;
                record.ports = first.ports;
                self.counters.fragments_joined += 1;
            }
            None => self.counters.fragments_orphaned += 1,
        }
    }
}

/// Low half of an IPv4-mapped address.
#[inline]
pub(super) fn mapped(v4: &[u8]) -> u64 {
    u64::from_ne_bytes([0, 0, 0xff, 0xff, v4[0], v4[1], v4[2], v4[3]])
}

/// Of a whole header.
#[inline]
pub(super) fn ipv6_addresses(header: &[u8]) -> [u64; 4] {
    [8, 16, 24, 32].map(|at| u64::from_ne_bytes(header[at..at + 8].try_into().unwrap()))
}

/// Along the extension headers (RFC 8200 section 4) from `next` at the end of the fixed header.
pub(crate) fn extensions(packet: &[u8], mut next: u8) -> Chain {
    let mut at = IPV6_HEADER;
    let mut chain = Chain {
        protocol: next,
        at: None,
        jumbo: None,
        fragment: None,
    };
    for _ in 0..MAX_EXTENSIONS {
        chain.protocol = next;
        let is_extension = matches!(
            next,
            HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS | MOBILITY | HOST_IDENTITY | SHIM6
        );
        if !is_extension {
            chain.at = Some(at);
            return chain;
        }
        if packet.len() < at + 8 {
            return chain;
        }
        let after = packet[at];
        // Mobility and host identity messages end the chain: they are what the packet is for.
        if after == NO_NEXT_HEADER && matches!(next, MOBILITY | HOST_IDENTITY | SHIM6) {
            chain.at = Some(at);
            return chain;
        }
        let length = match next {
            FRAGMENT => 8,
            AUTHENTICATION => (usize::from(packet[at + 1]) + 2) * 4,
            _ => (usize::from(packet[at + 1]) + 1) * 8,
        };
        if next == FRAGMENT {
            let word = u16_at(packet, at + 2);
            chain.fragment = Some((u32_at(packet, at + 4), word >> 3, word & 1 != 0));
            // Behind an offset there is payload, whatever it looks like.
            if word >> 3 != 0 {
                chain.protocol = after;
                chain.at = Some(at + length);
                return chain;
            }
        }
        if packet.len() < at + length {
            return chain;
        }
        if next == HOP_BY_HOP && chain.jumbo.is_none() {
            chain.jumbo = jumbo(&packet[at + 2..at + length]);
        }
        at += length;
        next = after;
    }
    chain
}

/// The jumbo payload option among the hop-by-hop options.
fn jumbo(mut options: &[u8]) -> Option<u32> {
    const PAD_1: u8 = 0;
    const JUMBO: u8 = 0xc2;
    while let [kind, rest @ ..] = options {
        if *kind == PAD_1 {
            options = rest;
            continue;
        }
        let (&length, rest) = rest.split_first()?;
        let value = rest.get(..usize::from(length))?;
        if *kind == JUMBO && value.len() == 4 {
            return Some(u32_at(value, 0));
        }
        options = &rest[value.len()..];
    }
    None
}
