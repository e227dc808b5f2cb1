//! What is asked of the rows that match: how they are grouped, what is counted, and which groups come first.

pub use super::conversation::Conversation;
use super::table::Sums;

/// One part of a key.
#[derive(Debug, Clone)]
pub enum Part {
    /// A column of 8 or 16 bits.
    Small {
        column: usize,
        bits: u32,
    },
    Number {
        column: usize,
    },
    Address {
        hi: usize,
        lo: usize,
        cut: Cut,
    },
}

/// Bits of an address that count, by family.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    pub v4: u64,
    pub v6_hi: u64,
    pub v6_lo: u64,
}

const V4_ZERO: u64 = 0xffff_0000_0000;
const V4_LAST: u64 = 0xffff_ffff_ffff;

impl Cut {
    pub fn of(self, hi: u64, lo: u64) -> u128 {
        if hi == 0 && (V4_ZERO..=V4_LAST).contains(&lo) {
            return u128::from(lo & self.v4);
        }
        u128::from(hi & self.v6_hi) << 64 | u128::from(lo & self.v6_lo)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Flows,
    Packets,
    Octets,
    PacketsASecond,
    BitsASecond,
    OctetsAPacket,
    First,
    Last,
    Duration,
    /// The place of the first row.
    Position,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    In,
    Out,
    Both,
}

#[derive(Debug, Clone)]
pub struct Order {
    pub measure: Measure,
    pub side: Side,
    pub ascending: bool,
}

#[derive(Debug, Clone)]
pub struct Job {
    /// A row counts once for each; all have the same kinds of parts.
    pub sides: Vec<Vec<Part>>,
    /// Position and TCP flags are wanted.
    pub extra: bool,
    /// Groups whose first part is 0 are left out of the tables.
    pub skip_zero: bool,
    pub orders: Vec<Order>,
    /// 0: all.
    pub top: usize,
    /// Both directions are one group; parts are those of `Conversation`.
    pub conversation: Option<Conversation>,
}

/// Columns that are counted.
#[derive(Debug, Clone, Copy)]
pub struct Counters {
    pub flows: usize,
    pub packets: usize,
    pub octets: usize,
    pub out_packets: usize,
    pub out_octets: usize,
    pub first: usize,
    pub last: usize,
    pub tcp_flags: Option<usize>,
}

/// Rows of a block that are wanted.
#[derive(Clone, Copy)]
pub enum Rows<'a> {
    All(usize),
    Some(&'a [u16]),
}

impl Rows<'_> {
    pub fn len(&self) -> usize {
        match self {
            Rows::All(count) => *count,
            Rows::Some(rows) => rows.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls for each row, with its place among the wanted ones.
    #[inline(always)]
    pub fn each(&self, mut work: impl FnMut(usize, usize)) {
        match self {
            Rows::All(count) => (0..*count).for_each(|row| work(row, row)),
            Rows::Some(rows) => rows
                .iter()
                .enumerate()
                .for_each(|(index, &row)| work(index, usize::from(row))),
        }
    }
}

/// What an order compares; whole numbers as nfdump has them, so that the same rows tie.
pub fn measure(sums: &Sums, order: &Order) -> i128 {
    let side = |inside: u64, outside: u64| match order.side {
        Side::In => i128::from(inside),
        Side::Out => i128::from(outside),
        Side::Both => i128::from(inside) + i128::from(outside),
    };
    let packets = side(sums.packets, sums.out_packets);
    let octets = side(sums.octets, sums.out_octets);
    let duration = i128::from(sums.last) - i128::from(sums.first);
    let rate = |count: i128| if duration > 0 { count / duration } else { 0 };
    match order.measure {
        Measure::Flows => i128::from(sums.flows),
        Measure::Packets => packets,
        Measure::Octets => octets,
        Measure::PacketsASecond => rate(packets * 1000),
        Measure::BitsASecond => rate(octets * 8000),
        Measure::OctetsAPacket => octets.checked_div(packets).unwrap_or(0),
        Measure::First => i128::from(sums.first),
        Measure::Last => i128::from(sums.last),
        Measure::Duration => duration,
        Measure::Position => 0,
    }
}
