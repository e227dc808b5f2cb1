//! Answers questions to segments in one pass over all cores: each thread takes row group after row group and counts into
//! tables of its own, which are put together at the end. Answers do not depend on who took what.

mod aside;
pub mod bits;
pub mod column;
mod conversation;
pub mod file;
mod gather;
pub mod group;
pub mod groups;
pub mod job;
pub mod key;
pub mod list;
pub mod numbers;
pub mod page;
pub mod predicate;
pub mod table;
mod worker;

use crate::panics::caught;
use crate::segment::general;
use crate::segment::merge::named;
use aside::{Aside, Spread};
use column::not_here;
use file::{Segment, Wanted};
use gather::{gather, Best};
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
    /// Memory for rows that are put aside where these are too many groups.
    pub aside_bytes: usize,
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

/// `progress` is kept up to date.
pub fn run(segments: &[Segment], question: &Question, progress: &Progress) -> Result<Answer> {
    let mut spread: Vec<bool> = question.jobs.iter().map(|job| job.conversation.is_some()).collect();
    loop {
        match attempt(segments, question, &spread, progress)? {
            Attempt::Answer(answer) => return Ok(answer),
            Attempt::TooManyGroups(job) => spread[job] = true,
        }
    }
}

/// Row groups that a question has left behind, and all that it has to look at.
#[derive(Default)]
pub struct Progress {
    done: AtomicUsize,
    all: AtomicUsize,
}

impl Progress {
    fn start(&self, all: usize) {
        self.done.store(0, Ordering::Relaxed);
        self.all.store(all, Ordering::Relaxed);
    }

    /// 0 to 1.
    pub fn share(&self) -> f64 {
        self.done.load(Ordering::Relaxed) as f64 / self.all.load(Ordering::Relaxed).max(1) as f64
    }
}

enum Attempt {
    Answer(Answer),
    /// The rows of this job have to be put aside.
    TooManyGroups(usize),
}

/// Answers the question; rows of jobs that are `spread` are put aside.
fn attempt(segments: &[Segment], question: &Question, spread: &[bool], progress: &Progress) -> Result<Attempt> {
    let items: Vec<(usize, usize)> = segments
        .iter()
        .enumerate()
        .flat_map(|(file, segment)| (0..segment.groups).map(move |group| (file, group)))
        .collect();
    let threads = question.threads.clamp(1, items.len().max(1));
    let sharing = spread.iter().filter(|spread| **spread).count().max(1);
    let bytes = (question.aside_bytes / sharing, question.bytes / sharing);
    let spreads = question.jobs.iter().zip(spread).map(|(job, is_spread)| {
        let spread = || Spread::new(job, segments, bytes, threads);
        if *is_spread {
            spread().map(Some)
        } else {
            Some(None)
        }
    });
    let Some(spreads) = spreads.collect::<Option<Vec<_>>>() else {
        return Err(not_here("groups by so many fields"));
    };
    let best = spreads.iter().map(|spread| {
        let orders = spread
            .iter()
            .flat_map(|spread| spread.job.orders.iter().map(move |order| Best::new(spread, order)));
        orders.collect()
    });
    let mut best: Vec<Vec<Best>> = best.collect();
    let mut answer = None;
    progress.start(items.len());
    loop {
        let is_first = answer.is_none();
        let scanned = scan(segments, question, &spreads, &items, is_first, progress)?;
        let (mut workers, reached) = match scanned {
            Scanned::TooManyGroups(job) => return Ok(Attempt::TooManyGroups(job)),
            Scanned::Workers(workers, reached) => (workers, reached),
        };
        let asides: Vec<(usize, Aside)> = workers.iter_mut().flat_map(|worker| worker.asides.drain(..)).collect();
        let answer = match &mut answer {
            Some(answer) => answer,
            answer => {
                let goes_on = matches!(question.list, Some(List::Next(_))) && reached < items.len();
                answer.insert(Answer {
                    next: goes_on.then_some(reached),
                    ..guarded(|| finish(question, workers))?
                })
            }
        };
        let passes = spreads.iter().zip(&mut best).enumerate();
        let mut is_last = true;
        for (job, (spread, best)) in passes {
            let Some(spread) = spread.as_ref().filter(|spread| !spread.partitions().is_empty()) else {
                continue;
            };
            let parts: Vec<&Aside> = asides
                .iter()
                .filter(|(of, _)| *of == job)
                .map(|(_, aside)| aside)
                .collect();
            let mut totals = (job_of_totals(question) == Some(job)).then_some(&mut answer.totals);
            guarded(|| gather(spread, &parts, threads, best, &mut totals))?;
            spread.next_pass();
            is_last &= spread.partitions().is_empty();
        }
        if is_last {
            break;
        }
        progress.all.fetch_add(items.len(), Ordering::Relaxed);
    }
    let mut answer = answer.expect("made in the first pass");
    for (tables, best) in answer.tables.iter_mut().zip(best) {
        tables.extend(best.into_iter().map(Best::table));
    }
    Ok(Attempt::Answer(answer))
}

enum Scanned<'a> {
    /// With the row group where a list goes on.
    Workers(Vec<Worker<'a>>, usize),
    TooManyGroups(usize),
}

/// One pass over the files.
fn scan<'a>(
    segments: &[Segment],
    question: &'a Question,
    spreads: &'a [Option<Spread<'a>>],
    items: &[(usize, usize)],
    is_first_pass: bool,
    progress: &Progress,
) -> Result<Scanned<'a>> {
    let next = AtomicUsize::new(question.from);
    let failed = AtomicBool::new(false);
    // The failure of the first row group that has one, so that the same files give the same message.
    let failure: Mutex<Option<(usize, ParquetError)>> = Mutex::new(None);
    let too_many: Mutex<Option<usize>> = Mutex::new(None);
    let first = FirstRows::new(question, items.len());
    let threads = question.threads.clamp(1, items.len().max(1));
    let workers: Vec<Mutex<Option<Worker>>> = (0..threads).map(|_| Mutex::new(None)).collect();
    in_parallel(threads, |number| {
        let Some(mut worker) = Worker::new(question, spreads, is_first_pass, threads, items.len()) else {
            failed.store(true, Ordering::Relaxed);
            return;
        };
        while !failed.load(Ordering::Relaxed) && !first.are_found() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(file, group)) = items.get(at) else { break };
            let segment = &segments[file];
            let done = (at + 1) as f64 / items.len() as f64;
            let read = guarded(|| worker.read(file, segment, group, done));
            first.note(at, worker.found_last);
            progress.done.fetch_add(1, Ordering::Relaxed);
            if let Err(cause) = read {
                failed.store(true, Ordering::Relaxed);
                let mut failure = failure.lock().expect("no holder panics");
                if failure.as_ref().is_none_or(|(first, _)| at < *first) {
                    *failure = Some((at, with_name(&segment.path, cause)));
                    *too_many.lock().expect("no holder panics") = worker.too_many;
                }
            }
        }
        *workers[number].lock().expect("no holder panics") = Some(worker);
    });
    if let Some(job) = too_many.into_inner().expect("no holder panics") {
        return Ok(Scanned::TooManyGroups(job));
    }
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
    Ok(Scanned::Workers(workers.collect(), next.into_inner()))
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

/// The answer but for the tables of rows that were put aside.
fn finish(question: &Question, workers: Vec<Worker>) -> Result<Answer> {
    let mut totals = Totals::default();
    let mut whole: Vec<(usize, Groups)> = Vec::new();
    let mut found: Option<Found> = None;
    for worker in workers {
        totals.add(&worker.totals);
        match (&mut found, worker.found) {
            (Some(found), Some(other)) => found.absorb(other),
            (found, other) => *found = other,
        }
        if whole.is_empty() {
            whole = worker.groups;
        } else {
            whole
                .iter_mut()
                .zip(&worker.groups)
                .for_each(|((_, whole), (_, part))| whole.absorb(part));
        }
    }
    let mut tables: Vec<Vec<Table>> = question.jobs.iter().map(|_| Vec::new()).collect();
    for (job, groups) in &whole {
        if job_of_totals(question) == Some(*job) {
            groups.sums().for_each(|sums| totals.add_group(sums));
        }
        tables[*job].extend(question.jobs[*job].orders.iter().map(|order| groups.table(order)));
    }
    Ok(Answer {
        totals,
        tables,
        positions: found.map_or(Vec::new(), Found::positions),
        next: None,
    })
}

#[cfg(test)]
mod tests;
