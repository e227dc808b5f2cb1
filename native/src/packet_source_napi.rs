use crate::capture_file::InterfaceName;
use crate::decode::parse_mac;
use crate::packet_runs::{self, RunWriter, Slot};
use crate::packet_source::{self, Input, Options, Stats};
use crate::panics::guarded;
use crate::slots_napi::{next_code, slot_views, wake_callback};
use napi::bindgen_prelude::*;
use napi_derive::napi;

#[napi(object)]
pub struct PacketSourceOptions {
    pub files: Option<Vec<String>>,
    pub device: Option<String>,
    pub filter: Option<String>,
    pub slot_packets: Option<u32>,
    pub slot_count: Option<u32>,
    pub snap_length: Option<u32>,
    pub promiscuous: Option<bool>,
    pub kernel_buffer_bytes: Option<u32>,
    pub flush_ms: Option<u32>,
    pub extended: Option<bool>,
    pub runs: Option<bool>,
    pub decapsulate: Option<bool>,
    pub input_index: Option<u32>,
    pub hash_seed: Option<Vec<u32>>,
    pub sampling_rate: Option<u32>,
    pub sampling_random: Option<bool>,
    pub sampling_seed: Option<u32>,
    pub local_macs: Option<Vec<String>>,
}

#[napi(object)]
pub struct EtherTypeCount {
    pub ether_type: u32,
    pub packets: f64,
}

#[napi(object)]
pub struct PacketStats {
    pub packets: f64,
    pub metered: f64,
    pub wire_bytes: f64,
    pub not_sampled: f64,
    pub not_ip: f64,
    pub malformed: f64,
    pub cut_header: f64,
    pub cut_transport: f64,
    pub fragments_joined: f64,
    pub fragments_orphaned: f64,
    pub kernel_dropped: f64,
    pub interface_dropped: f64,
    pub queue_dropped: f64,
    pub bytes_read: f64,
    pub bytes_total: f64,
    pub not_ip_types: Vec<EtherTypeCount>,
}

const SLOT_PACKETS: u32 = 4096;
const SLOT_COUNT: u32 = 8;
/// Headers with every tag, label and option that is in use; payload is not looked at.
const SNAP_LENGTH: u32 = 256;
const KERNEL_BUFFER_BYTES: u32 = 64 << 20;
const FLUSH_MS: u32 = 100;
const TYPES_TOLD: usize = 16;

impl PacketSourceOptions {
    pub fn seed(&self) -> Result<Option<u64>> {
        match self.hash_seed.as_deref() {
            None => Ok(None),
            Some(&[low, high]) => Ok(Some(u64::from(low) | u64::from(high) << 32)),
            Some(_) => Err(Error::new(Status::InvalidArg, "hashSeed is two numbers")),
        }
    }

    /// `None` unless there are any.
    pub fn macs(&self) -> Result<Option<Vec<u64>>> {
        let texts = self.local_macs.iter().flatten();
        let macs = texts
            .map(|text| {
                parse_mac(text).ok_or_else(|| Error::new(Status::InvalidArg, format!("{text} is no MAC address")))
            })
            .collect::<Result<Vec<u64>>>()?;
        Ok((!macs.is_empty()).then_some(macs))
    }

    fn into_options(self) -> Result<Options> {
        let hash_seed = self.seed()?;
        let local_macs = self.macs()?;
        let input = match (self.files, self.device) {
            (Some(files), None) if !files.is_empty() => Input::Files(files),
            (None, Some(name)) => Input::Device {
                name,
                snap_length: self.snap_length.unwrap_or(SNAP_LENGTH).max(1),
                promiscuous: self.promiscuous.unwrap_or(true),
                kernel_buffer_bytes: self.kernel_buffer_bytes.unwrap_or(KERNEL_BUFFER_BYTES),
                flush_ms: self.flush_ms.unwrap_or(FLUSH_MS).max(1),
            },
            _ => {
                return Err(Error::new(
                    Status::InvalidArg,
                    "exactly one of files and device is needed",
                ))
            }
        };
        Ok(Options {
            input,
            filter: self.filter.filter(|expression| !expression.trim().is_empty()),
            slot_packets: self.slot_packets.unwrap_or(SLOT_PACKETS).clamp(1, 1 << 20) as usize,
            slot_count: self.slot_count.unwrap_or(SLOT_COUNT).clamp(1, 4096) as usize,
            extended: self.extended.unwrap_or(false),
            runs: self.runs.unwrap_or(false),
            decapsulate: self.decapsulate.unwrap_or(false),
            input_index: self.input_index.unwrap_or(0),
            hash_seed,
            sampling_rate: self.sampling_rate.unwrap_or(1),
            sampling_random: self.sampling_random.unwrap_or(false),
            sampling_seed: self.sampling_seed.unwrap_or(0),
            local_macs,
        })
    }
}

impl From<Stats> for PacketStats {
    fn from(stats: Stats) -> PacketStats {
        let counters = stats.counters;
        PacketStats {
            packets: counters.packets as f64,
            metered: counters.metered as f64,
            wire_bytes: counters.wire_bytes as f64,
            not_sampled: counters.not_sampled as f64,
            not_ip: counters.not_ip as f64,
            malformed: counters.malformed as f64,
            cut_header: counters.cut_header as f64,
            cut_transport: counters.cut_transport as f64,
            fragments_joined: counters.fragments_joined as f64,
            fragments_orphaned: counters.fragments_orphaned as f64,
            kernel_dropped: stats.kernel_dropped as f64,
            interface_dropped: stats.interface_dropped as f64,
            // What finds no slot waits in the kernel's ring, which counts what it cannot hold.
            queue_dropped: 0.0,
            bytes_read: stats.bytes_read as f64,
            bytes_total: stats.bytes_total as f64,
            not_ip_types: counters
                .not_ip_types(TYPES_TOLD)
                .into_iter()
                .map(|(ether_type, packets)| EtherTypeCount {
                    ether_type: u32::from(ether_type),
                    packets: packets as f64,
                })
                .collect(),
        }
    }
}

#[napi(object)]
pub struct CaptureInterfaceName {
    pub index: u32,
    pub name: String,
    pub description: Option<String>,
}

#[napi]
pub struct PacketSource {
    source: packet_source::PacketSource,
}

#[napi]
impl PacketSource {
    #[napi(constructor)]
    pub fn new(options: PacketSourceOptions, wake: Function<(), ()>) -> Result<PacketSource> {
        let (options, wake) = (options.into_options()?, wake_callback(wake)?);
        let source = guarded(|| packet_source::PacketSource::start(options, wake)).map_err(Error::from_reason)?;
        Ok(PacketSource { source })
    }

    #[napi(getter)]
    pub fn slots(&self) -> Vec<Uint8Array> {
        slot_views(self.source.ring(), 0..self.source.record_bytes())
    }

    #[napi(getter)]
    pub fn extensions(&self) -> Vec<Uint8Array> {
        let bytes = self.source.record_bytes()..self.source.ring().slot_bytes();
        match bytes.is_empty() || self.source.has_runs() {
            true => Vec::new(),
            false => slot_views(self.source.ring(), bytes),
        }
    }

    #[napi(getter)]
    pub fn runs(&self) -> Vec<Uint8Array> {
        let bytes = self.source.record_bytes()..self.source.ring().slot_bytes();
        match self.source.has_runs() {
            true => slot_views(self.source.ring(), bytes),
            false => Vec::new(),
        }
    }

    #[napi]
    pub fn next(&self) -> i32 {
        next_code(self.source.ring())
    }

    #[napi]
    pub fn count(&self, slot: u32) -> u32 {
        self.source.ring().count(slot as usize)
    }

    #[napi]
    pub fn release(&self, slot: u32) {
        self.source.ring().release(slot as usize);
    }

    #[napi]
    pub fn stop(&self) {
        self.source.ring().stop();
    }

    #[napi]
    pub fn failure(&self) -> Option<String> {
        self.source.ring().failure()
    }

    #[napi]
    pub fn interface_names(&self) -> Vec<CaptureInterfaceName> {
        let names = self.source.interface_names().into_iter();
        names
            .map(
                |(index, InterfaceName { name, description, .. })| CaptureInterfaceName {
                    index,
                    name,
                    description: (!description.is_empty()).then_some(description),
                },
            )
            .collect()
    }

    #[napi]
    pub fn stats(&self) -> PacketStats {
        self.source.stats().into()
    }
}

/// The runs of packet records that did not come from a `PacketSource`; moves the records as one would have put them.
#[napi]
pub fn fold_packets(mut records: Uint8ArraySlice) -> Result<Uint8Array> {
    // SAFETY: JavaScript runs nothing else meanwhile.
    let (records, rest) = unsafe { records.as_mut() }.as_chunks_mut();
    if !rest.is_empty() || records.len() > packet_runs::MOST_PACKETS {
        return Err(Error::new(Status::InvalidArg, "at most 65535 whole packet records"));
    }
    let count = records.len();
    let mut out = vec![0; packet_runs::bytes(count)];
    let mut slot = Slot {
        records,
        quads: out.as_chunks_mut().0,
    };
    let mut runs = RunWriter::new(count);
    for packet in 0..count {
        *runs.place() = slot.records[packet];
        runs.add(&mut slot);
    }
    runs.finish(&mut slot);
    Ok(out.into())
}

/// As `packet_runs::Slot::unfold` says, of the records and runs of a slot.
#[napi]
pub fn unfold_packets(mut records: Uint8ArraySlice, mut runs: Uint8ArraySlice, count: u32) -> Result<()> {
    // SAFETY: JavaScript runs nothing else meanwhile, and by contract neither is the memory of the other.
    let (records, runs) = unsafe { (records.as_mut(), runs.as_mut()) };
    let mut slot = Slot {
        records: records.as_chunks_mut().0,
        quads: runs.as_chunks_mut().0,
    };
    slot.unfold(count as usize)
        .map_err(|text| Error::new(Status::InvalidArg, text))
}
