//! From captured packets to slots of datagrams, whatever they were captured by.

use crate::datagram::packet::{content, Content, Datagram};
use crate::datagram::reassembly::{Joined, Reassembly};
use crate::datagram::{Counters, DatagramSlot, Origin};
use crate::slots::SlotRing;
use std::sync::atomic::Ordering;

/// Destination ports to keep, one bit each.
pub struct PortSet {
    bits: Box<[u64; 1024]>,
}

impl PortSet {
    pub fn new(ports: &[u16]) -> PortSet {
        let mut bits = Box::new([0u64; 1024]);
        for &port in ports {
            bits[usize::from(port) / 64] |= 1 << (port % 64);
        }
        PortSet { bits }
    }

    pub fn has(&self, port: u16) -> bool {
        self.bits[usize::from(port) / 64] >> (port % 64) & 1 != 0
    }
}

/// The consumer wants no more.
pub struct Stopped;

/// Where packets go: fragments are joined, and what is not UDP to the ports is counted.
pub struct Output<'a> {
    reassembly: Reassembly,
    sink: Sink<'a>,
}

struct Sink<'a> {
    ring: &'a SlotRing,
    counters: &'a Counters,
    ports: Option<PortSet>,
    slot: Option<DatagramSlot<'a>>,
    skipped: u64,
}

impl<'a> Output<'a> {
    /// Keeps datagrams to `ports`, or all.
    pub fn new(ring: &'a SlotRing, counters: &'a Counters, ports: Option<PortSet>) -> Output<'a> {
        Output {
            reassembly: Reassembly::default(),
            sink: Sink {
                ring,
                counters,
                ports,
                slot: None,
                skipped: 0,
            },
        }
    }

    /// Takes a frame captured at `ms`; waits for a slot. `link_type` is one that `link::supported` knows.
    #[inline]
    pub fn packet(&mut self, link_type: u16, frame: &[u8], ms: f64) -> Result<(), Stopped> {
        match content(link_type, frame) {
            Content::Datagram(datagram) => self.sink.put(&datagram, ms),
            Content::Fragment(fragment) => match self.reassembly.add(&fragment, ms) {
                Joined::Whole(datagram) => self.sink.put(&datagram, ms),
                Joined::Lost(packets) => {
                    self.sink.skipped += packets;
                    Ok(())
                }
            },
            Content::Other => {
                self.sink.skipped += 1;
                Ok(())
            }
        }
    }

    /// Whether datagrams wait for their slot to fill.
    pub fn is_filling(&self) -> bool {
        self.sink.slot.is_some()
    }

    /// Hands the slot over as it is.
    pub fn publish(&mut self) {
        if let Some(full) = self.sink.slot.take() {
            full.publish(self.sink.counters);
        }
    }

    /// There are no more packets.
    pub fn finish(&mut self) {
        self.sink.skipped += self.reassembly.clear();
        self.publish();
        self.tell();
    }

    /// Writes down what was skipped.
    pub fn tell(&self) {
        let skipped = &self.sink.counters.skipped_packets;
        skipped.store(self.sink.skipped, Ordering::Relaxed);
    }
}

impl Sink<'_> {
    #[inline]
    fn put(&mut self, datagram: &Datagram, ms: f64) -> Result<(), Stopped> {
        if self
            .ports
            .as_ref()
            .is_some_and(|ports| !ports.has(datagram.destination_port))
        {
            self.skipped += 1;
            return Ok(());
        }
        let origin = Origin {
            source: datagram.source,
            local_port: datagram.destination_port,
            received_ms: ms,
            listener: 0,
        };
        if let Some(slot) = &mut self.slot {
            if slot.push(datagram.payload, &origin) {
                return Ok(());
            }
        }
        if let Some(full) = self.slot.take() {
            full.publish(self.counters);
        }
        let mut fresh = DatagramSlot::acquire(self.ring).ok_or(Stopped)?;
        assert!(
            fresh.push(datagram.payload, &origin),
            "an empty slot holds any datagram"
        );
        self.slot = Some(fresh);
        Ok(())
    }
}
