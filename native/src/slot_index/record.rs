//! Headers of the records of an index, as they stand in the file. Numbers are little-endian.
//!
//! | octets | entry of a file | columns |
//! |---|---|---|
//! | 0 | `weirslot` | `weircols` |
//! | 8 | xxHash64 of the file's name | 0 |
//! | 16, 24, 32 | its size, modification time in nanoseconds since 1970, inode | 0 |
//! | 40, 48 | rows, row groups (32 bits) | 0 |
//! | 52 | flags (32 bits) | 0 |
//! | 56, 64 | least and most of column `first` | 0 |
//! | 72, 80 | least and most of column `last` | 0 |
//! | 88 | xxHash64 of the names of its columns | xxHash64 of the text behind the header |
//! | 96 | units behind the header (32 bits): blocks of the filter | units behind the header |
//! | 100 | 0 | octets of the text |
//! | 104 | version of the format (32 bits) | the same |
//! | 120 | xxHash64 of octets 0 to 119 | the same |

use super::filter::blocks_for;
use super::UNIT;
use std::ffi::CString;
use std::fs::{File, Metadata};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use twox_hash::XxHash64;

pub const HEADER: usize = 2 * UNIT;

const SLOT: &[u8; 8] = b"weirslot";
const COLUMNS: &[u8; 8] = b"weircols";
/// Readers pass over records of a version that they do not know.
const VERSION: u32 = 1;

/// Distinct halves of addresses beyond which a file gets no filter, for all of them are in memory at once.
pub const MOST_KEYS: usize = 8 << 20;
/// Row groups beyond which a file gets no entry. Whoever asks has a list of them all, and an entry is quickly made up.
pub const MOST_GROUPS: u32 = 1 << 12;
/// Octets of the names of the columns of a file.
pub const LONGEST_COLUMNS: usize = 64 << 10;

const SAMPLED: u32 = 1;
const HAS_SPAN: u32 = 2;
const HAS_FILTER: u32 = 4;

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub size: u64,
    pub modified_ns: i64,
    pub inode: u64,
}

impl Identity {
    pub fn of(metadata: &Metadata) -> Identity {
        Identity {
            size: metadata.size(),
            modified_ns: metadata
                .mtime()
                .wrapping_mul(1_000_000_000)
                .wrapping_add(metadata.mtime_nsec()),
            inode: metadata.ino(),
        }
    }

    /// Of a file in an open directory: the system need not go through the whole path for each of thousands. None where
    /// there is no such file.
    pub fn below(directory: &File, name: &[u8]) -> Option<Identity> {
        let name = CString::new(name).ok()?;
        let mut found = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: the descriptor is open, the name ends with a zero, and the system fills the structure when it gives 0.
        let found = unsafe {
            if libc::fstatat(directory.as_raw_fd(), name.as_ptr(), found.as_mut_ptr(), 0) != 0 {
                return None;
            }
            found.assume_init()
        };
        // Types of these differ between systems.
        #[allow(clippy::unnecessary_cast)]
        Some(Identity {
            size: found.st_size as u64,
            modified_ns: (found.st_mtime as i64)
                .wrapping_mul(1_000_000_000)
                .wrapping_add(found.st_mtime_nsec as i64),
            inode: found.st_ino as u64,
        })
    }
}

/// Least and most of the times of a file's flows, milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans {
    pub first: (i64, i64),
    pub last: (i64, i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub name: u64,
    pub identity: Identity,
    pub rows: u64,
    pub groups: u32,
    pub is_sampled: bool,
    /// None without rows.
    pub spans: Option<Spans>,
    pub columns: u64,
    /// Blocks of the filter; None where there is no filter, which is something else than an empty one.
    pub blocks: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// With the seed of its filter.
    Slot(Entry, u64),
    Columns {
        hash: u64,
        units: u32,
        bytes: u32,
    },
}

impl Header {
    pub fn units(&self) -> u32 {
        match self {
            Header::Slot(entry, _) => entry.blocks.unwrap_or(0),
            Header::Columns { units, .. } => *units,
        }
    }
}

pub fn hash(bytes: &[u8]) -> u64 {
    XxHash64::oneshot(0, bytes)
}

/// A header, and the seed of the filter that belongs to it.
pub fn encode_entry(entry: &Entry) -> ([u8; HEADER], u64) {
    let mut out = [0; HEADER];
    let flag = |set: bool, bit: u32| if set { bit } else { 0 };
    let flags = flag(entry.is_sampled, SAMPLED)
        | flag(entry.spans.is_some(), HAS_SPAN)
        | flag(entry.blocks.is_some(), HAS_FILTER);
    let spans = entry.spans.unwrap_or(Spans {
        first: (0, 0),
        last: (0, 0),
    });
    let Identity {
        size,
        modified_ns,
        inode,
    } = entry.identity;
    put(&mut out, 0, SLOT);
    put(&mut out, 8, &entry.name.to_le_bytes());
    put(&mut out, 16, &size.to_le_bytes());
    put(&mut out, 24, &modified_ns.to_le_bytes());
    put(&mut out, 32, &inode.to_le_bytes());
    put(&mut out, 40, &entry.rows.to_le_bytes());
    put(&mut out, 48, &entry.groups.to_le_bytes());
    put(&mut out, 52, &flags.to_le_bytes());
    let bounds = [spans.first.0, spans.first.1, spans.last.0, spans.last.1];
    for (at, bound) in bounds.iter().enumerate() {
        put(&mut out, 56 + 8 * at, &bound.to_le_bytes());
    }
    put(&mut out, 88, &entry.columns.to_le_bytes());
    put(&mut out, 96, &entry.blocks.unwrap_or(0).to_le_bytes());
    let seed = seal(&mut out);
    (out, seed)
}

/// The whole record of a list of columns, whose hash it also gives.
pub fn encode_columns(names: &[String]) -> (Vec<u8>, u64) {
    let text = columns_text(names);
    let columns = hash(text.as_bytes());
    let units = text.len().div_ceil(UNIT);
    let mut header = [0; HEADER];
    put(&mut header, 0, COLUMNS);
    put(&mut header, 88, &columns.to_le_bytes());
    put(&mut header, 96, &(units as u32).to_le_bytes());
    put(&mut header, 100, &(text.len() as u32).to_le_bytes());
    seal(&mut header);
    let mut record = header.to_vec();
    record.extend_from_slice(text.as_bytes());
    record.resize(HEADER + units * UNIT, 0);
    (record, columns)
}

/// Names of columns as their hash is made of.
pub fn columns_text(names: &[String]) -> String {
    names.join("\n")
}

/// None for what is not a whole header of this version, or promises more than any writer enters.
pub fn decode(bytes: &[u8; HEADER]) -> Option<Header> {
    let seed = word(bytes, 120);
    if hash(&bytes[..120]) != seed || small(bytes, 104) != VERSION {
        return None;
    }
    let units = small(bytes, 96);
    match bytes.first_chunk::<8>()? {
        SLOT => {
            let flags = small(bytes, 52);
            let time = |at: usize| word(bytes, at) as i64;
            if small(bytes, 48) > MOST_GROUPS || units as usize > blocks_for(MOST_KEYS) {
                return None;
            }
            let entry = Entry {
                name: word(bytes, 8),
                identity: Identity {
                    size: word(bytes, 16),
                    modified_ns: time(24),
                    inode: word(bytes, 32),
                },
                rows: word(bytes, 40),
                groups: small(bytes, 48),
                is_sampled: flags & SAMPLED != 0,
                spans: (flags & HAS_SPAN != 0).then(|| Spans {
                    first: (time(56), time(64)),
                    last: (time(72), time(80)),
                }),
                columns: word(bytes, 88),
                blocks: (flags & HAS_FILTER != 0).then_some(units),
            };
            Some(Header::Slot(entry, seed))
        }
        COLUMNS => {
            let length = small(bytes, 100);
            let is_possible = length as usize <= LONGEST_COLUMNS && length.div_ceil(UNIT as u32) == units;
            is_possible.then_some(Header::Columns {
                hash: word(bytes, 88),
                units,
                bytes: length,
            })
        }
        _ => None,
    }
}

pub(super) fn seal(header: &mut [u8; HEADER]) -> u64 {
    put(header, 104, &VERSION.to_le_bytes());
    let sum = hash(&header[..120]);
    put(header, 120, &sum.to_le_bytes());
    sum
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    out[at..at + bytes.len()].copy_from_slice(bytes);
}

fn word(bytes: &[u8; HEADER], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn small(bytes: &[u8; HEADER], at: usize) -> u32 {
    word(bytes, at) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    pub const ENTRY: Entry = Entry {
        name: 1,
        identity: Identity {
            size: 2,
            modified_ns: -3,
            inode: 4,
        },
        rows: 5,
        groups: 6,
        is_sampled: true,
        spans: Some(Spans {
            first: (-7, 8),
            last: (9, 10),
        }),
        columns: 11,
        blocks: Some(12),
    };

    #[test]
    fn headers_come_back() {
        let bare = Entry {
            is_sampled: false,
            spans: None,
            blocks: None,
            ..ENTRY
        };
        for entry in [ENTRY, bare] {
            let (bytes, seed) = encode_entry(&entry);
            assert_eq!(decode(&bytes), Some(Header::Slot(entry, seed)));
        }
        let names: Vec<String> = (0..30).map(|number| format!("column_{number}")).collect();
        let (record, columns) = encode_columns(&names);
        let header = decode(record.first_chunk().unwrap()).unwrap();
        let Header::Columns { hash, units, bytes } = header else {
            panic!("not of columns")
        };
        assert_eq!((hash, record.len()), (columns, HEADER + units as usize * UNIT));
        assert_eq!(
            &record[HEADER..HEADER + bytes as usize],
            columns_text(&names).as_bytes()
        );
    }

    #[test]
    fn what_nobody_enters_is_no_header() {
        let decoded = |entry| decode(&encode_entry(&entry).0);
        for (groups, blocks, is_header) in [
            (MOST_GROUPS, blocks_for(MOST_KEYS) as u32, true),
            (MOST_GROUPS + 1, 0, false),
            (1, blocks_for(MOST_KEYS) as u32 + 1, false),
            (1, u32::MAX, false),
        ] {
            let blocks = Some(blocks);
            let entry = Entry {
                groups,
                blocks,
                ..ENTRY
            };
            assert_eq!(decoded(entry).is_some(), is_header, "{entry:?}");
        }
        for (length, is_header) in [(LONGEST_COLUMNS, true), (LONGEST_COLUMNS + 1, false)] {
            let (record, _) = encode_columns(&["x".repeat(length)]);
            assert_eq!(decode(record.first_chunk().unwrap()).is_some(), is_header);
        }
        let mut header = *encode_columns(&["x".to_string()]).0.first_chunk().unwrap();
        put(&mut header, 96, &u32::MAX.to_le_bytes());
        seal(&mut header);
        assert_eq!(decode(&header), None);
    }

    #[test]
    fn any_damage_is_seen() {
        let (bytes, _) = encode_entry(&ENTRY);
        for bit in 0..HEADER * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&damaged), None, "bit {bit}");
        }
    }
}
