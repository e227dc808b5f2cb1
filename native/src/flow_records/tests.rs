use super::*;

fn step(name: &str, offset: usize) -> Step {
    Step {
        kind: Kind::of_name(name).unwrap(),
        offset,
        absent: 0,
        proto: 1,
    }
}

/// The field of row 1 and then row 0, in records of one byte more.
fn fields<const N: usize>(name: &str, column: Column, second: Option<Column>) -> [[u8; N]; 2] {
    let layout = Layout {
        steps: vec![step(name, 1)],
        length: N + 1,
    };
    let mut bytes = vec![0xee; (N + 1) * 2];
    let columns = [[Some(column), second]];
    layout.write(&mut bytes, &[1, 0], &[[0, 2]], &columns, 1e12).unwrap();
    assert_eq!((bytes[0], bytes[N + 1]), (0xee, 0xee));
    [bytes[1..=N].try_into().unwrap(), bytes[N + 2..].try_into().unwrap()]
}

#[test]
fn writes_numbers_in_network_order_and_cut_as_their_kind_says() {
    let (u8s, u16s) = (Column::U8(&[1, 2]), Column::U16(&[0x0102, 0xfeff]));
    assert_eq!(fields("u8", u8s, None), [[2], [1]]);
    assert_eq!(fields("u16", u16s, None), [[0xfe, 0xff], [1, 2]]);
    assert_eq!(fields("u16as8", u16s, None), [[0xff], [2]]);
    let u32s = Column::U32(&[0x0102_0304, 0xffff]);
    assert_eq!(fields("u32", u32s, None), [[0, 0, 0xff, 0xff], [1, 2, 3, 4]]);
    assert_eq!(fields("u32as24", u32s, None), [[0, 0xff, 0xff], [2, 3, 4]]);
    assert_eq!(fields("u32as16", u32s, None), [[0xff, 0xff], [0xff, 0xff]]);
    assert_eq!(fields("as16", u32s, None), [[0xff, 0xff], [0x5b, 0xa0]]);
    let u64s = Column::U32(&[0x0506_0708, 0x0102_0304, 0x0a00_0001, 0xffff]);
    assert_eq!(
        fields("u64", u64s, None),
        [[0, 0, 0xff, 0xff, 10, 0, 0, 1], [1, 2, 3, 4, 5, 6, 7, 8]]
    );
    assert_eq!(
        fields("u64as48", u64s, None),
        [[0xff, 0xff, 10, 0, 0, 1], [3, 4, 5, 6, 7, 8]]
    );
    assert_eq!(fields("u64as32", u64s, None), [[10, 0, 0, 1], [5, 6, 7, 8]]);
    assert_eq!(fields("addr4", u64s, None), [[10, 0, 0, 1], [0; 4]]);
}

#[test]
fn writes_times_in_every_unit() {
    let times = Column::F64(&[0.0, 1_709_294_400_250.0]);
    let seconds = 1_709_294_400u32;
    assert_eq!(fields("ms", times, None), [1_709_294_400_250u64.to_be_bytes(), [0; 8]]);
    assert_eq!(fields("seconds", times, None), [seconds.to_be_bytes(), [0; 4]]);
    assert_eq!(
        fields("uptime", times, None),
        [(709_294_400_250u64 as u32).to_be_bytes(), [0; 4]]
    );
    let before_boot = Column::F64(&[1e12 - 1.0, 1e12]);
    assert_eq!(fields("uptime", before_boot, None), [[0; 4], [0xff; 4]]);
    let since1900 = (u64::from(seconds) + 2_208_988_800) << 32;
    assert_eq!(
        fields("ntp", times, None),
        [(since1900 | 1 << 30).to_be_bytes(), [0; 8]]
    );
    // 0.25 s and 1 ns; 2^32 / 10^9 is 4.29.
    let below = Some(Column::U32(&[0, 1]));
    assert_eq!(
        fields("ntp", times, below),
        [(since1900 | ((1 << 30) + 5)).to_be_bytes(), [0; 8]]
    );
}

#[test]
fn icmp_has_its_type_and_code_in_the_port() {
    let ports = Column::U16(&[0x0b01, 0x0800]);
    let protocols = Some(Column::U8(&[1, 6]));
    assert_eq!(fields("icmp", ports, protocols), [[0, 0], [11, 1]]);
    assert_eq!(fields("icmpType", ports, protocols), [[0], [11]]);
    assert_eq!(fields("icmpCode", ports, protocols), [[0], [1]]);
    assert_eq!(fields("icmp", ports, None), [[0, 0], [0, 0]]);
}

#[test]
fn without_a_column_there_is_one_byte_or_zeros() {
    let absent = Step {
        absent: 255,
        ..step("u8", 1)
    };
    let layout = Layout {
        steps: vec![step("u8", 0), absent],
        length: 3,
    };
    let mut bytes = [7; 7];
    let none = [[None, None]; 2];
    layout.write(&mut bytes, &[5, 6], &[[1, 2]], &none, 0.0).unwrap();
    assert_eq!(bytes, [7, 0, 255, 0, 0, 255, 0]);
}

#[test]
fn runs_may_stand_anywhere_and_their_rows_follow_one_another() {
    let layout = Layout {
        steps: vec![step("u8", 0), step("u16", 1)],
        length: 3,
    };
    let cells: Vec<u8> = (0..100).collect();
    let ports: Vec<u16> = (0..100).map(|n| n * 256).collect();
    let columns = [[Some(Column::U8(&cells)), None], [Some(Column::U16(&ports)), None]];
    let rows: Vec<u32> = (0..60).rev().collect();
    // Records of one run after another are put down from the end of the memory on.
    let runs: Vec<Run> = (0..20).map(|run| [(19 - run) * 9, 3]).collect();
    let mut bytes = vec![0; 180];
    layout.write(&mut bytes, &rows, &runs, &columns, 0.0).unwrap();
    for (run, [at, _]) in runs.iter().enumerate() {
        for record in 0..3 {
            let (at, row) = (*at as usize + record * 3, 59 - (run * 3 + record) as u8);
            assert_eq!(bytes[at..at + 3], [row, row, 0]);
        }
    }
}

#[test]
fn refuses_what_cannot_be() {
    let written = |step: Step, runs: &[Run], column, second| {
        let layout = Layout {
            steps: vec![step],
            length: 4,
        };
        layout.write(&mut [0; 8], &[0, 3], runs, &[[Some(column), second]], 0.0)
    };
    let (u8s, u32s) = (Column::U8(&[1, 2]), Column::U32(&[1, 2, 3, 4, 5]));
    let all = &[[0, 2]];
    assert_eq!(written(step("u8", 3), all, u8s, None), Err(NO_ROW));
    assert_eq!(written(step("u64as32", 0), all, u32s, None), Err(NO_ROW));
    assert_eq!(written(step("u32", 0), all, u8s, None), Err(NO_COLUMN));
    let ports = Column::U16(&[1; 4]);
    assert_eq!(written(step("icmp", 0), all, ports, Some(u32s)), Err(NO_COLUMN));
    let outside = Err("the field is not within the record");
    assert_eq!(written(step("u32", 1), all, u32s, None), outside);
    for run in [[1, 2], [8, 1], [u32::MAX, 1], [0, 2]] {
        let rows = if run == [0, 2] { Ok(()) } else { Err(NO_ROOM) };
        assert_eq!(written(step("u32", 0), &[run], u32s, None), rows);
    }
    let short = Err("the list is shorter than that");
    assert_eq!(written(step("u32", 0), &[[0, 2], [0, 1]], u32s, None), short);
    assert_eq!(Kind::of_name("u128"), None);
}
