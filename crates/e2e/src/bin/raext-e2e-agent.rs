// SPDX-License-Identifier: GPL-2.0-only
//! The agent of the tests: the product's, and the requests that only tests send.

use std::process::ExitCode;

fn main() -> ExitCode {
    let table = raext_guest::product(raext_guest::Table::new());
    raext_guest::run(&raext_guest::testing(table))
}
