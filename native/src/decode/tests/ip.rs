use super::*;

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
