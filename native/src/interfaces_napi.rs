use napi_derive::napi;

#[napi(object)]
pub struct Interface {
    pub index: u32,
    pub name: String,
}

/// Interfaces of this host with the system's numbers (SNMP's ifIndex), in the system's order.
#[napi]
pub fn interfaces() -> Vec<Interface> {
    crate::interfaces::interfaces()
        .into_iter()
        .map(|(index, name)| Interface { index, name })
        .collect()
}
