//! Parquet segments: row groups of flow columns, encoded in parallel and written to one file.

pub mod bits;
pub mod chunk;
pub mod column;
pub mod dictionary;
pub mod file;
pub mod merge;
mod merge_text;
pub mod totals;

use crate::segment::chunk::{Chunk, Codec, Encoder};
use crate::segment::column::{ColumnSpec, Values};
use crate::segment::file::PendingFile;
use parquet::basic::Compression;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{SchemaDescriptor, Type};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone)]
pub struct Options {
    pub codec: Codec,
    pub metadata: Vec<(String, String)>,
    /// Threads that encode one row group.
    pub threads: usize,
}

/// Row groups smaller than this are encoded by one thread: starting others would take longer.
const PARALLEL_ROWS: usize = 8192;
/// How a file that weir wrote begins to say so.
pub const CREATOR: &str = "weir version ";
const CREATED_BY: &str = concat!("weir version ", env!("CARGO_PKG_VERSION"));

pub struct SegmentWriter {
    pending: Option<PendingFile>,
    writer: Option<Writer>,
    options: Options,
    encoders: Vec<Mutex<Encoder>>,
}

struct Writer {
    file: SerializedFileWriter<PendingFile>,
    columns: Vec<ColumnSpec>,
    /// Row groups for which compression of a column need not be tried.
    untried: Vec<AtomicUsize>,
}

/// A column that compression did not make smaller is tried again after so many row groups.
const UNTRIED_GROUPS: usize = 7;
/// Chunks below say nothing about the next.
const TELLING_BYTES: usize = 4096;

impl Chunk {
    /// Whether compression was of no use to a chunk large enough to tell.
    fn is_stubborn(&self, codec: Codec) -> bool {
        codec != Codec::None
            && self.bytes.len() > TELLING_BYTES
            && self.close.metadata.compression() == Compression::UNCOMPRESSED
    }
}

impl SegmentWriter {
    pub fn create(path: &Path, options: Options) -> Result<SegmentWriter> {
        let encoders = (0..options.threads.max(1)).map(|_| Mutex::default()).collect();
        Ok(SegmentWriter {
            pending: Some(PendingFile::create(path)?),
            writer: None,
            options,
            encoders,
        })
    }

    /// The file in the making; the first call fixes its columns.
    fn writer(&mut self, columns: &[ColumnSpec]) -> Result<&mut Writer> {
        if let Some(pending) = self.pending.take() {
            self.writer = Some(Writer {
                file: SerializedFileWriter::new(pending, Arc::new(schema(columns)?), Arc::new(properties()))?,
                columns: columns.to_vec(),
                untried: columns.iter().map(|_| AtomicUsize::new(0)).collect(),
            });
        }
        match self.writer.as_mut() {
            None => Err(general("the segment was finished or failed before")),
            Some(writer) if writer.columns != columns => Err(general("every row group has the same columns")),
            Some(writer) => Ok(writer),
        }
    }

    /// Appends one row group. After an error the writer is of no more use and its file is gone.
    pub fn append(&mut self, columns: &[ColumnSpec], values: &[Values], rows: usize) -> Result<()> {
        let result = self.try_append(columns, values, rows);
        if result.is_err() {
            self.abort();
        }
        result
    }

    fn try_append(&mut self, columns: &[ColumnSpec], values: &[Values], rows: usize) -> Result<()> {
        self.writer(columns)?;
        if rows == 0 {
            return Ok(());
        }
        let chunks = self.encode(columns, values, rows)?;
        self.append_chunks(columns, chunks)
    }

    /// Appends one row group of column chunks that were encoded elsewhere.
    pub fn append_chunks(&mut self, columns: &[ColumnSpec], chunks: Vec<Chunk>) -> Result<()> {
        let mut group = self.writer(columns)?.file.next_row_group()?;
        for chunk in chunks {
            group.append_column(&chunk.bytes, chunk.close)?;
        }
        group.close()?;
        Ok(())
    }

    /// Descriptor of the file's columns, and the encoder for work outside `append`.
    pub fn encoder(&mut self, columns: &[ColumnSpec]) -> Result<(Arc<SchemaDescriptor>, &Mutex<Encoder>)> {
        let descriptor = Arc::new(SchemaDescriptor::new(Arc::new(schema(columns)?)));
        Ok((descriptor, &self.encoders[0]))
    }

    fn encode(&self, columns: &[ColumnSpec], values: &[Values], rows: usize) -> Result<Vec<Chunk>> {
        let descriptor = SchemaDescriptor::new(Arc::new(schema(columns)?));
        let codec = self.options.codec;
        let untried = self.writer.as_ref().map_or(&[][..], |writer| &writer.untried);
        let next = AtomicUsize::new(0);
        let done: Vec<Mutex<Option<Result<Chunk>>>> = columns.iter().map(|_| Mutex::new(None)).collect();
        let work = |encoder: &Mutex<Encoder>| {
            let mut encoder = encoder.lock().unwrap();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let (Some(spec), Some(values), Some(untried)) = (columns.get(at), values.get(at), untried.get(at))
                else {
                    return;
                };
                let wait = untried.load(Ordering::Relaxed);
                let tried = if wait == 0 { codec } else { Codec::None };
                let chunk = encoder.encode(spec, &descriptor.column(at), *values, rows, tried);
                if wait > 0 {
                    untried.store(wait - 1, Ordering::Relaxed);
                } else if chunk.as_ref().is_ok_and(|chunk| chunk.is_stubborn(codec)) {
                    untried.store(UNTRIED_GROUPS, Ordering::Relaxed);
                }
                *done[at].lock().unwrap() = Some(chunk);
            }
        };
        let helpers = if rows < PARALLEL_ROWS { 1 } else { self.encoders.len() };
        std::thread::scope(|scope| {
            for encoder in &self.encoders[1..helpers] {
                scope.spawn(|| work(encoder));
            }
            work(&self.encoders[0]);
        });
        done.into_iter()
            .map(|chunk| {
                chunk
                    .into_inner()
                    .unwrap()
                    .unwrap_or_else(|| Err(general("a column has no values")))
            })
            .collect()
    }

    /// Footer, then the file appears. Gives its size in bytes.
    pub fn finish(&mut self, metadata: Vec<(String, String)>) -> Result<u64> {
        let Some(mut writer) = self.writer.take() else {
            return Err(general("a segment without columns cannot be finished"));
        };
        for (key, value) in std::mem::take(&mut self.options.metadata).into_iter().chain(metadata) {
            writer.file.append_key_value_metadata(KeyValue::new(key, value));
        }
        // The object in JavaScript lives until it is collected; a store has thousands of them an hour.
        self.encoders.clear();
        writer.file.finish()?;
        Ok(writer.file.inner_mut().commit()?)
    }

    /// Removes the temporary file.
    pub fn abort(&mut self) {
        self.pending = None;
        self.writer = None;
        self.encoders.clear();
    }
}

pub fn general(message: &str) -> ParquetError {
    ParquetError::General(message.to_string())
}

fn schema(columns: &[ColumnSpec]) -> Result<Type> {
    let fields = columns
        .iter()
        .map(|column| column.parquet_type().map(Arc::new))
        .collect::<Result<Vec<_>>>()?;
    Type::group_type_builder("flows").with_fields(fields).build()
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by(CREATED_BY.to_string())
        // One page holds as many rows as a small row group: offsets of pages would index next to nothing.
        .set_offset_index_disabled(true)
        .build()
}

#[cfg(test)]
mod tests;
