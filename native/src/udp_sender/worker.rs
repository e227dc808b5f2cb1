//! What the thread of a sender does: takes pieces of the queue and sends them, whatever the socket says.

use super::link::Link;
use super::pace::Pace;
use super::queue::Piece;
use super::socket::{wait_writable, Burst, MAX_BURST};
use super::Shared;
use crate::panics::{caught, defect};
use std::io;
use std::net::UdpSocket;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest wait for the socket before looking whether the sender was closed.
const WRITABLE_WAIT_MS: u16 = 50;
/// How long to wait when the system is out of buffers, which no event announces the end of.
const NO_BUFFERS_WAIT: Duration = Duration::from_millis(1);
/// Refusals of one datagram before it is given up. Each reports an earlier datagram, so a few may have piled up.
const REFUSALS: u32 = 3;

pub struct Worker {
    shared: Arc<Shared>,
    link: Link,
    burst: Burst,
    /// Datagrams to try at once. sendmmsg hides why it stopped after the first; so after that it is asked for one, which
    /// brings the reason (an ICMP refusal, mostly) to light, and then for ever more again.
    limit: usize,
    pace: Pace,
}

impl Worker {
    pub fn new(shared: Arc<Shared>, link: Link, pace: Pace) -> Worker {
        Worker {
            shared,
            link,
            burst: Burst::default(),
            limit: 1,
            pace,
        }
    }

    pub fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let sending = caught(|| {
            while let Some(piece) = shared.queue.take() {
                let left = self.send(&piece);
                if left > 0 {
                    return left;
                }
                shared.queue.done(piece);
            }
            0
        });
        if let Err(text) = &sending {
            shared.remember(&io::Error::other(defect(text)));
        }
        let unsent = shared.queue.end() + sending.unwrap_or(0);
        shared.failed.fetch_add(unsent as u64, Ordering::Relaxed);
    }

    /// Sends a piece; says how many datagrams are left when the sender was closed meanwhile. Without a way to the collector
    /// all of them have failed. So have those at hand when there is a new way: whoever makes datagrams knows of it before
    /// the next, and can first tell the collector what it needs to read them.
    fn send(&mut self, piece: &Piece) -> usize {
        let mut socket = self.link.socket().map(Arc::clone);
        match self.link.renew(Instant::now()) {
            Some(Ok(new)) => {
                self.shared.connected(&new);
                socket = None;
            }
            Some(Err(refusal)) => self.shared.remember(&io::Error::other(refusal.text)),
            None => {}
        }
        let Some(socket) = socket else {
            self.shared
                .failed
                .fetch_add(piece.lengths.len() as u64, Ordering::Relaxed);
            return 0;
        };
        let mut bytes = piece.bytes.as_slice();
        let mut lengths = piece.lengths.as_slice();
        let mut refusals = 0;
        while let Some(&length) = lengths.first() {
            if self.pace.due().is_some_and(|due| !self.shared.queue.sleep_until(due)) {
                return lengths.len();
            }
            let asked = lengths.len().min(self.limit).min(self.pace.together);
            let done = match self.burst.send(&socket, bytes, &lengths[..asked]) {
                Ok(sent) => {
                    self.limit = if sent < asked {
                        1
                    } else {
                        (self.limit * 2).min(MAX_BURST)
                    };
                    self.count_sent(&lengths[..sent]);
                    sent
                }
                Err(cause) => match self.failed_send(&socket, &cause, &mut refusals) {
                    Verdict::Retry => 0,
                    Verdict::Skip => 1,
                    Verdict::Closed => return lengths.len(),
                },
            };
            if done > 0 {
                refusals = 0;
                let taken: usize = match done {
                    1 => length as usize,
                    _ => lengths[..done].iter().map(|&l| l as usize).sum(),
                };
                bytes = &bytes[taken..];
                lengths = &lengths[done..];
                self.pace.sent(done, Instant::now());
            }
        }
        0
    }

    fn count_sent(&self, lengths: &[u32]) {
        let bytes: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
        self.shared.sent.fetch_add(lengths.len() as u64, Ordering::Relaxed);
        self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn failed_send(&mut self, socket: &UdpSocket, cause: &io::Error, refusals: &mut u32) -> Verdict {
        self.link.note(cause, Instant::now());
        match cause.raw_os_error() {
            Some(libc::EINTR) => Verdict::Retry,
            Some(libc::EAGAIN) => {
                wait_writable(socket, WRITABLE_WAIT_MS);
                self.unless_closed()
            }
            Some(libc::ENOBUFS | libc::ENOMEM) => {
                if self.shared.queue.sleep_until(Instant::now() + NO_BUFFERS_WAIT) {
                    Verdict::Retry
                } else {
                    Verdict::Closed
                }
            }
            Some(libc::EMSGSIZE) => {
                self.shared.too_long.fetch_add(1, Ordering::Relaxed);
                self.shared.remember(cause);
                Verdict::Skip
            }
            // The kernel reports here that an earlier datagram was refused; this one has not been tried yet.
            Some(libc::ECONNREFUSED) if *refusals < REFUSALS => {
                *refusals += 1;
                self.shared.count_failure(cause);
                self.unless_closed()
            }
            _ => {
                self.shared.count_failure(cause);
                Verdict::Skip
            }
        }
    }

    fn unless_closed(&self) -> Verdict {
        if self.shared.queue.closed() {
            Verdict::Closed
        } else {
            Verdict::Retry
        }
    }
}

enum Verdict {
    Retry,
    Skip,
    Closed,
}
