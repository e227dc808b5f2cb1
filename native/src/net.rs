//! Sockets and interfaces, beyond what the standard library knows of them.

use std::ffi::CString;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// `host:port`, with brackets around an IPv6 address.
pub fn name_of(host: &str, port: u16) -> String {
    match host {
        "" | "*" => format!("*:{port}"),
        _ if host.contains(':') => format!("[{host}]:{port}"),
        _ => format!("{host}:{port}"),
    }
}

/// An unbound socket of the family of `address`, which no program inherits that this one starts. Only calls that any
/// socket takes may be made on one of another kind than datagrams.
pub fn open_socket(address: SocketAddr, kind: libc::c_int, protocol: libc::c_int) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    // At once where the system can: another thread may start a program before `close_on_exec` is called.
    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    let kind = kind | libc::SOCK_CLOEXEC;
    // SAFETY: creates a descriptor, which nobody else owns yet.
    let socket = unsafe {
        let fd = libc::socket(family, kind, protocol);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        UdpSocket::from(OwnedFd::from_raw_fd(fd))
    };
    close_on_exec(socket.as_raw_fd());
    Ok(socket)
}

/// Keeps a descriptor from the programs that this one starts: it would stay open for as long as they run.
pub fn close_on_exec(descriptor: RawFd) {
    // SAFETY: a call without pointers, which at worst names a descriptor that is not open.
    unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
}

/// Sets an option whose value is a plain C value.
pub fn set_option<T: Copy>(socket: &UdpSocket, level: libc::c_int, name: libc::c_int, value: T) -> io::Result<()> {
    // SAFETY: the kernel reads `size_of::<T>()` bytes of `value`, which outlives the call.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reads an option that is made of `N` numbers.
pub fn get_option<const N: usize>(
    socket: &UdpSocket,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<[libc::c_int; N]> {
    let mut values = [0; N];
    let mut length = size_of_val(&values) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `values`.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            name,
            values.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if done != 0 {
        Err(io::Error::last_os_error())
    } else if length as usize != size_of_val(&values) {
        Err(io::Error::from(io::ErrorKind::InvalidData))
    } else {
        Ok(values)
    }
}

/// The number of an interface, which may be given as such; `None` if this host has none of that name.
pub fn interface_index(name: &str) -> Option<u32> {
    if let Ok(index) = name.parse() {
        return Some(index);
    }
    let name = CString::new(name).ok()?;
    // SAFETY: a C string that outlives the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_brackets_around_ipv6() {
        assert_eq!(name_of("::1", 1), "[::1]:1");
        assert_eq!(name_of("", 1), "*:1");
        assert_eq!(name_of("host", 1), "host:1");
    }

    #[test]
    fn sockets_are_not_inherited_and_their_options_are_read_back() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let address: SocketAddr = address.parse().unwrap();
            let socket = open_socket(address, libc::SOCK_DGRAM, libc::IPPROTO_UDP).unwrap();
            // SAFETY: a call without pointers.
            let flags = unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_GETFD) };
            assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
            let get = || get_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR);
            assert_eq!(get().unwrap(), [0]);
            set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1 as libc::c_int).unwrap();
            assert_ne!(get().unwrap(), [0]);
            assert!(set_option(&socket, libc::SOL_SOCKET, -1, 1 as libc::c_int).is_err());
            assert!(get_option::<1>(&socket, libc::SOL_SOCKET, -1).is_err());
            // Shorter than asked for.
            assert!(get_option::<2>(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR).is_err());
        }
    }

    #[test]
    fn interfaces_have_names_and_numbers() {
        assert_eq!(interface_index("7"), Some(7));
        assert_eq!(interface_index("no-such-if"), None);
        assert_eq!(interface_index("a\0b"), None);
        #[cfg(target_os = "linux")]
        assert_eq!(interface_index("lo"), Some(1));
    }
}
