use napi_derive::napi;
use std::ffi::CStr;

#[napi(object)]
pub struct Interface {
    pub index: u32,
    pub name: String,
}

/// Interfaces of this host with the system's numbers (SNMP's ifIndex), in the system's order.
#[napi]
pub fn interfaces() -> Vec<Interface> {
    let mut found = Vec::new();
    // SAFETY: the system's array ends with an entry of index 0 and no name, and is given back as it came.
    unsafe {
        let all = libc::if_nameindex();
        if all.is_null() {
            return found;
        }
        let mut entry = all;
        while (*entry).if_index != 0 && !(*entry).if_name.is_null() {
            found.push(Interface {
                index: (*entry).if_index,
                name: CStr::from_ptr((*entry).if_name).to_string_lossy().into_owned(),
            });
            entry = entry.add(1);
        }
        libc::if_freenameindex(all);
    }
    found
}
