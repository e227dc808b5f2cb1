//! Filters: read from their serialised form (`parse`), decided by statistics where these suffice, evaluated once for each
//! entry of a dictionary where there is one, else row by row (`evaluate`).
//!
//! A test of a column that the file does not have is false, so its opposite is true.

mod evaluate;
mod parse;

use super::facts::{Facts, Ranges};
use super::group::Group;
use parquet::errors::Result;

pub use evaluate::at;
pub use evaluate::Evaluator;

/// Entries of the table of answers for pairs of dictionary entries.
const LARGEST_TABLE: usize = 1 << 18;

/// Values for which a Bloom filter is asked.
const MOST_LOOKED_UP: usize = 64;

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

impl Predicate {
    pub fn is_true(&self) -> bool {
        matches!(self.root, Node::True)
    }

    /// The answer for all rows of which facts are known, if these tell it.
    pub fn decide(&self, facts: &impl Facts) -> Option<bool> {
        self.decide_node(&self.root, facts)
    }

    fn decide_node(&self, node: &Node, facts: &impl Facts) -> Option<bool> {
        match node {
            Node::True => Some(true),
            Node::Not(part) => self.decide_node(part, facts).map(|answer| !answer),
            Node::All(parts) => decide_parts(parts.iter().map(|part| self.decide_node(part, facts)), false),
            Node::Any(parts) => decide_parts(parts.iter().map(|part| self.decide_node(part, facts)), true),
            Node::Leaf(leaf) => self.leaves[*leaf].decide(facts),
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
    fn decide(&self, facts: &impl Facts) -> Option<bool> {
        if self.is_missing(facts) {
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
                let (least, most) = facts.bounds(*column)?;
                ranges.decide(least ^ bias, most ^ bias)
            }
            Leaf::Address { hi, lo, ranges } => {
                if facts.lacks(*hi, *lo, ranges) {
                    return Some(false);
                }
                let ((hi_least, hi_most), (lo_least, lo_most)) = (facts.bounds(*hi)?, facts.bounds(*lo)?);
                if hi_least == hi_most {
                    return ranges.decide(wide(hi_least, lo_least), wide(hi_least, lo_most));
                }
                let meets = |&(from, to): &(u128, u128)| {
                    let (from_hi, to_hi) = ((from >> 64) as u64, (to >> 64) as u64);
                    let near = from_hi <= hi_most && hi_least <= to_hi;
                    near && (from_hi != to_hi || from as u64 <= lo_most && lo_least <= to as u64)
                };
                (!ranges.iter().any(meets)).then_some(false)
            }
            _ => None,
        }
    }

    fn is_missing(&self, facts: &impl Facts) -> bool {
        match self {
            Leaf::Value { column, .. } => facts.is_missing(*column),
            Leaf::Address { hi, lo, .. } => facts.is_missing(*hi) || facts.is_missing(*lo),
            Leaf::Equal(a, b) => facts.is_missing(*a) || facts.is_missing(*b),
            // Made of core columns, or of one whose absence means one.
            Leaf::Computed { .. } => false,
        }
    }

    /// Whether a Bloom filter tells that no row has one of the few values that are looked for.
    fn is_filtered_out(&self, group: &Group) -> Result<bool> {
        fn are_few<T: PartialEq>(ranges: &[(T, T)]) -> bool {
            ranges.len() <= MOST_LOOKED_UP && ranges.iter().all(|(from, to)| from == to)
        }
        match self {
            Leaf::Value {
                column,
                shift: 0,
                mask: u64::MAX,
                bias: 0,
                ranges,
            } if are_few(ranges.as_slice()) => group.has_none(*column, ranges.iter().map(|&(value, _)| value)),
            Leaf::Address { lo, ranges, .. } if are_few(ranges.as_slice()) => {
                group.has_none(*lo, ranges.iter().map(|&(value, _)| value as u64))
            }
            _ => Ok(false),
        }
    }

    /// What can be known before the first row is looked at.
    fn prepare(&self, group: &mut Group, table: Vec<u8>) -> Result<Known> {
        if self.is_missing(group) {
            return Ok(Known::Everywhere(false));
        }
        if self.is_filtered_out(group)? {
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
