// SPDX-License-Identifier: GPL-2.0-only
//! Types whose every bit pattern is a value.

/// The types that a policy can keep of a file: integers, arrays of them, and structs of
/// such made by [`plain!`](crate::plain!). Two processors may write the same
/// file's memory at once, and what is then read is a mixture: harmless only where
/// any mixture is a value.
///
/// # Safety
/// Every bit pattern is a value of the type.
pub unsafe trait Plain: Copy + Default {}

macro_rules! integers {
    ($($type:ty)*) => {
        $(
            // SAFETY: all bit patterns are integers.
            unsafe impl Plain for $type {}
        )*
    };
}

integers! { u8 u16 u32 u64 i8 i16 i32 i64 }

macro_rules! arrays {
    ($($len:literal)*) => {
        $(
            // SAFETY: as its elements.
            unsafe impl<T: Plain> Plain for [T; $len] {}
        )*
    };
}

// Those lengths that `Default` knows and memory has room for.
arrays! { 1 2 3 4 5 6 7 8 12 16 24 32 }

/// Define a struct that a policy can keep of a file: all its fields are integers,
/// arrays of them (of up to 8, or 12, 16, 24, 32), or other such structs. It
/// begins with zeros.
///
/// ```
/// use raext_policy::prelude::*;
/// plain! {
///     /// Where a stream is.
///     struct Stream {
///         /// The page that it will ask for next.
///         next: u64,
///         /// How often that was right.
///         hits: u32,
///     }
/// }
/// assert_eq!(Stream::default().hits, 0);
/// ```
///
/// ```compile_fail,E0277
/// # use raext_policy::prelude::*;
/// plain! { struct Flag { on: bool } }
/// ```
#[macro_export]
macro_rules! plain {
    ($(#[$doc:meta])* $vis:vis struct $name:ident {
        $($(#[$field_doc:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[repr(C)]
        $vis struct $name {
            $($(#[$field_doc])* $field_vis $field: $type),*
        }

        // SAFETY: every field is plain, as the function proves.
        unsafe impl $crate::Plain for $name {}

        const _: fn() = || {
            const fn plain<T: $crate::Plain>() {}
            $(plain::<$type>();)*
        };
    };
}
