use super::*;

const ACK: u32 = 0x10 << 16;
const FIN: u32 = 0x11 << 16;

fn record(flow: u32, time_us: f64, octets: u32, flags: u32) -> Record {
    let mut out = [0; PACKET_BYTES];
    for (at, word) in [
        (P_PORTS, flow),
        (P_PROTO_TOS_FLAGS, 6 | flags),
        (P_OCTETS, octets),
        // All in one chain.
        (P_HASH, flow & 1),
        (P_META, 4 | (octets & 0xff) << 8),
    ] {
        out[at * 4..at * 4 + 4].copy_from_slice(&word.to_ne_bytes());
    }
    out[P_TIME * 4..].copy_from_slice(&time_us.to_ne_bytes());
    out
}

/// Memory of a slot, with room for one more packet.
struct Memory {
    records: Vec<Record>,
    quads: Vec<Quad>,
}

impl Memory {
    fn holding(records: &[Record]) -> Memory {
        let capacity = records.len() + 1;
        let mut memory = Memory {
            records: vec![[0; PACKET_BYTES]; capacity],
            quads: vec![[0; 16]; bytes(capacity) / 16],
        };
        let mut writer = RunWriter::new(capacity);
        memory.fill(&mut writer, records);
        memory
    }

    fn fill(&mut self, writer: &mut RunWriter, records: &[Record]) {
        let mut slot = self.slot();
        for record in records {
            *writer.place() = *record;
            writer.add(&mut slot);
        }
        writer.finish(&mut slot);
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot {
            records: &mut self.records,
            quads: &mut self.quads,
        }
    }

    /// Octets, span, rest and flags of each run; then the numbers of the packets in it.
    fn runs(&self) -> Vec<([u32; 3], Vec<u32>)> {
        let [runs, ..] = words_of(&self.quads[0]);
        let run = |number: u32| {
            let [ends, sums @ ..] = words_of(&self.quads[1 + number as usize]);
            let mut members = vec![ends >> 16];
            for _ in 0..sums[2] & RUN_REST_MASK {
                let rest = &self.quads[1 + self.records.len() + *members.last().unwrap() as usize];
                let [before_run, ..] = words_of(rest);
                assert_eq!(before_run >> 16, number);
                members.push(before_run & 0xffff);
            }
            assert_eq!(*members.last().unwrap(), ends & 0xffff);
            members.reverse();
            (sums, members)
        };
        (0..runs).map(run).collect()
    }

    fn members(&self) -> Vec<Vec<u32>> {
        self.runs().into_iter().map(|(_, members)| members).collect()
    }
}

fn runs(records: &[Record]) -> Memory {
    Memory::holding(records)
}

#[test]
fn packets_of_a_flow_are_one_run() {
    let records = [
        record(1, 2_000_010.0, 40, ACK),
        record(3, 2_000_011.0, 100, ACK),
        record(1, 2_000_020.0, 50, ACK),
        record(1, 2_000_020.0, 60, 0x08 << 16),
    ];
    let memory = runs(&records);
    assert_eq!(
        memory.runs(),
        [([110, 10, 2 | 0x18 << 16], vec![0, 2, 3]), ([0, 0, 0], vec![1])]
    );
    assert_eq!(memory.records[..2], records[..2]);
    assert_eq!(words_of(&memory.quads[0]), [2, 2, 20, 0]);
}

#[test]
fn fin_and_the_next_second_end_a_run() {
    let memory = runs(&[
        record(1, 1.0, 1, ACK),
        record(1, 2.0, 1, ACK),
        record(1, 3.0, 1, FIN),
        record(1, 4.0, 1, ACK),
        record(1, 999_999.0, 1, ACK),
        record(1, 1_000_000.0, 1, ACK),
    ]);
    assert_eq!(memory.members(), [vec![0, 1], vec![2], vec![3, 4], vec![5]]);
}

#[test]
fn octets_do_not_overflow() {
    let large = u32::MAX / 2;
    let memory = runs(&[0.0, 1.0, 2.0, 3.0].map(|time| record(1, time, large, ACK)));
    assert_eq!(memory.members(), [vec![0, 1, 2], vec![3]]);
}

#[test]
fn a_slot_knows_nothing_of_the_one_before() {
    let records = [record(1, 5.0, 1, ACK), record(1, 6.0, 1, ACK)];
    let mut memory = runs(&records);
    let mut writer = RunWriter::new(3);
    for _ in 0..2 {
        memory.fill(&mut writer, &records);
        assert_eq!(memory.members(), [vec![0, 1]]);
    }
    memory.fill(&mut writer, &[record(1, 4.0, 1, ACK)]);
    assert_eq!(memory.members(), [vec![0]]);
}

#[test]
fn there_are_none_where_time_steps_back() {
    let at = |times: [f64; 3]| times.map(|time| record(1, time, time as u32, ACK));
    assert_eq!(runs(&at([5.0, 5.0, 6.0])).members().len(), 1);
    for times in [
        [5.0, 6.0, 5.0],
        [5.0, f64::NAN, 6.0],
        [5.0, 6.0, 5e18],
        [-1.0, 0.0, 0.0],
    ] {
        let records = at(times);
        let memory = runs(&records);
        assert_eq!(memory.runs(), [], "{times:?}");
        assert_eq!(memory.records[..3], records, "{times:?}");
    }
}

#[test]
fn records_come_back_as_they_were() {
    let mut random = crate::mixing::SplitMix64::new(7);
    for flows in [1, 2, 5, 300] {
        let mut time = 1_700_000_000_000_000.0;
        let records: Vec<Record> = (0..200)
            .map(|_| {
                let drawn = random.draw();
                time += f64::from(drawn as u32 % 30_000);
                let flags = [ACK, ACK, 0x0fff_0000, FIN][(drawn >> 32) as usize % 4];
                record((drawn >> 40) as u32 % flows, time, drawn as u32 % 1500, flags)
            })
            .collect();
        let mut memory = runs(&records);
        memory.slot().unfold(records.len()).unwrap();
        assert_eq!(memory.records[..200], records);
        assert_eq!(memory.runs(), []);
    }
}

#[test]
fn unfolds_nothing_that_cannot_be() {
    let records = [1.0, 2.0, 3.0].map(|time| record(1, time, 1, ACK));
    let broken = |packets: usize, at: usize, words: [u32; 4]| {
        let mut memory = runs(&records);
        memory.quads[at] = quad(words);
        memory.slot().unfold(packets)
    };
    for (packets, at, words) in [
        (5, 8, [0; 4]),
        (3, 0, [4, 0, 0, 0]),
        (3, 0, [u32::MAX; 4]),
        (3, 7, [1 << 16, 1, 0, 0]),
        (3, 1, [2 | 2 << 16, 0, 0, 0]),
    ] {
        assert!(broken(packets, at, words).is_err(), "{packets} {at} {words:?}");
    }
    let mut memory = runs(&records);
    memory.quads.pop();
    assert!(memory.slot().unfold(3).is_err());
}
