//! What every slot source shares on the JavaScript side.

use crate::slots::{Next, SlotRing, Wake};
use napi::bindgen_prelude::*;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
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

/// Views of the slots; each keeps its memory alive by itself.
pub fn slot_views(ring: &SlotRing) -> Vec<Uint8Array> {
    ring.regions()
        .iter()
        .map(|region| {
            let owner = Arc::clone(region);
            let length = ring.slot_bytes();
            // SAFETY: the memory lives until the finalizer drops `owner`. The ring's protocol says who may touch it.
            unsafe { Uint8Array::with_external_data(region.as_ptr(), length, move |_, _| drop(owner)) }
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
