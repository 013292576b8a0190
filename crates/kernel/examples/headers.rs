// SPDX-License-Identifier: GPL-2.0-only
//! Prints the folder of the headers of the newest kernel of the first tested
//! series, and fetches that kernel into `RAEXT_CACHE` if need be. `make check`
//! compiles the module against these headers.

use raext_kernel::{Kernels, Want};
use raext_model::Lines;
use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

fn main() -> ExitCode {
    let Some(cache) = env::var_os("RAEXT_CACHE") else {
        eprintln!("headers: RAEXT_CACHE is not set: set it to the cache's folder");
        return ExitCode::from(2);
    };
    let progress = Rc::new(Lines(|step: &str| eprintln!("{step}")));
    let kernels = Kernels::new(&PathBuf::from(cache), progress);
    match kernels.and_then(|kernels| kernels.provide(&Want::default(), false)) {
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
