//! Sums over a row group by the value of an 8-bit column, gathered while its columns are at hand for encoding.

use crate::segment::column::{ColumnSpec, Values};

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

/// The rows in each group; for each of `sums` the sum in each group; for each of `spans` its least and its greatest value
/// that is not 0, infinite when there is none. Columns that are not there count as 0. `values` hold at least `rows` rows.
pub fn totals(spec: &TotalsSpec, columns: &[ColumnSpec], values: &[Values], rows: usize) -> Vec<f64> {
    let find = |name: &String| columns.iter().zip(values).find(|(column, _)| column.name == *name);
    let mut groups = vec![0u8; rows];
    if let Some((column, values)) = find(&spec.by) {
        values.for_each(rows, column.absent, |row, value| groups[row] = value as u8);
    }
    let mut counts = [0u64; GROUPS];
    for &group in &groups {
        counts[usize::from(group)] += 1;
    }
    let mut out: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    for name in &spec.sums {
        // Wide, since senders put anything into their counters.
        let mut sums = [0u128; GROUPS];
        if let Some((column, values)) = find(name) {
            values.for_each(rows, column.absent, |row, value| {
                sums[usize::from(groups[row])] += u128::from(value);
            });
        }
        out.extend(sums.iter().map(|&sum| sum as f64));
    }
    for name in &spec.spans {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        if let Some((column, values)) = find(name) {
            values.for_each(rows, column.absent, |_, value| {
                let value = value as i64 as f64;
                if value != 0.0 {
                    least = least.min(value);
                    most = most.max(value);
                }
            });
        }
        out.extend([least, most]);
    }
    out
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
