//! Packets inside of packets: where in the payload of an IP packet another one begins.
//!
//! What a tunnel's header does not say for sure (a UDP port may be anybody's) the caller finds out by reading the inner
//! packet: if that is none, the payload was no tunnel.

use super::details::Ip;
use super::link::{self, Network, ANY_VERSION, MPLS};
use super::{u16_at, u32_at};

/// IANA protocol numbers.
const IPIP: u8 = 4;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const GRE: u8 = 47;
const ETHERIP: u8 = 97;
const MPLS_IN_IP: u8 = 137;

/// Destination ports.
const GTP_U: u16 = 2152;
const TEREDO: u16 = 3544;
const VXLAN: u16 = 4789;
const GENEVE: u16 = 6081;
const MPLS_OVER_UDP: u16 = 6635;
/// What Linux took before there was a number.
const VXLAN_LINUX: u16 = 8472;

const UDP_HEADER: usize = 8;
const BRIDGED_ETHERNET: u16 = 0x6558;
const ERSPAN_2: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
const PPP: u16 = 0x880b;

/// What the payload of `ip`, no fragment, carries by its own words: where in it a network layer should begin.
pub fn inside(ip: &Ip, ports: u32) -> Option<Network> {
    let data = ip.payload;
    match ip.protocol {
        IPIP => Some(Network::Ip { at: 0, version: 4 }),
        IPV6 => Some(Network::Ip { at: 0, version: 6 }),
        GRE => gre(data),
        UDP => over_udp(data, ports as u16, (ports >> 16) as u16),
        // RFC 3378: version 3 and nothing.
        ETHERIP => (data.first()? >> 4 == 3).then(|| ethernet(data, 2)),
        MPLS_IN_IP => Some(link::walk(MPLS, data, 0, &mut ())),
        _ => None,
    }
}

fn ethernet(data: &[u8], at: usize) -> Network {
    const ADDRESSES: usize = 12;
    match data.get(at + ADDRESSES..at + ADDRESSES + 2) {
        Some(ether_type) => link::walk(u16_at(ether_type, 0), data, at + ADDRESSES + 2, &mut ()),
        None => Network::Short,
    }
}

/// GRE with checksum, key and sequence (RFC 2784, 2890), hence NVGRE; ERSPAN in it; PPTP's variant (RFC 2637).
fn gre(data: &[u8]) -> Option<Network> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGEMENT: u16 = 0x0080;
    const VERSION: u16 = 0x0007;
    let header = data.get(..4)?;
    let (flags, protocol) = (u16_at(header, 0), u16_at(header, 2));
    let words = |bits: &[u16]| 4 * bits.iter().filter(|&&bit| flags & bit != 0).count();
    match (flags & VERSION, protocol) {
        (0, _) if flags & ROUTING != 0 => None,
        (0, _) => {
            let at = 4 + words(&[CHECKSUM, KEY, SEQUENCE]);
            match protocol {
                BRIDGED_ETHERNET => Some(ethernet(data, at)),
                ERSPAN_2 if flags & SEQUENCE == 0 => Some(ethernet(data, at)),
                ERSPAN_2 => (data.get(at)? >> 4 == 1).then(|| ethernet(data, at + 8)),
                ERSPAN_3 => erspan_3(data, at),
                _ => Some(link::walk(protocol, data, at, &mut ())),
            }
        }
        (1, PPP) => Some(link::walk(PPP, data, 8 + words(&[SEQUENCE, ACKNOWLEDGEMENT]), &mut ())),
        _ => None,
    }
}

/// draft-foschiano-erspan: version 2, what kind of frame, and whether eight more octets follow.
fn erspan_3(data: &[u8], at: usize) -> Option<Network> {
    let header = data.get(at..at + 12)?;
    if header[0] >> 4 != 2 {
        return None;
    }
    let at = at + 12 + if header[11] & 1 != 0 { 8 } else { 0 };
    match header[10] >> 2 & 0x1f {
        0 => Some(ethernet(data, at)),
        2 => Some(Network::Ip {
            at,
            version: ANY_VERSION,
        }),
        _ => None,
    }
}

fn over_udp(data: &[u8], source: u16, destination: u16) -> Option<Network> {
    match (source, destination) {
        (_, VXLAN | VXLAN_LINUX) => vxlan(data),
        (_, GENEVE) => geneve(data),
        (_, GTP_U) => gtp_u(data),
        (_, MPLS_OVER_UDP) => Some(link::walk(MPLS, data, UDP_HEADER, &mut ())),
        (TEREDO, _) | (_, TEREDO) => teredo(data),
        _ => None,
    }
}

/// RFC 7348: the flag that says there is an identifier.
fn vxlan(data: &[u8]) -> Option<Network> {
    const IDENTIFIER: u8 = 0x08;
    (data.get(UDP_HEADER)? & IDENTIFIER != 0).then(|| ethernet(data, UDP_HEADER + 8))
}

/// RFC 8926: version 0, length of options in words, ethertype of what follows.
fn geneve(data: &[u8]) -> Option<Network> {
    let header = data.get(UDP_HEADER..UDP_HEADER + 8)?;
    if header[0] >> 6 != 0 {
        return None;
    }
    let at = UDP_HEADER + 8 + usize::from(header[0] & 0x3f) * 4;
    match u16_at(header, 2) {
        BRIDGED_ETHERNET => Some(ethernet(data, at)),
        protocol => Some(link::walk(protocol, data, at, &mut ())),
    }
}

/// 3GPP TS 29.281: version 1 with user data, and the chain of extension headers.
fn gtp_u(data: &[u8]) -> Option<Network> {
    const VERSION_AND_TYPE: u8 = 0xf0;
    const VERSION_1_GTP: u8 = 0x30;
    const EXTENDED: u8 = 0x04;
    const ANY_OPTIONAL: u8 = 0x07;
    const USER_DATA: u8 = 255;
    const MAX_EXTENSIONS: usize = 8;
    let header = data.get(UDP_HEADER..UDP_HEADER + 8)?;
    if header[0] & VERSION_AND_TYPE != VERSION_1_GTP || header[1] != USER_DATA {
        return None;
    }
    let mut at = UDP_HEADER + 8;
    if header[0] & ANY_OPTIONAL != 0 {
        let mut next = *data.get(at + 3)?;
        at += 4;
        for _ in 0..MAX_EXTENSIONS {
            if header[0] & EXTENDED == 0 || next == 0 {
                break;
            }
            let words = usize::from(*data.get(at)?);
            if words == 0 {
                return None;
            }
            at += words * 4;
            next = *data.get(at - 1)?;
        }
    }
    Some(Network::Ip {
        at,
        version: ANY_VERSION,
    })
}

/// RFC 4380: authentication and origin may come before the IPv6 packet.
fn teredo(data: &[u8]) -> Option<Network> {
    const AUTHENTICATION: u16 = 1;
    const ORIGIN: u16 = 0;
    let mut at = UDP_HEADER;
    let start = u32_at(data.get(at..at + 4)?, 0);
    if (start >> 16) as u16 == AUTHENTICATION {
        let (identifier, value) = (start as u8, (start >> 8) as u8);
        at += 4 + usize::from(identifier) + usize::from(value) + 9;
    }
    if u16_at(data.get(at..at + 2)?, 0) == ORIGIN {
        at += 8;
    }
    Some(Network::Ip { at, version: 6 })
}
