//! Answers questions to segments in one pass over all cores: each thread takes row group after row group and counts into
//! tables of its own, which are put together at the end. Answers do not depend on who took what.

use crate::panics::caught;
use crate::scan_column::{not_here, BLOCK};
use crate::scan_file::{bind, rows_of, OpenFile, Segment, Wanted};
use crate::scan_group::Group;
use crate::scan_job::{Counters, Groups, Job, Rows, Table};
use crate::scan_list::{Found, List, ROW_BITS};
use crate::scan_predicate::{Evaluator, Predicate};
use crate::scan_table::Sums;
use crate::segment::general;
use crate::segment_merge::named;
use parquet::errors::{ParquetError, Result};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Mutex;

pub struct Question {
    pub columns: Vec<Wanted>,
    pub counters: Counters,
    pub predicate: Predicate,
    pub jobs: Vec<Job>,
    pub list: Option<List>,
    pub threads: usize,
    /// Memory for groups, of all threads together.
    pub bytes: usize,
}

/// Sums over all rows that match, both directions together; wider than any sum of 64-bit counters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Totals {
    pub rows: u64,
    pub flows: u128,
    pub packets: u128,
    pub octets: u128,
    pub first: i64,
    pub last: i64,
}

impl Default for Totals {
    fn default() -> Totals {
        Totals {
            rows: 0,
            flows: 0,
            packets: 0,
            octets: 0,
            first: i64::MAX,
            last: i64::MIN,
        }
    }
}

impl Totals {
    fn add(&mut self, other: &Totals) {
        self.rows += other.rows;
        self.flows += other.flows;
        self.packets += other.packets;
        self.octets += other.octets;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    fn add_group(&mut self, sums: &Sums) {
        self.add(&Totals {
            rows: sums.rows,
            flows: u128::from(sums.flows),
            packets: u128::from(sums.packets) + u128::from(sums.out_packets),
            octets: u128::from(sums.octets) + u128::from(sums.out_octets),
            first: sums.first,
            last: sums.last,
        });
    }
}

pub struct Answer {
    pub totals: Totals,
    /// For each job, a table for each of its orders.
    pub tables: Vec<Vec<Table>>,
    /// Rows that are listed, in order.
    pub positions: Vec<u64>,
}

/// Looks at every file; descriptions of columns are kept while they are few.
pub fn look(paths: &[impl AsRef<Path> + Sync], threads: usize, keep: usize) -> Result<Vec<Segment>> {
    let found: Vec<Mutex<Option<Result<Segment>>>> = paths.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let kept = AtomicUsize::new(0);
    in_parallel(threads.min(paths.len()), |_| loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(path) = paths.get(at) else { return };
        let path = path.as_ref();
        let result = guarded(|| {
            let mut segment = Segment::look(path)?;
            if kept.fetch_add(segment.chunks(), Ordering::Relaxed) > keep {
                segment.forget();
            }
            Ok(segment)
        });
        *found[at].lock().expect("no holder panics") = Some(result.map_err(|cause| with_name(path, cause)));
    });
    let results = found.into_iter().map(|cell| {
        let result = cell.into_inner().expect("no holder panics");
        result.unwrap_or_else(|| Err(general("a file was not looked at")))
    });
    results.collect()
}

/// Runs on this thread and helpers; each call gets its number.
fn in_parallel(threads: usize, work: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for number in 1..threads {
            let work = &work;
            // Without the helper its share falls to the others.
            let _ = std::thread::Builder::new().spawn_scoped(scope, move || work(number));
        }
        work(0);
    });
}

/// A panic is a defect, but must end no more than the question.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(work).unwrap_or_else(|_| Err(general("internal error while reading it")))
}

fn with_name(path: &Path, cause: ParquetError) -> ParquetError {
    if cause.to_string().contains(&*path.to_string_lossy()) {
        cause
    } else {
        named(path, &cause)
    }
}

pub fn run(segments: &[Segment], question: &Question) -> Result<Answer> {
    let items: Vec<(usize, usize)> = segments
        .iter()
        .enumerate()
        .flat_map(|(file, segment)| (0..segment.groups).map(move |group| (file, group)))
        .collect();
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    // The failure of the first row group that has one, so that the same files give the same message.
    let failure: Mutex<Option<(usize, ParquetError)>> = Mutex::new(None);
    let first = FirstRows::new(question, items.len());
    let threads = question.threads.clamp(1, items.len().max(1));
    let done: Vec<Mutex<Option<Worker>>> = (0..threads).map(|_| Mutex::new(None)).collect();
    in_parallel(threads, |number| {
        let Some(mut worker) = Worker::new(question, question.bytes / threads, items.len() / threads) else {
            failed.store(true, Ordering::Relaxed);
            return;
        };
        while !failed.load(Ordering::Relaxed) && !first.are_found() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(file, group)) = items.get(at) else { break };
            let segment = &segments[file];
            let read = guarded(|| worker.read(file, segment, group));
            first.note(at, worker.found_last);
            if let Err(cause) = read {
                failed.store(true, Ordering::Relaxed);
                let mut failure = failure.lock().expect("no holder panics");
                if failure.as_ref().is_none_or(|(first, _)| at < *first) {
                    *failure = Some((at, with_name(&segment.path, cause)));
                }
            }
        }
        *done[number].lock().expect("no holder panics") = Some(worker);
    });
    if let Some((_, cause)) = failure.into_inner().expect("no holder panics") {
        return Err(cause);
    }
    if failed.into_inner() {
        return Err(not_here("groups by so many fields"));
    }
    let workers = done
        .into_iter()
        .filter_map(|cell| cell.into_inner().expect("no holder panics"));
    guarded(|| finish(question, workers.collect()))
}

/// For lists of the first rows: how many each row group has, to stop when no more are needed.
struct FirstRows {
    wanted: usize,
    /// Row groups that are done from the first on without a gap, the rows found in them, and those done beyond.
    done: Mutex<(usize, usize, Vec<Option<usize>>)>,
    found: AtomicBool,
}

impl FirstRows {
    fn new(question: &Question, items: usize) -> FirstRows {
        let wanted = match question.list {
            Some(List::First(count)) => count,
            _ => usize::MAX,
        };
        FirstRows {
            wanted,
            done: Mutex::new((0, 0, vec![None; if wanted == usize::MAX { 0 } else { items }])),
            found: AtomicBool::new(wanted == 0),
        }
    }

    fn are_found(&self) -> bool {
        self.found.load(Ordering::Relaxed)
    }

    fn note(&self, item: usize, rows: usize) {
        if self.wanted == usize::MAX {
            return;
        }
        let mut done = self.done.lock().expect("no holder panics");
        let (next, sum, items) = &mut *done;
        items[item] = Some(rows);
        while let Some(&Some(rows)) = items.get(*next) {
            *sum += rows;
            *next += 1;
        }
        if *sum >= self.wanted {
            self.found.store(true, Ordering::Relaxed);
        }
    }
}

fn finish(question: &Question, workers: Vec<Worker>) -> Result<Answer> {
    let mut totals = Totals::default();
    let mut whole: Vec<Groups> = Vec::new();
    let mut found: Option<Found> = None;
    for worker in workers {
        totals.add(&worker.totals);
        match (&mut found, worker.found) {
            (Some(found), Some(other)) => found.absorb(other),
            (found, other) => *found = other,
        }
        if whole.is_empty() {
            whole = worker.jobs;
        } else {
            whole
                .iter_mut()
                .zip(&worker.jobs)
                .for_each(|(whole, part)| whole.absorb(part));
        }
    }
    if let Some(job) = job_of_totals(question) {
        whole[job].sums().for_each(|sums| totals.add_group(sums));
    }
    let tables = question.jobs.iter().zip(&whole);
    Ok(Answer {
        totals,
        tables: tables
            .map(|(job, groups)| job.orders.iter().map(|order| groups.table(order)).collect())
            .collect(),
        positions: found.map_or(Vec::new(), Found::positions),
    })
}

/// A job that counts each row once, whose groups add up to the totals.
fn job_of_totals(question: &Question) -> Option<usize> {
    question.jobs.iter().position(|job| job.sides.len() == 1)
}

/// One thread at work.
struct Worker<'a> {
    question: &'a Question,
    /// Memory for groups: what there may be, and what they take.
    bytes: usize,
    held: usize,
    /// Row groups that this thread has still to do, if all do as many.
    to_come: usize,
    is_first: bool,
    group: Group<'a>,
    evaluator: Evaluator<'a>,
    jobs: Vec<Groups<'a>>,
    totals: Totals,
    found: Option<Found<'a>>,
    /// Listed rows of the last row group.
    found_last: usize,
    open: Option<(usize, OpenFile, Vec<Option<usize>>)>,
    mask: Vec<u8>,
    rows: Vec<u16>,
}

impl<'a> Worker<'a> {
    fn new(question: &'a Question, bytes: usize, items: usize) -> Option<Worker<'a>> {
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

    fn read(&mut self, file: usize, segment: &Segment, number: usize) -> Result<()> {
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
        if let (Some(List::First(_)), Some(found)) = (&question.list, &mut self.found) {
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

#[cfg(test)]
mod tests;
