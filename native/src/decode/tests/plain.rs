//! The short way for plain frames gives what the long way gives.

use super::*;
use crate::decode::plain;

fn icmp_of(protocol: u8) -> Vec<u8> {
    [&[8, 3][..], &[protocol; 20]].concat()
}

/// Frames that go the short way, of both address families.
fn plain_frames() -> Vec<Vec<u8>> {
    let v4 = |protocol, payload: &[u8]| ethernet(&[8, 0], &ipv4_with(protocol, 0x4000, 0, payload));
    let v6 = |protocol, payload: &[u8]| ethernet(&[0x86, 0xdd], &ipv6_with(&[], protocol, payload));
    let mut frames = vec![v4(1, &icmp_of(1)), v6(58, &icmp_of(58))];
    for protocol in [6, 17] {
        frames.extend([v4(protocol, &tcp()), v6(protocol, &tcp())]);
    }
    frames
}

/// The records of both ways, where the short one can be gone.
fn both_ways(decoder: &mut Decoder, sent: &Frame) -> Option<[Option<[u8; PACKET_BYTES]>; 2]> {
    let written = |record: PacketRecord| {
        let mut out = [0; PACKET_BYTES];
        record.write(&HashSeed::new(1), &mut out);
        out
    };
    let short = plain::record(sent)?;
    let long = decoder.record(sent, &mut ()).ok();
    Some([Some(written(short)), long.map(written)])
}

#[test]
fn plain_frames_go_the_short_way() {
    for data in plain_frames() {
        let [short, long] = both_ways(&mut Decoder::new(0), &frame(1, &data)).expect("a plain frame");
        assert_eq!(short, long, "{data:02x?}");
    }
}

#[test]
fn other_frames_do_not() {
    let short = |link_type, data: &[u8]| plain::record(&frame(link_type, data)).is_some();
    let first = &plain_frames()[2];
    assert!(short(1, first));
    assert!(!short(12, first) && !short(1, &first[..47]));
    let others = [
        ipv4_with(6, 0x2000, 0, &tcp()),
        ipv4_with(6, 1, 0, &tcp()),
        ipv4_with(6, 0, 4, &tcp()),
        ipv4_with(132, 0, 0, &tcp()),
        ipv4_with(58, 0, 0, &tcp()),
    ];
    assert!(!others.iter().any(|ip| short(1, &ethernet(&[8, 0], ip))));
    let others = [
        ipv6_with(&[(0, vec![0; 7])], 6, &tcp()),
        ipv6_with(&[], 1, &tcp()),
        ipv4(),
    ];
    assert!(!others.iter().any(|ip| short(1, &ethernet(&[0x86, 0xdd], ip))));
}

#[test]
fn mutated_frames_have_one_record_whichever_way() {
    let seeds = plain_frames();
    let mut random = Random::new();
    let mut decoder = Decoder::new(0);
    let mut compared = 0;
    while random.time_left() {
        let mut data = seeds[random.below(seeds.len())].clone();
        random.mutate(&mut data);
        let told = match random.below(3) {
            0 => data.len(),
            1 => data.len() + random.below(1 << 17),
            // Less than was captured: a lie.
            _ => random.below(data.len() + 1),
        };
        let sent = Frame {
            time_ns: random.next(),
            wire_length: told as u32,
            input: 7,
            ..frame(1, &data)
        };
        if let Some([short, long]) = both_ways(&mut decoder, &sent) {
            assert_eq!(short, long, "{data:02x?} {told}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}
