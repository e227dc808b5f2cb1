//! Answers questions to segments in one pass over all cores: each thread takes row group after row group and counts into
//! tables of its own, which are put together at the end. Answers do not depend on who took what.

pub mod bits;
pub mod column;
pub mod counted;
pub mod file;
pub mod group;
pub mod groups;
pub mod job;
pub mod key;
pub mod list;
pub mod look;
pub mod page;
pub mod predicate;
pub mod prune;
pub mod table;
mod worker;

use crate::panics::caught;
use crate::segment::general;
use crate::segment::merge::named;
use column::not_here;
use file::{Segment, Wanted};
use groups::{Groups, Table};
use job::{Counters, Job};
use list::{Found, List};
use parquet::errors::{ParquetError, Result};
use predicate::Predicate;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Mutex;
use table::Sums;
use worker::{job_of_totals, Worker};

pub struct Question {
    pub columns: Vec<Wanted>,
    pub counters: Counters,
    pub predicate: Predicate,
    pub jobs: Vec<Job>,
    pub list: Option<List>,
    /// The row group to begin with, of all files together.
    pub from: usize,
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
    /// The row group to go on from; None when all were looked at that the question needs.
    pub next: Option<usize>,
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

/// `done` is raised with each row group.
pub fn run(segments: &[Segment], question: &Question, done: &AtomicUsize) -> Result<Answer> {
    let items: Vec<(usize, usize)> = segments
        .iter()
        .enumerate()
        .flat_map(|(file, segment)| (0..segment.groups).map(move |group| (file, group)))
        .collect();
    let is_out = prune::files_out(segments, question);
    let next = AtomicUsize::new(question.from);
    let failed = AtomicBool::new(false);
    // The failure of the first row group that has one, so that the same files give the same message.
    let failure: Mutex<Option<(usize, ParquetError)>> = Mutex::new(None);
    let first = FirstRows::new(question, items.len());
    let threads = question.threads.clamp(1, items.len().max(1));
    let workers: Vec<Mutex<Option<Worker>>> = (0..threads).map(|_| Mutex::new(None)).collect();
    in_parallel(threads, |number| {
        let Some(mut worker) = Worker::new(question, question.bytes / threads, items.len() / threads) else {
            failed.store(true, Ordering::Relaxed);
            return;
        };
        while !failed.load(Ordering::Relaxed) && !first.are_found() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(file, group)) = items.get(at) else { break };
            if is_out[file] {
                first.note(at, 0);
                done.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let segment = &segments[file];
            let read = guarded(|| worker.read(file, segment, group));
            first.note(at, worker.found_last);
            done.fetch_add(1, Ordering::Relaxed);
            if let Err(cause) = read {
                failed.store(true, Ordering::Relaxed);
                let mut failure = failure.lock().expect("no holder panics");
                if failure.as_ref().is_none_or(|(first, _)| at < *first) {
                    *failure = Some((at, with_name(&segment.path, cause)));
                }
            }
        }
        *workers[number].lock().expect("no holder panics") = Some(worker);
    });
    if let Some((_, cause)) = failure.into_inner().expect("no holder panics") {
        return Err(cause);
    }
    if failed.into_inner() {
        return Err(not_here("groups by so many fields"));
    }
    let workers = workers
        .into_iter()
        .filter_map(|cell| cell.into_inner().expect("no holder panics"));
    // Every row group before this one was read: a thread that has taken one finishes it.
    let reached = next.into_inner();
    let goes_on = matches!(question.list, Some(List::Next(_))) && reached < items.len();
    guarded(|| {
        Ok(Answer {
            next: goes_on.then_some(reached),
            ..finish(question, workers.collect())?
        })
    })
}

/// For lists of the first rows: how many each row group has, to stop when no more are needed.
struct FirstRows {
    wanted: usize,
    /// Rows count wherever they are found.
    anywhere: bool,
    /// Row groups that are done from the first on without a gap, the rows found in them, and those done beyond.
    done: Mutex<(usize, usize, Vec<Option<usize>>)>,
    found: AtomicBool,
}

impl FirstRows {
    fn new(question: &Question, items: usize) -> FirstRows {
        let wanted = match question.list {
            Some(List::First(count) | List::Next(count)) => count,
            _ => usize::MAX,
        };
        FirstRows {
            wanted,
            anywhere: matches!(question.list, Some(List::Next(_))),
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
        if self.anywhere {
            *sum += rows;
        } else {
            items[item] = Some(rows);
        }
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
        next: None,
    })
}

#[cfg(test)]
mod tests;
