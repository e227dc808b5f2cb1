//! Details of a packet as its extension record.

use super::details::Details;
use crate::packet::{HashSeed, PacketRecord};
use crate::packet_extension::{
    EXTENSION_BYTES, EXTENSION_WORDS, X_DST_MAC, X_ETHERTYPE_LABELS_TUNNEL, X_FINGERPRINT, X_FLOW_LABEL, X_FRAGMENT,
    X_MPLS, X_MPLS_MOST, X_SRC_MAC, X_TUNNEL_DST, X_TUNNEL_SRC, X_VLANS,
};

const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;

/// Writes the extension record of the packet that `record` and `details` are of.
pub fn write(details: &Details, record: &PacketRecord, seed: &HashSeed, out: &mut [u8; EXTENSION_BYTES]) {
    let mut words = [0u32; EXTENSION_WORDS];
    let Details { link, ip, tunnel } = details;
    let ether_type = if record.version == 4 { IPV4 } else { IPV6 };
    let tunnel_protocol = tunnel.map_or(0, |outer| u32::from(outer.protocol));
    let fingerprint = seed.fingerprint(record, ip.protocol, ip.id, ip.fragment, ip.payload);
    words[X_VLANS] = u32::from(link.vlans[0]) | u32::from(link.vlans[1]) << 16;
    words[X_ETHERTYPE_LABELS_TUNNEL] = ether_type | (link.label_count as u32) << 16 | tunnel_protocol << 24;
    put(&mut words, X_SRC_MAC, link.src_mac);
    put(&mut words, X_DST_MAC, link.dst_mac);
    words[X_FLOW_LABEL] = ip.flow_label;
    words[X_FRAGMENT] = ip.fragment;
    put(&mut words, X_FINGERPRINT, fingerprint);
    words[X_MPLS..X_MPLS + X_MPLS_MOST].copy_from_slice(&link.labels);
    for (bytes, word) in out.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    if let Some(outer) = tunnel {
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
