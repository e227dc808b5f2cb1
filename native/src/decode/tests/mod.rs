//! Packets made by hand, and what every test of the decoder needs.

mod details;
mod fragments;
mod ip;
mod link;
mod plain;
mod tunnel;

use super::*;
use crate::fuzz::Random;
use crate::packet::*;
use crate::packet_extension::{EXTENSION_BYTES, X_TUNNEL_SRC};

/// The words of a record that tests look at.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Seen {
    ports: (u16, u16),
    protocol: u8,
    octets: u32,
    meta: u32,
    input: u32,
    hash: u32,
}

impl Seen {
    fn of(record: &[u8; PACKET_BYTES]) -> Seen {
        let word = |at: usize| u32::from_ne_bytes(record[at * 4..at * 4 + 4].try_into().unwrap());
        Seen {
            ports: (word(P_PORTS) as u16, (word(P_PORTS) >> 16) as u16),
            protocol: word(P_PROTO_TOS_FLAGS) as u8,
            octets: word(P_OCTETS),
            meta: word(P_META) & 0xff,
            input: word(P_INPUT),
            hash: word(P_HASH),
        }
    }
}

fn decode(decoder: &mut Decoder, frame: &Frame) -> Option<(Seen, [u8; PACKET_BYTES])> {
    let mut out = [0xee; PACKET_BYTES];
    decoder.decode(frame, &mut out).then(|| (Seen::of(&out), out))
}

fn frame(link_type: u16, data: &[u8]) -> Frame<'_> {
    Frame {
        link_type,
        input: 0,
        direction: Direction::Unknown,
        time_ns: 1_700_000_000_000_000_000,
        wire_length: data.len() as u32,
        data,
    }
}

fn one(link_type: u16, data: &[u8]) -> Option<Seen> {
    decode(&mut Decoder::new(0), &frame(link_type, data)).map(|(seen, _)| seen)
}

fn refused(link_type: u16, data: &[u8]) -> (u64, u64, u64) {
    let mut decoder = Decoder::new(0);
    assert_eq!(decode(&mut decoder, &frame(link_type, data)), None);
    let counters = decoder.counters;
    (counters.not_ip, counters.malformed, counters.cut_header)
}

const NOT_IP: (u64, u64, u64) = (1, 0, 0);
const MALFORMED: (u64, u64, u64) = (0, 1, 0);

/// Ports 1000 and 443, SYN and ACK.
fn tcp() -> Vec<u8> {
    let mut bytes = vec![0; 20];
    bytes[..4].copy_from_slice(&[0x03, 0xe8, 0x01, 0xbb]);
    bytes[12..14].copy_from_slice(&[0x51, 0x12]);
    bytes
}

fn ipv4_with(protocol: u8, fragment: u16, options: usize, payload: &[u8]) -> Vec<u8> {
    let header = 20 + options;
    let mut bytes = vec![0; header];
    bytes[0] = 0x40 | (header / 4) as u8;
    bytes[1] = 0xb8;
    bytes[2..4].copy_from_slice(&((header + payload.len()) as u16).to_be_bytes());
    bytes[4..6].copy_from_slice(&[0x12, 0x34]);
    bytes[6..8].copy_from_slice(&fragment.to_be_bytes());
    bytes[8] = 63;
    bytes[9] = protocol;
    bytes[12..20].copy_from_slice(&[192, 0, 2, 1, 198, 51, 100, 7]);
    bytes.extend(payload);
    bytes
}

fn ipv4() -> Vec<u8> {
    ipv4_with(6, 0, 0, &tcp())
}

/// `extensions` are (header number, its bytes after the next-header byte).
fn ipv6_with(extensions: &[(u8, Vec<u8>)], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (at, (_, rest)) in extensions.iter().enumerate() {
        body.push(extensions.get(at + 1).map_or(protocol, |next| next.0));
        body.extend(rest);
    }
    body.extend(payload);
    let mut bytes = vec![0; 40];
    bytes[0..2].copy_from_slice(&[0x6b, 0x80]);
    bytes[4..6].copy_from_slice(&(body.len() as u16).to_be_bytes());
    bytes[6] = extensions.first().map_or(protocol, |first| first.0);
    bytes[7] = 63;
    bytes[8] = 0x20;
    bytes[23] = 1;
    bytes[24] = 0x20;
    bytes[39] = 2;
    bytes.extend(body);
    bytes
}

fn ipv6() -> Vec<u8> {
    ipv6_with(&[], 6, &tcp())
}

fn fragment_header(id: u32, offset: u16, more: bool) -> (u8, Vec<u8>) {
    let mut rest = vec![0];
    rest.extend((offset << 3 | u16::from(more)).to_be_bytes());
    rest.extend(id.to_be_bytes());
    (44, rest)
}

/// Twelve bytes of addresses, then `rest`.
fn ethernet(rest: &[u8], ip: &[u8]) -> Vec<u8> {
    [&[0xaa; 12], rest, ip].concat()
}

#[test]
fn the_hash_is_the_flows() {
    let hash = |bytes: &[u8]| one(12, bytes).unwrap().hash;
    let mut other = ipv4();
    other[8] = 1;
    assert_eq!(hash(&ipv4()), hash(&other));
    other[1] = 0;
    assert_ne!(hash(&ipv4()), hash(&other));
    // A later fragment lands where its first is.
    let mut decoder = Decoder::new(0);
    let mut fragment = |word| {
        decode(&mut decoder, &frame(12, &ipv4_with(17, word, 0, &tcp())))
            .unwrap()
            .0
            .hash
    };
    assert_eq!(fragment(0x2000), fragment(0x0005));
}

#[test]
fn random_and_mutated_frames_never_panic_and_add_up() {
    let (v4, v6) = (ipv4(), ipv6());
    let mut seeds = vec![
        v4.clone(),
        v6.clone(),
        ethernet(&[0x81, 0, 0, 1, 8, 0], &v4),
        ethernet(&[0x88, 0x47, 0, 1, 1, 64], &v6),
        ethernet(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 50, 0, 0x57], &v6),
        ipv6_with(
            &[(0, vec![0; 7]), fragment_header(1, 0, true), (60, vec![0; 7])],
            6,
            &tcp(),
        ),
        ipv4_with(1, 0x2000, 12, &[8; 9]),
    ];
    seeds.extend(
        tunnel::tunnels(&ipv4_with(4, 0, 0, &v6))
            .into_iter()
            .map(|(protocol, payload)| ipv4_with(protocol, 0, 0, &payload)),
    );
    let types = [0, 1, 9, 12, 14, 50, 51, 101, 104, 108, 113, 219, 228, 229, 276, 65535];
    let mut random = Random::new();
    let mut decoder = Decoder::new(random.next());
    let mut opening = Decoder::new(0).decapsulating(true);
    let (mut metered, mut opened) = (0, 0);
    while random.time_left() {
        let mut data = seeds[random.below(seeds.len())].clone();
        random.mutate(&mut data);
        let link_type = types[random.below(types.len())];
        let longer = if random.below(2) == 0 {
            0
        } else {
            random.below(1 << 17) as u32
        };
        let sent = Frame {
            time_ns: random.next(),
            wire_length: data.len() as u32 + longer,
            ..frame(link_type, &data)
        };
        let mut extension = [0; EXTENSION_BYTES];
        let mut out = [0; PACKET_BYTES];
        let with = opening.decode_extended(&sent, &mut out, &mut extension);
        // The first fragment of a tunnel's packet stands for the whole packet inside.
        assert!(!with || Seen::of(&out).octets <= sent.wire_length.max(65_535));
        let without = decode(&mut decoder, &sent);
        assert_eq!(with, without.is_some());
        opened += u64::from(with && extension[X_TUNNEL_SRC * 4..].iter().any(|&byte| byte != 0));
        if let Some((seen, _)) = without {
            metered += 1;
            assert!(seen.octets <= sent.wire_length);
        }
        let c = decoder.counters;
        assert_eq!(c.packets, c.metered + c.not_ip + c.malformed + c.cut_header);
    }
    assert!(metered > 100 && opened > 10, "{metered} {opened}");
}
