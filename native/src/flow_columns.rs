//! Rows of the flow cache to columns: what every flow has. `src/cache/row-writer.ts` does the rest.

use crate::flow_row::*;
use crate::packet::P_META_DIRECTION_KNOWN;
use crate::prefetch::prefetch_row;

/// Rows handled at a time, column by column: a few KiB, read once and then at hand.
const GROUP: usize = 64;
/// Number.MAX_SAFE_INTEGER of JavaScript.
const MOST: f64 = 9_007_199_254_740_991.0;

/// Columns of a `FlowBatch`; of those of 64 bits two words a flow, the low one first.
pub struct FlowColumns<'a> {
    pub src_addr_hi: &'a mut [u32],
    pub src_addr_lo: &'a mut [u32],
    pub dst_addr_hi: &'a mut [u32],
    pub dst_addr_lo: &'a mut [u32],
    pub src_port: &'a mut [u16],
    pub dst_port: &'a mut [u16],
    pub proto: &'a mut [u8],
    pub tos: &'a mut [u8],
    pub tcp_flags: &'a mut [u16],
    pub in_if: &'a mut [u32],
    pub packets: &'a mut [u32],
    pub octets: &'a mut [u32],
    pub first_ms: &'a mut [f64],
    pub last_ms: &'a mut [f64],
    pub received_ms: &'a mut [f64],
    pub export_ms: &'a mut [f64],
    pub end_reason: &'a mut [u8],
}

#[derive(Debug, Default, PartialEq)]
pub struct Written {
    /// Flows whose packets or octets passed 2^53 and were cut down to it.
    pub saturated: u32,
    /// Flows of which the direction is known.
    pub directed: u32,
}

/// Writes the flows in `rows[list[0]]`, `rows[list[1]]` ... to the columns, from place `at` on.
pub fn write(rows: &[i32], list: &[i32], columns: &mut FlowColumns, at: usize) -> Result<Written, &'static str> {
    let (rows, _) = rows.as_chunks::<ROW_WORDS>();
    let mut written = Written::default();
    let mut group: [&Row; GROUP] = [&[0; ROW_WORDS]; GROUP];
    for &row in list.iter().take(GROUP) {
        prefetch_row(rows, row);
    }
    for (part, place) in list.chunks(GROUP).zip((at..).step_by(GROUP)) {
        for (target, &row) in group.iter_mut().zip(part) {
            *target = rows.get(row as usize).ok_or("there is no such row")?;
        }
        let ahead = list.get(place - at + GROUP..).unwrap_or_default();
        for &row in ahead.iter().take(GROUP) {
            prefetch_row(rows, row);
        }
        write_group(&group[..part.len()], columns, place, &mut written).ok_or("columns have no room for the flows")?;
    }
    Ok(written)
}

/// None if a column is too short.
#[inline(always)]
fn write_group(group: &[&Row], columns: &mut FlowColumns, at: usize, written: &mut Written) -> Option<()> {
    let c = columns;
    put_address(group, c.src_addr_hi, c.src_addr_lo, at, R_SRC)?;
    put_address(group, c.dst_addr_hi, c.dst_addr_lo, at, R_DST)?;
    put(group, c.src_port, at, |row| row[R_PORTS] as u16)?;
    put(group, c.dst_port, at, |row| (row[R_PORTS] >> 16) as u16)?;
    put(group, c.proto, at, |row| row[R_PROTO_TOS_FLAGS] as u8)?;
    put(group, c.tos, at, |row| (row[R_PROTO_TOS_FLAGS] >> 8) as u8)?;
    put(group, c.tcp_flags, at, |row| (row[R_PROTO_TOS_FLAGS] >> 16) as u16)?;
    put(group, c.in_if, at, |row| row[R_INPUT] as u32)?;
    put_count(group, c.packets, at, D_PACKETS)?;
    put_count(group, c.octets, at, D_OCTETS)?;
    put(group, c.first_ms, at, |row| milliseconds(row, D_FIRST))?;
    put(group, c.last_ms, at, |row| milliseconds(row, D_LAST))?;
    put(group, c.received_ms, at, |row| milliseconds(row, D_END))?;
    put(group, c.export_ms, at, |row| milliseconds(row, D_END))?;
    put(group, c.end_reason, at, |row| {
        (row[R_STATE] >> R_STATE_REASON_SHIFT) as u8
    })?;
    for row in group {
        let most = double(row, D_PACKETS).max(double(row, D_OCTETS));
        written.saturated += u32::from(most > MOST);
        written.directed += u32::from(row[R_STATE] as u32 & P_META_DIRECTION_KNOWN != 0);
    }
    Some(())
}

#[inline(always)]
fn put<T>(group: &[&Row], column: &mut [T], at: usize, cell: impl Fn(&Row) -> T) -> Option<()> {
    let cells = column.get_mut(at..at + group.len())?;
    for (target, row) in cells.iter_mut().zip(group) {
        *target = cell(row);
    }
    Some(())
}

#[inline(always)]
fn put_pairs(group: &[&Row], column: &mut [u32], at: usize, pair: impl Fn(&Row) -> u64) -> Option<()> {
    let cells = column.get_mut(at * 2..(at + group.len()) * 2)?;
    for (target, row) in cells.chunks_exact_mut(2).zip(group) {
        let value = pair(row);
        (target[0], target[1]) = (value as u32, (value >> 32) as u32);
    }
    Some(())
}

/// An address, whose octets stand in network order from word `field` on.
#[inline(always)]
fn put_address(group: &[&Row], hi: &mut [u32], lo: &mut [u32], at: usize, field: usize) -> Option<()> {
    let half = |row: &Row, word: usize| {
        u64::from((row[word] as u32).swap_bytes()) << 32 | u64::from((row[word + 1] as u32).swap_bytes())
    };
    put_pairs(group, hi, at, |row| half(row, field))?;
    put_pairs(group, lo, at, |row| half(row, field + 2))
}

#[inline(always)]
fn put_count(group: &[&Row], column: &mut [u32], at: usize, field: usize) -> Option<()> {
    put_pairs(group, column, at, |row| double(row, field).min(MOST) as i64 as u64)
}

/// Whole milliseconds of a time, which is no less than 0.
#[inline(always)]
fn milliseconds(row: &Row, field: usize) -> f64 {
    (double(row, field) / 1000.0) as i64 as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOWS: usize = 150;

    /// Flow `n` in row `n + 1`.
    fn rows() -> Vec<i32> {
        let mut rows = vec![0; (FLOWS + 1) * ROW_WORDS];
        for n in 0..FLOWS {
            let row = &mut rows[(n + 1) * ROW_WORDS..][..ROW_WORDS];
            for word in 0..4 {
                row[R_SRC + word] = i32::from_ne_bytes([n as u8, 1, word as u8, 2]);
                row[R_DST + word] = i32::from_ne_bytes([3, n as u8, word as u8, 4]);
            }
            row[R_PORTS] = n as i32 | (0xfff0 - n as i32) << 16;
            row[R_PROTO_TOS_FLAGS] = 6 | 0xb8 << 8 | (n as i32) << 16;
            row[R_INPUT] = -1 - n as i32;
            row[R_STATE] = 4 | 3 << R_STATE_REASON_SHIFT | if n % 3 == 0 { P_META_DIRECTION_KNOWN as i32 } else { 0 };
            let octets = if n == 7 { 1e17 } else { 5e9 + n as f64 };
            for (field, value) in [
                (D_PACKETS, n as f64 + 1.0),
                (D_OCTETS, octets),
                (D_FIRST, 1.7e15 + 1999.0),
                (D_LAST, 1.7e15 + 2000.0),
                (D_END, 4.3e15),
            ] {
                let bits = value.to_bits();
                (row[field * 2], row[field * 2 + 1]) = (bits as i32, (bits >> 32) as i32);
            }
        }
        rows
    }

    struct Memory {
        wide: [Vec<u32>; 6],
        u32s: Vec<u32>,
        u16s: [Vec<u16>; 3],
        u8s: [Vec<u8>; 3],
        times: [Vec<f64>; 4],
    }

    impl Memory {
        fn new(room: usize) -> Memory {
            Memory {
                wide: std::array::from_fn(|_| vec![7; room * 2]),
                u32s: vec![7; room],
                u16s: std::array::from_fn(|_| vec![7; room]),
                u8s: std::array::from_fn(|_| vec![7; room]),
                times: std::array::from_fn(|_| vec![7.0; room]),
            }
        }

        fn columns(&mut self) -> FlowColumns<'_> {
            let [src_addr_hi, src_addr_lo, dst_addr_hi, dst_addr_lo, packets, octets] = self.wide.each_mut();
            let [src_port, dst_port, tcp_flags] = self.u16s.each_mut();
            let [proto, tos, end_reason] = self.u8s.each_mut();
            let [first_ms, last_ms, received_ms, export_ms] = self.times.each_mut();
            FlowColumns {
                src_addr_hi,
                src_addr_lo,
                dst_addr_hi,
                dst_addr_lo,
                src_port,
                dst_port,
                proto,
                tos,
                tcp_flags,
                in_if: &mut self.u32s,
                packets,
                octets,
                first_ms,
                last_ms,
                received_ms,
                export_ms,
                end_reason,
            }
        }
    }

    #[test]
    fn writes_the_flows_of_a_list_in_its_order() {
        let list: Vec<i32> = (1..=FLOWS as i32).rev().collect();
        let mut memory = Memory::new(FLOWS + 5);
        let written = write(&rows(), &list, &mut memory.columns(), 3).unwrap();
        assert_eq!(
            written,
            Written {
                saturated: 1,
                directed: 50
            }
        );
        for (i, n) in (0..FLOWS).rev().enumerate() {
            let at = i + 3;
            let pair = |column: &[u32]| (column[at * 2 + 1], column[at * 2]);
            let [src_hi, src_lo, dst_hi, dst_lo, packets, octets] = &memory.wide;
            let (n8, n32) = (n as u8, n as u32);
            let word = |a: u8, b: u8, c: u8, d: u8| u32::from_be_bytes([a, b, c, d]);
            assert_eq!(pair(src_hi), (word(n8, 1, 0, 2), word(n8, 1, 1, 2)));
            assert_eq!(pair(src_lo), (word(n8, 1, 2, 2), word(n8, 1, 3, 2)));
            assert_eq!(pair(dst_hi), (word(3, n8, 0, 4), word(3, n8, 1, 4)));
            assert_eq!(pair(dst_lo), (word(3, n8, 2, 4), word(3, n8, 3, 4)));
            let octets_of = if n == 7 {
                (1 << 53) - 1
            } else {
                5_000_000_000 + n as u64
            };
            assert_eq!(pair(packets), (0, n32 + 1));
            assert_eq!(pair(octets), ((octets_of >> 32) as u32, octets_of as u32));
            assert_eq!(
                memory.u16s.each_ref().map(|column| column[at]),
                [n as u16, 0xfff0 - n as u16, n as u16]
            );
            assert_eq!(memory.u8s.each_ref().map(|column| column[at]), [6, 0xb8, 3]);
            assert_eq!(memory.u32s[at], u32::MAX - n32);
            let times = memory.times.each_ref().map(|column| column[at]);
            assert_eq!(times, [1.7e12 + 1.0, 1.7e12 + 2.0, 4.3e12, 4.3e12]);
        }
        for at in [0, 1, 2, FLOWS + 3, FLOWS + 4] {
            assert_eq!(
                (memory.u32s[at], memory.wide[5][at * 2], memory.times[3][at]),
                (7, 7, 7.0)
            );
        }
    }

    #[test]
    fn refuses_what_cannot_be() {
        let mut memory = Memory::new(10);
        for row in [-1, i32::MIN, i32::MAX, FLOWS as i32 + 1] {
            assert_eq!(
                write(&rows(), &[1, row], &mut memory.columns(), 0),
                Err("there is no such row")
            );
        }
        let no_room = Err("columns have no room for the flows");
        assert_eq!(write(&rows(), &[1, 2], &mut memory.columns(), 9), no_room);
        assert_eq!(write(&rows(), &[1, 2], &mut memory.columns(), usize::MAX / 4), no_room);
        let mut columns = memory.columns();
        columns.end_reason = &mut [];
        assert_eq!(write(&rows(), &[1], &mut columns, 0), no_room);
        assert_eq!(write(&rows(), &[], &mut columns, 0), Ok(Written::default()));
    }
}
