//! Data sets of flow records, whose fields stand one after another, into columns: plain copies by a compiled program. What
//! a record means, and which copies that takes, is decided by whoever makes the program.

/// Cells of a step: what to do, the column written (of an address its high half), where the field stands in a record, and
/// its octets.
pub const STEP_CELLS: usize = 4;
/// Cells of a run of records: first step and the one behind the last; first octet, octets a record, records; first row;
/// export time and uptime of the header, time of receipt (milliseconds).
pub const RUN_CELLS: usize = 9;

const OP_8_TO_8: u32 = 0;
const OP_8_TO_16: u32 = 1;
const OP_16_TO_16: u32 = 2;
const OP_8_TO_32: u32 = 3;
const OP_16_TO_32: u32 = 4;
const OP_32_TO_32: u32 = 5;
const OP_32_TO_64: u32 = 6;
const OP_64_TO_64: u32 = 7;
const OP_ANY_TO_8: u32 = 8;
const OP_ANY_TO_16: u32 = 9;
const OP_ANY_TO_32: u32 = 10;
const OP_ANY_TO_64: u32 = 11;
const OP_V4_ADDRESS: u32 = 12;
const OP_V6_ADDRESS: u32 = 13;
const OP_UPTIME: u32 = 14;
const OP_MILLISECONDS: u32 = 15;
const OP_RECEIVED: u32 = 17;
const OP_EXPORTED: u32 = 18;
/// No copy: tells runs with ICMP records, whose ports need more than copies.
const OP_ICMP: u32 = 36;

/// Every constant by name, for the test on the other side.
pub const LAYOUT: [(&str, u32); 21] = [
    ("STEP_CELLS", STEP_CELLS as u32),
    ("RUN_CELLS", RUN_CELLS as u32),
    ("OP_8_TO_8", OP_8_TO_8),
    ("OP_8_TO_16", OP_8_TO_16),
    ("OP_16_TO_16", OP_16_TO_16),
    ("OP_8_TO_32", OP_8_TO_32),
    ("OP_16_TO_32", OP_16_TO_32),
    ("OP_32_TO_32", OP_32_TO_32),
    ("OP_32_TO_64", OP_32_TO_64),
    ("OP_64_TO_64", OP_64_TO_64),
    ("OP_ANY_TO_8", OP_ANY_TO_8),
    ("OP_ANY_TO_16", OP_ANY_TO_16),
    ("OP_ANY_TO_32", OP_ANY_TO_32),
    ("OP_ANY_TO_64", OP_ANY_TO_64),
    ("OP_V4_ADDRESS", OP_V4_ADDRESS),
    ("OP_V6_ADDRESS", OP_V6_ADDRESS),
    ("OP_UPTIME", OP_UPTIME),
    ("OP_MILLISECONDS", OP_MILLISECONDS),
    ("OP_RECEIVED", OP_RECEIVED),
    ("OP_EXPORTED", OP_EXPORTED),
    ("OP_ICMP", OP_ICMP),
];

/// High word of an IPv4 address in a low half: ::ffff:a.b.c.d.
const V4_MAPPED_WORD: u32 = 0xffff;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
/// High word of milliseconds beyond what a date can hold; such a time counts as not known.
const END_OF_TIME_HIGH: u32 = 2_011_656;

/// One column of a batch; 64 bits are two words a row, low word first.
pub enum Column<'a> {
    U8(&'a mut [u8]),
    U16(&'a mut [u16]),
    U32(&'a mut [u32]),
    F64(&'a mut [f64]),
}

/// What the records of a run have in common.
struct Run<'a> {
    records: &'a [u8],
    stride: usize,
    count: usize,
    row: usize,
    export_ms: f64,
    uptime_ms: u32,
    received_ms: f64,
}

/// Carries out `runs`, and gives the numbers of those that `OP_ICMP` found something in. An error names what does not lie within its memory; rows of that run may then be half written.
pub fn transpose(
    bytes: &[u8],
    steps: &[u32],
    runs: &[f64],
    columns: &mut [Option<Column>],
) -> Result<Vec<u32>, String> {
    let mut found = Vec::new();
    let (steps, _) = steps.as_chunks::<STEP_CELLS>();
    let (runs, _) = runs.as_chunks::<RUN_CELLS>();
    for (number, &[first, end, base, stride, count, row, export_ms, uptime_ms, received_ms]) in runs.iter().enumerate()
    {
        let (base, stride, count) = (base as usize, stride as usize, count as usize);
        let records = stride
            .checked_mul(count)
            .and_then(|length| base.checked_add(length))
            .and_then(|end| bytes.get(base..end))
            .filter(|_| stride > 0)
            .ok_or("records go beyond the bytes given")?;
        let run = Run {
            records,
            stride,
            count,
            row: row as usize,
            export_ms,
            uptime_ms: uptime_ms as u32,
            received_ms,
        };
        for step in steps
            .get(first as usize..end as usize)
            .ok_or("there are no such steps")?
        {
            if step[0] != OP_ICMP {
                run.step(step, columns)?;
            } else if run
                .narrow(columns, step[1] as usize)?
                .iter()
                .any(|proto| matches!(*proto, ICMP | ICMP6))
            {
                found.push(number as u32);
            }
        }
    }
    Ok(found)
}

impl Run<'_> {
    fn step(
        &self,
        &[op, column, offset, width]: &[u32; STEP_CELLS],
        columns: &mut [Option<Column>],
    ) -> Result<(), String> {
        let (at, width, column) = (offset as usize, width as usize, column as usize);
        if at.checked_add(width).is_none_or(|end| end > self.stride) {
            return Err("a field goes beyond its record".to_string());
        }
        match op {
            OP_8_TO_8 => self.copy(self.narrow(columns, column)?, at, |[value]: [u8; 1]| value),
            OP_8_TO_16 => self.copy(self.middle(columns, column)?, at, |[value]: [u8; 1]| value.into()),
            OP_16_TO_16 => self.copy(self.middle(columns, column)?, at, u16::from_be_bytes),
            OP_8_TO_32 => self.copy(self.words(columns, column)?, at, |[value]: [u8; 1]| value.into()),
            OP_16_TO_32 => self.copy(self.words(columns, column)?, at, |value| {
                u16::from_be_bytes(value).into()
            }),
            OP_32_TO_32 => self.copy(self.words(columns, column)?, at, u32::from_be_bytes),
            OP_32_TO_64 => self.copy(self.pairs(columns, column)?, at, |value| [u32::from_be_bytes(value), 0]),
            OP_64_TO_64 => self.copy(self.pairs(columns, column)?, at, |value| {
                halves(u64::from_be_bytes(value))
            }),
            OP_ANY_TO_8 => self.copy_any(self.narrow(columns, column)?, at, width, |value| value as u8),
            OP_ANY_TO_16 => self.copy_any(self.middle(columns, column)?, at, width, |value| value as u16),
            OP_ANY_TO_32 => self.copy_any(self.words(columns, column)?, at, width, |value| value as u32),
            OP_ANY_TO_64 => self.copy_any(self.pairs(columns, column)?, at, width, halves),
            OP_V4_ADDRESS => self.copy(self.pairs(columns, column + 1)?, at, |value| {
                [u32::from_be_bytes(value), V4_MAPPED_WORD]
            }),
            OP_V6_ADDRESS => {
                self.copy(self.pairs(columns, column)?, at, |value| {
                    halves(u64::from_be_bytes(value))
                })?;
                self.copy(self.pairs(columns, column + 1)?, at + 8, |value| {
                    halves(u64::from_be_bytes(value))
                })
            }
            OP_UPTIME => self.copy(self.times(columns, column)?, at, |value| {
                self.export_ms + f64::from(u32::from_be_bytes(value).wrapping_sub(self.uptime_ms) as i32)
            }),
            OP_MILLISECONDS => self.copy(self.times(columns, column)?, at, |value| {
                let ms = u64::from_be_bytes(value);
                if ((ms >> 32) as u32) < END_OF_TIME_HIGH {
                    ms as f64
                } else {
                    0.0
                }
            }),
            OP_RECEIVED => {
                self.times(columns, column)?.fill(self.received_ms);
                Ok(())
            }
            OP_EXPORTED => {
                self.times(columns, column)?.fill(self.export_ms);
                Ok(())
            }
            _ => Err(format!("there is no step {op}")),
        }
    }

    fn copy<T, const N: usize>(&self, to: &mut [T], at: usize, value: impl Fn([u8; N]) -> T) -> Result<(), String> {
        if at + N > self.stride {
            return Err("a field goes beyond its record".to_string());
        }
        for (to, record) in to.iter_mut().zip(self.records.chunks_exact(self.stride)) {
            *to = value(record[at..at + N].try_into().expect("N octets"));
        }
        Ok(())
    }

    /// The low 64 bits of numbers of any width.
    fn copy_any<T>(&self, to: &mut [T], at: usize, width: usize, value: impl Fn(u64) -> T) -> Result<(), String> {
        for (to, record) in to.iter_mut().zip(self.records.chunks_exact(self.stride)) {
            let field = &record[at..at + width];
            let number = field.iter().fold(0u64, |number, &octet| number << 8 | u64::from(octet));
            *to = value(number);
        }
        Ok(())
    }

    fn narrow<'c>(&self, columns: &'c mut [Option<Column>], at: usize) -> Result<&'c mut [u8], String> {
        match columns.get_mut(at) {
            Some(Some(Column::U8(cells))) => self.rows(cells),
            _ => Err(no_column(at)),
        }
    }

    fn middle<'c>(&self, columns: &'c mut [Option<Column>], at: usize) -> Result<&'c mut [u16], String> {
        match columns.get_mut(at) {
            Some(Some(Column::U16(cells))) => self.rows(cells),
            _ => Err(no_column(at)),
        }
    }

    fn words<'c>(&self, columns: &'c mut [Option<Column>], at: usize) -> Result<&'c mut [u32], String> {
        match columns.get_mut(at) {
            Some(Some(Column::U32(cells))) => self.rows(cells),
            _ => Err(no_column(at)),
        }
    }

    fn pairs<'c>(&self, columns: &'c mut [Option<Column>], at: usize) -> Result<&'c mut [[u32; 2]], String> {
        match columns.get_mut(at) {
            Some(Some(Column::U32(cells))) => self.rows(cells.as_chunks_mut().0),
            _ => Err(no_column(at)),
        }
    }

    fn times<'c>(&self, columns: &'c mut [Option<Column>], at: usize) -> Result<&'c mut [f64], String> {
        match columns.get_mut(at) {
            Some(Some(Column::F64(cells))) => self.rows(cells),
            _ => Err(no_column(at)),
        }
    }

    fn rows<'c, T>(&self, cells: &'c mut [T]) -> Result<&'c mut [T], String> {
        let end = self.row.checked_add(self.count);
        end.and_then(|end| cells.get_mut(self.row..end))
            .ok_or_else(|| "rows go beyond their column".to_string())
    }
}

fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

fn no_column(at: usize) -> String {
    format!("column {at} is missing or of another type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::Random;

    /// Two records of 12 octets behind two that are not theirs.
    const BYTES: [u8; 26] = [
        9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140,
    ];

    #[test]
    fn copies_every_width() {
        let (mut a, mut b, mut c, mut d) = ([0u8; 4], [0u16; 4], [0u32; 4], [0u32; 8]);
        let mut columns = [
            Some(Column::U8(&mut a)),
            Some(Column::U16(&mut b)),
            Some(Column::U32(&mut c)),
            Some(Column::U32(&mut d)),
        ];
        let steps = [
            [OP_8_TO_8, 0, 1, 1],
            [OP_16_TO_16, 1, 2, 2],
            [OP_ANY_TO_32, 2, 4, 3],
            [OP_ANY_TO_64, 3, 1, 9],
        ];
        let run = [0.0, 4.0, 2.0, 12.0, 2.0, 1.0, 0.0, 0.0, 0.0];
        transpose(&BYTES, steps.as_flattened(), &run, &mut columns).unwrap();
        assert_eq!(a, [0, 2, 130, 0]);
        assert_eq!(b, [0, 0x0304, 0x8384, 0]);
        assert_eq!(c, [0, 0x05_0607, 0x85_8687, 0]);
        assert_eq!(d, [0, 0, 0x0708_090a, 0x0304_0506, 0x8788_898a, 0x8384_8586, 0, 0]);
    }

    #[test]
    fn times_refer_to_the_header() {
        let mut times = [0f64; 4];
        let mut columns = [Some(Column::F64(&mut times))];
        let mut run = [0.0, 1.0, 0.0, 4.0, 2.0, 0.0, 1e12, 4_294_967_295.0, 5.0];
        transpose(
            &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0],
            &[OP_UPTIME, 0, 0, 4],
            &run,
            &mut columns,
        )
        .unwrap();
        run[5] = 2.0;
        transpose(&[0; 8], &[OP_RECEIVED, 0, 0, 0], &run, &mut columns).unwrap();
        assert_eq!(times, [1e12 + 2.0, 1e12 - 255.0, 5.0, 5.0]);
        let mut times = [7f64; 2];
        let late = [(2_011_656u64 << 32).to_be_bytes(), 1_700_000_000_123u64.to_be_bytes()].concat();
        run = [0.0, 1.0, 0.0, 8.0, 2.0, 0.0, 0.0, 0.0, 0.0];
        transpose(
            &late,
            &[OP_MILLISECONDS, 0, 0, 8],
            &run,
            &mut [Some(Column::F64(&mut times))],
        )
        .unwrap();
        assert_eq!(times, [0.0, 1_700_000_000_123.0]);
    }

    #[test]
    fn tells_runs_with_icmp() {
        let mut protocols = [6u8, 17, 1, 6, 58];
        let mut columns = [Some(Column::U8(&mut protocols))];
        let runs = [[0.0, 2.0], [2.0, 1.0], [3.0, 1.0], [4.0, 1.0]]
            .map(|[row, count]| [0.0, 1.0, 0.0, 1.0, count, row, 0.0, 0.0, 0.0]);
        let found = transpose(&BYTES, &[OP_ICMP, 0, 0, 0], runs.as_flattened(), &mut columns);
        assert_eq!(found, Ok(vec![1, 3]));
    }

    #[test]
    fn whatever_it_is_told_stays_within_its_memory() {
        let mut random = Random::new();
        let numbers = [0.0, 1.0, 2.0, 3.0, 8.0, 25.0, 1e9, 1e300, -1.0, f64::NAN];
        let mut carried_out = 0;
        while random.time_left() {
            let mut any = |limit: usize| random.below(limit);
            let (mut a, mut b, mut c, mut d) = ([0u8; 4], [0u16; 4], [0u32; 8], [0f64; 4]);
            let mut columns = [
                Some(Column::U8(&mut a)),
                Some(Column::U16(&mut b)),
                Some(Column::U32(&mut c)),
                Some(Column::F64(&mut d)),
                None,
            ];
            let steps: Vec<u32> = (0..3)
                .flat_map(|_| [any(37) as u32, any(6) as u32, any(14) as u32, any(14) as u32])
                .collect();
            let run: Vec<f64> = (0..RUN_CELLS).map(|_| numbers[any(numbers.len())]).collect();
            carried_out += u64::from(transpose(&BYTES, &steps, &run, &mut columns).is_ok());
        }
        assert!(carried_out > 0);
    }
}
