//! The socket of a sender: there from the start, or as soon as there is a way to the collector, and made anew when the way
//! has changed so that the old one does not lead there any more.

use super::socket::Refusal;
use std::io;
use std::net::UdpSocket;
use std::sync::mpsc::{channel, Receiver, TryRecvError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Makes a connected socket; may take as long as the look-up of a name does.
pub type Connect = Arc<dyn Fn() -> Result<UdpSocket, Refusal> + Send + Sync>;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A collector that refuses may have moved, or be about to start again: its name is looked up so often meanwhile.
const LOOK_UP_EVERY: Duration = Duration::from_secs(60);

pub struct Link {
    socket: Option<Arc<UdpSocket>>,
    renewal: Option<Renewal>,
}

/// How a socket is made anew.
struct Renewal {
    connect: Connect,
    /// Another thread waits for the answer of a name server.
    by_name: bool,
    /// Nothing goes by the socket there is, if there is one.
    needed: bool,
    due: Instant,
    pause: Duration,
    look_up_due: Instant,
    attempt: Option<Receiver<Result<UdpSocket, Refusal>>>,
}

impl Link {
    /// A socket that stays as it is.
    pub fn fixed(socket: Arc<UdpSocket>) -> Link {
        Link {
            socket: Some(socket),
            renewal: None,
        }
    }

    /// A socket that is made anew when need be; `None`: it has not been to be made so far. `by_name`: `connect` looks up
    /// names.
    pub fn renewed(socket: Option<Arc<UdpSocket>>, by_name: bool, connect: Connect) -> Link {
        let now = Instant::now();
        let needed = socket.is_none();
        Link {
            socket,
            renewal: Some(Renewal {
                connect,
                by_name,
                needed,
                due: now + FIRST_PAUSE,
                pause: FIRST_PAUSE,
                look_up_due: now + LOOK_UP_EVERY,
                attempt: None,
            }),
        }
    }

    pub fn socket(&self) -> Option<&Arc<UdpSocket>> {
        self.socket.as_ref()
    }

    /// Makes the socket anew if that is due; `Some` when it has tried: done, or why not.
    pub fn renew(&mut self, now: Instant) -> Option<Result<Arc<UdpSocket>, Refusal>> {
        let renewal = self.renewal.as_mut()?;
        let result = renewal.attempt(now)?;
        Some(match result {
            Ok(socket) => {
                renewal.succeeded(now);
                let socket = Arc::new(socket);
                self.socket = Some(Arc::clone(&socket));
                Ok(socket)
            }
            Err(refusal) => {
                renewal.failed(now);
                Err(refusal)
            }
        })
    }

    /// Notes what the socket said, from which follows whether another may do better.
    pub fn note(&mut self, cause: &io::Error, now: Instant) {
        let Some(renewal) = &mut self.renewal else { return };
        match cause.raw_os_error() {
            Some(libc::ECONNREFUSED) if renewal.by_name && now >= renewal.look_up_due => {
                renewal.look_up_due = now + LOOK_UP_EVERY;
                renewal.needed = true;
            }
            // No way, or from an address (EINVAL on Linux) or by an interface that this host has no more.
            Some(
                libc::ENETUNREACH
                | libc::EHOSTUNREACH
                | libc::ENETDOWN
                | libc::EADDRNOTAVAIL
                | libc::EINVAL
                | libc::ENODEV
                | libc::ENXIO,
            ) => renewal.needed = true,
            _ => {}
        }
    }
}

impl Renewal {
    /// The outcome of an attempt, if there is one by now.
    fn attempt(&mut self, now: Instant) -> Option<Result<UdpSocket, Refusal>> {
        if let Some(attempt) = &self.attempt {
            let result = match attempt.try_recv() {
                Ok(result) => Some(result),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => None,
            };
            self.attempt = None;
            return result;
        }
        if !self.needed || now < self.due {
            return None;
        }
        if !self.by_name {
            return Some((self.connect)());
        }
        let (answer, attempt) = channel();
        let connect = Arc::clone(&self.connect);
        let started = std::thread::Builder::new()
            .name("weir-look-up".to_string())
            // Whoever has ended meanwhile does not wait for it.
            .spawn(move || drop(answer.send(connect())));
        match started {
            Ok(_) => self.attempt = Some(attempt),
            Err(_) => self.failed(now),
        }
        None
    }

    fn succeeded(&mut self, now: Instant) {
        self.needed = false;
        self.pause = FIRST_PAUSE;
        self.due = now + FIRST_PAUSE;
    }

    fn failed(&mut self, now: Instant) {
        self.due = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn any_socket() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").unwrap()
    }

    /// Refuses so many times, then gives sockets; and counts.
    fn refusing(times: u32) -> (Connect, Arc<AtomicU32>) {
        let tries = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&tries);
        let connect = move || match counted.fetch_add(1, Ordering::Relaxed) {
            tried if tried >= times => Ok(any_socket()),
            _ => Err(Refusal {
                text: "no way".to_string(),
                may_pass: true,
            }),
        };
        (Arc::new(connect), tries)
    }

    fn error(code: i32) -> io::Error {
        io::Error::from_raw_os_error(code)
    }

    #[test]
    fn tries_less_and_less_often_until_there_is_a_way() {
        let (connect, tries) = refusing(8);
        let start = Instant::now();
        let mut link = Link::renewed(None, false, connect);
        let mut at = Vec::new();
        for ms in 0..20_000 {
            match link.renew(start + Duration::from_millis(ms)) {
                None => assert_eq!(link.socket().is_some(), at.len() == 9),
                Some(result) => {
                    assert_eq!(result.is_ok(), at.len() == 8);
                    at.push(ms);
                }
            }
        }
        let pauses: Vec<u64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000, 2000]);
        assert_eq!(tries.load(Ordering::Relaxed), 9);
    }

    #[test]
    fn a_socket_that_leads_nowhere_is_replaced_and_others_stay() {
        let (connect, tries) = refusing(0);
        let old = Arc::new(any_socket());
        let later = Instant::now() + Duration::from_secs(300);
        let mut link = Link::renewed(Some(Arc::clone(&old)), false, connect);
        for harmless in [libc::ECONNREFUSED, libc::EMSGSIZE, libc::ENOBUFS, libc::EAGAIN] {
            link.note(&error(harmless), later);
        }
        assert!(link.renew(later).is_none());
        link.note(&error(libc::EINVAL), later);
        assert!(matches!(link.renew(later), Some(Ok(_))));
        assert!(!Arc::ptr_eq(link.socket().unwrap(), &old));
        // Not again at once, should the new one do no better.
        link.note(&error(libc::ENETUNREACH), later);
        assert!(link.renew(later).is_none());
        assert!(link.renew(later + FIRST_PAUSE).is_some());
        assert_eq!(tries.load(Ordering::Relaxed), 2);

        let mut fixed = Link::fixed(old);
        fixed.note(&error(libc::EINVAL), later);
        assert!(fixed.renew(later).is_none() && fixed.socket().is_some());
    }

    #[test]
    fn a_name_is_looked_up_beside_the_sending_and_again_when_its_host_refuses() {
        let (connect, tries) = refusing(1);
        let start = Instant::now();
        let mut link = Link::renewed(None, true, connect);
        let mut until = |now: Instant| loop {
            match link.renew(now) {
                Some(result) => break result,
                None => std::thread::yield_now(),
            }
        };
        assert!(until(start + FIRST_PAUSE * 2).is_err());
        assert!(until(start + FIRST_PAUSE * 4).is_ok());
        link.note(&error(libc::ECONNREFUSED), start + FIRST_PAUSE * 8);
        assert!(link.renew(start + LOOK_UP_EVERY / 2).is_none());
        let later = start + LOOK_UP_EVERY * 2;
        link.note(&error(libc::ECONNREFUSED), later);
        link.note(&error(libc::ECONNREFUSED), later);
        while link.renew(later).is_none() {}
        assert_eq!(tries.load(Ordering::Relaxed), 3);
    }
}
