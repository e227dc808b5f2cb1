use crate::block_codec::{unpack, Method};
use crate::panics::guarded;
use napi::bindgen_prelude::*;
use napi_derive::napi;

pub struct Unpack {
    method: Method,
    /// A reference that keeps the array's memory alive; nothing is copied.
    packed: Uint8Array,
    most: usize,
}

impl Task for Unpack {
    type Output = Vec<u8>;
    type JsValue = Uint8Array;

    fn compute(&mut self) -> Result<Vec<u8>> {
        guarded(|| unpack(self.method, &self.packed, self.most)).map_err(Error::from_reason)
    }

    fn resolve(&mut self, _: Env, content: Vec<u8>) -> Result<Uint8Array> {
        Ok(Uint8Array::new(content))
    }
}

/// Unpacks one block of at most `most` bytes, off the main thread.
#[napi]
pub fn unpack_block(method: String, packed: Uint8Array, most: u32) -> Result<AsyncTask<Unpack>> {
    let Some(method) = Method::named(&method) else {
        return Err(Error::new(Status::InvalidArg, format!("unknown compression {method}")));
    };
    Ok(AsyncTask::new(Unpack {
        method,
        packed,
        most: most as usize,
    }))
}
