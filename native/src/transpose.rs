//! Data sets of flow records, whose fields stand one after another, into columns: plain copies by a compiled program. What
//! a record means, and which copies that takes, is decided by whoever makes the program.

use crate::layout::{layout, Layout};

/// Cells of a step: what to do, the column written (of an IPv4 address its low half), where the field stands in a record,
/// and its octets.
pub const STEP_CELLS: usize = 4;
/// Cells of a run of records: first step and the one behind the last; first octet, octets a record, records; first row;
/// export time and uptime of the header, time of receipt (milliseconds).
pub const RUN_CELLS: usize = 9;

const OP_8_TO_8: u32 = 0;
const OP_8_TO_16: u32 = 1;
const OP_16_TO_16: u32 = 2;
const OP_8_TO_32: u32 = 3;
const OP_16_TO_32: u32 = 4;
const OP_32_TO_32: u32 = 5;
const OP_32_TO_64: u32 = 6;
const OP_64_TO_64: u32 = 7;
const OP_ANY_TO_8: u32 = 8;
const OP_ANY_TO_16: u32 = 9;
const OP_ANY_TO_32: u32 = 10;
const OP_ANY_TO_64: u32 = 11;
const OP_V4_ADDRESS: u32 = 12;
const OP_UPTIME: u32 = 14;
const OP_MILLISECONDS: u32 = 15;
const OP_RECEIVED: u32 = 17;
const OP_EXPORTED: u32 = 18;
/// 64 bits of 0, where the column is given.
const OP_ZERO: u32 = 19;
/// Ports of ICMP records. Takes three steps: protocol, source and destination port (columns); then two that have the fields
/// of the type, the code and both together, first for ICMP, then for ICMPv6: place in the record + octets * 65536, or 2^32 - 1.
const OP_ICMP: u32 = 36;
const ICMP_STEPS: usize = 3;
const NO_FIELD: u32 = u32::MAX;

/// Every constant by name, for the test on the other side.
pub const LAYOUT: Layout = layout![
    STEP_CELLS,
    RUN_CELLS,
    OP_8_TO_8,
    OP_8_TO_16,
    OP_16_TO_16,
    OP_8_TO_32,
    OP_16_TO_32,
    OP_32_TO_32,
    OP_32_TO_64,
    OP_64_TO_64,
    OP_ANY_TO_8,
    OP_ANY_TO_16,
    OP_ANY_TO_32,
    OP_ANY_TO_64,
    OP_V4_ADDRESS,
    OP_UPTIME,
    OP_MILLISECONDS,
    OP_RECEIVED,
    OP_EXPORTED,
    OP_ZERO,
    OP_ICMP,
    ICMP_STEPS,
    NO_FIELD,
];

/// High word of an IPv4 address in a low half: ::ffff:a.b.c.d.
pub const V4_MAPPED_WORD: u32 = 0xffff;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
/// High word of milliseconds beyond what a date can hold; such a time counts as not known.
const END_OF_TIME_HIGH: u32 = 2_011_656;

/// One column of a batch; 64 bits are two words a row, low word first.
pub enum Column<'a> {
    U8(&'a mut [u8]),
    U16(&'a mut [u16]),
    U32(&'a mut [u32]),
    F64(&'a mut [f64]),
}

/// What the records of a run have in common.
struct Run<'a> {
    /// First step and the one behind the last.
    steps: (usize, usize),
    /// Among all runs of the call.
    number: u32,
    records: &'a [u8],
    stride: usize,
    count: usize,
    row: usize,
    export_ms: f64,
    uptime_ms: u32,
    received_ms: f64,
}

/// Runs whose records fit the first-level cache: a step is carried out for all of them that have it before the next is
/// begun, so that little is done for each run alone, of which some have few records.
const RUNS_TOGETHER: usize = 16;

/// Carries out `runs`. Gives pairs of the number of a run and how many of its ICMP records had type and code in the source
/// port. An error names what does not lie within its memory; rows of the runs around it may then be half written.
pub fn transpose(
    bytes: &[u8],
    steps: &[u32],
    runs: &[f64],
    columns: &mut [Option<Column>],
) -> Result<Vec<u32>, String> {
    let mut swapped = Vec::new();
    let (steps, _) = steps.as_chunks::<STEP_CELLS>();
    let (runs, _) = runs.as_chunks::<RUN_CELLS>();
    let mut together: Vec<Run> = Vec::with_capacity(RUNS_TOGETHER);
    for (group, cells) in runs.chunks(RUNS_TOGETHER).enumerate() {
        together.clear();
        for (at, cells) in cells.iter().enumerate() {
            together.push(Run::new((group * RUNS_TOGETHER + at) as u32, cells, bytes)?);
        }
        // Runs of one program stand together then, in the order they came in.
        together.sort_by_key(|run| run.steps);
        for runs in together.chunk_by(|run, next| run.steps == next.steps) {
            let (first, end) = runs[0].steps;
            let mut steps = steps.get(first..end).ok_or("there are no such steps")?;
            while let Some((step, rest)) = steps.split_first() {
                steps = rest;
                if step[0] != OP_ICMP {
                    carry_out(step, runs, columns)?;
                    continue;
                }
                let fields = rest
                    .first_chunk::<{ ICMP_STEPS - 1 }>()
                    .ok_or("there are no such steps")?;
                steps = &rest[fields.len()..];
                for run in runs {
                    let count = run.icmp(step, fields, columns)?;
                    if count > 0 {
                        swapped.extend([run.number, count]);
                    }
                }
            }
        }
    }
    Ok(swapped)
}

fn carry_out(
    &[op, column, offset, width]: &[u32; STEP_CELLS],
    runs: &[Run],
    columns: &mut [Option<Column>],
) -> Result<(), String> {
    let (at, width, column) = (offset as usize, width as usize, column as usize);
    if runs
        .iter()
        .any(|run| at.checked_add(width).is_none_or(|end| end > run.stride))
    {
        return Err(BEYOND_RECORD.to_string());
    }
    match op {
        OP_8_TO_8 => copy(runs, narrow(columns, column)?, at, |_, [value]: [u8; 1]| value),
        OP_8_TO_16 => copy(runs, middle(columns, column)?, at, |_, [value]: [u8; 1]| value.into()),
        OP_16_TO_16 => copy(runs, middle(columns, column)?, at, |_, value| u16::from_be_bytes(value)),
        OP_8_TO_32 => copy(runs, words(columns, column)?, at, |_, [value]: [u8; 1]| value.into()),
        OP_16_TO_32 => copy(runs, words(columns, column)?, at, |_, value| {
            u16::from_be_bytes(value).into()
        }),
        OP_32_TO_32 => copy(runs, words(columns, column)?, at, |_, value| u32::from_be_bytes(value)),
        OP_32_TO_64 => copy(runs, pairs(columns, column)?, at, |_, value| {
            [u32::from_be_bytes(value), 0]
        }),
        OP_64_TO_64 => copy(runs, pairs(columns, column)?, at, |_, value| {
            halves(u64::from_be_bytes(value))
        }),
        OP_ANY_TO_8 => copy_any(runs, narrow(columns, column)?, at, width, |value| value as u8),
        OP_ANY_TO_16 => copy_any(runs, middle(columns, column)?, at, width, |value| value as u16),
        OP_ANY_TO_32 => copy_any(runs, words(columns, column)?, at, width, |value| value as u32),
        OP_ANY_TO_64 => copy_any(runs, pairs(columns, column)?, at, width, halves),
        OP_V4_ADDRESS => copy(runs, pairs(columns, column)?, at, |_, value| {
            [u32::from_be_bytes(value), V4_MAPPED_WORD]
        }),
        OP_UPTIME => copy(runs, times(columns, column)?, at, |run, value| {
            let distance = u32::from_be_bytes(value).wrapping_sub(run.uptime_ms) as i32;
            // Before 1970 there is no time: a header whose clock was never set.
            (run.export_ms + f64::from(distance)).max(0.0)
        }),
        OP_MILLISECONDS => copy(runs, times(columns, column)?, at, |_, value| {
            let ms = u64::from_be_bytes(value);
            if ((ms >> 32) as u32) < END_OF_TIME_HIGH {
                ms as f64
            } else {
                0.0
            }
        }),
        OP_RECEIVED => fill(runs, times(columns, column)?, |run| run.received_ms),
        OP_EXPORTED => fill(runs, times(columns, column)?, |run| run.export_ms),
        OP_ZERO if matches!(columns.get(column), Some(None)) => Ok(()),
        OP_ZERO => fill(runs, pairs(columns, column)?, |_| [0, 0]),
        _ => Err(format!("there is no step {op}")),
    }
}

const BEYOND_RECORD: &str = "a field goes beyond its record";

fn copy<T, const N: usize>(
    runs: &[Run],
    to: &mut [T],
    at: usize,
    value: impl Fn(&Run, [u8; N]) -> T,
) -> Result<(), String> {
    for run in runs {
        if at + N > run.stride {
            return Err(BEYOND_RECORD.to_string());
        }
        let records = run.records.chunks_exact(run.stride);
        for (to, record) in run.rows(to)?.iter_mut().zip(records) {
            *to = value(run, record[at..at + N].try_into().expect("N octets"));
        }
    }
    Ok(())
}

/// The low 64 bits of numbers of any width.
fn copy_any<T>(runs: &[Run], to: &mut [T], at: usize, width: usize, value: impl Fn(u64) -> T) -> Result<(), String> {
    for run in runs {
        let records = run.records.chunks_exact(run.stride);
        for (to, record) in run.rows(to)?.iter_mut().zip(records) {
            *to = value(number(&record[at..at + width]));
        }
    }
    Ok(())
}

fn fill<T: Clone>(runs: &[Run], to: &mut [T], value: impl Fn(&Run) -> T) -> Result<(), String> {
    for run in runs {
        run.rows(to)?.fill(value(run));
    }
    Ok(())
}

fn number(field: &[u8]) -> u64 {
    field.iter().fold(0, |number, &octet| number << 8 | u64::from(octet))
}

fn narrow<'c>(columns: &'c mut [Option<Column>], at: usize) -> Result<&'c mut [u8], String> {
    match columns.get_mut(at) {
        Some(Some(Column::U8(cells))) => Ok(cells),
        _ => Err(no_column(at)),
    }
}

fn middle<'c>(columns: &'c mut [Option<Column>], at: usize) -> Result<&'c mut [u16], String> {
    match columns.get_mut(at) {
        Some(Some(Column::U16(cells))) => Ok(cells),
        _ => Err(no_column(at)),
    }
}

fn words<'c>(columns: &'c mut [Option<Column>], at: usize) -> Result<&'c mut [u32], String> {
    match columns.get_mut(at) {
        Some(Some(Column::U32(cells))) => Ok(cells),
        _ => Err(no_column(at)),
    }
}

fn pairs<'c>(columns: &'c mut [Option<Column>], at: usize) -> Result<&'c mut [[u32; 2]], String> {
    Ok(words(columns, at)?.as_chunks_mut().0)
}

fn times<'c>(columns: &'c mut [Option<Column>], at: usize) -> Result<&'c mut [f64], String> {
    match columns.get_mut(at) {
        Some(Some(Column::F64(cells))) => Ok(cells),
        _ => Err(no_column(at)),
    }
}

impl<'a> Run<'a> {
    fn new(
        number: u32,
        &[first, end, base, stride, count, row, export_ms, uptime_ms, received_ms]: &[f64; RUN_CELLS],
        bytes: &'a [u8],
    ) -> Result<Run<'a>, String> {
        let (base, stride, count) = (base as usize, stride as usize, count as usize);
        let records = stride
            .checked_mul(count)
            .and_then(|length| base.checked_add(length))
            .and_then(|end| bytes.get(base..end))
            .filter(|_| stride > 0)
            .ok_or("records go beyond the bytes given")?;
        Ok(Run {
            steps: (first as usize, end as usize),
            number,
            records,
            stride,
            count,
            row: row as usize,
            export_ms,
            uptime_ms: uptime_ms as u32,
            received_ms,
        })
    }

    fn rows<'c, T>(&self, cells: &'c mut [T]) -> Result<&'c mut [T], String> {
        let end = self.row.checked_add(self.count);
        end.and_then(|end| cells.get_mut(self.row..end))
            .ok_or_else(|| "rows go beyond their column".to_string())
    }

    /// As `typeAndCodeToPort` of `src/wire/template-derived.ts`, which has the rules. Gives the records that had them in the
    /// source port.
    fn icmp(
        &self,
        &[_, proto, src_port, dst_port]: &[u32; STEP_CELLS],
        fields: &[[u32; STEP_CELLS]; ICMP_STEPS - 1],
        columns: &mut [Option<Column>],
    ) -> Result<u32, String> {
        let places = [proto, src_port, dst_port].map(|at| at as usize);
        let Ok([Some(Column::U8(proto)), Some(Column::U16(src_port)), Some(Column::U16(dst_port))]) =
            columns.get_disjoint_mut(places)
        else {
            return Err(no_column(places[0]));
        };
        let (proto, src_port, dst_port) = (self.rows(proto)?, self.rows(src_port)?, self.rows(dst_port)?);
        let mut swapped = 0;
        for (row, record) in self.records.chunks_exact(self.stride).enumerate() {
            let [kind, code, both, _] = match proto[row] {
                ICMP => fields[0],
                ICMP6 => fields[1],
                _ => continue,
            };
            if let Some(kind) = field(record, kind)? {
                let code = field(record, code)?.unwrap_or(0);
                dst_port[row] = ((kind & 0xff) << 8 | code & 0xff) as u16;
                continue;
            }
            let combined = field(record, both)?.unwrap_or(0) as u16;
            if combined != 0 {
                dst_port[row] = combined;
            } else if dst_port[row] == 0 && src_port[row] != 0 {
                dst_port[row] = src_port[row].swap_bytes();
                src_port[row] = 0;
                swapped += 1;
            }
        }
        Ok(swapped)
    }
}

/// The number in a field of a record; `None` where the template lacks it.
fn field(record: &[u8], place: u32) -> Result<Option<u64>, String> {
    if place == NO_FIELD {
        return Ok(None);
    }
    let (at, width) = ((place & 0xffff) as usize, (place >> 16) as usize);
    let octets = record.get(at..at + width).ok_or(BEYOND_RECORD)?;
    Ok(Some(number(octets)))
}

fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

fn no_column(at: usize) -> String {
    format!("column {at} is missing or of another type")
}

#[cfg(test)]
mod tests;
