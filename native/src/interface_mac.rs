//! The address of an interface on its own wire.

use std::ffi::CStr;

/// Its 48-bit address as a number; `None` if it has none (or only zeros, as a loopback interface) or is not there.
pub fn interface_mac(device: &str) -> Option<u64> {
    let mut first = std::ptr::null_mut();
    // SAFETY: a pointer for the list, which is given back below.
    if unsafe { libc::getifaddrs(&mut first) } != 0 {
        return None;
    }
    let mut found = None;
    let mut next = first;
    while !next.is_null() && found.is_none() {
        // SAFETY: entries of the list live until it is given back; names are C strings.
        let entry = unsafe { &*next };
        let is_it = unsafe { CStr::from_ptr(entry.ifa_name) }.to_bytes() == device.as_bytes();
        if is_it && !entry.ifa_addr.is_null() {
            // SAFETY: the address is as long as its family says.
            found = unsafe { link_address(entry.ifa_addr) };
        }
        next = entry.ifa_next;
    }
    // SAFETY: given back once, as it came.
    unsafe { libc::freeifaddrs(first) };
    found.map(mac).filter(|&mac| mac != 0)
}

fn mac(bytes: [u8; 6]) -> u64 {
    bytes.iter().fold(0, |mac, &byte| mac << 8 | u64::from(byte))
}

/// # Safety
/// `address` points to an address that is whole for its family.
#[cfg(any(target_os = "linux", target_os = "android"))]
unsafe fn link_address(address: *const libc::sockaddr) -> Option<[u8; 6]> {
    // SAFETY: as the caller promises; the family is checked before more than it is read.
    unsafe {
        if i32::from((*address).sa_family) != libc::AF_PACKET {
            return None;
        }
        let link = &*address.cast::<libc::sockaddr_ll>();
        (link.sll_halen == 6).then(|| link.sll_addr[..6].try_into().unwrap())
    }
}

/// # Safety
/// `address` points to an address that is whole for its family.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
unsafe fn link_address(address: *const libc::sockaddr) -> Option<[u8; 6]> {
    // SAFETY: as the caller promises; the family is checked before more than it is read. The name comes first in the
    // data, the address behind it, beyond what the structure declares if need be; both lengths are the kernel's, and
    // `sdl_len` covers them.
    unsafe {
        if i32::from((*address).sa_family) != libc::AF_LINK {
            return None;
        }
        let link = address.cast::<libc::sockaddr_dl>();
        if (*link).sdl_alen != 6 {
            return None;
        }
        let at = std::mem::offset_of!(libc::sockaddr_dl, sdl_data) + usize::from((*link).sdl_nlen);
        Some(address.cast::<u8>().add(at).cast::<[u8; 6]>().read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_without_an_address() {
        assert_eq!(interface_mac("no-such-device"), None);
        assert_eq!(
            interface_mac(if cfg!(target_os = "linux") { "lo" } else { "lo0" }),
            None
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn as_the_system_shows_it() {
        let mut seen = 0;
        for entry in std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten() {
            let Ok(text) = std::fs::read_to_string(entry.path().join("address")) else {
                continue;
            };
            let Some(want) = crate::decode::parse_mac(text.trim()).filter(|&mac| mac != 0) else {
                continue;
            };
            assert_eq!(interface_mac(&entry.file_name().to_string_lossy()), Some(want));
            seen += 1;
        }
        println!("{seen} interfaces with an address");
    }
}
