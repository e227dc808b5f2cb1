//! What a packet carries beside its record, in 128 bytes made on request. `src/addon/packet-extension-layout.ts`
//! explains the words; a test compares the numbers here with those there.

use crate::decode::Details;
use crate::packet::{HashSeed, PacketRecord};

pub const EXTENSION_BYTES: usize = 128;
pub const EXTENSION_WORDS: usize = EXTENSION_BYTES / 4;

pub const X_VLANS: usize = 0;
pub const X_ETHERTYPE_LABELS_TUNNEL: usize = 1;
pub const X_SRC_MAC: usize = 2;
pub const X_DST_MAC: usize = 4;
pub const X_FLOW_LABEL: usize = 6;
pub const X_FRAGMENT: usize = 7;
pub const X_FINGERPRINT: usize = 8;
pub const X_MPLS: usize = 12;
pub const X_MPLS_MOST: usize = 10;
pub const X_TUNNEL_SRC: usize = 24;
pub const X_TUNNEL_DST: usize = 28;

/// Every constant by name, for the test on the other side.
pub const LAYOUT: [(&str, u32); 13] = [
    ("EXTENSION_BYTES", EXTENSION_BYTES as u32),
    ("EXTENSION_WORDS", EXTENSION_WORDS as u32),
    ("X_VLANS", X_VLANS as u32),
    ("X_ETHERTYPE_LABELS_TUNNEL", X_ETHERTYPE_LABELS_TUNNEL as u32),
    ("X_SRC_MAC", X_SRC_MAC as u32),
    ("X_DST_MAC", X_DST_MAC as u32),
    ("X_FLOW_LABEL", X_FLOW_LABEL as u32),
    ("X_FRAGMENT", X_FRAGMENT as u32),
    ("X_FINGERPRINT", X_FINGERPRINT as u32),
    ("X_MPLS", X_MPLS as u32),
    ("X_MPLS_MOST", X_MPLS_MOST as u32),
    ("X_TUNNEL_SRC", X_TUNNEL_SRC as u32),
    ("X_TUNNEL_DST", X_TUNNEL_DST as u32),
];

const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;

/// Writes the extension record of the packet that `record` and `details` are of.
pub fn write(details: &Details, record: &PacketRecord, seed: &HashSeed, out: &mut [u8; EXTENSION_BYTES]) {
    let mut words = [0u32; EXTENSION_WORDS];
    let link = &details.link;
    let ether_type = if record.version == 4 { IPV4 } else { IPV6 };
    let tunnel_protocol = details.tunnel.map_or(0, |outer| u32::from(outer.protocol));
    words[X_VLANS] = u32::from(link.vlans[0]) | u32::from(link.vlans[1]) << 16;
    words[X_ETHERTYPE_LABELS_TUNNEL] = ether_type | (link.label_count as u32) << 16 | tunnel_protocol << 24;
    put(&mut words, X_SRC_MAC, link.src_mac);
    put(&mut words, X_DST_MAC, link.dst_mac);
    words[X_FLOW_LABEL] = details.ip.flow_label;
    words[X_FRAGMENT] = details.ip.fragment;
    put(&mut words, X_FINGERPRINT, seed.fingerprint(record, &details.ip));
    words[X_MPLS..X_MPLS + X_MPLS_MOST].copy_from_slice(&link.labels);
    for (bytes, word) in out.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    if let Some(outer) = details.tunnel {
        for (at, half) in [
            (X_TUNNEL_SRC, 0),
            (X_TUNNEL_SRC + 2, 1),
            (X_TUNNEL_DST, 2),
            (X_TUNNEL_DST + 2, 3),
        ] {
            out[at * 4..at * 4 + 8].copy_from_slice(&outer.addresses[half].to_ne_bytes());
        }
    }
}

fn put(words: &mut [u32; EXTENSION_WORDS], at: usize, value: u64) {
    words[at] = value as u32;
    words[at + 1] = (value >> 32) as u32;
}
