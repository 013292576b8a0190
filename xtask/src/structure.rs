// SPDX-License-Identifier: GPL-2.0-only
//! The crates and their directions: `cargo metadata` is held against the table
//! of docs/architecture.md, and each sentence there against the crate's
//! `description` and the map of CONTRIBUTING.md.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

const TABLE: &str = "docs/architecture.md";
const MAP: &str = "CONTRIBUTING.md";
/// The members of the workspace that the table omits: tests, and this program.
const BESIDE: [&str; 2] = ["raext-e2e", "xtask"];

/// A crate of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Crate {
    /// From the root.
    folder: String,
    sentence: String,
    /// Members of the workspace that its library and programs link.
    uses: BTreeSet<String>,
}

type Crates = BTreeMap<String, Crate>;

/// Where the pages and the crates tell different things.
pub(crate) fn problems(root: &Path) -> Result<Vec<String>> {
    let read = |page: &str| fs::read_to_string(root.join(page)).with_context(|| page.to_owned());
    let crates = members(&metadata(root)?)?;
    let mut problems = directions(&crates);
    problems.extend(table(&crates, &rows(&read(TABLE)?, "Crates")));
    problems.extend(map(&crates, &rows(&read(MAP)?, "Map")));
    Ok(problems)
}

fn metadata(root: &Path) -> Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .context("cargo")?;
    ensure!(output.status.success(), "cargo: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The crates that `cargo metadata` lists.
fn members(metadata: &Value) -> Result<Crates> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let root = text(&metadata["workspace_root"]).context("no workspace_root")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let names: BTreeSet<String> = packages.iter().filter_map(|p| text(&p["name"])).collect();
    let mut crates = Crates::new();
    for package in packages {
        let name = text(&package["name"]).context("a package without a name")?;
        let manifest = text(&package["manifest_path"]).context("no manifest_path")?;
        let folder = manifest.trim_start_matches(&root).trim_matches('/');
        let folder = folder.trim_end_matches("/Cargo.toml").to_owned();
        let dependencies = package["dependencies"].as_array().context("no dependencies")?;
        let uses = dependencies
            .iter()
            .filter(|d| d["kind"].as_str() != Some("dev"))
            .filter_map(|d| text(&d["name"]))
            .filter(|d| names.contains(d))
            .collect();
        let sentence = text(&package["description"]).unwrap_or_default();
        crates.insert(name, Crate { folder, sentence, uses });
    }
    Ok(crates)
}

/// The invariants that no edit of the table can lift.
fn directions(crates: &Crates) -> Vec<String> {
    let mut problems = Vec::new();
    let host = ["raext", "raext-vm", "raext-kernel", "raext-debian", "raext-measure"];
    for name in reached(crates, "raext-guest") {
        if host.contains(&name.as_str()) {
            problems.push(format!(
                "raext-guest links {name}, which is of the host: move the shared code down"
            ));
        }
    }
    for (name, it) in crates.iter().filter(|(_, it)| it.folder.starts_with("policies/")) {
        for used in it.uses.iter().filter(|used| *used != "raext-policy") {
            problems.push(format!(
                "{}: {name} links {used}: a policy links raext-policy alone",
                it.folder
            ));
        }
    }
    for (name, it) in crates.iter().filter(|(_, it)| it.folder.starts_with("crates/")) {
        for used in it.uses.iter().filter(|used| !is_library(crates, used)) {
            problems.push(format!(
                "{name} links {used}: crates link no policy, test or program of ours"
            ));
        }
    }
    problems
}

fn is_library(crates: &Crates, name: &str) -> bool {
    crates[name].folder.starts_with("crates/") && !BESIDE.contains(&name) && name != "raext"
}

/// Every crate that `name` links, by way of others too.
fn reached(crates: &Crates, name: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![name.to_owned()];
    while let Some(name) = next.pop() {
        for used in crates.get(&name).iter().flat_map(|it| &it.uses) {
            if reached.insert(used.clone()) {
                next.push(used.clone());
            }
        }
    }
    reached
}

/// The rows of the first table under the heading `## section`, cell by cell.
fn rows(page: &str, section: &str) -> Vec<Vec<String>> {
    page.lines()
        .skip_while(|line| line.trim_end() != format!("## {section}"))
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim().trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect())
        .collect()
}

/// The names in backquotes.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn plain(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

/// The crates that pages list: not policies, nor what stands beside.
fn listed(crates: &Crates) -> impl Iterator<Item = (&String, &Crate)> {
    crates
        .iter()
        .filter(|(name, it)| it.folder.starts_with("crates/") && !BESIDE.contains(&name.as_str()))
}

/// `| name | sentence | names of the crates it depends on |`
fn table(crates: &Crates, rows: &[Vec<String>]) -> Vec<String> {
    let written: BTreeMap<String, Crate> = rows
        .iter()
        .filter_map(|row| match &row[..] {
            [name, sentence, uses] => {
                let name = plain(name);
                let folder = crates.get(&name).map(|it| it.folder.clone()).unwrap_or_default();
                Some((name, Crate { folder, sentence: sentence.clone(), uses: names(uses) }))
            }
            _ => None,
        })
        .collect();
    differences(TABLE, crates, &written)
}

/// `| folder | name | sentence |`
fn map(crates: &Crates, rows: &[Vec<String>]) -> Vec<String> {
    let written: BTreeMap<String, Crate> = rows
        .iter()
        .filter_map(|row| match &row[..] {
            [folder, name, sentence] => {
                let name = plain(name);
                let uses = crates.get(&name).map(|it| it.uses.clone()).unwrap_or_default();
                Some((name, Crate { folder: plain(folder), sentence: sentence.clone(), uses }))
            }
            _ => None,
        })
        .collect();
    differences(MAP, crates, &written)
}

/// Where what a page has `written` differs from what is.
fn differences(page: &str, crates: &Crates, written: &Crates) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, it) in listed(crates) {
        let Some(row) = written.get(name) else {
            problems.push(format!("{page}: no row of {name} ({}): add it", it.folder));
            continue;
        };
        if row.sentence != it.sentence {
            problems.push(format!(
                "{page}: {name} is \"{}\", and in {}/Cargo.toml \"{}\": make them one",
                row.sentence, it.folder, it.sentence
            ));
        }
        if row.folder != it.folder {
            problems.push(format!("{page}: {name} lies in {}, not {}", it.folder, row.folder));
        }
        for used in it.uses.difference(&row.uses) {
            problems.push(format!("{page}: {name} depends on {used}, which its row omits"));
        }
        for unused in row.uses.difference(&it.uses) {
            problems.push(format!("{page}: {name} does not depend on {unused}, as its row says"));
        }
    }
    for name in written.keys().filter(|name| !crates.contains_key(*name)) {
        problems.push(format!("{page}: there is no crate {name}: take its row out"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_crate(folder: &str, uses: &[&str]) -> Crate {
        let uses = uses.iter().map(|&used| used.to_owned()).collect();
        Crate { folder: folder.to_owned(), sentence: "Does".to_owned(), uses }
    }

    fn crates(list: &[(&str, &str, &[&str])]) -> Crates {
        list.iter()
            .map(|(name, folder, uses)| ((*name).to_owned(), a_crate(folder, uses)))
            .collect()
    }

    #[test]
    fn the_pages_tell_of_the_crates_that_there_are() {
        let problems = problems(&crate::root()).unwrap();
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }

    #[test]
    fn the_guest_reaches_nothing_of_the_host() {
        let upwards = crates(&[
            ("raext-guest", "crates/guest", &["raext-model"]),
            ("raext-model", "crates/model", &["raext-kernel"]),
            ("raext-kernel", "crates/kernel", &[]),
        ]);
        assert!(directions(&upwards)[0].starts_with("raext-guest links raext-kernel"));
    }

    #[test]
    fn policies_are_leaves_that_link_one_crate() {
        let wrong = crates(&[
            ("raext-policy", "crates/policy", &[]),
            ("raext-model", "crates/model", &["tree"]),
            ("tree", "policies/tree", &["raext-model", "raext-policy"]),
        ]);
        let found = directions(&wrong);
        assert!(found[0].contains("tree links raext-model"), "{found:?}");
        assert!(found[1].contains("raext-model links tree"), "{found:?}");
    }

    #[test]
    fn a_row_that_differs_is_a_problem() {
        let is = crates(&[
            ("a", "crates/a", &["b"]),
            ("b", "crates/b", &[]),
            ("c", "crates/c", &[]),
            ("xtask", "xtask", &[]),
        ]);
        let page = "# x\n## Crates\ntext\n| crate | sentence | depends on |\n| - | - | - |\n\
                    | `a` | Does | – |\n| `b` | Did | `c` |\n| `d` | Does | – |\n\n| no | row | here |\n";
        let found = table(&is, &rows(page, "Crates"));
        let said = [
            "a depends on b",
            "b is \"Did\"",
            "b does not depend on c",
            "no row of c",
            "no crate d",
        ];
        assert_eq!(found.len(), said.len(), "{found:?}");
        for (problem, said) in found.iter().zip(said) {
            assert!(problem.contains(said), "{problem} has not '{said}'");
        }
        let page = "## Map\n| - |\n| - |\n| `crates/x` | `a` | Does |\n| `crates/b` | `b` | Does |\n\
                    | `crates/c` | `c` | Does |\n";
        assert_eq!(
            map(&is, &rows(page, "Map")),
            ["CONTRIBUTING.md: a lies in crates/a, not crates/x"]
        );
    }
}
