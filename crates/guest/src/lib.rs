// SPDX-License-Identifier: GPL-2.0-only
//! The init of the microVM.
//!
//! One static binary with two lives: as process 1 it mounts what a Linux
//! system has mounted and looks after its child ([`init`]); that child is the
//! same binary again, started as `raext-agent serve`, and does what the host
//! asks ([`serve`]). They are apart so that a crash of the second is seen and
//! reported by the first, and so that waiting for orphans does not take the
//! exit status of a program from the one who waits for it.

mod agent;
mod background;
mod error;
mod exec;
mod init;
mod kmsg;
mod line;
mod loopback;
mod modules;
pub mod parts;
mod pass;
mod policy;
mod port;
mod program;
mod readahead;
mod serve;
mod shares;
mod table;
mod tools;
mod workload;

pub use agent::Agent;
pub use line::Line;
pub use serve::product;
pub use table::{ForProgram, Host, Serve, Table};

use std::process::ExitCode;

/// The agent with the requests of `table`: process 1 of the guest, its child, or one
/// of its tools, by its argument.
pub fn run(table: &Table<Agent>) -> ExitCode {
    let mode = std::env::args().nth(1);
    if std::process::id() == 1 {
        init::run();
    }
    match mode.as_deref() {
        Some("serve") => match serve::run(table) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("raext-agent: {error}");
                ExitCode::FAILURE
            }
        },
        Some("tool") => tools::run(std::env::args().skip(2)),
        Some("sysrq") => exec::sysrq(std::env::args().nth(2)),
        _ => {
            eprintln!(
                "raext-agent: this is the init of the microVM that raext boots; \
                 it does nothing outside of it"
            );
            ExitCode::from(2)
        }
    }
}
