//! What a packet carries beside its record, in 128 bytes made on request. `src/addon/packet-extension-layout.ts`
//! explains the words; a test compares the numbers here with those there.

use crate::layout::{layout, Layout};

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
pub const LAYOUT: Layout = layout![
    EXTENSION_BYTES,
    EXTENSION_WORDS,
    X_VLANS,
    X_ETHERTYPE_LABELS_TUNNEL,
    X_SRC_MAC,
    X_DST_MAC,
    X_FLOW_LABEL,
    X_FRAGMENT,
    X_FINGERPRINT,
    X_MPLS,
    X_MPLS_MOST,
    X_TUNNEL_SRC,
    X_TUNNEL_DST,
];
