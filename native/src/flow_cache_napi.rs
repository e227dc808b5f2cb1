use crate::flow_columns;
use crate::flow_lookup::{self, FlowTable};
use crate::row_order;
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// Memory of one flow cache, and of those who look up in it.
#[napi(object, object_to_js = false)]
pub struct LookUpMemory {
    pub rows: Int32Array,
    pub free: Int32Array,
    pub candidates: Int32Array,
}

/// Look-ups of packets in a memory that it is told once: of every array that a call has Node.js makes a parcel.
#[napi]
pub struct FlowLookUp {
    memory: LookUpMemory,
}

#[napi]
impl FlowLookUp {
    #[napi(constructor)]
    pub fn new(memory: LookUpMemory) -> FlowLookUp {
        FlowLookUp { memory }
    }

    /// As `flow_lookup::look_up` says, of `count` packets from number `start` on, with the first `free_count` rows as free
    /// ones.
    #[napi]
    pub fn look_up(&mut self, slots: &[i32], records: &[u32], start: u32, count: u32, free_count: u32) -> Result<()> {
        let LookUpMemory { rows, free, candidates } = &mut self.memory;
        let table = FlowTable {
            slots,
            rows: rows.as_chunks().0,
            free: first(free, free_count)?,
        };
        let records = records.as_chunks().0.get(start as usize..).unwrap_or_default();
        // SAFETY: JavaScript runs nothing else meanwhile, and by contract it is not the memory of another array.
        let candidates = unsafe { candidates.as_mut() };
        flow_lookup::look_up(&table, records, count as usize, candidates).map_err(invalid)
    }
}

/// As `flow_lookup::fetch` says, of the rows in `list[from..to]`.
#[napi]
pub fn fetch_flows(slots: &[i32], rows: &[i32], list: &[i32], from: u32, to: u32) -> Result<()> {
    let list = first(list, to)?.get(from as usize..).unwrap_or_default();
    flow_lookup::fetch(slots, rows.as_chunks().0, list).map_err(invalid)
}

/// As `flow_lookup::keep_entered` and `fetch` say, of the first `count` rows; gives how many are kept.
#[napi]
pub fn fetch_entered(slots: &[i32], rows: &[i32], mut list: Int32ArraySlice, count: u32, tick: i32) -> Result<u32> {
    let rows = rows.as_chunks().0;
    // SAFETY: JavaScript runs nothing else meanwhile, and by contract it is not the memory of another argument.
    let list = first_mut(unsafe { list.as_mut() }, count)?;
    let kept = flow_lookup::keep_entered(rows, list, tick).map_err(invalid)?;
    flow_lookup::fetch(slots, rows, &list[..kept]).map_err(invalid)?;
    Ok(kept as u32)
}

/// As `row_order::order` says, of the first `count` in each list.
#[napi]
pub fn order_rows(
    times: &[f64],
    numbers: &[f64],
    rows: &[i32],
    count: u32,
    mut ordered: Int32ArraySlice,
) -> Result<()> {
    let rows = first(rows, count)?;
    let (times, numbers) = (first(times, count)?, first(numbers, count)?);
    // SAFETY: JavaScript runs nothing else meanwhile, and by contract it is not the memory of another argument.
    let ordered = first_mut(unsafe { ordered.as_mut() }, count)?;
    row_order::order(times, numbers, rows, ordered).map_err(invalid)
}

/// Columns of one batch, which every flow of a cache has.
#[napi(object, object_to_js = false)]
pub struct FlowColumns {
    pub src_addr_hi: Uint32Array,
    pub src_addr_lo: Uint32Array,
    pub dst_addr_hi: Uint32Array,
    pub dst_addr_lo: Uint32Array,
    pub src_port: Uint16Array,
    pub dst_port: Uint16Array,
    pub proto: Uint8Array,
    pub tos: Uint8Array,
    pub tcp_flags: Uint16Array,
    pub in_if: Uint32Array,
    pub packets: Uint32Array,
    pub octets: Uint32Array,
    pub first_ms: Float64Array,
    pub last_ms: Float64Array,
    pub received_ms: Float64Array,
    pub export_ms: Float64Array,
    pub end_reason: Uint8Array,
}

#[napi(object, object_from_js = false)]
pub struct FlowsWritten {
    pub saturated: u32,
    pub directed: u32,
}

/// Writes flows to columns that it is told once, as `FlowLookUp` is.
#[napi]
pub struct FlowWriter {
    columns: FlowColumns,
}

#[napi]
impl FlowWriter {
    #[napi(constructor)]
    pub fn new(columns: FlowColumns) -> FlowWriter {
        FlowWriter { columns }
    }

    /// As `flow_columns::write` says, of the rows in `list[from..to]`.
    #[napi]
    pub fn write(&mut self, rows: &[i32], list: &[i32], from: u32, to: u32, at: u32) -> Result<FlowsWritten> {
        let list = first(list, to)?.get(from as usize..).unwrap_or_default();
        let c = &mut self.columns;
        // SAFETY: JavaScript runs nothing else meanwhile, and by contract no column is the memory of another argument.
        let mut columns = unsafe {
            flow_columns::FlowColumns {
                src_addr_hi: c.src_addr_hi.as_mut(),
                src_addr_lo: c.src_addr_lo.as_mut(),
                dst_addr_hi: c.dst_addr_hi.as_mut(),
                dst_addr_lo: c.dst_addr_lo.as_mut(),
                src_port: c.src_port.as_mut(),
                dst_port: c.dst_port.as_mut(),
                proto: c.proto.as_mut(),
                tos: c.tos.as_mut(),
                tcp_flags: c.tcp_flags.as_mut(),
                in_if: c.in_if.as_mut(),
                packets: c.packets.as_mut(),
                octets: c.octets.as_mut(),
                first_ms: c.first_ms.as_mut(),
                last_ms: c.last_ms.as_mut(),
                received_ms: c.received_ms.as_mut(),
                export_ms: c.export_ms.as_mut(),
                end_reason: c.end_reason.as_mut(),
            }
        };
        let written = flow_columns::write(rows, list, &mut columns, at as usize).map_err(invalid)?;
        Ok(FlowsWritten {
            saturated: written.saturated,
            directed: written.directed,
        })
    }
}

fn first<T>(list: &[T], count: u32) -> Result<&[T]> {
    list.get(..count as usize)
        .ok_or_else(|| invalid("the list is shorter than that"))
}

fn first_mut<T>(list: &mut [T], count: u32) -> Result<&mut [T]> {
    list.get_mut(..count as usize)
        .ok_or_else(|| invalid("the list is shorter than that"))
}

fn invalid(text: &str) -> Error {
    Error::new(Status::InvalidArg, text)
}
