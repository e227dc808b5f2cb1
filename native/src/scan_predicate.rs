//! Filters: read from their serialised form, decided by statistics where these suffice, evaluated once for each entry of
//! a dictionary where there is one, else row by row.
//!
//! A test of a column that the file does not have is false, so its opposite is true.

use crate::scan_column::Lane;
use crate::scan_group::Group;
use crate::segment::general;
use parquet::errors::Result;

const TRUE: u32 = 1;
const NOT: u32 = 2;
const ALL: u32 = 3;
const ANY: u32 = 4;
const VALUE: u32 = 5;
const ADDRESS: u32 = 6;
const EQUAL: u32 = 7;
const DURATION: u32 = 8;
const RATE: u32 = 9;
const SHARE: u32 = 10;
const AT_LEAST_ONE: u32 = 11;

/// Nested deeper, a filter is refused.
const DEEPEST: usize = 1200;
/// Entries of the table of answers for pairs of dictionary entries.
const LARGEST_TABLE: usize = 1 << 18;

/// Values from one to another, both included; sorted and apart.
struct Ranges<T>(Vec<(T, T)>);

impl<T: Copy + Ord> Ranges<T> {
    fn new(mut ranges: Vec<(T, T)>) -> Ranges<T> {
        ranges.retain(|(from, to)| from <= to);
        ranges.sort_unstable();
        let mut joined: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        Ranges(joined)
    }

    fn has(&self, value: T) -> bool {
        let after = self.0.partition_point(|(from, _)| *from <= value);
        after > 0 && value <= self.0[after - 1].1
    }

    /// The answer for every value between two, if it is the same.
    fn decide(&self, least: T, most: T) -> Option<bool> {
        if self.0.iter().any(|&(from, to)| from <= least && most <= to) {
            return Some(true);
        }
        (!self.0.iter().any(|&(from, to)| from <= most && least <= to)).then_some(false)
    }
}

enum Leaf {
    /// `(value >> shift & mask) ^ bias` is in the ranges. The bias makes signed values compare as unsigned ones.
    Value {
        column: usize,
        shift: u32,
        mask: u64,
        bias: u64,
        ranges: Ranges<u64>,
    },
    Address {
        hi: usize,
        lo: usize,
        ranges: Ranges<u128>,
    },
    Equal(usize, usize),
    /// A number made of several columns.
    Computed {
        computed: Computed,
        ranges: Ranges<u64>,
    },
}

enum Computed {
    Duration {
        first: usize,
        last: usize,
    },
    Rate {
        counter: usize,
        factor: u64,
        first: usize,
        last: usize,
    },
    Share {
        part: usize,
        whole: usize,
    },
    AtLeastOne(usize),
}

enum Node {
    True,
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Leaf(usize),
}

pub struct Predicate {
    root: Node,
    leaves: Vec<Leaf>,
}

/// What a thread knows of a leaf in the row group at hand.
enum Known {
    Nothing,
    Everywhere(bool),
    /// For each entry of the dictionary, or each pair of entries.
    Table(Vec<u8>),
    Rows,
}

/// Working memory of one thread.
pub struct Evaluator<'a> {
    predicate: &'a Predicate,
    known: Vec<Known>,
    /// Masks that are not in use.
    spare: Vec<Vec<u8>>,
}

/// Reads words one after another.
struct Words<'a> {
    words: std::slice::Iter<'a, u32>,
    columns: usize,
}

impl Words<'_> {
    fn next(&mut self) -> Result<u32> {
        let word = self.words.next();
        word.copied().ok_or_else(|| general("the filter's program is cut"))
    }

    fn wide(&mut self) -> Result<u64> {
        let low = self.next()?;
        Ok(u64::from(low) | u64::from(self.next()?) << 32)
    }

    fn column(&mut self) -> Result<usize> {
        let column = self.next()? as usize;
        if column < self.columns {
            Ok(column)
        } else {
            Err(general("the filter's program names no column"))
        }
    }

    fn ranges(&mut self) -> Result<Ranges<u64>> {
        let count = self.next()?;
        let ranges: Result<Vec<_>> = (0..count).map(|_| Ok((self.wide()?, self.wide()?))).collect();
        Ok(Ranges::new(ranges?))
    }

    /// Ranges of addresses: low half, then high half of both ends.
    fn address_ranges(&mut self) -> Result<Ranges<u128>> {
        let count = self.next()?;
        let mut end = || -> Result<u128> { Ok(u128::from(self.wide()?) | u128::from(self.wide()?) << 64) };
        let ranges: Result<Vec<_>> = (0..count).map(|_| Ok((end()?, end()?))).collect();
        Ok(Ranges::new(ranges?))
    }
}

impl Predicate {
    /// Reads a program in postfix order: see `src/query/native/program.ts`.
    pub fn parse(program: &[u32], columns: usize) -> Result<Predicate> {
        let mut words = Words {
            words: program.iter(),
            columns,
        };
        let mut stack: Vec<(Node, usize)> = Vec::new();
        let mut leaves = Vec::new();
        while let Some(&code) = words.words.next() {
            let leaf = match code {
                TRUE => {
                    stack.push((Node::True, 1));
                    continue;
                }
                NOT => {
                    let (node, depth) = stack.pop().ok_or_else(|| general("the filter's program is cut"))?;
                    stack.push((Node::Not(Box::new(node)), depth + 1));
                    continue;
                }
                ALL | ANY => {
                    let count = words.next()? as usize;
                    let from = stack
                        .len()
                        .checked_sub(count)
                        .ok_or_else(|| general("the filter's program is cut"))?;
                    let depth = stack[from..].iter().map(|(_, depth)| *depth).max().unwrap_or(0) + 1;
                    if depth > DEEPEST {
                        return Err(crate::scan_column::not_here("a filter nested so deep"));
                    }
                    let parts = stack.drain(from..).map(|(node, _)| node).collect();
                    stack.push((
                        if code == ALL {
                            Node::All(parts)
                        } else {
                            Node::Any(parts)
                        },
                        depth,
                    ));
                    continue;
                }
                VALUE => Leaf::Value {
                    column: words.column()?,
                    shift: words.next()? & 63,
                    mask: words.wide()?,
                    bias: u64::from(words.next()? != 0) << 63,
                    ranges: words.ranges()?,
                },
                ADDRESS => Leaf::Address {
                    hi: words.column()?,
                    lo: words.column()?,
                    ranges: words.address_ranges()?,
                },
                EQUAL => Leaf::Equal(words.column()?, words.column()?),
                DURATION => Leaf::Computed {
                    computed: Computed::Duration {
                        first: words.column()?,
                        last: words.column()?,
                    },
                    ranges: words.ranges()?,
                },
                RATE => Leaf::Computed {
                    computed: Computed::Rate {
                        counter: words.column()?,
                        factor: u64::from(words.next()?),
                        first: words.column()?,
                        last: words.column()?,
                    },
                    ranges: words.ranges()?,
                },
                SHARE => Leaf::Computed {
                    computed: Computed::Share {
                        part: words.column()?,
                        whole: words.column()?,
                    },
                    ranges: words.ranges()?,
                },
                AT_LEAST_ONE => Leaf::Computed {
                    computed: Computed::AtLeastOne(words.column()?),
                    ranges: words.ranges()?,
                },
                _ => return Err(general("the filter's program has an unknown word")),
            };
            stack.push((Node::Leaf(leaves.len()), 1));
            leaves.push(leaf);
        }
        match stack.pop() {
            Some((root, depth)) if stack.is_empty() && depth <= DEEPEST => Ok(Predicate { root, leaves }),
            _ => Err(general("the filter's program is not one condition")),
        }
    }

    pub fn is_true(&self) -> bool {
        matches!(self.root, Node::True)
    }

    /// The answer for a whole row group as its statistics tell it.
    pub fn decide(&self, group: &Group) -> Option<bool> {
        self.decide_node(&self.root, group)
    }

    fn decide_node(&self, node: &Node, group: &Group) -> Option<bool> {
        match node {
            Node::True => Some(true),
            Node::Not(part) => self.decide_node(part, group).map(|answer| !answer),
            Node::All(parts) => decide_parts(parts.iter().map(|part| self.decide_node(part, group)), false),
            Node::Any(parts) => decide_parts(parts.iter().map(|part| self.decide_node(part, group)), true),
            Node::Leaf(leaf) => self.leaves[*leaf].decide(group),
        }
    }
}

/// `decisive` is the answer of one part that settles the whole.
fn decide_parts(answers: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut all_known = true;
    for answer in answers {
        match answer {
            Some(answer) if answer == decisive => return Some(decisive),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!decisive)
}

impl Leaf {
    fn decide(&self, group: &Group) -> Option<bool> {
        if self.is_missing(group) {
            return Some(false);
        }
        match self {
            Leaf::Value {
                column,
                shift: 0,
                mask: u64::MAX,
                bias,
                ranges,
            } => {
                let (least, most) = group.bounds(*column)?;
                ranges.decide(least ^ bias, most ^ bias)
            }
            Leaf::Address { hi, lo, ranges } => {
                let ((hi_least, hi_most), (lo_least, lo_most)) = (group.bounds(*hi)?, group.bounds(*lo)?);
                if hi_least == hi_most {
                    return ranges.decide(wide(hi_least, lo_least), wide(hi_least, lo_most));
                }
                let meets = |&(from, to): &(u128, u128)| {
                    let (from_hi, to_hi) = ((from >> 64) as u64, (to >> 64) as u64);
                    let near = from_hi <= hi_most && hi_least <= to_hi;
                    near && (from_hi != to_hi || from as u64 <= lo_most && lo_least <= to as u64)
                };
                (!ranges.0.iter().any(meets)).then_some(false)
            }
            _ => None,
        }
    }

    fn is_missing(&self, group: &Group) -> bool {
        match self {
            Leaf::Value { column, .. } => group.is_missing(*column),
            Leaf::Address { hi, lo, .. } => group.is_missing(*hi) || group.is_missing(*lo),
            Leaf::Equal(a, b) => group.is_missing(*a) || group.is_missing(*b),
            // Made of core columns, or of one whose absence means one.
            Leaf::Computed { .. } => false,
        }
    }

    /// What can be known before the first row is looked at.
    fn prepare(&self, group: &mut Group, table: Vec<u8>) -> Result<Known> {
        if self.is_missing(group) {
            return Ok(Known::Everywhere(false));
        }
        let mut table = table;
        table.clear();
        match self {
            Leaf::Value {
                column,
                shift,
                mask,
                bias,
                ranges,
            } => match group.column(*column)?.dictionary() {
                None => return Ok(Known::Rows),
                Some(entries) => table.extend(
                    entries
                        .iter()
                        .map(|entry| u8::from(ranges.has((entry >> shift & mask) ^ bias))),
                ),
            },
            Leaf::Address { hi, lo, ranges } => {
                group.column(*hi)?;
                group.column(*lo)?;
                match (group.dictionary(*hi), group.dictionary(*lo)) {
                    (Some(high), Some(low)) if high.len().saturating_mul(low.len()) <= LARGEST_TABLE => {
                        for &hi in high {
                            table.extend(low.iter().map(|&lo| u8::from(ranges.has(wide(hi, lo)))));
                        }
                    }
                    _ => return Ok(Known::Rows),
                }
            }
            _ => return Ok(Known::Rows),
        }
        // Entries that no row has may be in a dictionary, but do no harm.
        if let Some(&first) = table.first() {
            if table.iter().all(|&answer| answer == first) {
                return Ok(Known::Everywhere(first != 0));
            }
        }
        Ok(Known::Table(table))
    }
}

fn wide(hi: u64, lo: u64) -> u128 {
    u128::from(hi) << 64 | u128::from(lo)
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
                    (Lane::Values(values), _) => match ranges.0[..] {
                        [(from, to)] => {
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
