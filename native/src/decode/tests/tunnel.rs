use super::details::{double_word, word};
use super::*;
use crate::packet_extension::*;

/// Record and extension record with tunnels opened.
fn opened(data: &[u8]) -> (Seen, [u8; PACKET_BYTES], [u8; EXTENSION_BYTES]) {
    let (mut out, mut extension) = ([0; PACKET_BYTES], [0; EXTENSION_BYTES]);
    let sent = Frame {
        input: 5,
        direction: Direction::Out,
        ..frame(101, data)
    };
    let mut decoder = Decoder::new(0).decapsulating(true);
    assert!(decoder.decode_extended(&sent, &mut out, &mut extension));
    assert_eq!(decoder.counters.metered, 1);
    (Seen::of(&out), out, extension)
}

fn udp(destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80, 0];
    bytes.extend(destination.to_be_bytes());
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

/// Each tunnel's protocol of the outer header and the outer payload around `ip`.
pub(super) fn tunnels(ip: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let version = ip[0] >> 4;
    let ether = if version == 4 { [8, 0] } else { [0x86, 0xdd] };
    let tagged = ethernet(&[&[0x81, 0, 0, 9][..], &ether].concat(), ip);
    let behind = |header: &[u8], inner: &[u8]| [header, inner].concat();
    let label = [0, 1, 1, 64];
    let mut all = vec![
        (if version == 4 { 4 } else { 41 }, ip.to_vec()),
        (47, behind(&[0, 0, ether[0], ether[1]], ip)),
        (
            47,
            behind(&[0xb0, 0, ether[0], ether[1], 1, 2, 0, 0, 3, 3, 3, 3, 4, 4, 4, 4], ip),
        ),
        (47, behind(&[0x20, 0, 0x65, 0x58, 0, 0, 1, 0], &tagged)),
        (47, behind(&[0, 0, 0x88, 0x47, 0, 1, 1, 64], ip)),
        (47, behind(&[0, 0, 0x88, 0xbe], &tagged)),
        (
            47,
            behind(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 7, 0x10, 9, 0, 1, 0, 0, 0, 0], &tagged),
        ),
        (
            47,
            behind(
                &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 7, 0x20, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
                &tagged,
            ),
        ),
        (
            47,
            behind(
                &[
                    &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 7, 0x20, 9, 0, 1, 0, 0, 0, 0, 0, 0, 8, 1][..],
                    &[5; 8],
                ]
                .concat(),
                ip,
            ),
        ),
        (97, behind(&[0x30, 0], &tagged)),
        (137, behind(&label, ip)),
        (17, udp(4789, &behind(&[8, 0, 0, 0, 0, 0, 1, 0], &tagged))),
        (17, udp(8472, &behind(&[0x88, 0, 0, 0, 0, 0, 1, 0], &tagged))),
        (17, udp(6081, &behind(&[0, 0, 0x65, 0x58, 0, 0, 1, 0], &tagged))),
        (
            17,
            udp(
                6081,
                &behind(&[2, 0, ether[0], ether[1], 0, 0, 1, 0, 1, 1, 1, 1, 2, 2, 2, 2], ip),
            ),
        ),
        (17, udp(2152, &behind(&[0x30, 255, 0, 40, 0, 0, 0, 1], ip))),
        (
            17,
            udp(2152, &behind(&[0x32, 255, 0, 40, 0, 0, 0, 1, 0, 9, 0, 0x85], ip)),
        ),
        (
            17,
            udp(
                2152,
                &behind(
                    &[
                        0x34, 255, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0x85, 2, 0, 9, 0, 0, 0, 0, 0,
                    ],
                    ip,
                ),
            ),
        ),
        (17, udp(6635, &behind(&label, ip))),
    ];
    let ppp = if version == 4 { 0x21 } else { 0x57 };
    all.push((
        47,
        behind(
            &[
                0x30, 0x81, 0x88, 0x0b, 0, 9, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0xff, 3, 0, ppp,
            ],
            ip,
        ),
    ));
    if version == 6 {
        all.push((17, udp(3544, ip)));
        all.push((17, udp(3544, &behind(&[0, 0, 1, 2, 3, 4, 5, 6], ip))));
        let authenticated = [&[0, 1, 2, 3][..], &[7; 5], &[0; 9], &[0, 0, 1, 2, 3, 4, 5, 6]].concat();
        all.push((17, udp(3544, &behind(&authenticated, ip))));
    }
    all
}

#[test]
fn every_tunnel_leads_to_the_packet_inside() {
    for (inner, ether_type) in [(ipv4(), 0x0800), (ipv6(), 0x86dd)] {
        let (want, reference, _) = opened(&inner);
        for (number, (protocol, payload)) in tunnels(&inner).into_iter().enumerate() {
            let outer4 = ipv4_with(protocol, 0x4000, 4, &payload);
            let outer6 = ipv6_with(&[(60, vec![0; 7])], protocol, &payload);
            for outer in [outer4, outer6] {
                let (seen, record, extension) = opened(&outer);
                assert_eq!(seen, want, "tunnel {number}");
                assert_eq!(record[..32], reference[..32], "addresses of tunnel {number}");
                assert_eq!(seen.meta & 0xc0, P_META_DIRECTION_KNOWN | P_META_EGRESS);
                assert_eq!(
                    word(&extension, X_ETHERTYPE_LABELS_TUNNEL),
                    ether_type | u32::from(protocol) << 24
                );
                assert_eq!(word(&extension, X_FRAGMENT), 0, "of the inner packet");
                let (_, plain, _) = opened(&ipv4_with(253, 0, 0, &[]));
                if outer[0] >> 4 == 4 {
                    assert_eq!(extension[X_TUNNEL_SRC * 4..], plain[..32], "tunnel {number}");
                }
                // Not asked for, it is the outer packet as ever.
                assert_eq!(one(101, &outer).unwrap().protocol, protocol);
            }
        }
    }
}

#[test]
fn a_packet_in_a_tunnel_has_the_fingerprint_of_the_packet() {
    let (_, _, alone) = opened(&ipv4());
    let (_, _, inside) = opened(&ipv4_with(4, 0, 0, &ipv4()));
    assert_eq!(double_word(&inside, X_FINGERPRINT), double_word(&alone, X_FINGERPRINT));
}

#[test]
fn tunnels_in_tunnels_to_a_depth_with_the_outermost_addresses() {
    let mut data = ipv6();
    for _ in 0..4 {
        data = ipv4_with(if data[0] >> 4 == 6 { 41 } else { 4 }, 0, 0, &data);
    }
    let (seen, _, extension) = opened(&data);
    assert_eq!(
        (seen.protocol, word(&extension, X_ETHERTYPE_LABELS_TUNNEL) >> 24),
        (6, 4)
    );
    let (seen, _, extension) = opened(&ipv6_with(&[], 4, &data));
    assert_eq!(
        (seen.protocol, word(&extension, X_ETHERTYPE_LABELS_TUNNEL) >> 24),
        (41, 4)
    );
    assert_eq!(extension[X_TUNNEL_SRC * 4], 0x20);
}

#[test]
fn what_holds_no_whole_packet_is_the_outer_ones() {
    let mut broken = ipv4();
    broken[3] += 1;
    let arp = ethernet(&[8, 6], &[0; 28]);
    for (protocol, payload) in [
        (4, broken.clone()),
        (4, ipv6()),
        (47, [&[0x40, 0, 8, 0][..], &ipv4()].concat()),
        (47, [&[0, 2, 8, 0][..], &ipv4()].concat()),
        (47, vec![0, 0, 8]),
        (97, [&[0x40, 0][..], &ethernet(&[8, 0], &ipv4())].concat()),
        (17, udp(4789, &[&[8, 0, 0, 0, 0, 0, 1, 0][..], &arp].concat())),
        (
            17,
            udp(
                4789,
                &[&[0, 0, 0, 0, 0, 0, 1, 0][..], &ethernet(&[8, 0], &ipv4())].concat(),
            ),
        ),
        (17, udp(2152, &[&[0x30, 1, 0, 40, 0, 0, 0, 1][..], &ipv4()].concat())),
        (
            17,
            udp(2152, &[0x34, 255, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0]),
        ),
        (17, udp(6081, &[&[0x40, 0, 8, 0, 0, 0, 1, 0][..], &ipv4()].concat())),
        (17, udp(53, &ipv4())),
    ] {
        let data = ipv4_with(protocol, 0, 0, &payload);
        let (seen, _, extension) = opened(&data);
        assert_eq!((seen.protocol, seen.octets as usize), (protocol, data.len()));
        assert!(extension[X_TUNNEL_SRC * 4..].iter().all(|&byte| byte == 0));
        assert_eq!(word(&extension, X_ETHERTYPE_LABELS_TUNNEL), 0x0800);
    }
}

#[test]
fn the_first_fragment_of_a_tunnels_packet_stands_for_the_packet_inside() {
    let whole = ipv4_with(4, 0, 0, &ipv4_with(6, 0x4000, 0, &[&tcp()[..], &[0; 1400]].concat()));
    let mut first = whole[..596].to_vec();
    first[2..4].copy_from_slice(&596u16.to_be_bytes());
    first[6] = 0x20;
    let (seen, _, extension) = opened(&first);
    assert_eq!(
        (seen.protocol, seen.ports, seen.octets, seen.meta & P_META_FRAGMENT),
        (6, (1000, 443), 1440, 0)
    );
    assert_eq!(
        (
            word(&extension, X_FRAGMENT),
            word(&extension, X_ETHERTYPE_LABELS_TUNNEL) >> 24
        ),
        (1 << 17, 4)
    );
    let later = ipv4_with(4, 72, 0, &whole[596..]);
    let (seen, _, extension) = opened(&later);
    assert_eq!(
        (seen.protocol, seen.octets as usize, word(&extension, X_TUNNEL_SRC + 3)),
        (4, later.len(), 0)
    );
    // A length that nobody tells.
    first[22..24].fill(0);
    assert_eq!(opened(&first).0.protocol, 4);
}

#[test]
fn a_cut_at_every_byte_is_still_one_packet() {
    for (protocol, payload) in tunnels(&ipv6()) {
        let whole = ipv4_with(protocol, 0, 0, &payload);
        for cut in 20..whole.len() {
            let mut decoder = Decoder::new(0).decapsulating(true);
            let frame = Frame {
                wire_length: whole.len() as u32,
                ..frame(101, &whole[..cut])
            };
            let (mut out, mut extension) = ([0; PACKET_BYTES], [0; EXTENSION_BYTES]);
            assert!(decoder.decode_extended(&frame, &mut out, &mut extension));
            let seen = Seen::of(&out);
            let inner = whole.len() - 60;
            match cut.checked_sub(inner + 40) {
                None => assert_eq!((seen.protocol, seen.octets as usize), (protocol, whole.len())),
                Some(left) => {
                    assert_eq!((seen.protocol, seen.octets), (6, 60));
                    assert_eq!(decoder.counters.cut_transport, u64::from(left < 4));
                }
            }
        }
    }
}
