//! The first look at the files of a question: into the index of their directory, or into themselves.

use super::file::Segment;
use super::{guarded, in_parallel, with_name};
use crate::segment::general;
use crate::slot_index::directory::DirectoryIndex;
use crate::slot_index::record::Identity;
use parquet::errors::Result;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

/// Looks at every file; descriptions of columns are kept while they are few.
pub fn look(paths: &[impl AsRef<Path> + Sync], threads: usize, keep: usize) -> Result<Vec<Segment>> {
    let indexes = Indexes::of(paths, threads);
    let found: Vec<Mutex<Option<Result<Segment>>>> = paths.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let kept = AtomicUsize::new(0);
    in_parallel(threads.min(paths.len()), |_| loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(path) = paths.get(at) else { return };
        let path = path.as_ref();
        let result = guarded(|| {
            if let Some(segment) = indexes.find(path) {
                return Ok(segment);
            }
            let mut segment = Segment::look(path)?;
            if kept.fetch_add(segment.chunks(), Ordering::Relaxed) > keep {
                segment.forget();
            }
            Ok(segment)
        });
        *found[at].lock().expect("no holder panics") = Some(result.map_err(|cause| with_name(path, cause)));
    });
    let results = found.into_iter().map(|cell| {
        let result = cell.into_inner().expect("no holder panics");
        result.unwrap_or_else(|| Err(general("a file was not looked at")))
    });
    results.collect()
}

/// The indexes of the directories that files are in.
struct Indexes<'a> {
    directories: HashMap<&'a Path, OnceLock<Option<DirectoryIndex>>>,
}

impl<'a> Indexes<'a> {
    fn of(paths: &'a [impl AsRef<Path> + Sync], threads: usize) -> Indexes<'a> {
        let mut directories = HashMap::new();
        let mut last = None;
        for path in paths {
            let directory = directory_of(path.as_ref());
            if last != Some(directory) {
                directories.entry(directory).or_insert_with(OnceLock::new);
                last = Some(directory);
            }
        }
        let indexes = Indexes { directories };
        let all: Vec<(&&Path, &OnceLock<_>)> = indexes.directories.iter().collect();
        let next = AtomicUsize::new(0);
        in_parallel(threads.min(all.len()), |_| {
            while let Some((directory, index)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                let read = guarded(|| Ok(DirectoryIndex::read(directory)));
                let _ = index.set(read.unwrap_or(None));
            }
        });
        indexes
    }

    fn find(&self, path: &Path) -> Option<Segment> {
        let index = self.directories.get(directory_of(path))?.get()?.as_ref()?;
        let identity = Identity::of(&std::fs::metadata(path).ok()?);
        let indexed = index.find(path.file_name()?.as_encoded_bytes(), identity)?;
        Some(Segment::from_index(path, indexed))
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
