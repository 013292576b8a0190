// SPDX-License-Identifier: GPL-2.0-only
//! Constants that can be set when the policy is loaded.

/// A constant that `raext … --set name=value` can set before the verifier sees
/// the policy. Made by [`tunable!`](crate::tunable).
///
/// It carries its range, so that the loader can tell the user.
#[repr(C)]
#[derive(Debug)]
pub struct Tunable<T> {
    value: T,
    least: T,
    most: T,
}

impl<T: Copy + PartialOrd> Tunable<T> {
    /// A tunable with its default and its range.
    pub const fn new(default: T, least: T, most: T) -> Self {
        Self { value: default, least, most }
    }

    /// The value that was loaded, or the nearest end of the range.
    #[inline(always)]
    pub fn get(&self) -> T {
        // SAFETY: a reference is valid to read from; the read is volatile
        // because the loader may have put another value here than the compiler.
        let value = unsafe { core::ptr::read_volatile(&raw const self.value) };
        if value < self.least {
            self.least
        } else if value > self.most {
            self.most
        } else {
            value
        }
    }
}

/// Declare a tunable: a static with an integer type, a default and, optionally,
/// its range (inclusive; the loader refuses what lies outside).
///
/// ```
/// use raext_policy::prelude::*;
/// tunable! {
///     /// The limit of a window, KiB.
///     pub static LIMIT_KB: u32 = 4096, in 4..=65536;
/// }
/// assert_eq!(LIMIT_KB.get(), 4096);
/// ```
#[macro_export]
macro_rules! tunable {
    ($(#[$doc:meta])* $vis:vis static $name:ident: $type:ident = $default:expr,
     in $least:literal ..= $most:literal;) => {
        $(#[$doc])*
        #[cfg_attr(target_arch = "bpf", unsafe(no_mangle), unsafe(link_section = ".rodata"))]
        $vis static $name: $crate::Tunable<$type> =
            $crate::Tunable::<$type>::new($default, $least, $most);
    };
    ($(#[$doc:meta])* $vis:vis static $name:ident: $type:ident = $default:expr;) => {
        $(#[$doc])*
        #[cfg_attr(target_arch = "bpf", unsafe(no_mangle), unsafe(link_section = ".rodata"))]
        $vis static $name: $crate::Tunable<$type> =
            $crate::Tunable::<$type>::new($default, $type::MIN, $type::MAX);
    };
}

#[cfg(test)]
mod tests {
    use super::Tunable;

    #[test]
    fn a_value_from_outside_the_range_is_clamped() {
        assert_eq!(Tunable::new(7_u32, 4, 16).get(), 7);
        assert_eq!(Tunable::new(0_u32, 4, 16).get(), 4);
        assert_eq!(Tunable::new(99_u32, 4, 16).get(), 16);
    }
}
