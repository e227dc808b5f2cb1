//! Pages of one column chunk: their headers (parquet.thrift, compact protocol) and their content decompressed.

use crate::scan::bits::{varint, zigzag, SLACK};
use parquet::errors::{ParquetError, Result};

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(format!("a page is damaged: {what}"))
}

/// How the values of a page are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Plain,
    Dictionary,
    Deltas,
    /// Anything that only the crate's own reader knows.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    None,
    Zstd,
    Lz4,
}

#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub is_dictionary: bool,
    pub encoding: Encoding,
    pub values: usize,
    /// Place of the body in the chunk.
    pub at: usize,
    pub packed: usize,
    pub raw: usize,
}

const DATA_PAGE: u64 = 0;
const DICTIONARY_PAGE: u64 = 2;
/// Larger pages are for engines that can spill.
const LARGEST_PAGE: usize = 64 << 20;
/// Structures within structures in a header.
const DEEPEST: usize = 8;

/// Numbers of a page header, by the path of field numbers that leads to them.
#[derive(Default)]
struct Header {
    kind: u64,
    raw: u64,
    packed: u64,
    data_values: u64,
    data_encoding: u64,
    dictionary_values: u64,
    dictionary_encoding: u64,
}

impl Header {
    fn set(&mut self, outer: u64, field: u64, value: i64) {
        let value = value as u64;
        match (outer, field) {
            (0, 1) => self.kind = value,
            (0, 2) => self.raw = value,
            (0, 3) => self.packed = value,
            (5, 1) => self.data_values = value,
            (5, 2) => self.data_encoding = value,
            (7, 1) => self.dictionary_values = value,
            (7, 2) => self.dictionary_encoding = value,
            _ => {}
        }
    }
}

/// Reads the fields of a structure; `outer` is the field that it is in, 0 at the top.
fn read_struct(bytes: &[u8], at: &mut usize, end: usize, outer: u64, depth: usize, header: &mut Header) -> Result<()> {
    if depth > DEEPEST {
        return Err(damaged("its header is nested too deep"));
    }
    let mut field = 0u64;
    loop {
        let byte = *bytes[..end].get(*at).ok_or_else(|| damaged("its header is cut"))?;
        *at += 1;
        if byte == 0 {
            return Ok(());
        }
        field = match byte >> 4 {
            0 => zigzag(varint(bytes, at, end)?) as u64,
            more => field.wrapping_add(u64::from(more)),
        };
        match byte & 15 {
            4..=6 => {
                let value = zigzag(varint(bytes, at, end)?);
                header.set(outer, field, value);
            }
            12 => {
                // Only structures right below the top are of interest; 99 is no field of any.
                let inner = if depth == 0 { field } else { 99 };
                read_struct(bytes, at, end, inner, depth + 1, header)?;
            }
            kind => skip(bytes, at, end, kind, true)?,
        }
    }
}

/// Passes over a value that no page header of interest has. `in_field`: booleans are in the type, not after it.
fn skip(bytes: &[u8], at: &mut usize, end: usize, kind: u8, in_field: bool) -> Result<()> {
    let length = match kind {
        1 | 2 => usize::from(!in_field),
        3 => 1,
        7 => 8,
        8 => usize::try_from(varint(bytes, at, end)?).map_err(|_| damaged("its header is cut"))?,
        _ => return Err(damaged("its header has a field of an unknown type")),
    };
    *at = at
        .checked_add(length)
        .filter(|&next| next <= end)
        .ok_or_else(|| damaged("its header is cut"))?;
    Ok(())
}

fn encoding(number: u64) -> Encoding {
    match number {
        0 => Encoding::Plain,
        2 | 8 => Encoding::Dictionary,
        5 => Encoding::Deltas,
        _ => Encoding::Other,
    }
}

/// Every page of a chunk of `end` bytes, up to `rows` values. `None` when one is of a kind for the crate's reader.
pub fn list_pages(bytes: &[u8], end: usize, rows: usize, pages: &mut Vec<Page>) -> Result<bool> {
    pages.clear();
    let mut at = 0;
    let mut seen = 0;
    while seen < rows {
        let mut header = Header::default();
        read_struct(bytes, &mut at, end, 0, 0, &mut header)?;
        let (raw, packed) = (header.raw as usize, header.packed as usize);
        if packed > end - at {
            return Err(damaged("it is longer than its column"));
        }
        if raw > LARGEST_PAGE {
            return Err(ParquetError::NYI("a very large page".to_string()));
        }
        let is_dictionary = header.kind == DICTIONARY_PAGE;
        let (values, number) = match header.kind {
            DATA_PAGE => (header.data_values, header.data_encoding),
            DICTIONARY_PAGE => (header.dictionary_values, header.dictionary_encoding),
            _ => return Ok(false),
        };
        let encoding = encoding(number);
        if encoding == Encoding::Other {
            return Ok(false);
        }
        if values > raw as u64 * 8 && is_dictionary || is_dictionary != (pages.is_empty() && is_dictionary) {
            return Err(damaged("its dictionary is not where it should be"));
        }
        pages.push(Page {
            is_dictionary,
            encoding,
            values: values as usize,
            at,
            packed,
            raw,
        });
        at += packed;
        if !is_dictionary {
            if values == 0 || values > (rows - seen) as u64 {
                return Err(damaged("its number of values"));
            }
            seen += values as usize;
        }
    }
    Ok(true)
}

/// Working memory for decompression.
#[derive(Default)]
pub struct Unpacker {
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl Unpacker {
    /// The raw content of a page, followed by `SLACK` bytes.
    pub fn unpack(&mut self, codec: Codec, packed: &[u8], raw: usize, out: &mut Vec<u8>) -> Result<()> {
        if out.len() < raw + SLACK {
            out.resize(raw + SLACK, 0);
        }
        let content = &mut out[..raw];
        let length = match codec {
            Codec::None => {
                return Err(damaged("it is not compressed"));
            }
            Codec::Zstd => {
                if self.zstd.is_none() {
                    let made = zstd::bulk::Decompressor::new();
                    self.zstd = Some(made.map_err(|cause| ParquetError::External(Box::new(cause)))?);
                }
                let zstd = self.zstd.as_mut().expect("just made");
                zstd.decompress_to_buffer(packed, content).ok()
            }
            Codec::Lz4 => lz4_flex::block::decompress_into(packed, content).ok(),
        };
        if length != Some(raw) {
            return Err(damaged("it does not decompress"));
        }
        Ok(())
    }
}
