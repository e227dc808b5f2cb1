use crate::disk_threads::submit;
use crate::panics::guarded;
use crate::segment::file::rename_durably;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::path::Path;

/// A promise for what the work gives, which a thread for the disk does.
pub fn on_disk_thread<'env, T>(
    env: &'env Env,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<Object<'env>>
where
    T: ToNapiValue + Send + 'static,
{
    let (deferred, promise) = env.create_deferred::<T, Box<dyn FnOnce(Env) -> Result<T>>>()?;
    submit(Box::new(move || match guarded(work) {
        Ok(value) => deferred.resolve(Box::new(move |_| Ok(value))),
        Err(cause) => deferred.reject(cause),
    }));
    Ok(promise)
}

/// Gives a file another name, in the place of one that has it; the name is durable when the promise resolves.
#[napi(js_name = "renameDurably", ts_return_type = "Promise<void>")]
pub fn rename_file_durably(env: &Env, from: String, to: String) -> Result<Object<'_>> {
    on_disk_thread(env, move || {
        rename_durably(Path::new(&from), Path::new(&to))
            .map_err(|cause| Error::new(Status::GenericFailure, format!("cannot rename {from} to {to}: {cause}")))
    })
}
