//! Datagrams out of a mirrored stream: what an interface sees, whoever it is addressed to.

use crate::datagram::output::{Output, PortSet};
use crate::datagram::{Counters, MIN_SLOT_BYTES};
use crate::decode::link;
use crate::libpcap::{Live, LiveOptions};
use crate::slots::{SlotRing, Wake};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Packets between two looks at clock and stop.
const TURN_PACKETS: usize = 512;
/// How long the kernel gathers packets, and the longest wait for one.
const GATHER_MS: u32 = 20;
const WAIT_MS: u32 = 50;
/// How often the kernel is asked for what it dropped.
const TELL: Duration = Duration::from_millis(500);
/// Longest frame: a datagram of the greatest size in one packet, with every header before it.
const SNAP_LENGTH: u32 = 262_144;

pub struct DeviceOptions {
    pub device: String,
    /// Destination ports to keep; at least one.
    pub ports: Vec<u16>,
    pub kernel_buffer_bytes: u32,
    pub slot_bytes: usize,
    pub slot_count: usize,
    /// Longest time a datagram waits for its slot to fill.
    pub flush: Duration,
}

/// An interface being read. Dropping it stops the thread.
pub struct DeviceSource {
    shared: Arc<Shared>,
}

struct Shared {
    ring: SlotRing,
    counters: Counters,
    kernel_dropped: AtomicU64,
    stopping: AtomicBool,
}

impl DeviceSource {
    /// Opens the interface and starts reading. The error text is for the user.
    pub fn open(options: DeviceOptions, wake: Wake) -> Result<DeviceSource, String> {
        let open = |filter: String| {
            Live::open(&LiveOptions {
                device: options.device.clone(),
                filter: Some(filter),
                snap_length: SNAP_LENGTH,
                promiscuous: true,
                kernel_buffer_bytes: options.kernel_buffer_bytes,
                timeout_ms: GATHER_MS,
            })
        };
        let plain = filter(&options.ports);
        // Link layers without VLANs refuse the longer expression.
        let live = open(format!("({plain}) or (vlan and ({plain}))")).or_else(|_| open(plain))?;
        if !link::supported(live.link_type()) {
            return Err(format!("{}: {}", options.device, link::not_supported(live.link_type())));
        }
        let shared = Arc::new(Shared {
            ring: SlotRing::new(options.slot_count, options.slot_bytes.max(MIN_SLOT_BYTES), wake)
                .map_err(|cause| format!("no memory to read {}: {cause}", options.device))?,
            counters: Counters::default(),
            kernel_dropped: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        });
        let thread = Arc::clone(&shared);
        let ports = PortSet::new(&options.ports);
        let flush = options.flush;
        std::thread::Builder::new()
            .name("weir-device".to_owned())
            .spawn(move || thread.ring.end_after(|| thread.read(live, ports, flush)))
            .map_err(|cause| format!("cannot start a thread: {cause}"))?;
        Ok(DeviceSource { shared })
    }

    pub fn ring(&self) -> &SlotRing {
        &self.shared.ring
    }

    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Packets that the kernel or the interface had no room for.
    pub fn kernel_dropped(&self) -> u64 {
        self.shared.kernel_dropped.load(Ordering::Relaxed)
    }

    /// Ends reading. What was captured before still comes out, as long as the consumer takes it.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
    }
}

impl Drop for DeviceSource {
    fn drop(&mut self) {
        self.stop();
        self.shared.ring.stop();
    }
}

impl Shared {
    /// Until a stop, or until the interface is gone: then why.
    fn read(&self, mut live: Live, ports: PortSet, flush: Duration) -> Option<String> {
        let mut output = Output::new(&self.ring, &self.counters, Some(ports));
        let link_type = live.link_type();
        let mut flush_at = Instant::now();
        let mut tell_at = Instant::now();
        let failure = loop {
            // Asked before reading, so that what came before the stop is there.
            let stopping = self.stopping.load(Ordering::SeqCst);
            let was_filling = output.is_filling();
            let mut gone = false;
            let read = live.read(TURN_PACKETS, |time_ns, _wire, frame| {
                // A frame that was cut has no whole datagram, as `packet` sees by the lengths in it.
                gone = gone || output.packet(link_type, frame, time_ns as f64 / 1e6).is_err();
            });
            let packets = match read {
                Ok(packets) => packets,
                Err(cause) => break Some(cause),
            };
            if gone || self.ring.stopped() {
                break None;
            }
            let now = Instant::now();
            if output.is_filling() && !was_filling {
                flush_at = now + flush;
            }
            if output.is_filling() && now >= flush_at {
                output.publish();
            }
            if now >= tell_at {
                tell_at = now + TELL;
                self.tell(&mut live, &output);
                if packets == 0 && !live.exists() {
                    break Some(format!("interface {} is gone", live.device()));
                }
            }
            if packets == 0 {
                if stopping {
                    break None;
                }
                live.wait(if output.is_filling() { GATHER_MS } else { WAIT_MS });
            }
        };
        output.finish();
        self.tell(&mut live, &output);
        failure
    }

    fn tell(&self, live: &mut Live, output: &Output) {
        let (kernel, interface) = live.dropped();
        self.kernel_dropped.store(kernel + interface, Ordering::Relaxed);
        output.tell();
    }
}

/// UDP to the ports, and later fragments of UDP, which have no ports.
fn filter(ports: &[u16]) -> String {
    let ports: Vec<String> = ports.iter().map(|port| format!("udp dst port {port}")).collect();
    format!(
        "{} or (ip proto 17 and ip[6:2] & 0x3fff != 0) or (ip6 and ip6[6] = 44)",
        ports.join(" or ")
    )
}
