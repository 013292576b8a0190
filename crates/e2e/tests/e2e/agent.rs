// SPDX-License-Identifier: GPL-2.0-only
//! The product's agent has no code of the tests.

use raext_e2e::agent_file;
use raext_e2e::requests::{BreakDevice, DropVolume, MakeCgroup, RunTogether, UnloadModule};
use raext_model::Request;
use raext_vm::Paths;
use std::fs;

raext_e2e::cases! { the_products_agent_has_no_request_of_the_tests }

/// What is in the binary of an agent that serves the tests: names of requests, long
/// enough to be there as they are, and the crate of the tests in the symbols.
const SIGNS: [&str; 6] = [
    BreakDevice::NAME,
    DropVolume::NAME,
    MakeCgroup::NAME,
    RunTogether::NAME,
    UnloadModule::NAME,
    "9raext_e2e",
];

fn the_products_agent_has_no_request_of_the_tests() {
    let ours = fs::read(agent_file()).unwrap();
    let product = fs::read(Paths::find().unwrap().build.join("bin/raext-agent")).unwrap();
    for sign in SIGNS {
        assert!(has(&ours, sign), "the tests' agent has no {sign}: this test sees nothing");
        assert!(!has(&product, sign), "the product's agent has {sign}");
    }
}

fn has(binary: &[u8], text: &str) -> bool {
    binary.windows(text.len()).any(|bytes| bytes == text.as_bytes())
}
