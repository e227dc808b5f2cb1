//! The first look at the files of a question: into the index of their directory, or into themselves.

use super::file::Segment;
use super::{share_out, with_name};
use crate::panics::{caught, guarded};
use crate::segment::general;
use crate::slot_index::directory::DirectoryIndex;
use crate::slot_index::record::Identity;
use parquet::errors::Result;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

/// Files of one directory that a thread takes at a time.
const MOST_TAKEN: usize = 128;

/// Files in a row of one directory.
struct Run {
    from: usize,
    to: usize,
    /// Place of the directory in the list of them.
    directory: usize,
}

/// Looks at every file; descriptions of columns are kept while they are few.
pub fn look(paths: &[impl AsRef<Path> + Sync], threads: usize, keep: usize) -> Result<Vec<Segment>> {
    look_until(&AtomicBool::new(false), paths, threads, keep)
}

/// As `look`, but fails soon after `stop` is set.
pub fn look_until(
    stop: &AtomicBool,
    paths: &[impl AsRef<Path> + Sync],
    threads: usize,
    keep: usize,
) -> Result<Vec<Segment>> {
    let (runs, directories) = runs(paths);
    // Each by one thread, before the files: others would wait for it, which takes longer than to read it.
    let indexes: Vec<OnceLock<Option<DirectoryIndex>>> = directories.iter().map(|_| OnceLock::new()).collect();
    share_out(threads, directories.len(), |number| {
        indexes[number].get_or_init(|| caught(|| DirectoryIndex::read(directories[number])).unwrap_or(None));
    });
    let found: Mutex<Vec<(usize, Vec<Result<Segment>>)>> = Mutex::new(Vec::new());
    let kept = AtomicUsize::new(0);
    share_out(threads, runs.len(), |number| {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let run = &runs[number];
        let index = indexes[run.directory].get().and_then(Option::as_ref);
        // Open for these files alone: there may be more directories than files that a process may have open.
        let index = index.and_then(|index| Some((index, File::open(directories[run.directory]).ok()?)));
        let segments = paths[run.from..run.to].iter().map(|path| {
            let path = path.as_ref();
            let looked = guarded(|| {
                if let Some(segment) = index
                    .as_ref()
                    .and_then(|(index, directory)| from_index(path, index, directory))
                {
                    return Ok(segment);
                }
                let mut segment = Segment::look(path)?;
                if kept.fetch_add(segment.chunks(), Ordering::Relaxed) > keep {
                    segment.forget();
                }
                Ok(segment)
            });
            looked.map_err(|cause| with_name(path, cause))
        });
        let segments = segments.collect();
        found.lock().expect("no holder panics").push((run.from, segments));
    });
    let mut found = found.into_inner().expect("no holder panics");
    found.sort_unstable_by_key(|(from, _)| *from);
    let mut all = Vec::with_capacity(paths.len());
    for (_, segments) in found {
        for segment in segments {
            all.push(segment?);
        }
    }
    if all.len() != paths.len() {
        return Err(general("a file was not looked at"));
    }
    Ok(all)
}

/// Runs of files, and their directories, each once.
fn runs(paths: &[impl AsRef<Path>]) -> (Vec<Run>, Vec<&Path>) {
    let mut runs: Vec<Run> = Vec::new();
    let mut directories: Vec<&Path> = Vec::new();
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    let mut last: &[u8] = b"";
    for (at, path) in paths.iter().enumerate() {
        let path = path.as_ref();
        let above = above(path);
        if let Some(run) = runs
            .last_mut()
            .filter(|run| above == last && at - run.from < MOST_TAKEN)
        {
            run.to = at + 1;
            continue;
        }
        last = above;
        let directory = *places.entry(above).or_insert_with(|| {
            directories.push(directory_of(path));
            directories.len() - 1
        });
        let (from, to) = (at, at + 1);
        runs.push(Run { from, to, directory });
    }
    (runs, directories)
}

/// The octets of a path up to its last slash, which costs less to compare than a path.
fn above(path: &Path) -> &[u8] {
    let bytes = path.as_os_str().as_encoded_bytes();
    &bytes[..bytes.len() - name_of(path).len()]
}

fn name_of(path: &Path) -> &[u8] {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.rsplit(|&byte| byte == b'/').next().unwrap_or(bytes)
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn from_index(path: &Path, index: &DirectoryIndex, directory: &File) -> Option<Segment> {
    let name = name_of(path);
    Some(Segment::from_index(
        path,
        index.find(name, Identity::below(directory, name)?)?,
    ))
}
