use crate::panics::guarded;
use crate::segment_napi::describe;
use crate::slot_index::build::{build, Built};
use crate::slot_index::directory::DirectoryIndex;
use crate::slot_index::record::Identity;
use crate::slot_index::write::{append, tidy};
use crate::slot_index::INDEX_NAME;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::path::{Path, PathBuf};

/// Octets of entries that are written at once.
const MOST_HELD: usize = 4 << 20;

fn flush(directory: &Path, built: &mut Vec<Built>) -> Result<u32> {
    append(directory, built).map_err(|cause| {
        Error::from_reason(format!(
            "cannot write {}: {cause}",
            directory.join(INDEX_NAME).display()
        ))
    })?;
    let count = built.len() as u32;
    built.clear();
    Ok(count)
}

/// What became of the files of a directory.
#[napi(object, object_from_js = false)]
pub struct Indexing {
    pub indexed: u32,
    /// Entries that were there.
    pub known: u32,
    /// Files that get no entry, each with the reason.
    pub refused: Vec<String>,
}

pub struct IndexFiles {
    directory: PathBuf,
    names: Vec<String>,
    skip_known: bool,
}

impl Task for IndexFiles {
    type Output = Indexing;
    type JsValue = Indexing;

    fn compute(&mut self) -> Result<Indexing> {
        guarded(|| {
            let IndexFiles { directory, names, .. } = &*self;
            let index = DirectoryIndex::read(directory).filter(|_| self.skip_known);
            let mut found = Indexing {
                indexed: 0,
                known: 0,
                refused: Vec::new(),
            };
            let mut built: Vec<Built> = Vec::new();
            for name in names {
                let path = directory.join(name);
                let is_known = index.as_ref().is_some_and(|index| {
                    let identity = std::fs::metadata(&path).map(|metadata| Identity::of(&metadata));
                    identity.is_ok_and(|identity| index.find(name.as_bytes(), identity).is_some())
                });
                if is_known {
                    found.known += 1;
                    continue;
                }
                match build(&path) {
                    Ok(one) => built.push(one),
                    Err(cause) => found.refused.push(describe(&cause)),
                }
                if built.iter().map(Built::memory).sum::<usize>() > MOST_HELD {
                    found.indexed += flush(directory, &mut built)?;
                }
            }
            found.indexed += flush(directory, &mut built)?;
            Ok(found)
        })
    }

    fn resolve(&mut self, _: Env, found: Indexing) -> Result<Indexing> {
        Ok(found)
    }
}

/// Enters finished flow files into the index of their directory; with `skip_known` only those that are not in it as they are.
#[napi]
pub fn index_files(directory: String, names: Vec<String>, skip_known: bool) -> AsyncTask<IndexFiles> {
    AsyncTask::new(IndexFiles {
        directory: PathBuf::from(directory),
        names,
        skip_known,
    })
}

pub struct TidyIndex {
    directory: PathBuf,
}

impl Task for TidyIndex {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        guarded(|| {
            tidy(&self.directory).map_err(|cause| {
                Error::from_reason(format!(
                    "cannot tidy {}: {cause}",
                    self.directory.join(INDEX_NAME).display()
                ))
            })
        })
    }

    fn resolve(&mut self, _: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

/// Drops what an index has of files that are gone, once that is the larger part of it.
#[napi]
pub fn tidy_index(directory: String) -> AsyncTask<TidyIndex> {
    AsyncTask::new(TidyIndex {
        directory: PathBuf::from(directory),
    })
}
