//! What is known of rows before they are read, and what it is held against.

/// Values from one to another, both included; sorted and apart.
pub struct Ranges<T>(Vec<(T, T)>);

impl<T: Copy + Ord> Ranges<T> {
    pub fn new(mut ranges: Vec<(T, T)>) -> Ranges<T> {
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

    pub fn as_slice(&self) -> &[(T, T)] {
        &self.0
    }

    pub fn iter(&self) -> impl Iterator<Item = &(T, T)> {
        self.0.iter()
    }

    pub fn has(&self, value: T) -> bool {
        let after = self.0.partition_point(|(from, _)| *from <= value);
        after > 0 && value <= self.0[after - 1].1
    }

    /// The answer for every value between two, if it is the same.
    pub fn decide(&self, least: T, most: T) -> Option<bool> {
        if self.0.iter().any(|&(from, to)| from <= least && most <= to) {
            return Some(true);
        }
        (!self.0.iter().any(|&(from, to)| from <= most && least <= to)).then_some(false)
    }
}

/// What is known of rows without a look at them: of a row group by its statistics, of a file by the index.
pub trait Facts {
    /// None of the rows has the column.
    fn is_missing(&self, column: usize) -> bool;

    /// Least and most value, as they stand in the file; None when they are not known.
    fn bounds(&self, column: usize) -> Option<(u64, u64)>;

    /// Whether it is known that no row has an address of these ranges.
    fn lacks(&self, _hi: usize, _lo: usize, _ranges: &Ranges<u128>) -> bool {
        false
    }
}
