//! A flow's state as the flow cache has it in memory: `src/cache/row.ts` explains it; a test compares the numbers.

use crate::layout::{layout, Layout};

/// Words of a row: two cache lines.
pub const ROW_WORDS: usize = 32;
/// Words; addresses, ports, protocol and the rest as in a packet record.
pub const R_SRC: usize = 0;
pub const R_DST: usize = 4;
pub const R_PORTS: usize = 8;
pub const R_PROTO_TOS_FLAGS: usize = 9;
pub const R_INPUT: usize = 10;
pub const R_STATE: usize = 11;
pub const R_HASH: usize = 12;
pub const R_TICK: usize = 13;
pub const R_STATE_REASON_SHIFT: u32 = 8;
/// Doubles.
pub const D_PACKETS: usize = 8;
pub const D_OCTETS: usize = 9;
pub const D_FIRST: usize = 10;
pub const D_LAST: usize = 11;
pub const D_END: usize = 14;

pub const LAYOUT: Layout = layout![
    ROW_WORDS,
    R_SRC,
    R_DST,
    R_PORTS,
    R_PROTO_TOS_FLAGS,
    R_INPUT,
    R_STATE,
    R_HASH,
    R_TICK,
    R_STATE_REASON_SHIFT,
    D_PACKETS,
    D_OCTETS,
    D_FIRST,
    D_LAST,
    D_END,
];

pub type Row = [i32; ROW_WORDS];

/// A double of a row; its low word comes first.
#[inline(always)]
pub fn double(row: &Row, field: usize) -> f64 {
    let (low, high) = (row[field * 2] as u32, row[field * 2 + 1] as u32);
    f64::from_bits(u64::from(high) << 32 | u64::from(low))
}
