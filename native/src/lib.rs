//! weir's native addon: what JavaScript cannot do well, and no policy.
//!
//! Modules named `*_napi` are the only ones that know Node.js; everything else is plain Rust with its own tests.

pub mod datagram;
pub mod datagram_batch;
pub mod datagram_live;
pub mod datagram_socket;
pub mod memory;
pub mod slots;

pub mod memory_napi;
pub mod slots_napi;
