use crate::memory::{self, Region};
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// Zeroed memory on huge pages where the system has them.
#[napi]
pub fn allocate_huge(bytes: f64) -> Result<Uint8Array> {
    if !(1.0..=(1u64 << 40) as f64).contains(&bytes) {
        return Err(Error::new(Status::InvalidArg, format!("cannot allocate {bytes} bytes")));
    }
    let length = bytes as usize;
    let region = Region::new(length).map_err(|cause| {
        Error::new(
            Status::GenericFailure,
            format!("cannot allocate {length} bytes: {cause}"),
        )
    })?;
    let start = region.as_ptr();
    // SAFETY: the region lives until the finalizer drops it, and is not shared.
    Ok(unsafe { Uint8Array::with_external_data(start, length, move |_, _| drop(region)) })
}

/// As `memory::populate` says.
#[napi]
pub fn populate(bytes: &[u8]) {
    memory::populate(bytes);
}
