//! Indexes that somebody made up, and what else may have their name.

use super::*;
use crate::slot_index::record::{encode_columns, encode_entry, seal, LONGEST_COLUMNS, MOST_GROUPS};
use crate::slot_index::write::wait_for_lock;

#[test]
fn nobody_is_led_elsewhere() {
    let scratch = Scratch::new();
    let path = scratch.0.join("a.parquet");
    write(&path, &[[0, 1, 0, 2, 3, 4]], 6, 100);
    let target = scratch.0.join("target");
    fs::write(&target, b"as it was").unwrap();
    std::os::unix::fs::symlink(&target, scratch.0.join(INDEX_NAME)).unwrap();
    assert!(append(&scratch.0, &entries(std::slice::from_ref(&path))).is_err());
    assert_eq!(fs::read(&target).unwrap(), b"as it was");
    fs::remove_file(scratch.0.join(INDEX_NAME)).unwrap();
    // Another name of a file of somebody else.
    fs::hard_link(&target, scratch.0.join(INDEX_NAME)).unwrap();
    assert!(append(&scratch.0, &entries(std::slice::from_ref(&path))).is_err());
    assert!(tidy(&scratch.0).is_err());
    assert_eq!(fs::read(&target).unwrap(), b"as it was");
    fs::remove_file(scratch.0.join(INDEX_NAME)).unwrap();
    fs::create_dir(scratch.0.join(INDEX_NAME)).unwrap();
    assert!(append(&scratch.0, &entries(std::slice::from_ref(&path))).is_err());
    assert!(DirectoryIndex::read(&scratch.0).is_none());
    assert_eq!(look(&[path], 1, KEPT_CHUNKS).unwrap()[0].rows, 1);
}

#[test]
fn any_octets_are_read_without_harm() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let paths: Vec<PathBuf> = (0..3).map(|number| scratch.0.join(number.to_string())).collect();
    paths
        .iter()
        .for_each(|path| write(path, &rows(&mut random, 90), 6, 100));
    append(&scratch.0, &entries(&paths)).unwrap();
    let index = scratch.0.join(INDEX_NAME);
    let whole = fs::read(&index).unwrap();
    let (mut forged, mut believed) = (0, 0);
    while random.time_left() {
        let mut bytes = whole.clone();
        if random.below(2) == 0 {
            random.mutate(&mut bytes);
        }
        // Checksums that fit what somebody made up.
        for place in (0..bytes.len()).step_by(UNIT) {
            let Some(header) = bytes[place..].first_chunk_mut::<HEADER>() else {
                break;
            };
            if !header.starts_with(b"weir") || random.below(2) == 0 {
                continue;
            }
            for at in [40, 44, 48, 52, 56, 60, 72, 76, 96, 100] {
                if random.below(6) == 0 {
                    let value = [0, 1, 5, u32::MAX, 1 << 31, random.next() as u32][random.below(6)];
                    header[at..at + 4].copy_from_slice(&value.to_le_bytes());
                }
            }
            seal(header);
            forged += 1;
        }
        fs::write(&index, &bytes).unwrap();
        let source = Source::open(&scratch.0).unwrap();
        let records: Vec<_> = Records::new(&source).collect();
        assert!(records.len() <= bytes.len() / HEADER);
        assert!(records
            .iter()
            .all(|record| record.at + record.length() <= bytes.len() as u64));
        for record in &records {
            if let Header::Slot(entry, _) = record.header {
                encode_entry(&entry);
            }
        }
        let segments = look(&paths, 1, KEPT_CHUNKS).unwrap();
        for filter in segments.iter().filter_map(|segment| segment.filter.as_ref()) {
            filter.lacks(Half::Low, random.next());
            believed += 1;
        }
        let mut program = Vec::new();
        condition(&mut random, 3, &mut program);
        let _ = ask(Ok(segments), &program);
        tidy(&scratch.0).unwrap();
        forget();
        append(&scratch.0, &entries(&paths[..1])).unwrap();
    }
    assert!(
        forged > 0 && believed > 0,
        "{forged} headers made up, {believed} believed"
    );
}

#[test]
fn a_lock_that_is_never_released_keeps_nobody_waiting_for_ever() {
    let scratch = Scratch::new();
    let path = scratch.0.join("a.parquet");
    write(&path, &[[0, 1, 0, 2, 3, 4]], 6, 100);
    let built = || entries(std::slice::from_ref(&path));
    append(&scratch.0, &built()).unwrap();
    // Whoever may only read the file can lock it.
    let reader = fs::File::open(scratch.0.join(INDEX_NAME)).unwrap();
    wait_for_lock(&reader).unwrap();
    let refused = append(&scratch.0, &built()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ResourceBusy);
    drop(reader);
    append(&scratch.0, &built()).unwrap();
}

#[test]
fn lists_of_columns_take_little_memory() {
    let scratch = Scratch::new();
    let path = scratch.0.join("a.parquet");
    write(&path, &[[0, 1, 0, 2, 3, 4]], 6, 100);
    append(&scratch.0, &entries(std::slice::from_ref(&path))).unwrap();
    let mut bytes = fs::read(scratch.0.join(INDEX_NAME)).unwrap();
    // Lists of nothing but empty names, behind the one that counts.
    for number in 0..100 {
        let names = vec![String::new(); LONGEST_COLUMNS - number];
        bytes.extend(encode_columns(&names).0);
    }
    fs::write(scratch.0.join(INDEX_NAME), bytes).unwrap();
    let index = DirectoryIndex::read(&scratch.0).unwrap();
    assert!(index.names() < 17 * LONGEST_COLUMNS);
    assert!(index
        .find(b"a.parquet", Identity::of(&fs::metadata(&path).unwrap()))
        .is_some());
}

#[test]
fn files_that_no_entry_could_describe_are_refused() {
    let scratch = Scratch::new();
    let path = scratch.0.join("a.parquet");
    let rows: Vec<Row> = vec![[0, 1, 0, 2, 3, 4]; MOST_GROUPS as usize + 1];
    write(&path, &rows, 6, 1);
    assert!(build(&path).err().unwrap().to_string().contains("row groups"));
    assert_eq!(look(&[path], 1, KEPT_CHUNKS).unwrap()[0].groups, rows.len());
}
