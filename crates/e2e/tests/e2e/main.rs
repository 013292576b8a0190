// SPDX-License-Identifier: GPL-2.0-only
//! Every test that needs the command, a kernel or a microVM, in one program
//! (`raext_e2e::main`), by subject.

mod agent;
mod archive;
mod auto;
mod bench;
mod command;
mod extremes;
mod faults;
mod fields;
mod groups;
mod guard;
mod hostile;
mod ibt;
mod io_errors;
mod kernels;
mod kit;
mod life;
mod memory;
mod operator;
mod patterns;
mod programs;
mod readahead;
mod refusals;
mod requests;
mod shared;
mod sight;
mod software;
mod stress;
mod tracepoint;
mod trial;
mod verdicts;

fn main() -> std::process::ExitCode {
    raext_e2e::main(
        [
            agent::TESTS,
            archive::TESTS,
            auto::TESTS,
            bench::TESTS,
            command::TESTS,
            extremes::TESTS,
            faults::TESTS,
            fields::TESTS,
            groups::TESTS,
            guard::TESTS,
            hostile::TESTS,
            ibt::TESTS,
            io_errors::TESTS,
            kernels::TESTS,
            kit::TESTS,
            life::TESTS,
            memory::TESTS,
            operator::TESTS,
            patterns::TESTS,
            programs::TESTS,
            readahead::TESTS,
            refusals::TESTS,
            requests::TESTS,
            shared::TESTS,
            sight::TESTS,
            software::TESTS,
            stress::TESTS,
            tracepoint::TESTS,
            trial::TESTS,
            verdicts::TESTS,
        ]
        .concat(),
    )
}
