//! A connected UDP socket that sends many datagrams in one system call where the system can.

use crate::net::name_of;
use crate::udp_sender::ip_options::IpOptions;
use std::ffi::CStr;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::fd::AsRawFd;

/// Why there is no socket.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For the user.
    pub text: String,
    /// It is a matter of the network at the moment, not of what was asked for.
    pub may_pass: bool,
}

/// Opens a socket connected to `host:port`, from `source_host` if given.
pub fn connect(host: &str, port: u16, source_host: Option<&str>, options: &IpOptions) -> Result<UdpSocket, Refusal> {
    let mut refusal = None;
    for destination in destinations(host, port)? {
        match connect_to(destination, source_host, options) {
            Ok(socket) => return Ok(socket),
            Err(Refusal { text, may_pass }) => {
                refusal = Some(Refusal {
                    text: format!("cannot send to {}: {text}", name_of(host, port)),
                    may_pass,
                });
            }
        }
    }
    Err(refusal.expect("one address at least"))
}

/// The addresses of `host:port`, one at least.
pub fn destinations(host: &str, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
    let refusal = |why: String, may_pass: bool| Refusal {
        text: format!("cannot send to {}: the host name {why}", name_of(host, port)),
        may_pass,
    };
    match lookup(host, port) {
        Ok(found) if found.is_empty() => Err(refusal("has no address".to_string(), false)),
        Ok(found) => Ok(found),
        Err(cause) if no_answer(&cause) => Err(refusal(format!("cannot be looked up now ({cause})"), true)),
        Err(cause) => Err(refusal(format!("does not resolve ({cause}): give an address"), false)),
    }
}

/// Whether no name server has answered. The standard library keeps the text alone of what the system says of a look-up.
fn no_answer(cause: &io::Error) -> bool {
    // SAFETY: gives a text that stays.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(libc::EAI_AGAIN)) };
    cause.to_string().ends_with(&*text.to_string_lossy())
}

/// Whether there is no way to an address at the moment.
pub fn no_way(cause: &io::Error) -> bool {
    matches!(
        cause.raw_os_error(),
        // The last one, of `connect`, is for want of an address to send from.
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN | libc::EADDRNOTAVAIL)
    )
}

fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

fn connect_to(destination: SocketAddr, source_host: Option<&str>, options: &IpOptions) -> Result<UdpSocket, Refusal> {
    let source = match source_host {
        Some(host) => {
            let family = if destination.is_ipv4() { "IPv4" } else { "IPv6" };
            lookup(host, 0)
                .map_err(|cause| format!("the source {host} does not resolve ({cause}): give an address of this host"))?
                .into_iter()
                .find(|source| source.is_ipv4() == destination.is_ipv4())
                .ok_or_else(|| format!("the source {host} has no {family} address, but the destination is {family}"))?
        }
        None if destination.is_ipv4() => SocketAddr::from(([0u8; 4], 0)),
        None => SocketAddr::from(([0u16; 8], 0)),
    };
    let socket = UdpSocket::bind(source).map_err(|cause| match source_host {
        Some(host) if cause.kind() == io::ErrorKind::AddrNotAvailable => {
            format!("the source {host} is not an address of this host")
        }
        _ => format!("cannot bind {source}: {cause}"),
    })?;
    options.apply(&socket, destination.ip())?;
    socket.connect(destination).map_err(|cause| Refusal {
        text: cause.to_string(),
        may_pass: no_way(&cause),
    })?;
    socket.set_nonblocking(true).map_err(|cause| cause.to_string())?;
    Ok(socket)
}

impl From<String> for Refusal {
    /// Of what is wrong with what was asked for.
    fn from(text: String) -> Refusal {
        Refusal { text, may_pass: false }
    }
}

/// Longest UDP payload that goes to the connected address unfragmented, by the path MTU as the kernel knows it; `None`
/// where it does not tell.
#[cfg(target_os = "linux")]
pub fn max_payload(socket: &UdpSocket) -> Option<u32> {
    const IPV4_UDP_HEADERS: u32 = 28;
    const IPV6_UDP_HEADERS: u32 = 48;
    let (level, option, headers) = match socket.peer_addr().ok()? {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU, IPV4_UDP_HEADERS),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU, IPV6_UDP_HEADERS),
    };
    // The loopback interface's MTU is above what an IP packet can have.
    let [mtu] = crate::net::get_option(socket, level, option).ok()?;
    Some((mtu.clamp(0, 65_535) as u32).saturating_sub(headers))
}

#[cfg(not(target_os = "linux"))]
pub fn max_payload(_socket: &UdpSocket) -> Option<u32> {
    None
}

/// Waits until the socket takes a datagram, at most `timeout_ms`.
pub fn wait_writable(socket: &UdpSocket, timeout_ms: u16) {
    let mut entry = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one entry, and the kernel writes only its `revents`. Whatever it answers, the caller sends again.
    unsafe { libc::poll(&raw mut entry, 1, libc::c_int::from(timeout_ms)) };
}

/// Most datagrams one call sends.
pub const MAX_BURST: usize = 64;

#[cfg(target_os = "linux")]
pub struct Burst {
    headers: Vec<libc::mmsghdr>,
    vectors: Vec<libc::iovec>,
}

// SAFETY: its pointers are set before each use and mean nothing between.
#[cfg(target_os = "linux")]
unsafe impl Send for Burst {}

#[cfg(target_os = "linux")]
impl Default for Burst {
    fn default() -> Burst {
        // SAFETY: all bytes zero is a valid value of these plain C structures.
        unsafe {
            Burst {
                headers: vec![std::mem::zeroed(); MAX_BURST],
                vectors: vec![std::mem::zeroed(); MAX_BURST],
            }
        }
    }
}

#[cfg(target_os = "linux")]
impl Burst {
    /// Sends the datagrams that stand one after another in `bytes`, at most `MAX_BURST`; says how many went out. An
    /// error means that the first of them did not.
    pub fn send(&mut self, socket: &UdpSocket, mut bytes: &[u8], lengths: &[u32]) -> io::Result<usize> {
        let count = lengths.len().min(MAX_BURST);
        for (i, &length) in lengths.iter().take(count).enumerate() {
            let (datagram, rest) = bytes.split_at(length as usize);
            bytes = rest;
            self.vectors[i] = libc::iovec {
                iov_base: datagram.as_ptr().cast_mut().cast(),
                iov_len: datagram.len(),
            };
            self.headers[i].msg_hdr.msg_iov = &raw mut self.vectors[i];
            self.headers[i].msg_hdr.msg_iovlen = 1;
        }
        // SAFETY: `count` headers describe slices that outlive the call; sendmmsg only reads them.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT as _,
            )
        };
        if sent < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(sent as usize)
        }
    }
}

/// For systems without sendmmsg: one datagram a call. Compiled for the tests everywhere, so that it stays whole.
#[cfg(any(test, not(target_os = "linux")))]
pub mod portable {
    use std::io;
    use std::net::UdpSocket;

    #[derive(Default)]
    pub struct Burst {}

    impl Burst {
        pub fn send(&mut self, socket: &UdpSocket, bytes: &[u8], lengths: &[u32]) -> io::Result<usize> {
            socket.send(&bytes[..lengths[0] as usize])?;
            Ok(1)
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub use portable::Burst;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_arrive_whole_and_in_order() {
        for host in ["127.0.0.1", "::1"] {
            let receiver = UdpSocket::bind((host, 0)).unwrap();
            let port = receiver.local_addr().unwrap().port();
            let socket = connect(host, port, Some(host), &IpOptions::default()).unwrap();
            assert!(max_payload(&socket).is_none_or(|bytes| (1232..=65_507).contains(&bytes)));
            let lengths = [3u32, 0, 5];
            let bytes = *b"abcdefgh";
            assert_eq!(Burst::default().send(&socket, &bytes, &lengths).unwrap(), 3);
            assert_eq!(
                portable::Burst::default()
                    .send(&socket, &bytes[3..], &lengths[2..])
                    .unwrap(),
                1
            );
            let mut buffer = [0u8; 16];
            for expected in ["abc", "", "defgh", "defgh"] {
                let length = receiver.recv(&mut buffer).unwrap();
                assert_eq!(&buffer[..length], expected.as_bytes());
            }
        }
    }

    #[test]
    fn refusals_name_the_place() {
        let refused =
            |host: &str, source: Option<&str>| connect(host, 9995, source, &IpOptions::default()).unwrap_err();
        let Refusal { text, may_pass } = refused("no.such.host.invalid", None);
        assert!(text.contains("no.such.host.invalid:9995"), "{text}");
        // As the name server of this host answers, or does not.
        assert_eq!(text.contains("does not resolve"), !may_pass, "{text}");
        let Refusal { text, may_pass } = refused("127.0.0.1", Some("192.0.2.77"));
        assert!(
            text.contains("127.0.0.1:9995") && text.contains("192.0.2.77 is not an address") && !may_pass,
            "{text}"
        );
        let Refusal { text, may_pass } = refused("127.0.0.1", Some("::1"));
        assert!(text.contains("no IPv4 address") && !may_pass, "{text}");
    }

    #[test]
    fn what_may_pass_is_told_from_what_is_wrong() {
        // SAFETY: gives a text that stays.
        let text = |code| unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_string_lossy();
        let cause = |code| io::Error::other(format!("failed to lookup address information: {}", text(code)));
        assert!(no_answer(&cause(libc::EAI_AGAIN)));
        assert!(!no_answer(&cause(libc::EAI_NONAME)));
        assert!(no_way(&io::Error::from_raw_os_error(libc::ENETUNREACH)));
        assert!(!no_way(&io::Error::from_raw_os_error(libc::EACCES)));
    }

    #[test]
    fn multicast_leaves_by_the_interface_named() {
        let receiver = UdpSocket::bind("0.0.0.0:0").unwrap();
        let group = "239.255.7.7";
        let loopback = "127.0.0.1".parse().unwrap();
        receiver.join_multicast_v4(&group.parse().unwrap(), &loopback).unwrap();
        let port = receiver.local_addr().unwrap().port();
        // Interface 1 is the loopback interface.
        let options = IpOptions {
            multicast_interface: Some("1".to_string()),
            ttl: Some(3),
            dscp: None,
        };
        let socket = connect(group, port, None, &options).unwrap();
        Burst::default().send(&socket, b"flows", &[5]).unwrap();
        let timeout = std::time::Duration::from_secs(5);
        receiver.set_read_timeout(Some(timeout)).unwrap();
        assert_eq!(receiver.recv(&mut [0u8; 16]).unwrap(), 5);
    }
}
