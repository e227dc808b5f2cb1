use super::*;

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
        cases.push((219, [&mpls[..], ip].concat()));
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
fn frames_on_pseudowires() {
    let labels = |inside: &[u8]| ethernet(&[&[0x88, 0x47, 0, 1, 0x30, 0xfe, 0, 1, 1, 0xff], inside].concat(), &[]);
    let control = [0, 0, 0, 7];
    let mac = [0x0a, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for (ip, ether) in [(&ipv4()[..], [8, 0]), (&ipv6()[..], [0x86, 0xdd])] {
        let want = one(1, &ethernet(&ether, ip));
        assert!(want.is_some());
        for tags in [&[][..], &[0x81, 0, 0, 1], &[0x88, 0xa8, 0, 1, 0x81, 0, 0, 2]] {
            let frame = [&mac[..], tags, &ether, ip].concat();
            assert_eq!(one(1, &labels(&[&control[..], &frame].concat())), want);
            assert_eq!(one(1, &labels(&frame)), want);
        }
    }
    let arp = [&mac[..], &[8, 6, 0, 1, 8, 0]].concat();
    let wrong = [&mac[..], &[8, 0], &ipv6()].concat();
    let nested = [&mac[..], &[0x88, 0x47, 0, 1, 1, 0xff], &mac[..], &[8, 0], &ipv4()].concat();
    for inside in [&arp[..], &wrong, &nested, &mac, &control] {
        assert_eq!(refused(1, &labels(inside)), NOT_IP);
        assert_eq!(refused(1, &labels(&[&control[..], inside].concat())), NOT_IP);
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
