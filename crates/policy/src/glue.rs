// SPDX-License-Identifier: GPL-2.0-only
//! Between the kernel's calling convention and a policy's functions. Used by
//! the code that [`policy!`](crate::policy) makes, not by policies.

use crate::abi::bpf_fs_readahead_state;
use crate::{Decision, Limit, State, Window};

/// The state that a callback was called for.
///
/// # Safety
/// `context` is the argument array that the kernel gives to a callback of
/// `struct bpf_fs_readahead_ops`.
#[inline(always)]
unsafe fn state(context: *mut u64) -> *mut bpf_fs_readahead_state {
    // SAFETY: the array has one element, the pointer to the state.
    unsafe { *context as *mut bpf_fs_readahead_state }
}

/// Answer a `get_max_ra`.
///
/// # Safety
/// `context` is the argument array that the kernel gives to the callback.
#[inline(always)]
pub unsafe fn get_max_ra(context: *mut u64, policy: fn(&State) -> Limit) -> i32 {
    // SAFETY: the kernel's state is alive and ours for the whole callback, and
    // `State` is a transparent wrapper of it.
    let state = unsafe { &*state(context).cast::<State>() };
    policy(state).to_raw()
}

/// Answer a `get_ra`.
///
/// # Safety
/// `context` is the argument array that the kernel gives to the callback.
#[inline(always)]
pub unsafe fn get_ra(context: *mut u64, policy: fn(&State) -> Window) -> i32 {
    // SAFETY: the caller's word.
    let raw = unsafe { state(context) };
    // SAFETY: as above; the reference is gone before the writes below.
    let window = policy(unsafe { &*raw.cast::<State>() });
    if let Window::Exact { start, size, async_size } = window {
        // SAFETY: the kernel's state is ours for the whole callback.
        unsafe { write_window(raw, start, size, async_size) };
    }
    window.to_raw()
}

/// Answer a `decide`.
///
/// # Safety
/// `context` is the argument array that the kernel gives to the callback.
#[inline(always)]
pub unsafe fn decide(context: *mut u64, policy: fn(&State) -> Decision) -> i32 {
    // SAFETY: the caller's word.
    let raw = unsafe { state(context) };
    // SAFETY: as above; the reference is gone before the writes below.
    let (start, size, async_size) = match policy(unsafe { &*raw.cast::<State>() }) {
        Decision::Kernel => return 0,
        Decision::OnlyAsked => (0, 0, 0),
        Decision::Window { start, size, async_size } => (start, size, async_size),
    };
    // SAFETY: the kernel's state is ours for the whole callback.
    unsafe { write_window(raw, start, size, async_size) };
    1
}

/// # Safety
/// `raw` is the kernel's state, and there is no reference to it.
#[inline(always)]
unsafe fn write_window(raw: *mut bpf_fs_readahead_state, start: u64, size: u32, async_size: u32) {
    // SAFETY: the verifier lets a policy write these three fields, each as a
    // whole: volatile keeps the compiler from merging two of the writes.
    unsafe {
        (&raw mut (*raw).start).write_volatile(start);
        (&raw mut (*raw).size).write_volatile(size);
        (&raw mut (*raw).async_size).write_volatile(async_size);
    }
}
