//! What a packet's headers say beyond its record: gathered on the decoder's way by who wants it, and by nobody at no
//! cost.

use crate::packet_extension::X_MPLS_MOST;

/// Told of each header as the decoder comes by. All of it is nothing by default, so that a decoder without notes is
/// compiled as if there were none.
pub trait Notes<'a> {
    /// Tag control information.
    #[inline]
    fn vlan(&mut self, _tag: u16) {}
    /// A label stack entry.
    #[inline]
    fn label(&mut self, _entry: u32) {}
    #[inline]
    fn ip(&mut self, _ip: Ip<'a>) {}
}

impl Notes<'_> for () {}

/// What the record leaves out of an IP header.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ip<'a> {
    /// As the header has it, before a first fragment is asked.
    pub protocol: u8,
    pub id: u32,
    /// Offset in octets | more fragments << 16 | do not fragment << 17.
    pub fragment: u32,
    pub flow_label: u32,
    /// What is there of the octets behind the header (and extension headers), and how many there were on the wire.
    pub payload: &'a [u8],
    pub payload_octets: usize,
}

pub const MORE_FRAGMENTS: u32 = 1 << 16;
pub const DO_NOT_FRAGMENT: u32 = 1 << 17;

impl Ip<'_> {
    pub fn is_later_fragment(&self) -> bool {
        self.fragment & 0xffff != 0
    }
}

impl<'a> Notes<'a> for Ip<'a> {
    #[inline]
    fn ip(&mut self, ip: Ip<'a>) {
        *self = ip;
    }
}

/// Link layer of a frame.
#[derive(Debug, Default)]
pub struct Link {
    /// 0 for none.
    pub src_mac: u64,
    pub dst_mac: u64,
    /// Identifiers of the outermost two tags.
    pub vlans: [u16; 2],
    tags: usize,
    /// Stack entries from the top without TTL; those beyond are left out.
    pub labels: [u32; X_MPLS_MOST],
    pub label_count: usize,
}

/// Outer IP header of a packet whose record is of an inner one.
#[derive(Debug, Clone, Copy)]
pub struct Outer {
    pub addresses: [u64; 4],
    pub protocol: u8,
}

#[derive(Debug, Default)]
pub struct Details<'a> {
    pub link: Link,
    pub ip: Ip<'a>,
    pub tunnel: Option<Outer>,
}

impl<'a> Notes<'a> for Details<'a> {
    fn vlan(&mut self, tag: u16) {
        const IDENTIFIER: u16 = 0x0fff;
        if let Some(place) = self.link.vlans.get_mut(self.link.tags) {
            *place = tag & IDENTIFIER;
            self.link.tags += 1;
        }
    }

    fn label(&mut self, entry: u32) {
        const TTL_BITS: u32 = 8;
        if let Some(place) = self.link.labels.get_mut(self.link.label_count) {
            *place = entry >> TTL_BITS;
            self.link.label_count += 1;
        }
    }

    fn ip(&mut self, ip: Ip<'a>) {
        self.ip = ip;
    }
}

/// Six bytes as a number, most significant first.
pub fn mac(bytes: &[u8]) -> u64 {
    bytes.iter().take(6).fold(0, |mac, &byte| mac << 8 | u64::from(byte))
}
