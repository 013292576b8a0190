// SPDX-License-Identifier: GPL-2.0-only
//! The product's agent.

use std::process::ExitCode;

fn main() -> ExitCode {
    raext_guest::run(&raext_guest::product(raext_guest::Table::new()))
}
