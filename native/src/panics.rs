//! Panics, of libraries on damaged files or of our own making, become error texts, without the lines that Rust would print
//! by itself.

use std::any::Any;
use std::cell::Cell;
use std::panic::{catch_unwind, set_hook, take_hook, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// Does the work; a panic in it, on this thread, is its text. Panics elsewhere are printed as ever.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            if !CATCHING.try_with(Cell::get).unwrap_or(false) {
                print(panic);
            }
        }));
    });
    let outer = CATCHING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(outer);
    done.map_err(|panic| text_of(&*panic))
}

/// An error that a panic can become.
pub trait FromDefect {
    fn from_defect(text: String) -> Self;
}

impl FromDefect for String {
    fn from_defect(text: String) -> String {
        text
    }
}

/// As `caught`, of work that has errors of its own: a panic is a defect, but must not end the process of somebody who meters,
/// collects or asks.
pub fn guarded<T, E: FromDefect>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    caught(work).unwrap_or_else(|text| Err(E::from_defect(defect(&text))))
}

/// What a mutex guards, whether or not somebody panicked while he had it: his panic has been told.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a panic says.
pub fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("unknown").to_string()
}

/// What the user is told of a panic.
pub fn defect(text: &str) -> String {
    format!("internal error: {text}; please report this")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_its_text() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught::<()>(|| panic!("page {}", 3)), Err("page 3".to_string()));
        assert_eq!(caught::<()>(|| panic!("page")), Err("page".to_string()));
        assert_eq!(guarded(|| Err::<(), _>("cut".to_string())), Err("cut".to_string()));
        assert_eq!(guarded::<(), String>(|| panic!("page")), Err(defect("page")));
        let inner = caught(|| caught::<()>(|| panic!("inner")));
        assert_eq!(inner, Ok(Err("inner".to_string())));
    }
}
