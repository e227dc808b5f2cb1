//! Large zeroed memory on huge pages: the flow cache and the packet slots are read at random, and with 4 KiB pages
//! every access also misses the TLB.

use std::io;

/// Zeroed, page-aligned, private memory; unmapped on drop.
pub struct Region {
    start: *mut u8,
    length: usize,
}

// SAFETY: `Region` owns its mapping; whoever shares it decides about aliasing of its bytes.
unsafe impl Send for Region {}
unsafe impl Sync for Region {}

const HUGE_PAGE: usize = 2 << 20;

impl Region {
    /// At least `bytes` bytes. Huge pages are asked for where the region is large enough to have one.
    pub fn new(bytes: usize) -> io::Result<Region> {
        let unit = if bytes >= HUGE_PAGE { HUGE_PAGE } else { 4096 };
        let length = bytes
            .max(1)
            .checked_add(unit - 1)
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?
            / unit
            * unit;
        // SAFETY: an anonymous mapping at an address of the kernel's choosing touches no existing memory.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANON,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        #[cfg(target_os = "linux")]
        if unit == HUGE_PAGE {
            // SAFETY: the range is the mapping just made. Advice may be refused; then pages are small, nothing else.
            unsafe { libc::madvise(start, length, libc::MADV_HUGEPAGE) };
        }
        Ok(Region {
            start: start.cast(),
            length,
        })
    }

    pub fn as_ptr(&self) -> *mut u8 {
        self.start
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: unmaps exactly what `new` mapped, once.
        unsafe { libc::munmap(self.start.cast(), self.length) };
    }
}

/// Has the system give the whole pages within `bytes` now, in a thread of its own, instead of when they are first touched:
/// that is work of the kernel which somebody else waits for. Their content stays as it is. A wish: a system that
/// cannot grant it is not asked twice by whoever touches them.
pub fn populate(bytes: &[u8]) {
    #[cfg(target_os = "linux")]
    {
        let start = (bytes.as_ptr() as usize).next_multiple_of(4096);
        let end = (bytes.as_ptr() as usize + bytes.len()) / 4096 * 4096;
        if start >= end {
            return;
        }
        let ask = move || {
            // SAFETY: populating changes no memory, whoever uses it meanwhile, and fails where there is none any more.
            unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_POPULATE_WRITE) };
        };
        // Without a thread they are given when they are touched, as ever.
        let _ = std::thread::Builder::new().name("weir-memory".into()).spawn(ask);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = bytes;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_zeroed_and_large_enough() {
        for bytes in [0, 1, 5000, HUGE_PAGE, 3 * HUGE_PAGE + 1] {
            let region = Region::new(bytes).unwrap();
            assert!(region.length >= bytes);
            // SAFETY: the region is live and nobody else has it.
            let all = unsafe { std::slice::from_raw_parts(region.as_ptr(), region.length) };
            assert!(all.iter().all(|&b| b == 0));
        }
    }

    #[test]
    fn populating_changes_nothing() {
        let mut bytes = vec![7; 3 * HUGE_PAGE];
        populate(&bytes);
        populate(&bytes[1..2]);
        populate(&[]);
        for at in (0..bytes.len()).step_by(4096) {
            bytes[at] = 8;
        }
        assert!(bytes
            .iter()
            .enumerate()
            .all(|(at, &byte)| byte == if at % 4096 == 0 { 8 } else { 7 }));
    }
}
