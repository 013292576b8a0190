// SPDX-License-Identifier: GPL-2.0-only
//! `raext compare`: policies against the kernel's own readahead.
//!
//! Arguments become a plan (`plan.rs`), the plan is measured in a microVM
//! (`measure.rs`), and the outcome is shown by raext-report.

mod measure;
pub mod plan;

use crate::args::CompareArgs;
use crate::exit::Stop;
use crate::steps::Steps;
use anyhow::{Context as _, Result};
use plan::Plan;
use std::fs;
use std::path::Path;

/// Measure and show.
pub fn run(args: &CompareArgs, steps: &Steps) -> Result<()> {
    let plan = Plan::resolve(args, &|text| steps.step(text))?;
    // A file that cannot be written is better known now than in a minute.
    for path in [&args.json, &args.html].into_iter().flatten() {
        if path != Path::new("-") {
            fs::write(path, "").with_context(|| format!("writing {}", path.display()))?;
        }
    }
    let comparison = measure::measure(&plan, steps)?;
    steps.finish();
    match args.json.as_deref() {
        Some(path) if path == Path::new("-") => println!("{}", comparison.to_json()?),
        json => {
            print!("{}", raext_measure::report::table(&comparison));
            if let Some(path) = json {
                write(path, &comparison.to_json()?, "raw measurements")?;
            }
        }
    }
    if let Some(path) = &args.html {
        write(path, &raext_measure::report::html(&comparison), "page with charts")?;
    }
    if comparison.is_flawed() {
        eprintln!("raext: some cells failed or brought wrong data: see the table");
        return Err(Stop::refused_silently());
    }
    Ok(())
}

fn write(path: &Path, text: &str, what: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    eprintln!("raext: {what}: {}", path.display());
    Ok(())
}
