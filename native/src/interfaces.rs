//! The interfaces of this host.

use std::ffi::CStr;

/// Numbers (SNMP's ifIndex) and names, in the system's order.
pub fn interfaces() -> Vec<(u32, String)> {
    let mut found = Vec::new();
    // SAFETY: the system's array ends with an entry of index 0 and no name, and is given back as it came.
    unsafe {
        let all = libc::if_nameindex();
        if all.is_null() {
            return found;
        }
        let mut entry = all;
        while (*entry).if_index != 0 && !(*entry).if_name.is_null() {
            let name = CStr::from_ptr((*entry).if_name).to_string_lossy().into_owned();
            found.push(((*entry).if_index, name));
            entry = entry.add(1);
        }
        libc::if_freenameindex(all);
    }
    found
}
