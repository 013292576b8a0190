// SPDX-License-Identifier: GPL-2.0-only
//! Catches the messages of libbpf.
//!
//! The verifier's log reaches us by libbpf's messages only, and their callback
//! is one for the whole process: one capture at a time.

use libbpf_rs::{PrintLevel, set_print};
use std::sync::{Mutex, MutexGuard, PoisonError};

static TURN: Mutex<()> = Mutex::new(());
static SAID: Mutex<String> = Mutex::new(String::new());

/// Run `work` and return what libbpf said meanwhile, at level info and above.
pub(crate) fn capture<T>(work: impl FnOnce() -> T) -> (T, String) {
    let _turn = lock(&TURN);
    lock(&SAID).clear();
    let before = set_print(Some((PrintLevel::Info, |_, text| lock(&SAID).push_str(&text))));
    let result = work();
    set_print(before);
    (result, std::mem::take(&mut *lock(&SAID)))
}

/// The text stays readable after a panic in another thread.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
