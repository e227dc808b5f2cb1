//! Columns as they come from JavaScript, and their types in a Parquet file.

use crate::wide_registers::with_wide_registers;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::Result;
use parquet::schema::types::Type;

/// Width of a column in memory; `TimeMs` comes as a double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    U8,
    U16,
    U32,
    U64,
    TimeMs,
    /// Texts of any length; absent is the empty one.
    Text,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    pub name: String,
    pub column_type: ColumnType,
    /// What a row without a value holds.
    pub absent: u64,
    pub bloom: bool,
}

/// Texts one behind the other; number 0 is the empty one.
#[derive(Clone, Copy, Default)]
pub struct Texts<'a> {
    pub bytes: &'a [u8],
    /// Where text 1, 2, ... ends in `bytes`; each begins where the one before ends.
    pub ends: &'a [u32],
}

impl<'a> Texts<'a> {
    /// Number of texts, with the empty one.
    pub fn count(&self) -> usize {
        self.ends.len() + 1
    }

    pub fn get(&self, id: u32) -> Option<&'a [u8]> {
        let Some(at) = (id as usize).checked_sub(1) else {
            return Some(b"");
        };
        let end = *self.ends.get(at)? as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.get(start as usize..end)
    }
}

/// Values of a column, one a row unless noted.
#[derive(Clone, Copy)]
pub enum Values<'a> {
    /// Every row holds `absent`.
    Absent,
    /// Every row holds this, as it stands in the file.
    Constant(u64),
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    /// Two words a row, low word first.
    Words(&'a [u32]),
    Millis(&'a [f64]),
    /// As they stand in the file (signed values in two's complement).
    Raw(&'a [u64]),
    /// Number of each row's text.
    Texts(&'a [u32], Texts<'a>),
}

impl ColumnType {
    pub fn physical(self) -> Physical {
        match self {
            ColumnType::U8 | ColumnType::U16 | ColumnType::U32 => Physical::INT32,
            ColumnType::U64 | ColumnType::TimeMs => Physical::INT64,
            ColumnType::Text => Physical::BYTE_ARRAY,
        }
    }

    fn logical(self) -> LogicalType {
        match self {
            ColumnType::U8 => LogicalType::integer(8, false),
            ColumnType::U16 => LogicalType::integer(16, false),
            ColumnType::U32 => LogicalType::integer(32, false),
            ColumnType::U64 => LogicalType::integer(64, false),
            ColumnType::TimeMs => LogicalType::timestamp(true, TimeUnit::MILLIS),
            ColumnType::Text => LogicalType::String,
        }
    }

    pub fn is_wide(self) -> bool {
        self.physical() == Physical::INT64
    }
}

impl ColumnSpec {
    pub fn parquet_type(&self) -> Result<Type> {
        Type::primitive_type_builder(&self.name, self.column_type.physical())
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(self.column_type.logical()))
            .build()
    }
}

impl Values<'_> {
    /// Rows there are at most; `usize::MAX` when every row is alike.
    pub fn rows(&self) -> usize {
        match self {
            Values::Absent | Values::Constant(_) => usize::MAX,
            Values::U8(values) => values.len(),
            Values::U16(values) => values.len(),
            Values::U32(values) => values.len(),
            Values::Words(words) => words.len() / 2,
            Values::Millis(values) => values.len(),
            Values::Raw(values) => values.len(),
            Values::Texts(ids, _) => ids.len(),
        }
    }

    pub fn fits(&self, column_type: ColumnType) -> bool {
        match self {
            Values::Absent => true,
            Values::Constant(_) | Values::Raw(_) => column_type != ColumnType::Text,
            Values::Texts(..) => column_type == ColumnType::Text,
            Values::U8(_) => column_type == ColumnType::U8,
            Values::U16(_) => column_type == ColumnType::U16,
            Values::U32(_) => column_type == ColumnType::U32,
            Values::Words(_) => column_type == ColumnType::U64,
            Values::Millis(_) => column_type == ColumnType::TimeMs,
        }
    }

    /// The value of every one of the first `rows` rows (at least one) as it stands in the file; None when they differ.
    pub fn constant(&self, rows: usize, absent: u64) -> Option<u64> {
        with_wide_registers!(self.constant_of(rows, absent))
    }

    #[inline(always)]
    fn constant_of(&self, rows: usize, absent: u64) -> Option<u64> {
        let (first, is_constant) = match self {
            Values::Absent => (absent, true),
            Values::Constant(value) => (*value, true),
            Values::U8(values) => (u64::from(values[0]), all_same(&values[..rows])),
            Values::U16(values) => (u64::from(values[0]), all_same(&values[..rows])),
            Values::U32(values) => (u64::from(values[0]), all_same(&values[..rows])),
            Values::Words(words) => (pairs(words)[0].wide(), all_pairs_same(&words[..rows * 2])),
            Values::Millis(values) => (millis(values[0]), all_same(&values[..rows])),
            Values::Raw(values) => (values[0], all_same(&values[..rows])),
            Values::Texts(ids, _) => (u64::from(ids[0]), all_same(&ids[..rows])),
        };
        is_constant.then_some(first)
    }

    /// True for times that `Cell` takes as they are: whole numbers from 0 to 2^52, as all times of flows are.
    pub fn is_usual(values: &[f64]) -> bool {
        with_wide_registers!(are_usual(values))
    }

    /// The first `rows` rows as they stand in the file.
    pub fn widen(&self, rows: usize, absent: u64) -> Vec<u64> {
        match self {
            Values::Absent => vec![absent; rows],
            Values::Constant(value) => vec![*value; rows],
            Values::U8(values) => wide(&values[..rows]),
            Values::U16(values) => wide(&values[..rows]),
            Values::U32(values) | Values::Texts(values, _) => wide(&values[..rows]),
            Values::Words(words) => wide(&pairs(words)[..rows]),
            Values::Millis(values) => values[..rows].iter().map(|&value| millis(value)).collect(),
            Values::Raw(values) => values[..rows].to_vec(),
        }
    }
}

fn wide<T: Cell>(values: &[T]) -> Vec<u64> {
    values.iter().map(|&value| value.wide()).collect()
}

/// Two words a row as one cell.
pub fn pairs(words: &[u32]) -> &[[u32; 2]] {
    words.as_chunks().0
}

/// One row of a column in memory.
pub trait Cell: Copy + PartialEq {
    /// As it stands in the file.
    fn wide(self) -> u64;
}

impl Cell for u8 {
    #[inline(always)]
    fn wide(self) -> u64 {
        self.into()
    }
}

impl Cell for u16 {
    #[inline(always)]
    fn wide(self) -> u64 {
        self.into()
    }
}

impl Cell for u32 {
    #[inline(always)]
    fn wide(self) -> u64 {
        self.into()
    }
}

impl Cell for u64 {
    #[inline(always)]
    fn wide(self) -> u64 {
        self
    }
}

impl Cell for [u32; 2] {
    #[inline(always)]
    fn wide(self) -> u64 {
        u64::from(self[0]) | u64::from(self[1]) << 32
    }
}

/// Of times that are usual (`Values::is_usual`); needs no conversion, so goes several at a time.
impl Cell for f64 {
    #[inline(always)]
    fn wide(self) -> u64 {
        (self + UNIT).to_bits() ^ UNIT.to_bits()
    }
}

/// Values compared before looking whether any differed: enough for the comparison to be done many at a time.
const COMPARED: usize = 64;

#[inline(always)]
fn are_usual(values: &[f64]) -> bool {
    let usual = |usual, &value: &f64| usual & (value + UNIT - UNIT == value) & (0.0..UNIT).contains(&value);
    values.chunks(COMPARED).all(|part| part.iter().fold(true, usual))
}

#[inline(always)]
fn all_same<T: Copy + PartialEq>(values: &[T]) -> bool {
    let same = |part: &[T]| part.iter().fold(true, |same, value| same & (*value == values[0]));
    values.chunks(COMPARED).all(same)
}

#[inline(always)]
fn all_pairs_same(words: &[u32]) -> bool {
    let (low, high) = (words[0], words[1]);
    let different = |different, pair: &[u32]| different | (pair[0] ^ low) | (pair[1] ^ high);
    words
        .chunks(COMPARED * 2)
        .all(|part| part.chunks_exact(2).fold(0, different) == 0)
}

/// Not a number becomes 0, what is out of range the nearest value.
fn millis(value: f64) -> u64 {
    value as i64 as u64
}

/// 2^52: a double from here to twice as much has its whole number in the low 52 bits.
const UNIT: f64 = 4_503_599_627_370_496.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_and_in_range() {
        let widened = |values: &[f64]| {
            let out = Values::Millis(values).widen(values.len(), 0);
            out.iter().map(|&value| value as i64).collect::<Vec<_>>()
        };
        let last = UNIT - 1.0;
        let usual = [0.0, 1.0, 1_700_000_000_123.0, last];
        assert!(Values::is_usual(&usual));
        assert_eq!(widened(&usual), [0, 1, 1_700_000_000_123, last as i64]);
        assert_eq!(
            usual.map(|value| value.wide() as i64),
            [0, 1, 1_700_000_000_123, last as i64]
        );
        for odd in [
            -1.0,
            0.5,
            -2.5,
            1.0e300,
            -1.0e300,
            UNIT,
            UNIT * 4.0,
            f64::NAN,
            f64::INFINITY,
        ] {
            assert!(!Values::is_usual(&[7.0, odd]), "{odd}");
            assert_eq!(widened(&[7.0, odd]), [7, odd as i64], "{odd}");
        }
        // Minus zero adds up to the same.
        assert_eq!((-0.0f64).wide(), 0);
    }

    #[test]
    fn one_value_that_differs_is_seen_wherever_it_stands() {
        for rows in [1, 2, 63, 64, 65, 200] {
            assert_eq!(Values::U16(&vec![9; rows]).constant(rows, 0), Some(9));
            assert_eq!(Values::Words(&[5, 6].repeat(rows)).constant(rows, 0), Some(6 << 32 | 5));
            for odd in 1..rows {
                let mut values = vec![9u16; rows];
                values[odd] = 8;
                assert_eq!(Values::U16(&values).constant(rows, 0), None);
                for half in [odd * 2, odd * 2 + 1] {
                    let mut words = [5, 6].repeat(rows);
                    words[half] = 7;
                    assert_eq!(Values::Words(&words).constant(rows, 0), None);
                }
            }
        }
        assert_eq!(Values::Absent.constant(9, 3), Some(3));
        assert_eq!(Values::Constant(4).constant(9, 3), Some(4));
    }
}
