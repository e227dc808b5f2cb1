//! Takes datagrams for a benchmark of who sends them, with little of the processor that the sender needs, for a collector is on another
//! machine: many at a time, and it looks for them every other millisecond, so that no sender has to wake it. Plain `rustc -O`
//! builds it (measure.mjs does).
//!
//! Prints the port of loopback that it listens on; when its standard input ends, how many datagrams came and their octets, as JSON.

use std::ffi::{c_int, c_uint, c_void};
use std::io::Read;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Duration;

const SOL_SOCKET: c_int = 1;
const SO_RCVBUF: c_int = 8;
/// Beyond the system's limit, as root may.
const SO_RCVBUFFORCE: c_int = 33;
const BUFFER: c_int = 64 << 20;
const MSG_DONTWAIT: c_int = 0x40;
/// Lengths are those that were sent, whatever the room.
const MSG_TRUNC: c_int = 0x20;
const BATCH: usize = 256;
/// Of each datagram what shows that there is one.
const ROOM: usize = 16;
const PAUSE: Duration = Duration::from_millis(2);

#[repr(C)]
struct IoVec {
    base: *mut c_void,
    length: usize,
}

/// `struct msghdr` and `struct mmsghdr` of Linux.
#[repr(C)]
struct Header {
    name: *mut c_void,
    name_length: c_uint,
    parts: *mut IoVec,
    part_count: usize,
    control: *mut c_void,
    control_length: usize,
    flags: c_int,
}

#[repr(C)]
struct Message {
    header: Header,
    octets: c_uint,
}

extern "C" {
    fn setsockopt(socket: c_int, level: c_int, name: c_int, value: *const c_int, length: c_uint) -> c_int;
    fn recvmmsg(socket: c_int, messages: *mut Message, count: c_uint, flags: c_int, timeout: *mut c_void) -> c_int;
}

fn main() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // SAFETY: options of the size that is said. The kernel may give less.
    unsafe {
        setsockopt(socket.as_raw_fd(), SOL_SOCKET, SO_RCVBUF, &BUFFER, 4);
        setsockopt(socket.as_raw_fd(), SOL_SOCKET, SO_RCVBUFFORCE, &BUFFER, 4);
    }
    println!("{}", socket.local_addr().unwrap().port());
    let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let counted = Arc::clone(&counts);
    std::thread::spawn(move || {
        let mut memory = vec![0u8; BATCH * ROOM];
        let mut parts: Vec<IoVec> = memory
            .chunks_mut(ROOM)
            .map(|chunk| IoVec {
                base: chunk.as_mut_ptr().cast(),
                length: chunk.len(),
            })
            .collect();
        let null = std::ptr::null_mut();
        let mut messages: Vec<Message> = parts
            .iter_mut()
            .map(|part| Header {
                name: null,
                name_length: 0,
                parts: part,
                part_count: 1,
                control: null,
                control_length: 0,
                flags: 0,
            })
            .map(|header| Message { header, octets: 0 })
            .collect();
        loop {
            // SAFETY: as many messages as are said, whose memory outlives the call.
            let got = unsafe {
                recvmmsg(
                    socket.as_raw_fd(),
                    messages.as_mut_ptr(),
                    BATCH as c_uint,
                    MSG_DONTWAIT | MSG_TRUNC,
                    null,
                )
            };
            if got <= 0 {
                std::thread::sleep(PAUSE);
                continue;
            }
            let octets: u64 = messages[..got as usize]
                .iter()
                .map(|message| u64::from(message.octets))
                .sum();
            counted[0].fetch_add(got as u64, Relaxed);
            counted[1].fetch_add(octets, Relaxed);
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let [datagrams, octets] = [0, 1].map(|at: usize| counts[at].load(Relaxed));
    println!("{{\"datagrams\":{datagrams},\"octets\":{octets}}}");
}
