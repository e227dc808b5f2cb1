//! Loops over whole columns for the registers of 256 bits that x86 processors have had since 2013. The addon is built for
//! any x86 processor of 64 bits, whose registers have 128 and which cannot compare numbers of 64 bits more than one at a time.

/// The expression, compiled once more for such processors, where there is one; its value is the same. Only what is inlined
/// is compiled again: functions in it say `#[inline(always)]`, as do those they call.
macro_rules! with_wide_registers {
    ($work:expr) => {
        match $crate::wide_registers::available() {
            // SAFETY: the processor has just said that it has them. A closure called in one place only is inlined there.
            true => unsafe { $crate::wide_registers::run(|| $work) },
            false => $work,
        }
    };
}
pub(crate) use with_wide_registers;

#[inline(always)]
pub fn available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("bmi1")
        && std::arch::is_x86_feature_detected!("bmi2")
        && std::arch::is_x86_feature_detected!("lzcnt");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// # Safety
/// They are `available`.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,bmi1,bmi2,lzcnt"))]
pub unsafe fn run<T>(work: impl FnOnce() -> T) -> T {
    work()
}
