//! Pages of one column chunk: where they are, and their content decompressed.

use crate::page_header::{damaged, Header};
use crate::scan::bits::SLACK;
use parquet::errors::{ParquetError, Result};

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
    pub checksum: Option<i64>,
}

const DATA_PAGE: u64 = 0;
const DICTIONARY_PAGE: u64 = 2;
/// Larger pages are for engines that can spill.
const LARGEST_PAGE: usize = 64 << 20;
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
        let header = Header::read(bytes, &mut at, end)?;
        let (raw, packed) = (header.raw as usize, header.packed as usize);
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
            checksum: header.checksum,
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
