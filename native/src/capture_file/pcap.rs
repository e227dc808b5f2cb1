//! The classic format (draft-ietf-opsawg-pcap): a file header, then records of a fixed header and the packet. Files put
//! one after another (`cat *.pcap`) are read on from header to header.

use super::input::Input;
use super::{Direction, Record, Trouble, MAX_PACKET};

const FILE_HEADER: usize = 24;
/// A record's header, and the beginning of a longer one.
const SHORT_HEADER: usize = 16;
const SECOND_NS: u64 = 1_000_000_000;

pub struct Pcap {
    big_endian: bool,
    /// Nanoseconds in a unit of the record's fraction.
    unit_ns: u64,
    link_type: u16,
    record_header: usize,
    /// Before 2.3 the two lengths of a record stood the other way round; 2.3 was written both ways.
    lengths_swapped: bool,
}

impl Pcap {
    /// `None` if `magic` is not pcap's.
    pub fn open(magic: [u8; 4], input: &mut Input) -> Result<Option<Pcap>, Trouble> {
        let (big_endian, unit_ns, record_header) = match u32::from_le_bytes(magic) {
            0xa1b2c3d4 => (false, 1000, 16),
            0xd4c3b2a1 => (true, 1000, 16),
            0xa1b23c4d => (false, 1, 16),
            0x4d3cb2a1 => (true, 1, 16),
            // "Modified" by old Linux distributions: interface index, protocol and packet type in each record.
            0xa1b2cd34 => (false, 1000, 24),
            0x34cdb2a1 => (true, 1000, 24),
            _ => return Ok(None),
        };
        if !input.need(FILE_HEADER)? {
            return Err(Trouble::Cut);
        }
        let header = input.bytes();
        let major = u16_at(header, 4, big_endian);
        let minor = u16_at(header, 6, big_endian);
        if major != 2 {
            return Err(Trouble::Other(format!("pcap version {major}.{minor} is not supported")));
        }
        // The upper half holds the length of the frame check sequence.
        let link_type = u32_at(header, 20, big_endian) as u16;
        input.consume(FILE_HEADER);
        Ok(Some(Pcap {
            big_endian,
            unit_ns,
            link_type,
            record_header,
            lengths_swapped: minor <= 3,
        }))
    }

    /// Whether the empty record at the current place is in truth the header of another file; goes on with that if so.
    /// No packet looks like one: where its lengths would be, a file header has two numbers that have always been zero.
    #[cold]
    fn enter_next_file(&mut self, input: &mut Input) -> Result<bool, Trouble> {
        if !input.need(FILE_HEADER)? {
            return Ok(false);
        }
        let magic = *input.bytes().first_chunk().expect("a whole file header");
        match Pcap::open(magic, input)? {
            Some(pcap) => {
                *self = pcap;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// The next record if it is of this link type, all of it is in the buffer and nothing about it needs a closer look: nearly every one.
    #[inline(always)]
    pub fn at_hand(&self, input: &mut Input, link_type: u16) -> Option<Record> {
        let header = input.bytes().first_chunk::<SHORT_HEADER>()?;
        let (length, wire_length) = self.lengths(header);
        let whole = self.record_header + length;
        // An empty record may be the header of another file.
        if self.link_type != link_type || wire_length == 0 || length > MAX_PACKET || input.bytes().len() < whole {
            return None;
        }
        Some(self.take(input, length, wire_length))
    }

    /// The next record, of this file or of those that follow it in the same input.
    pub fn next(&mut self, input: &mut Input) -> Result<Option<Record>, Trouble> {
        loop {
            if !input.need(self.record_header)? {
                return match input.bytes().len() {
                    0 => Ok(None),
                    _ => Err(Trouble::Cut),
                };
            }
            let is_empty = input.bytes()[8..16] == [0; 8];
            if !is_empty || !self.enter_next_file(input)? {
                break;
            }
        }
        let header = input.bytes().first_chunk().expect("a whole record header");
        let (length, wire_length) = self.lengths(header);
        if length > MAX_PACKET {
            return Err(Trouble::Other(format!("impossible packet length {length}")));
        }
        if !input.need(self.record_header + length)? {
            return Err(Trouble::Cut);
        }
        Ok(Some(self.take(input, length, wire_length)))
    }

    /// Captured and on the wire.
    #[inline(always)]
    fn lengths(&self, header: &[u8; SHORT_HEADER]) -> (usize, u32) {
        let lengths = (u32_at(header, 8, self.big_endian), u32_at(header, 12, self.big_endian));
        match self.lengths_swapped && lengths.0 > lengths.1 {
            true => (lengths.1 as usize, lengths.0),
            false => (lengths.0 as usize, lengths.1),
        }
    }

    /// Steps over the record at the current place, which is in the buffer as a whole.
    #[inline(always)]
    fn take(&self, input: &mut Input, length: usize, wire_length: u32) -> Record {
        let header = &input.bytes()[..self.record_header];
        let seconds = u32_at(header, 0, self.big_endian);
        let fraction = u32_at(header, 4, self.big_endian);
        let (interface_index, direction) = if self.record_header == SHORT_HEADER {
            (0, Direction::Unknown)
        } else {
            (
                u32_at(header, 16, self.big_endian),
                Direction::of_packet_type(u16::from(header[22])),
            )
        };
        let start = input.place() + self.record_header;
        input.consume(self.record_header + length);
        Record {
            link_type: self.link_type,
            interface: 0,
            interface_index,
            // A fraction above a second is damage; it must not throw the packet's time half an hour ahead.
            time_ns: u64::from(seconds) * SECOND_NS + (u64::from(fraction) * self.unit_ns).min(SECOND_NS),
            direction,
            wire_length,
            start,
            length,
        }
    }
}

#[inline]
pub fn u16_at(bytes: &[u8], at: usize, big_endian: bool) -> u16 {
    let value: [u8; 2] = bytes[at..at + 2].try_into().unwrap();
    if big_endian {
        u16::from_be_bytes(value)
    } else {
        u16::from_le_bytes(value)
    }
}

#[inline]
pub fn u32_at(bytes: &[u8], at: usize, big_endian: bool) -> u32 {
    let value: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
    if big_endian {
        u32::from_be_bytes(value)
    } else {
        u32::from_le_bytes(value)
    }
}
