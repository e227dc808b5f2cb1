use super::*;
use crate::fuzz::Random;
use crate::segment::bits::{bit_width, put_deltas, put_indices};

fn slack(mut bytes: Vec<u8>) -> (Vec<u8>, usize) {
    let end = bytes.len();
    bytes.resize(end + SLACK, 0xa5);
    (bytes, end)
}

/// Reads in pieces of changing length, as blocks that do not match the groups would.
fn pieces<T: Unpacked>(
    count: usize,
    random: &mut Random,
    mut read: impl FnMut(&mut [T]) -> Result<()>,
) -> Result<Vec<T>> {
    let mut all = vec![T::default(); count];
    let mut at = 0;
    while at < count {
        let next = count.min(at + 1 + random.below(300));
        read(&mut all[at..next])?;
        at = next;
    }
    Ok(all)
}

#[test]
fn indices_come_back_in_any_pieces() {
    let mut random = Random::new();
    for width in 0..=32 {
        let values: Vec<u32> = (0..3000)
            .map(|row| {
                let wide = if row % 700 < 300 { 7 } else { random.next() };
                (wide & ((1u64 << width) - 1)) as u32
            })
            .collect();
        let mut page = Vec::new();
        put_indices(&mut page, &values, width);
        let (page, end) = slack(page);
        let mut indices = Indices::default();
        indices.start(1, end, width).unwrap();
        let read = pieces(values.len(), &mut random, |out| indices.read(&page, out)).unwrap();
        assert_eq!(read, values, "width {width}");
    }
}

#[test]
fn differences_come_back_in_any_pieces() {
    let mut random = Random::new();
    for bits in [32, 64] {
        for shift in 0..64 {
            let mask = if bits == 32 { u64::from(u32::MAX) } else { u64::MAX };
            let values: Vec<u64> = (0..1000).map(|_| (random.next() >> shift) & mask).collect();
            let mut page = Vec::new();
            put_deltas(&mut page, &values, bits, false);
            let (page, end) = slack(page);
            let mut deltas = Deltas::default();
            deltas.start(&page, 0, end, bits).unwrap();
            let read = pieces(values.len(), &mut random, |out| deltas.read(&page, out)).unwrap();
            assert_eq!(read, values, "{bits} bits, shift {shift}");
        }
    }
}

#[test]
fn pages_cut_anywhere_are_errors() {
    let values: Vec<u64> = (0..500u64).map(|row| row * row % 977).collect();
    let mut page = Vec::new();
    put_deltas(&mut page, &values, 64, false);
    for cut in 0..page.len() {
        let (cut_page, end) = slack(page[..cut].to_vec());
        let mut deltas = Deltas::default();
        let mut out = vec![0; values.len()];
        let result = deltas
            .start(&cut_page, 0, end, 64)
            .and_then(|()| deltas.read(&cut_page, &mut out));
        assert!(result.is_err(), "cut at {cut}");
    }
    let indices: Vec<u32> = values.iter().map(|&value| value as u32).collect();
    let width = bit_width(977);
    let mut page = Vec::new();
    put_indices(&mut page, &indices, width);
    for cut in 1..page.len() - width as usize {
        let (cut_page, end) = slack(page[..cut].to_vec());
        let mut reader = Indices::default();
        let mut out = vec![0; values.len()];
        let result = reader
            .start(1, end, width)
            .and_then(|()| reader.read(&cut_page, &mut out));
        assert!(result.is_err(), "cut at {cut}");
    }
}

#[test]
fn damaged_pages_never_panic() {
    let mut random = Random::new();
    let values: Vec<u64> = (0..700u64).map(|row| row * row % 977).collect();
    let indices: Vec<u32> = values.iter().map(|&value| value as u32 / 8).collect();
    while random.time_left() {
        let mut page = Vec::new();
        put_deltas(&mut page, &values, 64, false);
        random.mutate(&mut page);
        let (page, end) = slack(page);
        let mut deltas = Deltas::default();
        if deltas.start(&page, 0, end, 64).is_ok() {
            let _ = pieces(values.len(), &mut random, |out| deltas.read(&page, out));
        }
        let mut page = Vec::new();
        put_indices(&mut page, &indices, 7);
        random.mutate(&mut page);
        let (page, end) = slack(page);
        let mut reader = Indices::default();
        if reader.start(1.min(end), end, u32::from(page[0])).is_ok() {
            let _ = pieces(values.len(), &mut random, |out| reader.read(&page, out));
        }
    }
}
