//! Numbers for the parts of a key: dictionary entries are looked up once in each row group, not once a row.

use super::column::Lane;
use super::group::Group;
use super::job::{Part, Rows};
use super::predicate::at;
use super::table::Keys;

/// Entries of the table of numbers for pairs of dictionary entries.
const LARGEST_TABLE: usize = 1 << 18;
const UNKNOWN: u32 = u32::MAX;

/// A part's place in the joined key.
pub struct Place {
    pub shift: u32,
    pub bits: u32,
    /// Values that are too wide go by number.
    pub keys: Option<Keys>,
}

impl Place {
    pub fn of(&self, key: u128) -> u32 {
        ((key >> self.shift) as u64 & ((1u64 << self.bits) - 1)) as u32
    }
}

/// Empties the table of numbers for the dictionaries of a new row group; no table where there is no dictionary.
pub fn start_table(group: &Group, part: &Part, table: &mut Vec<u32>) {
    table.clear();
    let entries = match part {
        Part::Small { .. } => 0,
        Part::Number { column } => group.dictionary(*column).map_or(0, <[u64]>::len),
        Part::Address { hi, lo, .. } => match (group.dictionary(*hi), group.dictionary(*lo)) {
            (Some(hi), Some(lo)) => hi.len().saturating_mul(lo.len()),
            _ => 0,
        },
    };
    if entries <= LARGEST_TABLE {
        table.resize(entries, UNKNOWN);
    }
}

/// Puts the part's number of each wanted row in `numbers`.
pub fn number_part(group: &Group, part: &Part, place: &mut Place, table: &mut [u32], rows: Rows, numbers: &mut [u32]) {
    match (part, &mut place.keys) {
        (Part::Small { column, .. }, _) => {
            let entries = group.dictionary(*column).unwrap_or(&[]);
            let mask = (1u32 << place.bits) - 1;
            match group.lane(*column) {
                Lane::Same(value, _) => numbers.fill(value as u32 & mask),
                Lane::Codes(codes) => {
                    rows.each(|index, row| numbers[index] = entries[codes[row] as usize] as u32 & mask)
                }
                Lane::Values(values) => rows.each(|index, row| numbers[index] = values[row] as u32 & mask),
            }
        }
        (Part::Number { column }, Some(keys)) => {
            let entries = group.dictionary(*column).unwrap_or(&[]);
            match group.lane(*column) {
                Lane::Same(value, _) => numbers.fill(if rows.is_empty() {
                    0
                } else {
                    keys.number(u128::from(value))
                }),
                Lane::Codes(codes) if !table.is_empty() => rows.each(|index, row| {
                    let code = codes[row] as usize;
                    numbers[index] = known(table, code, || keys.number(u128::from(entries[code])));
                }),
                lane => rows.each(|index, row| numbers[index] = keys.number(u128::from(at(lane, Some(entries), row)))),
            }
        }
        (Part::Address { hi, lo, cut }, Some(keys)) => {
            let (high, low) = (group.lane(*hi), group.lane(*lo));
            let (highs, lows) = (group.dictionary(*hi), group.dictionary(*lo));
            let width = lows.map_or(0, <[u64]>::len);
            let mut number = |hi: u64, lo: u64| keys.number(cut.of(hi, lo));
            match (high, low) {
                (Lane::Same(hi, _), Lane::Same(lo, _)) => {
                    numbers.fill(if rows.is_empty() { 0 } else { number(hi, lo) });
                }
                (Lane::Same(hi, code), Lane::Codes(codes)) if !table.is_empty() => {
                    let table = &mut table[code * width..(code + 1) * width];
                    let lows = lows.unwrap_or(&[]);
                    rows.each(|index, row| {
                        let code = codes[row] as usize;
                        numbers[index] = known(table, code, || number(hi, lows[code]));
                    });
                }
                (Lane::Codes(high_codes), Lane::Codes(low_codes)) if !table.is_empty() => {
                    let (highs, lows) = (highs.unwrap_or(&[]), lows.unwrap_or(&[]));
                    rows.each(|index, row| {
                        let (high, low) = (high_codes[row] as usize, low_codes[row] as usize);
                        numbers[index] = known(table, high * width + low, || number(highs[high], lows[low]));
                    });
                }
                _ => rows.each(|index, row| numbers[index] = number(at(high, highs, row), at(low, lows, row))),
            }
        }
        _ => unreachable!("parts that are not small go by number"),
    }
}

#[inline(always)]
fn known(table: &mut [u32], entry: usize, number: impl FnOnce() -> u32) -> u32 {
    let cell = &mut table[entry];
    if *cell == UNKNOWN {
        *cell = number();
    }
    *cell
}
