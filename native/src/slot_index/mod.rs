//! The index of a directory of slots: what a question has to know of each flow file before it opens it, in one file,
//! `.weir.index`. It answers "not in this file" for an address and for a time, and nothing else: whoever gets no such answer
//! opens the file. So it may be missing, behind, cut or damaged without a change to any answer.
//!
//! The file is a sequence of records in units of 64 octets, each a header of 128 octets (`record`) and units behind it. An
//! entry counts only while size, modification time and inode of its file are those that it names. Headers and units carry
//! checksums of their own, so that nothing depends on what of a write reached the disk, or in which order.

pub mod build;
pub mod directory;
pub mod filter;
pub mod halves;
pub mod record;
pub mod write;

/// Name of the file, which readers of flow files pass over.
pub const INDEX_NAME: &str = ".weir.index";

/// Records and what belongs to them begin at multiples of this.
pub const UNIT: usize = 64;

#[cfg(test)]
mod tests;
