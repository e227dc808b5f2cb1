//! weir's native addon: what JavaScript cannot do well, and no policy.
//!
//! Modules named `*_napi` are the only ones that know Node.js; everything else is plain Rust with its own tests.

pub mod block_codec;
pub mod capture_file;
pub mod datagram;
pub mod decode;
pub mod disk_threads;
pub mod file_lock;
pub mod flow_columns;
pub mod flow_lookup;
pub mod flow_row;
#[cfg(test)]
mod fuzz;
pub mod interface_mac;
pub mod interfaces;
pub mod libpcap;
pub mod listing;
pub mod memory;
pub mod mixing;
pub mod net;
pub mod notify;
pub mod packet;
pub mod packet_extension;
pub mod packet_runs;
pub mod packet_source;
pub mod panics;
pub mod prefetch;
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
