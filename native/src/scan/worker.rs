//! What one thread of a scan does: row group after row group, block after block.

use super::aside::Aside;
use super::column::{not_here, BLOCK};
use super::facts::Facts;
use super::file::{bind, rows_of, OpenFile, Segment};
use super::group::Group;
use super::groups::Groups;
use super::job::{Counters, Rows};
use super::list::{Found, List, ROW_BITS};
use super::predicate::Evaluator;
use super::spread::Spread;
use super::{Question, Totals};
use crate::segment::general;
use parquet::errors::Result;

/// A job that counts each row once, whose groups add up to the totals.
pub fn job_of_totals(question: &Question) -> Option<usize> {
    question.jobs.iter().position(|job| job.sides.len() == 1)
}

/// How one thread counts the groups of a job.
pub enum Counting<'a> {
    Groups(Groups<'a>),
    Aside(Aside<'a>),
}

impl<'a> Counting<'a> {
    fn start_group(&mut self) {
        match self {
            Counting::Groups(groups) => groups.start_group(),
            Counting::Aside(aside) => aside.start_group(),
        }
    }

    pub fn put_aside(self, spread: &'a Spread<'a>) -> Aside<'a> {
        match self {
            Counting::Groups(groups) => groups.put_aside(spread),
            Counting::Aside(aside) => aside,
        }
    }
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
    /// Rows of the row group at hand that are counted.
    matched: usize,
    group: Group<'a>,
    evaluator: Evaluator<'a>,
    /// For each job, what is counted; nothing in later passes where a job needs no more.
    pub jobs: Vec<Option<Counting<'a>>>,
    spreads: &'a [Spread<'a>],
    /// The first pass over the files, which answers all but what was put aside for later ones.
    is_first_pass: bool,
    pub totals: Totals,
    pub found: Option<Found<'a>>,
    /// Listed rows of the last row group.
    pub found_last: usize,
    open: Option<(usize, OpenFile, Vec<Option<usize>>)>,
    mask: Vec<u8>,
    rows: Vec<u16>,
}

impl<'a> Worker<'a> {
    pub fn new(
        question: &'a Question,
        spreads: &'a [Spread<'a>],
        is_first_pass: bool,
        threads: usize,
        items: usize,
    ) -> Worker<'a> {
        let jobs = spreads.iter().map(|spread| {
            if is_first_pass && spread.job.conversation.is_none() {
                Some(Counting::Groups(Groups::new(spread)))
            } else {
                let goes_on = is_first_pass || spread.goes_on();
                goes_on.then(|| Counting::Aside(Aside::new(spread)))
            }
        });
        Worker {
            question,
            bytes: question.bytes / threads,
            held: 0,
            to_come: items / threads,
            is_first: true,
            matched: 0,
            group: Group::new(&question.columns),
            evaluator: Evaluator::new(&question.predicate),
            jobs: jobs.collect(),
            spreads,
            is_first_pass,
            totals: Totals::default(),
            found: question.list.as_ref().filter(|_| is_first_pass).map(Found::new),
            found_last: 0,
            open: None,
            mask: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// `done`: the part of this pass that is done with this row group.
    pub fn read(&mut self, file: usize, segment: &Segment, number: usize, done: f64) -> Result<()> {
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
        self.jobs.iter_mut().flatten().for_each(Counting::start_group);
        let before = self.group_count();
        self.matched = 0;
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
        for job in self.jobs.iter_mut().flatten() {
            if let Counting::Aside(aside) = job {
                aside.check_memory(done)?;
            }
        }
        let is_mostly_new = (self.group_count() - before) * 2 > self.matched;
        self.check_memory(is_mostly_new)
    }

    fn groups(&self) -> impl Iterator<Item = (usize, &Groups<'a>)> {
        self.jobs.iter().enumerate().filter_map(|(number, job)| match job {
            Some(Counting::Groups(groups)) => Some((number, groups)),
            _ => None,
        })
    }

    fn group_count(&self) -> usize {
        self.groups().map(|(_, groups)| groups.found()).sum()
    }

    /// Puts groups aside that are more than the memory holds, or will be: if there are as many new ones in each row group
    /// to come. Groups that are all wanted have to fit, however they are found.
    fn check_memory(&mut self, is_mostly_new: bool) -> Result<()> {
        let bytes = self.groups().map(|(_, groups)| groups.bytes()).sum::<usize>();
        let more = bytes.saturating_sub(self.held);
        self.held = bytes;
        self.to_come = self.to_come.saturating_sub(1);
        let is_first = std::mem::take(&mut self.is_first);
        let expected = if is_first {
            bytes
        } else {
            bytes.saturating_add(more.saturating_mul(self.to_come))
        };
        if expected <= self.bytes {
            return Ok(());
        }
        let most = self.groups().max_by_key(|(_, groups)| groups.bytes());
        let Some((number, groups)) = most else { return Ok(()) };
        if groups.job.top == 0 {
            return Err(not_here("more groups than memory should hold"));
        }
        if bytes > self.bytes || is_mostly_new {
            let spread = &self.spreads[number];
            if let Some(job) = self.jobs[number].take() {
                self.jobs[number] = Some(Counting::Aside(job.put_aside(spread)));
            }
            self.held = self.groups().map(|(_, groups)| groups.bytes()).sum();
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
        for job in self.jobs.iter_mut().flatten() {
            match job {
                Counting::Groups(groups) => groups.count(group, counters, start, count, rows, position)?,
                Counting::Aside(aside) => aside.count(group, counters, start, count, rows, position)?,
            }
        }
        self.matched += rows.len();
        if let Some(found) = &mut self.found {
            found.add(group, counters, rows, position);
        }
        if self.is_first_pass && job_of_totals(question).is_none() {
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
