//! Datagrams sent on under the address and port of whoever sent them first: whole IP packets on a raw socket.

use super::socket::{destinations, no_way, Refusal};
use crate::datagram::packet::{IPV4_HEADER, IPV6_HEADER, UDP, UDP_HEADER};
use crate::datagram::{self, Endpoint};
use crate::net::name_of;
#[cfg(target_os = "linux")]
use crate::net::{open_socket, set_option};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

const HOP_LIMIT: u8 = 64;
/// IPV6_HDRINCL of linux/in6.h: what is written begins with the IPv6 header.
#[cfg(target_os = "linux")]
const IPV6_HDRINCL: libc::c_int = 36;

/// Where packets go, known as soon as its name has been looked up.
pub type Destination = Arc<Mutex<Option<SocketAddr>>>;

/// Raw sockets to one host. They are opened once, while weir may, and connected as often as its ways change.
pub struct RawSockets {
    host: String,
    port: u16,
    /// One of each IP version that the host may have; why there is none of the other.
    v4: io::Result<UdpSocket>,
    v6: io::Result<UdpSocket>,
    destination: Destination,
}

impl RawSockets {
    /// The error text is for the user.
    pub fn open(host: &str, port: u16) -> Result<RawSockets, String> {
        let literal: Option<IpAddr> = host.parse().ok();
        let open_for = |is_v6: bool| match literal {
            Some(ip) if ip.is_ipv6() != is_v6 => Err(io::Error::other("the other IP version")),
            _ => open(is_v6),
        };
        let sockets = RawSockets {
            host: host.to_owned(),
            port,
            v4: open_for(false),
            v6: open_for(true),
            destination: Destination::default(),
        };
        match (&sockets.v4, &sockets.v6) {
            (Err(_), Err(why)) if literal.is_some_and(|ip| ip.is_ipv6()) => Err(sockets.refused(why)),
            (Err(why), Err(_)) => Err(sockets.refused(why)),
            _ => Ok(sockets),
        }
    }

    pub fn destination(&self) -> Destination {
        Arc::clone(&self.destination)
    }

    /// Looks the host up and connects.
    pub fn connect(&self) -> Result<UdpSocket, Refusal> {
        let to = destinations(&self.host, self.port)?[0];
        *self.destination.lock().unwrap() = Some(to);
        // Raw sockets know no ports.
        let peer = SocketAddr::new(to.ip(), 0);
        let socket = match if to.is_ipv4() { &self.v4 } else { &self.v6 } {
            Ok(socket) => socket,
            Err(why) => return Err(self.refused(why).into()),
        };
        socket
            .connect(peer)
            .and_then(|()| socket.try_clone())
            .map_err(|cause| Refusal {
                text: self.refused(&cause),
                may_pass: no_way(&cause),
            })
    }

    fn refused(&self, cause: &io::Error) -> String {
        let name = name_of(&self.host, self.port);
        let why = match cause.kind() {
            io::ErrorKind::PermissionDenied => "that needs root or CAP_NET_RAW".to_owned(),
            _ => cause.to_string(),
        };
        format!("cannot send to {name} with the source of others: {why}")
    }
}

#[cfg(target_os = "linux")]
fn open(is_v6: bool) -> io::Result<UdpSocket> {
    let any: IpAddr = if is_v6 {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    let socket = open_socket(SocketAddr::new(any, 0), libc::SOCK_RAW, libc::IPPROTO_RAW)?;
    if is_v6 {
        let on: libc::c_int = 1;
        set_option(&socket, libc::IPPROTO_IPV6, IPV6_HDRINCL, on)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(not(target_os = "linux"))]
fn open(_is_v6: bool) -> io::Result<UdpSocket> {
    Err(io::Error::other("this system is not supported"))
}

/// Packets to one destination in the making; the memory is used again.
pub struct Packets {
    destination: Destination,
    pub bytes: Vec<u8>,
    pub lengths: Vec<u32>,
}

impl Packets {
    pub fn new(destination: Destination) -> Packets {
        Packets {
            destination,
            bytes: Vec::new(),
            lengths: Vec::new(),
        }
    }

    /// Makes packets of the first `count` datagrams of a slot, in place of what was there. Says how many cannot be: of
    /// the other IP version than the destination, or too long. While the destination is not known they are empty, to fail
    /// where those without a way do. `None` when that is no slot.
    pub fn fill(&mut self, slot: &[u8], count: usize) -> Option<usize> {
        self.bytes.clear();
        self.lengths.clear();
        let mut impossible = 0;
        let destination = *self.destination.lock().unwrap();
        for at in 0..count {
            let entry = datagram::entry(slot, at)?;
            // Not a datagram: a connection has ended.
            if entry.payload.is_empty() && entry.session != 0 {
                continue;
            }
            match destination {
                None => self.lengths.push(0),
                Some(to) if self.append(to, entry.source, entry.payload) => {}
                Some(_) => impossible += 1,
            }
        }
        Some(impossible)
    }

    fn append(&mut self, destination: SocketAddr, source: Endpoint, payload: &[u8]) -> bool {
        let Ok(udp_length) = u16::try_from(UDP_HEADER + payload.len()) else {
            return false;
        };
        let start = self.bytes.len();
        let header = match (destination.ip(), source.ip()) {
            (IpAddr::V4(to), IpAddr::V4(from)) => {
                let Ok(length) = u16::try_from(IPV4_HEADER + usize::from(udp_length)) else {
                    return false;
                };
                // Identification and header checksum 0: the kernel fills them in.
                self.bytes.extend([0x45, 0]);
                self.bytes.extend(length.to_be_bytes());
                self.bytes.extend([0, 0, 0, 0, HOP_LIMIT, UDP, 0, 0]);
                self.bytes.extend(from.octets());
                self.bytes.extend(to.octets());
                IPV4_HEADER
            }
            (IpAddr::V6(to), IpAddr::V6(from)) => {
                self.bytes.extend([0x60, 0, 0, 0]);
                self.bytes.extend(udp_length.to_be_bytes());
                self.bytes.extend([UDP, HOP_LIMIT]);
                self.bytes.extend(from.octets());
                self.bytes.extend(to.octets());
                IPV6_HEADER
            }
            _ => return false,
        };
        let transport = self.bytes.len();
        for word in [source.port, destination.port(), udp_length, 0] {
            self.bytes.extend(word.to_be_bytes());
        }
        self.bytes.extend(payload);
        // The pseudo header: both addresses, which stand at the end of the IP header, length and protocol.
        let addresses = if header == IPV4_HEADER { 8 } else { 32 };
        let sum = sum_words(&self.bytes[transport - addresses..]) + u64::from(udp_length) + u64::from(UDP);
        let checksum = fold(sum);
        self.bytes[transport + 6..transport + 8].copy_from_slice(&checksum.to_be_bytes());
        self.lengths.push((self.bytes.len() - start) as u32);
        true
    }
}

/// Sum of the 16-bit words of `bytes`, an odd octet padded with zero.
fn sum_words(bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(2);
    let sum: u64 = chunks
        .by_ref()
        .map(|word| u64::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    sum + chunks.remainder().first().map_or(0, |&last| u64::from(last) << 8)
}

/// The Internet checksum (RFC 1071) as UDP sends it: 0 would say that there is none (RFC 768).
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    match !(sum as u16) {
        0 => 0xffff,
        checksum => checksum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datagram::{Counters, DatagramSlot, Origin};
    use crate::slots::{Next, SlotRing};

    fn packets(to: &str, from: Endpoint, payloads: &[&[u8]]) -> (Packets, usize) {
        let ring = SlotRing::new(1, 1 << 18, Box::new(|| {})).unwrap();
        let mut slot = DatagramSlot::acquire(&ring).unwrap();
        for payload in payloads {
            let origin = Origin {
                source: from,
                local_port: 1,
                received_ms: 0.0,
                listener: 0,
            };
            assert!(slot.push(payload, &origin));
        }
        slot.publish(&Counters::default());
        let Next::Slot(index) = ring.next() else {
            panic!("published")
        };
        // SAFETY: the slot is in our hands and lives as long as the ring.
        let bytes = unsafe { std::slice::from_raw_parts(ring.regions()[index].as_ptr(), ring.slot_bytes()) };
        let mut made = Packets::new(Arc::new(Mutex::new(to.parse().ok())));
        let impossible = made.fill(bytes, payloads.len()).unwrap();
        assert_eq!(made.fill(bytes, 1 << 20), None);
        made.fill(bytes, payloads.len());
        (made, impossible)
    }

    #[test]
    fn packets_have_source_ports_and_a_checksum_that_holds() {
        let v4 = Endpoint::v4([192, 0, 2, 7], 4000);
        let v6 = Endpoint::from("[2001:db8::7]:4000".parse::<SocketAddr>().unwrap());
        for (to, from, header) in [("198.51.100.9:9995", v4, 20), ("[2001:db8::9]:9995", v6, 40)] {
            let (made, impossible) = packets(to, from, &[b"abc", b"", b"defg"]);
            assert_eq!(impossible, 0);
            assert_eq!(
                made.lengths,
                [header as u32 + 11, header as u32 + 8, header as u32 + 12]
            );
            let packet = &made.bytes[..header + 11];
            assert_eq!(packet[header..header + 4], [0x0f, 0xa0, 0x27, 0x0b]);
            assert_eq!(&packet[header + 8..], b"abc");
            let addresses = if header == 20 { 8 } else { 32 };
            let sum = sum_words(&packet[header - addresses..]) + 11 + 17;
            let folded = (sum & 0xffff) + (sum >> 16);
            assert_eq!((folded & 0xffff) + (folded >> 16), 0xffff);
        }
    }

    #[test]
    fn what_cannot_be_is_counted() {
        let v4 = Endpoint::v4([192, 0, 2, 7], 4000);
        assert_eq!(packets("[::1]:1", v4, &[b"abc"]).1, 1);
        let (made, impossible) = packets("127.0.0.1:1", v4, &[&[0; 65_530], b"abc"]);
        assert_eq!((made.lengths.len(), impossible), (1, 1));
    }

    #[test]
    fn without_a_destination_they_are_empty_and_counted() {
        let (made, impossible) = packets("", Endpoint::v4([192, 0, 2, 7], 4000), &[b"abc", b"defg"]);
        assert_eq!((made.bytes.len(), made.lengths, impossible), (0, vec![0, 0], 0));
    }

    #[test]
    fn a_receiver_sees_the_first_sender() {
        for (host, from) in [
            ("127.0.0.1", Endpoint::v4([192, 0, 2, 7], 4000)),
            (
                "::1",
                Endpoint::from("[2001:db8::7]:4000".parse::<SocketAddr>().unwrap()),
            ),
        ] {
            let receiver = UdpSocket::bind((host, 0)).unwrap();
            let to = receiver.local_addr().unwrap();
            let Ok(sockets) = RawSockets::open(host, to.port()) else {
                // Not root.
                return;
            };
            let socket = sockets.connect().unwrap();
            assert_eq!(*sockets.destination().lock().unwrap(), Some(to));
            let (made, _) = packets(&to.to_string(), from, &[b"hello"]);
            socket.send(&made.bytes).unwrap();
            receiver
                .set_read_timeout(Some(std::time::Duration::from_secs(5)))
                .unwrap();
            let mut buffer = [0u8; 16];
            let (length, sender) = receiver.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"hello");
            assert_eq!(Endpoint::from(sender), from);
        }
    }
}
