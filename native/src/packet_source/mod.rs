//! Packets of capture files or of an interface, decoded on a thread of their own into the slots of a ring.
//!
//! In files the ring's consumer sets the pace and nothing is lost. A live capture reads from the kernel only what it has
//! room for: what does not fit stays in the kernel's ring, and the kernel counts what that cannot hold.

mod producer;

use crate::capture_file::CaptureFile;
use crate::decode::{link, Counters, Decoder, Sampler};
use crate::libpcap::{Filter, Live, LiveOptions};
use crate::packet::PACKET_BYTES;
use crate::packet_extension::EXTENSION_BYTES;
use crate::slots::{SlotRing, Wake};
use producer::Producer;
use std::hash::{BuildHasher, RandomState};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard};

pub enum Input {
    Files(Vec<String>),
    Device {
        name: String,
        snap_length: u32,
        promiscuous: bool,
        kernel_buffer_bytes: u32,
        flush_ms: u32,
    },
}

pub struct Options {
    pub input: Input,
    pub filter: Option<String>,
    pub slot_packets: usize,
    pub slot_count: usize,
    /// Each slot has an extension record for each packet, behind all of its records.
    pub extended: bool,
    pub input_index: u32,
    pub hash_seed: Option<u64>,
    /// One packet of so many is metered; 0 and 1 meter all.
    pub sampling_rate: u32,
    pub sampling_random: bool,
    pub sampling_seed: u32,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Stats {
    pub counters: Counters,
    pub kernel_dropped: u64,
    pub interface_dropped: u64,
    pub bytes_read: u64,
    pub bytes_total: u64,
}

pub struct PacketSource {
    ring: Arc<SlotRing>,
    stats: Arc<Mutex<Stats>>,
    record_bytes: usize,
}

/// Longest sleep of a live capture, hence how long it takes to notice `stop`.
const LONGEST_WAIT_MS: u32 = 100;

impl PacketSource {
    /// Opens the input and starts the thread. What can be found wrong at once is an error, a text for the user.
    pub fn start(options: Options, wake: Wake) -> Result<PacketSource, String> {
        // Compiled twice, so that packets without extension records do not pay for those with.
        match options.extended {
            true => Self::start_producer::<true>(options, wake),
            false => Self::start_producer::<false>(options, wake),
        }
    }

    fn start_producer<const EXTENDED: bool>(options: Options, wake: Wake) -> Result<PacketSource, String> {
        let capacity = options.slot_packets;
        let record_bytes = capacity * PACKET_BYTES;
        let slot_bytes = record_bytes + if EXTENDED { capacity * EXTENSION_BYTES } else { 0 };
        let ring = SlotRing::new(options.slot_count, slot_bytes, wake).map_err(|error| {
            format!(
                "no memory for {} slots of {slot_bytes} bytes: {error}",
                options.slot_count
            )
        })?;
        let ring = Arc::new(ring);
        let stats = Arc::new(Mutex::new(Stats::default()));
        // Captures are as hostile as a wire: whoever made one must not know which packets meet in one hash chain.
        let seed = options.hash_seed.unwrap_or_else(|| RandomState::new().hash_one(0u8));
        let decoder = Decoder::new(seed).sampled_by(Sampler::new(
            options.sampling_rate,
            options.sampling_random,
            options.sampling_seed,
        ));
        match options.input {
            Input::Files(files) => {
                let filter = check_files(&files, options.filter.as_deref(), &stats)?;
                let input_index = options.input_index;
                spawn("weir-files", &ring, &stats, move |ring, stats| {
                    let mut producer = Producer::<EXTENDED>::new(ring, stats, decoder, capacity);
                    producer.files(&files, filter, input_index)
                })?;
            }
            Input::Device {
                name,
                snap_length,
                promiscuous,
                kernel_buffer_bytes,
                flush_ms,
            } => {
                let live = Live::open(&LiveOptions {
                    device: name,
                    filter: options.filter,
                    snap_length,
                    promiscuous,
                    kernel_buffer_bytes,
                    timeout_ms: flush_ms.min(LONGEST_WAIT_MS),
                })?;
                if !link::supported(live.link_type()) {
                    return Err(format!("{}: {}", live.device(), link::not_supported(live.link_type())));
                }
                spawn("weir-capture", &ring, &stats, move |ring, stats| {
                    Producer::<EXTENDED>::new(ring, stats, decoder, capacity).device(live, flush_ms)
                })?;
            }
        }
        Ok(PacketSource {
            ring,
            stats,
            record_bytes,
        })
    }

    pub fn ring(&self) -> &SlotRing {
        &self.ring
    }

    /// Where in a slot the extension records begin, if there are any.
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    pub fn stats(&self) -> Stats {
        *lock(&self.stats)
    }
}

impl Drop for PacketSource {
    fn drop(&mut self) {
        self.ring.stop();
    }
}

/// What is wrong with files that can be looked at without taking anything from them, and the filter.
fn check_files(files: &[String], filter: Option<&str>, stats: &Mutex<Stats>) -> Result<Option<Filter>, String> {
    let mut filter = filter.map(Filter::new).transpose()?;
    for (index, path) in files.iter().enumerate().filter(|(_, path)| *path != "-") {
        let metadata = std::fs::metadata(path).map_err(|error| format!("{path}: cannot open: {error}"))?;
        if metadata.is_dir() {
            return Err(format!("{path}: is a directory"));
        }
        if !metadata.is_file() {
            continue;
        }
        lock(stats).bytes_total += metadata.len();
        if index == 0 {
            let mut capture = CaptureFile::open(path, crate::capture_file::never_stop())?;
            if let (Some(filter), Ok(Some(packet))) = (&mut filter, capture.next_packet()) {
                filter.prepare(packet.link_type)?;
            }
        }
    }
    Ok(filter)
}

/// Runs `produce` on a thread, and ends the ring whatever happens in it.
fn spawn<F>(name: &str, ring: &Arc<SlotRing>, stats: &Arc<Mutex<Stats>>, produce: F) -> Result<(), String>
where
    F: FnOnce(&Arc<SlotRing>, &Mutex<Stats>) -> Option<String> + Send + 'static,
{
    let (ring, stats) = (Arc::clone(ring), Arc::clone(stats));
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let failure = catch_unwind(AssertUnwindSafe(|| produce(&ring, &stats)))
                .unwrap_or_else(|_| Some("internal error in the packet reader".to_owned()));
            ring.end(failure);
        })
        .map(|_| ())
        .map_err(|error| format!("cannot start a thread: {error}"))
}

fn lock(stats: &Mutex<Stats>) -> MutexGuard<'_, Stats> {
    stats.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
