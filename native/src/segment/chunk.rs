//! One column of one row group, encoded in memory as a Parquet column chunk.

mod summary;
mod text;
mod write;

use crate::segment::bits::{bit_width, put_deltas, put_indices, put_varint};
use crate::segment::column::{pairs, Cell, ColumnSpec, ColumnType, Values};
use crate::segment::dictionary::Dictionary;
use crate::wide_registers::with_wide_registers;
use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;
use summary::{bloom_of, bounds, statistics_of};
use write::{write_chunk, Content, EncodedPage, Layout};

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

/// Rows of a row group, whose number stands in 32 bits where they are all alike; a footer may promise more.
const MOST_ROWS: usize = i32::MAX as usize;
/// Rows a data page.
const PAGE_ROWS: usize = 65_536;
/// A dictionary is kept while it has at most one value for so many rows.
const DICTIONARY_SHARE: usize = 3;

/// Working memory of one encoding thread.
#[derive(Default)]
pub struct Encoder {
    dictionary: Dictionary,
    texts: text::TextDictionary,
    /// Buffers of pages that are done with: to allocate them anew costs more than to fill them.
    spare: Vec<Vec<u8>>,
    zstd: Option<(i32, zstd::bulk::Compressor<'static>)>,
}

/// A column to be encoded.
#[derive(Clone, Copy)]
struct Job<'a> {
    spec: &'a ColumnSpec,
    descriptor: &'a ColumnDescPtr,
    rows: usize,
    codec: Codec,
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
        if rows == 0 || rows > MOST_ROWS || values.rows() < rows || !values.fits(spec.column_type) {
            return Err(ParquetError::General(format!(
                "column {} does not hold {rows} rows of its type",
                spec.name
            )));
        }
        let job = Job {
            spec,
            descriptor,
            rows,
            codec,
        };
        if spec.column_type == ColumnType::Text {
            return self.encode_texts(job, values);
        }
        if let Some(value) = values.constant(rows, spec.absent) {
            return self.encode_constant(job, value);
        }
        match values {
            Values::U8(values) => self.dictionary.build_small(&values[..rows], u16::from(u8::MAX), rows),
            Values::U16(values) => self.dictionary.build_small(&values[..rows], u16::MAX, rows),
            Values::U32(values) => return self.encode_wide(job, &values[..rows]),
            Values::Words(words) => return self.encode_wide(job, &pairs(words)[..rows]),
            Values::Raw(values) => return self.encode_wide(job, &values[..rows]),
            Values::Millis(values) if Values::is_usual(&values[..rows]) => {
                return self.encode_wide(job, &values[..rows])
            }
            _ => return self.encode_wide(job, &values.widen(rows, spec.absent)),
        };
        self.encode_dictionary(job)
    }

    fn encode_wide<T: Cell>(&mut self, job: Job, values: &[T]) -> Result<Chunk> {
        if self.dictionary_pays(job.spec.column_type, values) {
            self.encode_dictionary(job)
        } else {
            self.encode_deltas(job, values)
        }
    }

    fn encode_constant(&mut self, job: Job, value: u64) -> Result<Chunk> {
        let mut dictionary = self.buffer();
        put_plain(&mut dictionary, &[value], job.spec.column_type);
        let pages = one_value_pages(dictionary, self.buffer(), job.rows);
        let job = Job {
            codec: Codec::None,
            ..job
        };
        write_numbers(
            &mut self.spare,
            job,
            pages,
            Layout::Dictionary,
            (value, value),
            &[value],
        )
    }

    /// Encodes the rows that `dictionary` holds.
    fn encode_dictionary(&mut self, job: Job) -> Result<Chunk> {
        let dictionary = std::mem::take(&mut self.dictionary);
        let mut raw = self.buffer();
        put_plain(&mut raw, &dictionary.values, job.spec.column_type);
        let result = self
            .dictionary_pages(raw, dictionary.values.len(), &dictionary.indices[..job.rows], job.codec)
            .and_then(|pages| {
                let bounds = bounds(&dictionary.values, job.spec.column_type);
                write_numbers(
                    &mut self.spare,
                    job,
                    pages,
                    Layout::Dictionary,
                    bounds,
                    &dictionary.values,
                )
            });
        self.dictionary = dictionary;
        result
    }

    /// The page of a dictionary of `count` values, which stand in `raw`, and those of the rows' places in it.
    fn dictionary_pages(
        &mut self,
        raw: Vec<u8>,
        count: usize,
        indices: &[u32],
        codec: Codec,
    ) -> Result<Vec<EncodedPage>> {
        let mut pages = Vec::with_capacity(1 + indices.len().div_ceil(PAGE_ROWS));
        pages.push(self.page(raw, count, true, codec)?);
        let width = bit_width(count as u64 - 1);
        for part in indices.chunks(PAGE_ROWS) {
            let mut raw = self.buffer();
            put_indices(&mut raw, part, width);
            pages.push(self.page(raw, part.len(), false, codec)?);
        }
        Ok(pages)
    }

    fn encode_deltas<T: Cell>(&mut self, job: Job, values: &[T]) -> Result<Chunk> {
        let bits = if job.spec.column_type.is_wide() { 64 } else { 32 };
        let signed = job.spec.column_type == ColumnType::TimeMs;
        let mut page_bounds = Vec::with_capacity(2);
        let mut pages = Vec::with_capacity(values.len().div_ceil(PAGE_ROWS));
        for part in values.chunks(PAGE_ROWS) {
            let mut raw = self.buffer();
            let (least, most) = put_deltas(&mut raw, part, bits, signed);
            page_bounds.extend([least, most]);
            pages.push(self.page(raw, part.len(), false, job.codec)?);
        }
        let bounds = bounds(&page_bounds, job.spec.column_type);
        write_numbers(&mut self.spare, job, pages, Layout::Deltas, bounds, values)
    }

    /// Times are differences. Everything else is a dictionary as long as that is smaller than differences would be.
    fn dictionary_pays<T: Cell>(&mut self, column_type: ColumnType, values: &[T]) -> bool {
        let limit = match column_type {
            ColumnType::TimeMs | ColumnType::Text => return false,
            ColumnType::U8 | ColumnType::U16 => values.len(),
            ColumnType::U32 | ColumnType::U64 => values.len() / DICTIONARY_SHARE + 1,
        };
        let all_bits = with_wide_registers!(bits_of(values));
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

/// Every bit that some value has.
#[inline(always)]
fn bits_of<T: Cell>(values: &[T]) -> u64 {
    values.iter().fold(0, |bits, value| bits | value.wide())
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

/// `values`: all that occur, or once each; `bounds`: the least and the greatest of them.
fn write_numbers<T: Cell>(
    spare: &mut Vec<Vec<u8>>,
    job: Job,
    pages: Vec<EncodedPage>,
    layout: Layout,
    bounds: (u64, u64),
    values: &[T],
) -> Result<Chunk> {
    let column_type = job.spec.column_type;
    let content = Content {
        pages,
        layout,
        rows: job.rows,
        codec: job.codec,
        statistics: statistics_of(bounds, column_type),
        bloom_filter: job.spec.bloom.then(|| bloom_of(values, column_type)).transpose()?,
    };
    write_chunk(spare, job.descriptor, content)
}
