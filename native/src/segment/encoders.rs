//! Encoders that are not in use, shared by all segments of the process.

use crate::panics::locked;
use crate::segment::chunk::{Chunk, Codec, Encoder};
use crate::segment::column::{ColumnSpec, Values};
use crate::segment::{general, schema};
use parquet::basic::Compression;
use parquet::errors::Result;
use parquet::schema::types::SchemaDescriptor;
use std::sync::{Arc, Mutex};

/// A store makes a segment every other second, and there may be a thousand stores: working memory that is there already
/// costs neither page faults nor megabytes for each of them.
static SPARE: Mutex<Vec<Encoder>> = Mutex::new(Vec::new());
/// As many as Node.js has threads for such work.
const MOST_SPARE: usize = 4;
/// Working memory of one that is worth keeping; large texts take more.
const MOST_BYTES: usize = 16 << 20;

/// Lends an encoder; one whose user panics is not used again.
pub fn with_encoder<T>(work: impl FnOnce(&mut Encoder) -> T) -> T {
    let mut encoder = locked(&SPARE).pop().unwrap_or_default();
    let result = work(&mut encoder);
    let mut spare = locked(&SPARE);
    if spare.len() < MOST_SPARE && encoder.held_bytes() <= MOST_BYTES {
        spare.push(encoder);
    }
    result
}

/// A column that compression did not make smaller is tried again after so many row groups.
const UNTRIED_GROUPS: usize = 7;
/// Chunks below say nothing about the next.
const TELLING_BYTES: usize = 4096;

/// Encodes row groups of one segment, on as many threads as call it.
#[derive(Clone)]
pub struct GroupEncoder {
    codec: Codec,
    /// For each column the row groups for which compression need not be tried.
    untried: Arc<Mutex<Vec<usize>>>,
}

impl GroupEncoder {
    pub fn new(codec: Codec) -> GroupEncoder {
        GroupEncoder {
            codec,
            untried: Arc::default(),
        }
    }

    /// Encodes the first `rows` rows of each column; no chunks when there are none.
    pub fn encode(&self, columns: &[ColumnSpec], values: &[Values], rows: usize) -> Result<Vec<Chunk>> {
        if rows == 0 {
            return Ok(Vec::new());
        }
        if columns.len() != values.len() {
            return Err(general("a column has no values"));
        }
        let descriptor = SchemaDescriptor::new(Arc::new(schema(columns)?));
        let codecs = self.codecs(columns.len());
        let chunks = with_encoder(|encoder| {
            let columns = columns.iter().zip(values).zip(&codecs).enumerate();
            columns
                .map(|(at, ((spec, values), &codec))| {
                    encoder.encode(spec, &descriptor.column(at), *values, rows, codec)
                })
                .collect::<Result<Vec<Chunk>>>()
        })?;
        let mut untried = locked(&self.untried);
        for ((wait, chunk), &tried) in untried.iter_mut().zip(&chunks).zip(&codecs) {
            if tried != Codec::None && is_stubborn(chunk) {
                *wait = UNTRIED_GROUPS;
            }
        }
        Ok(chunks)
    }

    /// What to try for each column of the next row group.
    fn codecs(&self, columns: usize) -> Vec<Codec> {
        let mut untried = locked(&self.untried);
        untried.resize(columns, 0);
        let codecs = untried.iter_mut().map(|wait| {
            if *wait == 0 {
                return self.codec;
            }
            *wait -= 1;
            Codec::None
        });
        codecs.collect()
    }
}

/// Whether compression was of no use to a chunk large enough to tell.
fn is_stubborn(chunk: &Chunk) -> bool {
    chunk.bytes.len() > TELLING_BYTES && chunk.close.metadata.compression() == Compression::UNCOMPRESSED
}
