//! Joins segments: large row groups are copied as they are, small ones decoded and put together.

use crate::segment::chunk::{Chunk, Codec};
use crate::segment::column::{ColumnSpec, ColumnType, Values};
use crate::segment::encoders::with_encoder;
use crate::segment::file::PendingFile;
use crate::segment::merge_text::JoinedTexts;
use crate::segment::stored::StoredChunk;
use crate::segment::{footer, general, named, schema, Options, SegmentWriter};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::SchemaDescriptor;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Row groups of so many rows are copied without a look inside.
const COPY_ROWS: u64 = 49_152;
/// Rows of a row group made of small ones.
const JOINED_ROWS: u64 = 262_144;
/// Small row groups that are read at once, which bounds open files.
const JOINED_GROUPS: usize = 256;

/// What a segment says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    pub rows: u64,
    pub row_groups: usize,
    pub bytes: u64,
    pub columns: Vec<String>,
    pub metadata: HashMap<String, String>,
}

/// A file with its name in every error.
struct Input {
    path: PathBuf,
    file: File,
    metadata: ParquetMetaData,
}

impl Input {
    fn open(path: &Path) -> Result<Input> {
        Input::try_open(path).map_err(|cause| named(path, &cause))
    }

    fn try_open(path: &Path) -> Result<Input> {
        let file = File::open(path)?;
        Ok(Input {
            path: path.to_path_buf(),
            metadata: footer::read(&file, file.metadata()?.len())?,
            file,
        })
    }

    fn read(&self, group: usize, column: usize) -> Result<StoredChunk> {
        StoredChunk::read(&self.file, self.metadata.row_group(group).column(column))
    }
}

pub fn info(path: &Path) -> Result<Info> {
    let input = Input::open(path)?;
    let bytes = std::fs::metadata(path)
        .map_err(|cause| named(path, &cause.into()))?
        .len();
    Ok(info_of(&input.metadata, bytes))
}

fn info_of(metadata: &ParquetMetaData, bytes: u64) -> Info {
    let file = metadata.file_metadata();
    Info {
        rows: file.num_rows() as u64,
        row_groups: metadata.num_row_groups(),
        bytes,
        columns: file
            .schema_descr()
            .columns()
            .iter()
            .map(|column| column.name().to_string())
            .collect(),
        metadata: file
            .key_value_metadata()
            .into_iter()
            .flatten()
            .map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default()))
            .collect(),
    }
}

/// Small row groups that wait until there are enough rows.
#[derive(Default)]
struct Waiting {
    /// Each with the number of the row group in its file.
    groups: Vec<(std::rc::Rc<Input>, usize)>,
    rows: u64,
}

/// A segment that is whole but for its name.
#[derive(Debug)]
pub struct Merged {
    file: PendingFile,
}

impl Merged {
    /// Makes the segment durable, and visible under its name.
    pub fn publish(mut self) -> Result<Info> {
        let committed = self.file.commit();
        let path = self.file.path();
        committed.map_err(|cause| named(path, &cause.into()))?;
        info(path)
    }
}

/// Writes every row of `inputs`, in their order, for `output`. Columns that an input does not have are `absent` there;
/// columns that `columns` does not name are an error, since their values would be lost.
pub fn merge(inputs: &[PathBuf], output: &Path, columns: &[ColumnSpec], options: Options) -> Result<Merged> {
    let codec = options.codec;
    let mut writer = SegmentWriter::create(output, options).map_err(|cause| named(output, &cause))?;
    writer
        .append(columns, &vec![Values::Absent; columns.len()], 0)
        .map_err(|cause| named(output, &cause))?;
    let mut merger = Merger {
        writer,
        columns,
        output,
        codec,
    };
    let mut waiting = Waiting::default();
    for path in inputs {
        let input = std::rc::Rc::new(Input::open(path)?);
        merger.check_columns(&input)?;
        for (number, group) in input.metadata.row_groups().iter().enumerate() {
            let rows = group.num_rows() as u64;
            if rows >= COPY_ROWS {
                merger.join(&mut waiting)?;
                merger.copy(&input, number)?;
                continue;
            }
            if waiting.rows + rows > JOINED_ROWS || waiting.groups.len() == JOINED_GROUPS {
                merger.join(&mut waiting)?;
            }
            waiting.rows += rows;
            waiting.groups.push((input.clone(), number));
        }
    }
    merger.join(&mut waiting)?;
    let closed = merger.writer.close(Vec::new());
    let file = closed.map_err(|cause| named(output, &cause))?;
    Ok(Merged { file })
}

struct Merger<'a> {
    writer: SegmentWriter,
    columns: &'a [ColumnSpec],
    output: &'a Path,
    codec: Codec,
}

impl Merger<'_> {
    fn check_columns(&self, input: &Input) -> Result<()> {
        for column in input.metadata.file_metadata().schema_descr().columns() {
            let known = self.columns.iter().find(|spec| spec.name == column.name());
            let same = known.is_some_and(|spec| {
                spec.parquet_type().is_ok_and(|wanted| wanted == *column.self_type()) && column.max_def_level() == 0
            });
            if !same {
                let what = if known.is_some() {
                    "is of another type"
                } else {
                    "is not known"
                };
                let message = format!("column {} {what}", column.name());
                return Err(named(&input.path, &general(&message)));
            }
        }
        Ok(())
    }

    fn append(&mut self, chunks: Vec<Chunk>) -> Result<()> {
        self.writer
            .append_chunks(self.columns, chunks)
            .map_err(|cause| named(self.output, &cause))
    }

    /// Copies a row group without decoding it.
    fn copy(&mut self, input: &Input, number: usize) -> Result<()> {
        let group = input.metadata.row_group(number);
        let rows = group.num_rows() as usize;
        let mut chunks = Vec::with_capacity(self.columns.len());
        for (at, spec) in self.columns.iter().enumerate() {
            let chunk = match position(group, &spec.name) {
                Some(there) => copy_chunk(input, number, there).map_err(|cause| named(&input.path, &cause))?,
                None => self.encode(at, Values::Absent, rows)?,
            };
            chunks.push(chunk);
        }
        self.append(chunks)
    }

    /// Puts the waiting row groups together into one.
    fn join(&mut self, waiting: &mut Waiting) -> Result<()> {
        let Waiting { groups, rows } = std::mem::take(waiting);
        if rows == 0 {
            return Ok(());
        }
        let rows = rows as usize;
        let mut chunks = Vec::with_capacity(self.columns.len());
        let mut values: Vec<u64> = Vec::with_capacity(rows);
        for (at, spec) in self.columns.iter().enumerate() {
            if spec.column_type == ColumnType::Text {
                chunks.push(self.join_texts(&groups, at, rows)?);
                continue;
            }
            values.clear();
            for (input, number) in &groups {
                let group = input.metadata.row_group(*number);
                let end = values.len() + group.num_rows() as usize;
                match position(group, &spec.name) {
                    None => values.resize(end, spec.absent),
                    Some(there) => input
                        .read(*number, there)
                        .and_then(|stored| read_column(&stored, end, &mut values))
                        .map_err(|cause| named(&input.path, &cause))?,
                }
            }
            chunks.push(self.encode(at, Values::Raw(&values), rows)?);
        }
        self.append(chunks)
    }

    fn join_texts(&mut self, groups: &[(std::rc::Rc<Input>, usize)], at: usize, rows: usize) -> Result<Chunk> {
        let mut texts = JoinedTexts::default();
        for (input, number) in groups {
            let group = input.metadata.row_group(*number);
            let more = group.num_rows() as usize;
            match position(group, &self.columns[at].name) {
                None => texts.add_empty(more),
                Some(there) => input
                    .read(*number, there)
                    .and_then(|stored| texts.read(&stored, more))
                    .map_err(|cause| named(&input.path, &cause))?,
            }
        }
        self.encode(at, texts.values(), rows)
    }

    fn encode(&mut self, at: usize, values: Values, rows: usize) -> Result<Chunk> {
        let codec = self.codec;
        let descriptor = SchemaDescriptor::new(Arc::new(schema(self.columns)?));
        with_encoder(|encoder| encoder.encode(&self.columns[at], &descriptor.column(at), values, rows, codec))
    }
}

fn position(group: &RowGroupMetaData, name: &str) -> Option<usize> {
    group
        .columns()
        .iter()
        .position(|column| column.column_descr().name() == name)
}

fn copy_chunk(input: &Input, group: usize, column: usize) -> Result<Chunk> {
    let described = input.metadata.row_group(group).column(column);
    let bloom_filter = Sbbf::read_from_column_chunk(described, &input.file)?;
    // The writer finds the pages by their distance from the chunk's start.
    let StoredChunk { bytes, metadata } = input.read(group, column)?;
    Ok(Chunk {
        close: ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: metadata.num_values() as u64,
            metadata,
            bloom_filter,
            column_index: None,
            offset_index: None,
        },
        bytes,
    })
}

/// Appends a column's values until there are `end`.
fn read_column(stored: &StoredChunk, end: usize, values: &mut Vec<u64>) -> Result<()> {
    if !stored.read_numbers(end - values.len(), values)? {
        return Err(general("a column is of a type that weir does not write"));
    }
    if values.len() != end {
        return Err(general("a column ends before its row group"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
