use super::build::{build, Built};
use super::directory::{DirectoryIndex, Records, Source};
use super::filter::Half;
use super::record::{Header, Identity, HEADER};
use super::write::{append, forget, tidy};
use super::{INDEX_NAME, UNIT};
use crate::fuzz::Random;
use crate::scan::file::{Segment, Wanted, KEPT_CHUNKS};
use crate::scan::job::Counters;
use crate::scan::list::List;
use crate::scan::look::look;
use crate::scan::predicate::Predicate;
use crate::scan::{run, Answer, Progress, Question};
use crate::segment::chunk::Codec;
use crate::segment::column::{ColumnSpec, ColumnType, Values};
use crate::segment::file::tests::Scratch;
use crate::segment::{Options, SegmentWriter};
use parquet::errors::Result;
use std::fs;
use std::path::{Path, PathBuf};

mod hostile;
mod noted;

const COLUMNS: [(&str, ColumnType); 6] = [
    ("src_addr_hi", ColumnType::U64),
    ("src_addr_lo", ColumnType::U64),
    ("dst_addr_hi", ColumnType::U64),
    ("dst_addr_lo", ColumnType::U64),
    ("first", ColumnType::TimeMs),
    ("last", ColumnType::TimeMs),
];
/// Of every row the columns above.
type Row = [u64; COLUMNS.len()];

/// So few addresses that files have some in common.
const HOSTS: usize = 400;
const HOUR_MS: u64 = 3_600_000;

fn address(random: &mut Random) -> (u64, u64) {
    let host = random.below(HOSTS) as u64;
    if host < 300 {
        (0, 0xffff_0a00_0000 + host)
    } else {
        (0x2001_0db8_0000_0000 + host % 7, host)
    }
}

fn rows(random: &mut Random, most: usize) -> Vec<Row> {
    let count = random.below(most + 1);
    let start = 1_700_000_000_000 + random.below(20) as u64 * HOUR_MS;
    (0..count)
        .map(|_| {
            let ((src_hi, src_lo), (dst_hi, dst_lo)) = (address(random), address(random));
            let first = start + random.below(HOUR_MS as usize) as u64;
            [
                src_hi,
                src_lo,
                dst_hi,
                dst_lo,
                first,
                first + random.below(60_000) as u64,
            ]
        })
        .collect()
}

fn specs(columns: &[(&str, ColumnType)]) -> Vec<ColumnSpec> {
    columns
        .iter()
        .map(|(name, column_type)| ColumnSpec {
            name: name.to_string(),
            column_type: *column_type,
            absent: 0,
            bloom: false,
        })
        .collect()
}

fn write(path: &Path, rows: &[Row], columns: usize, group: usize) {
    let options = Options {
        codec: Codec::Lz4,
        metadata: Vec::new(),
    };
    let skipped = COLUMNS.len() - columns;
    let specs = specs(&COLUMNS[skipped..]);
    let mut writer = SegmentWriter::create(path, options).unwrap();
    writer.append(&specs, &vec![Values::Absent; columns], 0).unwrap();
    for part in rows.chunks(group) {
        let values: Vec<Vec<u64>> = (skipped..COLUMNS.len())
            .map(|column| part.iter().map(|row| row[column]).collect())
            .collect();
        let values: Vec<Values> = values.iter().map(|values| Values::Raw(values)).collect();
        writer.append(&specs, &values, part.len()).unwrap();
    }
    writer.finish(Vec::new()).unwrap();
}

fn wide(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

/// Appends a condition in the form that `scan::predicate` reads.
fn condition(random: &mut Random, depth: usize, out: &mut Vec<u32>) {
    match random.below(if depth == 0 { 2 } else { 6 }) {
        0 | 1 => {
            let side = 2 * random.below(2) as u32;
            let (hi, mut lo) = address(random);
            if random.below(4) == 0 {
                lo += 1 << 20;
            }
            let to = lo + [0, 0, 0, 3, 200][random.below(5)];
            out.extend([6, side, side + 1, 1]);
            for word in [lo, hi, to, hi] {
                out.extend(wide(word));
            }
        }
        2 => {
            let from = 1_700_000_000_000 + random.below(20) as u64 * HOUR_MS;
            out.extend([5, 4 + random.below(2) as u32, 0, u32::MAX, u32::MAX, 1, 1]);
            for end in [from, from + random.below(3) as u64 * HOUR_MS] {
                out.extend(wide(end + (1 << 63)));
            }
        }
        3 => {
            condition(random, depth - 1, out);
            out.push(2);
        }
        code => {
            let count = 1 + random.below(3);
            (0..count).for_each(|_| condition(random, depth - 1, out));
            out.extend([if code == 4 { 3 } else { 4 }, count as u32]);
        }
    }
}

fn question(program: &[u32]) -> Question {
    let names = COLUMNS.iter().copied().chain([("octets", ColumnType::U64)]);
    let columns: Vec<Wanted> = names
        .map(|(name, column_type)| Wanted {
            name: name.to_string(),
            column_type,
            absent: 0,
            is_core: false,
            scaled_by: None,
        })
        .collect();
    Question {
        predicate: Predicate::parse(program, columns.len()).unwrap(),
        columns,
        counters: Counters {
            flows: 6,
            packets: 6,
            octets: 6,
            out_packets: 6,
            out_octets: 6,
            first: 4,
            last: 5,
            tcp_flags: None,
        },
        jobs: Vec::new(),
        list: Some(List::First(1 << 20)),
        from: 0,
        threads: 2,
        bytes: 1 << 20,
        aside_bytes: 0,
    }
}

fn ask(segments: Result<Vec<Segment>>, program: &[u32]) -> Result<Answer> {
    run(&segments?, &question(program), &Progress::default())
}

fn entries(paths: &[PathBuf]) -> Vec<Built> {
    paths.iter().map(|path| build(path).unwrap()).collect()
}

fn look_inside(paths: &[PathBuf]) -> Result<Vec<Segment>> {
    paths.iter().map(|path| Segment::look(path)).collect()
}

#[test]
fn an_index_never_changes_an_answer() {
    let mut random = Random::new();
    let (mut asked, mut pruned) = (0, 0);
    while random.time_left() {
        let scratch = Scratch::new();
        let paths: Vec<PathBuf> = (0..6)
            .map(|number| scratch.0.join(format!("{number}.parquet")))
            .collect();
        let fill = |random: &mut Random, path: &Path| {
            let content = rows(random, 120);
            let columns = if random.below(5) == 0 { 4 } else { 6 };
            write(path, &content, columns, 1 + random.below(120));
        };
        paths.iter().for_each(|path| fill(&mut random, path));
        append(&scratch.0, &entries(&paths)).unwrap();
        let index = scratch.0.join(INDEX_NAME);
        for _ in 0..4 {
            for _ in 0..8 {
                let mut program = Vec::new();
                condition(&mut random, 3, &mut program);
                asked += 1;
                let looked = look(&paths, 2, KEPT_CHUNKS);
                if let Ok(segments) = &looked {
                    let out = crate::scan::prune::files_out(segments, &question(&program));
                    pruned += out.iter().filter(|is_out| **is_out).count();
                }
                match (ask(looked, &program), ask(look_inside(&paths), &program)) {
                    (Ok(with), Ok(without)) => {
                        assert_eq!(with.positions, without.positions);
                    }
                    (with, without) => assert_eq!(with.is_err(), without.is_err()),
                }
            }
            let path = &paths[random.below(paths.len())];
            match random.below(8) {
                0 => fill(&mut random, path),
                1 => {
                    let bytes = fs::read(path).unwrap();
                    fs::write(path, &bytes[..random.below(bytes.len() + 1)]).unwrap();
                }
                2 => fs::write(&index, b"").unwrap(),
                3 => drop(fs::remove_file(&index)),
                4 => tidy(&scratch.0).unwrap(),
                5 => {
                    // A copy has another inode, though nothing else is different.
                    let times = fs::metadata(path).unwrap().modified().unwrap();
                    fill(&mut random, path);
                    fs::File::options()
                        .write(true)
                        .open(path)
                        .unwrap()
                        .set_modified(times)
                        .unwrap();
                }
                6 => {
                    if let Ok(built) = build(path) {
                        append(&scratch.0, &[built]).unwrap();
                    }
                }
                _ => {
                    if let Ok(mut bytes) = fs::read(&index) {
                        random.mutate(&mut bytes);
                        fs::write(&index, bytes).unwrap();
                    }
                }
            }
        }
    }
    assert!(
        pruned > asked / 2,
        "{pruned} files of {asked} questions were not opened"
    );
}

#[test]
fn a_file_is_known_in_the_state_that_was_entered() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let path = scratch.0.join("a.parquet");
    let content = [[0, 1, 0, 2, 1_700_000_000_000, 1_700_000_000_005]];
    write(&path, &content, 6, 100);
    append(&scratch.0, &entries(std::slice::from_ref(&path))).unwrap();
    let found = |path: &Path| {
        let index = DirectoryIndex::read(&scratch.0).unwrap();
        let name = path.file_name().unwrap().as_encoded_bytes();
        index.find(name, Identity::of(&fs::metadata(path).unwrap()))
    };
    let indexed = found(&path).unwrap();
    assert_eq!((indexed.entry.rows, indexed.entry.groups), (1, 1));
    assert_eq!(
        indexed.entry.spans.unwrap().last,
        (1_700_000_000_005, 1_700_000_000_005)
    );
    assert_eq!(*indexed.columns, COLUMNS.map(|(name, _)| name.to_string()));
    for present in [1, 2] {
        assert!(!indexed.filter.lacks(Half::Low, present));
    }
    let absent = (3..1000)
        .filter(|&value| indexed.filter.lacks(Half::Low, value))
        .count();
    assert!(absent > 980, "{absent}");
    let same = scratch.0.join("b.parquet");
    fs::rename(&path, &same).unwrap();
    assert!(found(&same).is_none());
    write(&path, &rows(&mut random, 100), 6, 100);
    assert!(found(&path).is_none());
    append(&scratch.0, &entries(std::slice::from_ref(&path))).unwrap();
    assert!(found(&path).is_some());
}

#[test]
fn large_indexes_are_read_in_places() {
    let scratch = Scratch::new();
    let path = scratch.0.join("a.parquet");
    let content: Vec<Row> = (0..200_000).map(|row| [0, row * 2, 0, 1, 3, 4]).collect();
    write(&path, &content, 6, 70_000);
    append(&scratch.0, &entries(std::slice::from_ref(&path))).unwrap();
    assert!(matches!(Source::open(&scratch.0), Some(Source::File(..))));
    let segments = look(std::slice::from_ref(&path), 1, KEPT_CHUNKS).unwrap();
    let filter = segments[0].filter.as_ref().unwrap();
    assert!((0..200_000).all(|row| !filter.lacks(Half::Low, row * 2)));
    let absent = (1..200_000).filter(|row| filter.lacks(Half::Low, row * 2 + 1)).count();
    assert!(absent > 198_000, "{absent}");
}

#[test]
fn files_of_others_are_refused() {
    let scratch = Scratch::new();
    let path = scratch.0.join("a.parquet");
    write(&path, &[], 6, 1);
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(12).position(|window| window == b"weir version").unwrap();
    let mut other = bytes.clone();
    other[at..at + 4].copy_from_slice(b"some");
    fs::write(&path, other).unwrap();
    assert!(build(&path).is_err());
    fs::write(&path, bytes).unwrap();
    assert!(build(&path).is_ok());
    fs::write(&path, b"PAR1 nothing of the kind").unwrap();
    assert!(build(&path).is_err());
}

#[test]
fn a_write_that_was_cut_anywhere_says_nothing_wrong() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let paths: Vec<PathBuf> = (0..3).map(|number| scratch.0.join(number.to_string())).collect();
    for path in &paths {
        let mut content = rows(&mut random, 90);
        content.push([0, 1, 0, 2, 3, 4]);
        write(path, &content, 6, 100);
    }
    let index = scratch.0.join(INDEX_NAME);
    append(&scratch.0, &entries(&paths[..2])).unwrap();
    let whole = fs::read(&index).unwrap();
    let all: Vec<(u64, u64)> = (0..HOSTS as u64).map(|host| (0, 0xffff_0a00_0000 + host)).collect();
    let last = entries(&paths[2..]);
    let hosts: Vec<Vec<u64>> = paths.iter().map(|path| low_halves(path)).collect();
    for cut in 0..whole.len() {
        fs::write(&index, &whole[..cut]).unwrap();
        forget();
        append(&scratch.0, &last).unwrap();
        let read = DirectoryIndex::read(&scratch.0).unwrap();
        for (path, hosts) in paths.iter().zip(&hosts) {
            let name = path.file_name().unwrap().as_encoded_bytes();
            let found = read.find(name, Identity::of(&fs::metadata(path).unwrap()));
            assert!(found.is_some() || path != &paths[2], "cut at {cut}");
            let Some(found) = found else { continue };
            assert!(
                hosts.iter().all(|&host| !found.filter.lacks(Half::Low, host)),
                "cut at {cut}"
            );
            assert!(
                all.iter().any(|&(_, host)| found.filter.lacks(Half::Low, host)),
                "cut at {cut}"
            );
        }
    }
}

fn low_halves(path: &Path) -> Vec<u64> {
    let segments = look_inside(&[path.to_path_buf()]).unwrap();
    let positions: Vec<u64> = (0..segments[0].rows).collect();
    let wanted = question(&[1]).columns;
    let fetched = crate::scan::list::fetch(&segments, &wanted, &positions).unwrap();
    [1, 3].into_iter().flat_map(|column| fetched[column].clone()).collect()
}

#[test]
fn tidying_keeps_what_is_there() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let paths: Vec<PathBuf> = (0..4).map(|number| scratch.0.join(number.to_string())).collect();
    paths
        .iter()
        .for_each(|path| write(path, &rows(&mut random, 90), 6, 100));
    let index = scratch.0.join(INDEX_NAME);
    append(&scratch.0, &entries(&paths)).unwrap();
    let before = fs::metadata(&index).unwrap().len();
    fs::remove_file(&paths[0]).unwrap();
    tidy(&scratch.0).unwrap();
    assert_eq!(fs::metadata(&index).unwrap().len(), before);
    for path in &paths[1..3] {
        fs::remove_file(path).unwrap();
    }
    tidy(&scratch.0).unwrap();
    assert!(fs::metadata(&index).unwrap().len() < before);
    let segments = look(&paths[3..], 1, KEPT_CHUNKS).unwrap();
    assert!(segments[0].filter.is_some());
    fs::remove_file(&paths[3]).unwrap();
    tidy(&scratch.0).unwrap();
    assert!(!index.exists());
    tidy(&scratch.0).unwrap();
    let names: Vec<_> = fs::read_dir(&scratch.0).unwrap().collect();
    assert!(names.is_empty(), "{names:?}");
}
