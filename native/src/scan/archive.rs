//! The files of a whole directory tree, found and looked at in one go by all threads: what is asked most of an archive.

use super::file::Segment;
use super::look::look_until;
use super::share_out;
use crate::listing::{list, Listing};
use parquet::errors::Result;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::Mutex;

const SUFFIX: &str = ".parquet";
/// Of a slot that is still running, or was when its collector ended.
const PART_SUFFIX: &str = ".part.parquet";

/// Segments of a tree in the order of their names, and the directories that they are in.
pub struct Archive {
    pub segments: Vec<Segment>,
    pub directories: Vec<PathBuf>,
}

/// Looks at every flow file below a directory; None where that takes more than to list names: parts of running slots, of which some
/// may not count, directories that cannot be read, and where there is no file at all. Fails soon after `stop` is set.
pub fn look_below(stop: &AtomicBool, directory: &Path, threads: usize, keep: usize) -> Result<Option<Archive>> {
    let Some(listings) = listings(directory, threads) else {
        return Ok(None);
    };
    let mut found = Found::default();
    if !found.add(directory, &listings) || found.paths.is_empty() {
        return Ok(None);
    }
    Ok(Some(Archive {
        segments: look_until(stop, &found.paths, threads, keep)?,
        directories: found.directories,
    }))
}

/// What is in every directory of a tree, level by level.
fn listings(top: &Path, threads: usize) -> Option<HashMap<PathBuf, Listing>> {
    let mut listings = HashMap::new();
    let mut level = vec![top.to_path_buf()];
    while !level.is_empty() {
        let listed: Mutex<Vec<(PathBuf, Option<Listing>)>> = Mutex::new(Vec::new());
        share_out(threads, level.len(), |number| {
            let directory = &level[number];
            let name = if directory.as_os_str().is_empty() {
                Path::new(".")
            } else {
                directory
            };
            let listing = list(name).ok().flatten();
            listed
                .lock()
                .expect("no holder panics")
                .push((directory.clone(), listing));
        });
        level.clear();
        for (directory, listing) in listed.into_inner().expect("no holder panics") {
            let listing = listing?;
            level.extend(listing.directories.iter().map(|name| directory.join(name)));
            listings.insert(directory, listing);
        }
    }
    Some(listings)
}

#[derive(Default)]
struct Found {
    paths: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Found {
    /// Adds files and directories in the order of their names; false where there is a part.
    fn add(&mut self, directory: &Path, listings: &HashMap<PathBuf, Listing>) -> bool {
        let Some(listing) = listings.get(directory) else {
            return false;
        };
        let before = self.paths.len();
        let mut below = listing.directories.iter().peekable();
        for name in &listing.files {
            while let Some(sub) = below.next_if(|sub| *sub < name) {
                if !self.add(&directory.join(sub), listings) {
                    return false;
                }
            }
            if name.ends_with(PART_SUFFIX) {
                return false;
            }
            if name.ends_with(SUFFIX) {
                self.paths.push(joined(directory, name));
            }
        }
        if self.paths.len() > before {
            self.directories.push(directory.to_path_buf());
        }
        below.all(|sub| self.add(&directory.join(sub), listings))
    }
}

/// The path of a file in a directory, in memory of its size: there are thousands.
fn joined(directory: &Path, name: &str) -> PathBuf {
    let mut path = PathBuf::with_capacity(directory.as_os_str().len() + 1 + name.len());
    path.push(directory);
    path.push(name);
    path
}
