mod question;

use crate::panics::guarded;
use crate::scan::archive::look_below;
use crate::scan::file::{Segment, Wanted, KEPT_CHUNKS};
use crate::scan::groups::Table;
use crate::scan::list::fetch;
use crate::scan::look::look;
use crate::scan::prune::files_out;
use crate::scan::{run, Answer, Progress, Question};
use crate::segment_napi::describe;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use parquet::errors::ParquetError;
use question::{question_of, wanted, ScanColumn, ScanQuestion};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// What the files say about themselves.
#[napi(object, object_from_js = false)]
#[derive(Clone)]
pub struct ScanSummary {
    pub columns: Vec<String>,
    pub files: u32,
    pub rows: f64,
    pub octets: f64,
    pub first_ms: f64,
    pub last_ms: f64,
    pub sampled: bool,
}

/// 64-bit numbers are two words a row, low word first.
#[napi(object, object_from_js = false)]
pub struct ScanTable {
    pub rows: u32,
    /// For each part of the key its high and its low half.
    pub keys: Vec<Uint32Array>,
    pub flows: Uint32Array,
    pub packets: Uint32Array,
    pub octets: Uint32Array,
    pub out_packets: Uint32Array,
    pub out_octets: Uint32Array,
    pub first: Uint32Array,
    pub last: Uint32Array,
    pub tcp_flags: Uint16Array,
    /// Of each group's first row.
    pub positions: Uint32Array,
    /// 1 where a guess turned a conversation.
    pub turned: Uint8Array,
}

#[napi(object, object_from_js = false)]
pub struct ScanAnswer {
    /// Rows, flows, packets, octets, first, last as words.
    pub totals: Uint32Array,
    pub tables: Vec<Vec<ScanTable>>,
    pub positions: Uint32Array,
    /// The row group from which the list goes on.
    pub next: Option<u32>,
}

/// Questions for the general engine are told from failures by their status.
fn failure(cause: ParquetError) -> Error {
    match cause {
        ParquetError::NYI(what) => Error::new(Status::Cancelled, what),
        cause => Error::new(Status::GenericFailure, describe(&cause)),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn summarize(segments: &[Segment]) -> ScanSummary {
    let mut columns: Vec<String> = Vec::new();
    let mut last: Option<&Arc<[String]>> = None;
    for segment in segments {
        // Files of a directory share their list where it is the same.
        if last.is_some_and(|last| Arc::ptr_eq(last, &segment.columns)) {
            continue;
        }
        last = Some(&segment.columns);
        for column in &*segment.columns {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
    }
    let spans = || segments.iter().filter_map(|segment| segment.spans);
    ScanSummary {
        columns,
        files: segments.len() as u32,
        // Footers may say anything; whole numbers do not overflow here.
        rows: segments.iter().map(|segment| segment.rows as f64).sum(),
        octets: segments.iter().map(|segment| segment.identity.size as f64).sum(),
        first_ms: spans().map(|spans| spans.first.0).min().unwrap_or(0) as f64,
        last_ms: spans().map(|spans| spans.last.1).max().unwrap_or(0) as f64,
        sampled: segments.iter().any(|segment| segment.is_sampled),
    }
}

/// Segments, to which questions can be put.
#[napi]
pub struct FlowScan {
    segments: Arc<Vec<Segment>>,
    summary: ScanSummary,
    /// Where they were searched for in directories.
    directories: Vec<String>,
    /// Of the question at hand.
    progress: Arc<Progress>,
}

impl FlowScan {
    /// For the threads that look: to go through thousands of files is nothing for the one of JavaScript.
    fn of(segments: Vec<Segment>, directories: &[PathBuf]) -> FlowScan {
        let names = directories.iter().map(|path| path.to_string_lossy().into_owned());
        FlowScan {
            summary: summarize(&segments),
            segments: Arc::new(segments),
            directories: names.collect(),
            progress: Arc::default(),
        }
    }
}

pub struct Open {
    paths: Vec<PathBuf>,
}

impl Task for Open {
    type Output = FlowScan;
    type JsValue = FlowScan;

    fn compute(&mut self) -> Result<FlowScan> {
        let segments = guarded(|| look(&self.paths, cores(), KEPT_CHUNKS)).map_err(failure)?;
        Ok(FlowScan::of(segments, &[]))
    }

    fn resolve(&mut self, _: Env, scan: FlowScan) -> Result<FlowScan> {
        Ok(scan)
    }
}

#[napi]
pub fn open_scan(paths: Vec<String>) -> AsyncTask<Open> {
    AsyncTask::new(Open {
        paths: paths.into_iter().map(PathBuf::from).collect(),
    })
}

pub struct OpenBelow {
    directory: PathBuf,
    stop: Arc<AtomicBool>,
}

impl Task for OpenBelow {
    type Output = Option<FlowScan>;
    type JsValue = Option<FlowScan>;

    fn compute(&mut self) -> Result<Option<FlowScan>> {
        let looked = guarded(|| look_below(&self.stop, &self.directory, cores(), KEPT_CHUNKS)).map_err(failure)?;
        Ok(looked.map(|archive| FlowScan::of(archive.segments, &archive.directories)))
    }

    fn resolve(&mut self, _: Env, scan: Option<FlowScan>) -> Result<Option<FlowScan>> {
        Ok(scan)
    }
}

/// Looks at all flow files below a directory; undefined where they have to be chosen by more than their names.
#[napi]
pub fn open_scan_below(directory: String, signal: Option<AbortSignal>) -> AsyncTask<OpenBelow> {
    let stop = Arc::new(AtomicBool::new(false));
    if let Some(signal) = &signal {
        let stop = stop.clone();
        signal.on_abort(move || stop.store(true, Ordering::Relaxed));
    }
    let directory = PathBuf::from(directory);
    AsyncTask::with_optional_signal(OpenBelow { directory, stop }, signal)
}

#[napi]
impl FlowScan {
    /// The files, in the order of positions.
    #[napi]
    pub fn paths(&self) -> Vec<String> {
        self.segments.iter().map(path_of).collect()
    }

    /// Directories that the files are in.
    #[napi]
    pub fn directories(&self) -> Vec<String> {
        self.directories.clone()
    }

    #[napi]
    pub fn summary(&self) -> ScanSummary {
        self.summary.clone()
    }

    /// What part of the row groups the question at hand has left behind, 0 to 1.
    #[napi]
    pub fn progress(&self) -> f64 {
        self.progress.share()
    }

    /// The files, in the same order, without those that the index of their directory rules out for a question's filter.
    #[napi]
    pub fn paths_left(&self, question: ScanQuestion) -> Result<AsyncTask<Left>> {
        Ok(AsyncTask::new(Left {
            segments: self.segments.clone(),
            question: question_of(question)?,
        }))
    }

    /// Values of columns in the rows at `positions`, as words.
    #[napi]
    pub fn fetch(&self, columns: Vec<ScanColumn>, positions: Uint32Array) -> Result<AsyncTask<Fetch>> {
        let positions = positions.as_chunks::<2>().0.iter();
        Ok(AsyncTask::new(Fetch {
            segments: self.segments.clone(),
            columns: wanted(columns)?,
            positions: positions
                .map(|[low, high]| u64::from(*low) | u64::from(*high) << 32)
                .collect(),
        }))
    }

    #[napi]
    pub fn run(&self, question: ScanQuestion) -> Result<AsyncTask<Run>> {
        Ok(AsyncTask::new(Run {
            segments: self.segments.clone(),
            question: question_of(question)?,
            progress: self.progress.clone(),
        }))
    }
}

/// Paths of the files that may have rows which pass a question's filter.
pub struct Left {
    segments: Arc<Vec<Segment>>,
    question: Question,
}

impl Task for Left {
    type Output = Vec<bool>;
    type JsValue = Vec<String>;

    fn compute(&mut self) -> Result<Vec<bool>> {
        guarded(|| Ok(files_out(&self.segments, &self.question))).map_err(failure)
    }

    fn resolve(&mut self, _: Env, is_out: Vec<bool>) -> Result<Vec<String>> {
        let left = self.segments.iter().zip(is_out).filter(|(_, is_out)| !is_out);
        Ok(left.map(|(segment, _)| path_of(segment)).collect())
    }
}

fn path_of(segment: &Segment) -> String {
    segment.path.to_string_lossy().into_owned()
}

pub struct Fetch {
    segments: Arc<Vec<Segment>>,
    columns: Vec<Wanted>,
    positions: Vec<u64>,
}

impl Task for Fetch {
    type Output = Vec<Vec<u64>>;
    type JsValue = Vec<Uint32Array>;

    fn compute(&mut self) -> Result<Vec<Vec<u64>>> {
        guarded(|| fetch(&self.segments, &self.columns, &self.positions)).map_err(failure)
    }

    fn resolve(&mut self, _: Env, columns: Vec<Vec<u64>>) -> Result<Vec<Uint32Array>> {
        Ok(columns.into_iter().map(|column| words(column.into_iter())).collect())
    }
}

pub struct Run {
    segments: Arc<Vec<Segment>>,
    question: Question,
    progress: Arc<Progress>,
}

impl Task for Run {
    type Output = Answer;
    type JsValue = ScanAnswer;

    fn compute(&mut self) -> Result<Answer> {
        guarded(|| run(&self.segments, &self.question, &self.progress)).map_err(failure)
    }

    fn resolve(&mut self, _: Env, answer: Answer) -> Result<ScanAnswer> {
        let totals = answer.totals;
        let least = |sum: u128| u64::try_from(sum).unwrap_or(u64::MAX);
        let none = totals.rows == 0;
        let numbers = [
            totals.rows,
            least(totals.flows),
            least(totals.packets),
            least(totals.octets),
            if none { 0 } else { totals.first as u64 },
            if none { 0 } else { totals.last as u64 },
        ];
        Ok(ScanAnswer {
            totals: words(numbers.into_iter()),
            tables: answer
                .tables
                .iter()
                .map(|tables| tables.iter().map(table_object).collect())
                .collect(),
            next: answer.next.and_then(|next| u32::try_from(next).ok()),
            positions: words(answer.positions.into_iter()),
        })
    }
}

fn words(numbers: impl Iterator<Item = u64>) -> Uint32Array {
    Uint32Array::new(
        numbers
            .flat_map(|number| [number as u32, (number >> 32) as u32])
            .collect(),
    )
}

fn table_object(table: &Table) -> ScanTable {
    let sums = || table.sums.iter();
    ScanTable {
        rows: table.sums.len() as u32,
        keys: table
            .keys
            .iter()
            .flat_map(|keys| {
                let halves = [64, 0].map(|shift| words(keys.iter().map(|key| (key >> shift) as u64)));
                halves.into_iter()
            })
            .collect(),
        flows: words(sums().map(|sums| sums.flows)),
        packets: words(sums().map(|sums| sums.packets)),
        octets: words(sums().map(|sums| sums.octets)),
        out_packets: words(sums().map(|sums| sums.out_packets)),
        out_octets: words(sums().map(|sums| sums.out_octets)),
        first: words(sums().map(|sums| sums.first as u64)),
        last: words(sums().map(|sums| sums.last as u64)),
        tcp_flags: Uint16Array::new(table.extra.iter().map(|extra| extra.tcp_flags as u16).collect()),
        positions: words(table.extra.iter().map(|extra| extra.position)),
        turned: Uint8Array::new(table.extra.iter().map(|extra| u8::from(extra.is_turned)).collect()),
    }
}
