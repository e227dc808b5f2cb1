//! A filter's program: words in postfix order, as `src/query/native/program.ts` writes them.

use super::{Computed, Leaf, Node, Predicate, Ranges};
use crate::scan::column::not_here;
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
                        return Err(not_here("a filter nested so deep"));
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
}
