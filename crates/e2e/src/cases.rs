// SPDX-License-Identifier: GPL-2.0-only
//! A test, by its name.

/// A test.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Module and function, as cargo names a test.
    pub name: &'static str,
    /// The test; it panics when it fails.
    pub run: fn(),
}

/// Lists the tests of a module as its `TESTS`: `cases! { one, another }`.
#[macro_export]
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[$crate::Case] = &[$($crate::Case {
            name: concat!(module_path!(), "::", stringify!($name)),
            run: $name,
        }),*];
    };
}
