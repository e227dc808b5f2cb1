//! The integer encodings of Parquet pages (parquet-format, Encodings.md): bit packing, the hybrid of runs and packed
//! groups that dictionary indices use, and DELTA_BINARY_PACKED.

use crate::segment::column::Cell;
use crate::wide_registers::with_wide_registers;

/// Appends `value` as an unsigned LEB128 number.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Bits needed to write `value`; 0 for 0.
pub fn bit_width(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// Appends the low `width` bits of each value, least significant bit first; the last byte is filled with zeros. No value
/// has more bits than that.
#[inline(always)]
pub fn pack<T: Copy + Into<u64>>(out: &mut Vec<u8>, values: &[T], width: u32) {
    match width {
        0 => {}
        1..=8 => pack_narrow(out, values, width),
        9..=16 => pack_middle(out, values, width),
        _ => pack_wide(out, values.iter().map(|&value| value.into()), width),
    }
}

/// Eight values of at most 8 bits at a time: their bytes fit one word.
#[inline(always)]
fn pack_narrow<T: Copy + Into<u64>>(out: &mut Vec<u8>, values: &[T], width: u32) {
    let groups = values.chunks_exact(8);
    let rest = groups.remainder();
    for group in groups {
        let word = word_of(group, width);
        out.extend_from_slice(&word.to_le_bytes());
        out.truncate(out.len() + width as usize - 8);
    }
    pack_wide(out, rest.iter().map(|&value| value.into()), width);
}

/// Eight values of at most 16 bits at a time: their bytes fit two words.
#[inline(always)]
fn pack_middle<T: Copy + Into<u64>>(out: &mut Vec<u8>, values: &[T], width: u32) {
    let groups = values.chunks_exact(8);
    let rest = groups.remainder();
    for group in groups {
        let (low, high) = group.split_at(4);
        let words = u128::from(word_of(low, width)) | u128::from(word_of(high, width)) << (4 * width);
        out.extend_from_slice(&words.to_le_bytes());
        out.truncate(out.len() + width as usize - 16);
    }
    pack_wide(out, rest.iter().map(|&value| value.into()), width);
}

#[inline(always)]
fn word_of<T: Copy + Into<u64>>(values: &[T], width: u32) -> u64 {
    values.iter().rev().fold(0, |word, &value| word << width | value.into())
}

#[inline(always)]
fn pack_wide(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, width: u32) {
    let mut held = 0u64;
    let mut bits = 0;
    for value in values {
        held |= value << bits;
        bits += width;
        if bits >= 64 {
            out.extend_from_slice(&held.to_le_bytes());
            bits -= 64;
            // What did not fit; a shift by the full 64 would be undefined, and nothing is left then.
            held = if bits == 0 { 0 } else { value >> (width - bits) };
        }
    }
    out.extend_from_slice(&held.to_le_bytes()[..bits.div_ceil(8) as usize]);
}

/// Shortest repetition written as a run: its header and value cost less than four packed groups at any width.
const RUN: usize = 32;

/// Dictionary indices as a data page has them: one byte of width, then runs and packed groups of eight.
pub fn put_indices(out: &mut Vec<u8>, indices: &[u32], width: u32) {
    with_wide_registers!(runs_and_groups(out, indices, width));
}

#[inline(always)]
fn runs_and_groups(out: &mut Vec<u8>, indices: &[u32], width: u32) {
    out.push(width as u8);
    let mut packed_from = 0;
    let mut at = 0;
    while at < indices.len() {
        let first = indices[at];
        let group = &indices[at..indices.len().min(at + 8)];
        if group.iter().fold(0, |different, &index| different | (index ^ first)) != 0 {
            at += group.len();
            continue;
        }
        let mut run = indices[at..].iter().take_while(|&&index| index == first).count();
        if at + run < indices.len() {
            // A packed part has whole groups of eight unless it is the last.
            run -= run % 8;
        }
        if run >= RUN {
            put_packed(out, &indices[packed_from..at], width);
            put_varint(out, (run as u64) << 1);
            let bytes = first.to_le_bytes();
            out.extend_from_slice(&bytes[..width.div_ceil(8) as usize]);
            packed_from = at + run;
        }
        at += run.max(group.len());
    }
    put_packed(out, &indices[packed_from..], width);
}

#[inline(always)]
fn put_packed(out: &mut Vec<u8>, indices: &[u32], width: u32) {
    if indices.is_empty() {
        return;
    }
    let groups = indices.len().div_ceil(8);
    put_varint(out, (groups as u64) << 1 | 1);
    let end = out.len() + groups * width as usize;
    pack(out, indices, width);
    out.resize(end, 0);
}

const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/// DELTA_BINARY_PACKED page of integers of `bits` (32 or 64) bits; differences wrap at that width. Gives the least and the
/// greatest value: of 64 bits as signed or not, as `signed` says.
pub fn put_deltas<T: Cell>(out: &mut Vec<u8>, values: &[T], bits: u32, signed: bool) -> (u64, u64) {
    with_wide_registers!(deltas(out, values, bits, signed))
}

#[inline(always)]
fn deltas<T: Cell>(out: &mut Vec<u8>, values: &[T], bits: u32, signed: bool) -> (u64, u64) {
    // Sign-extends the low `bits` bits, the form in which differences of that width are compared.
    let narrow = |value: u64| {
        if bits == 32 {
            i64::from(value as u32 as i32)
        } else {
            value as i64
        }
    };
    put_varint(out, BLOCK as u64);
    put_varint(out, (BLOCK / MINIBLOCK) as u64);
    put_varint(out, values.len() as u64);
    let Some(first) = values.first().map(|value| value.wide()) else {
        put_zigzag(out, 0);
        return (0, 0);
    };
    put_zigzag(out, narrow(first));
    let mask = if bits == 32 { u64::from(u32::MAX) } else { u64::MAX };
    // Flipping the highest bit makes the order of unsigned numbers that of signed ones.
    let flip = if signed { 0 } else { 1 << 63 };
    let ordered = |value: u64| (value ^ flip) as i64;
    let (mut lowest, mut highest) = (ordered(first), ordered(first));
    let mut deltas = [0i64; BLOCK];
    let mut above = [0u64; MINIBLOCK];
    let mut before = first;
    for block in values[1..].chunks(BLOCK) {
        let mut least = i64::MAX;
        for (delta, value) in deltas.iter_mut().zip(block) {
            let value = value.wide();
            *delta = narrow(value.wrapping_sub(before));
            least = least.min(*delta);
            lowest = lowest.min(ordered(value));
            highest = highest.max(ordered(value));
            before = value;
        }
        put_zigzag(out, least);
        let widths_at = out.len();
        out.extend_from_slice(&[0; BLOCK / MINIBLOCK]);
        for (number, mini) in deltas[..block.len()].chunks(MINIBLOCK).enumerate() {
            let above = &mut above[..mini.len()];
            let mut all = 0;
            for (above, &delta) in above.iter_mut().zip(mini) {
                *above = delta.wrapping_sub(least) as u64 & mask;
                all |= *above;
            }
            let width = bit_width(all);
            out[widths_at + number] = width as u8;
            let end = out.len() + MINIBLOCK / 8 * width as usize;
            pack(out, above, width);
            out.resize(end, 0);
        }
    }
    (lowest as u64 ^ flip, highest as u64 ^ flip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixing::GOLDEN;

    #[test]
    fn packs_least_significant_bit_first() {
        let mut out = Vec::new();
        pack(&mut out, &[0u64, 1, 2, 3, 4, 5, 6, 7], 3);
        // The example of the format's own page on bit packing.
        assert_eq!(out, [0b1000_1000, 0b1100_0110, 0b1111_1010]);
    }

    /// Bit by bit, as the format describes it.
    fn packed(values: &[u64], width: u32) -> Vec<u8> {
        let bits = values
            .iter()
            .flat_map(|value| (0..width).map(move |bit| (value >> bit) as u8 & 1));
        let mut out = vec![0; (values.len() * width as usize).div_ceil(8)];
        for (at, bit) in bits.enumerate() {
            out[at / 8] |= bit << (at % 8);
        }
        out
    }

    #[test]
    fn packs_every_width() {
        for width in 0..=64u32 {
            for count in [0, 1, 7, 8, 9, 16, 31, 32, 40] {
                let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
                let values: Vec<u64> = (1..=count)
                    .map(|at: u64| at.wrapping_mul(GOLDEN).rotate_left(at as u32) & mask)
                    .collect();
                for values in [values, vec![mask; count as usize]] {
                    let mut out = vec![1];
                    pack(&mut out, &values, width);
                    assert_eq!(out[1..], packed(&values, width), "{count} values of {width} bits");
                }
            }
        }
    }

    #[test]
    fn differences_come_with_their_bounds() {
        let mut out = Vec::new();
        let bounds = |values: &[u64], signed| put_deltas(&mut Vec::new(), values, 64, signed);
        assert_eq!(bounds(&[5, 3, 9, 4], true), (3, 9));
        assert_eq!(bounds(&[5, u64::MAX, 9], true), (u64::MAX, 9));
        assert_eq!(bounds(&[5, u64::MAX, 9], false), (5, u64::MAX));
        assert_eq!(
            put_deltas(&mut out, &[7u32, u32::MAX, 2], 32, false),
            (2, u64::from(u32::MAX))
        );
    }

    #[test]
    fn wide_registers_write_the_same() {
        for shift in 0..64 {
            let value = |at: u64| at.wrapping_mul(GOLDEN) >> shift;
            let values: Vec<u64> = (0..1000).map(value).collect();
            for signed in [false, true] {
                let (mut wide, mut plain) = (Vec::new(), Vec::new());
                let bounds = put_deltas(&mut wide, &values, 64, signed);
                assert_eq!(bounds, deltas(&mut plain, &values, 64, signed));
                assert_eq!(wide, plain);
            }
            let indices: Vec<u32> = values.iter().map(|&value| value as u32).collect();
            let width = (64 - shift).min(32);
            let (mut wide, mut plain) = (Vec::new(), Vec::new());
            put_indices(&mut wide, &indices, width);
            runs_and_groups(&mut plain, &indices, width);
            assert_eq!(wide, plain);
        }
    }

    #[test]
    fn a_constant_is_one_run() {
        let mut out = Vec::new();
        put_indices(&mut out, &[0; 1000], 0);
        assert_eq!(out, [0, 0xd0, 0x0f]);
    }

    #[test]
    fn runs_stand_between_packed_groups() {
        let indices: Vec<u32> = (0..8).chain(std::iter::repeat_n(5, 40)).chain([1, 2, 3]).collect();
        let mut out = Vec::new();
        put_indices(&mut out, &indices, 3);
        assert_eq!(
            out,
            [
                3, // width
                3,
                0b1000_1000,
                0b1100_0110,
                0b1111_1010, // one group
                80,
                5, // a run of 40
                3,
                0b1101_0001,
                0,
                0, // the rest, filled up to a group
            ]
        );
    }
}
