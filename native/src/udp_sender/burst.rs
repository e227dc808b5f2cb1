//! Many datagrams in one system call, where the system can.

use std::io;
use std::net::UdpSocket;

/// Most datagrams one call sends; the kernel cuts one message into no more.
pub const MAX_BURST: usize = 64;

#[cfg(target_os = "linux")]
pub use linux::Burst;
#[cfg(not(target_os = "linux"))]
pub use portable::Burst;

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use crate::net::get_option;
    use std::os::fd::AsRawFd;

    /// Longest payload of UDP.
    const MAX_MESSAGE: usize = 65_507;

    /// Datagrams of one length go to the kernel as one message, which it cuts (UDP_SEGMENT): so they take the way to the network
    /// device once. What leaves the host is the same.
    pub struct Burst {
        headers: Vec<libc::mmsghdr>,
        vectors: Vec<libc::iovec>,
        controls: Vec<SegmentSize>,
        /// How many datagrams each message has.
        counts: Vec<usize>,
        /// False once the kernel refused: the way is by a tunnel (IPsec), or a device that takes no such messages.
        joins: bool,
    }

    /// What comes with a message that is to be cut.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct SegmentSize {
        header: libc::cmsghdr,
        octets: u16,
    }

    // SAFETY: its pointers are set before each use and mean nothing between.
    unsafe impl Send for Burst {}

    impl Burst {
        /// `joins`: unless the system refuses.
        pub fn new(joins: bool) -> Burst {
            // SAFETY: all bytes zero is a valid value of these plain C structures.
            let (header, vector, mut control): (libc::mmsghdr, libc::iovec, SegmentSize) =
                unsafe { (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed()) };
            control.header.cmsg_level = libc::SOL_UDP;
            control.header.cmsg_type = libc::UDP_SEGMENT;
            // SAFETY: a computation.
            control.header.cmsg_len = unsafe { libc::CMSG_LEN(size_of::<u16>() as u32) } as _;
            Burst {
                headers: vec![header; MAX_BURST],
                vectors: vec![vector; MAX_BURST],
                controls: vec![control; MAX_BURST],
                counts: vec![0; MAX_BURST],
                joins,
            }
        }

        /// Sends the datagrams that stand one after another in `bytes`, at most `MAX_BURST`; says how many went out. An
        /// error means that the first of them did not.
        pub fn send(&mut self, socket: &UdpSocket, bytes: &[u8], lengths: &[u32]) -> io::Result<usize> {
            let lengths = &lengths[..lengths.len().min(MAX_BURST)];
            // A kernel without it, and a raw socket, would not cut but send it as it is.
            let joins = self.joins && get_option::<1>(socket, libc::SOL_UDP, libc::UDP_SEGMENT).is_ok();
            let result = self.send_messages(socket, bytes, lengths, joins);
            match result.as_ref().map_err(io::Error::raw_os_error) {
                Err(Some(libc::EINVAL | libc::EIO | libc::EMSGSIZE | libc::EOPNOTSUPP)) if self.counts[0] > 1 => {
                    self.joins = false;
                    self.send_messages(socket, bytes, lengths, false)
                }
                _ => result,
            }
        }

        fn send_messages(
            &mut self,
            socket: &UdpSocket,
            mut bytes: &[u8],
            mut lengths: &[u32],
            joins: bool,
        ) -> io::Result<usize> {
            let mut messages = 0;
            while let Some(&length) = lengths.first() {
                let count = if joins { alike(lengths) } else { 1 };
                let octets = lengths[..count].iter().map(|&length| length as usize).sum();
                let (message, rest) = bytes.split_at(octets);
                self.vectors[messages] = libc::iovec {
                    iov_base: message.as_ptr().cast_mut().cast(),
                    iov_len: octets,
                };
                let header = &mut self.headers[messages].msg_hdr;
                header.msg_iov = &raw mut self.vectors[messages];
                header.msg_iovlen = 1;
                header.msg_control = std::ptr::null_mut();
                header.msg_controllen = 0;
                if count > 1 {
                    self.controls[messages].octets = length as u16;
                    header.msg_control = (&raw mut self.controls[messages]).cast();
                    header.msg_controllen = size_of::<SegmentSize>() as _;
                }
                self.counts[messages] = count;
                messages += 1;
                (bytes, lengths) = (rest, &lengths[count..]);
            }
            // SAFETY: the headers describe slices and controls that outlive the call; sendmmsg only reads them.
            let sent = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    self.headers.as_mut_ptr(),
                    messages as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                )
            };
            if sent < 0 {
                Err(io::Error::last_os_error())
            } else {
                Ok(self.counts[..sent as usize].iter().sum())
            }
        }
    }

    /// How many of the first datagrams make one message: those as long as the first, and one more that is shorter.
    fn alike(lengths: &[u32]) -> usize {
        let length = lengths[0];
        let most = MAX_MESSAGE / (length.max(1) as usize);
        let same = lengths.iter().take(most).take_while(|&&other| other == length).count();
        match lengths.get(same) {
            Some(&last) if same < most && 0 < last && last < length => same + 1,
            _ if length == 0 => 1,
            _ => same.max(1),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn messages_have_datagrams_of_one_length() {
            assert_eq!(alike(&[0, 0]), 1);
            assert_eq!(alike(&[7]), 1);
            assert_eq!(alike(&[7, 0]), 1);
            assert_eq!(alike(&[7, 8]), 1);
            assert_eq!(alike(&[7, 7, 5, 5]), 3);
            assert_eq!(alike(&[7, 7, 7, 8]), 3);
            assert_eq!(alike(&[1400; MAX_BURST]), MAX_MESSAGE / 1400);
            assert_eq!(alike(&[32_753, 32_753, 1]), 2);
            assert_eq!(alike(&[32_754, 32_753]), 1);
            assert_eq!(alike(&[70_000, 70_000]), 1);
        }
    }
}

/// For systems without sendmmsg: one datagram a call. Compiled for the tests everywhere, so that it stays whole.
#[cfg(any(test, not(target_os = "linux")))]
pub mod portable {
    use super::*;

    pub struct Burst {}

    impl Burst {
        /// None are joined.
        pub fn new(_joins: bool) -> Burst {
            Burst {}
        }

        pub fn send(&mut self, socket: &UdpSocket, bytes: &[u8], lengths: &[u32]) -> io::Result<usize> {
            socket.send(&bytes[..lengths[0] as usize])?;
            Ok(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ip_options::IpOptions;
    use super::super::socket::connect;
    use super::*;

    #[test]
    fn bursts_arrive_whole_and_in_order() {
        for host in ["127.0.0.1", "::1"] {
            let receiver = UdpSocket::bind((host, 0)).unwrap();
            let port = receiver.local_addr().unwrap().port();
            let socket = connect(host, port, Some(host), &IpOptions::default()).unwrap();
            // The second time as one that the kernel takes no joined datagrams of.
            for _ in 0..2 {
                let lengths = [3u32, 3, 2, 0, 0, 5];
                let bytes = *b"abcdefghijklm";
                let mut burst = Burst::new(true);
                assert_eq!(burst.send(&socket, &bytes, &lengths).unwrap(), 6);
                assert_eq!(burst.send(&socket, &bytes, &lengths[..2]).unwrap(), 2);
                let mut one = portable::Burst::new(true);
                assert_eq!(one.send(&socket, &bytes[8..], &lengths[5..]).unwrap(), 1);
                let mut buffer = [0u8; 16];
                for expected in ["abc", "def", "gh", "", "", "ijklm", "abc", "def", "ijklm"] {
                    let length = receiver.recv(&mut buffer).unwrap();
                    assert_eq!(&buffer[..length], expected.as_bytes());
                }
                #[cfg(target_os = "linux")]
                crate::net::set_option(&socket, libc::SOL_SOCKET, libc::SO_NO_CHECK, 1).unwrap();
            }
        }
    }
}
