//! Takes datagrams for a benchmark of who sends them, with little of the processor that the sender needs, for a collector is on another
//! machine: it looks for them every other millisecond, so that no sender has to wake it. Plain `rustc -O`
//! builds it (measure.mjs does).
//!
//! Prints the port of loopback that it listens on; when its standard input ends, how many datagrams came and their octets, as JSON.

use std::ffi::{c_int, c_uint};
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
const PAUSE: Duration = Duration::from_millis(2);

extern "C" {
    fn setsockopt(socket: c_int, level: c_int, name: c_int, value: *const c_int, length: c_uint) -> c_int;
}

fn main() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    for option in [SO_RCVBUF, SO_RCVBUFFORCE] {
        // SAFETY: an option of the size that is said. The kernel may give less.
        unsafe { setsockopt(socket.as_raw_fd(), SOL_SOCKET, option, &BUFFER, 4) };
    }
    println!("{}", socket.local_addr().unwrap().port());
    let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let counted = Arc::clone(&counts);
    std::thread::spawn(move || {
        let mut datagram = [0; 65_536];
        loop {
            let Ok(octets) = socket.recv(&mut datagram) else {
                std::thread::sleep(PAUSE);
                continue;
            };
            counted[0].fetch_add(1, Relaxed);
            counted[1].fetch_add(octets as u64, Relaxed);
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let [datagrams, octets] = [0, 1].map(|at: usize| counts[at].load(Relaxed));
    println!("{{\"datagrams\":{datagrams},\"octets\":{octets}}}");
}
