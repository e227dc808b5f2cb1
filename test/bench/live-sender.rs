//! Sends the packets of a capture through an interface at a steady rate, many with one system call: tcpreplay, which needs one for
//! each, is slower than what is measured. Linux. Plain `rustc -O` builds it (measure.mjs does).
//!
//!     live-sender INTERFACE PACKETS_PER_SECOND FILE     as fast as can be with 0
//!
//! FILE: a pcap file of Ethernet in the byte order of this machine. Prints how many were sent, in how many seconds.

use std::ffi::{c_int, c_uint, c_void, CString};
use std::time::{Duration, Instant};

const AF_PACKET: c_int = 17;
const SOCK_RAW: c_int = 3;
const SOL_PACKET: c_int = 263;
const PACKET_QDISC_BYPASS: c_int = 20;
const ENOBUFS: i32 = 105;
const EAGAIN: i32 = 11;
const EINTR: i32 = 4;
/// Packets of a call, and with it how unsteady the rate is: 64 take some tens of microseconds.
const BURST: usize = 64;
/// A wait that is longer than this is slept: the meter may need the processor.
const SLEEP: Duration = Duration::from_micros(150);

#[repr(C)]
struct Address {
    family: u16,
    protocol: u16,
    index: c_int,
    hardware: u16,
    packet: u8,
    length: u8,
    address: [u8; 8],
}

#[repr(C)]
struct Piece {
    base: *const c_void,
    length: usize,
}

/// `struct mmsghdr`, whose first part is `struct msghdr`.
#[repr(C)]
struct Message {
    name: *const c_void,
    name_length: c_uint,
    pieces: *const Piece,
    piece_count: usize,
    control: *const c_void,
    control_length: usize,
    flags: c_int,
    sent: c_uint,
}

extern "C" {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn bind(socket: c_int, address: *const Address, length: c_uint) -> c_int;
    fn setsockopt(socket: c_int, level: c_int, name: c_int, value: *const c_int, length: c_uint) -> c_int;
    fn if_nametoindex(name: *const std::ffi::c_char) -> c_uint;
    fn sendmmsg(socket: c_int, messages: *mut Message, count: c_uint, flags: c_int) -> c_int;
}

fn packets(file: &[u8]) -> Vec<&[u8]> {
    let word = |at: usize| u32::from_ne_bytes(file[at..at + 4].try_into().unwrap());
    assert!(
        matches!(word(0), 0xa1b2_c3d4 | 0xa1b2_3c4d) && word(20) == 1,
        "not a pcap file of Ethernet"
    );
    let mut found = Vec::new();
    let mut at = 24;
    while at + 16 <= file.len() {
        let length = word(at + 8) as usize;
        found.push(&file[at + 16..at + 16 + length]);
        at += 16 + length;
    }
    found
}

fn open(interface: &str) -> c_int {
    let name = CString::new(interface).unwrap();
    // SAFETY: the name is a C string, the address has the layout of struct sockaddr_ll.
    unsafe {
        let index = if_nametoindex(name.as_ptr());
        assert!(index != 0, "no interface {interface}");
        // Protocol 0: nothing is received.
        let socket = socket(AF_PACKET, SOCK_RAW, 0);
        assert!(socket >= 0, "{}", std::io::Error::last_os_error());
        setsockopt(socket, SOL_PACKET, PACKET_QDISC_BYPASS, &1, 4);
        let address = Address {
            family: AF_PACKET as u16,
            protocol: 0,
            index: index as c_int,
            hardware: 0,
            packet: 0,
            length: 0,
            address: [0; 8],
        };
        assert!(
            bind(socket, &address, size_of::<Address>() as c_uint) == 0,
            "{}",
            std::io::Error::last_os_error()
        );
        socket
    }
}

fn refuse(why: &str) -> ! {
    eprintln!("live-sender: {why}");
    std::process::exit(2);
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [interface, rate, path] = given.as_slice() else {
        refuse("usage: live-sender INTERFACE PACKETS_PER_SECOND FILE");
    };
    let rate: f64 = rate
        .parse()
        .unwrap_or_else(|_| refuse(&format!("PACKETS_PER_SECOND is a number, not \"{rate}\"")));
    let file = std::fs::read(path).unwrap_or_else(|cause| refuse(&format!("cannot read {path}: {cause}")));
    let pieces: Vec<Piece> = packets(&file)
        .into_iter()
        .map(|packet| Piece {
            base: packet.as_ptr().cast(),
            length: packet.len(),
        })
        .collect();
    let mut messages: Vec<Message> = pieces
        .iter()
        .map(|piece| Message {
            name: std::ptr::null(),
            name_length: 0,
            pieces: piece,
            piece_count: 1,
            control: std::ptr::null(),
            control_length: 0,
            flags: 0,
            sent: 0,
        })
        .collect();
    let socket = open(interface);
    let start = Instant::now();
    let mut at = 0;
    while at < messages.len() {
        if rate > 0.0 {
            let due = start + Duration::from_secs_f64(at as f64 / rate);
            loop {
                let wait = due.saturating_duration_since(Instant::now());
                if wait.is_zero() {
                    break;
                }
                if wait > SLEEP {
                    std::thread::sleep(wait - SLEEP / 2);
                } else {
                    std::hint::spin_loop();
                }
            }
        }
        let count = BURST.min(messages.len() - at);
        // SAFETY: `count` messages from `at` on are there, and all that they point to.
        let sent = unsafe { sendmmsg(socket, &mut messages[at], count as c_uint, 0) };
        if sent > 0 {
            at += sent as usize;
            continue;
        }
        let error = std::io::Error::last_os_error();
        assert!(
            matches!(error.raw_os_error(), Some(ENOBUFS | EAGAIN | EINTR)),
            "{error}"
        );
    }
    println!("{} packets in {:.6} s", at, start.elapsed().as_secs_f64());
}
