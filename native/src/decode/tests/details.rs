use super::*;
use crate::packet_extension::*;

fn extension(decoder: &mut Decoder, frame: &Frame) -> Option<[u8; EXTENSION_BYTES]> {
    let (mut record, mut extension) = ([0; PACKET_BYTES], [0xee; EXTENSION_BYTES]);
    decoder
        .decode_extended(frame, &mut record, &mut extension)
        .then_some(extension)
}

pub(super) fn word(extension: &[u8; EXTENSION_BYTES], at: usize) -> u32 {
    u32::from_ne_bytes(extension[at * 4..at * 4 + 4].try_into().unwrap())
}

pub(super) fn double_word(extension: &[u8; EXTENSION_BYTES], at: usize) -> u64 {
    u64::from(word(extension, at)) | u64::from(word(extension, at + 1)) << 32
}

fn extension_of(link_type: u16, data: &[u8]) -> [u8; EXTENSION_BYTES] {
    extension(&mut Decoder::new(0), &frame(link_type, data)).unwrap()
}

fn fingerprint(link_type: u16, data: &[u8]) -> u64 {
    double_word(&extension_of(link_type, data), X_FINGERPRINT)
}

#[test]
fn tags_addresses_and_labels_of_the_link_layer() {
    let mut data = vec![0x02, 0, 0x5e, 0x10, 0, 0x01, 0x02, 0, 0x5e, 0x10, 0, 0xfe];
    data.extend([0x88, 0xa8, 0x20, 0x64, 0x81, 0, 0x0f, 0xff, 0x81, 0, 0, 9, 0x88, 0x47]);
    data.extend([0x12, 0x34, 0x5a, 0x40, 0x00, 0x02, 0x01, 0x3f]);
    data.extend(ipv4_with(17, 0x4000, 0, &tcp()));
    let seen = extension_of(1, &data);
    assert_eq!(word(&seen, X_VLANS), 100 | 0xfff << 16);
    assert_eq!(word(&seen, X_ETHERTYPE_LABELS_TUNNEL), 0x0800 | 2 << 16);
    assert_eq!(double_word(&seen, X_DST_MAC), 0x0200_5e10_0001);
    assert_eq!(double_word(&seen, X_SRC_MAC), 0x0200_5e10_00fe);
    assert_eq!(
        [word(&seen, X_MPLS), word(&seen, X_MPLS + 1), word(&seen, X_MPLS + 2)],
        [0x12_345a, 0x201, 0]
    );
    assert_eq!(word(&seen, X_FRAGMENT), 1 << 17);
    assert!(seen[X_TUNNEL_SRC * 4..].iter().all(|&byte| byte == 0));

    let mut sll = vec![0, 0, 0, 1, 0, 6, 2, 0, 0x5e, 0, 0, 7, 0, 0, 0x81, 0, 0, 42, 0x86, 0xdd];
    sll.extend(ipv6());
    let seen = extension_of(113, &sll);
    assert_eq!(
        (word(&seen, X_VLANS), word(&seen, X_ETHERTYPE_LABELS_TUNNEL)),
        (42, 0x86dd)
    );
    assert_eq!(
        (double_word(&seen, X_SRC_MAC), double_word(&seen, X_DST_MAC)),
        (0x0200_5e00_0007, 0)
    );
}

/// As Linux gives a frame that came in with tags 7 and 8 (and 9): tag 7, the innermost protocol, and the other tags.
#[test]
fn cooked_frames_with_tags_behind_the_protocol() {
    let sll = [0, 0, 0, 1, 0, 6, 2, 0, 0x5e, 0, 0, 7, 0, 0, 0x81, 0, 0, 7, 8, 0];
    let two = [&sll[..], &[0, 8, 8, 0], &ipv4()].concat();
    assert_eq!(word(&extension_of(113, &two), X_VLANS), 7 | 8 << 16);
    let three = [&sll[..], &[0, 8, 0x81, 0, 0, 9, 8, 0], &ipv4()].concat();
    assert_eq!(one(113, &three), one(113, &two));
    // What is no IP behind them either is a broken IP packet.
    for wrong in [&[0, 8, 8, 6, 0, 1][..], &[0, 8, 8, 0, 0x65], &[0, 8]] {
        assert_eq!(refused(113, &[&sll[..], wrong].concat()), MALFORMED);
    }
}

#[test]
fn no_more_labels_than_there_is_room_for() {
    let labels: Vec<u8> = (1..=12u8)
        .flat_map(|label| [0, label, u8::from(label == 12), 64])
        .collect();
    let seen = extension_of(1, &ethernet(&[&[0x88, 0x47][..], &labels].concat(), &ipv4()));
    assert_eq!(word(&seen, X_ETHERTYPE_LABELS_TUNNEL) >> 16, X_MPLS_MOST as u32);
    assert_eq!(word(&seen, X_MPLS + 9), 10 << 8);
    assert_eq!((word(&seen, X_MPLS + 10), word(&seen, X_MPLS + 11)), (0, 0));
}

#[test]
fn fragments_and_flow_labels() {
    let more = extension_of(12, &ipv4_with(17, 0x2000 | 185, 0, &tcp()));
    assert_eq!(word(&more, X_FRAGMENT), 1480 | 1 << 16);
    let mut bytes = ipv6_with(&[fragment_header(7, 0x1fff, false)], 17, &tcp());
    bytes[1..4].copy_from_slice(&[0x85, 0x43, 0x21]);
    let last = extension_of(12, &bytes);
    assert_eq!((word(&last, X_FRAGMENT), word(&last, X_FLOW_LABEL)), (0xfff8, 0x5_4321));
}

#[test]
fn a_fingerprint_outlives_a_router_and_nothing_else() {
    let plain = ipv4_with(17, 0, 0, &[7; 100]);
    let routed = {
        let mut bytes = plain.clone();
        (bytes[1], bytes[8]) = (0, 62);
        bytes[10..12].copy_from_slice(&[0xab, 0xcd]);
        ethernet(&[0x81, 0, 0, 3, 8, 0], &bytes)
    };
    let want = fingerprint(12, &plain);
    assert_eq!(want, fingerprint(1, &routed));
    for at in [5, 9, 15, 19, 20, 35, 36, 67] {
        let mut other = plain.clone();
        other[at] ^= 1;
        assert_ne!(fingerprint(12, &other), want, "byte {at}");
    }
    assert_ne!(fingerprint(12, &ipv4_with(17, 0, 0, &[7; 101])), want);
    // A capture may have cut one of the two behind what counts.
    let cut = Frame {
        data: &plain[..68],
        wire_length: 120,
        ..frame(12, &plain)
    };
    assert_eq!(
        double_word(&extension(&mut Decoder::new(0), &cut).unwrap(), X_FINGERPRINT),
        want
    );
    let v6 = ipv6();
    let mut hop = v6.clone();
    hop[7] -= 1;
    assert_eq!(fingerprint(12, &v6), fingerprint(12, &hop));
    // Whether a later fragment finds its first depends on what else was seen; the packet is the same.
    let mut joined = Decoder::new(0);
    let first = ipv4_with(17, 0x2000, 0, &tcp());
    assert!(extension(&mut joined, &frame(12, &first)).is_some());
    let later = ipv4_with(17, 5, 0, &tcp());
    let seen = extension(&mut joined, &frame(12, &later)).unwrap();
    assert_eq!(double_word(&seen, X_FINGERPRINT), fingerprint(12, &later));
}

#[test]
fn the_record_is_the_same_with_and_without() {
    for data in [
        ipv4(),
        ipv6(),
        ipv4_with(17, 0x2000, 8, &tcp()),
        ipv6_with(&[], 58, &[135, 0]),
    ] {
        let frame = frame(12, &data);
        let (mut record, mut extension) = ([0; PACKET_BYTES], [0; EXTENSION_BYTES]);
        assert!(Decoder::new(3).decode_extended(&frame, &mut record, &mut extension));
        assert_eq!(decode(&mut Decoder::new(3), &frame).unwrap().1, record);
    }
}
