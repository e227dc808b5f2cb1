//! pcapng (draft-ietf-opsawg-pcapng): blocks; packets name the interface whose description came before them.

use super::input::{Input, MAX_RECORD};
use super::pcap::{u16_at, u32_at};
use super::{Direction, InterfaceName, Record, Trouble, MAX_PACKET};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const BLOCK_HEADER: usize = 8;
const BLOCK_TRAILER: usize = 4;
/// What stands before the packet in the body of its block.
const ENHANCED_HEADER: usize = 20;

const OPTION_END: u16 = 0;
const OPTION_NAME: u16 = 2;
const OPTION_DESCRIPTION: u16 = 3;
const OPTION_TIME_RESOLUTION: u16 = 9;
const OPTION_TIME_OFFSET: u16 = 14;
const OPTION_PACKET_FLAGS: u16 = 2;

const MAX_INTERFACES: usize = 1 << 16;
/// Interfaces whose names are kept, and characters of each: they end up in datagrams.
const MAX_NAMES: usize = 1024;
const MAX_NAME_CHARACTERS: usize = 128;

struct Interface {
    link_type: u16,
    snap_length: u32,
    resolution: Resolution,
    offset_ns: i64,
}

enum Resolution {
    /// Nanoseconds in a tick.
    Coarse(u64),
    /// Ticks in a nanosecond.
    Fine(u64),
    /// A tick is 2^-n seconds.
    Binary(u32),
}

#[derive(Default)]
pub struct Pcapng {
    big_endian: bool,
    /// Interfaces of all sections; those of the current one begin at `section`.
    interfaces: Vec<Interface>,
    names: Vec<InterfaceName>,
    section: usize,
    last_time_ns: u64,
}

impl Pcapng {
    pub fn names(&self) -> &[InterfaceName] {
        &self.names
    }

    /// The next packet if it is of this link type, its block is in the buffer as a whole, and nothing about that needs a closer look,
    /// options included: nearly every one.
    #[inline(always)]
    pub fn at_hand(&mut self, input: &mut Input, link_type: u16) -> Option<Record> {
        const HEADER: usize = BLOCK_HEADER + ENHANCED_HEADER;
        let rest = input.bytes();
        let header = rest.first_chunk::<HEADER>()?;
        let word = |at| u32_at(header, at, self.big_endian);
        let (length, captured) = (word(4) as usize, word(20) as usize);
        let is_plain = word(0) == ENHANCED_PACKET
            && captured <= MAX_PACKET
            && length == HEADER + captured.next_multiple_of(4) + BLOCK_TRAILER;
        if !is_plain || u32_at(rest.get(..length)?, length - BLOCK_TRAILER, self.big_endian) as usize != length {
            return None;
        }
        let id = word(8);
        let interface = self.interfaces.get(self.section.saturating_add(id as usize))?;
        if interface.link_type != link_type {
            return None;
        }
        let record = Record {
            link_type,
            interface: (self.section as u32).saturating_add(id),
            interface_index: 0,
            time_ns: interface.time_ns(u64::from(word(12)) << 32 | u64::from(word(16))),
            direction: Direction::Unknown,
            wire_length: word(24),
            start: input.place() + HEADER,
            length: captured,
        };
        self.last_time_ns = record.time_ns;
        input.consume(length);
        Some(record)
    }

    pub fn next(&mut self, input: &mut Input) -> Result<Option<Record>, Trouble> {
        loop {
            if !input.need(BLOCK_HEADER + BLOCK_TRAILER)? {
                return match input.bytes().len() {
                    0 => Ok(None),
                    _ => Err(Trouble::Cut),
                };
            }
            let header = input.bytes();
            // The section header's type reads the same in both orders, and says which one holds from here on.
            if u32_at(header, 0, false) == SECTION_HEADER {
                self.big_endian = match BYTE_ORDER_MAGIC {
                    magic if magic == u32_at(header, 8, false) => false,
                    magic if magic == u32_at(header, 8, true) => true,
                    _ => return Err(broken("section header without byte-order magic")),
                };
            }
            let kind = u32_at(header, 0, self.big_endian);
            let length = u32_at(header, 4, self.big_endian) as usize;
            if length < BLOCK_HEADER + BLOCK_TRAILER || !length.is_multiple_of(4) {
                return Err(Trouble::Other(format!("impossible pcapng block length {length}")));
            }
            match kind {
                SECTION_HEADER | INTERFACE_DESCRIPTION | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET => {}
                _ => {
                    if !input.discard(length as u64)? {
                        return Err(Trouble::Cut);
                    }
                    continue;
                }
            }
            if length > MAX_RECORD {
                return Err(Trouble::Other(format!("impossible pcapng block length {length}")));
            }
            if !input.need(length)? {
                return Err(Trouble::Cut);
            }
            let block = &input.bytes()[..length];
            if u32_at(block, length - BLOCK_TRAILER, self.big_endian) as usize != length {
                return Err(broken("pcapng block whose two lengths differ"));
            }
            let body = &block[BLOCK_HEADER..length - BLOCK_TRAILER];
            let record = match kind {
                SECTION_HEADER => {
                    self.begin_section(body)?;
                    None
                }
                INTERFACE_DESCRIPTION => {
                    self.add_interface(body)?;
                    None
                }
                SIMPLE_PACKET => Some(self.simple_packet(body)?),
                _ => Some(self.packet(body, kind)?),
            };
            let start = input.place() + BLOCK_HEADER;
            input.consume(length);
            if let Some(mut record) = record {
                record.start += start;
                return Ok(Some(record));
            }
        }
    }

    fn begin_section(&mut self, body: &[u8]) -> Result<(), Trouble> {
        if body.len() < 16 {
            return Err(broken("pcapng section header too short"));
        }
        let major = u16_at(body, 4, self.big_endian);
        if major != 1 {
            return Err(Trouble::Other(format!("pcapng version {major} is not supported")));
        }
        self.section = self.interfaces.len();
        Ok(())
    }

    fn add_interface(&mut self, body: &[u8]) -> Result<(), Trouble> {
        if body.len() < 8 {
            return Err(broken("pcapng interface description too short"));
        }
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(broken("more interfaces than can be right"));
        }
        let mut interface = Interface {
            link_type: u16_at(body, 0, self.big_endian),
            snap_length: u32_at(body, 4, self.big_endian),
            resolution: Resolution::Coarse(1000),
            offset_ns: 0,
        };
        let mut names = InterfaceName {
            interface: self.interfaces.len() as u32,
            ..InterfaceName::default()
        };
        for (code, value) in self.options(&body[8..]) {
            match (code, value.len()) {
                (OPTION_TIME_RESOLUTION, 1) => interface.resolution = resolution(value[0]),
                (OPTION_TIME_OFFSET, 8) => {
                    let value: [u8; 8] = value.try_into().unwrap();
                    let seconds = match self.big_endian {
                        true => i64::from_be_bytes(value),
                        false => i64::from_le_bytes(value),
                    };
                    interface.offset_ns = seconds.saturating_mul(1_000_000_000);
                }
                (OPTION_NAME, _) => names.name = text(value),
                (OPTION_DESCRIPTION, _) => names.description = text(value),
                _ => {}
            }
        }
        if !names.name.is_empty() && self.names.len() < MAX_NAMES {
            self.names.push(names);
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// An enhanced packet, or the older kind that differs in its first four bytes alone.
    fn packet(&mut self, body: &[u8], kind: u32) -> Result<Record, Trouble> {
        const FIXED: usize = ENHANCED_HEADER;
        if body.len() < FIXED {
            return Err(broken("pcapng packet block too short"));
        }
        let id = match kind {
            ENHANCED_PACKET => u32_at(body, 0, self.big_endian),
            _ => u32::from(u16_at(body, 0, self.big_endian)),
        };
        let interface = self.interface(id)?;
        let ticks = u64::from(u32_at(body, 4, self.big_endian)) << 32 | u64::from(u32_at(body, 8, self.big_endian));
        let length = u32_at(body, 12, self.big_endian) as usize;
        if length > MAX_PACKET || length > body.len() - FIXED {
            return Err(Trouble::Other(format!("impossible packet length {length}")));
        }
        let mut direction = Direction::Unknown;
        // The end of padding may be missing in files of careless writers.
        let options = body.get(FIXED + length.next_multiple_of(4)..).unwrap_or(&[]);
        for (code, value) in self.options(options) {
            if code == OPTION_PACKET_FLAGS && value.len() == 4 {
                direction = match u32_at(value, 0, self.big_endian) & 3 {
                    1 => Direction::In,
                    2 => Direction::Out,
                    _ => Direction::Unknown,
                };
            }
        }
        let record = Record {
            link_type: interface.link_type,
            interface: (self.section as u32).saturating_add(id),
            interface_index: 0,
            time_ns: interface.time_ns(ticks),
            direction,
            wire_length: u32_at(body, 16, self.big_endian),
            start: FIXED,
            length,
        };
        self.last_time_ns = record.time_ns;
        Ok(record)
    }

    /// No interface (it is the first), no time, and a captured length that follows from the others.
    fn simple_packet(&mut self, body: &[u8]) -> Result<Record, Trouble> {
        const FIXED: usize = 4;
        if body.len() < FIXED {
            return Err(broken("pcapng packet block too short"));
        }
        let interface = self.interface(0)?;
        let wire_length = u32_at(body, 0, self.big_endian);
        let mut length = (wire_length as usize).min(body.len() - FIXED);
        if interface.snap_length != 0 {
            length = length.min(interface.snap_length as usize);
        }
        if length > MAX_PACKET {
            return Err(Trouble::Other(format!("impossible packet length {length}")));
        }
        Ok(Record {
            link_type: interface.link_type,
            interface: self.section as u32,
            interface_index: 0,
            time_ns: self.last_time_ns,
            direction: Direction::Unknown,
            wire_length,
            start: FIXED,
            length,
        })
    }

    fn interface(&self, id: u32) -> Result<&Interface, Trouble> {
        self.interfaces
            .get(self.section.saturating_add(id as usize))
            .ok_or_else(|| Trouble::Other(format!("packet of interface {id}, which the file does not describe,")))
    }

    fn options<'a>(&self, bytes: &'a [u8]) -> Options<'a> {
        Options {
            rest: bytes,
            big_endian: self.big_endian,
        }
    }
}

impl Interface {
    #[inline]
    fn time_ns(&self, ticks: u64) -> u64 {
        let since = match self.resolution {
            Resolution::Coarse(nanoseconds) => ticks.saturating_mul(nanoseconds),
            Resolution::Fine(ticks_a_nanosecond) => ticks / ticks_a_nanosecond,
            Resolution::Binary(shift) => {
                u64::try_from((u128::from(ticks) * 1_000_000_000) >> shift).unwrap_or(u64::MAX)
            }
        };
        since.saturating_add_signed(self.offset_ns)
    }
}

/// UTF-8 to the end or a NUL of careless writers, without what a terminal or a collector could take amiss.
fn text(value: &[u8]) -> String {
    let end = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
    let text = String::from_utf8_lossy(&value[..end]);
    text.chars()
        .filter(|c| !c.is_control())
        .take(MAX_NAME_CHARACTERS)
        .collect()
}

/// if_tsresol: the negative power of 10, or of 2 if the top bit is set.
fn resolution(value: u8) -> Resolution {
    let exponent = u32::from(value & 0x7f);
    match (value & 0x80 != 0, exponent) {
        (true, _) => Resolution::Binary(exponent),
        (false, 0..=9) => Resolution::Coarse(10u64.pow(9 - exponent)),
        (false, _) => Resolution::Fine(10u64.checked_pow(exponent - 9).unwrap_or(u64::MAX)),
    }
}

/// Options of a block; what is broken ends them.
struct Options<'a> {
    rest: &'a [u8],
    big_endian: bool,
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.len() < 4 {
            return None;
        }
        let code = u16_at(self.rest, 0, self.big_endian);
        let length = usize::from(u16_at(self.rest, 2, self.big_endian));
        if code == OPTION_END {
            return None;
        }
        let value = self.rest.get(4..4 + length)?;
        self.rest = self.rest.get(4 + length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((code, value))
    }
}

fn broken(text: &str) -> Trouble {
    Trouble::Other(text.to_owned())
}
