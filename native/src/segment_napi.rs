mod given;

use crate::disk_threads_napi::on_disk_thread;
use crate::panics::{guarded, locked};
use crate::segment::column::{ColumnSpec, Values};
use crate::segment::encoders::GroupEncoder;
use crate::segment::file::DirectoryLock as Lock;
use crate::segment::merge::{info, merge, Info, Merged};
use crate::segment::stored::check_file;
use crate::segment::totals::{totals, TotalsSpec};
use crate::segment::{Options, SegmentWriter};
use crate::slot_index::halves::{note_written, take_written, Halves, MOST_NOTED};
pub use given::column_type;
use given::{options, specs, values, SegmentColumn, SegmentOptions, SegmentTotals};
use napi::bindgen_prelude::*;
use napi_derive::napi;
use parquet::errors::ParquetError;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

#[napi(object, object_from_js = false)]
pub struct SegmentInfo {
    pub rows: f64,
    pub row_groups: u32,
    pub bytes: f64,
    pub columns: Vec<String>,
    pub metadata: HashMap<String, String>,
}

pub fn describe(cause: &ParquetError) -> String {
    match cause {
        ParquetError::General(message) => message.clone(),
        ParquetError::External(cause) => cause.to_string(),
        cause => cause.to_string(),
    }
}

fn cannot_write(path: &Path, cause: &ParquetError) -> Error {
    Error::from_reason(format!("cannot write {}: {}", path.display(), describe(cause)))
}

fn cannot_read(cause: &ParquetError) -> Error {
    Error::from_reason(format!("cannot read segment {}", describe(cause)))
}

/// The writer, and whose turn it is: calls take effect in the order they were made, whichever thread runs first.
struct Shared {
    writer: Mutex<SegmentWriter>,
    turn: Mutex<u64>,
    turned: Condvar,
    group_encoder: GroupEncoder,
    /// What the index will ask of the rows, which are at hand now; None where it will not, or is to read them again.
    noted: Mutex<Option<Halves>>,
    path: PathBuf,
}

impl Shared {
    fn in_turn<T>(&self, ticket: u64, work: impl FnOnce(&mut SegmentWriter) -> Result<T>) -> Result<T> {
        // Tasks start in the order they were queued, so whoever waits here waits for one that is running.
        let mut turn = locked(&self.turn);
        while *turn != ticket {
            turn = self.turned.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        drop(turn);
        let result = guarded(|| work(&mut locked(&self.writer)));
        *locked(&self.turn) += 1;
        self.turned.notify_all();
        result
    }
}

#[napi(js_name = "SegmentWriter")]
pub struct JsSegmentWriter {
    shared: Arc<Shared>,
    /// Calls made so far. Not `&mut self`: a call that is under way still borrows the object.
    tickets: AtomicU64,
    bloom: Vec<String>,
    totals: Option<Arc<TotalsSpec>>,
}

#[napi]
impl JsSegmentWriter {
    #[napi(constructor)]
    pub fn new(path: String, mut options_given: SegmentOptions) -> Result<Self> {
        let totals = options_given
            .totals
            .take()
            .map(|SegmentTotals { by, sums, spans }| Arc::new(TotalsSpec { by, sums, spans }));
        let indexed = options_given.indexed == Some(true);
        let (options, bloom) = options(options_given)?;
        let path = PathBuf::from(path);
        let writer = SegmentWriter::create(&path, options).map_err(|cause| cannot_write(&path, &cause))?;
        let group_encoder = writer.group_encoder();
        let shared = Shared {
            writer: Mutex::new(writer),
            turn: Mutex::new(0),
            turned: Condvar::new(),
            group_encoder,
            noted: Mutex::new(indexed.then(Halves::default)),
            path,
        };
        Ok(JsSegmentWriter {
            shared: Arc::new(shared),
            tickets: AtomicU64::new(0),
            bloom,
            totals,
        })
    }

    fn ticket(&self) -> u64 {
        self.tickets.fetch_add(1, Ordering::Relaxed)
    }

    #[napi]
    pub fn append(&self, columns: Vec<SegmentColumn>, rows: u32) -> Result<AsyncTask<Append>> {
        let specs = specs(&columns, &self.bloom)?;
        Ok(AsyncTask::new(Append {
            shared: self.shared.clone(),
            ticket: self.ticket(),
            columns,
            specs,
            rows: rows as usize,
            totals: self.totals.clone(),
        }))
    }

    #[napi]
    pub fn finish<'env>(&self, env: &'env Env, metadata: Option<BTreeMap<String, String>>) -> Result<Object<'env>> {
        let shared = self.shared.clone();
        let ticket = self.ticket();
        let metadata = metadata.unwrap_or_default().into_iter().collect();
        on_disk_thread(env, move || {
            let written = shared.in_turn(ticket, |writer| {
                writer
                    .finish(metadata)
                    .map_err(|cause| cannot_write(&shared.path, &cause))
            })?;
            if let Some(halves) = locked(&shared.noted).take() {
                note_written(&written, halves);
            }
            Ok(written.len() as f64)
        })
    }

    #[napi]
    pub fn abort(&self) {
        locked(&self.shared.writer).abort();
    }
}

pub struct Append {
    shared: Arc<Shared>,
    ticket: u64,
    /// References that keep the arrays' memory alive; nothing is copied.
    columns: Vec<SegmentColumn>,
    specs: Vec<ColumnSpec>,
    rows: usize,
    totals: Option<Arc<TotalsSpec>>,
}

impl Task for Append {
    type Output = Vec<f64>;
    type JsValue = Float64Array;

    fn compute(&mut self) -> Result<Vec<f64>> {
        let Append {
            shared, specs, rows, ..
        } = &*self;
        let columns = self.columns.iter().zip(specs);
        let values: Vec<Values> = columns.map(|(column, spec)| values(column, spec)).collect();
        // Several row groups may be encoded at once; they are written in the order of the calls.
        let chunks = guarded(|| {
            let chunks = shared.group_encoder.encode(specs, &values, *rows)?;
            // The encoder has made sure that the columns hold so many rows.
            let mut noted = locked(&shared.noted);
            if let Some(halves) = &mut *noted {
                halves.add_rows(specs, &values, *rows);
            }
            noted.take_if(|halves| halves.count() > MOST_NOTED);
            Ok(chunks)
        });
        let totals = match (&chunks, &self.totals) {
            (Ok(_), Some(spec)) => guarded(|| Ok(totals(spec, specs, &values, *rows))),
            _ => Ok(Vec::new()),
        };
        shared.in_turn(self.ticket, |writer| {
            writer
                .append_encoded(specs, chunks)
                .map_err(|cause| cannot_write(&shared.path, &cause))
        })?;
        totals
    }

    fn resolve(&mut self, _: Env, totals: Vec<f64>) -> Result<Float64Array> {
        Ok(Float64Array::new(totals))
    }
}

fn info_object(info: Info) -> SegmentInfo {
    SegmentInfo {
        rows: info.rows as f64,
        row_groups: info.row_groups as u32,
        bytes: info.bytes as f64,
        columns: info.columns,
        metadata: info.metadata,
    }
}

pub struct Merge {
    inputs: Vec<PathBuf>,
    output: PathBuf,
    columns: Vec<ColumnSpec>,
    options: Options,
}

impl Merge {
    fn failed(cause: &ParquetError) -> Error {
        Error::from_reason(format!("cannot merge segments: {}", describe(cause)))
    }
}

impl Task for Merge {
    type Output = Merged;
    type JsValue = PromiseRaw<'static, SegmentInfo>;

    fn compute(&mut self) -> Result<Merged> {
        guarded(|| {
            // The index will be of the file that is made of them.
            for written in self.inputs.iter().filter_map(|path| std::fs::metadata(path).ok()) {
                take_written(&written);
            }
            merge(&self.inputs, &self.output, &self.columns, self.options.clone())
                .map_err(|cause| Merge::failed(&cause))
        })
    }

    fn resolve(&mut self, env: Env, merged: Merged) -> Result<Self::JsValue> {
        let published = on_disk_thread(&env, move || {
            guarded(|| merged.publish().map(info_object).map_err(|cause| Merge::failed(&cause)))
        })?;
        Ok(PromiseRaw::new(env.raw(), published.raw()))
    }
}

/// Joins whole segments into one, which appears under its name only when it is whole.
#[napi]
pub fn merge_segments(
    inputs: Vec<String>,
    output: String,
    columns: Vec<SegmentColumn>,
    options_given: SegmentOptions,
) -> Result<AsyncTask<Merge>> {
    let (options, bloom) = options(options_given)?;
    Ok(AsyncTask::new(Merge {
        inputs: inputs.into_iter().map(PathBuf::from).collect(),
        output: PathBuf::from(output),
        columns: specs(&columns, &bloom)?,
        options,
    }))
}

pub struct ReadInfo {
    path: PathBuf,
}

impl Task for ReadInfo {
    type Output = Info;
    type JsValue = SegmentInfo;

    fn compute(&mut self) -> Result<Info> {
        guarded(|| info(&self.path).map_err(|cause| cannot_read(&cause)))
    }

    fn resolve(&mut self, _: Env, info: Info) -> Result<SegmentInfo> {
        Ok(info_object(info))
    }
}

#[napi]
pub fn segment_info(path: String) -> AsyncTask<ReadInfo> {
    AsyncTask::new(ReadInfo {
        path: PathBuf::from(path),
    })
}

pub struct Check {
    path: PathBuf,
}

impl Task for Check {
    type Output = bool;
    type JsValue = bool;

    fn compute(&mut self) -> Result<bool> {
        guarded(|| check_file(&self.path).map_err(|cause| Error::from_reason(describe(&cause))))
    }

    fn resolve(&mut self, _: Env, is_sure: bool) -> Result<bool> {
        Ok(is_sure)
    }
}

/// Checks the pages of a file against their checksums; false when some have none.
#[napi]
pub fn check_segment(path: String) -> AsyncTask<Check> {
    AsyncTask::new(Check {
        path: PathBuf::from(path),
    })
}

/// Exclusive use of a directory until `release`, or until the process ends.
#[napi]
pub struct DirectoryLock {
    lock: Option<Lock>,
}

#[napi]
impl DirectoryLock {
    /// Takes the lock that the file stands for; throws when the file cannot be made.
    #[napi(constructor)]
    pub fn new(lock_file: String) -> Result<Self> {
        let lock = Lock::acquire(Path::new(&lock_file))
            .map_err(|cause| Error::from_reason(format!("cannot lock {lock_file}: {cause}")))?;
        Ok(DirectoryLock { lock })
    }

    /// False when somebody else has the directory.
    #[napi]
    pub fn held(&self) -> bool {
        self.lock.is_some()
    }

    #[napi]
    pub fn release(&mut self) {
        self.lock = None;
    }
}
