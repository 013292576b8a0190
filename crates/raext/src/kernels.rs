// SPDX-License-Identifier: GPL-2.0-only
//! `raext kernels`: which kernels the microVM can boot.

use crate::exit::Result;
use crate::steps::Steps;
use raext_kernel::{Kernels, Known};
use raext_vm::{KernelChoice, Paths};
use std::rc::Rc;

/// Print a line for each series.
pub(crate) fn run(steps: &Rc<Steps>) -> Result<()> {
    let survey = Kernels::new(&Paths::find()?.cache(), steps.clone())?.survey();
    steps.finish();
    println!("{:<7} {:<32} {:<32} TESTED WITH", "SERIES", "CACHED", "IN THE ARCHIVE");
    for known in &survey.series {
        print!("{}", rows(known));
    }
    match survey.trouble {
        Some(trouble) => Err(trouble.into()),
        None => Ok(()),
    }
}

/// A row, and one more for each further kernel in the cache.
fn rows(known: &Known) -> String {
    let row = |series: &str, cached: &str, archive: &str, tested: &str| {
        format!("{series:<7} {cached:<32} {archive:<32} {tested}\n")
    };
    let cached = known.cached.first().map_or("-", String::as_str);
    let archive = known.archive.as_deref().unwrap_or("-");
    let tested = known.tested.unwrap_or("- (needs --untested)");
    let mut text = row(&known.series.to_string(), cached, archive, tested);
    for older in known.cached.iter().skip(1) {
        text += row("", older, "", "").trim_end();
        text.push('\n');
    }
    text
}

/// The release of a kernel that is to be booted; it is fetched, if need be.
pub(crate) fn release(choice: &KernelChoice, steps: &Rc<Steps>) -> Result<String> {
    let kernels = Kernels::new(&Paths::find()?.cache(), steps.clone())?;
    Ok(kernels.provide(&choice.want, choice.untested)?.release)
}
