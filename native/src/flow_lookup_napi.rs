use crate::flow_lookup::{self, FlowTable};
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// As `flow_lookup::look_up` says, of the first `count` packets, with the first `free_count` rows as free ones.
#[napi]
#[allow(clippy::too_many_arguments)]
pub fn look_up_flows(
    slots: &[i32],
    rows: &[i32],
    wheel_ticks: &[i32],
    free: &[i32],
    free_count: u32,
    records: &[u32],
    packets: &[i32],
    count: u32,
    mut hashes: Int32ArraySlice,
    mut candidates: Int32ArraySlice,
) -> Result<()> {
    let (free, packets) = (free.get(..free_count as usize), packets.get(..count as usize));
    let (Some(free), Some(packets)) = (free, packets) else {
        return Err(Error::new(
            Status::InvalidArg,
            "fewer rows or packets than there are to be",
        ));
    };
    let table = FlowTable {
        slots,
        rows,
        wheel_ticks,
        free,
    };
    // SAFETY: JavaScript runs nothing else meanwhile, and by contract neither is the memory of another argument.
    let (hashes, candidates) = unsafe { (hashes.as_mut(), candidates.as_mut()) };
    flow_lookup::look_up(&table, records, packets, hashes, candidates)
        .map_err(|text| Error::new(Status::InvalidArg, text))
}
