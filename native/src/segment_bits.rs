//! The integer encodings of Parquet pages (parquet-format, Encodings.md): bit packing, the hybrid of runs and packed
//! groups that dictionary indices use, and DELTA_BINARY_PACKED.

/// Appends `value` as an unsigned LEB128 number.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Bits needed to write `value`; 0 for 0.
pub fn bit_width(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// Appends the low `width` bits of each value, least significant bit first; the last byte is filled with zeros.
pub fn pack(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, width: u32) {
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
    out.push(width as u8);
    let mut packed_from = 0;
    let mut at = 0;
    while at < indices.len() {
        let first = indices[at];
        let group = &indices[at..indices.len().min(at + 8)];
        if group.iter().any(|&index| index != first) {
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

fn put_packed(out: &mut Vec<u8>, indices: &[u32], width: u32) {
    if indices.is_empty() {
        return;
    }
    let groups = indices.len().div_ceil(8);
    put_varint(out, (groups as u64) << 1 | 1);
    let end = out.len() + groups * width as usize;
    pack(out, indices.iter().map(|&index| u64::from(index)), width);
    out.resize(end, 0);
}

const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/// DELTA_BINARY_PACKED page of integers of `bits` (32 or 64) bits; differences wrap at that width.
pub fn put_deltas(out: &mut Vec<u8>, values: &[u64], bits: u32) {
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
    let Some(&first) = values.first() else {
        put_zigzag(out, 0);
        return;
    };
    put_zigzag(out, narrow(first));
    let mask = if bits == 32 { u64::from(u32::MAX) } else { u64::MAX };
    let mut deltas = [0i64; BLOCK];
    let mut before = first;
    for block in values[1..].chunks(BLOCK) {
        let mut least = i64::MAX;
        for (delta, &value) in deltas.iter_mut().zip(block) {
            *delta = narrow(value.wrapping_sub(before));
            least = least.min(*delta);
            before = value;
        }
        put_zigzag(out, least);
        let widths_at = out.len();
        out.extend_from_slice(&[0; BLOCK / MINIBLOCK]);
        for (number, mini) in deltas[..block.len()].chunks(MINIBLOCK).enumerate() {
            let above = |delta: i64| delta.wrapping_sub(least) as u64 & mask;
            let all = mini.iter().fold(0, |all, &delta| all | above(delta));
            let width = bit_width(all);
            out[widths_at + number] = width as u8;
            let end = out.len() + MINIBLOCK / 8 * width as usize;
            pack(out, mini.iter().map(|&delta| above(delta)), width);
            out.resize(end, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_least_significant_bit_first() {
        let mut out = Vec::new();
        pack(&mut out, 0..8, 3);
        // The example of the format's own page on bit packing.
        assert_eq!(out, [0b1000_1000, 0b1100_0110, 0b1111_1010]);
    }

    #[test]
    fn packs_full_words() {
        for width in [1, 31, 32, 33, 63, 64] {
            let value = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            let mut out = Vec::new();
            pack(&mut out, std::iter::repeat_n(value, 16), width);
            assert!(out.iter().all(|&byte| byte == 0xff), "width {width}");
            assert_eq!(out.len(), 2 * width as usize);
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
