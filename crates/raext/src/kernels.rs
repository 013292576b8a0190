// SPDX-License-Identifier: GPL-2.0-only
//! `raext kernels`: which kernels the microVM can boot.

use crate::exit::Result;
use crate::steps::Steps;
use raext_kernel::{Known, survey};
use raext_model::Progress as _;
use raext_vm::{KernelChoice, Paths};

/// Print a line for each series.
pub fn run(steps: &Steps) -> Result<()> {
    let survey = survey(&Paths::find()?.cache(), &|text| steps.step(text));
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
pub fn release(choice: &KernelChoice, steps: &Steps) -> Result<String> {
    let cache = Paths::find()?.cache();
    let step = |text: &str| steps.step(text);
    Ok(raext_kernel::provide(&cache, &choice.want, choice.untested, &step)?.release)
}
