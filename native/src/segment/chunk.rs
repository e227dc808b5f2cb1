//! One column of one row group, encoded in memory as a Parquet column chunk.

use crate::segment::bits::{bit_width, put_deltas, put_indices, put_varint};
use crate::segment::column::{pairs, Cell, ColumnSpec, ColumnType, Values};
use crate::segment::dictionary::Dictionary;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

mod text;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    None,
    Zstd(i32),
    Lz4,
}

/// A column chunk in memory, ready to be appended to a row group.
pub struct Chunk {
    pub bytes: Bytes,
    pub close: ColumnCloseResult,
}

/// Rows a data page.
const PAGE_ROWS: usize = 65_536;
/// A dictionary is kept while it has at most one value for so many rows.
const DICTIONARY_SHARE: usize = 3;
/// Share of false answers of a Bloom filter.
const BLOOM_FALSE: f64 = 0.01;

/// How the values of a chunk stand in its pages.
enum Layout {
    Dictionary,
    Deltas,
    Plain,
}

/// Working memory of one encoding thread.
#[derive(Default)]
pub struct Encoder {
    dictionary: Dictionary,
    texts: text::TextDictionary,
    /// Buffers of pages that are done with: to allocate them anew costs more than to fill them.
    spare: Vec<Vec<u8>>,
    zstd: Option<(i32, zstd::bulk::Compressor<'static>)>,
}

/// A page before and after compression.
struct EncodedPage {
    raw: Vec<u8>,
    packed: Option<Vec<u8>>,
    values: u32,
    is_dictionary: bool,
}

impl Encoder {
    /// Encodes the first `rows` (at least one) rows of a column.
    pub fn encode(
        &mut self,
        spec: &ColumnSpec,
        descriptor: &ColumnDescPtr,
        values: Values,
        rows: usize,
        codec: Codec,
    ) -> Result<Chunk> {
        if rows == 0 || values.rows() < rows || !values.fits(spec.column_type) {
            return Err(ParquetError::General(format!(
                "column {} does not hold {rows} rows of its type",
                spec.name
            )));
        }
        if spec.column_type == ColumnType::Text {
            return self.encode_texts(spec, descriptor, values, rows, codec);
        }
        if let Some(value) = values.constant(rows, spec.absent) {
            return self.encode_constant(spec, descriptor, value, rows);
        }
        match values {
            Values::U8(values) => self.dictionary.build_small(&values[..rows], u16::from(u8::MAX), rows),
            Values::U16(values) => self.dictionary.build_small(&values[..rows], u16::MAX, rows),
            Values::U32(values) => return self.encode_wide(spec, descriptor, &values[..rows], codec),
            Values::Words(words) => return self.encode_wide(spec, descriptor, &pairs(words)[..rows], codec),
            Values::Raw(values) => return self.encode_wide(spec, descriptor, &values[..rows], codec),
            Values::Millis(values) if Values::is_usual(&values[..rows]) => {
                return self.encode_wide(spec, descriptor, &values[..rows], codec)
            }
            _ => return self.encode_wide(spec, descriptor, &values.widen(rows, spec.absent), codec),
        };
        self.encode_dictionary(spec, descriptor, rows, codec)
    }

    fn encode_wide<T: Cell>(
        &mut self,
        spec: &ColumnSpec,
        descriptor: &ColumnDescPtr,
        values: &[T],
        codec: Codec,
    ) -> Result<Chunk> {
        if self.dictionary_pays(spec.column_type, values) {
            self.encode_dictionary(spec, descriptor, values.len(), codec)
        } else {
            self.encode_deltas(spec, descriptor, values, codec)
        }
    }

    fn encode_constant(
        &mut self,
        spec: &ColumnSpec,
        descriptor: &ColumnDescPtr,
        value: u64,
        rows: usize,
    ) -> Result<Chunk> {
        let mut dictionary = self.buffer();
        put_plain(&mut dictionary, &[value], spec.column_type);
        let pages = one_value_pages(dictionary, self.buffer(), rows);
        let bloom = spec.bloom.then(|| bloom_of(&[value], spec.column_type)).transpose()?;
        write_chunk(
            &mut self.spare,
            descriptor,
            pages,
            Layout::Dictionary,
            statistics((value, value), spec.column_type),
            rows,
            Codec::None,
            bloom,
        )
    }

    /// Encodes the rows that `dictionary` holds.
    fn encode_dictionary(
        &mut self,
        spec: &ColumnSpec,
        descriptor: &ColumnDescPtr,
        rows: usize,
        codec: Codec,
    ) -> Result<Chunk> {
        let mut pages = Vec::with_capacity(1 + rows.div_ceil(PAGE_ROWS));
        let mut raw = self.buffer();
        put_plain(&mut raw, &self.dictionary.values, spec.column_type);
        pages.push(self.page(raw, self.dictionary.values.len(), true, codec)?);
        let width = bit_width(self.dictionary.values.len() as u64 - 1);
        for at in (0..rows).step_by(PAGE_ROWS) {
            let end = rows.min(at + PAGE_ROWS);
            let mut raw = self.buffer();
            put_indices(&mut raw, &self.dictionary.indices[at..end], width);
            pages.push(self.page(raw, end - at, false, codec)?);
        }
        let distinct = &self.dictionary.values[..];
        let statistics = statistics(bounds(distinct, spec.column_type), spec.column_type);
        let bloom = spec.bloom.then(|| bloom_of(distinct, spec.column_type)).transpose()?;
        write_chunk(
            &mut self.spare,
            descriptor,
            pages,
            Layout::Dictionary,
            statistics,
            rows,
            codec,
            bloom,
        )
    }

    fn encode_deltas<T: Cell>(
        &mut self,
        spec: &ColumnSpec,
        descriptor: &ColumnDescPtr,
        values: &[T],
        codec: Codec,
    ) -> Result<Chunk> {
        let bits = if spec.column_type.is_wide() { 64 } else { 32 };
        let signed = spec.column_type == ColumnType::TimeMs;
        let mut all_bounds = Vec::with_capacity(2);
        let mut pages = Vec::with_capacity(values.len().div_ceil(PAGE_ROWS));
        for part in values.chunks(PAGE_ROWS) {
            let mut raw = self.buffer();
            let (least, most) = put_deltas(&mut raw, part, bits, signed);
            all_bounds.extend([least, most]);
            pages.push(self.page(raw, part.len(), false, codec)?);
        }
        let statistics = statistics(bounds(&all_bounds, spec.column_type), spec.column_type);
        let bloom = spec.bloom.then(|| bloom_of(values, spec.column_type)).transpose()?;
        write_chunk(
            &mut self.spare,
            descriptor,
            pages,
            Layout::Deltas,
            statistics,
            values.len(),
            codec,
            bloom,
        )
    }

    /// Times are differences. Everything else is a dictionary as long as that is smaller than differences would be.
    fn dictionary_pays<T: Cell>(&mut self, column_type: ColumnType, values: &[T]) -> bool {
        let limit = match column_type {
            ColumnType::TimeMs | ColumnType::Text => return false,
            ColumnType::U8 | ColumnType::U16 => values.len(),
            ColumnType::U32 | ColumnType::U64 => values.len() / DICTIONARY_SHARE + 1,
        };
        let all_bits = values.iter().fold(0, |bits, value| bits | value.wide());
        match u16::try_from(all_bits) {
            // No value has a bit that the others all lack.
            Ok(bits) => self.dictionary.build_small(values, bits, limit),
            Err(_) => self.dictionary.build(values, limit),
        }
    }

    /// Octets of working memory, but for what the compressor holds.
    pub fn held_bytes(&self) -> usize {
        let spare: usize = self.spare.iter().map(Vec::capacity).sum();
        self.dictionary.held_bytes() + self.texts.held_bytes() + spare
    }

    fn page(&mut self, raw: Vec<u8>, values: usize, is_dictionary: bool, codec: Codec) -> Result<EncodedPage> {
        let external = |cause: Box<dyn std::error::Error + Send + Sync>| ParquetError::External(cause);
        let packed = match codec {
            Codec::None => None,
            Codec::Lz4 => {
                let mut packed = self.buffer();
                packed.resize(lz4_flex::block::get_maximum_output_size(raw.len()), 0);
                let length =
                    lz4_flex::block::compress_into(&raw, &mut packed).map_err(|cause| external(cause.into()))?;
                packed.truncate(length);
                Some(packed)
            }
            Codec::Zstd(level) => {
                let mut packed = self.buffer();
                packed.reserve(zstd::zstd_safe::compress_bound(raw.len()));
                self.compressor(level)?
                    .compress_to_buffer(&raw, &mut packed)
                    .map_err(|cause| external(cause.into()))?;
                Some(packed)
            }
        };
        Ok(EncodedPage {
            raw,
            packed,
            values: values as u32,
            is_dictionary,
        })
    }

    fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer
    }

    fn compressor(&mut self, level: i32) -> Result<&mut zstd::bulk::Compressor<'static>> {
        if self.zstd.as_ref().is_none_or(|(have, _)| *have != level) {
            let made = zstd::bulk::Compressor::new(level).map_err(|cause| ParquetError::External(Box::new(cause)))?;
            self.zstd = Some((level, made));
        }
        Ok(&mut self.zstd.as_mut().expect("just made").1)
    }
}

/// Pages of a chunk whose rows all have the one value of `dictionary`.
fn one_value_pages(dictionary: Vec<u8>, mut indices: Vec<u8>, rows: usize) -> Vec<EncodedPage> {
    // Width 0, then one run; the value of a run takes no bytes at that width.
    indices.push(0);
    put_varint(&mut indices, (rows as u64) << 1);
    let page = |raw, values, is_dictionary| EncodedPage {
        raw,
        packed: None,
        values,
        is_dictionary,
    };
    vec![page(dictionary, 1, true), page(indices, rows as u32, false)]
}

fn put_plain(out: &mut Vec<u8>, values: &[u64], column_type: ColumnType) {
    if column_type.is_wide() {
        out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    } else {
        out.extend(values.iter().flat_map(|&value| (value as u32).to_le_bytes()));
    }
}

fn bounds(values: &[u64], column_type: ColumnType) -> (u64, u64) {
    if column_type == ColumnType::TimeMs {
        let signed = || values.iter().map(|&value| value as i64);
        (signed().min().unwrap_or(0) as u64, signed().max().unwrap_or(0) as u64)
    } else {
        (
            values.iter().copied().min().unwrap_or(0),
            values.iter().copied().max().unwrap_or(0),
        )
    }
}

fn bloom_of<T: Cell>(values: &[T], column_type: ColumnType) -> Result<Sbbf> {
    let mut filter = Sbbf::new_with_ndv_fpp(values.len() as u64, BLOOM_FALSE)?;
    for value in values {
        let value = value.wide();
        // The hash is one of the bytes that PLAIN encoding has.
        if column_type.is_wide() {
            filter.insert(&(value as i64));
        } else {
            filter.insert(&(value as i32));
        }
    }
    Ok(filter)
}

fn statistics((least, most): (u64, u64), column_type: ColumnType) -> Statistics {
    if column_type.is_wide() {
        Statistics::int64(Some(least as i64), Some(most as i64), None, Some(0), false)
    } else {
        Statistics::int32(
            Some(least as u32 as i32),
            Some(most as u32 as i32),
            None,
            Some(0),
            false,
        )
    }
}

#[allow(clippy::too_many_arguments)]
fn write_chunk(
    spare: &mut Vec<Vec<u8>>,
    descriptor: &ColumnDescPtr,
    pages: Vec<EncodedPage>,
    layout: Layout,
    statistics: Statistics,
    rows: usize,
    codec: Codec,
    bloom_filter: Option<Sbbf>,
) -> Result<Chunk> {
    // A chunk names one codec for all its pages. Compression that saves next to nothing only costs readers time.
    let raw: usize = pages.iter().map(|page| page.raw.len()).sum();
    let packed: usize = pages
        .iter()
        .map(|page| page.packed.as_ref().map_or(page.raw.len(), Vec::len))
        .sum();
    let codec = if packed < raw - raw / 32 { codec } else { Codec::None };

    let (data_encoding, data_pages) = match layout {
        Layout::Dictionary => (Encoding::RLE_DICTIONARY, pages.len() - 1),
        Layout::Deltas => (Encoding::DELTA_BINARY_PACKED, pages.len()),
        Layout::Plain => (Encoding::PLAIN, pages.len()),
    };
    let mut sink = TrackedWrite::new(Vec::with_capacity(packed.min(raw) + 64 * pages.len()));
    let mut writer = SerializedPageWriter::new(&mut sink);
    let mut uncompressed = 0;
    let mut compressed = 0;
    let mut dictionary_offset = None;
    let mut data_offset = None;
    for page in pages {
        let length = page.raw.len();
        let (content, unused) = match page.packed {
            Some(packed) if codec != Codec::None => (packed, Some(page.raw)),
            packed => (page.raw, packed),
        };
        spare.extend(unused);
        let buf = Bytes::from(content);
        let content = buf.clone();
        let page = if page.is_dictionary {
            Page::DictionaryPage {
                buf,
                num_values: page.values,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            }
        } else {
            Page::DataPage {
                buf,
                num_values: page.values,
                encoding: data_encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            }
        };
        let wrote = writer.write_page(CompressedPage::new(page, length))?;
        // The page is gone, so this takes the buffer back without a copy.
        spare.push(Vec::from(content));
        uncompressed += wrote.uncompressed_size;
        compressed += wrote.compressed_size;
        if wrote.page_type == PageType::DICTIONARY_PAGE {
            dictionary_offset = Some(wrote.offset as i64);
        } else {
            data_offset.get_or_insert(wrote.offset as i64);
        }
    }
    writer.close()?;
    let bytes = Bytes::from(sink.into_inner()?);

    let mut encodings = vec![data_encoding];
    let mut encoding_stats = vec![PageEncodingStats {
        page_type: PageType::DATA_PAGE,
        encoding: data_encoding,
        count: data_pages as i32,
    }];
    if dictionary_offset.is_some() {
        encodings.push(Encoding::PLAIN);
        encoding_stats.push(PageEncodingStats {
            page_type: PageType::DICTIONARY_PAGE,
            encoding: Encoding::PLAIN,
            count: 1,
        });
    }
    let metadata = ColumnChunkMetaData::builder(descriptor.clone())
        .set_encodings(encodings)
        .set_page_encoding_stats(encoding_stats)
        .set_compression(match codec {
            Codec::None => Compression::UNCOMPRESSED,
            Codec::Lz4 => Compression::LZ4_RAW,
            Codec::Zstd(level) => Compression::ZSTD(ZstdLevel::try_new(level)?),
        })
        .set_num_values(rows as i64)
        .set_total_uncompressed_size(uncompressed as i64)
        .set_total_compressed_size(compressed as i64)
        .set_dictionary_page_offset(dictionary_offset)
        .set_data_page_offset(data_offset.unwrap_or(0))
        .set_statistics(statistics)
        .build()?;
    Ok(Chunk {
        close: ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter,
            column_index: None,
            offset_index: None,
        },
        bytes,
    })
}
