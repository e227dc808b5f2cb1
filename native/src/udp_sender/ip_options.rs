//! Settings of the IP header of sent datagrams, and the way of multicast.

use crate::net::{interface_index, set_option};
use std::io;
use std::net::{IpAddr, UdpSocket};

/// What is left as it is by default.
#[derive(Debug, Default, Clone)]
pub struct IpOptions {
    /// DiffServ code point, 0 to 63.
    pub dscp: Option<u8>,
    /// Time to live or hop limit, of multicast as of other datagrams.
    pub ttl: Option<u8>,
    /// Name or number of the interface that multicast leaves by.
    pub multicast_interface: Option<String>,
}

impl IpOptions {
    /// To be called before the socket is connected, which looks up the route. The error text is for the user.
    pub fn apply(&self, socket: &UdpSocket, destination: IpAddr) -> Result<(), String> {
        let v4 = destination.is_ipv4();
        if let Some(dscp) = self.dscp {
            let (level, name) = if v4 {
                (libc::IPPROTO_IP, libc::IP_TOS)
            } else {
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
            };
            set_option(socket, level, name, libc::c_int::from(dscp) << 2)
                .map_err(|cause| format!("DSCP {dscp}: {cause}"))?;
        }
        if let Some(ttl) = self.ttl {
            set_ttl(socket, destination, ttl).map_err(|cause| format!("TTL {ttl}: {cause}"))?;
        }
        match &self.multicast_interface {
            Some(name) if destination.is_multicast() => {
                let index = interface_index(name).ok_or_else(|| format!("this host has no interface {name}"))?;
                set_multicast_interface(socket, v4, index).map_err(|cause| format!("interface {name}: {cause}"))
            }
            _ => Ok(()),
        }
    }
}

fn set_ttl(socket: &UdpSocket, destination: IpAddr, ttl: u8) -> io::Result<()> {
    let value = libc::c_int::from(ttl);
    match (destination.is_ipv4(), destination.is_multicast()) {
        (true, false) => socket.set_ttl(u32::from(ttl)),
        (true, true) => socket.set_multicast_ttl_v4(u32::from(ttl)),
        (false, false) => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, value),
        (false, true) => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, value),
    }
}

fn set_multicast_interface(socket: &UdpSocket, v4: bool, index: u32) -> io::Result<()> {
    if !v4 {
        return set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF, index);
    }
    let by_index = libc::ip_mreqn {
        imr_multiaddr: libc::in_addr { s_addr: 0 },
        imr_address: libc::in_addr { s_addr: 0 },
        imr_ifindex: index as libc::c_int,
    };
    set_option(socket, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, by_index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::get_option;

    #[test]
    fn code_point_and_hops_of_both_families_and_kinds() {
        let options = IpOptions {
            dscp: Some(46),
            ttl: Some(7),
            multicast_interface: None,
        };
        let (v4, v6) = (libc::IPPROTO_IP, libc::IPPROTO_IPV6);
        for (local, destination, level, class, hops) in [
            ("127.0.0.1:0", "127.0.0.1", v4, libc::IP_TOS, libc::IP_TTL),
            ("127.0.0.1:0", "239.1.2.3", v4, libc::IP_TOS, libc::IP_MULTICAST_TTL),
            ("[::1]:0", "::1", v6, libc::IPV6_TCLASS, libc::IPV6_UNICAST_HOPS),
            ("[::1]:0", "ff05::1", v6, libc::IPV6_TCLASS, libc::IPV6_MULTICAST_HOPS),
        ] {
            let socket = UdpSocket::bind(local).unwrap();
            options.apply(&socket, destination.parse().unwrap()).unwrap();
            assert_eq!(get_option(&socket, level, class).unwrap(), [46 << 2]);
            assert_eq!(get_option(&socket, level, hops).unwrap(), [7]);
        }
    }

    #[test]
    fn an_interface_that_is_not_there() {
        let options = IpOptions {
            multicast_interface: Some("no-such-if".to_string()),
            ..IpOptions::default()
        };
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let text = options.apply(&socket, "239.1.2.3".parse().unwrap()).unwrap_err();
        assert_eq!(text, "this host has no interface no-such-if");
        assert!(options.apply(&socket, "127.0.0.1".parse().unwrap()).is_ok());
    }
}
