//! An interface, read through libpcap without blocking in it: stopping must not wait for the next packet.

use super::{api, text, Owned, PacketHeader, Stat, ERROR_BUFFER};
use crate::interfaces::interfaces;
use crate::net::close_on_exec;
use crate::panics::{defect, text_of};
use std::ffi::{c_char, c_void, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Duration;

pub struct LiveOptions {
    pub device: String,
    pub filter: Option<String>,
    pub snap_length: u32,
    pub promiscuous: bool,
    pub kernel_buffer_bytes: u32,
    /// How long the kernel may gather packets before it hands them up, ms.
    pub timeout_ms: u32,
}

pub struct Live {
    capture: Owned,
    device: String,
    descriptor: i32,
    link_type: u16,
    /// Nanoseconds in a unit of the time stamp's fraction.
    fraction_ns: u64,
    interface_index: u32,
    last: Stat,
    kernel_dropped: u64,
    interface_dropped: u64,
}

const PRECISION_NANO: i32 = 1;
const DLT_LINUX_SLL2: i32 = 276;
const ERROR_NO_SUCH_DEVICE: i32 = -5;
const ERROR_PERMISSION: i32 = -8;
const ERROR_NOT_UP: i32 = -9;
const ERROR_PROMISCUOUS_PERMISSION: i32 = -11;
const BREAK: i32 = -2;
const ERROR_PAUSE: Duration = Duration::from_millis(10);

impl Live {
    /// Errors are texts for the user.
    pub fn open(options: &LiveOptions) -> Result<Live, String> {
        let api = api()?;
        let device = options.device.clone();
        let name = CString::new(device.as_str()).map_err(|_| format!("interface {device:?}: no such device"))?;
        let mut message = [0 as c_char; ERROR_BUFFER];
        // SAFETY: the name and the buffer live for the call; the buffer has the size libpcap asks for.
        let handle = unsafe { (api.pcap_create)(name.as_ptr(), message.as_mut_ptr()) };
        if handle.is_null() {
            // SAFETY: libpcap has filled the buffer.
            return Err(format!("{device}: {}", unsafe { text(message.as_ptr()) }));
        }
        let capture = Owned { api, handle };
        // SAFETY: the handle is created and not activated, which is when these may be called; a refused precision
        // leaves microseconds.
        let (status, fraction_ns) = unsafe {
            (api.pcap_set_snaplen)(handle, options.snap_length.min(i32::MAX as u32) as i32);
            (api.pcap_set_promisc)(handle, i32::from(options.promiscuous));
            (api.pcap_set_timeout)(handle, options.timeout_ms.clamp(1, 10_000) as i32);
            (api.pcap_set_buffer_size)(handle, options.kernel_buffer_bytes.min(i32::MAX as u32) as i32);
            let nano = api
                .pcap_set_tstamp_precision
                .is_some_and(|set| set(handle, PRECISION_NANO) == 0);
            ((api.pcap_activate)(handle), if nano { 1 } else { 1000 })
        };
        if status < 0 {
            return Err(activation_error(&capture, &device, status));
        }
        if device == "any" {
            // The newer cooked header has the interface; where libpcap is too old for it, the old one stays.
            // SAFETY: the handle is active.
            unsafe { (api.pcap_set_datalink)(handle, DLT_LINUX_SLL2) };
        }
        // SAFETY: the handle is active, the buffer as above.
        let (link_type, blocking, descriptor) = unsafe {
            (
                (api.pcap_datalink)(handle),
                (api.pcap_setnonblock)(handle, 1, message.as_mut_ptr()),
                (api.pcap_get_selectable_fd)(handle),
            )
        };
        if blocking != 0 || descriptor < 0 {
            return Err(format!(
                "{device}: cannot be read without blocking: {}",
                capture.error()
            ));
        }
        close_on_exec(descriptor);
        if let Some(expression) = &options.filter {
            let mut compiled = capture.compile(expression)?;
            // SAFETY: handle and program are live; libpcap copies the program.
            if unsafe { (api.pcap_setfilter)(handle, &mut compiled.program) } != 0 {
                return Err(format!("filter \"{expression}\": {}", capture.error()));
            }
        }
        // SAFETY: the name is a C string.
        let interface_index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        Ok(Live {
            capture,
            device,
            descriptor,
            link_type: u16::try_from(link_type).unwrap_or(u16::MAX),
            fraction_ns,
            interface_index,
            last: Stat::default(),
            kernel_dropped: 0,
            interface_dropped: 0,
        })
    }

    pub fn device(&self) -> &str {
        &self.device
    }

    pub fn link_type(&self) -> u16 {
        self.link_type
    }

    /// 0 for "any".
    pub fn interface_index(&self) -> u32 {
        self.interface_index
    }

    /// Waits until there may be packets, at most `timeout_ms`.
    pub fn wait(&self, timeout_ms: u32) {
        let mut poll = libc::pollfd {
            fd: self.descriptor,
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one pollfd, as said. Errors and interruptions make the wait shorter, nothing else.
        let ready = unsafe { libc::poll(&mut poll, 1, timeout_ms as i32) };
        if ready > 0 && poll.revents & libc::POLLIN == 0 {
            self.clear_error();
            std::thread::sleep(ERROR_PAUSE);
        }
    }

    /// An interface that went down leaves an error on the socket, which `poll` would report for ever.
    #[cold]
    fn clear_error(&self) {
        let mut error = 0i32;
        let mut length = size_of::<i32>() as libc::socklen_t;
        // SAFETY: pointers to a number and its size; fails harmlessly where the descriptor is no socket.
        unsafe {
            libc::getsockopt(
                self.descriptor,
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                (&raw mut error).cast(),
                &mut length,
            )
        };
    }

    /// Whether the interface is still there, under whatever name. One that is down may come up again and is waited for.
    pub fn exists(&self) -> bool {
        let mut name = [0 as c_char; libc::IF_NAMESIZE];
        // SAFETY: the buffer has the size asked for.
        self.interface_index == 0 || unsafe { !libc::if_indextoname(self.interface_index, name.as_mut_ptr()).is_null() }
    }

    /// Hands at most `limit` packets that are there now to `each` as (time in ns, wire length, bytes); how many.
    pub fn read<F: FnMut(u64, u32, &[u8])>(&mut self, limit: usize, each: F) -> Result<usize, String> {
        let mut context = Context {
            each,
            fraction_ns: self.fraction_ns,
            panic: None,
        };
        // SAFETY: `handler::<F>` gets back the context it is made for, which outlives the call.
        let packets = unsafe {
            (self.capture.api.pcap_dispatch)(
                self.capture.handle,
                limit.min(i32::MAX as usize) as i32,
                handler::<F>,
                (&raw mut context).cast(),
            )
        };
        if let Some(text) = context.panic {
            return Err(format!("{}: {}", self.device, defect(&text)));
        }
        match packets {
            BREAK => Ok(0),
            0.. => Ok(packets as usize),
            _ => Err(format!("{}: {}", self.device, self.capture.error())),
        }
    }

    /// Packets lost since the start: (by the kernel for lack of room, by the interface).
    pub fn dropped(&mut self) -> (u64, u64) {
        let mut now = Stat::default();
        // SAFETY: the handle is active and the structure at least as large as libpcap's.
        if unsafe { (self.capture.api.pcap_stats)(self.capture.handle, &mut now) } == 0 {
            // The counters are 32 bits wide and wrap.
            self.kernel_dropped += u64::from(now.dropped.wrapping_sub(self.last.dropped));
            self.interface_dropped += u64::from(now.interface_dropped.wrapping_sub(self.last.interface_dropped));
            self.last = now;
        }
        (self.kernel_dropped, self.interface_dropped)
    }
}

struct Context<F> {
    each: F,
    fraction_ns: u64,
    panic: Option<String>,
}

/// # Safety
/// libpcap calls this with the `Context<F>` given to pcap_dispatch and a packet that is whole for the call.
unsafe extern "C" fn handler<F: FnMut(u64, u32, &[u8])>(
    user: *mut c_void,
    header: *const PacketHeader,
    bytes: *const u8,
) {
    // SAFETY: as above.
    let (context, header, data) = unsafe {
        let header = &*header;
        (
            &mut *user.cast::<Context<F>>(),
            header,
            std::slice::from_raw_parts(bytes, header.captured as usize),
        )
    };
    if context.panic.is_some() {
        return;
    }
    let time_ns = (header.time.tv_sec as u64)
        .wrapping_mul(1_000_000_000)
        .wrapping_add((header.time.tv_usec as u64).wrapping_mul(context.fraction_ns));
    // A panic must not run through libpcap's frames.
    let done = catch_unwind(AssertUnwindSafe(|| (context.each)(time_ns, header.wire, data)));
    context.panic = done.err().map(|panic| text_of(&*panic));
}

/// Interfaces that are named in a message, at most: a host of containers has thousands.
const NAMED_INTERFACES: usize = 20;

#[cold]
fn no_such_device(device: &str, detail: &str) -> String {
    let mut names: Vec<String> = interfaces().into_iter().map(|interface| interface.name).collect();
    let more = if names.len() > NAMED_INTERFACES { ", ..." } else { "" };
    names.truncate(NAMED_INTERFACES);
    if names.is_empty() {
        return format!("interface {device}: no such device ({detail})");
    }
    format!(
        "interface {device}: no such device; there are {}{more}",
        names.join(", ")
    )
}

#[cold]
fn activation_error(capture: &Owned, device: &str, status: i32) -> String {
    let detail = match capture.error() {
        // SAFETY: gives a constant text for any number.
        detail if detail.is_empty() => unsafe { text((capture.api.pcap_statustostr)(status)) },
        detail => detail,
    };
    match status {
        ERROR_NO_SUCH_DEVICE => no_such_device(device, &detail),
        ERROR_PERMISSION | ERROR_PROMISCUOUS_PERMISSION => {
            let right = if cfg!(target_os = "linux") {
                "CAP_NET_RAW"
            } else {
                "the right to read and write /dev/bpf*"
            };
            format!("interface {device}: not permitted; run as root or with {right} ({detail})")
        }
        ERROR_NOT_UP => format!("interface {device} is not up ({detail})"),
        _ => format!("interface {device}: {detail}"),
    }
}
