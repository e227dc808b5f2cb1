use crate::layout::Layout;
use crate::{datagram, flow_row, packet, packet_extension, packet_runs, transpose};
use napi_derive::napi;
use std::collections::HashMap;

#[napi]
pub fn packet_layout() -> HashMap<String, u32> {
    named(packet::LAYOUT)
}

#[napi]
pub fn packet_extension_layout() -> HashMap<String, u32> {
    named(packet_extension::LAYOUT)
}

#[napi]
pub fn packet_run_layout() -> HashMap<String, u32> {
    named(packet_runs::LAYOUT)
}

#[napi]
pub fn flow_row_layout() -> HashMap<String, u32> {
    named(flow_row::LAYOUT)
}

#[napi]
pub fn datagram_layout() -> HashMap<String, u32> {
    named(datagram::LAYOUT)
}

#[napi]
pub fn transpose_layout() -> HashMap<String, u32> {
    named(transpose::LAYOUT)
}

fn named(layout: Layout) -> HashMap<String, u32> {
    layout.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
}
