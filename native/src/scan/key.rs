//! Numbers for the parts of a key: dictionary entries are looked up once in each row group, not once a row.

use super::column::Lane;
use super::group::Group;
use super::job::{Job, Part, Rows};
use super::numbers::{NumberView, Numbers};
use super::predicate::at;
use parquet::errors::Result;

/// Entries of the table of numbers for pairs of dictionary entries.
const LARGEST_TABLE: usize = 1 << 18;
const UNKNOWN: u32 = u32::MAX;

/// Where a part stands in the joined key.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub shift: u32,
    pub bits: u32,
    /// Values are too wide and go by number.
    pub by_number: bool,
}

impl Place {
    pub fn of(self, key: u128) -> u32 {
        ((key >> self.shift) as u64 & ((1u64 << self.bits) - 1)) as u32
    }
}

/// The places of a job's parts; None when they are too many for one key.
pub fn places_of(job: &Job) -> Option<Vec<Place>> {
    let mut shift = 0;
    let places = job.sides[0].iter().map(|part| {
        let (bits, by_number) = match part {
            Part::Small { bits, .. } => (*bits, false),
            _ => (32, true),
        };
        shift += bits;
        Place {
            shift: shift - bits,
            bits,
            by_number,
        }
    });
    let places: Vec<Place> = places.collect();
    (shift <= 128 && !places.is_empty()).then_some(places)
}

/// The value of a part of a joined key.
pub fn value_of(key: u128, place: Place, numbers: Option<&NumberView>) -> u128 {
    let part = place.of(key);
    numbers.map_or(u128::from(part), |numbers| numbers.value(part))
}

/// Makes the keys of rows, block by block.
pub struct RowKeys<'a> {
    pub places: Vec<Place>,
    /// For each part that goes by number.
    pub parts: Vec<Option<Numbers<'a>>>,
    /// For each side and part: numbers by dictionary entry in the row group at hand.
    tables: Vec<Vec<u32>>,
    tables_ready: Vec<bool>,
    /// The number of each row's part, of the part that was looked at last.
    pub numbers: Vec<u32>,
    /// The joined key of each row.
    pub keys: Vec<u128>,
}

impl<'a> RowKeys<'a> {
    pub fn new(places: Vec<Place>, parts: Vec<Option<Numbers<'a>>>, sides: usize) -> RowKeys<'a> {
        let tables = places.len() * sides;
        RowKeys {
            places,
            parts,
            tables: vec![Vec::new(); tables],
            tables_ready: vec![false; tables],
            numbers: Vec::new(),
            keys: Vec::new(),
        }
    }

    pub fn start_group(&mut self) {
        self.tables_ready.fill(false);
    }

    pub fn bytes(&self) -> usize {
        self.parts.iter().flatten().map(Numbers::bytes).sum()
    }

    /// Puts the number of each wanted row's part in `numbers`, and with `joining` the key in `keys`.
    pub fn make(
        &mut self,
        group: &mut Group,
        (side, parts): (usize, &[Part]),
        (start, count): (usize, usize),
        rows: Rows,
        joining: bool,
    ) -> Result<()> {
        for part in parts {
            match part {
                Part::Small { column, .. } | Part::Number { column } => group.load(*column, start, count)?,
                Part::Address { hi, lo, .. } => {
                    group.load(*hi, start, count)?;
                    group.load(*lo, start, count)?;
                }
            }
        }
        self.numbers.resize(rows.len(), 0);
        if joining {
            self.keys.clear();
            self.keys.resize(rows.len(), 0);
        }
        for (index, part) in parts.iter().enumerate() {
            let at = side * self.places.len() + index;
            let table = &mut self.tables[at];
            if !self.tables_ready[at] {
                start_table(group, part, table);
                self.tables_ready[at] = true;
            }
            let place = self.places[index];
            number_part(
                group,
                part,
                (place, &mut self.parts[index]),
                table,
                rows,
                &mut self.numbers,
            );
            if joining {
                for (key, &number) in self.keys.iter_mut().zip(&self.numbers) {
                    *key |= u128::from(number) << place.shift;
                }
            }
        }
        Ok(())
    }
}

/// Empties the table of numbers for the dictionaries of a new row group; no table where there is no dictionary.
fn start_table(group: &Group, part: &Part, table: &mut Vec<u32>) {
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
fn number_part(
    group: &Group,
    part: &Part,
    (place, keys): (Place, &mut Option<Numbers>),
    table: &mut [u32],
    rows: Rows,
    numbers: &mut [u32],
) {
    match (part, keys) {
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
