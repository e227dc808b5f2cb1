use super::*;

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
