// SPDX-License-Identifier: GPL-2.0-only
//! `lean` reads just the pages that the application asks for. It is for random readers:
//! each page that is read ahead for them is wasted.
//!
//! Sequential readers pay: each read waits for the device.

#![no_std]

use raext_policy::prelude::*;

policy! {
    name: "lean",
    get_max_ra: limit,
}

fn limit(_s: &State) -> Limit {
    Limit::OnlyAsked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_ahead() {
        assert_eq!(limit(&State::miss(0, 4)), Limit::OnlyAsked);
        assert_eq!(limit(&State::mark(0, 4)), Limit::OnlyAsked);
        assert_eq!(limit(&State::fault(0)), Limit::OnlyAsked);
    }
}
