//! The index of one directory, read.

use super::filter::{block_of, key, lacks, Half};
use super::record::{decode, hash, Entry, Header, Identity, HEADER, LONGEST_COLUMNS};
use super::{INDEX_NAME, UNIT};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// Indexes up to this size are read as a whole; of larger ones the headers, and a block for each address that is asked for.
const WHOLE: u64 = 256 << 10;
/// Damaged octets that are passed over in search of the next record.
const MOST_DAMAGED: u64 = 16 << 20;
/// Octets of them that are read at a time; fewer at first, for there may be many such places.
const WINDOW: usize = 64 << 10;
const FIRST_WINDOW: usize = 4 << 10;
/// Entries of a directory; further ones are not seen.
const MOST_ENTRIES: usize = 4 << 20;
/// Octets of all lists of columns together; further ones are not seen. A list is some hundreds, and few are different.
const MOST_TEXT: usize = 16 * LONGEST_COLUMNS;

/// Where the octets of an index are.
pub enum Source {
    Memory(Vec<u8>),
    File(File, u64),
}

impl Source {
    /// None where there is no index, or nothing that can be read as one.
    pub fn open(directory: &Path) -> Option<Source> {
        let mut options = OpenOptions::new();
        // Whatever else has the name must not keep a question waiting.
        let file = options
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(directory.join(INDEX_NAME))
            .ok()?;
        Source::of(file).ok()
    }

    pub fn of(file: File) -> io::Result<Source> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if metadata.len() > WHOLE {
            return Ok(Source::File(file, metadata.len()));
        }
        let mut bytes = vec![0; metadata.len() as usize];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Source::Memory(bytes))
    }

    pub fn length(&self) -> u64 {
        match self {
            Source::Memory(bytes) => bytes.len() as u64,
            Source::File(_, length) => *length,
        }
    }

    /// Fills `out`, or gives None.
    pub fn read(&self, at: u64, out: &mut [u8]) -> Option<()> {
        match self {
            Source::Memory(bytes) => {
                let from = usize::try_from(at).ok()?;
                out.copy_from_slice(bytes.get(from..from.checked_add(out.len())?)?);
                Some(())
            }
            Source::File(file, _) => file.read_exact_at(out, at).ok(),
        }
    }
}

/// A record, and where it begins.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    pub at: u64,
    pub header: Header,
}

impl Record {
    pub fn length(&self) -> u64 {
        HEADER as u64 + u64::from(self.header.units()) * UNIT as u64
    }
}

/// The whole records of an index in their order. What is damaged, or was not written to its end, is passed over.
pub struct Records<'a> {
    source: &'a Source,
    at: u64,
    damaged: u64,
}

impl<'a> Records<'a> {
    pub fn new(source: &'a Source) -> Records<'a> {
        Records {
            source,
            at: 0,
            damaged: 0,
        }
    }

    /// The record that begins with these octets, if there is one and it is whole.
    fn record(&self, at: u64, bytes: &[u8; HEADER]) -> Option<Record> {
        let header = decode(bytes)?;
        let record = Record { at, header };
        (at.checked_add(record.length())? <= self.source.length()).then_some(record)
    }

    /// Goes on to the next place at which a record begins; false when none is found.
    fn skip_damage(&mut self) -> bool {
        let mut window = vec![0; FIRST_WINDOW];
        self.at += UNIT as u64;
        self.damaged += UNIT as u64;
        while self.damaged < MOST_DAMAGED {
            let left = self.source.length().saturating_sub(self.at);
            let length = left.min(window.len() as u64) as usize;
            let read = &mut window[..length];
            if length < HEADER || self.source.read(self.at, read).is_none() {
                return false;
            }
            let places = (0..=length - HEADER).step_by(UNIT);
            let found = places.clone().find(|&at| {
                let header = read[at..].first_chunk();
                header.is_some_and(|header| self.record(self.at + at as u64, header).is_some())
            });
            // The window's last unit may be the first one of a header.
            let step = found.unwrap_or(places.count() * UNIT) as u64;
            self.at += step;
            self.damaged += step;
            if found.is_some() {
                return true;
            }
            window.resize(WINDOW, 0);
        }
        false
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let mut bytes = [0; HEADER];
        loop {
            self.source.read(self.at, &mut bytes)?;
            if let Some(record) = self.record(self.at, &bytes) {
                self.at += record.length();
                return Some(record);
            }
            if !self.skip_damage() {
                return None;
            }
        }
    }
}

/// An entry, and where its filter begins.
#[derive(Clone, Copy)]
struct Known {
    entry: Entry,
    filter_at: u64,
    seed: u64,
}

/// Entries of the files of a directory.
pub struct DirectoryIndex {
    source: Arc<Source>,
    /// The latest of each file, in the order of the hashes of their names.
    entries: Vec<Known>,
    columns: HashMap<u64, Arc<[String]>>,
}

impl DirectoryIndex {
    /// None without an index.
    pub fn read(directory: &Path) -> Option<DirectoryIndex> {
        let source = Arc::new(Source::open(directory)?);
        let mut entries: Vec<Known> = Vec::new();
        let mut columns: HashMap<u64, Arc<[String]>> = HashMap::new();
        let mut text_left = MOST_TEXT;
        for record in Records::new(&source).take(MOST_ENTRIES) {
            match record.header {
                Header::Slot(entry, seed) => entries.push(Known {
                    entry,
                    filter_at: record.at + HEADER as u64,
                    seed,
                }),
                Header::Columns { hash, bytes, .. } => {
                    if columns.contains_key(&hash) || bytes as usize > text_left {
                        continue;
                    }
                    text_left -= bytes as usize;
                    if let Some(names) = columns_at(&source, &record, hash, bytes) {
                        columns.insert(hash, names);
                    }
                }
            }
        }
        entries.sort_unstable_by_key(|known| (known.entry.name, Reverse(known.filter_at)));
        entries.dedup_by_key(|known| known.entry.name);
        Some(DirectoryIndex {
            source,
            entries,
            columns,
        })
    }

    /// Names of columns that are held.
    #[cfg(test)]
    pub fn names(&self) -> usize {
        self.columns.values().map(|names| names.len()).sum()
    }

    /// What is known of a file in the state that it is in; None when nothing is.
    pub fn find(&self, name: &[u8], identity: Identity) -> Option<Indexed> {
        let name = hash(name);
        let at = self
            .entries
            .binary_search_by_key(&name, |known| known.entry.name)
            .ok()?;
        let Known { entry, filter_at, seed } = self.entries[at];
        if entry.identity != identity {
            return None;
        }
        Some(Indexed {
            entry,
            columns: self.columns.get(&entry.columns)?.clone(),
            filter: Filter {
                source: self.source.clone(),
                at: filter_at,
                seed,
                blocks: entry.blocks,
            },
        })
    }
}

fn columns_at(source: &Source, record: &Record, wanted: u64, bytes: u32) -> Option<Arc<[String]>> {
    let mut text = vec![0; bytes as usize];
    source.read(record.at + HEADER as u64, &mut text)?;
    if hash(&text) != wanted {
        return None;
    }
    let text = String::from_utf8(text).ok()?;
    Some(text.split('\n').map(String::from).collect())
}

/// What the index knows of a file.
pub struct Indexed {
    pub entry: Entry,
    pub columns: Arc<[String]>,
    pub filter: Filter,
}

/// The filter of a file, in the index of its directory.
pub struct Filter {
    source: Arc<Source>,
    at: u64,
    seed: u64,
    /// None without a filter.
    blocks: Option<u32>,
}

impl Filter {
    /// Whether no address in the file has that half. False where that is not known.
    pub fn lacks(&self, half: Half, value: u64) -> bool {
        match self.blocks {
            None => false,
            Some(0) => true,
            Some(blocks) => {
                let key = key(half, value);
                let number = block_of(key, blocks);
                let mut block = [0; UNIT];
                let read = self.source.read(self.at + u64::from(number) * UNIT as u64, &mut block);
                read.is_some() && lacks(&block, key, self.seed, number)
            }
        }
    }
}
