//! Files that need not be opened, since the index of their directory tells that no flow in them is asked for.

use super::facts::{Facts, Ranges};
use super::file::{Segment, Wanted};
use super::{in_parallel, Question};
use crate::segment::column::ColumnType;
use crate::slot_index::directory::Filter;
use crate::slot_index::filter::Half;
use crate::slot_index::halves::half_of;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;

/// Addresses a condition for which a filter is asked.
const MOST_ASKED: u128 = 64;

/// Files that are looked up at a time.
const STEP: usize = 64;

/// For each file whether it is out.
pub fn files_out(segments: &[Segment], question: &Question) -> Vec<bool> {
    if question.predicate.is_true() || segments.iter().all(|segment| segment.filter.is_none()) {
        return vec![false; segments.len()];
    }
    let is_out: Vec<AtomicBool> = segments.iter().map(|_| AtomicBool::new(false)).collect();
    let next = AtomicUsize::new(0);
    in_parallel(question.threads.min(segments.len().div_ceil(STEP)), |_| {
        let mut columns = Columns::default();
        loop {
            let from = next.fetch_add(STEP, Ordering::Relaxed);
            if from >= segments.len() {
                return;
            }
            let to = segments.len().min(from + STEP);
            for (segment, is_out) in segments[from..to].iter().zip(&is_out[from..to]) {
                let Some(filter) = &segment.filter else { continue };
                columns.look_up(&question.columns, segment);
                // The question is not for this engine, which has to be found out.
                let is_whole = !columns.lack_core;
                let facts = FileFacts {
                    columns: &columns,
                    wanted: &question.columns,
                    segment,
                    filter,
                };
                if is_whole && question.predicate.decide(&facts) == Some(false) {
                    is_out.store(true, Ordering::Relaxed);
                }
            }
        }
    });
    is_out.into_iter().map(AtomicBool::into_inner).collect()
}

/// What is known of the wanted columns in files with the same columns.
#[derive(Default)]
struct Columns {
    of: Option<Arc<[String]>>,
    is_missing: Vec<bool>,
    lack_core: bool,
}

impl Columns {
    fn look_up(&mut self, wanted: &[Wanted], segment: &Segment) {
        if self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, &segment.columns)) {
            return;
        }
        self.of = Some(segment.columns.clone());
        let is_missing = wanted.iter().map(|want| !segment.columns.contains(&want.name));
        self.is_missing = is_missing.collect();
        let mut core = wanted.iter().zip(&self.is_missing).filter(|(want, _)| want.is_core);
        self.lack_core = core.any(|(_, is_missing)| *is_missing);
    }
}

/// A file as the index knows it.
struct FileFacts<'a> {
    columns: &'a Columns,
    wanted: &'a [Wanted],
    segment: &'a Segment,
    filter: &'a Filter,
}

impl Facts for FileFacts<'_> {
    fn is_missing(&self, column: usize) -> bool {
        self.columns.is_missing[column]
    }

    fn bounds(&self, column: usize) -> Option<(u64, u64)> {
        let want = &self.wanted[column];
        let spans = self.segment.spans.filter(|_| want.column_type == ColumnType::TimeMs)?;
        let (least, most) = match want.name.as_str() {
            "first" => spans.first,
            "last" => spans.last,
            _ => return None,
        };
        Some((least as u64, most as u64))
    }

    fn lacks(&self, hi: usize, lo: usize, ranges: &Ranges<u128>) -> bool {
        let halves = [hi, lo].map(|column| half_of(&self.wanted[column].name));
        if halves != [Some(Half::High), Some(Half::Low)] {
            return false;
        }
        let mut asked = 0;
        ranges.iter().all(|&(from, to)| {
            let high = (from >> 64) as u64;
            if high != (to >> 64) as u64 {
                return false;
            }
            asked += 1;
            if asked > MOST_ASKED {
                return false;
            }
            if self.filter.lacks(Half::High, high) {
                return true;
            }
            asked = asked.saturating_add(to - from);
            asked <= MOST_ASKED && (from..=to).all(|address| self.filter.lacks(Half::Low, address as u64))
        })
    }
}
