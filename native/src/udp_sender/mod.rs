//! Sends datagrams from a thread of its own: whoever makes them never waits for the network unless the bounded queue is
//! full, and what the socket does not take at once is kept, not lost.

pub mod ip_options;
mod link;
mod pace;
pub mod queue;
mod raw;
pub mod socket;
mod worker;

use ip_options::IpOptions;
use link::{Connect, Link};
use pace::Pace;
use queue::{Notice, SendQueue};
use raw::{Packets, RawSockets};
use socket::{connect, max_payload};
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use worker::Worker;

pub struct SenderOptions {
    pub host: String,
    pub port: u16,
    pub source_host: Option<String>,
    pub ip: IpOptions,
    /// 0: as fast as the socket takes them.
    pub datagrams_per_second: f64,
    /// Datagrams of slots go out under the address of whoever sent them.
    pub keeps_source: bool,
    /// Without a way to the collector, or an answer of name servers, for the moment: what is to be sent fails until there
    /// is one.
    pub waits: bool,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SenderStats {
    pub sent: u64,
    pub bytes: u64,
    pub failed: u64,
    pub too_long: u64,
    pub last_error: Option<String>,
}

pub struct UdpSender {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Where the sender keeps sources.
    packets: Option<Mutex<Packets>>,
}

#[derive(Default)]
struct Shared {
    queue: SendQueue,
    sent: AtomicU64,
    bytes: AtomicU64,
    failed: AtomicU64,
    too_long: AtomicU64,
    last_error: Mutex<Option<String>>,
    way: Mutex<Way>,
}

/// The way to the collector: a socket, or why there is none so far.
#[derive(Default)]
struct Way {
    socket: Option<Arc<UdpSocket>>,
    obstacle: Option<String>,
    /// Sockets there have been.
    sockets: u32,
}

impl UdpSender {
    /// The error text is for the user.
    pub fn open(options: &SenderOptions) -> Result<UdpSender, String> {
        let shared = Arc::new(Shared::default());
        let (connect, packets): (Connect, _) = if options.keeps_source {
            let sockets = RawSockets::open(&options.host, options.port)?;
            let packets = Packets::new(sockets.destination());
            (Arc::new(move || sockets.connect()), Some(Mutex::new(packets)))
        } else {
            let (host, port) = (options.host.clone(), options.port);
            let (source, ip) = (options.source_host.clone(), options.ip.clone());
            (Arc::new(move || connect(&host, port, source.as_deref(), &ip)), None)
        };
        let link = open_link(options, connect, &shared)?;
        if let Some(socket) = link.socket() {
            shared.connected(socket);
        }
        let pace = Pace::new(options.datagrams_per_second);
        let worker = Worker::new(Arc::clone(&shared), link, pace);
        let thread = std::thread::Builder::new()
            .name(format!("weir-send-{}", options.port))
            .spawn(move || worker.run())
            .map_err(|cause| format!("cannot start sending: {cause}"))?;
        Ok(UdpSender {
            shared,
            thread: Some(thread),
            packets,
        })
    }

    /// Queues a copy of the datagrams that stand one after another in `bytes`. Waits while the queue is full. Says false
    /// when the sender is closed.
    pub fn send(&self, bytes: &[u8], lengths: &[u32]) -> bool {
        self.shared.queue.put(bytes, lengths)
    }

    /// Queues the first `count` datagrams of a slot under their own sources; as `send`. What cannot be sent so is counted
    /// as failed. `None` when the sender keeps no sources, or that is no slot.
    pub fn send_slot(&self, slot: &[u8], count: usize) -> Option<bool> {
        let mut packets = self.packets.as_ref()?.lock().unwrap();
        let impossible = packets.fill(slot, count)?;
        if impossible > 0 {
            self.shared.failed.fetch_add(impossible as u64, Ordering::Relaxed);
            self.shared
                .remember(&io::Error::other("not of the collector's IP version, or too long"));
        }
        Some(self.shared.queue.put(&packets.bytes, &packets.lengths))
    }

    /// Calls `notice` once no more than `cost` bytes are queued: at once if so already, or when the sender is closed.
    pub fn when_below(&self, cost: usize, notice: Notice) {
        self.shared.queue.when_below(cost, notice);
    }

    /// Bytes queued and not yet dealt with.
    pub fn queued(&self) -> usize {
        self.shared.queue.cost()
    }

    pub fn max_payload(&self) -> Option<u32> {
        self.shared.way.lock().unwrap().socket.as_deref().and_then(max_payload)
    }

    /// How many sockets there have been: another one leads there in another way, and from another address perhaps.
    pub fn sockets(&self) -> u32 {
        self.shared.way.lock().unwrap().sockets
    }

    /// Why there has been no way to the collector so far, a text for the user; `None` once there is.
    pub fn obstacle(&self) -> Option<String> {
        self.shared.way.lock().unwrap().obstacle.clone()
    }

    pub fn stats(&self) -> SenderStats {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SenderStats {
            sent: number(&self.shared.sent),
            bytes: number(&self.shared.bytes),
            failed: number(&self.shared.failed),
            too_long: number(&self.shared.too_long),
            last_error: self.shared.last_error.lock().unwrap().clone(),
        }
    }

    /// Ends the thread and closes the socket. What is still queued is counted as failed. Idempotent.
    pub fn close(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.shared.way.lock().unwrap().socket = None;
    }
}

fn open_link(options: &SenderOptions, connect: Connect, shared: &Shared) -> Result<Link, String> {
    let is_name = |host: &str| host.parse::<IpAddr>().is_err();
    let by_name = is_name(&options.host) || options.source_host.as_deref().is_some_and(is_name);
    match connect() {
        Ok(socket) if options.waits => Ok(Link::renewed(Some(Arc::new(socket)), by_name, connect)),
        Ok(socket) => Ok(Link::fixed(Arc::new(socket))),
        Err(refusal) if options.waits && refusal.may_pass => {
            shared.remember(&io::Error::other(refusal.text.clone()));
            shared.way.lock().unwrap().obstacle = Some(refusal.text);
            Ok(Link::renewed(None, by_name, connect))
        }
        Err(refusal) => Err(refusal.text),
    }
}

impl Drop for UdpSender {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn count_failure(&self, cause: &io::Error) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.remember(cause);
    }

    fn connected(&self, socket: &Arc<UdpSocket>) {
        let mut way = self.way.lock().unwrap();
        way.socket = Some(Arc::clone(socket));
        way.obstacle = None;
        way.sockets += 1;
    }

    fn remember(&self, cause: &io::Error) {
        *self.last_error.lock().unwrap() = Some(cause.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    fn sender_to(port: u16, datagrams_per_second: f64) -> UdpSender {
        UdpSender::open(&SenderOptions {
            host: "127.0.0.1".to_string(),
            port,
            source_host: None,
            ip: IpOptions::default(),
            datagrams_per_second,
            keeps_source: false,
            waits: false,
        })
        .unwrap()
    }

    fn receiver() -> (UdpSocket, u16) {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = receiver.local_addr().unwrap().port();
        (receiver, port)
    }

    fn drain(sender: &UdpSender) {
        let (told, wait) = channel();
        sender.when_below(0, Box::new(move || told.send(()).unwrap()));
        wait.recv().unwrap();
    }

    #[test]
    fn sends_all_in_order() {
        let (receiver, port) = receiver();
        let sender = sender_to(port, 0.0);
        let mut buffer = [0u8; 16];
        for group in 0..100u32 {
            let bytes: Vec<u8> = (group * 20..group * 20 + 20).flat_map(u32::to_be_bytes).collect();
            assert!(sender.send(&bytes, &[4; 20]));
            for expected in group * 20..group * 20 + 20 {
                assert_eq!(receiver.recv(&mut buffer).unwrap(), 4);
                assert_eq!(buffer[..4], expected.to_be_bytes());
            }
        }
        drain(&sender);
        assert_eq!((sender.stats().sent, sender.stats().bytes), (2000, 8000));
        assert_eq!(sender.queued(), 0);
    }

    #[test]
    fn a_datagram_too_long_for_udp_is_counted_and_the_others_go() {
        let (_receiver, port) = receiver();
        let sender = sender_to(port, 0.0);
        sender.send(&[0; 65_508 + 2], &[1, 65_508, 1]);
        drain(&sender);
        let stats = sender.stats();
        assert_eq!((stats.sent, stats.too_long, stats.failed), (2, 1, 0));
        assert!(stats.last_error.is_some());
    }

    #[test]
    fn a_collector_that_is_not_up_does_not_stop_it() {
        let (receiver, port) = receiver();
        drop(receiver);
        let sender = sender_to(port, 0.0);
        for _ in 0..50 {
            sender.send(&[0; 100], &[1; 100]);
        }
        drain(&sender);
        let stats = sender.stats();
        assert_eq!(stats.sent, 5000);
        assert!(stats.failed > 0, "refusals are counted");
        assert!(stats.last_error.is_some());
        let receiver = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        sender.send(b"hello", &[5]);
        let mut buffer = [0u8; 16];
        assert_eq!(receiver.recv(&mut buffer).unwrap(), 5);
    }

    #[test]
    fn pacing_holds_datagrams_back_and_close_counts_them() {
        let (receiver, port) = receiver();
        let mut sender = sender_to(port, 5.0);
        sender.send(&[0; 1000], &[1; 1000]);
        receiver.recv(&mut [0; 4]).unwrap();
        let (told, wait) = channel();
        sender.when_below(0, Box::new(move || told.send(()).unwrap()));
        sender.close();
        wait.recv().unwrap();
        let stats = sender.stats();
        assert_eq!(stats.sent + stats.failed, 1000);
        assert!(stats.sent >= 1 && stats.sent < 500, "{stats:?}");
        assert!(!sender.send(b"a", &[1]), "a closed sender says so");
        assert_eq!(sender.max_payload(), None);
    }
}
