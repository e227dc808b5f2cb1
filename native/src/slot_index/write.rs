//! Writing of indexes: entries are appended; what belongs to files that are gone is dropped once it is the larger part.

use super::directory::{Record, Records, Source};
use super::record::{encode_columns, hash, Entry, Header, Identity, HEADER};
use super::INDEX_NAME;
use crate::file_lock::try_lock;
use crate::panics::locked;
use crate::slot_index::build::Built;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{fchown, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Times that a writer finds another file under the name than the one that it waited for.
const MOST_ATTEMPTS: usize = 100;

/// The longest wait for another writer, and how often it is looked whether it is done. Whoever may read the file may lock
/// it, and must not keep a collector waiting for ever.
const LONGEST_WAIT: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });
const WAIT_STEP: Duration = Duration::from_millis(5);
/// Octets that are copied at a time.
const COPIED: usize = 64 << 10;

/// An index that nobody else writes to.
struct Locked {
    file: File,
    path: PathBuf,
}

impl Locked {
    /// Waits for other writers, which take no longer than to copy the file, and not for ever. The file is made where `owner`, whose it is to
    /// be, is given, else None without one.
    fn open(directory: &Path, owner: Option<&Metadata>) -> io::Result<Option<Locked>> {
        let path = directory.join(INDEX_NAME);
        for _ in 0..MOST_ATTEMPTS {
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .create(owner.is_some())
                .truncate(false)
                .mode(0o644)
                // Whoever may write to the directory must not lead root elsewhere.
                .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
                .open(&path);
            let file = match opened {
                Err(cause) if owner.is_none() && cause.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened?,
            };
            if !file.metadata()?.is_file() {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            wait_for_lock(&file)?;
            let ours = file.metadata()?;
            // It may have been replaced while this writer waited.
            if !fs::symlink_metadata(&path).is_ok_and(|there| there.ino() == ours.ino() && there.dev() == ours.dev()) {
                continue;
            }
            let index = Locked {
                file,
                path: path.clone(),
            };
            if ours.nlink() > 1 {
                // Its other name may be that of a copy, or of a file that root is to be led to: that stays as it is.
                let source = Source::of(index.file.try_clone()?)?;
                let records: Vec<Record> = Records::new(&source).collect();
                replace(&index, &source, &records)?;
                continue;
            }
            if let Some(owner) = owner.filter(|owner| owner.uid() != ours.uid()) {
                // A root that indexes the store of another user leaves it to that user. Others cannot, and need not.
                let _ = fchown(&index.file, Some(owner.uid()), Some(owner.gid()));
            }
            return Ok(Some(index));
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }
}

/// Locks an index, or says that another process holds it.
pub(super) fn wait_for_lock(file: &File) -> io::Result<()> {
    let since = Instant::now();
    while !try_lock(file)? {
        if since.elapsed() > LONGEST_WAIT {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another process has it locked",
            ));
        }
        std::thread::sleep(WAIT_STEP);
    }
    Ok(())
}

/// Appends entries of files of one directory. Nothing is waited for: whatever a crash leaves of it says nothing wrong.
pub fn append(directory: &Path, built: &[Built]) -> io::Result<()> {
    let Some(first) = built.first() else { return Ok(()) };
    let Some(index) = Locked::open(directory, Some(&first.metadata))? else {
        return Ok(());
    };
    let mut state = state_of(&index.file)?;
    let mut records = Vec::new();
    for one in built {
        let (columns, hash) = encode_columns(&one.columns);
        if !state.columns.contains(&hash) {
            records.extend_from_slice(&columns);
            state.columns.push(hash);
        }
        one.encode(hash, &mut records);
    }
    index.file.write_all_at(&records, state.end)?;
    state.end += records.len() as u64;
    remember(&index.file, state)
}

/// What a writer has to know of an index.
struct State {
    end: u64,
    /// Lists of columns that it tells.
    columns: Vec<u64>,
}

/// By device and inode, as this process left them: to look through an index of a year at each slot would take longer than
/// to write to it.
static LEFT: Mutex<BTreeMap<(u64, u64), State>> = Mutex::new(BTreeMap::new());
const MOST_LEFT: usize = 1024;

/// Looks through the index unless it is as this process left it. What stands behind the last whole record, of a write that
/// was cut, is dropped: the record would else go on into those that follow.
fn state_of(file: &File) -> io::Result<State> {
    let metadata = file.metadata()?;
    let left = locked(&LEFT).remove(&(metadata.dev(), metadata.ino()));
    if let Some(state) = left.filter(|state| state.end == metadata.len()) {
        return Ok(state);
    }
    let source = Source::of(file.try_clone()?)?;
    let mut state = State {
        end: 0,
        columns: Vec::new(),
    };
    for record in Records::new(&source) {
        state.end = record.at + record.length();
        if let Header::Columns { hash, .. } = record.header {
            state.columns.push(hash);
        }
    }
    file.set_len(state.end)?;
    Ok(state)
}

fn remember(file: &File, state: State) -> io::Result<()> {
    let metadata = file.metadata()?;
    let mut left = locked(&LEFT);
    if left.len() == MOST_LEFT {
        left.clear();
    }
    left.insert((metadata.dev(), metadata.ino()), state);
    Ok(())
}

/// As a process that has just started.
#[cfg(test)]
pub fn forget() {
    locked(&LEFT).clear();
}

/// Drops entries of files that are gone or changed, if they are the larger part of the index; without any other, removes it.
pub fn tidy(directory: &Path) -> io::Result<()> {
    let Some(index) = Locked::open(directory, None)? else {
        return Ok(());
    };
    let source = Source::of(index.file.try_clone()?)?;
    let mut present: HashMap<u64, Identity> = HashMap::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if let Ok(metadata) = fs::metadata(entry.path()) {
            present.insert(hash(entry.file_name().as_encoded_bytes()), Identity::of(&metadata));
        }
    }
    let is_live = |entry: &Entry| present.get(&entry.name) == Some(&entry.identity);
    let mut columns: Vec<Record> = Vec::new();
    let mut live: HashMap<u64, Record> = HashMap::new();
    for record in Records::new(&source) {
        match record.header {
            Header::Columns { .. } => columns.push(record),
            Header::Slot(entry, _) if is_live(&entry) => {
                live.insert(entry.name, record);
            }
            Header::Slot(..) => {}
        }
    }
    if live.is_empty() {
        return fs::remove_file(&index.path);
    }
    let mut kept: Vec<Record> = live.into_values().collect();
    kept.sort_unstable_by_key(|record| record.at);
    if kept.iter().map(Record::length).sum::<u64>() * 2 >= source.length() {
        return Ok(());
    }
    columns.extend(kept);
    replace(&index, &source, &columns)
}

/// Writes records to a file aside, which takes the place of the index.
fn replace(index: &Locked, source: &Source, records: &[Record]) -> io::Result<()> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{INDEX_NAME}.{}-{number}.tmp", std::process::id());
    let aside = index.path.with_file_name(name);
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&aside)?;
        let owner = index.file.metadata()?;
        let _ = fchown(&file, Some(owner.uid()), Some(owner.gid()));
        let mut bytes = vec![0; COPIED];
        for record in records {
            for at in (0..record.length()).step_by(COPIED) {
                let part = &mut bytes[..(record.length() - at).min(COPIED as u64) as usize];
                source.read(record.at + at, part).ok_or(io::ErrorKind::UnexpectedEof)?;
                file.write_all(part)?;
            }
        }
        fs::rename(&aside, &index.path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&aside);
    })
}

impl Built {
    /// Appends the record: header, then filter.
    fn encode(&self, columns: u64, out: &mut Vec<u8>) {
        let (header, seed) = super::record::encode_entry(&Entry { columns, ..self.entry });
        out.reserve(HEADER);
        out.extend_from_slice(&header);
        if let Some(keys) = &self.keys {
            out.extend_from_slice(&super::filter::build(keys, seed));
        }
    }
}
