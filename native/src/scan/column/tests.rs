use super::*;
use crate::fuzz::Random;
use crate::segment::bits::{bit_width, put_indices, put_varint};
use crate::segment::chunk;
use crate::segment::column::{ColumnSpec, ColumnType, Values};
use crate::segment::file::tests::Scratch;
use crate::segment::{Options, SegmentWriter};
use parquet::file::metadata::ColumnChunkMetaData;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The description of some column, which pages that are listed do without.
fn described(path: &Path) -> ColumnChunkMetaData {
    let columns = ["first", "last"].map(|name| ColumnSpec {
        name: name.to_string(),
        column_type: ColumnType::TimeMs,
        absent: 0,
        bloom: false,
    });
    let options = Options {
        codec: chunk::Codec::None,
        metadata: Vec::new(),
    };
    let mut writer = SegmentWriter::create(path, options).unwrap();
    writer.append(&columns, &[Values::Raw(&[1, 2]); 2], 2).unwrap();
    writer.finish(Vec::new()).unwrap();
    let open = crate::scan::file::open(path).unwrap();
    open.metadata.row_group(0).column(0).clone()
}

fn number(out: &mut Vec<u8>, number: usize) {
    // A number of 32 bits in a structure, in the field behind the last.
    out.push(0x15);
    put_varint(out, number as u64 * 2);
}

/// A page with its header (parquet.thrift): of a dictionary, or of places in one.
fn put_page(out: &mut Vec<u8>, values: usize, body: &[u8], is_dictionary: bool) {
    number(out, if is_dictionary { 2 } else { 0 });
    number(out, body.len());
    number(out, body.len());
    out.push(if is_dictionary { 0x4c } else { 0x2c });
    number(out, values);
    number(out, if is_dictionary { 0 } else { 8 });
    out.extend([0, 0]);
    out.extend(body);
}

/// Levels of `rows` rows, of which all but `missing` have a value, in runs and packed groups.
fn levels(random: &mut Random, rows: usize, missing: Option<usize>) -> Vec<u8> {
    let mut out = vec![0; 4];
    let mut row = 0;
    while row < rows {
        let groups = (1 + random.below(20)).min((rows - row).div_ceil(8));
        let span = row..row + groups * 8;
        if random.below(2) == 0 || missing.is_some_and(|missing| span.contains(&missing)) {
            put_varint(&mut out, groups as u64 * 2 + 1);
            out.extend((0..groups).map(
                |group| match missing.map(|missing| missing.wrapping_sub(row + group * 8)) {
                    Some(bit @ 0..8) => !(1 << bit),
                    _ => 0xffu8,
                },
            ));
        } else {
            put_varint(&mut out, groups as u64 * 8 * 2);
            out.push(1);
        }
        row = span.end;
    }
    let length = out.len() as u32 - 4;
    out[..4].copy_from_slice(&length.to_le_bytes());
    out
}

#[test]
fn levels_do_not_disturb_the_block_at_hand() {
    let mut random = Random::new();
    let scratch = Scratch::new();
    let metadata = described(&scratch.0.join("described"));
    let path = scratch.0.join("chunk");
    while random.time_left() {
        let dictionary: Vec<u64> = (0..2 + random.below(300)).map(|_| random.next()).collect();
        let mut bytes = Vec::new();
        let plain: Vec<u8> = dictionary.iter().flat_map(|value| value.to_le_bytes()).collect();
        put_page(&mut bytes, dictionary.len(), &plain, true);
        let mut codes: Vec<u32> = Vec::new();
        let lacks_one = random.below(4) == 0;
        for _ in 0..1 + random.below(5) {
            let rows = 1 + random.below(3000);
            let page: Vec<u32> = (0..rows).map(|_| random.below(dictionary.len()) as u32).collect();
            let missing = lacks_one.then(|| random.below(rows));
            let mut body = levels(&mut random, rows, missing);
            put_indices(&mut body, &page, bit_width(dictionary.len() as u64 - 1));
            put_page(&mut bytes, rows, &body, false);
            codes.extend(page);
        }
        std::fs::write(&path, &bytes).unwrap();
        let place = Place {
            offset: 0,
            length: bytes.len(),
            codec: Some(Codec::None),
            is_wide: true,
            is_optional: true,
            is_micros: false,
        };
        let file = Arc::new(File::open(&path).unwrap());
        let mut column = Column::default();
        column.start(&file, place, &metadata, codes.len()).unwrap();
        for start in (0..codes.len()).step_by(BLOCK) {
            let count = BLOCK.min(codes.len() - start);
            let loaded = column.load(start, count);
            if lacks_one {
                assert!(matches!(loaded, Err(ParquetError::NYI(_))));
                break;
            }
            loaded.unwrap();
            column.spread();
            let expected = codes[start..start + count]
                .iter()
                .map(|&code| dictionary[code as usize]);
            assert!(column.values().iter().copied().eq(expected), "rows from {start}");
        }
    }
}

#[test]
fn no_memory_is_asked_for_what_a_hole_stands_for() {
    let scratch = Scratch::new();
    let path = scratch.0.join("hole");
    let metadata = described(&path);
    let place = Place {
        offset: 4,
        length: 1 << 42,
        codec: Some(Codec::None),
        is_wide: true,
        is_optional: false,
        is_micros: false,
    };
    let refused = Column::default().start(&Arc::new(File::open(&path).unwrap()), place, &metadata, 2);
    assert!(matches!(refused, Err(ParquetError::NYI(_))));
}
