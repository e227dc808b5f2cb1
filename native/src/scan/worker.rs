//! What one thread of a scan does: row group after row group, block after block.

use super::column::{not_here, BLOCK};
use super::file::{bind, rows_of, OpenFile, Segment};
use super::group::Group;
use super::groups::Groups;
use super::job::{Counters, Rows};
use super::list::{Found, List, ROW_BITS};
use super::predicate::{Evaluator, Facts};
use super::{Question, Totals};
use crate::segment::general;
use parquet::errors::Result;

/// A job that counts each row once, whose groups add up to the totals.
pub fn job_of_totals(question: &Question) -> Option<usize> {
    question.jobs.iter().position(|job| job.sides.len() == 1)
}

/// One thread at work.
pub struct Worker<'a> {
    question: &'a Question,
    /// Memory for groups: what there may be, and what they take.
    bytes: usize,
    held: usize,
    /// Row groups that this thread has still to do, if all do as many.
    to_come: usize,
    is_first: bool,
    group: Group<'a>,
    evaluator: Evaluator<'a>,
    pub jobs: Vec<Groups<'a>>,
    pub totals: Totals,
    pub found: Option<Found<'a>>,
    /// Listed rows of the last row group.
    pub found_last: usize,
    open: Option<(usize, OpenFile, Vec<Option<usize>>)>,
    mask: Vec<u8>,
    rows: Vec<u16>,
}

impl<'a> Worker<'a> {
    pub fn new(question: &'a Question, bytes: usize, items: usize) -> Option<Worker<'a>> {
        Some(Worker {
            question,
            bytes,
            held: 0,
            to_come: items,
            is_first: true,
            group: Group::new(&question.columns),
            evaluator: Evaluator::new(&question.predicate),
            jobs: question.jobs.iter().map(Groups::new).collect::<Option<_>>()?,
            totals: Totals::default(),
            found: question.list.as_ref().map(Found::new),
            found_last: 0,
            open: None,
            mask: Vec::new(),
            rows: Vec::new(),
        })
    }

    pub fn read(&mut self, file: usize, segment: &Segment, number: usize) -> Result<()> {
        self.found_last = 0;
        if self.open.as_ref().is_none_or(|(open, ..)| *open != file) {
            let open = segment.open()?;
            let bound = bind(&open.metadata, &self.question.columns)?;
            self.open = Some((file, open, bound));
        }
        let Some((_, open, bound)) = &self.open else {
            return Err(general("no file is open"));
        };
        let rows = rows_of(&open.metadata, number)?;
        if rows == 0 {
            return Ok(());
        }
        let before = (0..number).map(|group| open.metadata.row_group(group).num_rows() as u64);
        let position = (file as u64) << ROW_BITS | before.sum::<u64>();
        self.group.start(open, bound, number, rows);
        let all = match self.question.predicate.decide(&self.group) {
            Some(false) => return Ok(()),
            decided => decided.is_some(),
        };
        self.evaluator.start_group();
        self.jobs.iter_mut().for_each(Groups::start_group);
        for start in (0..rows).step_by(BLOCK) {
            self.block(start, BLOCK.min(rows - start), all, position + start as u64)?;
            if let (Some(List::First(wanted)), Some(found)) = (&self.question.list, &self.found) {
                self.found_last = found.count_from(position);
                if self.found_last >= *wanted {
                    return Ok(());
                }
            }
        }
        if let (Some(List::Next(_)), Some(found)) = (&self.question.list, &self.found) {
            self.found_last = found.count_from(position);
        }
        self.check_memory()
    }

    /// Gives up as soon as the groups will not fit if there are as many new ones in each row group to come: what was
    /// counted until then is lost.
    fn check_memory(&mut self) -> Result<()> {
        let bytes = self.jobs.iter().map(Groups::bytes).sum::<usize>();
        let more = bytes - self.held;
        self.held = bytes;
        self.to_come = self.to_come.saturating_sub(1);
        let is_first = std::mem::take(&mut self.is_first);
        let expected = if is_first {
            bytes
        } else {
            bytes.saturating_add(more.saturating_mul(self.to_come))
        };
        if expected > self.bytes {
            return Err(not_here("more groups than memory should hold"));
        }
        Ok(())
    }

    fn block(&mut self, start: usize, count: usize, all: bool, position: u64) -> Result<()> {
        let Worker {
            question,
            group,
            evaluator,
            mask,
            rows: chosen,
            ..
        } = self;
        let mut rows = Rows::All(count);
        if !all {
            mask.resize(count, 0);
            evaluator.evaluate(group, start, mask)?;
            choose(mask, chosen);
            if chosen.is_empty() {
                return Ok(());
            }
            if chosen.len() < count {
                rows = Rows::Some(chosen);
            }
        }
        let counters = &question.counters;
        if let (Some(List::First(_) | List::Next(_)), Some(found)) = (&question.list, &mut self.found) {
            found.add(group, counters, rows, position);
            return Ok(());
        }
        let Counters {
            flows,
            packets,
            octets,
            out_packets,
            out_octets,
            first,
            last,
            tcp_flags,
        } = *counters;
        for column in [flows, packets, octets, out_packets, out_octets, first, last] {
            group.spread(column, start, count)?;
        }
        if let Some(column) = tcp_flags {
            group.spread(column, start, count)?;
        }
        for job in &mut self.jobs {
            job.count(group, counters, start, count, rows, position)?;
        }
        if let Some(found) = &mut self.found {
            found.add(group, counters, rows, position);
        }
        if job_of_totals(question).is_none() {
            self.totals.add(&add_up(group, counters, rows));
        }
        Ok(())
    }
}

/// Places of the rows whose byte is set.
fn choose(mask: &[u8], rows: &mut Vec<u16>) {
    rows.resize(mask.len(), 0);
    let mut count = 0;
    for (row, &wanted) in mask.iter().enumerate() {
        rows[count] = row as u16;
        count += usize::from(wanted);
    }
    rows.truncate(count);
}

fn add_up(group: &Group, counters: &Counters, rows: Rows) -> Totals {
    // Halves of so few words cannot overflow.
    let sum = |column: usize, least: u64| {
        if group.is_missing(column) {
            return u128::from(least) * rows.len() as u128;
        }
        let values = group.values(column);
        let (mut low, mut high) = (0u64, 0u64);
        rows.each(|_, row| {
            let value = values[row].max(least);
            low += value & 0xffff_ffff;
            high += value >> 32;
        });
        u128::from(low) + (u128::from(high) << 32)
    };
    let (firsts, lasts) = (group.values(counters.first), group.values(counters.last));
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    rows.each(|_, row| {
        first = first.min(firsts[row] as i64);
        last = last.max(lasts[row] as i64);
    });
    Totals {
        rows: rows.len() as u64,
        flows: sum(counters.flows, 1),
        packets: sum(counters.packets, 0) + sum(counters.out_packets, 0),
        octets: sum(counters.octets, 0) + sum(counters.out_octets, 0),
        first,
        last,
    }
}
