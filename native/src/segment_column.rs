//! Columns as they come from JavaScript, and their types in a Parquet file.

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
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    pub name: String,
    pub column_type: ColumnType,
    /// What a row without a value holds.
    pub absent: u64,
    pub bloom: bool,
}

/// Values of a column, one a row unless noted.
#[derive(Clone, Copy)]
pub enum Values<'a> {
    /// Every row holds `absent`.
    Absent,
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    /// Two words a row, low word first.
    Words(&'a [u32]),
    Millis(&'a [f64]),
    /// As they stand in the file (signed values in two's complement).
    Raw(&'a [u64]),
}

impl ColumnType {
    pub fn physical(self) -> Physical {
        match self {
            ColumnType::U8 | ColumnType::U16 | ColumnType::U32 => Physical::INT32,
            ColumnType::U64 | ColumnType::TimeMs => Physical::INT64,
        }
    }

    fn logical(self) -> LogicalType {
        match self {
            ColumnType::U8 => LogicalType::integer(8, false),
            ColumnType::U16 => LogicalType::integer(16, false),
            ColumnType::U32 => LogicalType::integer(32, false),
            ColumnType::U64 => LogicalType::integer(64, false),
            ColumnType::TimeMs => LogicalType::timestamp(true, TimeUnit::MILLIS),
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
            Values::Absent => usize::MAX,
            Values::U8(values) => values.len(),
            Values::U16(values) => values.len(),
            Values::U32(values) => values.len(),
            Values::Words(words) => words.len() / 2,
            Values::Millis(values) => values.len(),
            Values::Raw(values) => values.len(),
        }
    }

    pub fn fits(&self, column_type: ColumnType) -> bool {
        match self {
            Values::Absent | Values::Raw(_) => true,
            Values::U8(_) => column_type == ColumnType::U8,
            Values::U16(_) => column_type == ColumnType::U16,
            Values::U32(_) => column_type == ColumnType::U32,
            Values::Words(_) => column_type == ColumnType::U64,
            Values::Millis(_) => column_type == ColumnType::TimeMs,
        }
    }

    /// The first `rows` rows as they stand in the file; false when all are the same value, which is then in `constant`.
    pub fn widen(&self, rows: usize, absent: u64, constant: &mut u64, out: &mut Vec<u64>) -> bool {
        fn same<T: Copy + PartialEq>(values: &[T]) -> bool {
            values.iter().all(|value| *value == values[0])
        }
        out.clear();
        let (first, constant_rows) = match self {
            Values::Absent => (absent, true),
            Values::U8(values) => (u64::from(values[0]), same(&values[..rows])),
            Values::U16(values) => (u64::from(values[0]), same(&values[..rows])),
            Values::U32(values) => (u64::from(values[0]), same(&values[..rows])),
            Values::Words(words) => (
                word_pair(&words[..2]),
                words[..rows * 2]
                    .chunks_exact(2)
                    .all(|pair| pair[0] == words[0] && pair[1] == words[1]),
            ),
            Values::Millis(values) => (millis(values[0]), same(&values[..rows])),
            Values::Raw(values) => (values[0], same(&values[..rows])),
        };
        if constant_rows {
            *constant = first;
            return false;
        }
        match self {
            Values::Absent => {}
            Values::U8(values) => out.extend(values[..rows].iter().map(|&value| u64::from(value))),
            Values::U16(values) => out.extend(values[..rows].iter().map(|&value| u64::from(value))),
            Values::U32(values) => out.extend(values[..rows].iter().map(|&value| u64::from(value))),
            Values::Words(words) => out.extend(words[..rows * 2].chunks_exact(2).map(word_pair)),
            Values::Millis(values) => out.extend(values[..rows].iter().map(|&value| millis(value))),
            Values::Raw(values) => out.extend_from_slice(&values[..rows]),
        }
        true
    }
}

fn word_pair(words: &[u32]) -> u64 {
    u64::from(words[0]) | u64::from(words[1]) << 32
}

/// Not a number becomes 0, what is out of range the nearest value.
fn millis(value: f64) -> u64 {
    value as i64 as u64
}
