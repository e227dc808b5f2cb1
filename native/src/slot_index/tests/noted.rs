//! What is noted of rows while they are encoded, against what is read of their file.

use super::*;
use crate::slot_index::filter::key;
use crate::slot_index::halves::{note_written, Halves};

#[test]
fn what_is_noted_while_a_file_is_written_is_what_it_has() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let specs = specs(&COLUMNS);
    for turn in 0..40 {
        let path = scratch.0.join(format!("{turn}.parquet"));
        let rows = rows(&mut random, 300);
        write(&path, &rows, COLUMNS.len(), 100);
        let mut halves = Halves::default();
        for part in rows.chunks(70) {
            let columns: Vec<Vec<u64>> = (0..COLUMNS.len())
                .map(|column| part.iter().map(|row| row[column]).collect())
                .collect();
            let words: Vec<Vec<u32>> = columns
                .iter()
                .map(|values| values.iter().copied().flat_map(wide).collect())
                .collect();
            let values = columns.iter().zip(&words).zip(&specs).map(|((raw, words), spec)| {
                let raw = Values::Raw(raw);
                match raw.constant(part.len(), 0) {
                    Some(0) => Values::Absent,
                    Some(value) => Values::Constant(value),
                    None if random.below(2) == 0 && spec.column_type == ColumnType::U64 => Values::Words(words),
                    None => raw,
                }
            });
            let values: Vec<Values> = values.collect();
            halves.add_rows(&specs, &values, part.len());
        }
        let sorted = |keys: Option<Vec<u64>>| {
            let mut keys = keys.unwrap();
            keys.sort_unstable();
            keys
        };
        let mut wanted = sorted(build(&path).unwrap().keys);
        assert_eq!(sorted(halves.keys()), wanted);
        // What tells that it was taken from there, and only once.
        halves.extend(Half::High, &[99u64]);
        note_written(&fs::metadata(&path).unwrap(), halves);
        assert_eq!(sorted(build(&path).unwrap().keys).len(), wanted.len() + 1);
        assert_eq!(sorted(build(&path).unwrap().keys), wanted);
        // A file that has changed since is read.
        let mut other = Halves::default();
        other.extend(Half::Low, &[99u64]);
        note_written(&fs::metadata(&path).unwrap(), other);
        write(&path, &rows[..rows.len() / 2], COLUMNS.len(), 100);
        wanted = sorted(build(&path).unwrap().keys);
        assert!(wanted.binary_search(&key(Half::Low, 99)).is_err());
    }
}
