//! The thread behind a packet source: reads, decodes into the slot at hand, and passes full ones on.

use super::{InterfaceNames, Stats, LONGEST_WAIT_MS};
use crate::capture_file::{in_words, CaptureFile, Direction, Packet};
use crate::decode::{link, Decoder, Frame};
use crate::libpcap::{Filter, Live};
use crate::packet::PACKET_BYTES;
use crate::packet_extension::EXTENSION_BYTES;
use crate::packet_runs::{RunWriter, Slot};
use crate::panics::locked;
use crate::slots::{Filling, SlotRing};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Packets between two looks at whether to stop.
const CHECK_PACKETS: u32 = 4096;
/// Looks at the kernel's counters and at whether the interface is there: system calls, not for every few packets.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub struct Producer<'a, const EXTENDED: bool> {
    ring: &'a Arc<SlotRing>,
    stats: &'a Mutex<Stats>,
    decoder: Decoder,
    capacity: usize,
    runs: Option<RunWriter>,
    filling: Option<Filling<'a>>,
    count: usize,
}

impl<'a, const EXTENDED: bool> Producer<'a, EXTENDED> {
    pub fn new(
        ring: &'a Arc<SlotRing>,
        stats: &'a Mutex<Stats>,
        decoder: Decoder,
        capacity: usize,
        runs: Option<RunWriter>,
    ) -> Self {
        Producer {
            ring,
            stats,
            decoder,
            capacity,
            runs,
            filling: None,
            count: 0,
        }
    }

    /// A slot with room for one more record; false once the consumer wants no more.
    #[inline]
    fn room(&mut self) -> bool {
        if self.filling.is_none() {
            self.filling = self.ring.acquire();
        }
        self.filling.is_some()
    }

    fn publish(&mut self) {
        if let Some(mut filling) = self.filling.take() {
            if self.count > 0 {
                if let Some(runs) = &mut self.runs {
                    runs.finish(&mut slot(filling.bytes(), self.capacity));
                }
                filling.publish(self.count as u32);
            }
        }
        self.count = 0;
    }

    /// All files, one after another. A damaged one does not keep the others from being read.
    pub fn files(
        &mut self,
        files: &[String],
        mut filter: Option<Filter>,
        input_index: u32,
        names: &Mutex<InterfaceNames>,
    ) -> Option<String> {
        let mut failures = Vec::new();
        let mut before = 0;
        for path in files {
            let ring = Arc::clone(self.ring);
            let opened = CaptureFile::open(path, Box::new(move || ring.stopped()));
            let mut capture = match opened {
                Ok(capture) => capture,
                Err(text) => {
                    failures.push(text);
                    continue;
                }
            };
            let read = self.file(&mut capture, &mut filter, input_index, before, names);
            tell_names(&capture, input_index, names);
            match read {
                Ok(true) => {}
                Ok(false) => break,
                // A pipe that ends because it is to end was cut wherever it happened to be.
                Err(_) if self.ring.stopped() => break,
                Err(text) => failures.push(text),
            }
            before += capture.bytes_read();
            self.tell(before);
        }
        self.publish();
        self.tell(before);
        in_words(failures)
    }

    /// One file to its end; false if the consumer wants no more.
    fn file(
        &mut self,
        capture: &mut CaptureFile,
        filter: &mut Option<Filter>,
        input_index: u32,
        before: u64,
        names: &Mutex<InterfaceNames>,
    ) -> Result<bool, String> {
        let mut known_link_type = None;
        let mut until_check = CHECK_PACKETS;
        loop {
            if let Some(link_type) = known_link_type {
                if !self.room() {
                    return Ok(false);
                }
                until_check -= self.take_at_hand(capture, link_type, filter, input_index, until_check);
            }
            if self.count < self.capacity && until_check > 0 {
                let Some(packet) = capture.next_packet()? else {
                    return Ok(true);
                };
                if known_link_type != Some(packet.link_type) {
                    let link_type = packet.link_type;
                    if !link::supported(link_type) {
                        return Err(format!("{}: {}", capture.name(), link::not_supported(link_type)));
                    }
                    if let Some(filter) = filter {
                        filter.prepare(link_type)?;
                    }
                    known_link_type = Some(link_type);
                }
                if passes(filter, &packet) {
                    if !self.room() {
                        return Ok(false);
                    }
                    self.decode(&frame(&packet, input_index));
                }
                until_check -= 1;
            }
            if self.count == self.capacity || until_check == 0 {
                until_check = CHECK_PACKETS;
                if self.count == self.capacity {
                    tell_names(capture, input_index, names);
                    self.publish();
                }
                self.tell(before + capture.bytes_read());
                if self.ring.stopped() {
                    return Ok(false);
                }
            }
        }
    }

    /// Takes packets of this link type that are at hand into the slot at hand, at most `most`; gives how many. It is a loop of its
    /// own so that nothing that these packets have in common is looked up for each of them.
    #[inline(never)]
    fn take_at_hand(
        &mut self,
        capture: &mut CaptureFile,
        link_type: u16,
        filter: &Option<Filter>,
        input_index: u32,
        most: u32,
    ) -> u32 {
        let Producer {
            decoder,
            capacity,
            count,
            ..
        } = self;
        let takes = |packet: &Packet| passes(filter, packet);
        match Target::<EXTENDED>::of(&mut self.filling, &mut self.runs, *capacity) {
            None => 0,
            Some(Target::Runs(mut runs)) => capture.each_at_hand(link_type, most, |packet| {
                if takes(&packet) && runs.take(decoder, &frame(&packet, input_index)) {
                    *count += 1;
                }
                count < capacity
            }),
            Some(Target::Records(mut records)) => capture.each_at_hand(link_type, most, |packet| {
                if takes(&packet) && records.take(*count, decoder, &frame(&packet, input_index)) {
                    *count += 1;
                }
                count < capacity
            }),
        }
    }

    #[inline]
    fn decode(&mut self, frame: &Frame) {
        let decoder = &mut self.decoder;
        let is_metered = match Target::<EXTENDED>::of(&mut self.filling, &mut self.runs, self.capacity) {
            None => false,
            Some(Target::Runs(mut runs)) => runs.take(decoder, frame),
            Some(Target::Records(mut records)) => records.take(self.count, decoder, frame),
        };
        self.count += usize::from(is_metered);
    }

    fn tell(&self, bytes_read: u64) {
        let mut stats = locked(self.stats);
        stats.counters = self.decoder.counters;
        stats.bytes_read = bytes_read;
    }

    /// An interface, until `stop` or until it goes away.
    pub fn device(&mut self, mut live: Live, flush_ms: u32) -> Option<String> {
        let link_type = live.link_type();
        let input = live.interface_index();
        let flush = Duration::from_millis(u64::from(flush_ms));
        let mut first_at = Instant::now();
        let mut looked_at = Instant::now();
        let mut failure = None;
        while self.room() {
            let stopping = self.ring.stopped();
            if stopping {
                // The kernel may hold packets that came before `stop` in a block it has not handed up yet.
                live.wait(flush_ms.min(LONGEST_WAIT_MS));
            }
            let was = self.count;
            let limit = self.capacity - self.count;
            let read = live.read(limit, |time_ns, wire_length, data| {
                self.decode(&Frame {
                    link_type,
                    input,
                    direction: Direction::Unknown,
                    time_ns,
                    wire_length,
                    data,
                });
            });
            let packets = match read {
                Ok(packets) => packets,
                Err(text) => {
                    failure = Some(text);
                    break;
                }
            };
            let now = Instant::now();
            if was == 0 {
                first_at = now;
            }
            let waited = now - first_at;
            if self.count == self.capacity || (self.count > 0 && waited >= flush) {
                self.publish();
            }
            let look = now - looked_at >= LOOK_EVERY;
            if look {
                looked_at = now;
            }
            if look || packets > 0 {
                self.tell_live(&mut live, look);
            }
            if look && !live.exists() {
                failure = Some(format!("{}: the interface went away", live.device()));
                break;
            }
            if stopping {
                break;
            }
            if packets == 0 {
                let left = match self.count {
                    0 => LONGEST_WAIT_MS,
                    _ => flush_ms.saturating_sub(waited.as_millis() as u32).saturating_add(1),
                };
                live.wait(left.min(LONGEST_WAIT_MS));
            }
        }
        self.publish();
        self.tell_live(&mut live, true);
        failure
    }

    fn tell_live(&self, live: &mut Live, with_drops: bool) {
        let dropped = with_drops.then(|| live.dropped());
        let mut stats = locked(self.stats);
        stats.counters = self.decoder.counters;
        if let Some((kernel, interface)) = dropped {
            stats.kernel_dropped = kernel;
            stats.interface_dropped = interface;
        }
    }
}

/// Puts down what the file calls its interfaces; of several files with one number the first that has a name is asked.
fn tell_names(capture: &CaptureFile, input_index: u32, names: &Mutex<InterfaceNames>) {
    let found = capture.interface_names();
    if found.is_empty() {
        return;
    }
    let mut names = locked(names);
    for one in found {
        names
            .entry(input_index.wrapping_add(one.interface))
            .or_insert_with(|| one.clone());
    }
}

/// The slot at hand, as packets are written to it.
enum Target<'s, const EXTENDED: bool> {
    Runs(Runs<'s>),
    Records(Records<'s, EXTENDED>),
}

struct Runs<'s> {
    slot: Slot<'s>,
    writer: &'s mut RunWriter,
}

struct Records<'s, const EXTENDED: bool> {
    records: &'s mut [[u8; PACKET_BYTES]],
    extensions: &'s mut [[u8; EXTENSION_BYTES]],
}

impl<'s, const EXTENDED: bool> Target<'s, EXTENDED> {
    #[inline(always)]
    fn of(filling: &'s mut Option<Filling>, runs: &'s mut Option<RunWriter>, capacity: usize) -> Option<Self> {
        let bytes = filling.as_mut()?.bytes();
        Some(match runs {
            Some(writer) => Target::Runs(Runs {
                slot: slot(bytes, capacity),
                writer,
            }),
            None => {
                let (records, extensions) = bytes.split_at_mut(capacity * PACKET_BYTES);
                Target::Records(Records {
                    records: records.as_chunks_mut().0,
                    extensions: extensions.as_chunks_mut().0,
                })
            }
        })
    }
}

impl Runs<'_> {
    /// Decodes a frame; whether it is a packet, which is in the slot then.
    #[inline(always)]
    fn take(&mut self, decoder: &mut Decoder, frame: &Frame) -> bool {
        let is_metered = decoder.decode(frame, self.writer.place());
        if is_metered {
            self.writer.add(&mut self.slot);
        }
        is_metered
    }
}

impl<const EXTENDED: bool> Records<'_, EXTENDED> {
    /// Decodes a frame as packet number `count` of the slot; whether it is one.
    #[inline(always)]
    fn take(&mut self, count: usize, decoder: &mut Decoder, frame: &Frame) -> bool {
        match (self.records.get_mut(count), self.extensions.get_mut(count)) {
            (Some(record), Some(extension)) if EXTENDED => decoder.decode_extended(frame, record, extension),
            (Some(record), _) if !EXTENDED => decoder.decode(frame, record),
            _ => false,
        }
    }
}

#[inline(always)]
fn passes(filter: &Option<Filter>, packet: &Packet) -> bool {
    match filter {
        Some(filter) => filter.matches(packet.link_type, packet.data, packet.wire_length),
        None => true,
    }
}

/// A slot of `capacity` packets with its runs.
#[inline(always)]
fn slot(bytes: &mut [u8], capacity: usize) -> Slot<'_> {
    let (records, quads) = bytes.split_at_mut(capacity * PACKET_BYTES);
    Slot {
        records: records.as_chunks_mut().0,
        quads: quads.as_chunks_mut().0,
    }
}

#[inline]
fn frame<'a>(packet: &Packet<'a>, input_index: u32) -> Frame<'a> {
    Frame {
        link_type: packet.link_type,
        input: match packet.interface_index {
            0 => input_index.wrapping_add(packet.interface),
            index => index,
        },
        direction: packet.direction,
        time_ns: packet.time_ns,
        wire_length: packet.wire_length,
        data: packet.data,
    }
}
