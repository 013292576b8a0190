// SPDX-License-Identifier: GPL-2.0-only
//! The memory of a policy for each file.

use crate::{Plain, Shared, State};

/// How a file is known: two have the same key only if they are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct FileKey {
    ino: u64,
    dev: u64,
}

impl FileKey {
    /// The file that a decision is about.
    #[inline(always)]
    pub fn of(s: &State) -> Self {
        Self { ino: s.i_ino(), dev: s.dev().into() }
    }

    /// All files of the device that a decision is about. No file has the inode
    /// number 0.
    #[inline(always)]
    pub fn of_device(s: &State) -> Self {
        Self { ino: 0, dev: s.dev().into() }
    }
}

/// A memory that [`memory!`](crate::memory!) made. It is bounded: when it is full,
/// the file that was not asked about for longest is forgotten.
///
/// Two processors may decide for the same file at once; the later
/// [`set`](PerFile::set) wins.
pub trait PerFile: Sized + 'static {
    /// The kept data of a file.
    type Value: Plain + 'static;

    /// Under which key something of a decision is kept.
    #[doc(hidden)]
    #[inline(always)]
    fn key(s: &State) -> FileKey {
        FileKey::of(s)
    }

    /// The kept data of the decision's file; zeros if there is none.
    #[inline(always)]
    fn get(&self, s: &State) -> Self::Value {
        place::get::<Self>(Self::key(s))
    }

    /// Keep something of the decision's file.
    #[inline(always)]
    fn set(&self, s: &State, value: Self::Value) {
        place::set::<Self>(Self::key(s), value);
    }

    /// The kernel's map.
    #[doc(hidden)]
    #[cfg(target_arch = "bpf")]
    fn lookup(key: &FileKey) -> Option<*mut Self::Value>;

    /// Likewise.
    #[doc(hidden)]
    #[cfg(target_arch = "bpf")]
    fn insert(key: &FileKey, value: &Self::Value);
}

/// A memory of values that are changed where they are, made by
/// [`memory!`](crate::memory!) with `PerFileInPlace`. It is bounded as [`PerFile`] is.
pub trait InPlace: Sized + 'static {
    /// The kept data of a file.
    type Value: Shared;

    /// Under which key something of a decision is kept.
    #[doc(hidden)]
    #[inline(always)]
    fn key(s: &State) -> FileKey {
        FileKey::of(s)
    }

    /// The kept data of the decision's file; at first, zeros. `None` if the kernel
    /// has no memory for another file.
    #[inline(always)]
    fn of(&self, s: &State) -> Option<&'static Self::Value> {
        place::of::<Self>(Self::key(s))
    }

    /// The kernel's map.
    #[doc(hidden)]
    #[cfg(target_arch = "bpf")]
    fn lookup(key: &FileKey) -> Option<*mut Self::Value>;

    /// Likewise.
    #[doc(hidden)]
    #[cfg(target_arch = "bpf")]
    fn insert(key: &FileKey, value: &Self::Value);
}

/// In the kernel's LRU hash map.
#[cfg(target_arch = "bpf")]
#[doc(hidden)]
pub mod place {
    use super::{FileKey, InPlace, PerFile};
    pub use aya_ebpf::btf_maps::LruHashMap;

    #[inline(always)]
    pub fn get<M: PerFile>(file: FileKey) -> M::Value {
        match M::lookup(&file) {
            // SAFETY: the kernel keeps the element for the whole callback, and
            // every mixture of values is a value.
            Some(value) => unsafe { value.read() },
            None => M::Value::default(),
        }
    }

    #[inline(always)]
    pub fn set<M: PerFile>(file: FileKey, value: M::Value) {
        match M::lookup(&file) {
            // SAFETY: as above.
            Some(place) => unsafe { place.write(value) },
            None => M::insert(&file, &value),
        }
    }

    #[inline(always)]
    pub fn of<M: InPlace>(file: FileKey) -> Option<&'static M::Value> {
        let value = match M::lookup(&file) {
            Some(value) => value,
            None => {
                M::insert(&file, &M::Value::default());
                M::lookup(&file)?
            }
        };
        // SAFETY: the kernel keeps the element for the whole callback, which is as
        // long as the program that holds the reference; all of it is atomic.
        Some(unsafe { &*value })
    }
}

/// In the test thread's own.
#[cfg(not(target_arch = "bpf"))]
#[doc(hidden)]
pub mod place {
    use super::{FileKey, InPlace, PerFile};

    pub fn get<M: PerFile>(file: FileKey) -> M::Value {
        crate::testing::recall::<M, M::Value>(file).unwrap_or_default()
    }

    pub fn set<M: PerFile>(file: FileKey, value: M::Value) {
        crate::testing::keep::<M, M::Value>(file, value);
    }

    pub fn of<M: InPlace>(file: FileKey) -> Option<&'static M::Value> {
        Some(crate::testing::kept::<M, M::Value>(file))
    }
}

/// Declare a memory: what is kept of a file, and of how many files at most; or,
/// with `PerDevice` in the place of `PerFile`, of a device. With `PerFileInPlace`
/// and `PerDeviceInPlace`, what is kept is a [`shared!`](crate::shared!) struct and
/// changed where it is.
///
/// ```
/// use raext_policy::prelude::*;
/// plain! {
///     struct Last { index: u64 }
/// }
/// memory! {
///     /// Where each file was read last.
///     static FILES: PerFile<Last, 4096>;
/// }
/// let s = State::miss(7, 1);
/// assert_eq!(FILES.get(&s).index, 0);
/// FILES.set(&s, Last { index: s.index() });
/// assert_eq!(FILES.get(&s).index, 7);
/// ```
#[macro_export]
macro_rules! memory {
    ($(#[$doc:meta])* $vis:vis static $name:ident: PerFile<$value:ty, $files:literal>;) => {
        $crate::memory! { @make $(#[$doc])* $vis $name $value, $files, PerFile, of }
    };
    ($(#[$doc:meta])* $vis:vis static $name:ident: PerDevice<$value:ty, $devices:literal>;) => {
        $crate::memory! { @make $(#[$doc])* $vis $name $value, $devices, PerFile, of_device }
    };
    ($(#[$doc:meta])* $vis:vis static $name:ident: PerFileInPlace<$value:ty, $files:literal>;) => {
        $crate::memory! { @make $(#[$doc])* $vis $name $value, $files, InPlace, of }
    };
    ($(#[$doc:meta])* $vis:vis static $name:ident:
        PerDeviceInPlace<$value:ty, $devices:literal>;) => {
        $crate::memory! { @make $(#[$doc])* $vis $name $value, $devices, InPlace, of_device }
    };
    (@make $(#[$doc:meta])* $vis:vis $name:ident $value:ty, $files:literal, $kind:ident,
     $key:ident) => {
        $(#[$doc])*
        #[expect(clippy::upper_case_acronyms, reason = "used as a static is")]
        #[derive(Debug)]
        $vis struct $name;

        const _: () = assert!(
            size_of::<$value>() <= 256,
            "a policy may keep 256 bytes of a file at most"
        );

        impl $crate::$kind for $name {
            type Value = $value;

            #[inline(always)]
            fn key(s: &$crate::State) -> $crate::FileKey {
                $crate::FileKey::$key(s)
            }

            #[cfg(target_arch = "bpf")]
            #[inline(always)]
            fn lookup(key: &$crate::FileKey) -> Option<*mut $value> {
                RAEXT_MAP.get_ptr_mut(key)
            }

            #[cfg(target_arch = "bpf")]
            #[inline(always)]
            fn insert(key: &$crate::FileKey, value: &$value) {
                // A full map forgets; what else can fail is the kernel's memory.
                let _ = RAEXT_MAP.insert(key, value, 0);
            }
        }

        #[cfg(target_arch = "bpf")]
        #[unsafe(link_section = ".maps")]
        #[unsafe(export_name = stringify!($name))]
        static RAEXT_MAP: $crate::place::LruHashMap<$crate::FileKey, $value, $files> =
            $crate::place::LruHashMap::new();
    };
}

#[cfg(test)]
mod tests {
    use crate::State;
    use crate::prelude::*;

    memory! {
        static FILES: PerFile<u64, 16>;
    }
    memory! {
        static DEVICES: PerDevice<u64, 16>;
    }

    #[test]
    fn files_of_a_device_share_what_is_kept_of_it() {
        let file = |ino, dev| {
            State::miss(0, 1).with(|s| {
                s.i_ino = ino;
                s.dev = dev;
            })
        };
        FILES.set(&file(1, 7), 1);
        DEVICES.set(&file(1, 7), 2);
        assert_eq!([FILES.get(&file(2, 7)), DEVICES.get(&file(2, 7))], [0, 2]);
        assert_eq!([FILES.get(&file(1, 8)), DEVICES.get(&file(1, 8))], [0, 0]);
        assert_eq!(FILES.get(&file(1, 7)), 1);
    }
}
