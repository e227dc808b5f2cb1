//! One table of an answer: flows grouped by parts of a key, and the groups put in order.

use super::counted::Counted;
use super::group::Group;
use super::job::{measure, Counters, Job, Measure, Order, Part, Rows};
use super::key::{number_part, start_table, Place};
use super::predicate::Facts;
use super::table::{Extra, Keys, Sums, KEY_BYTES};
use parquet::errors::Result;
use std::cmp::Ordering;

/// The groups that one thread has found.
pub struct Groups<'a> {
    job: &'a Job,
    places: Vec<Place>,
    /// Joined keys; with a single part the part's own number is that of the group.
    joined: Option<Keys>,
    sums: Vec<Sums>,
    extra: Vec<Extra>,
    /// For each side and part: numbers by dictionary entry in the row group at hand.
    tables: Vec<Vec<u32>>,
    tables_ready: Vec<bool>,
    numbers: Vec<u32>,
    keys: Vec<u128>,
}

/// Groups in order: one entry of each column a group.
pub struct Table {
    pub keys: Vec<Vec<u128>>,
    pub sums: Vec<Sums>,
    pub extra: Vec<Extra>,
}

impl<'a> Groups<'a> {
    /// None when the parts are too many for one key.
    pub fn new(job: &'a Job) -> Option<Groups<'a>> {
        let mut shift = 0;
        let mut places = Vec::new();
        for part in &job.sides[0] {
            let bits = match part {
                Part::Small { bits, .. } => *bits,
                _ => 32,
            };
            let keys = (!matches!(part, Part::Small { .. })).then(Keys::default);
            places.push(Place { shift, bits, keys });
            shift += bits;
        }
        let parts = job.sides.len() * places.len();
        (shift <= 128 && !places.is_empty()).then(|| Groups {
            job,
            joined: (places.len() > 1).then(Keys::default),
            places,
            sums: Vec::new(),
            extra: Vec::new(),
            tables: vec![Vec::new(); parts],
            tables_ready: vec![false; parts],
            numbers: Vec::new(),
            keys: Vec::new(),
        })
    }

    pub fn start_group(&mut self) {
        self.tables_ready.fill(false);
    }

    /// Memory for what has been found, but for what vectors hold in reserve.
    pub fn bytes(&self) -> usize {
        let keys = self.places.iter().filter_map(|place| place.keys.as_ref());
        self.sums.len() * size_of::<Sums>()
            + self.extra.len() * size_of::<Extra>()
            + keys
                .chain(&self.joined)
                .map(|keys| keys.len() * KEY_BYTES)
                .sum::<usize>()
    }

    /// Counts the rows of a block; `position` is the place of its first row among all files.
    pub fn count(
        &mut self,
        group: &mut Group,
        counters: &Counters,
        start: usize,
        count: usize,
        rows: Rows,
        position: u64,
    ) -> Result<()> {
        let job = self.job;
        for (number, side) in job.sides.iter().enumerate() {
            self.number_rows(group, number, side, start, count, rows)?;
            let groups = self.group_count();
            self.sums.resize(groups, Sums::default());
            if job.extra {
                self.extra.resize(groups, Extra::default());
                let flags = counters.tcp_flags.map(|column| group.values(column));
                let (numbers, extra) = (&self.numbers, &mut self.extra);
                rows.each(|index, row| {
                    let extra = &mut extra[numbers[index] as usize];
                    extra.position = extra.position.min(position + row as u64);
                    extra.tcp_flags |= flags.map_or(0, |flags| flags[row]);
                });
            }
            let has = |column: usize| !group.is_missing(column);
            if has(counters.flows) || has(counters.out_packets) || has(counters.out_octets) {
                self.add_all(group, counters, rows);
            } else {
                self.add_basic(group, counters, rows);
            }
        }
        Ok(())
    }

    fn group_count(&self) -> usize {
        match (&self.joined, &self.places[0].keys) {
            (Some(joined), _) => joined.len(),
            (None, Some(keys)) => keys.len(),
            (None, None) => 1 << self.places[0].bits,
        }
    }

    /// For files without the columns of other counters, which is the usual case.
    fn add_basic(&mut self, group: &Group, counters: &Counters, rows: Rows) {
        let (packets, octets) = (group.values(counters.packets), group.values(counters.octets));
        let (first, last) = (group.values(counters.first), group.values(counters.last));
        let count = packets.len().min(octets.len()).min(first.len()).min(last.len());
        let (packets, octets, first, last) = (&packets[..count], &octets[..count], &first[..count], &last[..count]);
        let (numbers, sums) = (&self.numbers, &mut self.sums);
        rows.each(|index, row| {
            let sums = &mut sums[numbers[index] as usize];
            sums.rows += 1;
            sums.flows = sums.flows.saturating_add(1);
            sums.packets = sums.packets.saturating_add(packets[row]);
            sums.octets = sums.octets.saturating_add(octets[row]);
            sums.first = sums.first.min(first[row] as i64);
            sums.last = sums.last.max(last[row] as i64);
        });
    }

    fn add_all(&mut self, group: &Group, counters: &Counters, rows: Rows) {
        let counted = Counted::of(group, counters);
        let (numbers, sums) = (&self.numbers, &mut self.sums);
        rows.each(|index, row| {
            sums[numbers[index] as usize].add(&counted.row(row));
        });
    }

    /// Puts the number of each wanted row's group in `numbers`.
    fn number_rows(
        &mut self,
        group: &mut Group,
        side: usize,
        parts: &[Part],
        start: usize,
        count: usize,
        rows: Rows,
    ) -> Result<()> {
        for part in parts {
            match part {
                Part::Small { column, .. } | Part::Number { column } => group.load(*column, start, count)?,
                Part::Address { hi, lo, .. } => {
                    group.load(*hi, start, count)?;
                    group.load(*lo, start, count)?;
                }
            }
        }
        let joining = self.joined.is_some();
        self.numbers.resize(rows.len(), 0);
        if joining {
            self.keys.clear();
            self.keys.resize(rows.len(), 0);
        }
        for (index, part) in parts.iter().enumerate() {
            let at = side * self.places.len() + index;
            let place = &mut self.places[index];
            let table = &mut self.tables[at];
            if !self.tables_ready[at] {
                start_table(group, part, table);
                self.tables_ready[at] = true;
            }
            number_part(group, part, place, table, rows, &mut self.numbers);
            if joining {
                let shift = place.shift;
                for (key, &number) in self.keys.iter_mut().zip(&self.numbers) {
                    *key |= u128::from(number) << shift;
                }
            }
        }
        if let Some(joined) = &mut self.joined {
            for (number, &key) in self.numbers.iter_mut().zip(&self.keys) {
                *number = joined.number(key);
            }
        }
        Ok(())
    }

    /// Adds what another thread has found.
    pub fn absorb(&mut self, other: &Groups) {
        let renumbered: Vec<Option<Vec<u32>>> = self
            .places
            .iter_mut()
            .zip(&other.places)
            .map(|(place, theirs)| {
                let (keys, theirs) = (place.keys.as_mut()?, theirs.keys.as_ref()?);
                Some(theirs.keys.iter().map(|&key| keys.number(key)).collect())
            })
            .collect();
        for (number, sums) in other.sums.iter().enumerate() {
            if sums.rows == 0 {
                continue;
            }
            let here = match (&mut self.joined, &other.joined) {
                (Some(joined), Some(theirs)) => {
                    let mut key = 0;
                    for (place, renumbered) in self.places.iter().zip(&renumbered) {
                        let part = place.of(theirs.keys[number]);
                        let part = renumbered.as_ref().map_or(part, |numbers| numbers[part as usize]);
                        key |= u128::from(part) << place.shift;
                    }
                    joined.number(key)
                }
                _ => renumbered[0].as_ref().map_or(number as u32, |numbers| numbers[number]),
            };
            let groups = self.group_count();
            self.sums.resize(groups, Sums::default());
            self.sums[here as usize].add(sums);
            if self.job.extra {
                self.extra.resize(groups, Extra::default());
                self.extra[here as usize].add(&other.extra[number]);
            }
        }
    }

    pub fn sums(&self) -> impl Iterator<Item = &Sums> {
        self.sums.iter().filter(|sums| sums.rows > 0)
    }

    /// The value of a part of a group's key.
    fn part(&self, number: u32, part: usize) -> u128 {
        let place = &self.places[part];
        let value = match &self.joined {
            Some(joined) => place.of(joined.keys[number as usize]),
            None => number,
        };
        match &place.keys {
            Some(keys) => keys.keys[value as usize],
            None => u128::from(value),
        }
    }

    /// The groups of one table, in order.
    pub fn table(&self, order: &Order) -> Table {
        let parts = self.places.len();
        let wanted = (0..self.sums.len() as u32)
            .filter(|&number| self.sums[number as usize].rows > 0)
            .filter(|&number| !self.job.skip_zero || self.part(number, 0) != 0);
        let mut rows: Vec<(i128, u32)> = wanted.map(|number| (self.measure(number, order), number)).collect();
        let compare = |a: &(i128, u32), b: &(i128, u32)| {
            let by_measure = if order.ascending { a.0.cmp(&b.0) } else { b.0.cmp(&a.0) };
            by_measure.then_with(|| {
                let keys = (0..parts).map(|part| self.part(a.1, part).cmp(&self.part(b.1, part)));
                keys.fold(Ordering::Equal, Ordering::then)
            })
        };
        let top = self.job.top;
        if top > 0 && rows.len() > top {
            rows.select_nth_unstable_by(top - 1, compare);
            rows.truncate(top);
        }
        rows.sort_unstable_by(compare);
        let numbers = rows.iter().map(|&(_, number)| number);
        Table {
            keys: (0..parts)
                .map(|part| numbers.clone().map(|number| self.part(number, part)).collect())
                .collect(),
            sums: numbers.clone().map(|number| self.sums[number as usize]).collect(),
            extra: if self.job.extra {
                numbers.map(|number| self.extra[number as usize]).collect()
            } else {
                Vec::new()
            },
        }
    }

    fn measure(&self, number: u32, order: &Order) -> i128 {
        match order.measure {
            Measure::Position => i128::from(self.extra[number as usize].position),
            _ => measure(&self.sums[number as usize], order),
        }
    }
}
