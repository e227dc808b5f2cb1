//! Captures compressed with gzip or zstd, unpacked as they are read: memory does not depend on what they unpack to.

use flate2::read::MultiGzDecoder;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// By the first bytes of the input (RFC 1952 section 2.3.1, RFC 8878 section 3.1).
    pub fn of_magic(magic: [u8; 4]) -> Option<Compression> {
        match magic {
            [0x1f, 0x8b, ..] => Some(Compression::Gzip),
            // zstd's frames, and those to be skipped, which may come first.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Compression::Zstd),
            _ => None,
        }
    }
}

/// What `packed` unpacks to; any number of members or frames, one after another. The counter tells how many bytes have
/// been taken from `packed`.
pub fn unpack(
    compression: Compression,
    packed: impl Read + Send + 'static,
) -> io::Result<(Box<dyn Read + Send>, Arc<AtomicU64>)> {
    let taken = Arc::new(AtomicU64::new(0));
    let counted = Counted {
        reader: packed,
        taken: Arc::clone(&taken),
    };
    let reader: Box<dyn Read + Send> = match compression {
        Compression::Gzip => Box::new(MultiGzDecoder::new(counted)),
        // Refuses windows above 128 MiB by itself.
        Compression::Zstd => Box::new(zstd::Decoder::new(counted)?),
    };
    Ok((reader, taken))
}

struct Counted<R> {
    reader: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.reader.read(buffer)?;
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}
