//! What stands in the pages of a column: octets, and plain values.

use super::{damaged, not_here};
use crate::page_header::check;
use crate::scan::page::{Codec, Page, Unpacker};
use parquet::errors::Result;

/// Content of a page, and whether it is right in the chunk.
pub fn body<'a>(
    chunk: &'a [u8],
    page: &Page,
    codec: Codec,
    unpacker: &mut Unpacker,
    unpacked: &'a mut Vec<u8>,
) -> Result<(&'a [u8], bool)> {
    let packed = &chunk[page.at..page.at + page.packed];
    check(packed, page.checksum)?;
    if codec == Codec::None {
        if page.packed != page.raw {
            return Err(damaged("its pages are of no known length"));
        }
        return Ok((packed, true));
    }
    unpacker.unpack(codec, packed, page.raw, unpacked)?;
    Ok((unpacked, false))
}

pub fn read_plain(bytes: &[u8], is_wide: bool, out: &mut [u64]) {
    if is_wide {
        for (value, bytes) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *value = u64::from_le_bytes(*bytes);
        }
    } else {
        for (value, bytes) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *value = u64::from(u32::from_le_bytes(*bytes));
        }
    }
}

pub fn to_millis(values: &mut [u64]) -> Result<()> {
    for value in values {
        let micros = *value as i64;
        if micros % 1000 != 0 {
            return Err(not_here("times between milliseconds"));
        }
        *value = (micros / 1000) as u64;
    }
    Ok(())
}
