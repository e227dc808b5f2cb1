use crate::listing::list;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::path::Path;

#[napi(object, object_from_js = false)]
pub struct Listing {
    pub files: Vec<String>,
    pub directories: Vec<String>,
}

/// Names in a directory but those that begin with a dot, in order; undefined when there is no such directory.
#[napi]
pub fn list_directory(path: String) -> Result<Option<Listing>> {
    let listing = list(Path::new(&path)).map_err(|cause| Error::new(Status::GenericFailure, cause.to_string()))?;
    Ok(listing.map(|listing| Listing {
        files: listing.files,
        directories: listing.directories,
    }))
}
