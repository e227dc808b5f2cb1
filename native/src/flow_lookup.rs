//! Where the flows of packets probably are, for many packets at once: JavaScript cannot ask for memory without waiting for
//! it. The flow cache (`src/cache`) decides what a packet does; from here it has hashes and guesses, and finds what it
//! then reads in the processor's cache.

use crate::flow_row::{Row, R_HASH, R_TICK};
use crate::packet::{PACKET_WORDS, P_HASH};
use crate::prefetch::{prefetch, prefetch_row};

/// Packets between asking for memory and using it: as many as a processor has loads under way.
const DISTANCE: usize = 12;
/// The same for records, which the thread that decodes has in the cache of its own processor.
const RECORDS_AHEAD: usize = 32;

/// What a flow cache has in memory, as `src/cache` lays it out.
pub struct FlowTable<'a> {
    /// Pairs of a hash and a row, 0 for none: open addressing, as many pairs as a power of two says.
    pub slots: &'a [i32],
    pub rows: &'a [Row],
    /// Rows to be given out, the next one last.
    pub free: &'a [i32],
}

impl FlowTable<'_> {
    /// The first row under `hash`; 0 if there is none.
    #[inline(always)]
    fn find(&self, mask: usize, hash: i32) -> i32 {
        let mut at = hash as usize & mask;
        // At most half of a table is used: only one that is broken ends this.
        for _ in 0..=mask {
            let (found, row) = (self.slots[at * 2], self.slots[at * 2 + 1]);
            if row == 0 || found == hash {
                return row;
            }
            at = (at + 1) & mask;
        }
        0
    }
}

/// Number of slots less one.
fn mask_of(slots: &[i32]) -> Result<usize, &'static str> {
    let count = slots.len() / 2;
    if count.is_power_of_two() {
        Ok(count - 1)
    } else {
        Err("the number of slots is no power of two")
    }
}

/// Writes the row that the table has under the hash of each of the first `count` packets to `candidates`, or 0. What handling
/// the packets will read is on its way to the processor's cache then: their slots and rows, a free row for each without
/// one, and the records of those that come after them. Err says what of the arguments cannot be.
pub fn look_up(
    table: &FlowTable,
    records: &[[u32; PACKET_WORDS]],
    count: usize,
    candidates: &mut [i32],
) -> Result<(), &'static str> {
    let mask = mask_of(table.slots)?;
    let packets = records.get(..count).ok_or("there are no such packets")?;
    let candidates = candidates.get_mut(..count).ok_or("too little room for what is found")?;
    let mut free = table.free.iter().rev();
    for step in 0..count + DISTANCE {
        if let Some(record) = packets.get(step) {
            prefetch(records, step + RECORDS_AHEAD);
            prefetch(table.slots, (record[P_HASH] as usize & mask) * 2);
        }
        if step >= DISTANCE {
            let i = step - DISTANCE;
            let row = table.find(mask, packets[i][P_HASH] as i32);
            candidates[i] = row;
            if row != 0 {
                prefetch_row(table.rows, row);
            } else if let Some(&row) = free.next() {
                prefetch_row(table.rows, row);
            }
        }
    }
    Ok(())
}

/// Fetches these rows and the slots of their flows.
pub fn fetch(slots: &[i32], rows: &[Row], list: &[i32]) -> Result<(), &'static str> {
    let mask = mask_of(slots)?;
    for step in 0..list.len() + DISTANCE {
        if let Some(&row) = list.get(step) {
            prefetch_row(rows, row);
        }
        if step >= DISTANCE {
            let row = row_of(rows, list[step - DISTANCE])?;
            prefetch(slots, (row[R_HASH] as usize & mask) * 2);
        }
    }
    Ok(())
}

/// Moves the rows that have entered the wheel for `tick` to the front of the list; gives how many.
pub fn keep_entered(rows: &[Row], list: &mut [i32], tick: i32) -> Result<usize, &'static str> {
    let mut kept = 0;
    for at in 0..list.len() {
        if let Some(&ahead) = list.get(at + DISTANCE) {
            prefetch(rows, ahead as usize);
        }
        let row = list[at];
        list[kept] = row;
        // No branch: it could not be foretold.
        kept += usize::from(row_of(rows, row)?[R_TICK] == tick);
    }
    Ok(kept)
}

#[inline(always)]
fn row_of(rows: &[Row], row: i32) -> Result<&Row, &'static str> {
    rows.get(row as usize).ok_or("there is no such row")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow_row::ROW_WORDS;

    const HASHES: [u32; 5] = [3, 0x8000_0003, 7, 0xffff_ffff, 3];

    fn records(count: usize) -> Vec<[u32; PACKET_WORDS]> {
        let mut records = vec![[0; PACKET_WORDS]; count];
        for (record, hash) in records.iter_mut().zip(HASHES.into_iter().cycle()) {
            record[P_HASH] = hash;
        }
        records
    }

    /// Eight slots; rows 1, 2 and 3 are under the first hashes, all but the first beyond their homes.
    fn slots() -> [i32; 16] {
        let mut slots = [0; 16];
        for (at, hash, row) in [(3, 3, 1), (4, 0x8000_0003_u32, 2), (7, 0x17, 4), (0, 7, 3)] {
            (slots[at * 2], slots[at * 2 + 1]) = (hash as i32, row);
        }
        slots
    }

    fn try_with(slots: &[i32], count: usize, room: usize) -> Result<Vec<i32>, &'static str> {
        let table = FlowTable {
            slots,
            rows: &[[0; ROW_WORDS]; 6],
            free: &[5, -1, i32::MAX],
        };
        let mut candidates = vec![9; room];
        look_up(&table, &records(50), count, &mut candidates)?;
        Ok(candidates)
    }

    #[test]
    fn finds_rows_behind_others_and_around_the_end() {
        assert_eq!(try_with(&slots(), 6, 6).unwrap(), [1, 2, 3, 0, 1, 1]);
    }

    #[test]
    fn finds_as_many_as_asked_for() {
        for count in [0, 1, DISTANCE - 1, DISTANCE, 2 * DISTANCE, 50] {
            let candidates = try_with(&slots(), count, count + 1).unwrap();
            for (i, candidate) in candidates[..count].iter().enumerate() {
                assert_eq!(*candidate, [1, 2, 3, 0, 1][i % 5]);
            }
            assert_eq!(candidates[count], 9);
        }
    }

    #[test]
    fn refuses_what_cannot_be() {
        assert_eq!(try_with(&slots(), 51, 51), Err("there are no such packets"));
        assert!(try_with(&slots()[..6], 1, 1).is_err());
        assert!(try_with(&[], 1, 1).is_err());
        assert!(try_with(&slots(), 2, 1).is_err());
    }

    #[test]
    fn fetches_rows_that_there_are() {
        let rows = [[0; ROW_WORDS]; 6];
        let many: Vec<i32> = (0..3 * DISTANCE).map(|i| i as i32 % 6).collect();
        for list in [&[][..], &[5], &many] {
            assert_eq!(fetch(&slots(), &rows, list), Ok(()));
        }
        for row in [-1, 6, i32::MAX] {
            assert_eq!(fetch(&slots(), &rows, &[1, row]), Err("there is no such row"));
        }
    }

    #[test]
    fn keeps_rows_that_have_entered_for_a_tick() {
        let mut rows = [[0; ROW_WORDS]; 40];
        for row in (0..40).step_by(3) {
            rows[row][R_TICK] = -7;
        }
        let mut list: Vec<i32> = (0..40).rev().collect();
        assert_eq!(keep_entered(&rows, &mut list, -7), Ok(14));
        assert_eq!(list[..14], (0..14).rev().map(|i| 3 * i).collect::<Vec<i32>>());
        assert_eq!(keep_entered(&rows, &mut list[..14], 1), Ok(0));
        assert_eq!(keep_entered(&rows, &mut [], 1), Ok(0));
        for row in [-1, 40, i32::MAX] {
            assert_eq!(keep_entered(&rows, &mut [1, row], 0), Err("there is no such row"));
        }
    }

    #[test]
    fn a_full_table_ends_the_search() {
        assert_eq!(try_with(&[1, 6, 1, 6, 1, 6, 1, 6], 1, 1).unwrap(), [0]);
    }
}
