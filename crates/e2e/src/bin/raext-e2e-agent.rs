// SPDX-License-Identifier: GPL-2.0-only
//! The agent of the tests: the product's, and the requests that only tests send.

fn main() -> std::process::ExitCode {
    raext_e2e::agent::run()
}
