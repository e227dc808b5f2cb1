//! Encoded pages as one column chunk of Parquet, with the description that goes into the footer of the file.

use super::{Chunk, Codec};
use crate::page_header::put_page;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

/// How the values of a chunk stand in its pages.
pub enum Layout {
    Dictionary,
    Deltas,
    Plain,
}

/// A page before and after compression.
pub struct EncodedPage {
    pub raw: Vec<u8>,
    pub packed: Option<Vec<u8>>,
    pub values: u32,
    pub is_dictionary: bool,
}

/// What a chunk is made of.
pub struct Content {
    /// That of the dictionary comes first.
    pub pages: Vec<EncodedPage>,
    pub layout: Layout,
    pub rows: usize,
    pub codec: Codec,
    pub statistics: Statistics,
    pub bloom_filter: Option<Sbbf>,
}

/// Puts pages one behind the other and describes them. Their buffers go to `spare`.
pub fn write_chunk(spare: &mut Vec<Vec<u8>>, descriptor: &ColumnDescPtr, content: Content) -> Result<Chunk> {
    let Content {
        pages,
        layout,
        rows,
        codec,
        statistics,
        bloom_filter,
    } = content;
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
    let mut bytes = Vec::with_capacity(packed.min(raw) + 64 * pages.len());
    let mut uncompressed = 0;
    let mut dictionary_offset = None;
    let mut data_offset = None;
    for page in pages {
        let (offset, length) = (bytes.len(), page.raw.len());
        let (content, unused) = match page.packed {
            Some(packed) if codec != Codec::None => (packed, Some(page.raw)),
            packed => (page.raw, packed),
        };
        let (kind, encoding) = if page.is_dictionary {
            dictionary_offset = Some(offset as i64);
            (PageType::DICTIONARY_PAGE, Encoding::PLAIN)
        } else {
            data_offset.get_or_insert(offset as i64);
            (PageType::DATA_PAGE, data_encoding)
        };
        put_page(&mut bytes, kind, length, &content, page.values, encoding)?;
        uncompressed += bytes.len() - offset - content.len() + length;
        spare.push(content);
        spare.extend(unused);
    }
    let bytes = Bytes::from(bytes);

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
        .set_total_compressed_size(bytes.len() as i64)
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
