//! Rows that are put aside give the groups that counting at once gives, whatever the memory.

use super::*;
use std::sync::atomic::Ordering;

/// The same question with so much memory for groups, and for rows that are put aside.
fn asked(top: usize, threads: usize, bytes: usize, aside_bytes: usize) -> Question {
    let mut question = Question {
        bytes,
        aside_bytes,
        ..question(threads)
    };
    question.jobs.iter_mut().for_each(|job| job.top = top);
    question
}

fn assert_same(answer: &Answer, expected: &Answer, what: &str) {
    assert_eq!(answer.totals, expected.totals, "{what}");
    for (tables, expected) in answer.tables.iter().zip(&expected.tables) {
        assert_eq!(tables[0].keys, expected[0].keys, "{what}");
        assert_eq!(tables[0].sums, expected[0].sums, "{what}");
        assert_eq!(tables[0].extra, expected[0].extra, "{what}");
    }
}

/// Row groups that were looked at.
fn looked_at(progress: &Progress) -> usize {
    progress.all.load(Ordering::Relaxed)
}

#[test]
fn rows_put_aside_give_the_same_groups() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let mut all = rows(&mut random, 30_000);
    for row in all.iter_mut().step_by(17) {
        // Octets, and times, that do not fit the usual rows.
        row[5] <<= 20;
        row[7] += u64::from(row[4] == 1) << 33;
    }
    // The difference is small, though the last time is before the first.
    (all[100][6], all[100][7]) = (i64::MAX as u64 - 5, i64::MIN as u64 + 3);
    let paths: Vec<PathBuf> = ["1", "2"].iter().map(|name| scratch.0.join(name)).collect();
    write(&paths[0], &all[..12_000], 1000, Codec::Zstd(1));
    write(&paths[1], &all[12_000..], 777, Codec::Lz4);
    let segments = look(&paths, 1, KEPT_CHUNKS).unwrap();
    let items: usize = segments.iter().map(|segment| segment.groups).sum();
    for top in [1, 7] {
        let expected = run(&segments, &asked(top, 1, 1 << 30, 0), &Progress::default()).unwrap();
        for (threads, aside_bytes, more_passes) in [(1, 1 << 30, false), (3, 1 << 30, false), (1, 2 << 20, true)] {
            let progress = Progress::default();
            let answer = run(&segments, &asked(top, threads, 20_000, aside_bytes), &progress).unwrap();
            let what = format!("top {top}, {threads} threads, {aside_bytes} bytes");
            assert_same(&answer, &expected, &what);
            assert_eq!(looked_at(&progress) > items, more_passes, "{what}");
        }
    }
    let too_many = run(&segments, &asked(9000, 1, 20_000, 1 << 30), &Progress::default());
    assert!(matches!(too_many, Err(ParquetError::NYI(_))));
}

#[test]
fn few_groups_of_many_rows_are_counted_on_the_way() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let mut all = rows(&mut random, 60_000);
    all.iter_mut().for_each(|row| row[1] = 0xffff_0a00_0000 + row[1] % 3);
    let path = scratch.0.join("1");
    write(&path, &all, 1000, Codec::Lz4);
    let segments = look(&[path], 1, KEPT_CHUNKS).unwrap();
    let only = |mut question: Question| {
        question.jobs.drain(..2);
        question
    };
    let expected = run(&segments, &only(asked(1, 1, 1 << 30, 0)), &Progress::default()).unwrap();
    let progress = Progress::default();
    // Rows of 40 octets that would be 1.2 MB.
    let answer = run(&segments, &only(asked(1, 1, 500, 400_000)), &progress).unwrap();
    assert_same(&answer, &expected, "compacted");
    assert_eq!(looked_at(&progress), segments[0].groups, "one pass");
}

#[test]
fn groups_beyond_all_memory_go_elsewhere() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let path = scratch.0.join("1");
    write(&path, &rows(&mut random, 1000), 1000, Codec::Lz4);
    let segments = look(&[path], 1, 0).unwrap();
    let answer = run(&segments, &asked(0, 1, 1000, 1000), &Progress::default());
    assert!(matches!(answer, Err(ParquetError::NYI(_))));
}
