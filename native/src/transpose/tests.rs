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
fn ports_of_icmp_are_type_and_code() {
    let none = [NO_FIELD; STEP_CELLS];
    let place = |at: u32, width: u32| width << 16 | at;
    let kinds = [
        // Type and code, then both together, then the source port.
        ([place(0, 1), place(1, 1), NO_FIELD, 0], [0x0102, 7, 0x0506]),
        ([NO_FIELD, NO_FIELD, place(0, 2), 0], [0x0102, 7, 0x0506]),
        (none, [0x0300, 7, 0x0300]),
    ];
    for (fields, expected) in kinds {
        let mut protocols = [1u8, 6, 58];
        let (mut sources, mut destinations) = ([3u16, 3, 3], [0u16, 7, 0]);
        let mut columns = [
            Some(Column::U8(&mut protocols)),
            Some(Column::U16(&mut sources)),
            Some(Column::U16(&mut destinations)),
        ];
        let steps = [[OP_ICMP, 0, 1, 2], fields, fields];
        let run = [0.0, 3.0, 0.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0];
        let swapped = transpose(&[1, 2, 3, 4, 5, 6], steps.as_flattened(), &run, &mut columns);
        assert_eq!(destinations, expected);
        let is_swapped = fields == none;
        assert_eq!(swapped, Ok(if is_swapped { vec![0, 2] } else { vec![] }));
        assert_eq!(sources, if is_swapped { [0, 3, 0] } else { [3; 3] });
    }
}

#[test]
fn zeros_go_where_a_column_is() {
    let mut words = [7u32; 6];
    let mut columns = [Some(Column::U32(&mut words)), None];
    let run = [0.0, 2.0, 0.0, 4.0, 1.0, 1.0, 0.0, 0.0, 0.0];
    let steps = [[OP_ZERO, 0, 0, 0], [OP_ZERO, 1, 0, 0]];
    assert!(transpose(&BYTES, steps.as_flattened(), &run, &mut columns).is_ok());
    assert_eq!(words, [7, 7, 0, 0, 7, 7]);
    assert!(transpose(&BYTES, &[OP_ZERO, 2, 0, 0], &run, &mut [None, None]).is_err());
}

#[test]
fn runs_of_programs_in_turn_go_to_their_rows() {
    let mut cells = [0u8; 40];
    let mut columns = [Some(Column::U8(&mut cells))];
    let bytes: Vec<u8> = (0..80).collect();
    let steps = [[OP_8_TO_8, 0, 0, 1], [OP_8_TO_8, 0, 1, 1]];
    let runs: Vec<f64> = (0..40)
        .flat_map(|row| {
            let first = f64::from(row % 2);
            [
                first,
                first + 1.0,
                f64::from(row * 2),
                2.0,
                1.0,
                f64::from(row),
                0.0,
                0.0,
                0.0,
            ]
        })
        .collect();
    transpose(&bytes, steps.as_flattened(), &runs, &mut columns).unwrap();
    assert!(cells
        .iter()
        .enumerate()
        .all(|(row, &cell)| usize::from(cell) == row * 2 + row % 2));
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

/// A step that fits: column, octets of its field, and what it makes of them.
struct Kind {
    op: u32,
    column: u32,
    width: usize,
    made: fn(&[u8], &[f64; RUN_CELLS]) -> Made,
}

#[derive(Debug, PartialEq, Clone, Copy)]
enum Made {
    Number(u64),
    Time(f64),
}

fn low(field: &[u8], _: &[f64; RUN_CELLS]) -> Made {
    let mut octets = [0; 8];
    let from = field.len().saturating_sub(8);
    octets[8 - (field.len() - from)..].copy_from_slice(&field[from..]);
    Made::Number(u64::from_be_bytes(octets))
}

/// Columns are of 8, 16, 32 and 64 bits, and times.
fn kinds(any: usize) -> Vec<Kind> {
    let plain = |op, column, width| Kind {
        op,
        column,
        width,
        made: low,
    };
    vec![
        plain(OP_8_TO_8, 0, 1),
        plain(OP_8_TO_16, 1, 1),
        plain(OP_16_TO_16, 1, 2),
        plain(OP_8_TO_32, 2, 1),
        plain(OP_16_TO_32, 2, 2),
        plain(OP_32_TO_32, 2, 4),
        plain(OP_32_TO_64, 3, 4),
        plain(OP_64_TO_64, 3, 8),
        plain(OP_ANY_TO_8, 0, any),
        plain(OP_ANY_TO_16, 1, any),
        plain(OP_ANY_TO_32, 2, any),
        plain(OP_ANY_TO_64, 3, any),
        Kind {
            op: OP_V4_ADDRESS,
            column: 3,
            width: 4,
            made: |field, run| match low(field, run) {
                Made::Number(address) => Made::Number(address | 0xffff << 32),
                time => time,
            },
        },
        Kind {
            op: OP_UPTIME,
            column: 4,
            width: 4,
            made: |field, run| {
                let uptime = u32::from_be_bytes(field.try_into().unwrap());
                Made::Time((run[6] + f64::from(uptime.wrapping_sub(run[7] as u32) as i32)).max(0.0))
            },
        },
        Kind {
            op: OP_MILLISECONDS,
            column: 4,
            width: 8,
            made: |field, _| {
                let ms = u64::from_be_bytes(field.try_into().unwrap());
                Made::Time(if ms < 8_640_000_000_000_000 { ms as f64 } else { 0.0 })
            },
        },
        Kind {
            op: OP_RECEIVED,
            column: 4,
            width: 0,
            made: |_, run| Made::Time(run[8]),
        },
        Kind {
            op: OP_EXPORTED,
            column: 4,
            width: 0,
            made: |_, run| Made::Time(run[6]),
        },
        Kind {
            op: OP_ZERO,
            column: 3,
            width: 0,
            made: |_, _| Made::Number(0),
        },
    ]
}

const ROWS: usize = 12;

/// Columns as `kinds` numbers them, filled with what no step leaves.
struct Cells {
    narrow: [u8; ROWS],
    middle: [u16; ROWS],
    words: [u32; ROWS],
    pairs: [u32; 2 * ROWS],
    times: [f64; ROWS],
}

impl Cells {
    fn new() -> Cells {
        Cells {
            narrow: [0xa5; ROWS],
            middle: [0xa5a5; ROWS],
            words: [0xa5a5_a5a5; ROWS],
            pairs: [0xa5a5_a5a5; 2 * ROWS],
            times: [-5.5; ROWS],
        }
    }

    fn transpose(
        &mut self,
        bytes: &[u8],
        steps: &[[u32; STEP_CELLS]],
        run: &[f64; RUN_CELLS],
    ) -> Result<Vec<u32>, String> {
        let mut columns = [
            Some(Column::U8(&mut self.narrow)),
            Some(Column::U16(&mut self.middle)),
            Some(Column::U32(&mut self.words)),
            Some(Column::U32(&mut self.pairs)),
            Some(Column::F64(&mut self.times)),
            None,
        ];
        transpose(bytes, steps.as_flattened(), run, &mut columns)
    }

    fn at(&self, column: u32, row: usize) -> Made {
        Made::Number(match column {
            0 => self.narrow[row].into(),
            1 => self.middle[row].into(),
            2 => self.words[row].into(),
            3 => u64::from(self.pairs[2 * row]) | u64::from(self.pairs[2 * row + 1]) << 32,
            _ => return Made::Time(self.times[row]),
        })
    }
}

fn cut(made: Made, column: u32) -> Made {
    match made {
        Made::Number(number) => Made::Number(match column {
            0 => number & 0xff,
            1 => number & 0xffff,
            2 => number & 0xffff_ffff,
            _ => number,
        }),
        time => time,
    }
}

#[test]
fn plans_that_fit_are_carried_out_and_one_beyond_any_bound_is_an_error() {
    let mut random = Random::new();
    let untouched = Cells::new();
    while random.time_left() {
        let any = 1 + random.below(16);
        let kinds = kinds(any);
        let stride = 16 + random.below(20);
        let (base, row) = (random.below(5), random.below(5));
        let count = 1 + random.below(ROWS - row);
        let length = base + stride * count + random.below(3);
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        // Each column once, or the order would matter.
        let mut chosen: Vec<(&Kind, usize)> = Vec::new();
        for _ in 0..5 {
            let kind = &kinds[random.below(kinds.len())];
            if chosen.iter().all(|(other, _)| other.column != kind.column) {
                chosen.push((kind, random.below(stride - kind.width + 1)));
            }
        }
        let steps: Vec<[u32; STEP_CELLS]> = chosen
            .iter()
            .map(|(kind, at)| [kind.op, kind.column, *at as u32, kind.width as u32])
            .collect();
        let export_ms = 1.7e12 + random.below(1 << 30) as f64;
        let run = [
            0.0,
            steps.len() as f64,
            base as f64,
            stride as f64,
            count as f64,
            row as f64,
            export_ms,
            f64::from(random.next() as u32),
            export_ms + 7.0,
        ];
        let mut cells = Cells::new();
        assert_eq!(cells.transpose(&bytes, &steps, &run), Ok(Vec::new()));
        for (column, at) in (0..5).flat_map(|column| (0..ROWS).map(move |at| (column, at))) {
            let step = chosen.iter().find(|(kind, _)| kind.column == column);
            let expected = match (step, at.checked_sub(row).filter(|&record| record < count)) {
                (Some((kind, place)), Some(record)) => {
                    let from = base + record * stride + place;
                    cut((kind.made)(&bytes[from..from + kind.width], &run), column)
                }
                _ => untouched.at(column, at),
            };
            assert_eq!(cells.at(column, at), expected, "column {column}, row {at}, {steps:?}");
        }
        let with = |cell: usize, value: usize| {
            let mut run = run;
            run[cell] = value as f64;
            Cells::new().transpose(&bytes, &steps, &run)
        };
        assert!(with(1, steps.len() + 1).is_err(), "a step beyond the last");
        assert!(
            with(2, length - stride * count + 1).is_err(),
            "an octet beyond the last"
        );
        assert!(with(3, 0).is_err(), "records of no octets");
        assert!(
            with(4, (length - base) / stride + 1).is_err(),
            "a record beyond the last"
        );
        assert!(with(5, ROWS - count + 1).is_err(), "a row beyond the last");
        let (kind, _) = chosen[random.below(chosen.len())];
        let wrong = |step: [u32; STEP_CELLS]| {
            Cells::new().transpose(&bytes, &[step], &{
                let mut run = run;
                run[1] = 1.0;
                run
            })
        };
        let beyond = (stride + 1 - kind.width) as u32;
        assert!(wrong([kind.op, kind.column, beyond, kind.width as u32]).is_err());
        assert!(wrong([kind.op, kind.column, u32::MAX, u32::MAX]).is_err());
        // Columns of 32 and 64 bits are both of words.
        let other = [1, 0, 4, 4, 2][kind.column as usize];
        assert!(wrong([kind.op, other, 0, kind.width as u32]).is_err());
        assert!(wrong([kind.op, 6, 0, kind.width as u32]).is_err());
        assert!(wrong([OP_ICMP, 0, 1, 1]).is_err());
    }
}
