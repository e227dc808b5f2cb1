//! The passes over the files that a question takes: one, but where rows had to be left for another.

use super::aside::Aside;
use super::best::{gather, Best};
use super::column::not_here;
use super::file::Segment;
use super::groups::{Groups, Table};
use super::list::{Found, List, ROW_BITS};
use super::pile::MOST_ROWS;
use super::spread::{Memory, Spread};
use super::worker::{job_of_totals, Counting, Worker};
use super::{in_parallel, prune, with_name, Answer, Question, Totals};
use crate::panics::guarded;
use parquet::errors::{ParquetError, Result};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::Mutex;

/// What part of a question is done. It never steps back, though nobody knows at first how many passes there will be.
#[derive(Default)]
pub struct Progress {
    /// Row groups that this pass has left behind, of how many.
    done: AtomicUsize,
    all: AtomicUsize,
    /// Of the partitions of groups, where this pass began; a share as `share`.
    from: AtomicU32,
    /// The most that was told, in parts of `WHOLE`.
    told: AtomicU32,
    pub(super) passes: AtomicUsize,
}

const WHOLE: f64 = (1 << 24) as f64;

impl Progress {
    /// A question begins, or goes on after `before` of its row groups.
    fn start(&self, before: usize, all: usize) {
        if before == 0 {
            self.told.store(0, Ordering::Relaxed);
            self.passes.store(0, Ordering::Relaxed);
        }
        self.begin(before, all, 0.0);
    }

    fn begin(&self, before: usize, all: usize, from: f64) {
        self.done.store(before, Ordering::Relaxed);
        self.all.store(all, Ordering::Relaxed);
        self.from.store((from * WHOLE) as u32, Ordering::Relaxed);
        self.passes.fetch_add(1, Ordering::Relaxed);
    }

    /// A row group is done, of a pass that will reach `to`.
    fn step(&self, to: f64) {
        let done = (self.done.fetch_add(1, Ordering::Relaxed) + 1) as f64 / self.all.load(Ordering::Relaxed) as f64;
        let from = f64::from(self.from.load(Ordering::Relaxed)) / WHOLE;
        let share = from + (to - from).max(0.0) * done.min(1.0);
        self.told.fetch_max((share * WHOLE) as u32, Ordering::Relaxed);
    }

    /// 0 to 1.
    pub fn share(&self) -> f64 {
        f64::from(self.told.load(Ordering::Relaxed)) / WHOLE
    }
}

/// What part of all groups is before the end of this pass, or before its start.
fn reach(spreads: &[Spread], end: impl Fn(Range<usize>) -> usize) -> f64 {
    let shares = spreads.iter().filter(|spread| spread.is_used());
    let shares = shares.map(|spread| end(spread.partitions()) as f64 / spread.partition_count() as f64);
    shares.fold(1.0, f64::min)
}

/// `progress` is kept up to date.
pub fn run(segments: &[Segment], question: &Question, progress: &Progress) -> Result<Answer> {
    check_rows(segments)?;
    let items: Vec<(usize, usize)> = segments
        .iter()
        .enumerate()
        .flat_map(|(file, segment)| (0..segment.groups).map(move |group| (file, group)))
        .collect();
    let memory = Memory {
        rows: question.aside_bytes,
        groups: question.bytes,
        threads: question.threads.clamp(1, items.len().max(1)),
        users: AtomicUsize::new(0),
    };
    let spreads = question.jobs.iter().map(|job| Spread::new(job, segments, &memory));
    let spreads: Vec<Spread> = spreads
        .collect::<Option<_>>()
        .ok_or_else(|| not_here("groups by so many fields"))?;
    let mut best: Vec<Vec<Best>> = spreads.iter().map(Best::of_job).collect();
    progress.start(question.from, items.len());
    let (workers, reached) = scan(segments, question, &spreads, (&items, true), memory.threads, progress)?;
    let goes_on = matches!(question.list, Some(List::Next(_))) && reached < items.len();
    let mut answer = Answer {
        next: goes_on.then_some(reached),
        ..guarded(|| finish(question, workers, &spreads, &mut best))?
    };
    while spreads.iter().any(Spread::goes_on) {
        progress.begin(0, items.len(), reach(&spreads, |pass| pass.start));
        let (workers, _) = scan(segments, question, &spreads, (&items, false), memory.threads, progress)?;
        let totals = guarded(|| finish(question, workers, &spreads, &mut best))?.totals;
        answer.totals.add(&totals);
    }
    for (tables, best) in answer
        .tables
        .iter_mut()
        .zip(best)
        .filter(|(tables, _)| tables.is_empty())
    {
        tables.extend(best.into_iter().map(Best::table));
    }
    Ok(answer)
}

/// Positions have room for so many rows, which no disk holds: footers that say so may be made up.
fn check_rows(segments: &[Segment]) -> Result<()> {
    let fit = segments.iter().all(|segment| segment.rows < 1 << ROW_BITS);
    let sum = segments
        .iter()
        .fold(0u64, |sum, segment| sum.saturating_add(segment.rows));
    if fit && sum < MOST_ROWS && segments.len() < 1 << (u64::BITS - ROW_BITS) {
        Ok(())
    } else {
        Err(not_here("so many rows"))
    }
}

/// One pass over the files: the threads with what they have found, and the row group where a list goes on.
fn scan<'a>(
    segments: &[Segment],
    question: &'a Question,
    spreads: &'a [Spread<'a>],
    (items, is_first_pass): (&[(usize, usize)], bool),
    threads: usize,
    progress: &Progress,
) -> Result<(Vec<Worker<'a>>, usize)> {
    let is_out = prune::files_out(segments, question);
    let next = AtomicUsize::new(question.from);
    let failed = AtomicBool::new(false);
    // The failure of the first row group that has one, so that the same files give the same message.
    let failure: Mutex<Option<(usize, ParquetError)>> = Mutex::new(None);
    let first = FirstRows::new(question, items.len());
    let workers: Vec<Mutex<Option<Worker>>> = (0..threads).map(|_| Mutex::new(None)).collect();
    in_parallel(threads, |number| {
        let mut worker = Worker::new(question, spreads, is_first_pass, threads, items.len());
        while !failed.load(Ordering::Relaxed) && !first.are_found() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(file, group)) = items.get(at) else { break };
            if is_out[file] {
                first.note(at, 0);
                progress.step(reach(spreads, |pass| pass.end));
                continue;
            }
            let segment = &segments[file];
            let done = (at + 1) as f64 / items.len() as f64;
            let read = guarded(|| worker.read(file, segment, group, done));
            first.note(at, worker.found_last);
            progress.step(reach(spreads, |pass| pass.end));
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
    let workers = workers
        .into_iter()
        .filter_map(|cell| cell.into_inner().expect("no holder panics"));
    // Every row group before this one was read: a thread that has taken one finishes it.
    Ok((workers.collect(), next.into_inner()))
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

/// Puts together what the threads have found in a pass; groups of rows that were put aside go to `best`.
fn finish<'a>(
    question: &Question,
    workers: Vec<Worker<'a>>,
    spreads: &'a [Spread<'a>],
    best: &mut [Vec<Best<'a>>],
) -> Result<Answer> {
    let threads = workers.len();
    let mut totals = Totals::default();
    let mut found: Option<Found> = None;
    let mut jobs: Vec<Vec<Counting>> = question.jobs.iter().map(|_| Vec::new()).collect();
    for worker in workers {
        totals.add(&worker.totals);
        match (&mut found, worker.found) {
            (Some(found), Some(other)) => found.absorb(other),
            (found, other) => *found = other,
        }
        jobs.iter_mut()
            .zip(worker.jobs)
            .for_each(|(parts, job)| parts.extend(job));
    }
    let mut tables: Vec<Vec<Table>> = Vec::new();
    for (number, (parts, spread)) in jobs.into_iter().zip(spreads).enumerate() {
        let counts = job_of_totals(question) == Some(number);
        tables.push(Vec::new());
        if parts.is_empty() {
            continue;
        }
        if spread.is_used() {
            let asides: Vec<Aside> = parts.into_iter().map(|part| part.put_aside(spread)).collect();
            gather(
                spread,
                &asides,
                threads,
                &mut best[number],
                counts.then_some(&mut totals),
            )?;
            spread.next_pass();
        } else if let Some(groups) = joined(parts) {
            if counts {
                groups.sums().for_each(|sums| totals.add_group(sums));
            }
            tables[number].extend(spread.job.orders.iter().map(|order| groups.table(order)));
        }
    }
    Ok(Answer {
        totals,
        tables,
        positions: found.map_or(Vec::new(), Found::positions),
        next: None,
    })
}

/// The groups of all threads.
fn joined(parts: Vec<Counting>) -> Option<Groups> {
    let mut groups = parts.into_iter().filter_map(|part| match part {
        Counting::Groups(groups) => Some(groups),
        Counting::Aside(_) => None,
    });
    let mut whole = groups.next()?;
    groups.for_each(|part| whole.absorb(&part));
    Some(whole)
}
