//! The interfaces of this host.

use std::collections::HashMap;
use std::ffi::{c_uint, CStr};

pub struct Interface {
    /// SNMP's ifIndex.
    pub index: u32,
    pub name: String,
    /// Not shut down by an operator.
    pub is_up: bool,
    /// The wire carries something. True where the system has no flag for that (it does on Linux).
    pub has_link: bool,
}

/// All of them, in the system's order.
pub fn interfaces() -> Vec<Interface> {
    let mut found = Vec::new();
    let flags = flags();
    // SAFETY: the system's array ends with an entry of index 0 and no name, and is given back as it came.
    unsafe {
        let all = libc::if_nameindex();
        if all.is_null() {
            return found;
        }
        let mut entry = all;
        while (*entry).if_index != 0 && !(*entry).if_name.is_null() {
            let name = CStr::from_ptr((*entry).if_name).to_string_lossy().into_owned();
            // One that came or went between the two lists counts as up: who captures it learns the truth.
            let is_set = |flag: i32| flags.get(&name).is_none_or(|flags| flags & flag as c_uint != 0);
            found.push(Interface {
                index: (*entry).if_index,
                is_up: is_set(libc::IFF_UP),
                has_link: cfg!(not(target_os = "linux")) || is_set(libc::IFF_RUNNING),
                name,
            });
            entry = entry.add(1);
        }
        libc::if_freenameindex(all);
    }
    found
}

/// IFF_* by name.
fn flags() -> HashMap<String, c_uint> {
    let mut found = HashMap::new();
    let mut first = std::ptr::null_mut();
    // SAFETY: a pointer for the list, whose entries, names included, live until it is given back.
    unsafe {
        if libc::getifaddrs(&mut first) != 0 {
            return found;
        }
        let mut next = first;
        while !next.is_null() {
            let name = CStr::from_ptr((*next).ifa_name).to_string_lossy().into_owned();
            found.insert(name, (*next).ifa_flags as c_uint);
            next = (*next).ifa_next;
        }
        libc::freeifaddrs(first);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn as_the_system_shows_them() {
        for Interface {
            index,
            name,
            is_up,
            has_link,
        } in interfaces()
        {
            let read = |file: &str| std::fs::read_to_string(format!("/sys/class/net/{name}/{file}"));
            // Others may come and go meanwhile.
            let (Ok(number), Ok(flags), Ok(state)) = (read("ifindex"), read("flags"), read("operstate")) else {
                continue;
            };
            let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).unwrap();
            assert_eq!(number.trim().parse(), Ok(index), "{name}");
            assert_eq!(is_up, flags & 1 != 0, "{name}");
            assert_eq!(
                has_link,
                is_up && matches!(state.trim(), "up" | "unknown"),
                "{name} {state}"
            );
        }
    }
}
