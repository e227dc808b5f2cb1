//! What the rows of a block count.

use super::group::Group;
use super::job::Counters;
use super::table::Sums;

/// Values of the counters in the block at hand, which have been spread.
pub struct Counted<'a> {
    flows: &'a [u64],
    packets: &'a [u64],
    octets: &'a [u64],
    out_packets: &'a [u64],
    out_octets: &'a [u64],
    first: &'a [u64],
    last: &'a [u64],
}

impl<'a> Counted<'a> {
    pub fn of(group: &'a Group, counters: &Counters) -> Counted<'a> {
        let values = |column: usize| group.values(column);
        Counted {
            flows: values(counters.flows),
            packets: values(counters.packets),
            octets: values(counters.octets),
            out_packets: values(counters.out_packets),
            out_octets: values(counters.out_octets),
            first: values(counters.first),
            last: values(counters.last),
        }
    }

    /// One row; a file that counts no flows has one in each.
    #[inline]
    pub fn row(&self, row: usize) -> Sums {
        Sums {
            rows: 1,
            flows: self.flows[row].max(1),
            packets: self.packets[row],
            octets: self.octets[row],
            out_packets: self.out_packets[row],
            out_octets: self.out_octets[row],
            first: self.first[row] as i64,
            last: self.last[row] as i64,
        }
    }
}
