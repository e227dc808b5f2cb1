//! One table of an answer: flows grouped by parts of a key, and the groups put in order.

use super::aside::Aside;
use super::counted::Counted;
use super::facts::Facts;
use super::group::Group;
use super::job::{measure, Counters, Job, Measure, Order, Rows};
use super::key::{Place, RowKeys};
use super::numbers::Numbers;
use super::spread::Spread;
use super::table::{Entry, Extra, Keys, Sums, KEY_BYTES};
use parquet::errors::Result;
use std::cmp::Ordering;

/// The groups that one thread has found.
pub struct Groups<'a> {
    pub job: &'a Job,
    keys: RowKeys<'a>,
    /// Joined keys; with a single part the part's own number is that of the group.
    joined: Option<Keys>,
    sums: Vec<Sums>,
    extra: Vec<Extra>,
}

/// Groups in order: one entry of each column a group.
pub struct Table {
    pub keys: Vec<Vec<u128>>,
    pub sums: Vec<Sums>,
    pub extra: Vec<Extra>,
}

impl<'a> Groups<'a> {
    pub fn new(spread: &Spread<'a>) -> Groups<'a> {
        let (job, places) = (spread.job, spread.places.clone());
        let own = |place: &Place| place.by_number.then(|| Numbers::Own(Keys::default()));
        let parts = places.iter().map(own).collect();
        Groups {
            job,
            joined: (places.len() > 1).then(Keys::default),
            keys: RowKeys::new(places, parts, job.sides.len()),
            sums: Vec::new(),
            extra: Vec::new(),
        }
    }

    pub fn start_group(&mut self) {
        self.keys.start_group();
    }

    /// Memory for what has been found, but for what vectors hold in reserve.
    pub fn bytes(&self) -> usize {
        self.sums.len() * size_of::<Sums>()
            + self.extra.len() * size_of::<Extra>()
            + self.keys.bytes()
            + self.joined.as_ref().map_or(0, |keys| keys.len() * KEY_BYTES)
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
            let joined = &mut self.joined;
            self.keys
                .make(group, (number, side), (start, count), rows, joined.is_some())?;
            if let Some(joined) = joined {
                for (number, &key) in self.keys.numbers.iter_mut().zip(&self.keys.keys) {
                    *number = joined.number(key);
                }
            }
            let groups = self.group_count();
            self.sums.resize(groups, Sums::default());
            if job.extra {
                self.extra.resize(groups, Extra::default());
                let flags = counters.tcp_flags.map(|column| group.values(column));
                let (numbers, extra) = (&self.keys.numbers, &mut self.extra);
                rows.each(|index, row| {
                    let extra = &mut extra[numbers[index] as usize];
                    extra.position = extra.position.min(position + row as u64);
                    extra.tcp_flags |= flags.map_or(0, |flags| flags[row]) as u32;
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

    fn own(&self, part: usize) -> Option<&Keys> {
        match &self.keys.parts[part] {
            Some(Numbers::Own(keys)) => Some(keys),
            _ => None,
        }
    }

    fn group_count(&self) -> usize {
        match (&self.joined, &self.keys.parts[0]) {
            (Some(joined), _) => joined.len(),
            (None, Some(_)) => self.own(0).map_or(0, Keys::len),
            (None, None) => 1 << self.keys.places[0].bits,
        }
    }

    /// For files without the columns of other counters, which is the usual case.
    fn add_basic(&mut self, group: &Group, counters: &Counters, rows: Rows) {
        let (packets, octets) = (group.values(counters.packets), group.values(counters.octets));
        let (first, last) = (group.values(counters.first), group.values(counters.last));
        let count = packets.len().min(octets.len()).min(first.len()).min(last.len());
        let (packets, octets, first, last) = (&packets[..count], &octets[..count], &first[..count], &last[..count]);
        let (numbers, sums) = (&self.keys.numbers, &mut self.sums);
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
        let (numbers, sums) = (&self.keys.numbers, &mut self.sums);
        rows.each(|index, row| {
            sums[numbers[index] as usize].add(&counted.row(row));
        });
    }

    /// Adds what another thread has found.
    pub fn absorb(&mut self, other: &Groups) {
        let parts = self.keys.parts.iter_mut().enumerate();
        let renumbered: Vec<Option<Vec<u32>>> = parts
            .map(|(part, numbers)| {
                let (numbers, theirs) = (numbers.as_mut()?, other.own(part)?);
                Some(theirs.keys.iter().map(|&key| numbers.number(key)).collect())
            })
            .collect();
        for (number, sums) in other.sums.iter().enumerate() {
            if sums.rows == 0 {
                continue;
            }
            let here = match (&mut self.joined, &other.joined) {
                (Some(joined), Some(theirs)) => {
                    joined.number(renumber(theirs.keys[number], &self.keys.places, &renumbered))
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

    /// Puts all groups aside; `spread` is that of the same job.
    pub fn put_aside(self, spread: &'a Spread<'a>) -> Aside<'a> {
        let mut aside = Aside::new(spread);
        let renumbered: Vec<Option<Vec<u32>>> = (0..self.keys.places.len())
            .map(|part| {
                let (own, shared) = (self.own(part)?, spread.numbers(part)?);
                Some(own.keys.iter().map(|&value| shared.number(value)).collect())
            })
            .collect();
        for (number, sums) in self.sums.iter().enumerate().filter(|(_, sums)| sums.rows > 0) {
            let key = match &self.joined {
                Some(joined) => renumber(joined.keys[number], &self.keys.places, &renumbered),
                None => u128::from(renumbered[0].as_ref().map_or(number as u32, |numbers| numbers[number])),
            };
            aside.put_group(Entry {
                key,
                sums: *sums,
                extra: self.extra.get(number).copied().unwrap_or_default(),
            });
        }
        aside
    }

    /// How many there are; with a part of few bits as a key all that there could be.
    pub fn found(&self) -> usize {
        self.sums.len()
    }

    pub fn sums(&self) -> impl Iterator<Item = &Sums> {
        self.sums.iter().filter(|sums| sums.rows > 0)
    }

    /// The value of a part of a group's key.
    fn part(&self, number: u32, part: usize) -> u128 {
        let value = match &self.joined {
            Some(joined) => self.keys.places[part].of(joined.keys[number as usize]),
            None => number,
        };
        match self.own(part) {
            Some(keys) => keys.keys[value as usize],
            None => u128::from(value),
        }
    }

    /// The groups of one table, in order.
    pub fn table(&self, order: &Order) -> Table {
        let parts = self.keys.places.len();
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

/// A joined key with other numbers for its parts.
fn renumber(key: u128, places: &[Place], renumbered: &[Option<Vec<u32>>]) -> u128 {
    let parts = places.iter().zip(renumbered).map(|(place, renumbered)| {
        let part = place.of(key);
        let part = renumbered.as_ref().map_or(part, |numbers| numbers[part as usize]);
        u128::from(part) << place.shift
    });
    parts.fold(0, |key, part| key | part)
}
