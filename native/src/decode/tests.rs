use super::*;
use crate::fuzz::Random;
use crate::packet::*;

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

fn decode(decoder: &mut Decoder, frame: &Frame) -> Option<(Seen, [u8; PACKET_BYTES])> {
    let mut out = [0xee; PACKET_BYTES];
    decoder.decode(frame, &mut out).then(|| {
        let word = |at: usize| u32::from_ne_bytes(out[at * 4..at * 4 + 4].try_into().unwrap());
        let seen = Seen {
            ports: (word(P_PORTS) as u16, (word(P_PORTS) >> 16) as u16),
            protocol: word(P_PROTO_TOS_FLAGS) as u8,
            octets: word(P_OCTETS),
            meta: word(P_META) & 0xff,
            input: word(P_INPUT),
            hash: word(P_HASH),
        };
        (seen, out)
    })
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
fn an_ipv4_tcp_packet_field_by_field() {
    let data = ethernet(&[8, 0], &ipv4());
    let mut decoder = Decoder::new(0);
    let (seen, out) = decode(
        &mut decoder,
        &Frame {
            input: 7,
            ..frame(1, &data)
        },
    )
    .unwrap();
    assert_eq!(out[..16], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]);
    assert_eq!(out[16..32], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 7]);
    assert_eq!(
        (seen.ports, seen.protocol, seen.octets, seen.input),
        ((1000, 443), 6, 40, 7)
    );
    assert_eq!(
        (out[37], u16::from_le_bytes([out[38], out[39]]), out[53]),
        (0xb8, 0x112, 63)
    );
    assert_eq!(seen.meta, 4);
}

#[test]
fn every_link_layer_leads_to_the_same_packet() {
    let (v4, v6) = (ipv4(), ipv6());
    let reference = [one(12, &v4).unwrap(), one(101, &v6).unwrap()];
    for (ip, ether, ppp, bsd, want) in [
        (&v4, [8, 0], [0, 0x21], 2u32, reference[0]),
        (&v6, [0x86, 0xdd], [0, 0x57], 30, reference[1]),
    ] {
        let vlan = |tag: u8, id: u8| [tag, if tag == 0x81 { 0 } else { 0xa8 }, 0, id];
        let mut tags = Vec::new();
        let mut cases: Vec<(u16, Vec<u8>)> = vec![(14, ip.clone()), (228 + u16::from(ip[0] >> 4 == 6), ip.clone())];
        for depth in 0..4 {
            cases.push((1, ethernet(&[&tags[..], &ether].concat(), ip)));
            tags.extend(vlan(if depth == 0 { 0x88 } else { 0x81 }, depth));
        }
        let mpls = [0x00, 0x01, 0x00, 0x40, 0x00, 0x02, 0x01, 0x40];
        cases.push((1, ethernet(&[&[0x88, 0x47][..], &mpls].concat(), ip)));
        cases.push((1, ethernet(&[&[0x81, 0, 0, 5, 0x88, 0x48][..], &mpls].concat(), ip)));
        cases.push((
            1,
            ethernet(&[&[0x88, 0x64, 0x11, 0, 0, 1, 0, 50][..], &ppp].concat(), ip),
        ));
        cases.push((
            1,
            ethernet(&[&[0, 60, 0xaa, 0xaa, 3, 0, 0, 0][..], &ether].concat(), ip),
        ));
        cases.push((9, [&ppp[..], ip].concat()));
        cases.push((9, [&ppp[1..], ip].concat()));
        cases.push((50, [&[0xff, 3][..], &ppp, ip].concat()));
        cases.push((9, [&[0x02, 0x81][..], &mpls, ip].concat()));
        cases.push((51, [&[0x11, 0, 0, 1, 0, 50][..], &ppp, ip].concat()));
        cases.push((104, [&[0x0f, 0][..], &ether, ip].concat()));
        cases.push((0, [&bsd.to_le_bytes()[..], ip].concat()));
        cases.push((0, [&bsd.to_be_bytes()[..], ip].concat()));
        cases.push((108, [&bsd.to_be_bytes()[..], ip].concat()));
        for (link_type, data) in &cases {
            assert_eq!(one(*link_type, data), Some(want), "link type {link_type}");
        }
    }
}

#[test]
fn cooked_frames_tell_direction_and_interface() {
    let known = P_META_DIRECTION_KNOWN;
    for (packet_type, meta) in [(0, known), (2, known), (4, known | P_META_EGRESS), (6, 0)] {
        let mut sll = vec![0, packet_type, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0];
        sll.extend(ipv4());
        assert_eq!(one(113, &sll).unwrap().meta, 4 | meta);
        let mut sll2 = vec![
            0x81,
            0,
            0,
            0,
            0,
            0,
            0,
            9,
            0,
            1,
            packet_type,
            6,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            5,
            8,
            0,
        ];
        sll2.extend(ipv4());
        let seen = one(276, &sll2).unwrap();
        assert_eq!((seen.meta, seen.input), (4 | meta, 9));
    }
    let mut netlink = vec![
        0,
        4,
        824u16.to_be_bytes()[0],
        824u16.to_be_bytes()[1],
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        8,
        0,
    ];
    netlink.extend(ipv4());
    assert_eq!(refused(113, &netlink), NOT_IP);
    let data = ethernet(&[8, 0], &ipv4());
    let out = Frame {
        direction: Direction::Out,
        ..frame(1, &data)
    };
    assert_eq!(
        decode(&mut Decoder::new(0), &out).unwrap().0.meta,
        4 | known | P_META_EGRESS
    );
}

#[test]
fn what_is_not_ip_is_counted_by_type() {
    let mut decoder = Decoder::new(0);
    for (rest, times) in [([8, 6], 3), ([0x88, 0xcc], 1), ([0, 38], 2)] {
        for _ in 0..times {
            decode(&mut decoder, &frame(1, &ethernet(&rest, &[0x42; 38])));
        }
    }
    assert_eq!(decoder.counters.not_ip, 6);
    assert_eq!(decoder.counters.not_ip_types(16), [(0x0806, 3), (0, 2), (0x88cc, 1)]);
    assert_eq!(decoder.counters.not_ip_types(1).len(), 1);
    for ether_type in 0x9400..0x9800u16 {
        decode(&mut decoder, &frame(1, &ethernet(&ether_type.to_be_bytes(), &[0; 46])));
    }
    assert_eq!(decoder.counters.not_ip, 6 + 0x400);
    // A pseudowire's control word is not a version.
    assert_eq!(refused(1, &ethernet(&[0x88, 0x47, 0, 1, 1, 64], &[0; 60])), NOT_IP);
    let tags = [0x81, 0, 0, 1].repeat(20);
    assert_eq!(refused(1, &ethernet(&[&tags[..], &[8, 0]].concat(), &ipv4())), NOT_IP);
    let labels = [0, 1, 0, 64].repeat(40);
    assert_eq!(
        refused(1, &ethernet(&[&[0x88, 0x47][..], &labels].concat(), &ipv4())),
        NOT_IP
    );
    assert_eq!(refused(0, &[&7u32.to_le_bytes()[..], &ipv4()].concat()), NOT_IP);
}

#[test]
fn broken_headers_are_malformed() {
    let change = |at: usize, value: u8| {
        let mut bytes = ipv4();
        bytes[at] = value;
        ethernet(&[8, 0], &bytes)
    };
    for (at, value) in [(0, 0x44), (0, 0x65), (0, 0x35), (3, 19), (3, 41), (2, 0xff)] {
        assert_eq!(refused(1, &change(at, value)), MALFORMED, "byte {at} = {value}");
    }
    assert_eq!(refused(1, &ethernet(&[0x86, 0xdd], &ipv4())), MALFORMED);
    assert_eq!(refused(228, &ipv6()), MALFORMED);
    let mut bytes = ipv6();
    bytes[5] += 1;
    assert_eq!(refused(229, &bytes), MALFORMED);
    assert_eq!(refused(1, &[1; 9]), MALFORMED);
    assert_eq!(refused(101, &[]), MALFORMED);
    // Padding is nobody's octets.
    let padded = ethernet(&[8, 0], &[ipv4(), vec![0; 6]].concat());
    assert_eq!(one(1, &padded).unwrap().octets, 40);
}

#[test]
fn length_zero_is_the_frames() {
    let mut bytes = ipv4();
    bytes[2..4].fill(0);
    let data = ethernet(&[8, 0], &bytes);
    let cut = Frame {
        wire_length: 80_014,
        ..frame(1, &data)
    };
    assert_eq!(decode(&mut Decoder::new(0), &cut).unwrap().0.octets, 80_000);
    let mut bytes = ipv6();
    bytes[4..6].fill(0);
    let cut = Frame {
        wire_length: 80_000,
        ..frame(229, &bytes)
    };
    assert_eq!(decode(&mut Decoder::new(0), &cut).unwrap().0.octets, 80_000);
    // The jumbo payload option, in a packet of 70,000 bytes that was cut.
    let jumbo = |length: u32| {
        let mut rest = vec![0, 0xc2, 4];
        rest.extend(length.to_be_bytes());
        let mut bytes = ipv6_with(&[(0, rest)], 6, &tcp());
        bytes[4..6].fill(0);
        bytes
    };
    let data = jumbo(70_000 - 40);
    let whole = Frame {
        wire_length: 70_000,
        ..frame(229, &data)
    };
    let (seen, _) = decode(&mut Decoder::new(0), &whole).unwrap();
    assert_eq!((seen.octets, seen.ports, seen.protocol), (70_000, (1000, 443), 6));
    assert_eq!(refused(229, &jumbo(u32::MAX)), MALFORMED);
    let mut none = ipv6_with(&[], 59, &[]);
    none.extend([0; 20]);
    assert_eq!(one(229, &none).unwrap().octets, 40);
}

#[test]
fn transports_and_extension_headers() {
    for protocol in [6, 17, 33, 132, 136] {
        assert_eq!(one(12, &ipv4_with(protocol, 0, 0, &tcp())).unwrap().ports, (1000, 443));
    }
    assert_eq!(
        one(12, &ipv4_with(1, 0, 8, &[3, 4, 0, 0])).unwrap().ports,
        (0, 3 * 256 + 4)
    );
    assert_eq!(one(12, &ipv4_with(47, 0, 40, &tcp())).unwrap().ports, (0, 0));
    assert_eq!(one(12, &ipv6_with(&[], 58, &[135, 0])).unwrap().ports, (0, 135 * 256));
    let options = || vec![0; 7];
    let chain = [
        (0, options()),
        (43, [vec![1], vec![0; 14]].concat()),
        (60, options()),
        (51, [vec![4], vec![0; 22]].concat()),
        (135, options()),
    ];
    let seen = one(12, &ipv6_with(&chain, 6, &tcp())).unwrap();
    assert_eq!((seen.protocol, seen.ports), (6, (1000, 443)));
    let mobility = one(12, &ipv6_with(&[(135, options())], 59, &[])).unwrap();
    assert_eq!((mobility.protocol, mobility.meta), (135, 6));
    // Too many, and one that runs over the end: metered, with the header where it stopped.
    let many: Vec<_> = (0..30).map(|_| (60, options())).collect();
    let seen = one(12, &ipv6_with(&many, 6, &tcp())).unwrap();
    assert_eq!((seen.protocol, seen.ports, seen.meta), (60, (0, 0), 6 | P_META_CUT));
    let seen = one(12, &ipv6_with(&[(43, [vec![200], vec![0; 6]].concat())], 6, &tcp())).unwrap();
    assert_eq!((seen.protocol, seen.ports, seen.meta), (43, (0, 0), 6 | P_META_CUT));
}

#[test]
fn a_cut_at_every_byte_is_counted_once() {
    for (ip, header, ether) in [
        (ipv4(), 20, [8, 0]),
        (ipv4_with(6, 0, 12, &tcp()), 32, [8, 0]),
        (ipv6(), 40, [0x86, 0xdd]),
    ] {
        let whole = ethernet(&ether, &ip);
        for cut in 0..whole.len() {
            let mut decoder = Decoder::new(0);
            let data = &whole[..cut];
            let frame = Frame {
                wire_length: whole.len() as u32,
                ..frame(1, data)
            };
            let seen = decode(&mut decoder, &frame).map(|(seen, _)| seen);
            let counters = decoder.counters;
            if cut < 14 + header {
                assert_eq!((seen, counters.cut_header), (None, 1), "cut at {cut}");
                continue;
            }
            let seen = seen.unwrap();
            assert_eq!(seen.octets as usize, ip.len());
            let missing = cut < 14 + header + 4;
            assert_eq!(counters.cut_transport, u64::from(missing));
            assert_eq!(seen.meta & P_META_CUT != 0, missing);
            assert_eq!(seen.ports, if missing { (0, 0) } else { (1000, 443) });
        }
    }
}

#[test]
fn later_fragments_get_the_ports_of_the_first() {
    let mut decoder = Decoder::new(0);
    let second = 1_000_000_000;
    let mut at = |bytes: &[u8], time_ns: u64| {
        let seen = decode(
            &mut decoder,
            &Frame {
                time_ns,
                ..frame(12, bytes)
            },
        )
        .unwrap()
        .0;
        let counters = decoder.counters;
        (
            seen.protocol,
            seen.ports,
            counters.fragments_joined,
            counters.fragments_orphaned,
        )
    };
    let start = 100 * second;
    let later = ipv4_with(17, 0x0010, 0, &[9; 8]);
    assert_eq!(at(&later, start), (17, (0, 0), 0, 1));
    assert_eq!(at(&ipv4_with(17, 0x2000, 0, &tcp()), start), (17, (1000, 443), 0, 1));
    assert_eq!(at(&later, start + second), (17, (1000, 443), 1, 1));
    assert_eq!(
        at(&ipv4_with(17, 0x2010, 0, &[9; 8]), start - second),
        (17, (1000, 443), 2, 1)
    );
    // Another protocol, identification or direction is another packet.
    assert_eq!(at(&ipv4_with(6, 0x0010, 0, &[9; 8]), start), (6, (0, 0), 2, 2));
    let mut other = later.clone();
    other[5] ^= 1;
    assert_eq!(at(&other, start), (17, (0, 0), 2, 3));
    assert_eq!(at(&later, start + 31 * second), (17, (0, 0), 2, 4));
    // IPv6: the first knows what is behind the options; an atomic fragment is none.
    let options = (60, vec![0; 7]);
    let first = ipv6_with(&[fragment_header(5, 0, true), options.clone()], 58, &[128, 0, 0, 0]);
    assert_eq!(at(&first, start), (58, (0, 128 << 8), 2, 4));
    let later = ipv6_with(&[fragment_header(5, 3, false)], 60, &[7; 16]);
    assert_eq!(at(&later, start), (58, (0, 128 << 8), 3, 4));
    let atomic = ipv6_with(&[fragment_header(6, 0, false)], 6, &tcp());
    assert_eq!(at(&atomic, start), (6, (1000, 443), 3, 4));
    assert_eq!(one(12, &atomic).unwrap().meta, 6);
    assert_eq!(one(12, &first).unwrap().meta, 6 | P_META_FRAGMENT);
}

#[test]
fn the_fragment_table_forgets_the_oldest() {
    let mut decoder = Decoder::new(1);
    let send = |decoder: &mut Decoder, number: u32, fragment: u16| {
        let mut bytes = ipv4_with(17, fragment, 0, &tcp());
        bytes[12..16].copy_from_slice(&number.to_be_bytes());
        decode(
            decoder,
            &Frame {
                time_ns: u64::from(number),
                ..frame(12, &bytes)
            },
        )
        .unwrap();
    };
    for number in 0..100_000 {
        send(&mut decoder, number, 0x2000);
    }
    for number in 99_990..100_000 {
        send(&mut decoder, number, 1);
    }
    assert_eq!(decoder.counters.fragments_joined, 10);
    for number in 0..10 {
        send(&mut decoder, number, 1);
    }
    assert_eq!(decoder.counters.fragments_orphaned, 10);
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
    let seeds = [
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
    let types = [0, 1, 9, 12, 14, 50, 51, 101, 104, 108, 113, 228, 229, 276, 65535];
    let mut random = Random::new();
    let mut decoder = Decoder::new(random.next());
    let mut metered = 0;
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
        if let Some((seen, _)) = decode(&mut decoder, &sent) {
            metered += 1;
            assert!(seen.octets <= sent.wire_length);
        }
        let c = decoder.counters;
        assert_eq!(c.packets, c.metered + c.not_ip + c.malformed + c.cut_header);
    }
    assert!(metered > 100);
}
