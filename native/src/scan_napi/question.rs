//! Questions as JavaScript puts them, and what the scan makes of them.

use super::{cores, failure};
use crate::scan::file::Wanted;
use crate::scan::job::{Conversation, Counters, Cut, Job, Measure, Order, Part, Side};
use crate::scan::list::List;
use crate::scan::predicate::Predicate;
use crate::scan::Question;
use crate::segment::column::ColumnType;
use crate::segment_napi::column_type;
use napi::bindgen_prelude::*;
use napi_derive::napi;

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

fn invalid(what: &str) -> Error {
    Error::new(Status::InvalidArg, what.to_string())
}

pub(super) fn wanted(columns: Vec<ScanColumn>) -> Result<Vec<Wanted>> {
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

pub(super) fn question_of(given: ScanQuestion) -> Result<Question> {
    let columns = wanted(given.columns)?;
    let place = |column: u32| place(column, &columns);
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

fn place(column: u32, columns: &[Wanted]) -> Result<usize> {
    let place = column as usize;
    (place < columns.len())
        .then_some(place)
        .ok_or_else(|| invalid("no such column"))
}

fn job_of(job: ScanJob, columns: &[Wanted]) -> Result<Job> {
    let place = |column: u32| place(column, columns);
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
