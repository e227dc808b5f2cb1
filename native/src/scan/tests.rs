use super::look::look;
use super::*;
use crate::fuzz::Random;
use crate::scan::file::KEPT_CHUNKS;
use crate::scan::job::{Cut, Measure, Order, Part, Side};
use crate::segment::chunk::Codec;
use crate::segment::column::{ColumnSpec, ColumnType, Values};
use crate::segment::file::tests::Scratch;
use crate::segment::{Options, SegmentWriter};
use parquet::errors::Result;
use std::collections::BTreeMap;
use std::path::PathBuf;

mod many_groups;

const COLUMNS: [(&str, ColumnType); 8] = [
    ("src_addr_hi", ColumnType::U64),
    ("src_addr_lo", ColumnType::U64),
    ("dst_port", ColumnType::U16),
    ("proto", ColumnType::U8),
    ("packets", ColumnType::U64),
    ("octets", ColumnType::U64),
    ("first", ColumnType::TimeMs),
    ("last", ColumnType::TimeMs),
];
const MISSING: [&str; 3] = ["flows", "out_packets", "out_octets"];

fn wanted() -> Vec<Wanted> {
    let there = COLUMNS.iter().copied();
    there
        .chain(MISSING.iter().map(|&name| (name, ColumnType::U64)))
        .map(|(name, column_type)| Wanted {
            name: name.to_string(),
            column_type,
            absent: 0,
            is_core: false,
            scaled_by: None,
        })
        .collect()
}

/// A row as the columns are listed above.
type Row = [u64; COLUMNS.len()];

fn rows(random: &mut Random, count: usize) -> Vec<Row> {
    (0..count)
        .map(|row| {
            let hi = if row % 5000 > 4000 { 0x2001_0db8_0000_0000 } else { 0 };
            let lo = 0xffff_0a00_0000 + random.below(300) as u64;
            let first = 1_700_000_000_000 + row as u64 * 3;
            let (port, proto) = (random.below(60_000) as u64, 6 + 11 * (random.next() & 1));
            let packets = 1 + random.below(50) as u64;
            [
                hi,
                lo,
                port,
                proto,
                packets,
                random.next() >> 40,
                first,
                first + random.below(9999) as u64,
            ]
        })
        .collect()
}

fn write(path: &Path, rows: &[Row], group: usize, codec: Codec) {
    let options = Options {
        codec,
        metadata: Vec::new(),
    };
    let columns = COLUMNS.map(|(name, column_type)| ColumnSpec {
        name: name.to_string(),
        column_type,
        absent: 0,
        bloom: false,
    });
    let mut writer = SegmentWriter::create(path, options).unwrap();
    for part in rows.chunks(group) {
        let values: Vec<Vec<u64>> = (0..COLUMNS.len())
            .map(|column| part.iter().map(|row| row[column]).collect())
            .collect();
        let values: Vec<Values> = values.iter().map(|values| Values::Raw(values)).collect();
        writer.append(&columns, &values, part.len()).unwrap();
    }
    writer.finish(Vec::new()).unwrap();
}

/// Sources and ports of TCP flows, most octets first.
fn question(threads: usize) -> Question {
    let order = Order {
        measure: Measure::Octets,
        side: Side::In,
        ascending: false,
    };
    let cut = Cut {
        v4: u64::MAX,
        v6_hi: u64::MAX,
        v6_lo: u64::MAX,
    };
    let job = |parts: Vec<Part>| Job {
        sides: vec![parts],
        extra: true,
        skip_zero: false,
        orders: vec![order.clone()],
        top: 0,
        conversation: None,
    };
    let tcp = [5, 3, 0, u32::MAX, u32::MAX, 0, 1, 6, 0, 6, 0];
    Question {
        columns: wanted(),
        counters: Counters {
            flows: 8,
            packets: 4,
            octets: 5,
            out_packets: 9,
            out_octets: 10,
            first: 6,
            last: 7,
            tcp_flags: None,
        },
        predicate: Predicate::parse(&tcp, 11).unwrap(),
        jobs: vec![
            job(vec![Part::Address { hi: 0, lo: 1, cut }]),
            job(vec![Part::Small { column: 2, bits: 16 }]),
            job(vec![
                Part::Address { hi: 0, lo: 1, cut },
                Part::Small { column: 3, bits: 8 },
            ]),
        ],
        list: None,
        from: 0,
        threads,
        bytes: 1 << 30,
        aside_bytes: 1 << 30,
    }
}

fn ask(paths: &[PathBuf], threads: usize) -> Result<Answer> {
    run(
        &look(paths, threads, KEPT_CHUNKS)?,
        &question(threads),
        &Progress::default(),
    )
}

#[test]
fn counts_as_plain_code_would() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let all = rows(&mut random, 30_000);
    let paths: Vec<PathBuf> = ["1", "2", "3"].iter().map(|name| scratch.0.join(name)).collect();
    write(&paths[0], &all[..12_000], 12_000, Codec::Zstd(1));
    write(&paths[1], &all[12_000..20_000], 777, Codec::Lz4);
    write(&paths[2], &all[20_000..], 5000, Codec::None);
    let mut expected: BTreeMap<u128, (u64, u64, i64)> = BTreeMap::new();
    for row in all.iter().filter(|row| row[3] == 6) {
        let group = expected
            .entry(u128::from(row[0]) << 64 | u128::from(row[1]))
            .or_default();
        group.0 += 1;
        group.1 += row[5];
        group.2 = group.2.max(row[7] as i64);
    }
    let mut order: Vec<(u128, (u64, u64, i64))> = expected.into_iter().collect();
    order.sort_by_key(|(_, (_, octets, _))| std::cmp::Reverse(*octets));
    for threads in [1, 3] {
        let answer = ask(&paths, threads).unwrap();
        let table = &answer.tables[0][0];
        let found: Vec<_> = table.keys[0]
            .iter()
            .zip(&table.sums)
            .map(|(&key, sums)| (key, (sums.rows, sums.octets, sums.last)))
            .collect();
        assert_eq!(found, order, "{threads} threads");
        let by_two = &answer.tables[2][0];
        assert_eq!(by_two.keys[0], table.keys[0]);
        assert_eq!(by_two.sums, table.sums);
        let ports = &answer.tables[1][0];
        let tcp = all.iter().filter(|row| row[3] == 6);
        assert_eq!(
            ports.sums.iter().map(|sums| sums.octets).sum::<u64>(),
            tcp.clone().map(|row| row[5]).sum()
        );
        assert_eq!(answer.totals.rows, tcp.count() as u64);
    }
}

#[test]
fn lists_go_on_where_they_stopped() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let all = rows(&mut random, 20_000);
    let paths: Vec<PathBuf> = ["1", "2"].iter().map(|name| scratch.0.join(name)).collect();
    write(&paths[0], &all[..9000], 1000, Codec::Zstd(1));
    write(&paths[1], &all[9000..], 777, Codec::Lz4);
    let segments = look(&paths, 1, KEPT_CHUNKS).unwrap();
    let place = |row: usize| {
        if row < 9000 {
            row as u64
        } else {
            1 << list::ROW_BITS | (row as u64 - 9000)
        }
    };
    let expected: Vec<u64> = (0..all.len()).filter(|&row| all[row][3] == 6).map(place).collect();
    for (threads, piece) in [(1, 1), (1, 1500), (3, 1500), (3, usize::MAX)] {
        let (mut found, mut from, mut pieces) = (Vec::new(), Some(0), 0);
        while let Some(at) = from {
            let question = Question {
                list: Some(List::Next(piece)),
                from: at,
                jobs: Vec::new(),
                ..question(threads)
            };
            let answer = run(&segments, &question, &Progress::default()).unwrap();
            found.extend(answer.positions);
            from = answer.next;
            pieces += 1;
        }
        assert_eq!(found, expected, "{threads} threads, pieces of {piece}");
        assert!(piece == usize::MAX || pieces > 2, "{pieces} pieces of {piece}");
    }
}

#[test]
fn damaged_files_give_one_error_with_their_name() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let path = scratch.0.join("segment");
    let all = rows(&mut random, 3000);
    let mut number = 0;
    while random.time_left() {
        number += 1;
        write(
            &path,
            &all[..1 + random.below(3000)],
            1000,
            [Codec::Zstd(1), Codec::Lz4, Codec::None][number % 3],
        );
        let mut bytes = std::fs::read(&path).unwrap();
        random.mutate(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();
        if let Err(cause) = ask(std::slice::from_ref(&path), 1) {
            let message = cause.to_string();
            assert!(message.contains(&path.display().to_string()), "{message}");
            assert!(!message.contains("internal error"), "{message}");
        }
    }
}

#[test]
fn files_cut_anywhere_are_errors() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let path = scratch.0.join("segment");
    write(&path, &rows(&mut random, 200), 100, Codec::Zstd(1));
    let bytes = std::fs::read(&path).unwrap();
    for cut in 0..bytes.len() {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert!(ask(std::slice::from_ref(&path), 1).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_file_that_is_replaced_meanwhile_is_not_mistaken_for_the_other() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let path = scratch.0.join("segment");
    let all = rows(&mut random, 400);
    // Of the same form, so that every place of one is a place of the other.
    let mut others = all.clone();
    others.reverse();
    for keep in [0, KEPT_CHUNKS] {
        write(&path, &all, 100, Codec::None);
        let segments = look(std::slice::from_ref(&path), 1, keep).unwrap();
        let ask = || run(&segments, &question(1), &Progress::default());
        assert!(ask().is_ok());
        write(&path, &others, 100, Codec::None);
        let message = ask().err().unwrap().to_string();
        assert!(message.contains("replaced") && message.contains("segment"), "{message}");
        assert!(list::fetch(&segments, &wanted(), &[0]).is_err());
    }
}

#[test]
fn numbers_of_rows_beyond_all_places_are_refused() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let path = scratch.0.join("segment");
    write(&path, &rows(&mut random, 10), 10, Codec::None);
    let mut segments = look(&vec![path; 200], 1, KEPT_CHUNKS).unwrap();
    let mut ask = |rows: u64, count: usize| {
        segments[..count].iter_mut().for_each(|segment| segment.rows = rows);
        run(&segments, &question(1), &Progress::default()).err().unwrap()
    };
    assert!(matches!(ask(1 << list::ROW_BITS, 1), ParquetError::NYI(_)));
    assert!(matches!(ask((1 << list::ROW_BITS) - 1, 200), ParquetError::NYI(_)));
    assert!(matches!(ask(u64::MAX, 200), ParquetError::NYI(_)));
    // So many have places, but the file has others.
    assert!(matches!(ask(11, 200), ParquetError::General(_)));
}
