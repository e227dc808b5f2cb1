//! Columns and options as JavaScript gives them, and what the writer makes of them.

use crate::segment::chunk::Codec;
use crate::segment::column::{ColumnSpec, ColumnType, Texts, Values};
use crate::segment::Options;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::collections::BTreeMap;

type Array = Either4<Uint8Array, Uint16Array, Uint32Array, Float64Array>;

#[napi(object, object_to_js = false)]
pub struct SegmentColumn {
    pub name: String,
    pub r#type: String,
    pub data: Option<Array>,
    pub absent: f64,
    pub is_constant: Option<bool>,
    /// Of a column of texts, whose `data` are their numbers.
    pub texts: Option<SegmentTexts>,
}

#[napi(object, object_to_js = false)]
pub struct SegmentTexts {
    pub bytes: Uint8Array,
    pub ends: Uint32Array,
}

#[napi(object, object_to_js = false)]
pub struct SegmentTotals {
    pub by: String,
    pub sums: Vec<String>,
    pub spans: Vec<String>,
}

#[napi(object, object_to_js = false)]
pub struct SegmentOptions {
    pub compression: Option<String>,
    pub level: Option<i32>,
    pub metadata: Option<BTreeMap<String, String>>,
    pub bloom: Option<Vec<String>>,
    pub totals: Option<SegmentTotals>,
    pub indexed: Option<bool>,
}

pub fn column_type(name: &str) -> Result<ColumnType> {
    match name {
        "u8" => Ok(ColumnType::U8),
        "u16" => Ok(ColumnType::U16),
        "u32" => Ok(ColumnType::U32),
        "u64" => Ok(ColumnType::U64),
        "timeMs" => Ok(ColumnType::TimeMs),
        "text" => Ok(ColumnType::Text),
        other => Err(Error::new(Status::InvalidArg, format!("unknown column type {other}"))),
    }
}

/// A constant column has one row, which counts for all. One that does not hold that row, or has another type than the
/// file, is left as it is, for the encoder to refuse.
pub fn values<'a>(column: &'a SegmentColumn, spec: &ColumnSpec) -> Values<'a> {
    let values = values_of_data(column);
    let is_constant = column.is_constant == Some(true) && spec.column_type != ColumnType::Text;
    if is_constant && values.fits(spec.column_type) && values.rows() > 0 {
        return values.constant(1, spec.absent).map_or(values, Values::Constant);
    }
    values
}

fn values_of_data(column: &SegmentColumn) -> Values<'_> {
    match &column.data {
        None => Values::Absent,
        Some(Either4::A(bytes)) => Values::U8(bytes),
        Some(Either4::B(values)) => Values::U16(values),
        Some(Either4::C(ids)) if column.r#type == "text" => {
            let texts = column.texts.as_ref().map_or(Texts::default(), |texts| Texts {
                bytes: &texts.bytes,
                ends: &texts.ends,
            });
            Values::Texts(ids, texts)
        }
        Some(Either4::C(words)) if column.r#type == "u64" => Values::Words(words),
        Some(Either4::C(values)) => Values::U32(values),
        Some(Either4::D(times)) => Values::Millis(times),
    }
}

pub fn specs(columns: &[SegmentColumn], bloom: &[String]) -> Result<Vec<ColumnSpec>> {
    columns
        .iter()
        .map(|column| {
            let column_type = column_type(&column.r#type)?;
            let absent = if column_type == ColumnType::TimeMs {
                column.absent as i64 as u64
            } else {
                column.absent as u64
            };
            Ok(ColumnSpec {
                name: column.name.clone(),
                column_type,
                absent,
                bloom: bloom.contains(&column.name),
            })
        })
        .collect()
}

pub fn options(given: SegmentOptions) -> Result<(Options, Vec<String>)> {
    let codec = match given.compression.as_deref() {
        None | Some("zstd") => match given.level.unwrap_or(1) {
            level @ 1..=22 => Codec::Zstd(level),
            level => {
                return Err(Error::new(
                    Status::InvalidArg,
                    format!("zstd has levels 1 to 22, not {level}"),
                ))
            }
        },
        Some("lz4") => Codec::Lz4,
        Some("none") => Codec::None,
        Some(other) => return Err(Error::new(Status::InvalidArg, format!("unknown compression {other}"))),
    };
    let options = Options {
        codec,
        metadata: given.metadata.unwrap_or_default().into_iter().collect(),
    };
    Ok((options, given.bloom.unwrap_or_default()))
}
