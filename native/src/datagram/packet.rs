//! From a captured frame to the UDP payload in it.

use crate::datagram::Endpoint;
use crate::decode::ip::extensions;
use crate::decode::link::{self, Network};

pub const UDP: u8 = 17;
pub const UDP_HEADER: usize = 8;
pub const IPV4_HEADER: usize = 20;
pub const IPV6_HEADER: usize = 40;

/// What a frame holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Content<'a> {
    Datagram(Datagram<'a>),
    Fragment(Fragment<'a>),
    /// No UDP over IP, or not all of it.
    Other,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    pub source: Endpoint,
    pub destination_port: u16,
    pub payload: &'a [u8],
}

/// What makes fragments parts of one packet: addresses and identification (RFC 791, RFC 8200 section 4.5). The protocol
/// is UDP, and IPv4 addresses differ from all IPv6 ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Source and destination, high and low half each.
    pub addresses: [u64; 4],
    pub id: u32,
}

/// A part of a UDP header and its payload.
#[derive(Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    pub identity: Identity,
    /// Bytes from the start of the UDP header.
    pub offset: usize,
    pub more: bool,
    pub data: &'a [u8],
}

/// Finds the UDP payload of a frame. `link_type` is one that `link::supported` knows.
#[inline]
pub fn content(link_type: u16, frame: &[u8]) -> Content<'_> {
    let Network::Ip { at, .. } = link::locate(link_type, frame, &mut ()).network else {
        return Content::Other;
    };
    let found = match frame.get(at..) {
        Some(packet @ [first, ..]) if first >> 4 == 4 => ipv4(packet),
        Some(packet @ [first, ..]) if first >> 4 == 6 => ipv6(packet),
        _ => None,
    };
    found.unwrap_or(Content::Other)
}

fn ipv4(packet: &[u8]) -> Option<Content<'_>> {
    let fixed: &[u8; IPV4_HEADER] = packet.first_chunk()?;
    let header = usize::from(fixed[0] & 0x0f) * 4;
    // Segmentation offload leaves 0 in the length.
    let end = match usize::from(u16_at(fixed, 2)) {
        0 => packet.len(),
        length => length,
    };
    // A capture with a short snap length has not all of the datagram; its link layer may have padded it instead.
    let transport = packet.get(header.max(IPV4_HEADER)..end)?;
    if fixed[9] != UDP || header < IPV4_HEADER {
        return None;
    }
    let source = Endpoint::v4(fixed[12..16].try_into().ok()?, 0);
    let fragment = u16_at(fixed, 6);
    if fragment & 0x3fff == 0 {
        return udp(source, transport).map(Content::Datagram);
    }
    let destination = Endpoint::v4(fixed[16..20].try_into().ok()?, 0);
    Some(Content::Fragment(Fragment {
        identity: identity(source, destination, u32::from(u16_at(fixed, 4))),
        offset: usize::from(fragment & 0x1fff) * 8,
        more: fragment & 0x2000 != 0,
        data: transport,
    }))
}

fn ipv6(packet: &[u8]) -> Option<Content<'_>> {
    let fixed: &[u8; IPV6_HEADER] = packet.first_chunk()?;
    let packet = packet.get(..IPV6_HEADER + usize::from(u16_at(fixed, 4)))?;
    let source = Endpoint::v6(fixed[8..24].try_into().ok()?, 0);
    if fixed[6] == UDP {
        return udp(source, &packet[IPV6_HEADER..]).map(Content::Datagram);
    }
    let chain = extensions(packet, fixed[6]);
    match chain.fragment {
        None | Some((_, 0, false)) if chain.protocol == UDP => {
            udp(source, packet.get(chain.at?..)?).map(Content::Datagram)
        }
        Some((id, offset, more)) if chain.protocol == UDP => {
            let destination = Endpoint::v6(fixed[24..40].try_into().ok()?, 0);
            Some(Content::Fragment(Fragment {
                identity: identity(source, destination, id),
                offset: usize::from(offset) * 8,
                more,
                data: packet.get(chain.at?..)?,
            }))
        }
        _ => None,
    }
}

/// Takes a whole UDP header and payload apart; `source` has no port yet. `None` when the payload is not all there.
pub fn udp(source: Endpoint, transport: &[u8]) -> Option<Datagram<'_>> {
    let header: &[u8; UDP_HEADER] = transport.first_chunk()?;
    let length = usize::from(u16_at(header, 4));
    Some(Datagram {
        source: Endpoint {
            port: u16_at(header, 0),
            ..source
        },
        destination_port: u16_at(header, 2),
        payload: transport.get(UDP_HEADER..length)?,
    })
}

fn identity(source: Endpoint, destination: Endpoint, id: u32) -> Identity {
    Identity {
        addresses: [source.high, source.low, destination.high, destination.low],
        id,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Frames for tests, Ethernet.
#[cfg(test)]
pub(crate) mod frames {
    const SOURCE_PORT: u16 = 50_000;

    pub fn transport(port: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [SOURCE_PORT, port, payload.len() as u16 + 8, 0] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(payload);
        bytes
    }

    fn ethernet(ether_type: u16, packet: &[u8]) -> Vec<u8> {
        let mut bytes = vec![2; 12];
        bytes.extend(ether_type.to_be_bytes());
        bytes.extend(packet);
        // Short frames are padded on the wire.
        bytes.resize(bytes.len().max(60), 0xee);
        bytes
    }

    fn ipv4_packet(data: &[u8], id: u16, fragment: u16) -> Vec<u8> {
        let mut packet = vec![0x45, 0];
        for word in [data.len() as u16 + 20, id, fragment, 0x4011, 0] {
            packet.extend(word.to_be_bytes());
        }
        packet.extend([192, 0, 2, 1, 192, 0, 2, 2]);
        packet.extend(data);
        packet
    }

    pub fn ipv4(port: u16, payload: &[u8]) -> Vec<u8> {
        ethernet(0x0800, &ipv4_packet(&transport(port, payload), 0, 0x4000))
    }

    pub fn ipv4_fragments(port: u16, payload: &[u8], size: usize, id: u16) -> Vec<Vec<u8>> {
        let whole = transport(port, payload);
        let parts = whole.chunks(size).enumerate();
        parts
            .map(|(i, part)| {
                let start = i * size;
                let more = if start + part.len() < whole.len() { 0x2000 } else { 0 };
                ethernet(0x0800, &ipv4_packet(part, id, more | (start / 8) as u16))
            })
            .collect()
    }

    pub fn ipv6_with(next: u8, data: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend((data.len() as u16).to_be_bytes());
        packet.extend([next, 64]);
        packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        packet.extend(data);
        ethernet(0x86dd, &packet)
    }

    pub fn ipv6(port: u16, payload: &[u8]) -> Vec<u8> {
        ipv6_with(17, &transport(port, payload))
    }

    pub fn arp() -> Vec<u8> {
        ethernet(0x0806, &[0; 28])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETHERNET: u16 = 1;

    fn v4_source() -> Endpoint {
        Endpoint::v4([192, 0, 2, 1], 50_000)
    }

    fn v6_source() -> Endpoint {
        Endpoint {
            high: 0x2001_0db8_0000_0000,
            low: 1,
            port: 50_000,
        }
    }

    fn datagram(source: Endpoint, payload: &[u8]) -> Content<'_> {
        Content::Datagram(Datagram {
            source,
            destination_port: 9995,
            payload,
        })
    }

    #[test]
    fn finds_the_payload_without_the_padding() {
        assert_eq!(
            content(ETHERNET, &frames::ipv4(9995, b"hello")),
            datagram(v4_source(), b"hello")
        );
        assert_eq!(
            content(ETHERNET, &frames::ipv6(9995, b"hello")),
            datagram(v6_source(), b"hello")
        );
        assert_eq!(content(ETHERNET, &frames::arp()), Content::Other);
    }

    #[test]
    fn walks_ipv6_extension_headers() {
        let mut with_options = vec![17, 0, 1, 4, 0, 0, 0, 0];
        with_options.extend(frames::transport(9995, b"hello"));
        assert_eq!(
            content(ETHERNET, &frames::ipv6_with(60, &with_options)),
            datagram(v6_source(), b"hello")
        );
        let mut atomic = vec![17, 0, 0, 0, 0, 0, 0, 9];
        atomic.extend(frames::transport(9995, b"hello"));
        assert_eq!(
            content(ETHERNET, &frames::ipv6_with(44, &atomic)),
            datagram(v6_source(), b"hello")
        );
        // Offset 8 (units of 8 bytes), more to come.
        let mut later = vec![17, 0, 0, 65, 0, 0, 0, 9];
        later.extend(b"12345678");
        let frame = frames::ipv6_with(44, &later);
        let Content::Fragment(fragment) = content(ETHERNET, &frame) else {
            panic!("a fragment")
        };
        assert_eq!(
            (fragment.offset, fragment.more, fragment.identity.id, fragment.data),
            (64, true, 9, &b"12345678"[..])
        );
    }

    #[test]
    fn tells_ipv4_fragments() {
        let parts = frames::ipv4_fragments(9995, &[7; 100], 64, 3);
        let Content::Fragment(second) = content(ETHERNET, &parts[1]) else {
            panic!("a fragment")
        };
        assert_eq!((second.offset, second.more, second.data), (64, false, &[7; 44][..]));
        let Content::Fragment(first) = content(ETHERNET, &parts[0]) else {
            panic!("a fragment")
        };
        assert!(first.more && first.identity == second.identity && first.offset == 0);
    }

    #[test]
    fn whatever_is_cut_is_no_datagram() {
        for frame in [frames::ipv4(9995, &[1; 100]), frames::ipv6(9995, &[1; 100])] {
            for length in 0..frame.len() {
                assert_eq!(content(ETHERNET, &frame[..length]), Content::Other, "{length}");
            }
        }
        let mut wrong_length = frames::ipv4(9995, &[1; 100]);
        wrong_length[14 + 20 + 5] = 200;
        assert_eq!(content(ETHERNET, &wrong_length), Content::Other);
        wrong_length[14 + 20 + 5] = 7;
        assert_eq!(content(ETHERNET, &wrong_length), Content::Other);
    }
}
