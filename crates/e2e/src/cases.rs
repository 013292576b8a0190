// SPDX-License-Identifier: GPL-2.0-only
//! A test, and what it needs of the machine that it runs on.

/// A test.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Module and function, as cargo names a test.
    pub name: &'static str,
    /// What it needs.
    pub needs: Needs,
    /// The test; it panics when it fails.
    pub run: fn(),
}

/// What a test needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs {
    /// No other test may run beside it, because it compares times.
    pub alone: bool,
}

/// For a test that compares times.
pub const ALONE: Needs = Needs { alone: true };

/// Lists the tests of a module as its `TESTS`, each with what it needs:
/// `cases! { fast, slow: ALONE }`.
#[macro_export]
macro_rules! cases {
    ($($name:ident $(: $needs:expr)?),* $(,)?) => {
        pub(crate) const TESTS: &[$crate::Case] = &[$($crate::Case {
            name: concat!(module_path!(), "::", stringify!($name)),
            needs: $crate::cases!(@needs $($needs)?),
            run: $name,
        }),*];
    };
    (@needs) => { $crate::Needs { alone: false } };
    (@needs $needs:expr) => { $needs };
}
