//! A file that appears under its name only when it is whole.

use crate::file_lock::try_lock;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A file under a temporary name in the directory of its own; removed on drop unless it was committed.
#[derive(Debug)]
pub struct PendingFile {
    file: Option<File>,
    temporary: PathBuf,
    path: PathBuf,
    /// What was written since `hold`.
    held: Option<Vec<u8>>,
}

/// Temporary names are `.<name>.<process>-<number>.tmp`: readers skip names that start with a dot.
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl PendingFile {
    pub fn create(path: &Path) -> io::Result<PendingFile> {
        let name = path
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_file_name(format!(
            ".{}.{}-{number}.tmp",
            name.to_string_lossy(),
            std::process::id()
        ));
        // A file of that name is left over from a process that had the same id.
        let _ = fs::remove_file(&temporary);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&temporary)?;
        Ok(PendingFile {
            file: Some(file),
            temporary,
            path: path.to_path_buf(),
            held: None,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is written from here on is not, but given by `release`.
    pub fn hold(&mut self) {
        self.held = Some(Vec::new());
    }

    pub fn release(&mut self) -> Vec<u8> {
        self.held.take().unwrap_or_default()
    }

    /// Has the system begin to write what the file has by now, so that less is left when it is to become durable.
    pub fn begin_writing(&self) {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        if let Some(file) = &self.file {
            // SAFETY: the descriptor is open for as long as the call lasts. A failure changes nothing but time.
            unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
        }
    }

    /// Makes the content durable, then visible, then the name durable. Gives what the system knows of the file.
    pub fn commit(&mut self) -> io::Result<Metadata> {
        let file = self
            .file
            .take()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        // From here on the drop below has no file to remove, so each failure does it.
        let result = (|| {
            file.sync_all()?;
            let metadata = file.metadata()?;
            fs::rename(&self.temporary, &self.path)?;
            Ok(metadata)
        })();
        match result {
            Ok(metadata) => {
                sync_directory(&self.path)?;
                Ok(metadata)
            }
            Err(cause) => {
                let _ = fs::remove_file(&self.temporary);
                Err(cause)
            }
        }
    }
}

/// Gives a file another name in the same file system, for good.
pub fn rename_durably(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_directory(to)
}

/// A rename outlives a power failure only once its directory is written.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(held) = &mut self.held {
            return held.write(bytes);
        }
        match self.file.as_mut() {
            Some(file) => file.write(bytes),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Exclusive use of a directory by one process, through a lock on a file in it.
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// None when another process (or another lock of this one) has the directory.
    pub fn acquire(lock_file: &Path) -> io::Result<Option<DirectoryLock>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            // Whoever may write to the directory must not lead root elsewhere, nor have it wait for a reader of a pipe.
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(lock_file)?;
        Ok(try_lock(&file)?.then_some(DirectoryLock { _file: file }))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A directory that is removed on drop.
    pub struct Scratch(pub PathBuf);

    #[allow(clippy::new_without_default)]
    impl Scratch {
        pub fn new() -> Scratch {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("weir-segment-{}-{number}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Scratch(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn appears_only_when_committed() {
        let scratch = Scratch::new();
        let path = scratch.0.join("a");
        let mut file = PendingFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        assert!(!path.exists());
        assert_eq!(file.commit().unwrap().len(), 5);
        assert_eq!(names(&scratch.0), ["a"]);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn leaves_nothing_when_dropped() {
        let scratch = Scratch::new();
        let mut file = PendingFile::create(&scratch.0.join("a")).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(names(&scratch.0).len(), 1);
        drop(file);
        assert!(names(&scratch.0).is_empty());
    }

    #[test]
    fn leaves_nothing_when_the_rename_fails() {
        let scratch = Scratch::new();
        let path = scratch.0.join("a");
        fs::create_dir(&path).unwrap();
        assert!(PendingFile::create(&path).unwrap().commit().is_err());
        assert_eq!(names(&scratch.0), ["a"]);
    }

    #[test]
    fn a_directory_has_one_lock() {
        let scratch = Scratch::new();
        let path = scratch.0.join("lock");
        let lock = DirectoryLock::acquire(&path).unwrap();
        assert!(lock.is_some());
        assert!(DirectoryLock::acquire(&path).unwrap().is_none());
        drop(lock);
        assert!(DirectoryLock::acquire(&path).unwrap().is_some());
    }
    #[test]
    fn a_lock_follows_no_link_and_waits_for_no_pipe() {
        let scratch = Scratch::new();
        let (link, elsewhere, pipe) = (
            scratch.0.join("link"),
            scratch.0.join("elsewhere"),
            scratch.0.join("pipe"),
        );
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        assert!(DirectoryLock::acquire(&link).is_err());
        assert!(!elsewhere.exists());
        make_pipe(&pipe);
        assert!(DirectoryLock::acquire(&pipe).is_err());
    }

    /// A pipe with a name.
    pub fn make_pipe(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    }
}
