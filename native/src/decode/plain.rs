//! Frames as nearly all are: Ethernet, an IPv4 header without options or an IPv6 header without extensions, TCP, UDP or
//! ICMP behind it, nothing cut and nothing odd.
//!
//! `link` and `ip` make the same records of them (a test compares). But whatever can be in a frame makes results of many
//! kinds, which go from function to function through memory; here all of a record stays in registers.

use super::{ip, link, u16_at, Frame};
use crate::packet::PacketRecord;

const ETHERNET: usize = 14;
const IPV4: usize = ETHERNET + ip::IPV4_HEADER;
const IPV6: usize = ETHERNET + ip::IPV6_HEADER;
/// Of the transport header: ports, or type and code; and up to the flags of TCP.
const PORTS: usize = 4;
const FLAGS: usize = 14;

/// The frame's record but for the direction; `None` for any frame that the long way has to look at.
#[inline(always)]
pub fn record(frame: &Frame) -> Option<PacketRecord> {
    let data = frame.data;
    if frame.link_type != link::ETHERNET || data.len() < IPV4 + FLAGS {
        return None;
    }
    let wire = (frame.wire_length as usize).max(data.len()) - ETHERNET;
    match u16_at(data, 12) {
        link::IPV4 => ipv4(frame, data.first_chunk()?, wire),
        link::IPV6 => ipv6(frame, data.first_chunk()?, wire),
        _ => None,
    }
}

#[inline(always)]
fn ipv4(frame: &Frame, data: &[u8; IPV4 + FLAGS], wire: usize) -> Option<PacketRecord> {
    const WITHOUT_OPTIONS: u8 = 0x45;
    const FRAGMENT: u16 = 0x3fff;
    let header = &data[ETHERNET..];
    let octets = usize::from(u16_at(header, 2));
    let protocol = header[9];
    let transport = ip::IPV4_HEADER + whole(protocol, ip::ICMP)?;
    if header[0] != WITHOUT_OPTIONS || u16_at(header, 6) & FRAGMENT != 0 || octets > wire || octets < transport {
        return None;
    }
    let (ports, tcp_flags) = transport_of(protocol, &data[IPV4..]);
    Some(PacketRecord {
        addresses: [0, ip::mapped(&header[12..16]), 0, ip::mapped(&header[16..20])],
        ports,
        protocol,
        tos: header[1],
        tcp_flags,
        input: frame.input,
        octets: octets as u32,
        version: 4,
        ttl: header[8],
        meta: 0,
        time_ns: frame.time_ns,
    })
}

#[inline(always)]
fn ipv6(frame: &Frame, data: &[u8; IPV6 + FLAGS], wire: usize) -> Option<PacketRecord> {
    let header = &data[ETHERNET..];
    let payload = usize::from(u16_at(header, 4));
    let octets = ip::IPV6_HEADER + payload;
    let protocol = header[6];
    if header[0] >> 4 != 6 || octets > wire || payload < whole(protocol, ip::ICMPV6)? {
        return None;
    }
    let (ports, tcp_flags) = transport_of(protocol, &data[IPV6..]);
    Some(PacketRecord {
        addresses: ip::ipv6_addresses(header),
        ports,
        protocol,
        tos: (u16_at(header, 0) >> 4) as u8,
        tcp_flags,
        input: frame.input,
        octets: octets as u32,
        version: 6,
        ttl: header[7],
        meta: 0,
        time_ns: frame.time_ns,
    })
}

/// Octets of the transport header that must be there; `None` for a protocol that the long way knows more about.
#[inline(always)]
fn whole(protocol: u8, icmp: u8) -> Option<usize> {
    match protocol {
        ip::TCP => Some(FLAGS),
        ip::UDP => Some(PORTS),
        _ if protocol == icmp => Some(PORTS),
        _ => None,
    }
}

/// Ports, and flags of TCP.
#[inline(always)]
fn transport_of(protocol: u8, header: &[u8]) -> (u32, u16) {
    let (first, second) = (u32::from(u16_at(header, 0)), u32::from(u16_at(header, 2)));
    match protocol {
        ip::TCP => (first | second << 16, u16_at(header, 12) & 0x0fff),
        ip::UDP => (first | second << 16, 0),
        _ => (first << 16, 0),
    }
}
