// SPDX-License-Identifier: GPL-2.0-only
//! What a policy keeps of a file and changes where it is kept, without a copy: for
//! values that are too large for the stack of a BPF program.

/// 32 bits that any processor may read and write at any time. Two that write the
/// same file's memory at once leave a mixture of their words.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Word(cell::Cell);

impl Word {
    /// Its description.
    #[inline(always)]
    pub fn get(&self) -> u32 {
        self.0.get()
    }

    /// Let it be something else.
    #[inline(always)]
    pub fn set(&self, value: u32) {
        self.0.set(value);
    }
}

/// As the kernel's READ_ONCE() and WRITE_ONCE(): Rust has no atomics of 32 bits for
/// BPF, but each of its loads and stores is one.
#[cfg(target_arch = "bpf")]
mod cell {
    use core::cell::UnsafeCell;

    #[derive(Debug, Default)]
    #[repr(transparent)]
    pub(super) struct Cell(UnsafeCell<u32>);

    // SAFETY: it is read and written by single volatile accesses, which the
    // processor does not tear, and every bit pattern is a value.
    unsafe impl Sync for Cell {}

    impl Cell {
        #[inline(always)]
        pub(super) fn get(&self) -> u32 {
            // SAFETY: the pointer is that of a live cell.
            unsafe { self.0.get().read_volatile() }
        }

        #[inline(always)]
        pub(super) fn set(&self, value: u32) {
            // SAFETY: as above.
            unsafe { self.0.get().write_volatile(value) }
        }
    }
}

#[cfg(not(target_arch = "bpf"))]
mod cell {
    use core::sync::atomic::{AtomicU32, Ordering};

    #[derive(Debug, Default)]
    pub(super) struct Cell(AtomicU32);

    impl Cell {
        pub(super) fn get(&self) -> u32 {
            self.0.load(Ordering::Relaxed)
        }

        pub(super) fn set(&self, value: u32) {
            self.0.store(value, Ordering::Relaxed);
        }
    }
}

/// A type that consists of [`Word`]s alone: made by [`shared!`](crate::shared!).
///
/// # Safety
/// The type is made of [`Word`]s, and nothing else.
pub unsafe trait Shared: Default + Sync + 'static {}

// SAFETY: it is one.
unsafe impl Shared for Word {}

macro_rules! arrays {
    ($($len:literal)*) => {
        $(
            // SAFETY: as its elements.
            unsafe impl<T: Shared> Shared for [T; $len] {}
        )*
    };
}

arrays! { 1 2 3 4 5 6 7 8 12 16 24 32 }

/// Define a struct that a policy keeps of a file and changes in place: its fields
/// are [`Word`]s, arrays of them, or other such structs. It begins with zeros.
///
/// ```
/// use raext_policy::prelude::*;
/// shared! {
///     /// Where streams are.
///     struct Streams {
///         /// The pages that they will ask for next.
///         next: [Word; 4],
///         /// How often that was right.
///         hits: Word,
///     }
/// }
/// let streams = Streams::default();
/// streams.next[1].set(7);
/// assert_eq!(streams.next[1].get(), 7);
/// ```
///
/// ```compile_fail,E0277
/// # use raext_policy::prelude::*;
/// shared! { struct Number { of: u32 } }
/// ```
#[macro_export]
macro_rules! shared {
    ($(#[$doc:meta])* $vis:vis struct $name:ident {
        $($(#[$field_doc:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        #[repr(C)]
        $vis struct $name {
            $($(#[$field_doc])* $field_vis $field: $type),*
        }

        // SAFETY: every field is made of words, as the function proves.
        unsafe impl $crate::Shared for $name {}

        const _: fn() = || {
            const fn shared<T: $crate::Shared>() {}
            $(shared::<$type>();)*
        };
    };
}
