//! Of the groups of rows that were put aside, the best in each order.

use super::aside::Aside;
use super::column::not_here;
use super::gather::Gather;
use super::groups::Table;
use super::job::{measure, Measure, Order};
use super::key::value_of;
use super::numbers::{NumberView, SharedNumbers};
use super::pile::Pile;
use super::spread::Spread;
use super::table::{Entry, Extra};
use super::{in_parallel, Totals};
use parquet::errors::Result;
use std::cmp::Ordering;
use std::sync::atomic::{self, AtomicUsize};
use std::sync::Mutex;

/// The groups that come first in one order.
pub struct Best<'a> {
    spread: &'a Spread<'a>,
    order: &'a Order,
    top: usize,
    /// What the order compares, the larger the earlier.
    rows: Vec<(i128, Entry)>,
    /// Groups behind this one cannot come in any more.
    last: Option<(i128, Entry)>,
}

/// Rows that may wait until the best of them are chosen.
const WAITING: usize = 2048;

impl<'a> Best<'a> {
    fn new(spread: &'a Spread<'a>, order: &'a Order) -> Best<'a> {
        Best {
            spread,
            order,
            top: spread.job.top,
            rows: Vec::new(),
            last: None,
        }
    }

    /// For each order of a job.
    pub fn of_job(spread: &'a Spread<'a>) -> Vec<Best<'a>> {
        spread.job.orders.iter().map(|order| Best::new(spread, order)).collect()
    }

    fn offer(&mut self, entry: &Entry, views: &Views) {
        let compared = match self.order.measure {
            Measure::Position => i128::from(entry.extra.position),
            _ => measure(&entry.sums, self.order),
        };
        let row = (if self.order.ascending { -compared } else { compared }, *entry);
        if let Some(last) = &self.last {
            if row.0 < last.0 || self.compare(&row, last, views) == Ordering::Greater {
                return;
            }
        }
        self.rows.push(row);
        if self.top > 0 && self.rows.len() >= 2 * self.top + WAITING {
            self.cut(views);
        }
    }

    /// Equal groups are in the order of their keys, conversations in that of their first rows.
    fn compare(&self, a: &(i128, Entry), b: &(i128, Entry), views: &Views) -> Ordering {
        b.0.cmp(&a.0).then_with(|| {
            if self.spread.job.conversation.is_some() {
                return a.1.extra.position.cmp(&b.1.extra.position);
            }
            let parts = 0..self.spread.places.len();
            let each = parts.map(|part| views.value(part, a.1.key).cmp(&views.value(part, b.1.key)));
            each.fold(Ordering::Equal, Ordering::then)
        })
    }

    fn cut(&mut self, views: &Views) {
        let mut rows = std::mem::take(&mut self.rows);
        if self.top > 0 && rows.len() > self.top {
            let (_, last, _) = rows.select_nth_unstable_by(self.top - 1, |a, b| self.compare(a, b, views));
            self.last = Some(*last);
            rows.truncate(self.top);
        }
        self.rows = rows;
    }

    /// Memory for what is wanted.
    fn bytes(&self) -> usize {
        self.rows.len().saturating_sub(WAITING) * size_of::<(i128, Entry)>()
    }

    pub fn table(mut self) -> Table {
        let views = Views::of(self.spread);
        self.cut(&views);
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_unstable_by(|a, b| self.compare(a, b, &views));
        let extra = rows.iter().map(|(_, entry)| Extra {
            position: self.spread.place(entry.extra.position),
            ..entry.extra
        });
        Table {
            keys: (0..self.spread.places.len())
                .map(|part| rows.iter().map(|(_, entry)| views.value(part, entry.key)).collect())
                .collect(),
            extra: if self.spread.job.extra {
                extra.collect()
            } else {
                Vec::new()
            },
            sums: rows.iter().map(|(_, entry)| entry.sums).collect(),
        }
    }
}

/// Values behind the numbers in keys.
struct Views<'v> {
    spread: &'v Spread<'v>,
    views: Vec<Option<NumberView<'v>>>,
}

impl<'v> Views<'v> {
    fn of(spread: &'v Spread<'v>) -> Views<'v> {
        Views {
            spread,
            views: (0..spread.places.len())
                // One lock for parts that are numbered alike.
                .map(|part| (spread.shared(part) == part).then(|| spread.numbers(part).map(SharedNumbers::view))?)
                .collect(),
        }
    }

    fn value(&self, part: usize, key: u128) -> u128 {
        value_of(
            key,
            self.spread.places[part],
            self.views[self.spread.shared(part)].as_ref(),
        )
    }
}

/// Counts the partitions of a pass; adds to the best groups of each order, and all groups to the totals if there are any.
pub fn gather<'a>(
    spread: &'a Spread<'a>,
    asides: &[Aside],
    threads: usize,
    best: &mut [Best<'a>],
    totals: Option<&mut Totals>,
) -> Result<()> {
    let partitions = spread.partitions();
    let next = AtomicUsize::new(0);
    let views = Views::of(spread);
    let counts_totals = totals.is_some();
    let found: Mutex<Vec<(Vec<Best>, Totals)>> = Mutex::default();
    let held = AtomicUsize::new(best.iter().map(Best::bytes).sum());
    in_parallel(threads, |_| {
        let mut table = Gather::default();
        let mut best = Best::of_job(spread);
        let mut totals = Totals::default();
        let mut bytes = 0;
        loop {
            let at = next.fetch_add(1, atomic::Ordering::Relaxed);
            if at >= partitions.len() || held.load(atomic::Ordering::Relaxed) > spread.group_bytes() {
                break;
            }
            let piles = || asides.iter().filter_map(|aside| aside.piles.get(at));
            table.start(piles().map(Pile::rows).sum());
            piles().for_each(|pile| table.add(spread, pile));
            for entry in &table.groups {
                if counts_totals {
                    totals.add_group(&entry.sums);
                }
                if spread.job.skip_zero && views.value(0, entry.key) == 0 {
                    continue;
                }
                let shown = spread.job.conversation.map(|conversation| conversation.directed(entry));
                let entry = shown.as_ref().unwrap_or(entry);
                best.iter_mut().for_each(|best| best.offer(entry, &views));
            }
            let now = best.iter().map(Best::bytes).sum();
            held.fetch_add(usize::saturating_sub(now, bytes), atomic::Ordering::Relaxed);
            bytes = now.max(bytes);
        }
        found.lock().expect("no holder panics").push((best, totals));
    });
    if held.into_inner() > spread.group_bytes() {
        return Err(not_here("more groups than memory should hold"));
    }
    let mut sums_of_all = Totals::default();
    for (theirs, sums) in found.into_inner().expect("no holder panics") {
        sums_of_all.add(&sums);
        for (best, theirs) in best.iter_mut().zip(theirs) {
            best.rows.extend(theirs.rows);
            best.cut(&views);
        }
    }
    if let Some(totals) = totals {
        totals.add(&sums_of_all);
    }
    Ok(())
}
