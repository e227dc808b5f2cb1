//! libpcap, looked up when first needed: without it the addon still loads and reads files.

mod filter;
mod live;
mod mistake;

pub use filter::{check_filter, Filter};
pub use live::{Live, LiveOptions};

use libloading::Library;
use mistake::{find_mistake, show_mistake};
use std::ffi::{c_char, c_int, c_uint, c_void, CStr, CString};
use std::sync::{Mutex, OnceLock};

const NAMES: &[&str] = if cfg!(target_os = "macos") {
    &["libpcap.A.dylib", "libpcap.dylib", "/usr/lib/libpcap.A.dylib"]
} else {
    // Upstream's name, Debian's, FreeBSD's, and that of development packages.
    &["libpcap.so.1", "libpcap.so.0.8", "libpcap.so.8", "libpcap.so"]
};

/// `pcap_t`, never looked into.
#[repr(C)]
struct Handle {
    _opaque: [u8; 0],
}

/// `struct bpf_program`.
#[repr(C)]
struct Program {
    length: c_uint,
    instructions: *mut c_void,
}

/// `struct pcap_pkthdr`; macOS has more behind these.
#[repr(C)]
struct PacketHeader {
    time: libc::timeval,
    captured: u32,
    wire: u32,
}

/// `struct pcap_stat`, with room for the systems that have more in it.
#[repr(C)]
#[derive(Default)]
struct Stat {
    received: c_uint,
    dropped: c_uint,
    interface_dropped: c_uint,
    _more: [c_uint; 13],
}

type Handler = unsafe extern "C" fn(*mut c_void, *const PacketHeader, *const u8);

const ERROR_BUFFER: usize = 256;
const NETMASK_UNKNOWN: u32 = 0xffff_ffff;
/// In libpcap's message when words stand in no order that it knows.
const SYNTAX_ERROR: &str = "syntax error";

/// Declares the table of functions, and looks each of them up by the field's name.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) -> $result:ty;)*) => {
        struct Api {
            $($name: unsafe extern "C" fn($($argument),*) -> $result,)*
            /// Since libpcap 1.5.
            pcap_set_tstamp_precision: Option<unsafe extern "C" fn(*mut Handle, c_int) -> c_int>,
            /// pcap_compile is not safe to run in two threads before libpcap 1.8.
            compiling: Mutex<()>,
            _library: Library,
        }

        impl Api {
            fn load(library: Library) -> Result<Api, libloading::Error> {
                // SAFETY: the types are those of libpcap's documented, stable interface.
                unsafe {
                    Ok(Api {
                        $($name: *library.get(concat!(stringify!($name), "\0").as_bytes())?,)*
                        pcap_set_tstamp_precision: library.get(b"pcap_set_tstamp_precision\0").ok().map(|symbol| *symbol),
                        compiling: Mutex::new(()),
                        _library: library,
                    })
                }
            }
        }
    };
}

functions! {
    pcap_create: fn(*const c_char, *mut c_char) -> *mut Handle;
    pcap_set_snaplen: fn(*mut Handle, c_int) -> c_int;
    pcap_set_promisc: fn(*mut Handle, c_int) -> c_int;
    pcap_set_timeout: fn(*mut Handle, c_int) -> c_int;
    pcap_set_buffer_size: fn(*mut Handle, c_int) -> c_int;
    pcap_activate: fn(*mut Handle) -> c_int;
    pcap_setnonblock: fn(*mut Handle, c_int, *mut c_char) -> c_int;
    pcap_get_selectable_fd: fn(*mut Handle) -> c_int;
    pcap_set_datalink: fn(*mut Handle, c_int) -> c_int;
    pcap_datalink: fn(*mut Handle) -> c_int;
    pcap_dispatch: fn(*mut Handle, c_int, Handler, *mut c_void) -> c_int;
    pcap_stats: fn(*mut Handle, *mut Stat) -> c_int;
    pcap_geterr: fn(*mut Handle) -> *mut c_char;
    pcap_statustostr: fn(c_int) -> *const c_char;
    pcap_close: fn(*mut Handle) -> ();
    pcap_open_dead: fn(c_int, c_int) -> *mut Handle;
    pcap_compile: fn(*mut Handle, *mut Program, *const c_char, c_int, u32) -> c_int;
    pcap_setfilter: fn(*mut Handle, *mut Program) -> c_int;
    pcap_freecode: fn(*mut Program) -> ();
    pcap_offline_filter: fn(*const Program, *const PacketHeader, *const u8) -> c_int;
}

fn api() -> Result<&'static Api, String> {
    static API: OnceLock<Result<Api, String>> = OnceLock::new();
    API.get_or_init(|| {
        for name in NAMES {
            // SAFETY: loading libpcap runs no code of it that has preconditions.
            if let Ok(library) = unsafe { Library::new(name) } {
                return Api::load(library).map_err(|error| format!("libpcap is too old: {error}"));
            }
        }
        Err(
            "libpcap is not installed; live capture and BPF filters need it (package libpcap0.8, libpcap0.8t64 or libpcap)"
                .to_owned(),
        )
    })
    .as_ref()
    .map_err(Clone::clone)
}

/// A `pcap_t` of our own.
struct Owned {
    api: &'static Api,
    handle: *mut Handle,
}

// SAFETY: libpcap lets any thread use a handle, one at a time; `Owned` has only one owner.
unsafe impl Send for Owned {}

impl Owned {
    fn error(&self) -> String {
        // SAFETY: the handle is live; the text lives in it and is copied at once.
        unsafe { text((self.api.pcap_geterr)(self.handle)) }
    }

    /// Errors are texts for the user, with the place of the mistake where that can be told.
    fn compile(&self, expression: &str) -> Result<Compiled, String> {
        self.try_compile(expression).map_err(|why| {
            let place = (why.contains(SYNTAX_ERROR)).then(|| {
                find_mistake(expression, |begun| match self.try_compile(begun) {
                    Err(why) => !why.contains(SYNTAX_ERROR),
                    Ok(_) => true,
                })
            });
            let shown = place.flatten().map(|place| show_mistake(expression, place));
            format!("filter \"{expression}\": {why}{}", shown.unwrap_or_default())
        })
    }

    fn try_compile(&self, expression: &str) -> Result<Compiled, String> {
        let source = CString::new(expression).map_err(|_| "has a NUL in it".to_owned())?;
        let mut program = Program {
            length: 0,
            instructions: std::ptr::null_mut(),
        };
        let _one_at_a_time = self
            .api
            .compiling
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        // SAFETY: all pointers are live for the call; `program` is filled only on success.
        let status = unsafe { (self.api.pcap_compile)(self.handle, &mut program, source.as_ptr(), 1, NETMASK_UNKNOWN) };
        if status != 0 {
            return Err(self.error());
        }
        Ok(Compiled { api: self.api, program })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: closed once, by the only owner.
        unsafe { (self.api.pcap_close)(self.handle) }
    }
}

/// A compiled BPF program.
struct Compiled {
    api: &'static Api,
    program: Program,
}

// SAFETY: the program is plain memory that nobody else has.
unsafe impl Send for Compiled {}

impl Drop for Compiled {
    fn drop(&mut self) {
        // SAFETY: freed once, by the only owner.
        unsafe { (self.api.pcap_freecode)(&mut self.program) }
    }
}

/// Copies a C string of libpcap's.
///
/// # Safety
/// `pointer` is null or points to a NUL-terminated text.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}
