mod compressed;

use super::*;
use std::io::Cursor;

/// Packets as (link type, interface, time, direction, wire length, data), and the failure.
type Seen = (Vec<(u16, u32, u64, Direction, u32, Vec<u8>)>, Option<String>);

/// The same whether packets at hand are taken as such or not.
fn read(bytes: &[u8]) -> Seen {
    let seen = read_with(bytes, false);
    assert_eq!(read_with(bytes, true), seen);
    seen
}

fn read_with(bytes: &[u8], at_hand: bool) -> Seen {
    let mut packets = Vec::new();
    let mut capture = match CaptureFile::from_reader("t", Box::new(Cursor::new(bytes.to_vec()))) {
        Ok(capture) => capture,
        Err(text) => return (packets, Some(text)),
    };
    let seen = |p: Packet| {
        (
            p.link_type,
            p.interface,
            p.time_ns,
            p.direction,
            p.wire_length,
            p.data.to_vec(),
        )
    };
    loop {
        if let (true, Some(&(link_type, ..))) = (at_hand, packets.last()) {
            while let Some(packet) = capture.packet_at_hand(link_type) {
                packets.push(seen(packet));
            }
        }
        match capture.next_packet() {
            Ok(Some(packet)) => packets.push(seen(packet)),
            Ok(None) => return (packets, None),
            Err(text) => {
                assert!(capture.next_packet().unwrap().is_none());
                if let Some(&(link_type, ..)) = packets.last() {
                    assert!(capture.packet_at_hand(link_type).is_none());
                }
                return (packets, Some(text));
            }
        }
    }
}

#[test]
fn packets_at_hand_are_those_of_one_link_type_and_without_options() {
    for big_endian in [false, true] {
        let mut png = Out::new(big_endian);
        png.section()
            .interface(1, |_| {})
            .interface(113, |_| {})
            .interface(1, |b| {
                b.u16(9).u16(1).raw(&[9, 0, 0, 0]);
            });
        for (interface, flags) in [(0, None), (2, None), (1, None), (0, Some(1)), (0, None), (9, None)] {
            png.enhanced(interface, 5_000_000_000, 9, b"abcde", flags);
        }
        let (packets, failure) = read(&png.bytes);
        assert_eq!(packets.iter().map(|p| p.1).collect::<Vec<u32>>(), [0, 2, 1, 0, 0]);
        assert_eq!(packets[1].2, 5_000_000_000);
        assert!(failure.unwrap().contains("interface 9"));
        let mut capture = CaptureFile::from_reader("t", Box::new(Cursor::new(png.bytes))).unwrap();
        let mut at_hand = Vec::new();
        for _ in 0..5 {
            at_hand.push(match capture.packet_at_hand(1) {
                Some(_) => true,
                None => capture.next_packet().unwrap().is_none(),
            });
        }
        // The first is behind the interfaces, the third of another link type, the fourth has options.
        assert_eq!(at_hand, [false, true, false, false, true]);
    }
}

/// Writes numbers in one byte order.
struct Out {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Out {
    fn new(big_endian: bool) -> Out {
        Out {
            bytes: Vec::new(),
            big_endian,
        }
    }
    fn u16(&mut self, value: u16) -> &mut Out {
        self.bytes.extend(if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        });
        self
    }
    fn u32(&mut self, value: u32) -> &mut Out {
        self.bytes.extend(if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        });
        self
    }
    fn raw(&mut self, bytes: &[u8]) -> &mut Out {
        self.bytes.extend(bytes);
        self
    }
    fn pcap(big_endian: bool, magic: u32) -> Out {
        let mut out = Out::new(big_endian);
        out.u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65535).u32(0x1400_0001);
        out
    }
    fn record(&mut self, seconds: u32, fraction: u32, wire: u32, data: &[u8]) -> &mut Out {
        self.u32(seconds)
            .u32(fraction)
            .u32(data.len() as u32)
            .u32(wire)
            .raw(data)
    }
    fn block(&mut self, kind: u32, body: impl Fn(&mut Out)) -> &mut Out {
        let mut inner = Out::new(self.big_endian);
        body(&mut inner);
        inner.bytes.resize(inner.bytes.len().next_multiple_of(4), 0);
        let length = inner.bytes.len() as u32 + 12;
        self.u32(kind).u32(length).raw(&inner.bytes).u32(length)
    }
    fn section(&mut self) -> &mut Out {
        self.block(0x0a0d_0d0a, |b| {
            b.u32(0x1a2b_3c4d).u16(1).u16(0).u32(u32::MAX).u32(u32::MAX);
        })
    }
    fn interface(&mut self, link_type: u16, options: impl Fn(&mut Out)) -> &mut Out {
        self.block(1, |b| {
            b.u16(link_type).u16(0).u32(0);
            options(b);
        })
    }
    fn enhanced(&mut self, interface: u32, ticks: u64, wire: u32, data: &[u8], flags: Option<u32>) -> &mut Out {
        self.block(6, |b| {
            b.u32(interface)
                .u32((ticks >> 32) as u32)
                .u32(ticks as u32)
                .u32(data.len() as u32)
                .u32(wire)
                .raw(data);
            b.bytes.resize(b.bytes.len().next_multiple_of(4), 0);
            if let Some(flags) = flags {
                b.u16(1).u16(3).raw(b"hi!\0").u16(2).u16(4).u32(flags).u32(0);
            }
        })
    }
}

#[test]
fn pcap_in_both_orders_and_resolutions() {
    for big_endian in [false, true] {
        for (magic, unit) in [(0xa1b2_c3d4, 1000), (0xa1b2_3c4d, 1)] {
            let mut out = Out::pcap(big_endian, magic);
            out.record(4_000_000_000, 999, 60, b"abc").record(1, 2, 0, b"");
            let (packets, failure) = read(&out.bytes);
            assert_eq!(failure, None);
            let time = 4_000_000_000_000_000_000 + 999 * unit;
            assert_eq!(packets[0], (1, 0, time, Direction::Unknown, 60, b"abc".to_vec()));
            assert_eq!(packets[1].2, 1_000_000_000 + 2 * unit);
            assert_eq!(packets.len(), 2);
        }
    }
}

#[test]
fn old_pcap_has_its_lengths_the_other_way_round() {
    for (minor, captured, wire) in [(1, 60, 3), (3, 60, 3), (3, 3, 60), (4, 3, 60)] {
        let mut out = Out::pcap(true, 0xa1b2_c3d4);
        out.bytes[7] = minor;
        out.u32(1).u32(2).u32(captured).u32(wire).raw(b"abc");
        let (packets, failure) = read(&out.bytes);
        assert_eq!(failure, None);
        assert_eq!((packets[0].4, packets[0].5.as_slice()), (60, &b"abc"[..]));
    }
}

#[test]
fn modified_pcap_has_direction() {
    let mut out = Out::pcap(true, 0xa1b2_cd34);
    out.u32(1)
        .u32(2)
        .u32(3)
        .u32(3)
        .u32(7)
        .u16(0x800)
        .raw(&[4, 0])
        .raw(b"abc");
    let (packets, failure) = read(&out.bytes);
    assert_eq!(failure, None);
    assert_eq!((packets[0].3, packets[0].5.as_slice()), (Direction::Out, &b"abc"[..]));
}

#[test]
fn pcapng_sections_interfaces_times_and_flags() {
    let mut out = Out::new(false);
    out.section()
        .interface(1, |_| {})
        .interface(113, |b| {
            b.u16(9).u16(1).raw(&[9, 0, 0, 0]).u16(14).u16(8).u32(10).u32(0).u32(0);
        })
        .enhanced(0, 5, 9, b"abcde", Some(1))
        .enhanced(1, 7, 5, b"abcde", Some(2))
        .block(4, |b| {
            b.raw(&[0; 400]);
        })
        .block(2, |b| {
            b.u16(1).u16(0).u32(0).u32(8).u32(2).u32(3).raw(b"xy");
        });
    out.big_endian = true;
    out.section()
        .interface(12, |b| {
            b.u16(9).u16(1).raw(&[0x81, 0, 0, 0]);
        })
        .block(3, |b| {
            b.u32(3).raw(b"xyz");
        })
        .enhanced(0, 3, 5, b"", None);
    let (packets, failure) = read(&out.bytes);
    assert_eq!(failure, None);
    assert_eq!(
        packets,
        [
            (1, 0, 5000, Direction::In, 9, b"abcde".to_vec()),
            (113, 1, 10_000_000_007, Direction::Out, 5, b"abcde".to_vec()),
            (113, 1, 10_000_000_008, Direction::Unknown, 3, b"xy".to_vec()),
            (12, 2, 10_000_000_008, Direction::Unknown, 3, b"xyz".to_vec()),
            (12, 2, 1_500_000_000, Direction::Unknown, 5, b"".to_vec()),
        ]
    );
}

#[test]
fn pcapng_names_its_interfaces() {
    for big_endian in [false, true] {
        let mut out = Out::new(big_endian);
        out.section()
            .interface(1, |b| {
                b.u16(2).u16(4).raw(b"eth0").u16(3).u16(7).raw(b"up\x1blink\0").u32(0);
            })
            .interface(1, |_| {})
            .interface(12, |b| {
                b.u16(2).u16(6).raw(b"tun0\0x\0\0").u32(0);
            })
            .enhanced(2, 5, 9, b"abcde", None);
        let bytes = out.bytes;
        let mut capture = CaptureFile::from_reader("t", Box::new(Cursor::new(bytes))).unwrap();
        assert!(capture.interface_names().is_empty());
        assert_eq!(capture.next_packet().unwrap().unwrap().interface, 2);
        let names: Vec<_> = capture
            .interface_names()
            .iter()
            .map(|one| (one.interface, one.name.as_str(), one.description.as_str()))
            .collect();
        assert_eq!(names, [(0, "eth0", "uplink"), (2, "tun0", "")]);
    }
}

#[test]
fn every_cut_hands_out_what_is_whole_and_says_where() {
    let mut pcap = Out::pcap(false, 0xa1b2_c3d4);
    let mut ends = vec![pcap.bytes.len()];
    for _ in 0..3 {
        pcap.record(1, 1, 20, &[7; 20]);
        ends.push(pcap.bytes.len());
    }
    for cut in 24..pcap.bytes.len() {
        let (packets, failure) = read(&pcap.bytes[..cut]);
        let whole = ends[1..].iter().filter(|&&end| end <= cut).count();
        assert_eq!(packets.len(), whole);
        match ends.contains(&cut) {
            true => assert_eq!(failure, None),
            false => assert_eq!(
                failure.unwrap(),
                format!("t: capture cut at byte {cut} (packet {})", whole + 1)
            ),
        }
    }
    let mut png = Out::new(true);
    png.section().interface(1, |_| {});
    let first = png.bytes.len();
    png.enhanced(0, 5, 9, b"abcde", Some(1))
        .enhanced(0, 5, 9, b"abcde", Some(1));
    for cut in first + 1..png.bytes.len() {
        let (packets, failure) = read(&png.bytes[..cut]);
        match (cut - first) % ((png.bytes.len() - first) / 2) {
            0 => assert_eq!(failure, None),
            _ => assert_eq!(
                failure.unwrap(),
                format!("t: capture cut at byte {cut} (packet {})", packets.len() + 1)
            ),
        }
    }
}

#[test]
fn hostile_lengths_and_other_files_are_refused_in_words() {
    let mut out = Out::pcap(false, 0xa1b2_c3d4);
    out.record(1, 1, 1, b"x").u32(0).u32(0).u32(u32::MAX).u32(1);
    let (packets, failure) = read(&out.bytes);
    assert_eq!(packets.len(), 1);
    assert_eq!(
        failure.unwrap(),
        "t: impossible packet length 4294967295 at byte 41 (packet 2)"
    );

    let mut out = Out::new(false);
    out.section().enhanced(3, 0, 1, b"x", None);
    assert!(read(&out.bytes)
        .1
        .unwrap()
        .contains("interface 3, which the file does not describe"));
    let mut out = Out::new(false);
    out.section().u32(6).u32(0xffff_fff0).raw(&[0; 40]);
    assert!(read(&out.bytes)
        .1
        .unwrap()
        .contains("impossible pcapng block length 4294967280"));

    for (bytes, text) in [
        (&b""[..], "t: not a capture: the file is empty"),
        (b"ab", "t: not a capture: neither pcap nor pcapng"),
        (b"#!/bin/sh\n", "t: not a capture: neither pcap nor pcapng"),
        (
            b"\xd4\xc3\xb2\xa1\x02\x00",
            "t: capture cut at byte 6 (in the file header)",
        ),
    ] {
        assert_eq!(read(bytes).1.unwrap(), text);
    }
    assert!(read(b"\xfd7zXZ\0").1.unwrap().contains("xzcat"));
    assert!(read(b"BZh91AY&SY").1.unwrap().contains("bzcat"));
}

#[test]
fn packets_across_reads_are_whole() {
    let mut out = Out::pcap(false, 0xa1b2_c3d4);
    let data: Vec<u8> = (0..70_000u32).map(|i| (i * 7) as u8).collect();
    for i in 0..50 {
        out.record(i, 0, 70_000, &data[i as usize..]);
    }
    let (packets, failure) = read(&out.bytes);
    assert_eq!((packets.len(), failure), (50, None));
    assert!(packets.iter().enumerate().all(|(i, p)| p.5 == data[i..]));
}

#[test]
fn random_and_mutated_bytes_never_panic() {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    let mut pcap = Out::pcap(true, 0xa1b2_3c4d);
    pcap.record(1, 1, 20, &[7; 20]).record(1, 1, 20, &[7; 20]);
    seeds.push(pcap.bytes);
    let mut png = Out::new(false);
    png.section().interface(1, |b| {
        b.u16(9).u16(1).raw(&[9, 0, 0, 0]);
    });
    png.enhanced(0, 5, 9, b"abcde", Some(1)).block(3, |b| {
        b.u32(3).raw(b"xyz");
    });
    seeds.push(png.bytes.clone());
    png.enhanced(0, 6, 9, b"abcdefgh", None)
        .enhanced(0, 7, 9, b"abcde", None);
    seeds.push(png.bytes);
    let mut random = crate::fuzz::Random::new();
    let mut rounds = 0;
    while random.time_left() {
        let mut bytes = seeds[rounds % seeds.len()].clone();
        random.mutate(&mut bytes);
        let (packets, _) = read(&bytes);
        assert!(packets.len() <= bytes.len());
        rounds += 1;
    }
    assert!(rounds > 10);
}
