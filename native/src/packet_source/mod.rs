//! Packets of capture files or of an interface, decoded on a thread of their own into the slots of a ring.
//!
//! In files the ring's consumer sets the pace and nothing is lost. A live capture reads from the kernel only what it has
//! room for: what does not fit stays in the kernel's ring, and the kernel counts what that cannot hold.

mod producer;

use crate::capture_file::{file_bytes, CaptureFile, InterfaceName};
use crate::decode::{link, Counters, Decoder, LocalMacs, Sampler};
use crate::interface_mac::interface_mac;
use crate::libpcap::{Filter, Live, LiveOptions};
use crate::packet::PACKET_BYTES;
use crate::packet_extension::EXTENSION_BYTES;
use crate::packet_runs::{self, RunWriter};
use crate::panics::locked;
use crate::slots::{SlotRing, Wake};
use producer::Producer;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};

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
    /// Each slot has runs (`packet_runs`) behind its records; extended ones have none.
    pub runs: bool,
    /// Records are of the packet inside of a tunnel. Makes the slots extended as well.
    pub decapsulate: bool,
    pub input_index: u32,
    pub hash_seed: Option<u64>,
    /// One packet of so many is metered; 0 and 1 meter all.
    pub sampling_rate: u32,
    pub sampling_random: bool,
    pub sampling_seed: u32,
    /// MAC addresses on this side of the wire, by which direction is told; `None`: the interface's own.
    pub local_macs: Option<Vec<u64>>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Stats {
    pub counters: Counters,
    pub kernel_dropped: u64,
    pub interface_dropped: u64,
    pub bytes_read: u64,
    pub bytes_total: u64,
}

/// Names that captures have for the interfaces in them, by the number that packets are reported under.
pub type InterfaceNames = BTreeMap<u32, InterfaceName>;

pub struct PacketSource {
    ring: Arc<SlotRing>,
    stats: Arc<Mutex<Stats>>,
    interface_names: Arc<Mutex<InterfaceNames>>,
    record_bytes: usize,
    has_runs: bool,
}

/// Longest sleep of a live capture, hence how long it takes to notice `stop`.
const LONGEST_WAIT_MS: u32 = 100;

impl PacketSource {
    /// Opens the input and starts the thread. What can be found wrong at once is an error, a text for the user.
    pub fn start(options: Options, wake: Wake) -> Result<PacketSource, String> {
        // Compiled twice, so that packets without extension records do not pay for those with.
        match options.extended || options.decapsulate {
            true => Self::start_producer::<true>(options, wake),
            false => Self::start_producer::<false>(options, wake),
        }
    }

    fn start_producer<const EXTENDED: bool>(options: Options, wake: Wake) -> Result<PacketSource, String> {
        let capacity = options.slot_packets;
        let record_bytes = capacity * PACKET_BYTES;
        let has_runs = options.runs && !EXTENDED && capacity <= packet_runs::MOST_PACKETS;
        let runs = has_runs.then(|| RunWriter::new(capacity));
        let slot_bytes = record_bytes
            + match EXTENDED {
                true => capacity * EXTENSION_BYTES,
                false if has_runs => packet_runs::bytes(capacity),
                false => 0,
            };
        let ring = SlotRing::new(options.slot_count, slot_bytes, wake).map_err(|error| {
            format!(
                "no memory for {} slots of {slot_bytes} bytes: {error}",
                options.slot_count
            )
        })?;
        let ring = Arc::new(ring);
        let stats = Arc::new(Mutex::new(Stats::default()));
        let interface_names = Arc::new(Mutex::new(InterfaceNames::new()));
        // Captures are as hostile as a wire: whoever made one must not know which packets meet in one hash chain.
        let seed = options.hash_seed.unwrap_or_else(|| RandomState::new().hash_one(0u8));
        let decoder = Decoder::new(seed).sampled_by(Sampler::new(
            options.sampling_rate,
            options.sampling_random,
            options.sampling_seed,
        ));
        let local_macs = options.local_macs.unwrap_or_else(|| match &options.input {
            Input::Files(_) => Vec::new(),
            Input::Device { name, .. } => own_macs(name),
        });
        let decoder = decoder
            .with_local_macs(LocalMacs::new(local_macs))
            .decapsulating(options.decapsulate);
        match options.input {
            Input::Files(files) => {
                let filter = check_files(&files, options.filter.as_deref(), &stats)?;
                let input_index = options.input_index;
                let names = Arc::clone(&interface_names);
                spawn("weir-files", &ring, &stats, move |ring, stats| {
                    let mut producer = Producer::<EXTENDED>::new(ring, stats, decoder, capacity, runs);
                    producer.files(&files, filter, input_index, &names)
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
                    Producer::<EXTENDED>::new(ring, stats, decoder, capacity, runs).device(live, flush_ms)
                })?;
            }
        }
        Ok(PacketSource {
            ring,
            stats,
            interface_names,
            record_bytes,
            has_runs,
        })
    }

    pub fn ring(&self) -> &SlotRing {
        &self.ring
    }

    /// Of the files read so far.
    pub fn interface_names(&self) -> InterfaceNames {
        locked(&self.interface_names).clone()
    }

    /// Where in a slot the extension records begin, if there are any.
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// Whether what is behind the records of a slot are runs.
    pub fn has_runs(&self) -> bool {
        self.has_runs
    }

    pub fn stats(&self) -> Stats {
        *locked(&self.stats)
    }
}

impl Drop for PacketSource {
    fn drop(&mut self) {
        self.ring.stop();
    }
}

/// libpcap does not say whether a packet of an interface came or went (but for `any`, whose link layer has it): its own
/// address does for what it sends and what is sent to it.
pub fn own_macs(device: &str) -> Vec<u64> {
    interface_mac(device).into_iter().collect()
}

/// What is wrong with files that can be looked at without taking anything from them, and the filter.
fn check_files(files: &[String], filter: Option<&str>, stats: &Mutex<Stats>) -> Result<Option<Filter>, String> {
    let mut filter = filter.map(Filter::new).transpose()?;
    for (index, path) in files.iter().enumerate().filter(|(_, path)| *path != "-") {
        let Some(bytes) = file_bytes(path)? else { continue };
        locked(stats).bytes_total += bytes;
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
        .spawn(move || ring.end_after(|| produce(&ring, &stats)))
        .map(|_| ())
        .map_err(|error| format!("cannot start a thread: {error}"))
}
