//! weir's native addon: what JavaScript cannot do well, and no policy.
//!
//! Modules named `*_napi` are the only ones that know Node.js; everything else is plain Rust with its own tests. Nothing is
//! for other crates, so the compiler tells what nobody uses.

// What only Node.js calls has no caller in tests: napi does not register it there.
#![cfg_attr(test, allow(dead_code))]

mod block_codec;
mod capture_file;
mod datagram;
mod decode;
mod disk_threads;
mod file_lock;
mod flow_columns;
mod flow_lookup;
mod flow_row;
#[cfg(test)]
mod fuzz;
pub mod interface_mac;
pub mod interfaces;
pub mod libpcap;
pub mod listing;
pub mod memory;
pub mod net;
pub mod notify;
pub mod packet;
pub mod packet_extension;
pub mod packet_runs;
pub mod packet_source;
pub mod page_header;
pub mod panics;
pub mod prefetch;
pub mod row_order;
pub mod scan;
pub mod segment;
pub mod slot_index;
pub mod slots;
pub mod transpose;
pub mod udp_sender;
pub mod wide_registers;

pub mod block_codec_napi;
pub mod datagram_source_napi;
pub mod disk_threads_napi;
pub mod filter_napi;
pub mod flow_cache_napi;
pub mod frame_decoder_napi;
pub mod interfaces_napi;
pub mod listing_napi;
pub mod memory_napi;
pub mod notify_napi;
pub mod packet_source_napi;
pub mod scan_napi;
pub mod segment_napi;
pub mod slot_index_napi;
pub mod slots_napi;
pub mod transpose_napi;
pub mod udp_sender_napi;
mod interface_mac;
mod interfaces;
mod libpcap;
mod listing;
mod memory;
mod mixing;
mod net;
mod notify;
mod packet;
mod packet_extension;
mod packet_runs;
mod packet_source;
mod panics;
mod prefetch;
mod scan;
mod segment;
mod slot_index;
mod slots;
mod transpose;
mod udp_sender;
mod wide_registers;

mod block_codec_napi;
mod datagram_source_napi;
mod disk_threads_napi;
mod flow_cache_napi;
mod frame_decoder_napi;
mod interfaces_napi;
mod listing_napi;
mod memory_napi;
mod notify_napi;
mod packet_source_napi;
mod scan_napi;
mod segment_napi;
mod slot_index_napi;
mod slots_napi;
mod transpose_napi;
mod udp_sender_napi;
