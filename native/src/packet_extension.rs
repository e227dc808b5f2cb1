//! What a packet carries beside its record, in 128 bytes made on request. `src/addon/packet-extension-layout.ts`
//! explains the words; a test compares the numbers here with those there.

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
