//! A window over a byte stream that the parsers look through: large reads into one buffer that is never reallocated.
//!
//! Not a memory map: a file that shrinks under a map kills the process, and reads into a buffer that stays in the
//! second-level cache measured the same (docs/decisions/0010).

use super::MAX_PACKET;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};

/// Asked while a pipe has nothing to read; true ends the input.
pub type Stop = Box<dyn Fn() -> bool + Send>;

/// For captures that nobody stops.
pub fn never_stop() -> Stop {
    Box::new(|| false)
}

const READ: usize = 256 << 10;
/// Room for the largest packet with its headers and options, and one read behind it.
const BUFFER: usize = MAX_RECORD + READ;
/// Longest record (packet with header, options, padding) a parser may ask for.
pub const MAX_RECORD: usize = MAX_PACKET + (256 << 10);

pub struct Input {
    reader: Box<dyn Read + Send>,
    buffer: Box<[u8]>,
    at: usize,
    filled: usize,
    /// Offset in the file of the first byte of `buffer`.
    base: u64,
    ended: bool,
}

impl Input {
    pub fn new(reader: Box<dyn Read + Send>) -> Input {
        Input {
            reader,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            at: 0,
            filled: 0,
            base: 0,
            ended: false,
        }
    }

    /// The whole input once more from its first byte, while all that was read of it is still in the buffer.
    pub fn into_reader(self) -> impl Read + Send {
        debug_assert!(self.base == 0);
        let mut start = self.buffer.into_vec();
        start.truncate(self.filled);
        io::Cursor::new(start).chain(self.reader)
    }

    /// Makes `wanted` (at most MAX_RECORD) bytes available at the current place; false when the input ends before.
    #[inline]
    pub fn need(&mut self, wanted: usize) -> io::Result<bool> {
        if self.filled - self.at >= wanted {
            return Ok(true);
        }
        self.fill(wanted)
    }

    #[cold]
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        debug_assert!(wanted <= MAX_RECORD);
        if self.at > 0 {
            self.buffer.copy_within(self.at..self.filled, 0);
            self.base += self.at as u64;
            self.filled -= self.at;
            self.at = 0;
        }
        while self.filled < wanted && !self.ended {
            let end = (self.filled + READ).min(self.buffer.len());
            match self.reader.read(&mut self.buffer[self.filled..end]) {
                Ok(0) => self.ended = true,
                Ok(bytes) => self.filled += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.filled >= wanted)
    }

    /// What is available at the current place.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.at..self.filled]
    }

    /// Index in the buffer of the current place, for `slice`; valid until the next `need`.
    #[inline]
    pub fn place(&self) -> usize {
        self.at
    }

    #[inline]
    pub fn slice(&self, start: usize, length: usize) -> &[u8] {
        &self.buffer[start..start + length]
    }

    /// Steps over bytes that `need` made available; they stay readable through `slice` until the next `need`.
    #[inline]
    pub fn consume(&mut self, bytes: usize) {
        debug_assert!(self.at + bytes <= self.filled);
        self.at += bytes;
    }

    /// Steps over any number of bytes; false when the input ends before.
    pub fn discard(&mut self, mut bytes: u64) -> io::Result<bool> {
        while bytes > 0 {
            if self.at == self.filled && !self.need(1)? {
                return Ok(false);
            }
            let step = bytes.min((self.filled - self.at) as u64);
            self.at += step as usize;
            bytes -= step;
        }
        Ok(true)
    }

    /// Offset of the current place in the file.
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Offset behind the last byte read; the end of the file once `need` has said false.
    pub fn end_offset(&self) -> u64 {
        self.base + self.filled as u64
    }
}

/// The reader for `path`.
pub fn open(path: &str, stop: Stop) -> io::Result<Box<dyn Read + Send>> {
    let file = if path == "-" {
        // A copy, which `File` may close.
        File::from(io::stdin().as_fd().try_clone_to_owned()?)
    } else {
        File::open(path)?
    };
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::other("is a directory"));
    }
    if metadata.is_file() {
        #[cfg(any(target_os = "linux", target_os = "freebsd"))]
        // SAFETY: plain advice on a descriptor we own; a refusal changes nothing.
        unsafe {
            libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_SEQUENTIAL);
        }
        return Ok(Box::new(file));
    }
    Ok(Box::new(Pipe { file, stop }))
}

/// A pipe or terminal, whose reads may wait for ever: waits in steps and asks `stop` between them.
struct Pipe {
    file: File,
    stop: Stop,
}

const PIPE_STEP_MS: i32 = 100;

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut poll = libc::pollfd {
                fd: self.file.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: one pollfd, as said.
            let ready = unsafe { libc::poll(&mut poll, 1, PIPE_STEP_MS) };
            if (self.stop)() {
                return Ok(0);
            }
            if ready != 0 {
                return self.file.read(buffer);
            }
        }
    }
}
