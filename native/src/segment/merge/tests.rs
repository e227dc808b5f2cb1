use super::*;
use crate::segment::column::ColumnType;
use crate::segment::file::tests::Scratch;

fn spec(name: &str, column_type: ColumnType, absent: u64) -> ColumnSpec {
    ColumnSpec {
        name: name.to_string(),
        column_type,
        absent,
        bloom: name == "a",
    }
}

fn options() -> Options {
    Options {
        codec: Codec::Zstd(1),
        metadata: vec![("slot".to_string(), "1".to_string())],
    }
}

fn write(path: &Path, columns: &[ColumnSpec], groups: &[Vec<u64>]) {
    let mut writer = SegmentWriter::create(path, options()).unwrap();
    for group in groups {
        let values: Vec<Values> = columns.iter().map(|_| Values::Raw(group)).collect();
        writer.append(columns, &values, group.len()).unwrap();
    }
    writer.finish(Vec::new()).unwrap();
}

fn read(path: &Path, name: &str) -> Vec<u64> {
    let input = Input::open(path).unwrap();
    let mut all = Vec::new();
    for (number, group) in input.metadata.row_groups().iter().enumerate() {
        let end = all.len() + group.num_rows() as usize;
        let column = position(group, name).unwrap();
        read_column(&input.read(number, column).unwrap(), end, &mut all).unwrap();
    }
    all
}

fn publish(inputs: &[PathBuf], output: &Path, columns: &[ColumnSpec]) -> Info {
    let merged = merge(inputs, output, columns, options()).unwrap();
    merged.publish().unwrap()
}

#[test]
fn joins_small_groups_and_copies_large_ones() {
    let scratch = Scratch::new();
    let (a, b, c) = (
        spec("a", ColumnType::U64, 0),
        spec("b", ColumnType::U32, 9),
        spec("c", ColumnType::TimeMs, 0),
    );
    let paths: Vec<PathBuf> = ["1", "2", "3"].iter().map(|name| scratch.0.join(name)).collect();
    let small: Vec<u64> = (0..1000).collect();
    let large: Vec<u64> = (0..COPY_ROWS).map(|row| row * row % 50_021).collect();
    write(&paths[0], &[a.clone(), c.clone()], &[small.clone(), small.clone()]);
    write(
        &paths[1],
        &[a.clone(), b.clone(), c.clone()],
        &[large.clone(), small.clone()],
    );
    write(&paths[2], &[a.clone(), c.clone()], std::slice::from_ref(&small));
    let output = scratch.0.join("whole");
    let merged = publish(&paths, &output, &[a, b, c]);
    assert_eq!(merged.rows, COPY_ROWS + 4000);
    assert_eq!(merged.row_groups, 3);
    assert_eq!(merged.columns, ["a", "b", "c"]);
    assert_eq!(merged.metadata["slot"], "1");
    assert_eq!(merged, info(&output).unwrap());
    let expected = [&small[..], &small, &large, &small, &small].concat();
    assert_eq!(read(&output, "a"), expected);
    assert_eq!(read(&output, "c"), expected);
    let filled = [&[9u64; 2000][..], &large, &small, &[9; 1000]].concat();
    assert_eq!(read(&output, "b"), filled);
    let file = File::open(&output).unwrap();
    let metadata = Input::open(&output).unwrap();
    for group in metadata.metadata.row_groups() {
        assert!(Sbbf::read_from_column_chunk(group.column(0), &file)
            .unwrap()
            .unwrap()
            .check(&4i64));
    }
}

#[test]
fn a_segment_can_be_merged_into_itself() {
    let scratch = Scratch::new();
    let column = [spec("a", ColumnType::U64, 0)];
    let paths = [scratch.0.join("whole"), scratch.0.join("part")];
    write(&paths[0], &column, &[vec![1, 2]]);
    write(&paths[1], &column, &[vec![3]]);
    publish(&paths, &paths[0], &column);
    assert_eq!(read(&paths[0], "a"), [1, 2, 3]);
}

#[test]
fn refuses_what_it_would_lose_and_leaves_no_file() {
    let scratch = Scratch::new();
    let column = [spec("a", ColumnType::U64, 0)];
    let path = scratch.0.join("1");
    write(&path, &[spec("other", ColumnType::U64, 0)], &[vec![1]]);
    let other_type = scratch.0.join("2");
    write(&other_type, &[spec("a", ColumnType::U32, 0)], &[vec![1]]);
    let garbage = scratch.0.join("3");
    std::fs::write(&garbage, b"PAR1 this is no segment PAR1").unwrap();
    for input in [path, other_type, garbage, scratch.0.join("missing")] {
        let cause = merge(
            std::slice::from_ref(&input),
            &scratch.0.join("whole"),
            &column,
            options(),
        )
        .unwrap_err();
        assert!(cause.to_string().contains(&input.display().to_string()), "{cause}");
    }
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 3);
}

#[test]
fn an_empty_segment_is_a_segment() {
    let scratch = Scratch::new();
    let column = [spec("a", ColumnType::U64, 0)];
    let path = scratch.0.join("1");
    write(&path, &column, &[Vec::new()]);
    assert_eq!(info(&path).unwrap().rows, 0);
    let whole = scratch.0.join("whole");
    let merged = publish(&[path.clone(), path], &whole, &column);
    assert_eq!((merged.rows, merged.row_groups), (0, 0));
}
