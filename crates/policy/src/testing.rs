// SPDX-License-Identifier: GPL-2.0-only
//! For the unit tests of policies: what a callback asked for beside its answer,
//! and a page cache to ask for.
//!
//! [`simulate()`] lets an application access a file in front of a policy: a scan,
//! random faults, streams that take turns ([`Stream`]).
//!
//! Everything here is the test thread's own.
//!
//! ```
//! use raext_policy::prelude::*;
//! use raext_policy::testing::{Range, ranges};
//!
//! fn decide(s: &State) -> Decision {
//!     s.prefetch(s.index() + 100, 4);
//!     Decision::Kernel
//! }
//!
//! let (answer, asked) = ranges(|| decide(&State::miss(8, 4)));
//! assert_eq!(answer, Decision::Kernel);
//! assert_eq!(asked, [Range { start: 108, pages: 4, marked: false }]);
//! ```

mod simulate;
mod stream;

pub use simulate::{Report, Scene, simulate};
pub use stream::{Access, Stream};

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::vec::Vec;

use crate::{FileKey, Plain, Shared};
use std::any::{Any, TypeId};
use std::boxed::Box;

/// A range that a policy asked for, in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First page.
    pub start: u64,
    /// Length.
    pub pages: u32,
    /// Whether the policy is to be asked again when it is reached.
    pub marked: bool,
}

std::thread_local! {
    static RANGES: RefCell<Vec<Range>> = const { RefCell::new(Vec::new()) };
    static CACHE: RefCell<BTreeSet<u64>> = const { RefCell::new(BTreeSet::new()) };
    static TIME: Cell<u64> = const { Cell::new(0) };
    static TASK: Cell<u32> = const { Cell::new(0) };
    static MEMORY: RefCell<HashMap<(TypeId, FileKey), Box<dyn Any>>> = RefCell::default();
}

/// Run a callback: its answer, and the ranges that it asked for.
pub fn ranges<T>(callback: impl FnOnce() -> T) -> (T, Vec<Range>) {
    RANGES.with_borrow_mut(Vec::clear);
    let answer = callback();
    (answer, RANGES.take())
}

/// Put pages into the page cache that [`State::cached`](crate::State::cached)
/// looks into.
pub fn put_into_cache(pages: impl IntoIterator<Item = u64>) {
    CACHE.with_borrow_mut(|cache| cache.extend(pages));
}

/// Set the clock that [`now_ns`](crate::now_ns) reads: nanoseconds, 0 at first.
pub fn set_time(ns: u64) {
    TIME.set(ns);
}

/// Set the thread that [`task_id`](crate::task_id) returns, 0 at first.
pub fn set_task(id: u32) {
    TASK.set(id);
}

/// Forget everything: the cache, what policies keep of files, the time, the thread.
pub fn forget() {
    TIME.set(0);
    TASK.set(0);
    CACHE.take();
    MEMORY.take();
}

pub(crate) fn time() -> u64 {
    TIME.get()
}

pub(crate) fn task() -> u32 {
    TASK.get()
}

pub(crate) fn note(range: Range) {
    RANGES.with_borrow_mut(|ranges| ranges.push(range));
}

pub(crate) fn count_cached(start: u64, pages: u32) -> u32 {
    let end = start.saturating_add(pages.into());
    CACHE.with_borrow(|cache| cache.range(start..end).count() as u32)
}

/// The content of memory `M` for a file.
pub(crate) fn recall<M: 'static, V: Plain + 'static>(file: FileKey) -> Option<V> {
    MEMORY.with_borrow(|memory| memory.get(&(TypeId::of::<M>(), file))?.downcast_ref().copied())
}

pub(crate) fn keep<M: 'static, V: Plain + 'static>(file: FileKey, value: V) {
    MEMORY.with_borrow_mut(|memory| memory.insert((TypeId::of::<M>(), file), Box::new(value)));
}

/// The content of memory `M` for a file, in its place. It stays for the rest of the
/// test program.
pub(crate) fn kept<M: 'static, V: Shared>(file: FileKey) -> &'static V {
    MEMORY.with_borrow_mut(|memory| {
        let place = memory.entry((TypeId::of::<M>(), file)).or_insert_with(|| {
            let place: &'static V = Box::leak(Box::default());
            Box::new(place)
        });
        *place.downcast_ref::<&'static V>().expect("a memory has one type of value")
    })
}
