//! weir's native addon: what JavaScript cannot do well, and no policy.
//!
//! Modules named `*_napi` are the only ones that know Node.js; everything else is plain Rust with its own tests.

pub mod memory;
pub mod segment;
pub mod segment_bits;
pub mod segment_chunk;
pub mod segment_column;
pub mod segment_dictionary;
pub mod segment_file;
pub mod segment_merge;
pub mod slots;

pub mod memory_napi;
pub mod segment_napi;
pub mod slots_napi;
