use crate::datagram::device::{DeviceOptions, DeviceSource};
use crate::datagram::file::{FileOptions, FileSource};
use crate::datagram::live::{Bind, LiveOptions, LiveSource, GIVE_UP};
use crate::datagram::socket::DEFAULT_RECEIVE_BUFFER;
use crate::datagram::Counters;
use crate::panics::guarded;
use crate::slots::SlotRing;
use crate::slots_napi::{next_code, slot_views, wake_callback};
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const DEFAULT_SLOT_BYTES: u32 = 1 << 20;
const DEFAULT_SLOT_COUNT: u32 = 12;
const MAX_WORKERS: u32 = 64;
const DEFAULT_FLUSH_MS: f64 = 20.0;

#[napi(object)]
pub struct ListenerOptions {
    pub host: String,
    pub port: u32,
    pub receive_buffer_bytes: Option<f64>,
    pub workers: Option<u32>,
}

#[napi(object)]
pub struct DatagramSourceOptions {
    pub listeners: Option<Vec<ListenerOptions>>,
    pub files: Option<Vec<String>>,
    pub device: Option<String>,
    pub device_buffer_bytes: Option<u32>,
    pub ports: Option<Vec<u32>>,
    pub slot_bytes: Option<u32>,
    pub slot_count: Option<u32>,
    pub flush_ms: Option<f64>,
}

#[napi(object)]
pub struct DatagramStats {
    pub datagrams: f64,
    pub bytes: f64,
    pub kernel_dropped: f64,
    pub queue_dropped: f64,
    pub skipped_packets: f64,
    pub receive_buffer_bytes: Vec<f64>,
    pub ports: Vec<u32>,
    pub bytes_read: f64,
    pub bytes_total: f64,
}

#[napi]
pub struct DatagramSource {
    source: Source,
}

enum Source {
    Live(LiveSource),
    Files(FileSource),
    Device(DeviceSource),
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Status::InvalidArg, text.into())
}

#[napi]
impl DatagramSource {
    #[napi(constructor)]
    pub fn new(options: DatagramSourceOptions, wake: Function<(), ()>) -> Result<DatagramSource> {
        let slot_bytes = options.slot_bytes.unwrap_or(DEFAULT_SLOT_BYTES) as usize;
        let slot_count = options.slot_count.unwrap_or(DEFAULT_SLOT_COUNT).clamp(2, 1024) as usize;
        let wake = wake_callback(wake)?;
        let flush_ms = options.flush_ms.unwrap_or(DEFAULT_FLUSH_MS);
        if !(0.0..=60_000.0).contains(&flush_ms) {
            return Err(invalid("flushMs is 0 to 60000"));
        }
        let flush = Duration::from_micros((flush_ms * 1e3) as u64);
        let ports = || -> Result<Vec<u16>> { options.ports.unwrap_or_default().into_iter().map(port_of).collect() };
        let source = match (options.listeners, options.files, options.device) {
            (Some(listeners), None, None) if !listeners.is_empty() => {
                let options = LiveOptions {
                    binds: listeners.into_iter().map(bind_of).collect::<Result<_>>()?,
                    slot_bytes,
                    slot_count,
                    flush,
                    give_up: GIVE_UP,
                };
                LiveSource::open(options, wake).map(Source::Live)
            }
            (None, Some(files), None) if !files.is_empty() => {
                let options = FileOptions {
                    files,
                    ports: ports()?,
                    slot_bytes,
                    slot_count,
                };
                guarded(|| FileSource::open(options, wake)).map(Source::Files)
            }
            (None, None, Some(device)) => {
                let options = DeviceOptions {
                    device,
                    ports: ports()?,
                    kernel_buffer_bytes: options.device_buffer_bytes.unwrap_or(DEFAULT_RECEIVE_BUFFER as u32),
                    slot_bytes,
                    slot_count,
                    flush,
                };
                DeviceSource::open(options, wake).map(Source::Device)
            }
            _ => return Err(invalid("exactly one of listeners, files and device is needed")),
        };
        Ok(DatagramSource {
            source: source.map_err(Error::from_reason)?,
        })
    }

    /// Memory of the slots; ask once, every call makes new views.
    #[napi(getter)]
    pub fn slots(&self) -> Vec<Uint8Array> {
        slot_views(self.ring(), 0..self.ring().slot_bytes())
    }

    #[napi]
    pub fn next(&self) -> i32 {
        next_code(self.ring())
    }

    #[napi]
    pub fn count(&self, slot: u32) -> u32 {
        self.ring().count(slot as usize)
    }

    #[napi]
    pub fn release(&self, slot: u32) {
        self.ring().release(slot as usize);
    }

    #[napi]
    pub fn stop(&self) {
        match &self.source {
            Source::Live(live) => live.stop(),
            Source::Files(files) => files.ring().stop(),
            Source::Device(device) => device.stop(),
        }
    }

    #[napi]
    pub fn failure(&self) -> Option<String> {
        self.ring().failure()
    }

    #[napi]
    pub fn stats(&self) -> DatagramStats {
        let (counters, listeners, bytes_total) = match &self.source {
            Source::Live(live) => (live.counters(), live.listeners(), 0),
            Source::Files(files) => (files.counters(), [].as_slice(), files.bytes_total()),
            Source::Device(device) => (device.counters(), [].as_slice(), 0),
        };
        let kernel_dropped = match &self.source {
            Source::Device(device) => device.kernel_dropped(),
            _ => listeners.iter().map(|(_, listener)| listener.kernel_dropped()).sum(),
        };
        // Workers of a listener are alike: the first speaks for all.
        let firsts = || listeners.chunk_by(|a, b| a.0 == b.0).map(|workers| &workers[0].1);
        let Counters {
            datagrams,
            bytes,
            queue_dropped,
            skipped_packets,
            bytes_read,
        } = counters;
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        DatagramStats {
            datagrams: number(datagrams),
            bytes: number(bytes),
            kernel_dropped: kernel_dropped as f64,
            queue_dropped: number(queue_dropped),
            skipped_packets: number(skipped_packets),
            receive_buffer_bytes: firsts().map(|listener| listener.receive_buffer as f64).collect(),
            ports: firsts().map(|listener| u32::from(listener.port)).collect(),
            bytes_read: number(bytes_read),
            bytes_total: bytes_total as f64,
        }
    }

    fn ring(&self) -> &SlotRing {
        match &self.source {
            Source::Live(live) => live.ring(),
            Source::Files(files) => files.ring(),
            Source::Device(device) => device.ring(),
        }
    }
}

fn port_of(port: u32) -> Result<u16> {
    u16::try_from(port).map_err(|_| invalid(format!("port {port} is not 0 to 65535")))
}

fn bind_of(listener: ListenerOptions) -> Result<Bind> {
    let receive_buffer = match listener.receive_buffer_bytes {
        None => DEFAULT_RECEIVE_BUFFER,
        Some(bytes) if (1.0..=1e12).contains(&bytes) => bytes as usize,
        Some(bytes) => return Err(invalid(format!("a receive buffer of {bytes} bytes is not possible"))),
    };
    Ok(Bind {
        host: listener.host,
        port: port_of(listener.port)?,
        receive_buffer,
        workers: listener.workers.unwrap_or(1).clamp(1, MAX_WORKERS) as usize,
    })
}
