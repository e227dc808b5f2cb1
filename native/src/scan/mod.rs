//! Answers questions to segments in one pass over all cores: each thread takes row group after row group and counts into
//! tables of its own, which are put together at the end. Answers do not depend on who took what.

pub mod archive;
mod aside;
mod best;
pub mod bits;
pub mod column;
mod conversation;
pub mod counted;
pub mod facts;
pub mod file;
mod gather;
pub mod group;
pub mod groups;
pub mod job;
pub mod key;
pub mod list;
pub mod look;
pub mod numbers;
pub mod page;
mod passes;
mod pile;
pub mod predicate;
pub mod prune;
mod spread;
pub mod table;
mod worker;

use crate::panics::FromDefect;
use crate::segment::named;
use file::Wanted;
use groups::Table;
use job::{Counters, Job};
use list::List;
use parquet::errors::ParquetError;
pub use passes::{run, Progress};
use predicate::Predicate;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use table::Sums;

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

/// Calls `work` with every number below `count`: whoever is free takes the next.
fn share_out(threads: usize, count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    in_parallel(threads.min(count), |_| loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return;
        }
        work(number);
    });
}

impl FromDefect for ParquetError {
    fn from_defect(text: String) -> ParquetError {
        ParquetError::General(text)
    }
}

fn with_name(path: &Path, cause: ParquetError) -> ParquetError {
    if cause.to_string().contains(&*path.to_string_lossy()) {
        cause
    } else {
        named(path, &cause)
    }
}

#[cfg(test)]
mod tests;
