use super::*;

/// Two packets, as in most tests below.
fn two_packets(big_endian: bool) -> Vec<u8> {
    let mut out = Out::pcap(big_endian, 0xa1b2_c3d4);
    out.record(1, 2, 60, &[1; 60]).record(3, 4, 1500, &[2; 64]);
    out.bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut out, bytes).unwrap();
    out.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

#[test]
fn compressed_captures_read_like_plain_ones() {
    let plain = two_packets(false);
    let expected = read(&plain);
    assert_eq!(expected.0.len(), 2);
    for pack in [gzip, zstd] {
        assert_eq!(read(&pack(&plain)), expected);
        // Members and frames one after another, cut anywhere.
        let (a, b) = plain.split_at(37);
        assert_eq!(read(&[pack(a), pack(b)].concat()), expected);
    }
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9], &zstd(&plain)[..]].concat();
    assert_eq!(read(&skippable), expected);
}

#[test]
fn compressed_captures_tell_their_progress_on_disk() {
    let mut out = Out::pcap(false, 0xa1b2_c3d4);
    for second in 0..20_000 {
        out.record(second, 0, 60, &[7; 60]);
    }
    let packed = gzip(&out.bytes);
    let total = packed.len() as u64;
    let mut capture = CaptureFile::from_reader("t", Box::new(Cursor::new(packed))).unwrap();
    while capture.next_packet().unwrap().is_some() {}
    assert_eq!(capture.packets(), 20_000);
    assert_eq!(capture.bytes_read(), total);
}

#[test]
fn damaged_compression_is_one_message_after_what_was_whole() {
    let plain = two_packets(false);
    for pack in [gzip, zstd] {
        let packed = pack(&plain);
        for length in 5..packed.len() {
            let (packets, failure) = read(&packed[..length]);
            let failure = failure.unwrap_or_default();
            assert!(packets.len() <= 2);
            // What gzip and zstd add at the end is a check of what has been read.
            assert!(failure.contains("cut") || packets.len() == 2, "{length}: {failure}");
        }
        let mut damaged = packed.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0xff;
        damaged[middle + 1] ^= 0xff;
        assert!(read(&damaged).1.is_some());
    }
    // Once more compressed: nobody does that in earnest.
    assert!(read(&gzip(&gzip(&plain))).1.unwrap().contains("not a capture"));
}

#[test]
fn a_bomb_unpacks_in_bounded_memory() {
    // 64 MiB of zeros behind a header: empty records of the year 1970, as many as there is patience for.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let header = Out::pcap(false, 0xa1b2_c3d4);
    std::io::Write::write_all(&mut packer, &header.bytes).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        std::io::Write::write_all(&mut packer, &zeros).unwrap();
    }
    let packed = packer.finish().unwrap();
    assert!(packed.len() < 1 << 20);
    let mut capture = CaptureFile::from_reader("t", Box::new(Cursor::new(packed))).unwrap();
    let mut packets = 0;
    while capture.next_packet().unwrap().is_some() {
        packets += 1;
    }
    assert_eq!(packets, (64 << 20) / 16);
}

#[test]
fn concatenated_files_are_read_on() {
    let one = read(&two_packets(false)).0;
    for (first, second) in [(false, false), (false, true), (true, false)] {
        let both = [two_packets(first), two_packets(second)].concat();
        let (packets, failure) = read(&both);
        assert_eq!(failure, None);
        assert_eq!(packets, [one.clone(), one.clone()].concat());
    }
    // Headers alone, very many of them.
    let many = Out::pcap(false, 0xa1b2_c3d4).bytes.repeat(100_000);
    assert_eq!(read(&many), (vec![], None));
    // An empty packet is one all the same.
    let mut out = Out::pcap(false, 0xa1b2_c3d4);
    out.record(0xa1b2_c3d3, 0, 0, &[]).record(5, 0, 0, &[]);
    let (packets, failure) = read(&out.bytes);
    assert_eq!((packets.len(), failure), (2, None));
}
