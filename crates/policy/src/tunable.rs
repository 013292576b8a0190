// SPDX-License-Identifier: GPL-2.0-only
//! Constants that can be set when the policy is loaded.

use core::ptr::read_volatile;

/// A constant that `raext … --set name=value` can set before the verifier sees
/// the policy. Made by [`tunable!`](crate::tunable!).
///
/// It carries its range, which the loader shows to the user.
#[repr(C)]
#[derive(Debug)]
pub struct Tunable<T: Value> {
    value: T,
    least: T,
    most: T,
}

impl<T: Value> Tunable<T> {
    /// A tunable with its default and its range.
    pub const fn new(default: T, least: T, most: T) -> Self {
        Self { value: default, least, most }
    }

    /// The value that was loaded, or the nearest end of the range.
    #[inline(always)]
    pub fn get(&self) -> T {
        let value = self.value.loaded();
        if value < self.least {
            self.least
        } else if value > self.most {
            self.most
        } else {
            value
        }
    }
}

/// The types of a tunable: an integer or `bool`, since those are what the loader
/// can read from the command line and write into the policy.
#[diagnostic::on_unimplemented(
    message = "a tunable cannot be of the type `{Self}`",
    label = "neither an integer of up to 64 bits nor `bool`"
)]
pub trait Value: Copy + PartialOrd + sealed::Sealed {
    /// Smallest value.
    const LEAST: Self;
    /// Largest value.
    const MOST: Self;
    /// The value that the loader left here, which need not be the one that the
    /// compiler has seen.
    fn loaded(&self) -> Self;
}

mod sealed {
    /// Keeps [`Value`](super::Value) to the types that the loader knows.
    pub trait Sealed {}
}

macro_rules! integers {
    ($($type:ident)*) => {
        $(impl sealed::Sealed for $type {}

        impl Value for $type {
            const LEAST: Self = Self::MIN;
            const MOST: Self = Self::MAX;

            #[inline(always)]
            fn loaded(&self) -> Self {
                // SAFETY: a reference is valid to read from, and any bytes are
                // an integer.
                unsafe { read_volatile(self) }
            }
        })*
    };
}

integers! { u8 u16 u32 u64 usize i8 i16 i32 i64 isize }

impl sealed::Sealed for bool {}

impl Value for bool {
    const LEAST: Self = false;
    const MOST: Self = true;

    #[inline(always)]
    fn loaded(&self) -> Self {
        // SAFETY: a reference is valid to read from. As a byte, because a loader
        // may have left one that is neither 0 nor 1.
        unsafe { read_volatile((&raw const *self).cast::<u8>()) != 0 }
    }
}

/// Declare a tunable: a static with an integer type or `bool`, a default and,
/// optionally, its range (inclusive; the loader refuses what lies outside).
///
/// ```
/// use raext_policy::prelude::*;
/// tunable! {
///     /// The limit of a window, KiB.
///     pub static LIMIT_KB: u32 = 4096, in 4..=65536;
/// }
/// tunable! {
///     /// Leave mappings to the kernel.
///     pub static READS_ONLY: bool = false;
/// }
/// assert_eq!(LIMIT_KB.get(), 4096);
/// assert!(!READS_ONLY.get());
/// ```
///
/// A default from outside the range does not compile:
/// ```compile_fail,E0080
/// # use raext_policy::prelude::*;
/// tunable! { pub static LIMIT_KB: u32 = 2, in 4..=65536; }
/// ```
///
/// Nor does a type that the loader cannot set:
/// ```compile_fail,E0277
/// # use raext_policy::prelude::*;
/// tunable! { pub static FACTOR: f32 = 1.5; }
/// ```
#[macro_export]
macro_rules! tunable {
    ($(#[$doc:meta])* $vis:vis static $name:ident: $type:ident = $default:expr,
     in $least:literal ..= $most:literal;) => {
        $(#[$doc])*
        #[cfg_attr(target_arch = "bpf", unsafe(no_mangle), unsafe(link_section = ".rodata"))]
        $vis static $name: $crate::Tunable<$type> = {
            let (least, default, most): ($type, $type, $type) = ($least, $default, $most);
            assert!(least <= default && default <= most, "the default is out of the range");
            $crate::Tunable::<$type>::new(default, least, most)
        };
    };
    ($(#[$doc:meta])* $vis:vis static $name:ident: $type:ident = $default:expr;) => {
        $(#[$doc])*
        #[cfg_attr(target_arch = "bpf", unsafe(no_mangle), unsafe(link_section = ".rodata"))]
        $vis static $name: $crate::Tunable<$type> = $crate::Tunable::<$type>::new(
            $default,
            <$type as $crate::Value>::LEAST,
            <$type as $crate::Value>::MOST,
        );
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
        assert_eq!(Tunable::new(-9_i32, -5, 5).get(), -5);
        assert!(Tunable::new(true, false, true).get());
    }

    #[test]
    fn without_a_range_a_tunable_takes_all_of_its_type() {
        tunable! { static SIGNED: i8 = -128; }
        tunable! { static FLAG: bool = true; }
        assert_eq!(SIGNED.get(), i8::MIN);
        assert_eq!((SIGNED.least, SIGNED.most), (i8::MIN, i8::MAX));
        assert!(FLAG.get() && FLAG.most && !FLAG.least);
    }
}
