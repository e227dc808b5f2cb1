//! Decoders of the integer encodings that pages of flow columns have, block by block: runs and packed groups of
//! dictionary indices, and DELTA_BINARY_PACKED (parquet-format, Encodings.md). The counterpart of `segment::bits`.

use parquet::errors::{ParquetError, Result};

/// Bytes that must follow the last byte of a page, so that whole words, and a last group without its padding, can be
/// read anywhere in it.
pub const SLACK: usize = 64;
/// Bytes read at most behind the group that is unpacked.
const WORD: usize = 16;

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(format!("a page is damaged: {what}"))
}

/// Unsigned LEB128 at `at`, which moves behind it; never reads at or beyond `end`.
pub fn varint(bytes: &[u8], at: &mut usize, end: usize) -> Result<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes[..end]
            .get(*at)
            .ok_or_else(|| damaged("it ends within a number"))?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(damaged("a number is too long"))
}

pub fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// What packed integers are unpacked to.
pub trait Unpacked: Copy + Default {
    fn from_word(word: u64) -> Self;
}

impl Unpacked for u32 {
    fn from_word(word: u64) -> u32 {
        word as u32
    }
}

impl Unpacked for u64 {
    fn from_word(word: u64) -> u64 {
        word
    }
}

/// The width is a constant here, so that positions and masks are, too.
fn unpack_width<const WIDTH: usize, T: Unpacked>(bytes: &[u8], groups: &mut [[T; 8]]) {
    let mask = if WIDTH == 64 {
        u64::MAX
    } else {
        (1u64 << (WIDTH % 64)) - 1
    };
    for (number, group) in groups.iter_mut().enumerate() {
        let window = &bytes[number * WIDTH..][..WIDTH + WORD];
        for (index, value) in group.iter_mut().enumerate() {
            let bit = index * WIDTH;
            let word = if WIDTH <= 57 {
                u64::from_le_bytes(window[bit / 8..][..8].try_into().unwrap()) >> (bit % 8)
            } else {
                (u128::from_le_bytes(window[bit / 8..][..16].try_into().unwrap()) >> (bit % 8)) as u64
            };
            *value = T::from_word(word & mask);
        }
    }
}

/// Unpacks groups of eight integers of `width` (0 to 64) bits. `bytes` has `SLACK` bytes behind the groups.
fn unpack<T: Unpacked>(bytes: &[u8], width: u32, groups: &mut [[T; 8]]) {
    macro_rules! by_width {
        ($($width:literal)*) => {
            match width {
                $($width => unpack_width::<$width, T>(bytes, groups),)*
                _ => unreachable!("widths are checked when they are read"),
            }
        };
    }
    by_width!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
        33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64);
}

/// Values that were unpacked but not asked for yet.
#[derive(Default)]
struct Left<T> {
    values: Vec<[T; 8]>,
    from: usize,
    end: usize,
}

impl<T: Unpacked> Left<T> {
    fn len(&self) -> usize {
        self.end - self.from
    }

    fn clear(&mut self) {
        (self.from, self.end) = (0, 0);
    }

    /// Moves as many as there are and fit; gives their number.
    fn take(&mut self, out: &mut [T]) -> usize {
        let count = self.len().min(out.len());
        out[..count].copy_from_slice(&self.values.as_flattened()[self.from..self.from + count]);
        self.from += count;
        count
    }

    fn room(&mut self, groups: usize) -> &mut [[T; 8]] {
        if self.values.len() < groups {
            self.values.resize(groups, [T::default(); 8]);
        }
        &mut self.values[..groups]
    }
}

/// Runs and packed groups, as dictionary indices and levels have them.
#[derive(Default)]
pub struct Indices {
    at: usize,
    end: usize,
    width: u32,
    run: usize,
    run_value: u32,
    /// Groups of eight that are still packed.
    groups: usize,
    left: Left<u32>,
}

impl Indices {
    /// Starts at `at`; the part ends at `end`, and `SLACK` more bytes can be read.
    pub fn start(&mut self, at: usize, end: usize, width: u32) -> Result<()> {
        if width > 32 {
            return Err(damaged("indices of more than 32 bits"));
        }
        self.at = at;
        self.end = end;
        self.width = width;
        self.run = 0;
        self.groups = 0;
        self.left.clear();
        Ok(())
    }

    /// The value of all the next `count` if they are one run, which is not passed over.
    pub fn run_of(&mut self, bytes: &[u8], count: usize) -> Result<Option<u32>> {
        if self.left.len() == 0 && self.groups == 0 {
            if self.run == 0 {
                self.header(bytes)?;
            }
            return Ok((self.run >= count).then_some(self.run_value));
        }
        Ok(None)
    }

    /// Passes over values of a run that `run_of` reported.
    pub fn skip_run(&mut self, count: usize) {
        self.run -= count;
    }

    pub fn read(&mut self, bytes: &[u8], out: &mut [u32]) -> Result<()> {
        let mut done = self.left.take(out);
        while done < out.len() {
            if self.run > 0 {
                let count = self.run.min(out.len() - done);
                out[done..done + count].fill(self.run_value);
                self.run -= count;
                done += count;
            } else if self.groups > 0 {
                done += self.read_packed(bytes, &mut out[done..]);
            } else {
                self.header(bytes)?;
            }
        }
        Ok(())
    }

    fn read_packed(&mut self, bytes: &[u8], out: &mut [u32]) -> usize {
        let whole = self.groups.min(out.len() / 8);
        let width = self.width as usize;
        if whole > 0 {
            let (groups, _) = out.as_chunks_mut::<8>();
            unpack(&bytes[self.at..], self.width, &mut groups[..whole]);
            self.at += whole * width;
            self.groups -= whole;
            return whole * 8;
        }
        unpack(&bytes[self.at..], self.width, self.left.room(1));
        (self.left.from, self.left.end) = (0, 8);
        self.at += width;
        self.groups -= 1;
        self.left.take(out)
    }

    fn header(&mut self, bytes: &[u8]) -> Result<()> {
        let header = varint(bytes, &mut self.at, self.end)?;
        let count = usize::try_from(header >> 1).map_err(|_| damaged("a run is too long"))?;
        if count == 0 {
            return Err(damaged("an empty run"));
        }
        let width = self.width as usize;
        if header & 1 == 0 {
            let length = width.div_ceil(8);
            if self.at + length > self.end {
                return Err(damaged("it ends within a run"));
            }
            let mut value = [0; 4];
            value[..length].copy_from_slice(&bytes[self.at..self.at + length]);
            self.run_value = u32::from_le_bytes(value);
            self.run = count;
            self.at += length;
        } else {
            // The last group of a page may lack its padding.
            let there = if width == 0 {
                count
            } else {
                (self.end - self.at).div_ceil(width)
            };
            self.groups = count.min(there);
            if self.groups == 0 {
                return Err(damaged("it ends within a packed group"));
            }
        }
        Ok(())
    }
}

/// Values of a miniblock that are unpacked at once; longer ones are refused.
const LONGEST_MINIBLOCK: usize = 4096;
const MOST_MINIBLOCKS: usize = 512;

/// DELTA_BINARY_PACKED integers, given as the low 32 or 64 bits.
#[derive(Default)]
pub struct Deltas {
    at: usize,
    end: usize,
    mask: u64,
    miniblocks: usize,
    mini_values: usize,
    /// Values of the page that have not been unpacked.
    total: usize,
    last: u64,
    least: u64,
    widths: Vec<u8>,
    mini: usize,
    left: Left<u64>,
}

impl Deltas {
    pub fn start(&mut self, bytes: &[u8], at: usize, end: usize, bits: u32) -> Result<()> {
        self.at = at;
        self.end = end;
        self.mask = if bits == 32 { u64::from(u32::MAX) } else { u64::MAX };
        let block = varint(bytes, &mut self.at, end)? as usize;
        self.miniblocks = varint(bytes, &mut self.at, end)? as usize;
        self.total = varint(bytes, &mut self.at, end)? as usize;
        self.last = zigzag(varint(bytes, &mut self.at, end)?) as u64;
        if self.miniblocks == 0 || self.miniblocks > MOST_MINIBLOCKS || !block.is_multiple_of(self.miniblocks) {
            return Err(damaged("its blocks have no such parts"));
        }
        self.mini_values = block / self.miniblocks;
        if self.mini_values == 0 || !self.mini_values.is_multiple_of(32) || self.mini_values > LONGEST_MINIBLOCK {
            return Err(damaged("its blocks have no such parts"));
        }
        self.mini = self.miniblocks;
        self.left.room(1)[0][0] = self.last & self.mask;
        (self.left.from, self.left.end) = (0, self.total.min(1));
        self.total = self.total.saturating_sub(1);
        Ok(())
    }

    pub fn read(&mut self, bytes: &[u8], out: &mut [u64]) -> Result<()> {
        let mut done = self.left.take(out);
        while done < out.len() {
            if self.total == 0 {
                return Err(damaged("it has fewer values than it says"));
            }
            if self.mini == self.miniblocks {
                self.block(bytes)?;
            }
            let count = self.mini_values.min(self.total);
            if out.len() - done >= self.mini_values && count == self.mini_values {
                let (groups, _) = out[done..done + count].as_chunks_mut::<8>();
                self.at = unpack_deltas(bytes, self.at, self.end, self.widths[self.mini], groups)?;
                self.add_up(&mut out[done..done + count]);
                done += count;
            } else {
                let mut left = std::mem::take(&mut self.left);
                let groups = left.room(self.mini_values / 8);
                self.at = unpack_deltas(bytes, self.at, self.end, self.widths[self.mini], groups)?;
                self.add_up(&mut groups.as_flattened_mut()[..count]);
                (left.from, left.end) = (0, count);
                self.left = left;
                done += self.left.take(&mut out[done..]);
            }
            self.total -= count;
            self.mini += 1;
        }
        Ok(())
    }

    fn block(&mut self, bytes: &[u8]) -> Result<()> {
        self.least = zigzag(varint(bytes, &mut self.at, self.end)?) as u64;
        let widths = bytes[..self.end].get(self.at..self.at + self.miniblocks);
        self.widths.clear();
        self.widths
            .extend_from_slice(widths.ok_or_else(|| damaged("it ends within a block"))?);
        self.at += self.miniblocks;
        self.mini = 0;
        Ok(())
    }

    /// From differences less the least one to values.
    fn add_up(&mut self, values: &mut [u64]) {
        let (mut last, least, mask) = (self.last, self.least, self.mask);
        for value in values {
            last = last.wrapping_add(least).wrapping_add(*value);
            *value = last & mask;
        }
        self.last = last;
    }
}

/// Gives the place behind the miniblock.
fn unpack_deltas(bytes: &[u8], at: usize, end: usize, width: u8, groups: &mut [[u64; 8]]) -> Result<usize> {
    let next = at + groups.len() * usize::from(width);
    // A last miniblock that is cut after its last value is not seen in the wild, and refused.
    if width > 64 || next > end {
        return Err(damaged("it ends within a block"));
    }
    unpack(&bytes[at..], u32::from(width), groups);
    Ok(next)
}

#[cfg(test)]
mod tests;
