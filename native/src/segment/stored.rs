//! Column chunks as they stand in files, their pages checked against their checksums.

use crate::page_header::{check_chunk, damaged};
use crate::panics::caught;
use crate::segment::{footer, named};
use bytes::Bytes;
use parquet::column::reader::{get_column_reader, ColumnReader};
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Larger columns are for engines that read them piece by piece: a file with a hole may be of any length.
pub const LARGEST_CHUNK: usize = 1 << 30;

/// A column chunk in memory.
pub struct StoredChunk {
    pub bytes: Bytes,
    /// As if the file began with the chunk.
    pub metadata: ColumnChunkMetaData,
}

impl StoredChunk {
    /// Reads a chunk of a file whose footer was read by `footer::read`.
    pub fn read(file: &File, metadata: &ColumnChunkMetaData) -> Result<StoredChunk> {
        let (start, length) = metadata.byte_range();
        let bytes = file.get_bytes(start, usize::try_from(length)?)?;
        check_chunk(&bytes, metadata.num_values() as u64)?;
        let start = start as i64;
        let metadata = metadata
            .clone()
            .into_builder()
            .set_dictionary_page_offset(metadata.dictionary_page_offset().map(|offset| offset - start))
            .set_data_page_offset(metadata.data_page_offset() - start)
            .set_bloom_filter_offset(None)
            .set_bloom_filter_length(None)
            .build()?;
        Ok(StoredChunk { bytes, metadata })
    }

    /// Appends the numbers of the first `rows` rows; fewer if some have none. False if it is no column of numbers.
    pub fn read_numbers(&self, rows: usize, values: &mut Vec<u64>) -> Result<bool> {
        self.decode(|reader| {
            // Of columns whose rows may have no value the crate wants to tell which have.
            let mut levels = Vec::new();
            match reader {
                ColumnReader::Int32ColumnReader(mut column) => {
                    let mut read = Vec::with_capacity(rows);
                    column.read_records(rows, Some(&mut levels), None, &mut read)?;
                    values.extend(read.iter().map(|&value: &i32| u64::from(value as u32)));
                }
                ColumnReader::Int64ColumnReader(mut column) => {
                    let mut read = Vec::with_capacity(rows);
                    column.read_records(rows, Some(&mut levels), None, &mut read)?;
                    values.extend(read.iter().map(|&value: &i64| value as u64));
                }
                _ => return Ok(false),
            }
            Ok(true)
        })
    }

    /// Has `read` decode the values. Headers of pages have no checksum, and the crate panics at some that are damaged, such as
    /// one with another encoding.
    pub fn decode<T>(&self, read: impl FnOnce(ColumnReader) -> Result<T>) -> Result<T> {
        let rows = self.metadata.num_values() as usize;
        let pages = SerializedPageReader::new(Arc::new(self.bytes.clone()), &self.metadata, rows, None)?;
        let reader = get_column_reader(self.metadata.column_descr_ptr(), Box::new(pages));
        caught(|| read(reader)).unwrap_or_else(|_| Err(damaged("its values are not as its header says")))
    }
}

/// Reads a file and checks each of its pages that has a checksum. False when some have none.
pub fn check_file(path: &Path) -> Result<bool> {
    try_check_file(path).map_err(|cause| named(path, &cause))
}

fn try_check_file(path: &Path) -> Result<bool> {
    let file = File::open(path)?;
    let metadata = footer::read(&file, file.metadata()?.len())?;
    let mut are_all_sure = true;
    let mut chunk = Vec::new();
    for group in metadata.row_groups() {
        for column in group.columns() {
            let (start, length) = column.byte_range();
            let length = usize::try_from(length)?;
            if length > LARGEST_CHUNK {
                are_all_sure = false;
                continue;
            }
            chunk.resize(length, 0);
            file.read_exact_at(&mut chunk, start)?;
            are_all_sure &= check_chunk(&chunk, column.num_values() as u64)?;
        }
    }
    Ok(are_all_sure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::Random;
    use crate::mixing::GOLDEN;
    use crate::segment::chunk::Codec;
    use crate::segment::column::{ColumnSpec, ColumnType, Values};
    use crate::segment::file::tests::Scratch;
    use crate::segment::{Options, SegmentWriter};
    use std::path::PathBuf;

    fn write(path: &Path, codec: Codec) {
        let spec = |name: &str, column_type| ColumnSpec {
            name: name.to_string(),
            column_type,
            absent: 0,
            bloom: false,
        };
        let columns = [
            spec("random", ColumnType::U64),
            spec("few", ColumnType::U16),
            spec("same", ColumnType::U8),
        ];
        let metadata = Vec::new();
        let mut writer = SegmentWriter::create(path, Options { codec, metadata }).unwrap();
        let values: Vec<u64> = (1..=3000u64).map(|row| row.wrapping_mul(GOLDEN)).collect();
        let few: Vec<u16> = values.iter().map(|value| (value >> 60) as u16).collect();
        writer
            .append(
                &columns,
                &[Values::Raw(&values), Values::U16(&few), Values::U8(&[6; 3000])],
                3000,
            )
            .unwrap();
        writer.finish(Vec::new()).unwrap();
    }

    fn values(path: &Path) -> Result<Vec<u64>> {
        let file = File::open(path)?;
        let metadata = footer::read(&file, file.metadata()?.len())?;
        let mut all = Vec::new();
        for column in metadata.row_group(0).columns() {
            assert!(StoredChunk::read(&file, column)?.read_numbers(3000, &mut all)?);
        }
        Ok(all)
    }

    const CODECS: [Codec; 3] = [Codec::None, Codec::Lz4, Codec::Zstd(1)];

    /// A file as it was written, and what it holds.
    struct Whole {
        path: PathBuf,
        bytes: Vec<u8>,
        values: Vec<u64>,
        /// Where each column chunk lies: its start and its length.
        chunks: Vec<(usize, usize)>,
    }

    impl Whole {
        fn write(scratch: &Scratch, codec: Codec) -> Whole {
            let path = scratch.0.join("a");
            write(&path, codec);
            assert!(check_file(&path).unwrap());
            let bytes = std::fs::read(&path).unwrap();
            let metadata = footer::read(&File::open(&path).unwrap(), bytes.len() as u64).unwrap();
            let ranges = metadata.row_group(0).columns().iter().map(|column| column.byte_range());
            Whole {
                values: values(&path).unwrap(),
                chunks: ranges
                    .map(|(start, length)| (start as usize, length as usize))
                    .collect(),
                path,
                bytes,
            }
        }

        /// Looks at what is read after a bit was flipped.
        fn flip(&self, at: usize, bit: usize) {
            let mut flipped = self.bytes.clone();
            flipped[at] ^= 1 << bit;
            std::fs::write(&self.path, flipped).unwrap();
            let checked = check_file(&self.path);
            match values(&self.path) {
                Ok(read) => assert_eq!(read, self.values, "bit {bit} of octet {at}"),
                Err(cause) if checked.is_err() => assert!(cause.to_string().contains(" is damaged: "), "{cause}"),
                // A header that says something else than it did.
                Err(_) => {}
            }
        }
    }

    #[test]
    fn a_flipped_bit_in_pages_is_seen_or_changes_nothing() {
        let mut random = Random::new();
        let scratch = Scratch::new();
        let wholes = CODECS.map(|codec| Whole::write(&scratch, codec));
        while random.time_left() {
            let whole = &wholes[random.below(3)];
            let (start, length) = whole.chunks[random.below(3)];
            whole.flip(start + random.below(length), random.below(8));
        }
    }

    #[test]
    fn so_is_every_one_in_first_headers() {
        let scratch = Scratch::new();
        for codec in CODECS {
            let whole = Whole::write(&scratch, codec);
            for (start, length) in &whole.chunks {
                for bit in 0..8 * length.min(&32) {
                    whole.flip(start + bit / 8, bit % 8);
                }
            }
        }
    }
}
