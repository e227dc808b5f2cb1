use napi::bindgen_prelude::*;
use napi_derive::napi;

/// Sends `message` to the Unix datagram socket at `path`, or with a leading `@` of that abstract name (Linux).
#[napi]
pub fn send_unix_datagram(path: String, message: String) -> Result<()> {
    crate::notify::send(&path, message.as_bytes()).map_err(|error| Error::from_reason(format!("{path}: {error}")))
}
