//! Receives datagrams: one thread a socket, all filling slots of one ring.

mod receiver;

use crate::datagram::batch::Batch;
use crate::datagram::socket::Listener;
use crate::datagram::{Counters, DatagramSlot, MIN_SLOT_BYTES};
use crate::slots::{SlotRing, Wake};
use receiver::Receiver;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// See `LiveOptions::give_up`.
pub const GIVE_UP: Duration = Duration::from_secs(60);
/// How often a thread that waits for a slot looks whether it was stopped.
const SLOT_WAIT: Duration = Duration::from_millis(50);

pub struct Bind {
    pub host: String,
    pub port: u16,
    pub receive_buffer: usize,
    /// Sockets, each with a thread, among which the kernel parts senders.
    pub workers: usize,
}

pub struct LiveOptions {
    pub binds: Vec<Bind>,
    pub slot_bytes: usize,
    pub slot_count: usize,
    /// Longest time a datagram waits for its slot to fill.
    pub flush: Duration,
    /// After a stop, how long a thread waits for a consumer that hands no slot back before it counts the rest as dropped.
    pub give_up: Duration,
}

/// Sockets being received on. Dropping it stops the threads without delivering what they have.
pub struct LiveSource {
    shared: Arc<Shared>,
    /// With the index of their bind.
    listeners: Vec<(usize, Arc<Listener>)>,
}

struct Shared {
    ring: SlotRing,
    counters: Counters,
    stopping: AtomicBool,
    /// Closed to wake the threads from their wait for datagrams.
    wakers: Mutex<Vec<UnixStream>>,
    running: AtomicUsize,
    failure: Mutex<Option<String>>,
    flush: Duration,
    give_up: Duration,
}

impl LiveSource {
    /// Binds all sockets, then starts receiving. The error text is for the user.
    pub fn open(options: LiveOptions, wake: Wake) -> Result<LiveSource, String> {
        let mut sockets = Vec::new();
        let mut listeners = Vec::new();
        for (index, bind) in options.binds.iter().enumerate() {
            let mut port = bind.port;
            for _ in 0..bind.workers.max(1) {
                let (socket, listener) = Listener::open(&bind.host, port, bind.receive_buffer, bind.workers > 1)?;
                // Port 0: all have the one that the system chose for the first.
                port = listener.port;
                sockets.push(socket);
                listeners.push((index, Arc::new(listener)));
            }
        }
        let slot_bytes = options.slot_bytes.max(MIN_SLOT_BYTES);
        // Each thread holds a slot while it fills, and the consumer holds one.
        let slot_count = options.slot_count.max(sockets.len() + 1);
        let system = |cause: io::Error| format!("cannot start receiving: {cause}");
        let (wakers, stop_signals): (Vec<_>, Vec<_>) = (0..sockets.len())
            .map(|_| UnixStream::pair())
            .collect::<io::Result<Vec<_>>>()
            .map_err(system)?
            .into_iter()
            .unzip();
        let shared = Arc::new(Shared {
            ring: SlotRing::new(slot_count, slot_bytes, wake).map_err(system)?,
            counters: Counters::default(),
            stopping: AtomicBool::new(false),
            wakers: Mutex::new(wakers),
            running: AtomicUsize::new(sockets.len()),
            failure: Mutex::new(None),
            flush: options.flush,
            give_up: options.give_up,
        });
        let mut receivers = Vec::new();
        for (index, (socket, stop_signal)) in sockets.into_iter().zip(stop_signals).enumerate() {
            receivers.push(Receiver {
                socket,
                stop_signal,
                index: listeners[index].0 as u32,
                listener: Arc::clone(&listeners[index].1),
                shared: Arc::clone(&shared),
                batch: Batch::new().map_err(system)?,
            });
        }
        let source = LiveSource { shared, listeners };
        for receiver in receivers {
            std::thread::Builder::new()
                .name(format!("weir-udp-{}", receiver.listener.port))
                .spawn(move || receiver.run())
                .map_err(system)?;
        }
        Ok(source)
    }

    pub fn ring(&self) -> &SlotRing {
        &self.shared.ring
    }

    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Every socket with the index of its bind; those of one bind follow one another.
    pub fn listeners(&self) -> &[(usize, Arc<Listener>)] {
        &self.listeners
    }

    /// Ends receiving. What reached the sockets before still comes out, as long as the consumer takes it.
    pub fn stop(&self) {
        self.shared.stop();
    }
}

impl Drop for LiveSource {
    fn drop(&mut self) {
        self.shared.ring.stop();
        self.stop();
    }
}

impl Shared {
    fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.wakers.lock().unwrap().clear();
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// The next free slot. Until then datagrams wait in the kernel, which counts what it cannot keep.
    fn acquire(&self) -> Option<DatagramSlot<'_>> {
        let mut stopped_since: Option<Instant> = None;
        while !self.ring.stopped() {
            if let Some(filling) = self.ring.acquire_within(SLOT_WAIT) {
                return Some(DatagramSlot::new(filling));
            }
            if self.stopping() && stopped_since.get_or_insert_with(Instant::now).elapsed() > self.give_up {
                return None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::Next;
    use std::net::UdpSocket;

    fn open(give_up: Duration) -> LiveSource {
        LiveSource::open(
            LiveOptions {
                binds: vec![Bind {
                    host: "127.0.0.1".to_string(),
                    port: 0,
                    receive_buffer: 4 << 20,
                    workers: 1,
                }],
                slot_bytes: 0,
                slot_count: 2,
                flush: Duration::from_millis(1),
                give_up,
            },
            Box::new(|| {}),
        )
        .unwrap()
    }

    fn send(source: &LiveSource, count: usize) {
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..count {
            let sent = sender.send_to(&[7; 1000], ("127.0.0.1", source.listeners()[0].1.port));
            assert_eq!(sent.unwrap(), 1000);
        }
    }

    fn number(counter: &std::sync::atomic::AtomicU64) -> u64 {
        counter.load(Ordering::SeqCst)
    }

    /// Waits for the end without taking anything.
    fn ended(source: &LiveSource) {
        while source.shared.running.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn counts_everything_when_the_consumer_is_gone() {
        const COUNT: usize = 2000;
        let source = open(Duration::ZERO);
        send(&source, COUNT);
        source.stop();
        ended(&source);
        let counters = source.counters();
        let kernel = source.listeners()[0].1.kernel_dropped();
        assert!(number(&counters.datagrams) > 0 && number(&counters.queue_dropped) > 0);
        assert_eq!(
            number(&counters.datagrams) + number(&counters.queue_dropped) + kernel,
            COUNT as u64
        );
    }

    #[test]
    fn a_source_that_is_dropped_ends_at_once() {
        let source = open(GIVE_UP);
        send(&source, 2000);
        let shared = Arc::clone(&source.shared);
        drop(source);
        while shared.running.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        while let Next::Slot(_) = shared.ring.next() {}
        assert_eq!(shared.ring.next(), Next::End);
        assert_eq!(shared.ring.failure(), None);
    }
}
