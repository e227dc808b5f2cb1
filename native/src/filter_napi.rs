use crate::panics::guarded;
use napi::bindgen_prelude::*;
use napi_derive::napi;

pub struct CheckFilter(String);

impl Task for CheckFilter {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        guarded(|| crate::libpcap::check_filter(&self.0)).map_err(Error::from_reason)
    }

    fn resolve(&mut self, _: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

/// Rejects with what is wrong with a BPF expression, off the main thread: it may ask name servers.
#[napi]
pub fn check_filter(expression: String) -> AsyncTask<CheckFilter> {
    AsyncTask::new(CheckFilter(expression))
}
