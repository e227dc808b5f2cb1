//! The thread of one socket: what it receives, and what becomes of that at the end.

use super::Shared;
use crate::datagram::batch::Batch;
use crate::datagram::socket::Listener;
use crate::datagram::{DatagramSlot, Origin};
use crate::panics::{caught, defect};
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a datagram takes of the socket's buffer at the very least: the kernel charges its own structures, too.
fn charge(payload: &[u8]) -> usize {
    payload.len() + 512
}

/// What the thread of one socket has.
pub struct Receiver {
    pub socket: Arc<UdpSocket>,
    pub stop_signal: UnixStream,
    pub listener: Arc<Listener>,
    pub index: u32,
    pub shared: Arc<Shared>,
    pub batch: Batch,
}

impl Receiver {
    pub fn run(mut self) {
        let cause = match caught(|| self.receive()) {
            Ok(Ok(())) => None,
            Ok(Err(cause)) => Some(cause.to_string()),
            Err(text) => Some(defect(&text)),
        };
        if let Some(cause) = cause {
            let text = format!("receiving on port {} failed: {cause}", self.listener.port);
            self.shared.failure.lock().unwrap().get_or_insert(text);
            // One socket that fails must not go unnoticed while the others work: all end, and the reader is told why.
            self.shared.stop();
        }
        self.listener.kernel_dropped();
        let Receiver { socket, shared, .. } = self;
        // The port is free before the reader learns of the end.
        drop(socket);
        if shared.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            let failure = shared.failure.lock().unwrap().take();
            shared.ring.end(failure);
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let mut slot: Option<DatagramSlot> = None;
        let mut flush_at = Instant::now();
        // After a stop: how much may still come out of the socket's queue.
        let mut rest: Option<usize> = None;
        loop {
            // Asked before the receive, so that what came before the stop is there.
            if rest.is_none() && shared.stopping() {
                rest = Some(self.queued_at_most());
            }
            if rest == Some(0) {
                self.finish(slot);
                return Ok(());
            }
            match self.batch.receive(&self.socket) {
                Ok(count) => {
                    for i in 0..count {
                        let received = self.batch.datagram(i);
                        rest = rest.map(|bytes| bytes.saturating_sub(charge(received.payload)));
                        let origin = Origin {
                            source: received.source,
                            local_port: self.listener.port,
                            received_ms: received.ms,
                            listener: self.index,
                        };
                        if slot
                            .as_mut()
                            .is_some_and(|filling| filling.push(received.payload, &origin))
                        {
                            continue;
                        }
                        if let Some(full) = slot.take() {
                            full.publish(&shared.counters);
                        }
                        let Some(mut fresh) = shared.acquire() else {
                            self.drop_rest(count - i);
                            return Ok(());
                        };
                        assert!(
                            fresh.push(received.payload, &origin),
                            "an empty slot holds any datagram"
                        );
                        flush_at = Instant::now() + shared.flush;
                        slot = Some(fresh);
                    }
                }
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {
                    if rest.is_some() {
                        self.finish(slot);
                        return Ok(());
                    }
                    let due = slot
                        .as_ref()
                        .map(|_| flush_at.saturating_duration_since(Instant::now()));
                    if let Err(cause) = self.wait(due) {
                        self.finish(slot);
                        return Err(cause);
                    }
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => {
                    self.finish(slot);
                    return Err(cause);
                }
            }
            if slot.is_some() && Instant::now() >= flush_at {
                slot.take().into_iter().for_each(|due| due.publish(&shared.counters));
            }
        }
    }

    /// What was received comes out, whatever ends the thread.
    fn finish(&self, slot: Option<DatagramSlot>) {
        if let Some(last) = slot {
            last.publish(&self.shared.counters);
        }
    }

    /// Counts what was received but finds no slot, and what the socket still holds.
    fn drop_rest(&mut self, in_hand: usize) {
        let mut dropped = in_hand;
        let mut rest = self.queued_at_most();
        while rest > 0 {
            let Ok(count) = self.batch.receive(&self.socket) else {
                break;
            };
            for i in 0..count {
                rest = rest.saturating_sub(charge(self.batch.datagram(i).payload));
            }
            dropped += count;
        }
        let counter = &self.shared.counters.queue_dropped;
        counter.fetch_add(dropped as u64, Ordering::Relaxed);
    }

    /// Upper bound of what the socket's queue can hold now, as `charge` counts: Linux grants twice of what it reports.
    fn queued_at_most(&self) -> usize {
        self.listener.receive_buffer * 2
    }

    /// Sleeps until a datagram comes, `timeout` is over or the source is stopped.
    fn wait(&self, timeout: Option<Duration>) -> io::Result<()> {
        let entry = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut entries = [entry(self.socket.as_raw_fd()), entry(self.stop_signal.as_raw_fd())];
        // Rounded up: waking early would make one more turn for nothing.
        let timeout_ms = timeout.map_or(-1, |rest| rest.as_micros().div_ceil(1000).min(60_000) as libc::c_int);
        // SAFETY: two entries, and the kernel writes only their `revents`.
        let ready = unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, timeout_ms) };
        if ready < 0 {
            let cause = io::Error::last_os_error();
            if cause.kind() != io::ErrorKind::Interrupted {
                return Err(cause);
            }
        }
        Ok(())
    }
}
