// SPDX-License-Identifier: GPL-2.0-only
//! `raext man` and `raext completions`: pages and scripts from the one definition of the
//! arguments, so that neither can lack a flag.

use crate::args::{Cli, ManArgs};
use crate::exit::Result;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use raext_model::{Error, IoExt as _};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Print a page, or write all of them into a folder.
pub(crate) fn run(args: &ManArgs) -> Result<()> {
    let pages = pages();
    if let Some(folder) = &args.output {
        fs::create_dir_all(folder).given("making", folder)?;
        for (name, page) in pages {
            let path = folder.join(format!("{name}.1"));
            fs::write(&path, page).given("writing", &path)?;
            println!("{}", path.display());
        }
        return Ok(());
    }
    let wanted = [&["raext".to_owned()], &args.command[..]].concat().join("-");
    let page = pages.into_iter().find(|(name, _)| *name == wanted).ok_or_else(|| {
        let command = args.command.join(" ");
        Error::usage(format!("no command '{command}': `raext help` lists the commands"))
    })?;
    io::stdout().write_all(&page.1).given("writing", Path::new("standard output"))
}

/// Print the completions for a shell.
pub(crate) fn completions(shell: Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "raext", &mut io::stdout());
}

/// The man pages of the command and of all commands below it, by name.
pub(crate) fn pages() -> Vec<(String, Vec<u8>)> {
    let mut pages = Vec::new();
    // `help` has nothing to document.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    add(&command, &mut pages);
    pages
}

fn add(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let page = Man::new(command.clone())
        .source(concat!("raext ", env!("CARGO_PKG_VERSION")))
        .manual("raext");
    let mut text = Vec::new();
    // A vector takes every byte.
    if page.render(&mut text).is_ok() {
        pages.push((name, text));
    }
    for below in command.get_subcommands() {
        add(below, pages);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every flag of every command, by the name of its page.
    fn flags(command: &Command, into: &mut Vec<(String, String)>) {
        let page = command.get_display_name().unwrap_or_else(|| command.get_name());
        for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
            into.push((page.to_owned(), flag.to_owned()));
        }
        for below in command.get_subcommands() {
            flags(below, into);
        }
    }

    #[test]
    fn a_page_of_each_command_documents_each_flag() {
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let mut wanted = Vec::new();
        flags(&command, &mut wanted);
        assert!(wanted.contains(&("raext-module-build".into(), "untested".into())), "{wanted:?}");
        let pages = pages();
        for (name, flag) in wanted {
            let (_, page) = pages.iter().find(|(page, _)| *page == name).unwrap();
            let page = String::from_utf8_lossy(page).replace("\\-", "-");
            let options = page.split_once(".SH OPTIONS").unwrap().1;
            assert!(options.contains(&format!("--{flag}")), "{name} lacks --{flag}");
        }
    }
}
