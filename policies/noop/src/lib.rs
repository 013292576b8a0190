// SPDX-License-Identifier: GPL-2.0-only
//! `noop` answers every question with what the kernel has already: the first
//! policy there ever was, and the one to measure the cost of being asked.

#![no_std]

use raext_policy::prelude::*;

policy! {
    name: "noop",
    get_max_ra: limit,
    get_ra: window,
}

fn limit(s: &State) -> Limit {
    match s.ra_pages() {
        // Readahead is switched off for the file; an answer of 0 would mean
        // something else.
        0 => Limit::Own,
        pages => Limit::Pages(pages),
    }
}

fn window(s: &State) -> Window {
    Window::Size(s.size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_file_s_own() {
        assert_eq!(limit(&State::miss(0, 4)), Limit::Pages(32));
        let off = State::miss(0, 4).with(|s| s.ra_pages = 0);
        assert_eq!(limit(&off), Limit::Own);
    }

    #[test]
    fn the_window_is_the_kernel_s() {
        let s = State::mark(8, 4).with_window(32, 64, 64);
        assert_eq!(window(&s), Window::Size(64));
    }
}
