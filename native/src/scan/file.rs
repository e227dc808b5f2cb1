//! Segments as a scan sees them: what columns they have, where these stand, and within which bounds.

use crate::scan::column::{not_here, Place};
use crate::scan::page::Codec;
use crate::segment::column::ColumnType;
use crate::segment::named;
use crate::segment::{footer, general};
use crate::slot_index::directory::{Filter, Indexed};
use crate::slot_index::record::{Identity, Spans};
use crate::slot_index::INDEX_NAME;
use parquet::basic::{Compression, ConvertedType, LogicalType, Type as Physical};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::schema::types::ColumnDescriptor;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Column chunks whose description is kept from the first look to the scan; beyond, files are looked at again.
pub const KEPT_CHUNKS: usize = 100_000;

/// A column of the registry that a question needs.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub name: String,
    pub column_type: ColumnType,
    pub absent: u64,
    /// Every file has it.
    pub is_core: bool,
    /// Place of the column that the values are multiplied by.
    pub scaled_by: Option<usize>,
}

pub struct OpenFile {
    pub file: Arc<File>,
    pub metadata: Arc<ParquetMetaData>,
    pub identity: Identity,
}

/// What is known of a file before the scan.
pub struct Segment {
    pub path: PathBuf,
    pub rows: u64,
    pub groups: usize,
    pub columns: Arc<[String]>,
    /// None without rows.
    pub spans: Option<Spans>,
    /// Some row may have been counted by a sampler.
    pub is_sampled: bool,
    /// The state of the file that all this is of.
    pub identity: Identity,
    metadata: Option<Arc<ParquetMetaData>>,
    /// Where the index told all this; None where the file itself was looked at.
    pub filter: Option<Filter>,
}

impl Segment {
    /// What the index of its directory knows of a file.
    pub fn from_index(path: &Path, indexed: Indexed) -> Segment {
        let Indexed { entry, columns, filter } = indexed;
        Segment {
            path: path.to_path_buf(),
            rows: entry.rows,
            groups: entry.groups as usize,
            columns,
            spans: entry.spans,
            is_sampled: entry.is_sampled,
            identity: entry.identity,
            metadata: None,
            filter: Some(filter),
        }
    }

    /// Looks at the footer.
    pub fn look(path: &Path) -> Result<Segment> {
        Segment::of(path, &open(path)?)
    }

    pub fn of(path: &Path, open: &OpenFile) -> Result<Segment> {
        let metadata = open.metadata.clone();
        let file = metadata.file_metadata();
        let schema = file.schema_descr();
        if schema.root_schema().get_fields().len() != schema.num_columns() {
            return Err(named(path, &not_here("columns within columns")));
        }
        let columns = schema.columns().iter().map(|column| column.name().to_string());
        let spans = spans(&metadata).map_err(|cause| named(path, &cause))?;
        Ok(Segment {
            path: path.to_path_buf(),
            rows: file.num_rows() as u64,
            groups: metadata.num_row_groups(),
            spans,
            is_sampled: is_sampled(&metadata),
            columns: columns.collect(),
            identity: open.identity,
            metadata: Some(metadata),
            filter: None,
        })
    }

    pub fn chunks(&self) -> usize {
        self.groups * self.columns.len()
    }

    pub fn forget(&mut self) {
        self.metadata = None;
    }

    /// Opens the file if it is still the one that was looked at.
    pub fn open(&self) -> Result<OpenFile> {
        let open = match &self.metadata {
            None => open(&self.path)?,
            Some(metadata) => reopen(&self.path, metadata).map_err(|cause| named(&self.path, &cause))?,
        };
        let (metadata, file) = (&open.metadata, open.metadata.file_metadata());
        let wrong = if open.identity != self.identity {
            "the file was replaced while it was read; ask again".to_string()
        } else if (metadata.num_row_groups(), file.num_rows() as u64) != (self.groups, self.rows) {
            format!("{INDEX_NAME} says something else of it; remove that")
        } else {
            return Ok(open);
        };
        Err(named(&self.path, &general(&wrong)))
    }
}

fn reopen(path: &Path, metadata: &Arc<ParquetMetaData>) -> Result<OpenFile> {
    let file = File::open(path)?;
    Ok(OpenFile {
        identity: Identity::of(&file.metadata()?),
        file: Arc::new(file),
        metadata: metadata.clone(),
    })
}

pub fn open(path: &Path) -> Result<OpenFile> {
    let open = || {
        let file = File::open(path)?;
        let identity = Identity::of(&file.metadata()?);
        let metadata = footer::read(&file, identity.size)?;
        Ok(OpenFile {
            file: Arc::new(file),
            metadata: Arc::new(metadata),
            identity,
        })
    };
    open().map_err(|cause| named(path, &cause))
}

/// Place of each wanted column in the schema; None for one that the file does not have.
pub fn bind(metadata: &ParquetMetaData, wanted: &[Wanted]) -> Result<Vec<Option<usize>>> {
    let columns = metadata.file_metadata().schema_descr().columns();
    wanted
        .iter()
        .map(|want| {
            let Some(at) = columns.iter().position(|column| column.name() == want.name) else {
                // The general engine says what is wrong with a file without a core column.
                return if want.is_core {
                    Err(not_here("a core column is missing"))
                } else {
                    Ok(None)
                };
            };
            if !is_of_type(&columns[at], want.column_type) {
                return Err(not_here("a column of another type"));
            }
            Ok(Some(at))
        })
        .collect()
}

pub fn is_of_type(column: &ColumnDescriptor, column_type: ColumnType) -> bool {
    let is_utc = !matches!(column.logical_type_ref(), Some(LogicalType::Timestamp(time)) if !time.is_adjusted_to_u_t_c);
    let converted = column.converted_type();
    let right = match column_type {
        ColumnType::U8 => converted == ConvertedType::UINT_8,
        ColumnType::U16 => converted == ConvertedType::UINT_16,
        ColumnType::U32 => converted == ConvertedType::UINT_32,
        ColumnType::U64 => converted == ConvertedType::UINT_64,
        // Texts are for the general engine.
        ColumnType::Text => false,
        ColumnType::TimeMs => {
            is_utc && (converted == ConvertedType::TIMESTAMP_MILLIS || converted == ConvertedType::TIMESTAMP_MICROS)
        }
    };
    right
        && column.physical_type() == column_type.physical()
        && column.max_rep_level() == 0
        && column.max_def_level() <= 1
}

pub fn is_micros(column: &ColumnDescriptor) -> bool {
    column.converted_type() == ConvertedType::TIMESTAMP_MICROS
}

pub fn place(chunk: &ColumnChunkMetaData) -> Place {
    // `footer::read` has seen that these are numbers within the file.
    let (offset, length) = chunk.byte_range();
    let column = chunk.column_descr();
    Place {
        offset,
        length: length as usize,
        codec: match chunk.compression() {
            Compression::UNCOMPRESSED => Some(Codec::None),
            Compression::ZSTD(_) => Some(Codec::Zstd),
            Compression::LZ4_RAW => Some(Codec::Lz4),
            _ => None,
        },
        is_wide: column.physical_type() == Physical::INT64,
        is_optional: column.max_def_level() > 0,
        is_micros: is_micros(column),
    }
}

/// Least and most value of a column of a row group as its statistics have them, as they stand in the file.
pub fn bounds(chunk: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let statistics = chunk.statistics()?;
    if statistics.is_min_max_deprecated() || statistics.null_count_opt().is_some_and(|count| count > 0) {
        return None;
    }
    let word = |bytes: &[u8]| match bytes.len() {
        4 => Some(u64::from(u32::from_le_bytes(bytes.try_into().ok()?))),
        8 => Some(u64::from_le_bytes(bytes.try_into().ok()?)),
        _ => None,
    };
    let (least, most) = (word(statistics.min_bytes_opt()?)?, word(statistics.max_bytes_opt()?)?);
    if !is_micros(chunk.column_descr()) {
        return Some((least, most));
    }
    // Values that are no whole milliseconds are refused when they are read.
    Some((
        (least as i64).div_euclid(1000) as u64,
        (most as i64).div_euclid(1000) as u64,
    ))
}

/// Bounds of the times in a file.
fn spans(metadata: &ParquetMetaData) -> Result<Option<Spans>> {
    let columns = metadata.file_metadata().schema_descr().columns();
    let find = |name: &str| columns.iter().position(|column| column.name() == name);
    let (Some(first), Some(last)) = (find("first"), find("last")) else {
        return Err(not_here("no times"));
    };
    let mut spans: Option<Spans> = None;
    for group in metadata.row_groups().iter().filter(|group| group.num_rows() > 0) {
        let (Some(firsts), Some(lasts)) = (bounds(group.column(first)), bounds(group.column(last))) else {
            return Err(not_here("no statistics"));
        };
        let signed = |(least, most): (u64, u64)| (least as i64, most as i64);
        let (first, last) = (signed(firsts), signed(lasts));
        spans = Some(match spans {
            None => Spans { first, last },
            Some(of) => Spans {
                first: (of.first.0.min(first.0), of.first.1.max(first.1)),
                last: (of.last.0.min(last.0), of.last.1.max(last.1)),
            },
        });
    }
    Ok(spans)
}

/// Whether some row may have a sampling rate above 1, as statistics tell.
fn is_sampled(metadata: &ParquetMetaData) -> bool {
    let columns = metadata.file_metadata().schema_descr().columns();
    columns
        .iter()
        .position(|column| column.name() == "sampling")
        .is_some_and(|at| {
            let mut groups = metadata.row_groups().iter().filter(|group| group.num_rows() > 0);
            groups.any(|group| bounds(group.column(at)).is_none_or(|(_, most)| most > 1))
        })
}

/// Rows of a row group as a length in memory.
pub fn rows_of(metadata: &ParquetMetaData, group: usize) -> Result<usize> {
    let found = metadata.row_groups().get(group);
    let group = found.ok_or_else(|| general("no such row group"))?;
    usize::try_from(group.num_rows()).map_err(|_| general("the footer is damaged: number of rows"))
}
