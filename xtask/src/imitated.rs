// SPDX-License-Identifier: GPL-2.0-only
//! Compares the kernel's functions that the module imitates, steers or relies on with
//! the source of each kernel: a change in them gives no error at compile time.
//!
//! Without arguments the newest packaged kernel of each tested series is read, and of
//! each newer series. `--accept` writes the texts' hashes into the list.

mod list;
mod scan;

use list::{Kernel, List, PATH};
use raext_kernel::{Kernels, Series, Source, TESTED};
use raext_model::{Error, IoExt as _, Kind, Lines};
use scan::Tokens;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

const USAGE: &str = "usage: cargo run -p xtask -- imitated [--accept] [SERIES...]";
/// Where packages and what comes out of them are kept, from the root.
const CACHE: &str = "build/cache";

/// Run the command. The exit status is 0 if nothing deviates, 1 if something does, 2
/// for wrong arguments, and 69 where a source cannot be had.
pub(crate) fn run(root: &Path, args: impl Iterator<Item = String>) -> ExitCode {
    match Wanted::of(args).and_then(|wanted| all(root, &wanted)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("imitated: {error}");
            ExitCode::from(error.kind().status())
        }
    }
}

/// The command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    accept: bool,
    series: Vec<Series>,
}

impl Wanted {
    fn of(args: impl Iterator<Item = String>) -> Result<Self, Error> {
        let mut wanted = Self::default();
        for arg in args {
            match arg.parse() {
                _ if arg == "--accept" => wanted.accept = true,
                Ok(series) => wanted.series.push(series),
                Err(error) => return Err(Error::usage(error.to_string()).help(USAGE)),
            }
        }
        Ok(wanted)
    }

    /// The series to read. Without a choice, a series that is newer than all tested ones
    /// is compared too, but only a tested one is accepted.
    fn series(
        &self,
        packaged: impl FnOnce() -> Result<Vec<Series>, Error>,
    ) -> Result<Vec<Series>, Error> {
        if !self.series.is_empty() {
            return Ok(self.series.clone());
        }
        let mut series = TESTED.map(|tested| tested.series).to_vec();
        if !self.accept {
            let newest = series.iter().max().copied();
            series.extend(packaged()?.into_iter().filter(|other| Some(*other) > newest));
        }
        Ok(series)
    }
}

fn all(root: &Path, wanted: &Wanted) -> Result<ExitCode, Error> {
    let path = root.join(PATH);
    let mut list = List::of(&fs::read_to_string(&path).given("reading", &path)?)?;
    let progress = Rc::new(Lines(|step: &str| eprintln!("{step}")));
    let kernels = Kernels::new(&root.join(CACHE), progress)?;
    let packaged = || Ok(kernels.source_series()?);
    let mut status = 0;
    for series in wanted.series(packaged)? {
        let source = match kernels.source(series, &list.files()) {
            Ok(source) => source,
            Err(error) => {
                let error = Error::from(error).at(format!("kernel {series}"));
                eprintln!("imitated: {error}");
                status = worse(status, error.kind().status());
                continue;
            }
        };
        let kernel = read(&list, series, &source)?;
        if wanted.accept {
            let written = list.accept(&kernel);
            eprintln!("kernel {}: {written} of {} hashes are new", kernel.version, list.len());
            continue;
        }
        let deviations = list.deviations(&kernel);
        deviations.iter().for_each(|line| println!("{line}"));
        if deviations.is_empty() {
            eprintln!("kernel {}: all {} texts are as they were", kernel.version, list.len());
        } else {
            status = Kind::Refused.status();
        }
    }
    if wanted.accept {
        fs::write(&path, list.text()).ours("writing", &path)?;
    }
    Ok(ExitCode::from(status))
}

/// A deviation counts more than a source that cannot be had.
fn worse(status: u8, other: u8) -> u8 {
    if status == Kind::Refused.status() { status } else { other }
}

/// The tokens of the files that the list names.
fn read<'a>(list: &List, series: Series, source: &'a Source) -> Result<Kernel<'a>, Error> {
    let mut files = BTreeMap::new();
    for file in list.files() {
        let path = source.folder.join(file);
        if path.exists() {
            let bytes = fs::read(&path).ours("reading", &path)?;
            files.insert(file.to_owned(), Tokens::of(&String::from_utf8_lossy(&bytes)));
        }
    }
    let folder = format!("{CACHE}/sources/{}", source.version);
    Ok(Kernel { series, version: source.kernel(), folder, files })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(args: &[&str]) -> Result<Wanted, Error> {
        Wanted::of(args.iter().map(|arg| (*arg).to_owned()))
    }

    fn chosen(args: &[&str]) -> Vec<String> {
        let packaged = || Ok(["6.1", "6.12", "99.1"].map(|s| s.parse().unwrap()).to_vec());
        wanted(args).unwrap().series(packaged).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_tested_series_are_read_and_each_newer_one() {
        let mut tested = TESTED.map(|tested| tested.series.to_string()).to_vec();
        assert_eq!(chosen(&["--accept"]), tested);
        tested.push("99.1".to_owned());
        assert_eq!(chosen(&[]), tested);
        assert_eq!(chosen(&["99.1", "--accept"]), ["99.1"]);
    }

    #[test]
    fn other_arguments_are_wrong_usage() {
        for arg in ["--help", "7", "7.3.4", ""] {
            let error = wanted(&[arg]).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{arg}");
            assert!(error.to_string().ends_with(USAGE), "{error}");
        }
    }

    #[test]
    fn a_deviation_is_not_hidden_by_a_source_that_cannot_be_had() {
        let (refused, environment) = (Kind::Refused.status(), Kind::Environment.status());
        assert_eq!(worse(refused, environment), refused);
        assert_eq!(worse(0, environment), environment);
    }
}
