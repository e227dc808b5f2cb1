//! Datagrams out of capture files, on a thread of its own. The ring's consumer sets the pace and nothing is lost.

use crate::capture_file::{file_bytes, in_words, never_stop, CaptureFile};
use crate::datagram::output::{Output, PortSet, Stopped};
use crate::datagram::{Counters, MIN_SLOT_BYTES};
use crate::decode::link;
use crate::slots::{SlotRing, Wake};
use std::sync::atomic::Ordering;
use std::sync::Arc;

/// Packets between two looks at whether to stop.
const CHECK_PACKETS: u64 = 1024;

pub struct FileOptions {
    /// Read one after another; `-` is standard input.
    pub files: Vec<String>,
    /// Destination ports to keep; empty keeps all.
    pub ports: Vec<u16>,
    pub slot_bytes: usize,
    pub slot_count: usize,
}

/// Capture files being read. Dropping it stops the thread.
pub struct FileSource {
    shared: Arc<Shared>,
    bytes_total: u64,
}

struct Shared {
    ring: SlotRing,
    counters: Counters,
}

impl FileSource {
    /// Opens the files and starts reading. What can be found wrong at once is an error, a text for the user.
    pub fn open(options: FileOptions, wake: Wake) -> Result<FileSource, String> {
        let bytes_total = check_files(&options.files)?;
        let ring = SlotRing::new(options.slot_count, options.slot_bytes.max(MIN_SLOT_BYTES), wake)
            .map_err(|cause| format!("no memory to read captures: {cause}"))?;
        let shared = Arc::new(Shared {
            ring,
            counters: Counters::default(),
        });
        let ports = (!options.ports.is_empty()).then(|| PortSet::new(&options.ports));
        let thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("weir-files".to_owned())
            .spawn(move || {
                let mut reader = Reader {
                    shared: &thread,
                    output: Output::new(&thread.ring, &thread.counters, ports),
                };
                thread.ring.end_after(|| reader.files(&options.files));
            })
            .map_err(|cause| format!("cannot start a thread: {cause}"))?;
        Ok(FileSource { shared, bytes_total })
    }

    pub fn ring(&self) -> &SlotRing {
        &self.shared.ring
    }

    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    pub fn bytes_total(&self) -> u64 {
        self.bytes_total
    }
}

impl Drop for FileSource {
    fn drop(&mut self) {
        self.shared.ring.stop();
    }
}

/// What is wrong with files that can be looked at without taking anything from them; their size in all.
fn check_files(files: &[String]) -> Result<u64, String> {
    let mut total = 0;
    for path in files.iter().filter(|path| *path != "-") {
        if let Some(bytes) = file_bytes(path)? {
            CaptureFile::open(path, never_stop())?;
            total += bytes;
        }
    }
    Ok(total)
}

struct Reader<'a> {
    shared: &'a Arc<Shared>,
    output: Output<'a>,
}

impl Reader<'_> {
    /// All files, one after another. A damaged one does not keep the others from being read.
    fn files(&mut self, files: &[String]) -> Option<String> {
        let mut failures = Vec::new();
        let mut before = 0;
        for path in files {
            let shared = Arc::clone(self.shared);
            let opened = CaptureFile::open(path, Box::new(move || shared.ring.stopped()));
            let read = opened.and_then(|mut capture| {
                let outcome = self.packets(&mut capture, before);
                before += capture.bytes_read();
                outcome
            });
            match read {
                Ok(Ok(())) => {}
                Ok(Err(Stopped)) => break,
                // A pipe that ends because it is to end was cut wherever it happened to be.
                Err(_) if self.shared.ring.stopped() => break,
                Err(text) => failures.push(text),
            }
        }
        self.output.finish();
        self.tell(before);
        in_words(failures)
    }

    /// One file to its end or to where it is damaged.
    fn packets(&mut self, capture: &mut CaptureFile, before: u64) -> Result<Result<(), Stopped>, String> {
        let mut known_link_type = None;
        while let Some(packet) = capture.next_packet()? {
            let link_type = packet.link_type;
            if known_link_type != Some(link_type) {
                if !link::supported(link_type) {
                    return Err(format!("{}: {}", capture.name(), link::not_supported(link_type)));
                }
                known_link_type = Some(link_type);
            }
            let ms = packet.time_ns as f64 / 1e6;
            if self.output.packet(link_type, packet.data, ms).is_err() {
                return Ok(Err(Stopped));
            }
            if capture.packets().is_multiple_of(CHECK_PACKETS) {
                self.tell(before + capture.bytes_read());
                if self.shared.ring.stopped() {
                    return Ok(Err(Stopped));
                }
            }
        }
        Ok(Ok(()))
    }

    fn tell(&self, bytes_read: u64) {
        self.output.tell();
        self.shared.counters.bytes_read.store(bytes_read, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datagram::packet::frames;
    use crate::fuzz::Random;
    use crate::segment::file::tests::{make_pipe, Scratch};
    use crate::slots::Next;
    use std::io::Write;
    use std::path::Path;

    const FILE_HEADER: usize = 24;

    fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 1] {
            bytes.extend(word.to_le_bytes());
        }
        for (i, frame) in frames.iter().enumerate() {
            for word in [1000 + i as u32, 500, frame.len() as u32, frame.len() as u32] {
                bytes.extend(word.to_le_bytes());
            }
            bytes.extend(frame);
        }
        bytes
    }

    struct Outcome {
        payloads: Vec<Vec<u8>>,
        skipped: u64,
        failure: Option<String>,
    }

    fn open(path: &Path, ports: &[u16]) -> Result<FileSource, String> {
        let options = FileOptions {
            files: vec![path.to_str().unwrap().to_string()],
            ports: ports.to_vec(),
            slot_bytes: 0,
            slot_count: 2,
        };
        FileSource::open(options, Box::new(|| {}))
    }

    fn read(bytes: &[u8], ports: &[u16]) -> Result<Outcome, String> {
        let scratch = Scratch::new();
        let file = scratch.0.join("capture");
        std::fs::write(&file, bytes).unwrap();
        let source = open(&file, ports)?;
        let mut payloads = Vec::new();
        loop {
            match source.ring().next() {
                Next::Slot(slot) => {
                    payloads.extend(crate::datagram::payloads(source.ring(), slot));
                    source.ring().release(slot);
                }
                Next::None => std::thread::yield_now(),
                Next::End => break,
            }
        }
        assert_eq!(
            source.counters().datagrams.load(Ordering::Relaxed),
            payloads.len() as u64
        );
        Ok(Outcome {
            payloads,
            skipped: source.counters().skipped_packets.load(Ordering::Relaxed),
            failure: source.ring().failure(),
        })
    }

    fn sample() -> Vec<Vec<u8>> {
        let large: Vec<u8> = (0..14_000u32).map(|i| i as u8).collect();
        let mut sample = vec![frames::ipv4(2055, b"four"), frames::ipv6(4739, b"six"), frames::arp()];
        sample.extend(frames::ipv4_fragments(2055, &large, 1480, 7));
        sample.push(frames::ipv4(6343, b""));
        sample
    }

    #[test]
    fn takes_datagrams_whole_in_order_and_counts_the_rest() {
        let outcome = read(&pcap(&sample()), &[]).unwrap();
        let lengths: Vec<usize> = outcome.payloads.iter().map(Vec::len).collect();
        assert_eq!(lengths, [4, 3, 14_000, 0]);
        assert_eq!(outcome.payloads[1], b"six");
        assert_eq!((outcome.skipped, outcome.failure), (1, None));
    }

    #[test]
    fn keeps_the_ports_asked_for() {
        let outcome = read(&pcap(&sample()), &[4739, 6343]).unwrap();
        assert_eq!(outcome.payloads, [b"six".to_vec(), Vec::new()]);
        assert_eq!(outcome.skipped, 3);
    }

    #[test]
    fn many_slots_come_out_complete() {
        let frames: Vec<Vec<u8>> = (0..3000u32)
            .map(|i| frames::ipv4(1, &i.to_be_bytes().repeat(100)))
            .collect();
        let outcome = read(&pcap(&frames), &[]).unwrap();
        assert_eq!(outcome.payloads.len(), 3000);
        for (i, payload) in outcome.payloads.iter().enumerate() {
            assert_eq!(payload[..4], (i as u32).to_be_bytes());
        }
    }

    #[test]
    fn a_cut_file_gives_what_is_whole_and_says_where_it_is_cut() {
        let bytes = pcap(&sample());
        let outcome = read(&bytes[..bytes.len() - 3], &[]).unwrap();
        assert_eq!(outcome.payloads.len(), 3);
        assert!(outcome.failure.unwrap().contains("cut"));
        assert!(read(b"this is no capture", &[]).is_err());
        assert!(read(b"", &[]).is_err());
    }

    #[test]
    fn a_pipe_that_is_stopped_within_a_packet_is_not_called_cut() {
        let scratch = Scratch::new();
        let pipe = scratch.0.join("pipe");
        make_pipe(&pipe);
        let source = open(&pipe, &[]).unwrap();
        let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        let bytes = pcap(&sample());
        writer.write_all(&bytes[..bytes.len() - 3]).unwrap();
        source.ring().stop();
        while source.ring().next() != Next::End {
            std::thread::yield_now();
        }
        assert_eq!(source.ring().failure(), None);
    }

    #[test]
    fn survives_damaged_files() {
        let mut random = Random::new();
        let whole = pcap(&sample());
        while random.time_left() {
            let mut bytes = whole.clone();
            random.mutate(&mut bytes);
            // Mostly leave the file header alone, or nothing behind it is ever looked at.
            if random.below(8) != 0 && bytes.len() > FILE_HEADER {
                bytes[..FILE_HEADER].copy_from_slice(&whole[..FILE_HEADER]);
            }
            if let Ok(outcome) = read(&bytes, &[]) {
                assert!(outcome.payloads.len() <= 16);
            }
        }
    }
}
