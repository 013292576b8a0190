// SPDX-License-Identifier: GPL-2.0-only
//! Prints the folder of the headers of the newest kernel of the first tested
//! series, and fetches that kernel into `RAEXT_CACHE` if need be. `make check`
//! compiles the module against these headers.

use raext_kernel::{Want, provide};
use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(cache) = env::var_os("RAEXT_CACHE") else {
        eprintln!("headers: RAEXT_CACHE is not set: set it to the cache's folder");
        return ExitCode::from(2);
    };
    match provide(&PathBuf::from(cache), &Want::default(), false, &|step| eprintln!("{step}")) {
        Ok(kernel) => {
            println!("{}", kernel.headers.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("headers: {error}");
            ExitCode::from(69)
        }
    }
}
