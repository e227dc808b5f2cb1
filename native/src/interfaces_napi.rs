use napi_derive::napi;

#[napi(object)]
pub struct Interface {
    pub index: u32,
    pub name: String,
    pub is_up: bool,
    pub has_link: bool,
}

/// Interfaces of this host with the system's numbers (SNMP's ifIndex), in the system's order.
#[napi]
pub fn interfaces() -> Vec<Interface> {
    crate::interfaces::interfaces()
        .into_iter()
        .map(|found| Interface {
            index: found.index,
            name: found.name,
            is_up: found.is_up,
            has_link: found.has_link,
        })
        .collect()
}
