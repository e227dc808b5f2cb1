//! Takes datagrams from a socket, many in one system call where the system can.
//!
//! They land in buffers of the largest size a datagram can have and are copied from there, packed, to the slot: a copy
//! within the cache costs a few per cent of what the kernel needs for a datagram, and a slot holds a hundred times more.

use crate::datagram::Endpoint;

/// One datagram, until the next `receive`.
pub struct Received<'a> {
    pub payload: &'a [u8],
    pub source: Endpoint,
    /// When it reached the host, milliseconds since 1970.
    pub ms: f64,
}

/// Milliseconds since 1970 by the clock of this host.
pub fn now_ms() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |elapsed| elapsed.as_secs_f64() * 1e3)
}

#[cfg(target_os = "linux")]
pub use linux::Batch;
#[cfg(not(target_os = "linux"))]
pub use portable::Batch;

#[cfg(target_os = "linux")]
mod linux {
    use super::{now_ms, Received};
    use crate::datagram::{Endpoint, MAX_PAYLOAD};
    use crate::memory::Region;
    use std::io;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    const DATAGRAMS: usize = 64;
    /// Room for a datagram; not a power of two, or all buffers would compete for the same few cache lines.
    const STRIDE: usize = MAX_PAYLOAD + 1 + 2048;
    /// Ancillary data: one timestamp takes 32 bytes.
    const CONTROL_WORDS: usize = 8;

    pub struct Batch {
        buffers: Region,
        headers: Vec<libc::mmsghdr>,
        names: Vec<libc::sockaddr_storage>,
        // The kernel reads and writes these two through pointers in `headers`.
        _vectors: Vec<libc::iovec>,
        _controls: Vec<[u64; CONTROL_WORDS]>,
        received: usize,
    }

    // SAFETY: the pointers in `headers` point to memory that the batch itself owns and never moves.
    unsafe impl Send for Batch {}

    impl Batch {
        pub fn new() -> io::Result<Batch> {
            let buffers = Region::new(DATAGRAMS * STRIDE)?;
            // SAFETY: all bytes zero is a valid value of these plain C structures.
            let (mut names, mut headers) = unsafe {
                (
                    vec![std::mem::zeroed::<libc::sockaddr_storage>(); DATAGRAMS],
                    vec![std::mem::zeroed::<libc::mmsghdr>(); DATAGRAMS],
                )
            };
            let mut controls = vec![[0u64; CONTROL_WORDS]; DATAGRAMS];
            let mut vectors: Vec<libc::iovec> = (0..DATAGRAMS)
                .map(|i| libc::iovec {
                    // SAFETY: within the region, which has room for all strides.
                    iov_base: unsafe { buffers.as_ptr().add(i * STRIDE) }.cast(),
                    iov_len: MAX_PAYLOAD,
                })
                .collect();
            for (i, header) in headers.iter_mut().enumerate() {
                header.msg_hdr.msg_name = (&raw mut names[i]).cast();
                header.msg_hdr.msg_iov = &raw mut vectors[i];
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_control = (&raw mut controls[i]).cast();
            }
            Ok(Batch {
                buffers,
                headers,
                names,
                _vectors: vectors,
                _controls: controls,
                received: DATAGRAMS,
            })
        }

        /// Takes what is there, at least one and at most as many as the batch holds; `WouldBlock` when nothing is.
        pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
            for header in &mut self.headers[..self.received] {
                header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
                header.msg_hdr.msg_controllen = size_of::<[u64; CONTROL_WORDS]>() as _;
            }
            self.received = 0;
            // SAFETY: each header describes memory of this batch, of the lengths it says.
            let count = unsafe {
                libc::recvmmsg(
                    socket.as_raw_fd(),
                    self.headers.as_mut_ptr(),
                    DATAGRAMS as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                    std::ptr::null_mut(),
                )
            };
            if count < 0 {
                return Err(io::Error::last_os_error());
            }
            self.received = count as usize;
            Ok(self.received)
        }

        /// Datagram `index` of the last `receive`.
        pub fn datagram(&self, index: usize) -> Received<'_> {
            assert!(index < self.received);
            let header = &self.headers[index];
            let length = (header.msg_len as usize).min(MAX_PAYLOAD);
            Received {
                // SAFETY: the kernel wrote `length` bytes there and nobody writes until the next `receive`.
                payload: unsafe { std::slice::from_raw_parts(self.buffers.as_ptr().add(index * STRIDE), length) },
                source: source_of(&self.names[index]),
                ms: timestamp_of(&header.msg_hdr).unwrap_or_else(now_ms),
            }
        }
    }

    fn source_of(name: &libc::sockaddr_storage) -> Endpoint {
        match libc::c_int::from(name.ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says what it is, and the storage is large enough for each family.
                let raw = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
                Endpoint::v4(raw.sin_addr.s_addr.to_ne_bytes(), u16::from_be(raw.sin_port))
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let raw = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
                Endpoint::v6(raw.sin6_addr.s6_addr, u16::from_be(raw.sin6_port))
            }
            _ => Endpoint::default(),
        }
    }

    /// The kernel's receive time, milliseconds since 1970.
    fn timestamp_of(header: &libc::msghdr) -> Option<f64> {
        // SAFETY: the kernel filled the control buffer and set its length; the macros stay within it.
        unsafe {
            let mut control = libc::CMSG_FIRSTHDR(header);
            while !control.is_null() {
                if (*control).cmsg_level == libc::SOL_SOCKET && (*control).cmsg_type == libc::SCM_TIMESTAMPNS {
                    let time = libc::CMSG_DATA(control).cast::<libc::timespec>().read_unaligned();
                    return Some(time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6);
                }
                control = libc::CMSG_NXTHDR(header, control);
            }
        }
        None
    }
}

/// For systems without recvmmsg. Compiled for the tests everywhere, so that it stays whole.
#[cfg(any(test, not(target_os = "linux")))]
mod portable {
    use super::{now_ms, Received};
    use crate::datagram::{Endpoint, MAX_PAYLOAD};
    use std::io;
    use std::net::UdpSocket;

    pub struct Batch {
        buffer: Vec<u8>,
        length: usize,
        source: Endpoint,
        ms: f64,
    }

    impl Batch {
        pub fn new() -> io::Result<Batch> {
            Ok(Batch {
                buffer: vec![0; MAX_PAYLOAD],
                length: 0,
                source: Endpoint::default(),
                ms: 0.0,
            })
        }

        /// Takes one datagram; `WouldBlock` when none is there.
        pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
            let (length, source) = socket.recv_from(&mut self.buffer)?;
            self.length = length;
            self.source = source.into();
            self.ms = now_ms();
            Ok(1)
        }

        pub fn datagram(&self, _index: usize) -> Received<'_> {
            Received {
                payload: &self.buffer[..self.length],
                source: self.source,
                ms: self.ms,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datagram::socket::Listener;
    use std::io::ErrorKind;
    use std::net::UdpSocket;

    #[test]
    fn a_batch_has_payload_source_and_time_in_order() {
        for host in ["127.0.0.1", "::1"] {
            let (socket, listener) = Listener::open(host, 0, 1 << 20, false).unwrap();
            let sender = UdpSocket::bind((host, 0)).unwrap();
            let before = now_ms() - 1000.0;
            let lengths = [0usize, 1, 1464, 9000, 60_000];
            for (i, length) in lengths.iter().enumerate() {
                sender.send_to(&vec![i as u8; *length], (host, listener.port)).unwrap();
            }
            let mut batch = Batch::new().unwrap();
            assert_eq!(batch.receive(&socket).unwrap(), lengths.len());
            for (i, length) in lengths.iter().enumerate() {
                let received = batch.datagram(i);
                assert_eq!(received.payload, vec![i as u8; *length]);
                assert_eq!(received.source, sender.local_addr().unwrap().into());
                assert!(received.ms > before && received.ms < now_ms() + 1000.0);
            }
            assert_eq!(batch.receive(&socket).unwrap_err().kind(), ErrorKind::WouldBlock);

            let mut one = portable::Batch::new().unwrap();
            sender.send_to(b"hello", (host, listener.port)).unwrap();
            assert_eq!(one.receive(&socket).unwrap(), 1);
            assert_eq!(one.datagram(0).payload, b"hello");
            assert_eq!(one.datagram(0).source, sender.local_addr().unwrap().into());
        }
    }
}
