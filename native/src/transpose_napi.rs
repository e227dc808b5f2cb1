use crate::panics::guarded;
use crate::transpose::{self, Column};
use napi::bindgen_prelude::*;
use napi_derive::napi;

type Array = Either4<Uint8Array, Uint16Array, Uint32Array, Float64Array>;

/// Carries out `runs` over `bytes`, in `columns`; gives pairs: a run, and its ICMP records with type and code in the source port.
#[napi]
pub fn transpose(bytes: &[u8], steps: &[u32], runs: &[f64], mut columns: Vec<Option<Array>>) -> Result<Vec<u32>> {
    let mut columns: Vec<Option<Column>> = columns
        .iter_mut()
        // SAFETY: JavaScript runs nothing else meanwhile, and columns are neither one another's memory nor that of another
        // argument by contract.
        .map(|array| match array.as_mut()? {
            Either4::A(cells) => Some(Column::U8(unsafe { cells.as_mut() })),
            Either4::B(cells) => Some(Column::U16(unsafe { cells.as_mut() })),
            Either4::C(cells) => Some(Column::U32(unsafe { cells.as_mut() })),
            Either4::D(cells) => Some(Column::F64(unsafe { cells.as_mut() })),
        })
        .collect();
    // A panic is a defect, but must not end the process of somebody who collects flows.
    guarded(|| transpose::transpose(bytes, steps, runs, &mut columns))
        .map_err(|text| Error::new(Status::InvalidArg, text))
}
