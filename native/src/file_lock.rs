//! Locks on files, which the system drops when their process ends, however it ends.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Whether the file is now locked for this holder alone; false when another one, in this process or elsewhere, has it.
pub fn try_lock(file: &File) -> io::Result<bool> {
    loop {
        // SAFETY: the descriptor is open for as long as the call lasts.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            return Ok(true);
        }
        let cause = io::Error::last_os_error();
        match cause.kind() {
            io::ErrorKind::WouldBlock => return Ok(false),
            io::ErrorKind::Interrupted => {}
            _ => return Err(cause),
        }
    }
}
