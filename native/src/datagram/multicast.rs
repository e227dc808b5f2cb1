//! Multicast groups as places to receive on.

use crate::net::{interface_index, set_option};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};

/// A group, and the interface that it is joined on; 0 leaves the choice to the routing table.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    address: IpAddr,
    interface: u32,
}

/// Reads `GROUP` or `GROUP%INTERFACE`, the interface by name or number; `None` when it is no multicast address. The
/// error text is for the user.
pub fn group_of(host: &str) -> Result<Option<Group>, String> {
    let (address, zone) = match host.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (host, None),
    };
    let Some(address) = address.parse::<IpAddr>().ok().filter(IpAddr::is_multicast) else {
        return Ok(None);
    };
    let interface = match zone {
        None => 0,
        Some(name) => interface_index(name).ok_or_else(|| format!("there is no interface {name}"))?,
    };
    if interface == 0 && matches!(address, IpAddr::V6(v6) if is_link_local(v6)) {
        return Err(format!("the group {address} is of one link: give {address}%INTERFACE"));
    }
    Ok(Some(Group { address, interface }))
}

impl Group {
    /// What to bind: the group itself, so that nothing else comes.
    pub fn socket_address(&self, port: u16) -> SocketAddr {
        match self.address {
            IpAddr::V4(v4) => SocketAddrV4::new(v4, port).into(),
            IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, self.interface).into(),
        }
    }

    pub fn join(&self, socket: &UdpSocket) -> io::Result<()> {
        let group = match self.address {
            IpAddr::V6(v6) => return socket.join_multicast_v6(&v6, self.interface),
            IpAddr::V4(v4) => v4,
        };
        let request = libc::ip_mreqn {
            imr_multiaddr: libc::in_addr {
                s_addr: u32::from_ne_bytes(group.octets()),
            },
            imr_address: libc::in_addr { s_addr: 0 },
            imr_ifindex: self.interface as libc::c_int,
        };
        set_option(socket, libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP, request)
    }
}

/// Interface-local and link-local groups (RFC 4291 section 2.7).
fn is_link_local(group: Ipv6Addr) -> bool {
    matches!(group.octets()[1] & 0x0f, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_told_from_hosts() {
        for host in ["*", "", "10.0.0.1", "::", "fe80::1%1", "a.host.name"] {
            assert_eq!(group_of(host), Ok(None), "{host}");
        }
        let group = |text: &str| group_of(text).unwrap().unwrap();
        assert_eq!(group("239.1.2.3").socket_address(5).to_string(), "239.1.2.3:5");
        assert_eq!(group("ff02::5%1").socket_address(5).to_string(), "[ff02::5%1]:5");
        assert_eq!(group("ff0e::5").interface, 0);
        assert!(group_of("ff02::5").unwrap_err().contains("ff02::5%INTERFACE"));
        assert!(group_of("239.1.2.3%no such").unwrap_err().contains("no interface"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_group_is_received_on_its_interface() {
        use crate::datagram::socket::Listener;
        let (socket, listener) = Listener::open("239.255.77.77%lo", 0, 1 << 16, false).unwrap();
        // A second receiver of the group on this host.
        let (other, _) = Listener::open("239.255.77.77%lo", listener.port, 1 << 16, false).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let request = libc::in_addr {
            s_addr: u32::from_ne_bytes([127, 0, 0, 1]),
        };
        set_option(&sender, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, request).unwrap();
        sender.send_to(b"all", ("239.255.77.77", listener.port)).unwrap();
        let mut buffer = [0u8; 8];
        for receiver in [socket, other] {
            let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
            loop {
                match receiver.recv(&mut buffer) {
                    Ok(length) => break assert_eq!(&buffer[..length], b"all"),
                    Err(_) => assert!(std::time::Instant::now() < end, "nothing came"),
                }
                std::thread::yield_now();
            }
        }
    }
}
