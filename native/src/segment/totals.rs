//! Sums over a row group by the value of an 8-bit column, gathered while its columns are at hand for encoding.

use crate::segment::column::{pairs, Cell, ColumnSpec, Values};
use crate::wide_registers::with_wide_registers;

/// Which columns, by their names in the file.
#[derive(Debug, Clone, Default)]
pub struct TotalsSpec {
    /// 8-bit column to group by.
    pub by: String,
    /// Columns to add up in each group.
    pub sums: Vec<String>,
    /// Columns of times whose least and greatest value is wanted.
    pub spans: Vec<String>,
}

const GROUPS: usize = 256;
/// Tables that rows are added to in turn: rows of one group often follow one another, and would wait for one sum.
const LANES: usize = 4;

/// The rows in each group; for each of `sums` the sum in each group; for each of `spans` its least and its greatest value
/// that is not 0, infinite when there is none. Columns that are not there count as 0. `values` hold at least `rows` rows.
pub fn totals(spec: &TotalsSpec, columns: &[ColumnSpec], values: &[Values], rows: usize) -> Vec<f64> {
    with_wide_registers!(totals_of(spec, columns, values, rows))
}

#[inline(always)]
fn totals_of(spec: &TotalsSpec, columns: &[ColumnSpec], values: &[Values], rows: usize) -> Vec<f64> {
    let find = |name: &String| columns.iter().zip(values).find(|(column, _)| column.name == *name);
    let by = find(&spec.by);
    let widened: Vec<u8>;
    let groups = match by {
        Some((_, Values::U8(groups))) => &groups[..rows],
        _ => {
            let values = by.map_or(Vec::new(), |(column, values)| values.widen(rows, column.absent));
            widened = values.iter().map(|&value| value as u8).collect();
            &widened[..]
        }
    };
    let mut counts = [[0u32; GROUPS]; LANES];
    for (row, &group) in groups.iter().enumerate() {
        counts[row % LANES][usize::from(group)] += 1;
    }
    let count = |group| counts.iter().map(|lane| f64::from(lane[group])).sum();
    let mut out: Vec<f64> = (0..GROUPS).map(count).collect();
    if by.is_none() {
        out[0] = rows as f64;
    }
    for name in &spec.sums {
        let sums = match find(name) {
            None => [0; GROUPS],
            Some((_, Values::Words(words))) => sums(groups, &pairs(words)[..rows]),
            Some((column, values)) => sums(groups, &values.widen(rows, column.absent)),
        };
        out.extend(sums.iter().map(|&sum| sum as f64));
    }
    for name in &spec.spans {
        out.extend(match find(name) {
            None => NO_SPAN,
            Some((_, Values::Millis(times))) => span(&times[..rows]),
            Some((column, values)) => {
                let times = values.widen(rows, column.absent);
                span(&times.iter().map(|&time| time as i64 as f64).collect::<Vec<_>>())
            }
        });
    }
    out
}

/// Wide, since senders put anything into their counters. The halves are added up apart: 2^32 rows do not overflow them.
#[inline(always)]
fn sums<T: Cell>(groups: &[u8], values: &[T]) -> [u128; GROUPS] {
    let mut low = [[0u64; GROUPS]; LANES];
    let mut high = [0u64; GROUPS];
    for (row, (&group, value)) in groups.iter().zip(values).enumerate() {
        let value = value.wide();
        low[row % LANES][usize::from(group)] += value & u64::from(u32::MAX);
        if value >> 32 != 0 {
            high[usize::from(group)] += value >> 32;
        }
    }
    let whole = |group: usize| {
        let low: u128 = low.iter().map(|lane| u128::from(lane[group])).sum();
        low + (u128::from(high[group]) << 32)
    };
    std::array::from_fn(whole)
}

const NO_SPAN: [f64; 2] = [f64::INFINITY, f64::NEG_INFINITY];
/// Times compared at once.
const COMPARED: usize = 8;

/// Least and greatest time that is not 0, as whole numbers; what is not a number is none.
#[inline(always)]
fn span(times: &[f64]) -> [f64; 2] {
    let mut least = [f64::INFINITY; COMPARED];
    let mut most = [f64::NEG_INFINITY; COMPARED];
    let mut take = |at: usize, time: f64| {
        // What becomes 0 as a whole number is 0.
        let is_known = (1.0..f64::INFINITY).contains(&time.abs());
        let (low, high) = if is_known {
            (time, time)
        } else {
            (f64::INFINITY, f64::NEG_INFINITY)
        };
        least[at] = if low < least[at] { low } else { least[at] };
        most[at] = if high > most[at] { high } else { most[at] };
    };
    let (eights, rest) = times.as_chunks::<COMPARED>();
    for eight in eights {
        for (at, &time) in eight.iter().enumerate() {
            take(at, time);
        }
    }
    for (at, &time) in rest.iter().enumerate() {
        take(at, time);
    }
    let whole = |time: f64| if time.is_finite() { time as i64 as f64 } else { time };
    [
        whole(least.into_iter().fold(f64::INFINITY, f64::min)),
        whole(most.into_iter().fold(f64::NEG_INFINITY, f64::max)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::column::ColumnType;

    #[test]
    fn adds_up_by_group() {
        let column = |name: &str, column_type| ColumnSpec {
            name: name.to_string(),
            column_type,
            absent: 0,
            bloom: false,
        };
        let columns = [
            column("kind", ColumnType::U8),
            column("size", ColumnType::U64),
            column("time", ColumnType::TimeMs),
        ];
        let spec = TotalsSpec {
            by: "kind".to_string(),
            sums: vec!["size".to_string(), "missing".to_string()],
            spans: vec!["time".to_string(), "missing".to_string()],
        };
        let sizes = [7, 0, 1, 0, 0, 1, u32::MAX, u32::MAX, 99, 99];
        let values = [
            Values::U8(&[6, 17, 6, 6, 1]),
            Values::Words(&sizes),
            Values::Millis(&[0.0, 50.0, 30.0, 70.0, 1.0]),
        ];
        let out = totals(&spec, &columns, &values, 4);
        assert_eq!(out.len(), 3 * 256 + 4);
        assert_eq!((out[6], out[17], out[1]), (3.0, 1.0, 0.0));
        assert_eq!(out[256 + 6], 7.0 + 4_294_967_296.0 + u64::MAX as f64);
        assert_eq!(out[256 + 17], 1.0);
        assert!(out[512..768].iter().all(|&sum| sum == 0.0));
        assert_eq!(out[768..], [30.0, 70.0, f64::INFINITY, f64::NEG_INFINITY]);
    }

    #[test]
    fn spans_leave_out_what_is_no_time() {
        assert_eq!(span(&[]), NO_SPAN);
        assert_eq!(span(&[0.0, f64::NAN, -0.5, 0.9, f64::INFINITY]), NO_SPAN);
        let mut times = vec![50.5; 21];
        times[3] = 30.0;
        times[20] = 70.0;
        assert_eq!(span(&times), [30.0, 70.0]);
    }

    #[test]
    fn sums_of_large_counters_do_not_overflow() {
        let groups = [7; 9];
        assert_eq!(sums(&groups, &[u64::MAX; 9])[7], u128::from(u64::MAX) * 9);
    }

    #[test]
    fn counts_rows_of_a_constant_group() {
        let columns = [ColumnSpec {
            name: "kind".to_string(),
            column_type: ColumnType::U8,
            absent: 0,
            bloom: false,
        }];
        let spec = TotalsSpec {
            by: "kind".to_string(),
            ..TotalsSpec::default()
        };
        assert_eq!(totals(&spec, &columns, &[Values::Constant(6)], 9)[6], 9.0);
        assert_eq!(totals(&spec, &columns, &[Values::Absent], 9)[0], 9.0);
        assert_eq!(totals(&spec, &[], &[], 0)[0], 0.0);
    }
}
