//! Capture files: pcap and pcapng of either byte order, from a file, a pipe or standard input, also compressed with gzip
//! or zstd.
//!
//! ```text
//! let mut capture = CaptureFile::open("x.pcap", never_stop())?;
//! while let Some(packet) = capture.next_packet()? { /* packet.data, packet.time_ns, ... */ }
//! ```
//! Packets are borrowed from the reader's buffer; nothing is allocated per packet. Every length is checked and capped.

mod compressed;
mod input;
mod pcap;
mod pcapng;

#[cfg(test)]
mod tests;

pub use input::{never_stop, Stop};

use compressed::Compression;
use input::Input;
use pcap::Pcap;
use pcapng::Pcapng;
use std::io::{ErrorKind, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// Longest packet that is believed. BIG TCP and jumbograms stay below; a larger length means a damaged file.
pub const MAX_PACKET: usize = 1 << 20;

/// Whether a packet came in or went out, seen from the machine that captured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Unknown,
    In,
    Out,
}

impl Direction {
    /// Linux's PACKET_OUTGOING is 4; 0 to 3 (to us, broadcast, multicast, to others) came in.
    pub fn of_packet_type(packet_type: u16) -> Direction {
        match packet_type {
            0..=3 => Direction::In,
            4 => Direction::Out,
            _ => Direction::Unknown,
        }
    }
}

/// What a capture calls one of its interfaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InterfaceName {
    /// As in `Packet::interface`.
    pub interface: u32,
    pub name: String,
    /// Empty without one.
    pub description: String,
}

/// One packet record of a capture.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// LINKTYPE_ number (which for all types decoded here is also the DLT_ number, see `decode::link`).
    pub link_type: u16,
    /// Number of the interface within the file, counting from 0; 0 in plain pcap.
    pub interface: u32,
    /// System's interface index if the file has it (pcap with the "modified" header), else 0.
    pub interface_index: u32,
    /// Nanoseconds since 1970; for packets without a time stamp (pcapng's simple packets) that of the one before.
    pub time_ns: u64,
    pub direction: Direction,
    /// Length on the wire, bytes; `data` may be shorter.
    pub wire_length: u32,
    /// What was captured, from the link-layer header on.
    pub data: &'a [u8],
}

/// What a format's parser makes of a record: a packet whose bytes stand at `start..start + length` of the input.
struct Record {
    link_type: u16,
    interface: u32,
    interface_index: u32,
    time_ns: u64,
    direction: Direction,
    wire_length: u32,
    start: usize,
    length: usize,
}

/// Why reading stopped before the proper end.
enum Trouble {
    /// The input ended inside a record.
    Cut,
    /// The read itself failed, or the content cannot be right.
    Other(String),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Trouble {
        match error.kind() {
            // Compressed input that ends too early.
            ErrorKind::UnexpectedEof => Trouble::Cut,
            _ => Trouble::Other(format!("cannot read: {error}")),
        }
    }
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

pub struct CaptureFile {
    name: String,
    input: Input,
    format: Format,
    packets: u64,
    /// Bytes taken from compressed input.
    packed: Option<Arc<AtomicU64>>,
    finished: bool,
}

impl CaptureFile {
    /// Opens the capture `path`; `-` is standard input. `stop` is asked while a pipe has nothing to read: once it says
    /// true, the input ends. Errors are texts for the user that begin with the path.
    pub fn open(path: &str, stop: Stop) -> Result<CaptureFile, String> {
        let reader = input::open(path, stop).map_err(|error| format!("{path}: cannot open: {error}"))?;
        CaptureFile::from_reader(path, reader)
    }

    /// Reads a capture from anything; `name` begins the texts of errors.
    pub fn from_reader(name: &str, reader: Box<dyn Read + Send>) -> Result<CaptureFile, String> {
        let (mut input, packed) =
            unpacked(Input::new(reader)).map_err(|error| format!("{name}: cannot read: {error}"))?;
        let format = detect(&mut input).map_err(|trouble| {
            let text = match trouble {
                Trouble::Cut => format!("capture cut at byte {} (in the file header)", input.end_offset()),
                Trouble::Other(text) => text,
            };
            format!("{name}: {text}")
        })?;
        Ok(CaptureFile {
            name: name.to_owned(),
            input,
            format,
            packets: 0,
            packed,
            finished: false,
        })
    }

    /// The next packet, `None` at the end. After an error there is nothing more to come: everything whole before the
    /// damage has been handed out.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, String> {
        if self.finished {
            return Ok(None);
        }
        let record = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.input),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.input),
        };
        match record {
            Ok(Some(record)) => Ok(Some(self.hand_out(record))),
            Ok(None) => {
                self.finished = true;
                Ok(None)
            }
            Err(trouble) => {
                self.finished = true;
                Err(self.describe(trouble))
            }
        }
    }

    /// The next packet if it is of this link type and takes no more than a look into the buffer, else `None`: then ask
    /// `next_packet`. What that gives comes through memory, and costs as much as the look.
    #[inline(always)]
    pub fn packet_at_hand(&mut self, link_type: u16) -> Option<Packet<'_>> {
        // Not after an error, since such records are never at hand.
        let record = match &mut self.format {
            Format::Pcap(pcap) => pcap.at_hand(&mut self.input, link_type)?,
            Format::Pcapng(pcapng) => pcapng.at_hand(&mut self.input, link_type)?,
        };
        Some(self.hand_out(record))
    }

    /// Hands out packets that are at hand, at most `most`, as long as `take` gives true; gives how many.
    #[inline(always)]
    pub fn each_at_hand(&mut self, link_type: u16, most: u32, mut take: impl FnMut(Packet) -> bool) -> u32 {
        for taken in 0..most {
            let Some(packet) = self.packet_at_hand(link_type) else {
                return taken;
            };
            if !take(packet) {
                return taken + 1;
            }
        }
        most
    }

    #[inline(always)]
    fn hand_out(&mut self, record: Record) -> Packet<'_> {
        self.packets += 1;
        Packet {
            link_type: record.link_type,
            interface: record.interface,
            interface_index: record.interface_index,
            time_ns: record.time_ns,
            direction: record.direction,
            wire_length: record.wire_length,
            data: self.input.slice(record.start, record.length),
        }
    }

    #[cold]
    fn describe(&self, trouble: Trouble) -> String {
        let packet = self.packets + 1;
        match trouble {
            Trouble::Cut => format!(
                "{}: capture cut at byte {} (packet {packet})",
                self.name,
                self.input.end_offset()
            ),
            Trouble::Other(text) => format!(
                "{}: {text} at byte {} (packet {packet})",
                self.name,
                self.input.offset()
            ),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Packets handed out so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes consumed so far, of the file as it stands on disk: compressed if it is.
    pub fn bytes_read(&self) -> u64 {
        match &self.packed {
            Some(taken) => taken.load(Ordering::Relaxed),
            None => self.input.offset(),
        }
    }

    /// Names of the interfaces known so far, of those that have one.
    pub fn interface_names(&self) -> &[InterfaceName] {
        match &self.format {
            Format::Pcap(_) => &[],
            Format::Pcapng(pcapng) => pcapng.names(),
        }
    }
}

/// Failures of several files that are told; the others are counted.
const FAILURES_TOLD: usize = 3;

/// What went wrong with some of several captures, as one text for the user; `None` if nothing did.
pub fn in_words(mut failures: Vec<String>) -> Option<String> {
    let more = failures.len().saturating_sub(FAILURES_TOLD);
    failures.truncate(FAILURES_TOLD);
    match more {
        0 if failures.is_empty() => None,
        0 => Some(failures.join("; ")),
        _ => Some(format!("{}; and {more} more files", failures.join("; "))),
    }
}

/// Size of a capture in bytes; `None` of what is no plain file, from which a look would take something.
pub fn file_bytes(path: &str) -> Result<Option<u64>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| format!("{path}: cannot open: {error}"))?;
    if metadata.is_dir() {
        return Err(format!("{path}: is a directory"));
    }
    Ok(metadata.is_file().then_some(metadata.len()))
}

/// The input itself, or what it unpacks to and the counter of what has been taken from it.
fn unpacked(mut input: Input) -> std::io::Result<(Input, Option<Arc<AtomicU64>>)> {
    if !input.need(4)? {
        return Ok((input, None));
    }
    let Some(compression) = Compression::of_magic(input.bytes()[..4].try_into().unwrap()) else {
        return Ok((input, None));
    };
    let (reader, taken) = compressed::unpack(compression, input.into_reader())?;
    Ok((Input::new(reader), Some(taken)))
}

fn detect(input: &mut Input) -> Result<Format, Trouble> {
    if !input.need(4)? {
        return Err(match input.end_offset() {
            0 => Trouble::Other("not a capture: the file is empty".to_owned()),
            _ => not_a_capture(),
        });
    }
    let magic: [u8; 4] = input.bytes()[..4].try_into().unwrap();
    match magic {
        [0xfd, b'7', b'z', b'X'] => return Err(unpack_first("xz", "xzcat")),
        [b'B', b'Z', b'h', _] => return Err(unpack_first("bzip2", "bzcat")),
        [0x0a, 0x0d, 0x0d, 0x0a] => return Ok(Format::Pcapng(Pcapng::default())),
        _ => {}
    }
    match Pcap::open(magic, input)? {
        Some(pcap) => Ok(Format::Pcap(pcap)),
        None => Err(not_a_capture()),
    }
}

fn not_a_capture() -> Trouble {
    Trouble::Other("not a capture: neither pcap nor pcapng".to_owned())
}

fn unpack_first(format: &str, tool: &str) -> Trouble {
    Trouble::Other(format!(
        "is compressed with {format}: unpack it on the way in (`{tool} FILE | weir ... -r -`)"
    ))
}
