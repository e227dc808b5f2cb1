//! Constants that both languages have: each by its name, for the tests that compare them with those of `src/addon` and `src/cache`.

pub type Layout = &'static [(&'static str, u32)];

/// The constants of these names.
macro_rules! layout {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name as u32)),*] };
}
pub(crate) use layout;
