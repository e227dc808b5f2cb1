//! What every slot source shares on the JavaScript side.

use crate::slots::{Next, SlotRing, Wake};
use napi::bindgen_prelude::*;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use std::ops::Range;
use std::sync::Arc;

pub const SLOT_NONE: i32 = -1;
pub const SLOT_END: i32 = -2;

/// A callback that any thread may call; it keeps the event loop alive until dropped.
pub fn wake_callback(wake: Function<(), ()>) -> Result<Wake> {
    let threadsafe = wake.build_threadsafe_function::<()>().build()?;
    Ok(Box::new(move || {
        threadsafe.call((), ThreadsafeFunctionCallMode::NonBlocking);
    }))
}

/// Views of these bytes of each slot; each keeps its memory alive by itself.
pub fn slot_views(ring: &SlotRing, bytes: Range<usize>) -> Vec<Uint8Array> {
    assert!(bytes.start <= bytes.end && bytes.end <= ring.slot_bytes());
    ring.regions()
        .iter()
        .map(|region| {
            let owner = Arc::clone(region);
            // SAFETY: the bytes are the region's, as just checked, and live until the finalizer drops `owner`. The ring's
            // protocol says who may touch them.
            unsafe {
                let start = region.as_ptr().add(bytes.start);
                Uint8Array::with_external_data(start, bytes.len(), move |_, _| drop(owner))
            }
        })
        .collect()
}

pub fn next_code(ring: &SlotRing) -> i32 {
    match ring.next() {
        Next::Slot(slot) => slot as i32,
        Next::None => SLOT_NONE,
        Next::End => SLOT_END,
    }
}
