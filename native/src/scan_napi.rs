use crate::scan::file::{Segment, Wanted, KEPT_CHUNKS};
use crate::scan::groups::Table;
use crate::scan::job::{Conversation, Counters, Cut, Job, Measure, Order, Part, Side};
use crate::scan::list::{fetch, List};
use crate::scan::predicate::Predicate;
use crate::scan::{guarded, look, run, Answer, Progress, Question};
use crate::segment_napi::{column_type, describe};
use napi::bindgen_prelude::*;
use napi_derive::napi;
use parquet::errors::ParquetError;
use std::path::PathBuf;
use std::sync::Arc;

#[napi(object, object_to_js = false)]
pub struct ScanColumn {
    pub name: String,
    pub r#type: String,
    pub absent: f64,
    pub core: bool,
    /// Place of the column that multiplies this one.
    pub scaled_by: Option<u32>,
}

/// Places in the list of columns.
#[napi(object, object_to_js = false)]
pub struct ScanCounters {
    pub flows: u32,
    pub packets: u32,
    pub octets: u32,
    pub out_packets: u32,
    pub out_octets: u32,
    pub first: u32,
    pub last: u32,
    pub tcp_flags: u32,
}

#[napi(object, object_to_js = false)]
pub struct ScanPart {
    /// The column of a number, or the high half of an address.
    pub column: u32,
    /// The low half of an address.
    pub lo: Option<u32>,
    /// Bits of an address that count: two words, low first, each for IPv4, and the high and low half of IPv6.
    pub cut: Option<Uint32Array>,
}

#[napi(object, object_to_js = false)]
pub struct ScanOrder {
    pub measure: String,
    pub side: String,
    pub ascending: bool,
}

#[napi(object, object_to_js = false)]
pub struct ScanJob {
    pub sides: Vec<Vec<ScanPart>>,
    pub extra: bool,
    pub skip_zero: bool,
    pub orders: Vec<ScanOrder>,
    pub top: u32,
    pub conversation: Option<ScanConversation>,
}

#[napi(object, object_to_js = false)]
pub struct ScanConversation {
    pub guesses: bool,
    pub has_out: bool,
}

#[napi(object, object_to_js = false)]
pub struct ScanList {
    pub rows: u32,
    /// None: the order of the files.
    pub order: Option<ScanOrder>,
    /// The row group to go on from: all rows of whole row groups, until there are so many.
    pub from: Option<u32>,
}

#[napi(object, object_to_js = false)]
pub struct ScanQuestion {
    pub columns: Vec<ScanColumn>,
    pub counters: ScanCounters,
    pub program: Uint32Array,
    pub jobs: Vec<ScanJob>,
    pub list: Option<ScanList>,
    pub threads: Option<u32>,
    pub megabytes: u32,
    pub aside_megabytes: u32,
}

/// What the files say about themselves.
#[napi(object, object_from_js = false)]
pub struct ScanSummary {
    pub columns: Vec<String>,
    pub rows: f64,
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

fn invalid(what: &str) -> Error {
    Error::new(Status::InvalidArg, what.to_string())
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

/// Segments, to which questions can be put.
#[napi]
pub struct FlowScan {
    segments: Arc<Vec<Segment>>,
    /// Of the question at hand.
    progress: Arc<Progress>,
}

pub struct Open {
    paths: Vec<PathBuf>,
}

impl Task for Open {
    type Output = Vec<Segment>;
    type JsValue = FlowScan;

    fn compute(&mut self) -> Result<Vec<Segment>> {
        look(&self.paths, cores(), KEPT_CHUNKS).map_err(failure)
    }

    fn resolve(&mut self, _: Env, segments: Vec<Segment>) -> Result<FlowScan> {
        Ok(FlowScan {
            segments: Arc::new(segments),
            progress: Arc::default(),
        })
    }
}

#[napi]
pub fn open_scan(paths: Vec<String>) -> AsyncTask<Open> {
    AsyncTask::new(Open {
        paths: paths.into_iter().map(PathBuf::from).collect(),
    })
}

#[napi]
impl FlowScan {
    #[napi]
    pub fn summary(&self) -> ScanSummary {
        let mut columns: Vec<String> = Vec::new();
        for segment in &*self.segments {
            for column in &segment.columns {
                if !columns.contains(column) {
                    columns.push(column.clone());
                }
            }
        }
        let spans = || self.segments.iter().filter_map(|segment| segment.span);
        ScanSummary {
            columns,
            rows: self.segments.iter().map(|segment| segment.rows).sum::<u64>() as f64,
            first_ms: spans().map(|(first, _)| first).min().unwrap_or(0) as f64,
            last_ms: spans().map(|(_, last)| last).max().unwrap_or(0) as f64,
            sampled: self.segments.iter().any(|segment| segment.is_sampled),
        }
    }

    /// What part of the row groups the question at hand has left behind, 0 to 1.
    #[napi]
    pub fn progress(&self) -> f64 {
        self.progress.share()
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
        run(&self.segments, &self.question, &self.progress).map_err(failure)
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

fn wanted(columns: Vec<ScanColumn>) -> Result<Vec<Wanted>> {
    let is_scaled: Vec<bool> = columns.iter().map(|column| column.scaled_by.is_some()).collect();
    let wanted = columns.into_iter().map(|column| {
        let scaled_by = column.scaled_by.map(|by| by as usize);
        if scaled_by.is_some_and(|by| is_scaled.get(by) != Some(&false)) {
            return Err(invalid("no such column to scale by"));
        }
        Ok(Wanted {
            column_type: column_type(&column.r#type)?,
            name: column.name,
            absent: column.absent as u64,
            is_core: column.core,
            scaled_by,
        })
    });
    wanted.collect()
}

fn question_of(given: ScanQuestion) -> Result<Question> {
    let columns = wanted(given.columns)?;
    let place = |column: u32| {
        let place = column as usize;
        (place < columns.len())
            .then_some(place)
            .ok_or_else(|| invalid("no such column"))
    };
    let counters = Counters {
        flows: place(given.counters.flows)?,
        packets: place(given.counters.packets)?,
        octets: place(given.counters.octets)?,
        out_packets: place(given.counters.out_packets)?,
        out_octets: place(given.counters.out_octets)?,
        first: place(given.counters.first)?,
        last: place(given.counters.last)?,
        tcp_flags: if given.jobs.iter().any(|job| job.extra) {
            Some(place(given.counters.tcp_flags)?)
        } else {
            None
        },
    };
    let jobs = given
        .jobs
        .into_iter()
        .map(|job| job_of(job, &columns))
        .collect::<Result<_>>()?;
    let list_of = |list: ScanList| -> Result<List> {
        let rows = list.rows as usize;
        Ok(match (list.order, list.from) {
            (Some(order), _) => List::Top(rows, order_of(order)?),
            (None, Some(_)) => List::Next(rows),
            (None, None) => List::First(rows),
        })
    };
    Ok(Question {
        from: given.list.as_ref().and_then(|list| list.from).unwrap_or(0) as usize,
        list: given.list.map(list_of).transpose()?,
        predicate: Predicate::parse(&given.program, columns.len()).map_err(failure)?,
        columns,
        counters,
        jobs,
        threads: given
            .threads
            .map_or_else(cores, |threads| threads.clamp(1, 256) as usize),
        bytes: (given.megabytes as usize) << 20,
        aside_bytes: (given.aside_megabytes as usize) << 20,
    })
}

fn job_of(job: ScanJob, columns: &[Wanted]) -> Result<Job> {
    use crate::segment::column::ColumnType;
    let place = |column: u32| {
        let place = column as usize;
        (place < columns.len())
            .then_some(place)
            .ok_or_else(|| invalid("no such column"))
    };
    let part = |part: ScanPart| -> Result<Part> {
        let column = place(part.column)?;
        let Some(lo) = part.lo else {
            return Ok(match columns[column].column_type {
                ColumnType::U8 => Part::Small { column, bits: 8 },
                ColumnType::U16 => Part::Small { column, bits: 16 },
                _ => Part::Number { column },
            });
        };
        let cut = part
            .cut
            .filter(|cut| cut.len() == 6)
            .ok_or_else(|| invalid("an address needs six words of bits"))?;
        let word = |at: usize| u64::from(cut[at]) | u64::from(cut[at + 1]) << 32;
        let cut = Cut {
            v4: word(0),
            v6_hi: word(2),
            v6_lo: word(4),
        };
        Ok(Part::Address {
            hi: column,
            lo: place(lo)?,
            cut,
        })
    };
    let sides = job
        .sides
        .into_iter()
        .map(|side| side.into_iter().map(part).collect::<Result<Vec<_>>>())
        .collect::<Result<Vec<_>>>()?;
    let kinds = |side: &[Part]| -> Vec<_> {
        let kind = |part: &Part| match part {
            Part::Small { bits, .. } => *bits,
            Part::Number { .. } => 32,
            Part::Address { .. } => 128,
        };
        side.iter().map(kind).collect()
    };
    if sides.is_empty() || sides.iter().any(|side| kinds(side) != kinds(&sides[0])) {
        return Err(invalid("sides of a job have different parts"));
    }
    let conversation = job
        .conversation
        .map(|ScanConversation { guesses, has_out }| Conversation { guesses, has_out });
    if conversation.is_some() && !Conversation::is_of(&sides) {
        return Err(invalid("conversations have five parts"));
    }
    Ok(Job {
        sides,
        conversation,
        extra: job.extra,
        skip_zero: job.skip_zero,
        orders: job.orders.into_iter().map(order_of).collect::<Result<_>>()?,
        top: job.top as usize,
    })
}

fn order_of(order: ScanOrder) -> Result<Order> {
    Ok(Order {
        measure: match order.measure.as_str() {
            "flows" => Measure::Flows,
            "packets" => Measure::Packets,
            "bytes" => Measure::Octets,
            "pps" => Measure::PacketsASecond,
            "bps" => Measure::BitsASecond,
            "bpp" => Measure::OctetsAPacket,
            "tstart" => Measure::First,
            "tend" => Measure::Last,
            "duration" => Measure::Duration,
            "position" => Measure::Position,
            _ => return Err(invalid("no such order")),
        },
        side: match order.side.as_str() {
            "in" => Side::In,
            "out" => Side::Out,
            _ => Side::Both,
        },
        ascending: order.ascending,
    })
}
