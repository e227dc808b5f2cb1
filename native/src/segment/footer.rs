//! The end of a file, which describes all of it: read, checked, and given a checksum, for which Parquet has no place.

use crate::page_header::crc32;
use crate::segment::general;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

/// Behind the footer stand its length and the mark of Parquet.
const TAIL: usize = 8;
/// Before the footer stand this and the CRC-32 of footer and tail. No offset leads there, so other readers pass it by.
const MARK: &[u8; 8] = b"weirfoot";
const MARKED: usize = MARK.len() + 4;
/// Read at first: the whole footer of most files.
const FIRST_READ: u64 = 16 << 10;

fn damaged(what: &str) -> ParquetError {
    general(&format!("the footer is damaged: {what}"))
}

/// Writes the end of a file, as the crate made it, with a checksum.
pub fn write(file: &mut impl Write, end: &[u8]) -> Result<()> {
    let (rest, tail) = end.split_last_chunk::<TAIL>().ok_or_else(|| damaged("it is cut"))?;
    let at = rest.len().checked_sub(FooterTail::try_new(tail)?.metadata_length());
    let (before, footer) = end.split_at(at.ok_or_else(|| damaged("it is cut"))?);
    file.write_all(before)?;
    file.write_all(MARK)?;
    file.write_all(&crc32(footer).to_le_bytes())?;
    file.write_all(footer)?;
    Ok(())
}

/// What the footer of a file of `length` octets says. Footers without a checksum, of other programs, may say anything
/// that `check_bounds` lets pass.
pub fn read(file: &File, length: u64) -> Result<ParquetMetaData> {
    let first = length.min(FIRST_READ);
    let mut end = vec![0; first as usize];
    file.read_exact_at(&mut end, length - first)?;
    let tail = end.last_chunk::<TAIL>().ok_or_else(|| damaged("it is cut"))?;
    let footer = FooterTail::try_new(tail)?;
    if footer.is_encrypted_footer() {
        return Err(ParquetError::NYI("an encrypted file".to_string()));
    }
    let described = footer.metadata_length();
    if (described + TAIL) as u64 > length {
        return Err(damaged("it is longer than the file"));
    }
    let wanted = length.min((described + TAIL + MARKED) as u64);
    if wanted > end.len() as u64 {
        end.resize(wanted as usize, 0);
        file.read_exact_at(&mut end, length - wanted)?;
    }
    let (before, footer) = end.split_at(end.len() - TAIL - described);
    if let Some((mark, sum)) = before
        .last_chunk::<MARKED>()
        .and_then(|marked| marked.split_last_chunk::<4>())
    {
        if mark == MARK && u32::from_le_bytes(*sum) != crc32(footer) {
            return Err(damaged("its checksum is wrong"));
        }
    }
    let metadata = ParquetMetaDataReader::decode_metadata(&footer[..described])?;
    check_bounds(&metadata, length)?;
    Ok(metadata)
}

/// A damaged footer can name any number, and readers ask for memory, or panic, by what it says.
fn check_bounds(metadata: &ParquetMetaData, length: u64) -> Result<()> {
    let mut rows = 0i64;
    for group in metadata.row_groups() {
        let more = Some(group.num_rows()).filter(|&more| more >= 0);
        rows = more
            .and_then(|more| rows.checked_add(more))
            .ok_or_else(|| damaged("number of rows"))?;
        for column in group.columns() {
            let start = column
                .dictionary_page_offset()
                .unwrap_or_else(|| column.data_page_offset());
            let end = u64::try_from(start)
                .ok()
                .zip(u64::try_from(column.compressed_size()).ok())
                .and_then(|(start, size)| start.checked_add(size));
            if end.is_none_or(|end| end > length) || column.num_values() != group.num_rows() {
                return Err(damaged("a column lies outside the file"));
            }
        }
    }
    if metadata.file_metadata().num_rows() != rows {
        return Err(damaged("number of rows"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::chunk::Codec;
    use crate::segment::column::{ColumnSpec, ColumnType, Values};
    use crate::segment::file::tests::Scratch;
    use crate::segment::{Options, SegmentWriter};
    use std::path::Path;

    fn write_file(path: &Path, groups: usize) {
        let columns = ["a", "b"].map(|name| ColumnSpec {
            name: name.to_string(),
            column_type: ColumnType::U64,
            absent: 0,
            bloom: true,
        });
        let metadata = vec![("key".to_string(), "value".to_string())];
        let codec = Codec::None;
        let mut writer = SegmentWriter::create(path, Options { codec, metadata }).unwrap();
        for _ in 0..groups {
            writer.append(&columns, &[Values::Raw(&[1, 2]); 2], 2).unwrap();
        }
        writer.finish(Vec::new()).unwrap();
    }

    fn read_bytes(path: &Path, bytes: &[u8]) -> Result<ParquetMetaData> {
        std::fs::write(path, bytes).unwrap();
        read(&File::open(path).unwrap(), bytes.len() as u64)
    }

    #[test]
    fn no_flipped_bit_of_a_footer_is_passed_over() {
        let scratch = Scratch::new();
        let path = scratch.0.join("a");
        write_file(&path, 2);
        let bytes = std::fs::read(&path).unwrap();
        let whole = read_bytes(&path, &bytes).unwrap();
        let described = FooterTail::try_new(bytes.last_chunk().unwrap())
            .unwrap()
            .metadata_length();
        let from = bytes.len() - TAIL - described - MARKED;
        for bit in from * 8..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match read_bytes(&path, &flipped) {
                Err(_) => {}
                // A mark that is none leaves the footer as it was.
                Ok(metadata) => assert!(bit / 8 < from + MARK.len() && metadata == whole, "bit {bit}"),
            }
        }
    }

    #[test]
    fn footers_of_any_length_are_read() {
        let scratch = Scratch::new();
        let path = scratch.0.join("a");
        for groups in [1, 50, 400] {
            write_file(&path, groups);
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(read_bytes(&path, &bytes).unwrap().num_row_groups(), groups);
            let mut flipped = bytes.clone();
            let at = bytes.len() - TAIL - 40;
            flipped[at] ^= 1;
            let refused = read_bytes(&path, &flipped).unwrap_err().to_string();
            assert!(
                refused.contains("the footer is damaged: its checksum is wrong"),
                "{refused}"
            );
        }
        assert!(read_bytes(&path, b"PAR1").is_err());
        assert!(read_bytes(&path, b"\xff\xff\xff\xffPAR1").is_err());
    }
}
