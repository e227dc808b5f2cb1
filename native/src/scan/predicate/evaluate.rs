//! Evaluation of a filter, a block of rows at a time: one byte a row, 1 where it holds.

use super::{wide, Computed, Known, Leaf, Node, Predicate, Ranges};
use crate::scan::column::Lane;
use crate::scan::group::Group;
use parquet::errors::Result;

/// Working memory of one thread.
pub struct Evaluator<'a> {
    predicate: &'a Predicate,
    known: Vec<Known>,
    /// Masks that are not in use.
    spare: Vec<Vec<u8>>,
}

/// The value of a row whatever its lane is.
pub fn at(lane: Lane, dictionary: Option<&[u64]>, row: usize) -> u64 {
    match lane {
        Lane::Same(value, _) => value,
        Lane::Codes(codes) => dictionary.map_or(0, |entries| entries[codes[row] as usize]),
        Lane::Values(values) => values[row],
    }
}

impl<'a> Evaluator<'a> {
    pub fn new(predicate: &'a Predicate) -> Evaluator<'a> {
        Evaluator {
            predicate,
            known: predicate.leaves.iter().map(|_| Known::Nothing).collect(),
            spare: Vec::new(),
        }
    }

    /// To be called for each row group before its first block.
    pub fn start_group(&mut self) {
        for known in &mut self.known {
            if let Known::Table(table) = std::mem::replace(known, Known::Nothing) {
                self.spare.push(table);
            }
        }
    }

    /// Sets `mask` to one byte a row of the block: 1 where the predicate holds, else 0.
    pub fn evaluate(&mut self, group: &mut Group, start: usize, mask: &mut [u8]) -> Result<()> {
        let predicate = self.predicate;
        self.node(&predicate.root, group, start, mask)
    }

    fn node(&mut self, node: &Node, group: &mut Group, start: usize, mask: &mut [u8]) -> Result<()> {
        match node {
            Node::True => mask.fill(1),
            Node::Not(part) => {
                self.node(part, group, start, mask)?;
                mask.iter_mut().for_each(|row| *row ^= 1);
            }
            Node::All(parts) => {
                mask.fill(1);
                self.parts(parts, group, start, mask, 0)?;
            }
            Node::Any(parts) => {
                mask.fill(0);
                self.parts(parts, group, start, mask, 1)?;
            }
            Node::Leaf(leaf) => self.leaf(*leaf, group, start, mask)?,
        }
        Ok(())
    }

    /// Joins parts into `mask`; stops as soon as every row has the answer `settled`.
    fn parts(&mut self, parts: &[Node], group: &mut Group, start: usize, mask: &mut [u8], settled: u8) -> Result<()> {
        let mut other = self.spare.pop().unwrap_or_default();
        for (number, part) in parts.iter().enumerate() {
            if number == 0 {
                self.node(part, group, start, mask)?;
                continue;
            }
            if mask.iter().all(|&row| row == settled) {
                break;
            }
            other.resize(mask.len(), 0);
            self.node(part, group, start, &mut other)?;
            let pairs = mask.iter_mut().zip(&other);
            if settled == 0 {
                pairs.for_each(|(row, other)| *row &= other);
            } else {
                pairs.for_each(|(row, other)| *row |= other);
            }
        }
        self.spare.push(other);
        Ok(())
    }

    fn leaf(&mut self, number: usize, group: &mut Group, start: usize, mask: &mut [u8]) -> Result<()> {
        let leaf = &self.predicate.leaves[number];
        if matches!(self.known[number], Known::Nothing) {
            let table = self.spare.pop().unwrap_or_default();
            self.known[number] = leaf.prepare(group, table)?;
        }
        let known = &self.known[number];
        if let Known::Everywhere(answer) = known {
            mask.fill(u8::from(*answer));
            return Ok(());
        }
        let count = mask.len();
        match leaf {
            Leaf::Value {
                column,
                shift,
                mask: bits,
                bias,
                ranges,
            } => {
                group.load(*column, start, count)?;
                let has = |value: u64| u8::from(ranges.has((value >> shift & bits) ^ bias));
                match (group.lane(*column), known) {
                    (Lane::Same(value, _), _) => mask.fill(has(value)),
                    (Lane::Codes(codes), Known::Table(table)) => look_up(mask, codes, table),
                    (Lane::Values(values), _) => match ranges.as_slice() {
                        &[(from, to)] => {
                            let span = to - from;
                            for (row, value) in mask.iter_mut().zip(values) {
                                *row = u8::from(((value >> shift & bits) ^ bias).wrapping_sub(from) <= span);
                            }
                        }
                        _ => fill(mask, |row| has(values[row])),
                    },
                    (lane @ Lane::Codes(_), _) => {
                        let entries = group.dictionary(*column);
                        fill(mask, |row| has(at(lane, entries, row)));
                    }
                }
            }
            Leaf::Address { hi, lo, ranges } => {
                group.load(*hi, start, count)?;
                group.load(*lo, start, count)?;
                let (high, low) = (group.lane(*hi), group.lane(*lo));
                let (his, los) = (group.dictionary(*hi), group.dictionary(*lo));
                let width = los.map_or(0, <[u64]>::len);
                match (high, low, known) {
                    (Lane::Same(hi, _), Lane::Same(lo, _), _) => mask.fill(u8::from(ranges.has(wide(hi, lo)))),
                    (Lane::Same(_, code), Lane::Codes(codes), Known::Table(table)) => {
                        look_up(mask, codes, &table[code * width..(code + 1) * width]);
                    }
                    (Lane::Codes(his), Lane::Codes(los), Known::Table(table)) => {
                        fill(mask, |row| table[his[row] as usize * width + los[row] as usize]);
                    }
                    _ => fill(mask, |row| {
                        u8::from(ranges.has(wide(at(high, his, row), at(low, los, row))))
                    }),
                }
            }
            Leaf::Equal(a, b) => {
                group.load(*a, start, count)?;
                group.load(*b, start, count)?;
                let (left, right) = (group.lane(*a), group.lane(*b));
                let (lefts, rights) = (group.dictionary(*a), group.dictionary(*b));
                fill(mask, |row| u8::from(at(left, lefts, row) == at(right, rights, row)));
            }
            Leaf::Computed { computed, ranges } => computed.evaluate(group, start, ranges, mask)?,
        }
        Ok(())
    }
}

impl Computed {
    fn evaluate(&self, group: &mut Group, start: usize, ranges: &Ranges<u64>, mask: &mut [u8]) -> Result<()> {
        let columns = match *self {
            Computed::Duration { first, last } => [first, last, last],
            Computed::Rate {
                counter, first, last, ..
            } => [first, last, counter],
            Computed::Share { part, whole } => [part, whole, whole],
            Computed::AtLeastOne(column) => [column; 3],
        };
        for column in columns {
            group.spread(column, start, mask.len())?;
        }
        let [a, b, c] = columns.map(|column| group.values(column));
        let value = |row: usize| {
            let (a, b) = (a[row], b[row]);
            match self {
                Computed::Duration { .. } => (b as i64).saturating_sub(a as i64).max(0) as u64,
                Computed::Rate { factor, .. } => {
                    let duration = (b as i64).saturating_sub(a as i64).max(0) as u128;
                    let all = u128::from(c[row]) * u128::from(*factor);
                    u64::try_from(all.checked_div(duration).unwrap_or(0)).unwrap_or(u64::MAX)
                }
                Computed::Share { .. } => a.checked_div(b).unwrap_or(0),
                Computed::AtLeastOne(_) => a.max(1),
            }
        };
        fill(mask, |row| u8::from(ranges.has(value(row))));
        Ok(())
    }
}

fn fill(mask: &mut [u8], answer: impl Fn(usize) -> u8) {
    for (row, cell) in mask.iter_mut().enumerate() {
        *cell = answer(row);
    }
}

fn look_up(mask: &mut [u8], codes: &[u32], table: &[u8]) {
    for (cell, &code) in mask.iter_mut().zip(codes) {
        *cell = table[code as usize];
    }
}
