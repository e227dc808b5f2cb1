//! Link layers, and the tags and labels between them and IP.
//!
//! A link layer ends in an ethertype; `walk` goes on from there. So every link type knows every tag, and a tunnel that
//! carries frames or ethertypes can start at the same places.

use super::details::{mac, Link, Notes};
use super::{u16_at, u32_at};
use crate::capture_file::Direction;

/// `Network::Ip` of a layer that does not tell the version; the packet's first nibble does.
pub const ANY_VERSION: u8 = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// An IP header should begin at `at`.
    Ip { at: usize, version: u8 },
    /// Something else; 0 if it has no ethertype.
    Other(u16),
    /// The bytes end before that can be told.
    Short,
}

/// What the link layer says about a frame.
pub struct Located {
    pub network: Network,
    pub direction: Option<Direction>,
    pub interface: Option<u32>,
}

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const VLAN_SERVICE: u16 = 0x88a8;
const VLAN_OLD_1: u16 = 0x9100;
const VLAN_OLD_2: u16 = 0x9200;
const VLAN_OLD_3: u16 = 0x9300;
pub(super) const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const PPP: u16 = 0x880b;
/// Below, the field is the length of an LLC frame (IEEE 802.3).
const FIRST_ETHER_TYPE: u16 = 0x0600;

/// Tags, label stacks and PPPoE headers gone through at most: more is an attack on the decoder's time.
const MAX_DEPTH: usize = 16;

const NULL: u16 = 0;
pub(super) const ETHERNET: u16 = 1;
const PPP_BARE: u16 = 9;
const RAW_BSD: u16 = 12;
const RAW_OPENBSD: u16 = 14;
const PPP_SERIAL: u16 = 50;
const PPP_ETHER: u16 = 51;
const RAW: u16 = 101;
const CISCO_HDLC: u16 = 104;
const LOOP: u16 = 108;
const LINUX_SLL: u16 = 113;
/// MPLS from its first label.
const MPLS_BARE: u16 = 219;
const RAW_IPV4: u16 = 228;
const RAW_IPV6: u16 = 229;
const LINUX_SLL2: u16 = 276;

/// Names of types that captures are often made with, for the text that says they are not supported.
const UNSUPPORTED: [(u16, &str); 12] = [
    (10, "FDDI"),
    (105, "IEEE802_11"),
    (119, "IEEE802_11_PRISM"),
    (127, "IEEE802_11_RADIOTAP"),
    (163, "IEEE802_11_AVS"),
    (189, "USB_LINUX"),
    (195, "IEEE802_15_4_WITHFCS"),
    (201, "BLUETOOTH_HCI_H4_WITH_PHDR"),
    (220, "USB_LINUX_MMAPPED"),
    (239, "NFLOG"),
    (253, "NETLINK"),
    (258, "PKTAP"),
];

/// Whether `locate` knows the type, a LINKTYPE_ number (or DLT_RAW as the systems number it).
pub fn supported(link_type: u16) -> bool {
    matches!(
        link_type,
        NULL | ETHERNET
            | PPP_BARE
            | RAW_BSD
            | RAW_OPENBSD
            | PPP_SERIAL
            | PPP_ETHER
            | RAW
            | CISCO_HDLC
            | LOOP
            | LINUX_SLL
            | MPLS_BARE
            | RAW_IPV4
            | RAW_IPV6
            | LINUX_SLL2
    )
}

/// The text for the user.
pub fn not_supported(link_type: u16) -> String {
    match UNSUPPORTED.iter().find(|&&(number, _)| number == link_type) {
        Some((_, name)) => format!("link type {link_type} ({name}) is not supported"),
        None => format!("link type {link_type} is not supported"),
    }
}

#[inline]
pub fn locate<'a>(link_type: u16, data: &[u8], notes: &mut impl Notes<'a>) -> Located {
    if link_type == ETHERNET {
        return Located {
            network: ethernet(data, notes),
            direction: None,
            interface: None,
        };
    }
    locate_other(link_type, data, notes)
}

/// Addresses of the link layer, where it has such of 48 bits.
pub fn note_macs(link_type: u16, data: &[u8], link: &mut Link) {
    const MAC_LENGTH: u16 = 6;
    match link_type {
        ETHERNET if data.len() >= 12 => {
            link.dst_mac = mac(&data[..6]);
            link.src_mac = mac(&data[6..12]);
        }
        LINUX_SLL if data.len() >= 16 && u16_at(data, 4) == MAC_LENGTH => link.src_mac = mac(&data[6..12]),
        LINUX_SLL2 if data.len() >= 20 && u16::from(data[11]) == MAC_LENGTH => link.src_mac = mac(&data[12..18]),
        _ => {}
    }
}

fn locate_other<'a>(link_type: u16, data: &[u8], notes: &mut impl Notes<'a>) -> Located {
    let (mut direction, mut interface) = (None, None);
    let network = match link_type {
        NULL | LOOP => loopback(data),
        PPP_BARE | PPP_SERIAL => ppp(data, 0, PPP, notes),
        RAW | RAW_BSD | RAW_OPENBSD => Network::Ip {
            at: 0,
            version: ANY_VERSION,
        },
        PPP_ETHER => walk(PPPOE_SESSION, data, 0, notes),
        CISCO_HDLC => match data.len() {
            0..4 => Network::Short,
            _ => walk(u16_at(data, 2), data, 4, notes),
        },
        LINUX_SLL => match data.len() {
            0..16 => Network::Short,
            _ => {
                direction = Some(Direction::of_packet_type(u16_at(data, 0)));
                cooked(u16_at(data, 2), u16_at(data, 14), data, 16, notes)
            }
        },
        LINUX_SLL2 => match data.len() {
            0..20 => Network::Short,
            _ => {
                direction = Some(Direction::of_packet_type(u16::from(data[10])));
                interface = Some(u32_at(data, 4));
                cooked(u16_at(data, 8), u16_at(data, 0), data, 20, notes)
            }
        },
        MPLS_BARE => mpls(MPLS, data, 0, notes),
        RAW_IPV4 => Network::Ip { at: 0, version: 4 },
        RAW_IPV6 => Network::Ip { at: 0, version: 6 },
        _ => Network::Other(0),
    };
    Located {
        network,
        direction,
        interface,
    }
}

#[inline]
fn ethernet<'a>(data: &[u8], notes: &mut impl Notes<'a>) -> Network {
    if data.len() < 14 {
        return Network::Short;
    }
    match u16_at(data, 12) {
        IPV4 => Network::Ip { at: 14, version: 4 },
        IPV6 => Network::Ip { at: 14, version: 6 },
        ether_type => walk(ether_type, data, 14, notes),
    }
}

/// What `ether_type` announces at `at`, through tags, labels and PPPoE.
pub(super) fn walk<'a>(mut ether_type: u16, data: &[u8], mut at: usize, notes: &mut impl Notes<'a>) -> Network {
    for _ in 0..MAX_DEPTH {
        match ether_type {
            IPV4 => return Network::Ip { at, version: 4 },
            IPV6 => return Network::Ip { at, version: 6 },
            tag if is_tag(tag) => {
                if data.len() < at + 4 {
                    return Network::Short;
                }
                notes.vlan(u16_at(data, at));
                ether_type = u16_at(data, at + 2);
                at += 4;
            }
            MPLS | MPLS_MULTICAST => return mpls(ether_type, data, at, notes),
            // Version and type, code, session, length; PPP without address and control follows.
            PPPOE_SESSION => return ppp(data, at + 6, PPPOE_SESSION, notes),
            PPP => return ppp(data, at, PPP, notes),
            0..FIRST_ETHER_TYPE => {
                // LLC; SNAP with Ethernet's own or the bridge tunnel's organisation code has an ethertype again.
                let Some(llc) = data.get(at..at + 8) else {
                    return Network::Other(0);
                };
                if !matches!(llc[..6], [0xaa, 0xaa, 3, 0, 0, 0 | 0xf8]) {
                    return Network::Other(0);
                }
                ether_type = u16_at(llc, 6);
                at += 8;
                if ether_type < FIRST_ETHER_TYPE {
                    return Network::Other(0);
                }
            }
            other => return Network::Other(other),
        }
    }
    Network::Other(ether_type)
}

/// The label stack does not name what it carries: below the last label, the first nibble tells IP from the rest
/// (RFC 4928), which is a pseudowire as a rule.
fn mpls<'a>(ether_type: u16, data: &[u8], mut at: usize, notes: &mut impl Notes<'a>) -> Network {
    for _ in 0..MAX_DEPTH {
        if data.len() < at + 5 {
            return Network::Short;
        }
        let bottom = data[at + 2] & 1 != 0;
        notes.label(u32_at(data, at));
        at += 4;
        if bottom {
            return match data[at] >> 4 {
                version @ (4 | 6) => Network::Ip { at, version },
                _ => pseudowire(data, at, notes).unwrap_or(Network::Other(ether_type)),
            };
        }
    }
    Network::Other(ether_type)
}

/// A frame on a pseudowire (RFC 4448), behind a control word or without one. Nothing says that it is one, so it is where IP
/// follows; a label stack within, which may hold another, is not looked into.
fn pseudowire<'a>(data: &[u8], at: usize, notes: &mut impl Notes<'a>) -> Option<Network> {
    let ether_type = |at: usize| data.get(at..at + 2).map(|bytes| u16_at(bytes, 0));
    let behind_control_word = (data.get(at)? >> 4 == 0).then_some(at + 4);
    for frame in behind_control_word.into_iter().chain([at]) {
        let mut end = frame + 12;
        let mut tags = 0;
        while tags < MAX_DEPTH && ether_type(end).is_some_and(is_tag) {
            end += 4;
            tags += 1;
        }
        let version = match ether_type(end) {
            Some(IPV4) => 4,
            Some(IPV6) => 6,
            _ => continue,
        };
        if data.get(end + 2).is_some_and(|first| first >> 4 == version) {
            for tag in 0..tags {
                notes.vlan(u16_at(data, frame + 14 + 4 * tag));
            }
            return Some(Network::Ip { at: end + 2, version });
        }
    }
    None
}

fn is_tag(ether_type: u16) -> bool {
    matches!(ether_type, VLAN | VLAN_SERVICE | VLAN_OLD_1 | VLAN_OLD_2 | VLAN_OLD_3)
}

/// PPP from its address and control bytes, or without them, to the protocol (one byte if compressed, RFC 1661).
fn ppp<'a>(data: &[u8], mut at: usize, ether_type: u16, notes: &mut impl Notes<'a>) -> Network {
    if data.get(at..at + 2) == Some(&[0xff, 0x03]) {
        at += 2;
    }
    let Some(&first) = data.get(at) else {
        return Network::Short;
    };
    let protocol = if first & 1 != 0 {
        at += 1;
        u16::from(first)
    } else {
        if data.len() < at + 2 {
            return Network::Short;
        }
        at += 2;
        u16_at(data, at - 2)
    };
    match protocol {
        0x0021 => Network::Ip { at, version: 4 },
        0x0057 => Network::Ip { at, version: 6 },
        0x0281 => mpls(MPLS, data, at, notes),
        0x0283 => mpls(MPLS_MULTICAST, data, at, notes),
        _ => Network::Other(ether_type),
    }
}

/// An address family, in the order of the machine that captured (NULL) or of the network (LOOP).
fn loopback(data: &[u8]) -> Network {
    if data.len() < 4 {
        return Network::Short;
    }
    let family = u32_at(data, 0);
    let family = if family > 0xffff { family.swap_bytes() } else { family };
    match family {
        2 => Network::Ip { at: 4, version: 4 },
        // Linux; NetBSD and OpenBSD; FreeBSD; macOS.
        10 | 24 | 28 | 30 => Network::Ip { at: 4, version: 6 },
        _ => Network::Other(0),
    }
}

/// The protocol of a cooked frame is an ethertype only on devices that have such.
fn cooked<'a>(hardware: u16, protocol: u16, data: &[u8], at: usize, notes: &mut impl Notes<'a>) -> Network {
    const NETLINK: u16 = 824;
    const RADIOTAP: u16 = 803;
    match hardware {
        NETLINK | RADIOTAP => Network::Other(0),
        _ => {
            let found = walk(protocol, data, at, notes);
            behind_tags_left(found, data, notes)
        }
    }
}

/// Linux, from 6.11 on, names the innermost protocol of a frame that came in with several tags, though only the first is gone
/// from in front of it.
fn behind_tags_left<'a>(found: Network, data: &[u8], notes: &mut impl Notes<'a>) -> Network {
    match found {
        Network::Ip { at, version } if data.get(at).is_some_and(|first| first >> 4 != version) => {
            match walk(VLAN, data, at, notes) {
                network @ Network::Ip { .. } => network,
                _ => found,
            }
        }
        _ => found,
    }
}
