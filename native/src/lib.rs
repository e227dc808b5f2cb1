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
mod flow_records;
mod flow_row;
#[cfg(test)]
mod fuzz;
mod interface_mac;
mod interfaces;
mod layout;
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
mod page_header;
mod panics;
mod prefetch;
mod row_order;
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
mod filter_napi;
mod flow_cache_napi;
mod flow_records_napi;
mod frame_decoder_napi;
mod interfaces_napi;
mod layout_napi;
mod listing_napi;
mod memory_napi;
mod notify_napi;
mod packet_source_napi;
mod panics_napi;
mod scan_napi;
mod segment_napi;
mod slot_index_napi;
mod slots_napi;
mod transpose_napi;
mod udp_sender_napi;
