use super::*;
use crate::mixing::GOLDEN;
use crate::segment::column::{ColumnType, Texts};
use crate::segment::file::tests::Scratch;
use parquet::column::reader::ColumnReader;
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::fs::File;

fn spec(name: &str, column_type: ColumnType, absent: u64) -> ColumnSpec {
    ColumnSpec {
        name: name.to_string(),
        column_type,
        absent,
        bloom: false,
    }
}

fn options(codec: Codec) -> Options {
    Options {
        codec,
        metadata: vec![("key".to_string(), "value".to_string())],
    }
}

/// Every value of a column as the crate's own reader sees it.
fn read(path: &Path, column: usize) -> Vec<u64> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut all = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        let rows = group.metadata().num_rows() as usize;
        match group.get_column_reader(column).unwrap() {
            ColumnReader::Int32ColumnReader(mut column) => {
                let mut values = Vec::new();
                column.read_records(rows, None, None, &mut values).unwrap();
                all.extend(values.iter().map(|&value| u64::from(value as u32)));
            }
            ColumnReader::Int64ColumnReader(mut column) => {
                let mut values = Vec::new();
                column.read_records(rows, None, None, &mut values).unwrap();
                all.extend(values.iter().map(|&value| value as u64));
            }
            _ => panic!("not a type that is written here"),
        }
    }
    all
}

/// Numbers that look random and are the same each time.
fn noise(rows: usize) -> impl Iterator<Item = u64> {
    (1..=rows as u64).map(|row| row.wrapping_mul(GOLDEN).rotate_left(31))
}

/// Shapes of data that take each way through the encoder.
fn shapes(rows: usize) -> Vec<(&'static str, Vec<u64>)> {
    vec![
        ("noise", noise(rows).collect()),
        ("few", noise(rows).map(|value| value % 7).collect()),
        ("runs", (0..rows as u64).map(|row| row / 100).collect()),
        (
            "mixed",
            noise(rows)
                .zip(0u64..)
                .map(|(value, row)| if row % 1000 < 500 { 3 } else { value % 5 })
                .collect(),
        ),
        (
            "rising",
            (0..rows as u64).map(|row| 1_700_000_000_000 + row * 3).collect(),
        ),
        (
            "extremes",
            (0..rows as u64)
                .map(|row| [0, u64::MAX, 1 << 63, (1 << 63) - 1][row as usize % 4])
                .collect(),
        ),
        (
            "last differs",
            (0..rows).map(|row| u64::from(row + 1 == rows)).collect(),
        ),
        ("constant", vec![u64::MAX; rows]),
    ]
}

#[test]
fn every_shape_comes_back() {
    let scratch = Scratch::new();
    let columns = [
        spec("a", ColumnType::U64, 0),
        spec("b", ColumnType::U32, 0),
        spec("c", ColumnType::U16, 0),
        spec("d", ColumnType::U8, 0),
        spec("e", ColumnType::TimeMs, 0),
    ];
    // Around the sizes of groups, runs, blocks and pages.
    for rows in [
        1, 2, 7, 8, 9, 31, 33, 128, 129, 130, 1000, 65_535, 65_536, 65_537, 140_000,
    ] {
        for (shape, words) in shapes(rows) {
            for codec in [Codec::None, Codec::Zstd(1), Codec::Lz4] {
                if rows > 1000 && codec == Codec::None {
                    continue;
                }
                let path = scratch.0.join("segment");
                let pairs: Vec<u32> = words
                    .iter()
                    .flat_map(|&word| [word as u32, (word >> 32) as u32])
                    .collect();
                let wide: Vec<u32> = words.iter().map(|&word| word as u32).collect();
                let short: Vec<u16> = words.iter().map(|&word| word as u16).collect();
                let bytes: Vec<u8> = words.iter().map(|&word| word as u8).collect();
                let times: Vec<f64> = words.iter().map(|&word| (word >> 12) as f64).collect();
                let values = [
                    Values::Words(&pairs),
                    Values::U32(&wide),
                    Values::U16(&short),
                    Values::U8(&bytes),
                    Values::Millis(&times),
                ];
                let mut writer = SegmentWriter::create(&path, options(codec)).unwrap();
                writer.append(&columns, &values, rows).unwrap();
                writer.finish(Vec::new()).unwrap();
                let context = format!("{shape}, {rows} rows, {codec:?}");
                assert_eq!(read(&path, 0), words, "{context}");
                let masked = |mask: u64| words.iter().map(|word| word & mask).collect::<Vec<_>>();
                assert_eq!(read(&path, 1), masked(0xffff_ffff), "{context}");
                assert_eq!(read(&path, 2), masked(0xffff), "{context}");
                assert_eq!(read(&path, 3), masked(0xff), "{context}");
                let shifted: Vec<u64> = words.iter().map(|word| word >> 12).collect();
                assert_eq!(read(&path, 4), shifted, "{context}");
            }
        }
    }
}

#[test]
fn statistics_compare_as_the_type_says() {
    let scratch = Scratch::new();
    let path = scratch.0.join("segment");
    let columns = [spec("a", ColumnType::U32, 0), spec("t", ColumnType::TimeMs, 0)];
    let mut writer = SegmentWriter::create(&path, options(Codec::Zstd(1))).unwrap();
    let values = [Values::U32(&[1, u32::MAX, 7]), Values::Millis(&[-5.0, 3.0, f64::NAN])];
    writer.append(&columns, &values, 3).unwrap();
    writer.finish(Vec::new()).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let group = reader.metadata().row_group(0);
    let bounds = |column: usize| {
        let statistics = group.column(column).statistics().unwrap();
        (
            statistics.min_bytes_opt().unwrap().to_vec(),
            statistics.max_bytes_opt().unwrap().to_vec(),
        )
    };
    assert_eq!(
        bounds(0),
        (1u32.to_le_bytes().to_vec(), u32::MAX.to_le_bytes().to_vec())
    );
    assert_eq!(bounds(1), ((-5i64).to_le_bytes().to_vec(), 3i64.to_le_bytes().to_vec()));
}

#[test]
fn refuses_what_does_not_fit_and_leaves_no_file() {
    let scratch = Scratch::new();
    let path = scratch.0.join("segment");
    let columns = [spec("a", ColumnType::U32, 0)];
    for values in [Values::U32(&[1]), Values::U16(&[1, 2])] {
        let mut writer = SegmentWriter::create(&path, options(Codec::None)).unwrap();
        assert!(writer.append(&columns, &[values], 2).is_err());
        assert!(writer.finish(Vec::new()).is_err());
    }
    let mut writer = SegmentWriter::create(&path, options(Codec::None)).unwrap();
    writer.append(&columns, &[Values::U32(&[1, 2])], 2).unwrap();
    let mut many = SegmentWriter::create(&path, options(Codec::None)).unwrap();
    assert!(many.append(&columns, &[Values::Absent], 1 << 31).is_err());
    let others = [spec("b", ColumnType::U32, 0)];
    assert!(writer.append(&others, &[Values::U32(&[1, 2])], 2).is_err());
    drop(writer);
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 0);
}

#[test]
fn bloom_filters_know_what_is_there() {
    let scratch = Scratch::new();
    let path = scratch.0.join("segment");
    let mut columns = [spec("few", ColumnType::U64, 0), spec("many", ColumnType::U64, 0)];
    for column in &mut columns {
        column.bloom = true;
    }
    let few: Vec<u64> = noise(5000).map(|value| value % 100).collect();
    let many: Vec<u64> = noise(5000).collect();
    let mut writer = SegmentWriter::create(&path, options(Codec::Zstd(1))).unwrap();
    writer
        .append(&columns, &[Values::Raw(&few), Values::Raw(&many)], 5000)
        .unwrap();
    writer.finish(Vec::new()).unwrap();
    let file = File::open(&path).unwrap();
    let reader = SerializedFileReader::new(file.try_clone().unwrap()).unwrap();
    for (column, values) in [(0, few), (1, many)] {
        let metadata = reader.metadata().row_group(0).column(column);
        let filter = parquet::bloom_filter::Sbbf::read_from_column_chunk(metadata, &file)
            .unwrap()
            .unwrap();
        assert!(values.iter().all(|&value| filter.check(&(value as i64))));
        let wrong = (1..1000i64).filter(|value| filter.check(&-value)).count();
        assert!(wrong < 100, "{wrong} of 999 values that are not there");
    }
}

fn read_texts(path: &Path, column: usize) -> Vec<Vec<u8>> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut all = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        let rows = group.metadata().num_rows() as usize;
        let ColumnReader::ByteArrayColumnReader(mut column) = group.get_column_reader(column).unwrap() else {
            panic!("no texts");
        };
        let mut values = Vec::new();
        column.read_records(rows, None, None, &mut values).unwrap();
        all.extend(values.iter().map(|value| value.data().to_vec()));
    }
    all
}

/// Texts of `count` numbers, and where each ends.
fn numbered_texts(count: u32) -> (Vec<u8>, Vec<u32>) {
    let mut bytes = Vec::new();
    let ends = (1..=count)
        .map(|number| {
            bytes.extend(format!("{{\"n\":{number}}}").bytes());
            bytes.len() as u32
        })
        .collect();
    (bytes, ends)
}

#[test]
fn texts_come_back_and_are_joined() {
    let scratch = Scratch::new();
    let columns = [spec("n", ColumnType::U32, 0), spec("extra", ColumnType::Text, 0)];
    let (bytes, ends) = numbered_texts(70_000);
    let texts = Texts {
        bytes: &bytes,
        ends: &ends,
    };
    let expected = |ids: &[u32]| -> Vec<Vec<u8>> { ids.iter().map(|&id| texts.get(id).unwrap().to_vec()).collect() };
    let shapes: Vec<(&str, Vec<u32>)> = vec![
        ("none", vec![0; 100]),
        ("one", vec![7; 70_000]),
        ("few", (0..70_000).map(|row| row % 5).collect()),
        ("all differ", (1..=70_000).collect()),
        ("single row", vec![3]),
    ];
    let codecs = [Codec::None, Codec::Zstd(1), Codec::Lz4];
    let mut paths = Vec::new();
    let mut all = Vec::new();
    for (number, (shape, ids)) in shapes.iter().enumerate() {
        let path = scratch.0.join(format!("{number}"));
        let mut writer = SegmentWriter::create(&path, options(codecs[number % 3])).unwrap();
        writer
            .append(&columns, &[Values::U32(ids), Values::Texts(ids, texts)], ids.len())
            .unwrap();
        writer.finish(Vec::new()).unwrap();
        assert_eq!(read_texts(&path, 1), expected(ids), "{shape}");
        all.extend(expected(ids));
        paths.push(path);
    }
    // A part from before there were texts.
    let old = scratch.0.join("old");
    let mut writer = SegmentWriter::create(&old, options(Codec::Lz4)).unwrap();
    writer.append(&columns[..1], &[Values::U32(&[1, 2])], 2).unwrap();
    writer.finish(Vec::new()).unwrap();
    paths.push(old);
    all.extend([Vec::new(), Vec::new()]);
    let whole = scratch.0.join("whole");
    let merged = merge::merge(&paths, &whole, &columns, options(Codec::Zstd(1)))
        .and_then(merge::Merged::publish)
        .unwrap();
    assert_eq!(merged.rows, all.len() as u64);
    assert!(read_texts(&whole, 1) == all);
}

#[test]
fn refuses_texts_that_are_not_there() {
    let scratch = Scratch::new();
    let columns = [spec("extra", ColumnType::Text, 0)];
    let bad_ends = Texts {
        bytes: b"abc",
        ends: &[4],
    };
    let backwards = Texts {
        bytes: b"abc",
        ends: &[2, 1],
    };
    for (ids, texts) in [
        (&[1u32][..], Texts::default()),
        (&[1, u32::MAX][..], Texts::default()),
        (&[1, 0][..], bad_ends),
        (&[2, 1][..], backwards),
    ] {
        let mut writer = SegmentWriter::create(&scratch.0.join("segment"), options(Codec::None)).unwrap();
        assert!(writer
            .append(&columns, &[Values::Texts(ids, texts)], ids.len())
            .is_err());
    }
    let mut writer = SegmentWriter::create(&scratch.0.join("segment"), options(Codec::None)).unwrap();
    assert!(writer.append(&columns, &[Values::U32(&[1])], 1).is_err());
    drop(writer);
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 0);
}
