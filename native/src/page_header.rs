//! Headers of Parquet pages (parquet.thrift, compact protocol) and the checksum in them: the CRC-32 of gzip over the page
//! as it is stored. The `parquet` crate writes none.

use crate::scan::bits::{varint, zigzag};
use crate::segment::bits::put_zigzag;
use flate2::Crc;
use parquet::basic::{Encoding, PageType};
use parquet::errors::{ParquetError, Result};

/// Structures within structures in a header.
const DEEPEST: usize = 8;
/// Kinds of fields: a number of 32 bits, and a structure.
const NUMBER: u8 = 5;
const STRUCTURE: u8 = 12;

pub fn damaged(what: &str) -> ParquetError {
    ParquetError::General(format!("a page is damaged: {what}"))
}

pub fn crc32(octets: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(octets);
    crc.sum()
}

/// As headers have it.
fn checksum(stored: &[u8]) -> i64 {
    i64::from(crc32(stored) as i32)
}

/// Numbers of a page header, by the path of field numbers that leads to them.
#[derive(Default)]
pub struct Header {
    pub kind: u64,
    pub raw: u64,
    pub packed: u64,
    pub data_values: u64,
    pub data_encoding: u64,
    pub dictionary_values: u64,
    pub dictionary_encoding: u64,
    newer_data_values: u64,
    pub checksum: Option<i64>,
}

impl Header {
    /// Reads the header at `at`, which moves behind it; the page then lies before `end`.
    pub fn read(bytes: &[u8], at: &mut usize, end: usize) -> Result<Header> {
        let mut header = Header::default();
        header.read_struct(bytes, at, end, 0, 0)?;
        if header.packed > (end - *at) as u64 {
            return Err(damaged("it is longer than its column"));
        }
        Ok(header)
    }

    fn set(&mut self, outer: u64, field: u64, number: i64) {
        let value = number as u64;
        match (outer, field) {
            (0, 1) => self.kind = value,
            (0, 2) => self.raw = value,
            (0, 3) => self.packed = value,
            (0, 4) => self.checksum = Some(number),
            (5, 1) => self.data_values = value,
            (5, 2) => self.data_encoding = value,
            (7, 1) => self.dictionary_values = value,
            (7, 2) => self.dictionary_encoding = value,
            (8, 1) => self.newer_data_values = value,
            _ => {}
        }
    }

    /// Reads the fields of a structure; `outer` is the field that it is in, 0 at the top.
    fn read_struct(&mut self, bytes: &[u8], at: &mut usize, end: usize, outer: u64, depth: usize) -> Result<()> {
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
                    self.set(outer, field, value);
                }
                STRUCTURE => {
                    // Only structures right below the top are of interest; 99 is no field of any.
                    let inner = if depth == 0 { field } else { 99 };
                    self.read_struct(bytes, at, end, inner, depth + 1)?;
                }
                kind => skip(bytes, at, end, kind)?,
            }
        }
    }

    /// Rows that the page has values of.
    fn rows(&self) -> u64 {
        if self.kind == PageType::DATA_PAGE as u64 {
            self.data_values
        } else if self.kind == PageType::DATA_PAGE_V2 as u64 {
            self.newer_data_values
        } else {
            0
        }
    }
}

/// Passes over a value that no page header of interest has: booleans are in the kind, not after it.
fn skip(bytes: &[u8], at: &mut usize, end: usize, kind: u8) -> Result<()> {
    let length = match kind {
        1 | 2 => 0,
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

/// Looks whether a page is what its header says it was; one without a checksum may be anything.
pub fn check(stored: &[u8], expected: Option<i64>) -> Result<()> {
    if expected.is_some_and(|expected| expected != checksum(stored)) {
        return Err(damaged("its checksum is wrong"));
    }
    Ok(())
}

/// Checks every page of a column chunk of `rows` rows. False when some have no checksum.
pub fn check_chunk(chunk: &[u8], rows: u64) -> Result<bool> {
    let (mut at, mut seen, mut are_all_sure) = (0, 0, true);
    while seen < rows {
        let header = Header::read(chunk, &mut at, chunk.len())?;
        let end = at + header.packed as usize;
        check(&chunk[at..end], header.checksum)?;
        at = end;
        are_all_sure &= header.checksum.is_some();
        seen = seen.saturating_add(header.rows());
    }
    if seen > rows {
        return Err(damaged("its number of values"));
    }
    Ok(are_all_sure)
}

/// Appends a data page (version 1, without levels) or a dictionary, `stored` as it is after compression of `raw` octets.
pub fn put_page(
    out: &mut Vec<u8>,
    kind: PageType,
    raw: usize,
    stored: &[u8],
    values: u32,
    encoding: Encoding,
) -> Result<()> {
    let (raw, packed) = (i32::try_from(raw)?, i32::try_from(stored.len())?);
    put_numbers(out, &[kind as i64, raw.into(), packed.into(), checksum(stored)]);
    let (values, encoding, levels) = (i64::from(values), encoding as i64, Encoding::RLE as i64);
    let (field, own): (u8, &[i64]) = if kind == PageType::DICTIONARY_PAGE {
        (7, &[values, encoding])
    } else {
        (5, &[values, encoding, levels, levels])
    };
    // Fields are told by their distance from the last one, the checksum.
    out.push((field - 4) << 4 | STRUCTURE);
    put_numbers(out, own);
    out.extend([0, 0]);
    out.extend_from_slice(stored);
    Ok(())
}

/// The first fields of a structure.
fn put_numbers(out: &mut Vec<u8>, numbers: &[i64]) {
    for &number in numbers {
        out.push(1 << 4 | NUMBER);
        put_zigzag(out, number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pages of three and five rows behind a dictionary.
    fn chunk() -> Vec<u8> {
        let mut bytes = Vec::new();
        put_page(
            &mut bytes,
            PageType::DICTIONARY_PAGE,
            9,
            b"123456789",
            2,
            Encoding::PLAIN,
        )
        .unwrap();
        for rows in [3, 5] {
            put_page(
                &mut bytes,
                PageType::DATA_PAGE,
                70,
                &[rows as u8; 70],
                rows,
                Encoding::RLE_DICTIONARY,
            )
            .unwrap();
        }
        bytes
    }

    #[test]
    fn a_header_says_what_was_put() {
        let bytes = chunk();
        let mut at = 0;
        let header = Header::read(&bytes, &mut at, bytes.len()).unwrap();
        assert_eq!((header.kind, header.raw, header.packed), (2, 9, 9));
        assert_eq!((header.dictionary_values, header.dictionary_encoding), (2, 0));
        // The check value of CRC-32 in every table of them.
        assert_eq!(header.checksum, Some(i64::from(0xcbf4_3926_u32 as i32)));
        at += 9;
        let header = Header::read(&bytes, &mut at, bytes.len()).unwrap();
        assert_eq!((header.kind, header.data_values, header.data_encoding), (0, 3, 8));
    }

    #[test]
    fn pages_without_a_checksum_are_not_sure() {
        assert!(check_chunk(&chunk(), 8).unwrap());
        // Kind, lengths and one row, as the crate writes them.
        let without = [
            0x15, 0, 0x15, 2, 0x15, 2, 0x2c, 0x15, 2, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0, 77,
        ];
        assert!(!check_chunk(&without, 1).unwrap());
        assert!(check_chunk(&without, 2).is_err());
    }

    #[test]
    fn no_flipped_bit_of_a_page_is_passed_over() {
        let bytes = chunk();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (mut at, mut body) = (0, false);
            while at < bytes.len() && !body {
                let header = Header::read(&bytes, &mut at, bytes.len()).unwrap();
                body = (at..at + header.packed as usize).contains(&(bit / 8));
                at += header.packed as usize;
            }
            let checked = check_chunk(&flipped, 8);
            assert!(!body || checked.is_err(), "bit {bit}");
        }
    }
}
