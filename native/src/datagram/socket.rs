//! UDP sockets to receive on: bound, sized, and with their losses readable.

use super::multicast;
use crate::net::{get_option, name_of, open_socket, set_option};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, Weak};

/// Receive buffer asked for unless the user says otherwise: at 100 k datagrams/s the reader may be away for 0.2 s.
pub const DEFAULT_RECEIVE_BUFFER: usize = 32 << 20;

/// Has sockets of one address part senders among them. FreeBSD's SO_REUSEPORT gives everything to one of them.
#[cfg(target_os = "freebsd")]
const SHARE_SENDERS: libc::c_int = libc::SO_REUSEPORT_LB;
#[cfg(not(target_os = "freebsd"))]
const SHARE_SENDERS: libc::c_int = libc::SO_REUSEPORT;

const OFF: libc::c_int = 0;
const ON: libc::c_int = 1;

/// What is known of a listening socket from outside its thread. The socket closes when its thread lets go of it.
pub struct Listener {
    socket: Weak<UdpSocket>,
    pub port: u16,
    pub receive_buffer: usize,
    drops: Mutex<Drops>,
}

/// The kernel's counter of one socket has 32 bits and wraps.
#[derive(Default)]
struct Drops {
    last: u32,
    total: u64,
}

impl Listener {
    /// Binds `host:port`. `host` is an address, a name, or `*` (or nothing) for all addresses of both families; `::`
    /// receives IPv4 as well; a multicast group is joined, on the interface behind `%` if there is one. `shared` lets
    /// other sockets of this process have the same address: the kernel then parts senders among them. The error text is
    /// for the user.
    pub fn open(
        host: &str,
        port: u16,
        receive_buffer: usize,
        shared: bool,
    ) -> Result<(Arc<UdpSocket>, Listener), String> {
        let name = name_of(host, port);
        if let Some(group) = multicast::group_of(host).map_err(|why| format!("cannot listen on {name}: {why}"))? {
            let socket = bind(group.socket_address(port), receive_buffer, Sharing::Group)
                .and_then(|socket| group.join(&socket).map(|()| socket))
                .map_err(|cause| refusal_text(&name, port, &cause))?;
            return Listener::of(socket, &name);
        }
        let addresses = resolve(host, port).map_err(|cause| {
            format!("cannot listen on {name}: the host name does not resolve ({cause}): give an address of this host")
        })?;
        let sharing = if shared { Sharing::Workers } else { Sharing::None };
        let mut refusal = None;
        for address in addresses {
            match bind(address, receive_buffer, sharing) {
                Ok(socket) => return Listener::of(socket, &name),
                Err(cause) => refusal = refusal.or(Some(cause)),
            }
        }
        let cause = refusal.unwrap_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable));
        Err(refusal_text(&name, port, &cause))
    }

    fn of(socket: UdpSocket, name: &str) -> Result<(Arc<UdpSocket>, Listener), String> {
        let port = socket
            .local_addr()
            .map_err(|cause| format!("cannot listen on {name}: {cause}"))?
            .port();
        let socket = Arc::new(socket);
        let listener = Listener {
            socket: Arc::downgrade(&socket),
            port,
            receive_buffer: granted_buffer(&socket),
            drops: Mutex::default(),
        };
        Ok((socket, listener))
    }

    /// Datagrams the kernel dropped because the socket's buffer was full, so far.
    pub fn kernel_dropped(&self) -> u64 {
        let mut drops = self.drops.lock().unwrap();
        if let Some(now) = self.socket.upgrade().and_then(|socket| socket_drops(&socket)) {
            drops.total += u64::from(now.wrapping_sub(drops.last));
            drops.last = now;
        }
        drops.total
    }
}

fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if matches!(host, "" | "*") {
        // Dual-stack first; a host without IPv6 refuses it and gets the second.
        return Ok(vec![
            SocketAddr::from(([0u16; 8], port)),
            SocketAddr::from(([0u8; 4], port)),
        ]);
    }
    Ok((host, port).to_socket_addrs()?.collect())
}

fn refusal_text(name: &str, port: u16, cause: &io::Error) -> String {
    let remedy = match cause.kind() {
        io::ErrorKind::AddrInUse => {
            let names_it = command_that_names_owner(port);
            format!("the port is in use by another program: stop it (`{names_it}` names it) or take another port")
        }
        io::ErrorKind::AddrNotAvailable => {
            "the address is not one of this host's: use one that is, or * to listen on all".to_string()
        }
        io::ErrorKind::PermissionDenied => {
            "not permitted: ports below 1024 need root or CAP_NET_BIND_SERVICE, or take a higher port".to_string()
        }
        _ => cause.to_string(),
    };
    format!("cannot listen on {name}: {remedy}")
}

fn command_that_names_owner(port: u16) -> String {
    if cfg!(target_os = "linux") {
        format!("ss -ulpn 'sport = :{port}'")
    } else if cfg!(target_os = "freebsd") {
        format!("sockstat -l -P udp -p {port}")
    } else {
        format!("lsof -nP -iUDP:{port}")
    }
}

/// Who else may have the address of a socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    None,
    /// Each datagram goes to one of them, those of a sender always to the same.
    Workers,
    /// Each of a multicast group's receivers on this host gets every datagram.
    Group,
}

fn bind(address: SocketAddr, receive_buffer: usize, sharing: Sharing) -> io::Result<UdpSocket> {
    let socket = open_socket(address, libc::SOCK_DGRAM, libc::IPPROTO_UDP)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, OFF)?;
    }
    match sharing {
        Sharing::None => {}
        Sharing::Workers => set_option(&socket, libc::SOL_SOCKET, SHARE_SENDERS, ON)?,
        Sharing::Group => set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, ON)?,
    }
    set_receive_buffer(&socket, receive_buffer);
    #[cfg(target_os = "linux")]
    set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, ON)?;
    let (storage, length) = sockaddr_of(address);
    // SAFETY: `storage` is a whole socket address of `length` bytes.
    let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const storage).cast(), length) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(socket)
}

fn sockaddr_of(address: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: all bytes zero is a valid value of these plain C structures.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let length = match address {
        SocketAddr::V4(v4) => {
            // SAFETY: as above.
            let mut raw: libc::sockaddr_in = unsafe { std::mem::zeroed() };
            raw.sin_family = libc::AF_INET as libc::sa_family_t;
            raw.sin_port = v4.port().to_be();
            raw.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
            // SAFETY: a sockaddr_storage has room and alignment for every socket address.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in>().write(raw) };
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(v6) => {
            // SAFETY: as above.
            let mut raw: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
            raw.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            raw.sin6_port = v6.port().to_be();
            raw.sin6_flowinfo = v6.flowinfo();
            raw.sin6_addr.s6_addr = v6.ip().octets();
            raw.sin6_scope_id = v6.scope_id();
            // SAFETY: as above.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in6>().write(raw) };
            size_of::<libc::sockaddr_in6>()
        }
    };
    (storage, length as libc::socklen_t)
}

/// Asks for a buffer as large as it may be; what was granted is read back afterwards.
fn set_receive_buffer(socket: &UdpSocket, bytes: usize) {
    let mut ask = bytes.min(i32::MAX as usize / 2) as libc::c_int;
    // Root may exceed net.core.rmem_max; everybody else is cut to it without an error.
    #[cfg(target_os = "linux")]
    if set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, ask).is_ok() {
        return;
    }
    // The BSDs refuse what is too large instead of cutting it.
    while set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, ask).is_err() && ask > 64 * 1024 {
        ask /= 2;
    }
}

/// The granted buffer in the unit of the request: Linux reports twice of what it was asked for.
fn granted_buffer(socket: &UdpSocket) -> usize {
    let reported = get_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF).map_or(0, |[bytes]| bytes as usize);
    if cfg!(target_os = "linux") {
        reported / 2
    } else {
        reported
    }
}

/// The kernel's own drop counter of a socket. It is the one that SO_RXQ_OVFL sends along with datagrams, but can be read
/// when none come, and costs nothing per datagram.
#[cfg(target_os = "linux")]
fn socket_drops(socket: &UdpSocket) -> Option<u32> {
    /// SK_MEMINFO_VARS and SK_MEMINFO_DROPS of linux/sock_diag.h.
    const VARS: usize = 9;
    const DROPS: usize = 8;
    const SO_MEMINFO: libc::c_int = 55;
    let values = get_option::<VARS>(socket, libc::SOL_SOCKET, SO_MEMINFO).ok()?;
    Some(values[DROPS] as u32)
}

#[cfg(not(target_os = "linux"))]
fn socket_drops(_socket: &UdpSocket) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_place_and_a_remedy() {
        let (socket, listener) = Listener::open("127.0.0.1", 0, 100_000, false).unwrap();
        let text = Listener::open("127.0.0.1", listener.port, 0, false).err().unwrap();
        assert!(
            text.contains(&format!("127.0.0.1:{}", listener.port)) && text.contains("in use"),
            "{text}"
        );
        drop(socket);
        assert!(Listener::open("127.0.0.1", listener.port, 0, false).is_ok());
        let text = Listener::open("192.0.2.77", 9995, 0, false).err().unwrap();
        assert!(
            text.contains("192.0.2.77:9995") && text.contains("not one of this host's"),
            "{text}"
        );
        let text = Listener::open("no.such.host.invalid", 9995, 0, false).err().unwrap();
        assert!(
            text.contains("no.such.host.invalid:9995") && text.contains("does not resolve"),
            "{text}"
        );
        let denied = refusal_text("*:100", 100, &io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(denied.contains("below 1024"), "{denied}");
    }

    #[test]
    fn the_granted_buffer_has_the_unit_of_the_request() {
        let (_socket, listener) = Listener::open("127.0.0.1", 0, 100_000, false).unwrap();
        assert_eq!(listener.receive_buffer, 100_000);
    }
}
