// SPDX-License-Identifier: GPL-2.0-only
//! Data sets: made once in the microVM, by the programs that read them, and kept
//! as an image of a disk.

use crate::software::guest::{DATA, shell};
use crate::software::packages::SHARE;
use crate::software::{Software, SoftwareError};
use raext_kernel::{Packages, ProgramRoot};
use raext_model::requests::{Bind, MountDisk, UnmountDisk};
use raext_model::{DISKS, End};
use raext_vm::{Disk, KernelChoice, Machine, Session, Share, root_over};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The folder of an image that has the data.
const FOLDER: &str = "data";
/// The agent, in the root of programs: it has the programs of our own.
pub(crate) const AGENT: &str = "/usr/bin/raext-agent";

/// The data that rows read, and its recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataSet {
    /// Its name, and that of its disk.
    pub name: &'static str,
    /// Whose programs make it.
    pub software: Software,
    /// Size of the file system that it fits into, MiB.
    pub mib: u32,
    /// Makes it in the current folder, by bash as root. What it prints as
    /// `fact NAME VALUE` is kept.
    pub script: &'static str,
}

/// A data set that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// A disk with ext4.
    pub image: PathBuf,
    /// The facts that its recipe printed.
    pub facts: BTreeMap<String, String>,
}

impl DataSet {
    /// The data set in the cache, made if need be with the programs of `root`.
    ///
    /// # Errors
    /// When the machine cannot be started, a program fails or the disk is full;
    /// nothing is kept then.
    pub fn provide(
        &self,
        packages: &Packages,
        root: &ProgramRoot,
        kernel: &KernelChoice,
    ) -> Result<Made, SoftwareError> {
        let dir = packages.cache().join("datasets");
        fs::create_dir_all(&dir).map_err(SoftwareError::io("make the folder", &dir))?;
        let recipe = self.recipe(root);
        let image = dir.join(format!("{}.img", self.name));
        let note = dir.join(format!("{}.json", self.name));
        if let Some(facts) = facts_of(&note, &recipe).filter(|_| image.is_file()) {
            return Ok(Made { image, facts });
        }
        packages.progress().step(&format!("making the data set {} (once)", self.name));
        let new = tempfile::Builder::new()
            .prefix(".unfinished-")
            .tempfile_in(&dir)
            .map_err(SoftwareError::io("make a file in", &dir))?;
        let bytes = u64::from(self.mib) << 20;
        new.as_file().set_len(bytes).map_err(SoftwareError::io("make", new.path()))?;
        let facts = self.make(packages, new.path(), kernel)?;
        // A folder without the note is not a data set: its making was interrupted.
        let _ = fs::remove_file(&note);
        new.persist(&image)
            .map_err(|error| error.error)
            .map_err(SoftwareError::io("create", &image))?;
        let text = json!({ "recipe": recipe, "facts": facts }).to_string();
        fs::write(&note, text).map_err(SoftwareError::io("write", &note))?;
        Ok(Made { image, facts })
    }

    /// The disk of a machine that has it.
    pub fn disk(&self, made: &Made) -> Disk {
        Disk { name: self.name.into(), path: made.image.clone(), writable: false }
    }

    /// Where a guest has it, once its disk is mounted.
    pub fn folder(&self) -> String {
        format!("{DISKS}/{}/{FOLDER}", self.name)
    }

    /// Everything that what is made depends on.
    fn recipe(&self, root: &ProgramRoot) -> String {
        format!("{}\n{} MiB\n{}", self.software.versions(root), self.mib, self.script)
    }

    fn make(
        &self,
        packages: &Packages,
        image: &Path,
        kernel: &KernelChoice,
    ) -> Result<BTreeMap<String, String>, SoftwareError> {
        let machine = Machine {
            kernel: kernel.clone(),
            shares: vec![share(packages)],
            disks: vec![Disk { name: self.name.into(), path: image.to_owned(), writable: true }],
            ..Machine::default()
        };
        let mut session = Session::boot(machine, Rc::clone(packages.progress()))?;
        let root = root_over(&[&self.software.layer()]);
        let (name, disk) = (self.name.to_owned(), format!("{DISKS}/{}", self.name));
        session.ask(root.clone())?;
        session.ask(MountDisk { name: name.clone(), make: true, read_only: false })?;
        session.ask(Bind { from: disk, at: "/mnt".into() })?;
        run(&mut session, &format!("cd /; mkdir /mnt/{FOLDER}"))?;
        session.ask(Bind { from: self.folder(), at: DATA.into() })?;
        session.ask(Bind { from: "/init".into(), at: AGENT.into() })?;
        packages.progress().step(&format!("making the data set {}: its programs run", self.name));
        let said = run(&mut session, &format!("cd {DATA}\n{}", self.script))?;
        // A new root releases the disk.
        session.ask(root)?;
        session.ask(UnmountDisk { name })?;
        session.stop()?;
        Ok(facts_in(&said))
    }
}

/// The share of all roots.
pub(crate) fn share(packages: &Packages) -> Share {
    Share { tag: SHARE.into(), path: packages.folder() }
}

fn run(session: &mut Session, script: &str) -> Result<String, SoftwareError> {
    let mut program = shell(script);
    program.cwd = "/".into();
    let captured = session.capture(program)?;
    if captured.ran.end == End::Exit(0) {
        return Ok(captured.text());
    }
    let said = String::from_utf8_lossy(&captured.stderr);
    Err(SoftwareError::Failed {
        program: "the data set's recipe".into(),
        end: captured.ran.end,
        said: crate::software::error::tail(&said),
    })
}

/// `fact NAME VALUE`, one to a line.
fn facts_in(text: &str) -> BTreeMap<String, String> {
    let fact = |line: &str| {
        let (name, value) = line.strip_prefix("fact ")?.split_once(' ')?;
        Some((name.to_owned(), value.trim().to_owned()))
    };
    text.lines().filter_map(fact).collect()
}

/// The facts of a data set that was made in just this way.
fn facts_of(note: &Path, recipe: &str) -> Option<BTreeMap<String, String>> {
    let note: Value = serde_json::from_reader(File::open(note).ok()?).ok()?;
    if note.get("recipe")?.as_str()? != recipe {
        return None;
    }
    serde_json::from_value(note.get("facts")?.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_lines_among_others() {
        let facts = facts_in("noise\nfact rows 12\nfact sum of all\nfactual x y\nfact\n");
        let facts: Vec<_> = facts.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(facts, [("rows", "12"), ("sum", "of all")]);
    }

    #[test]
    fn a_data_set_is_kept_for_its_recipe_alone() {
        let dir = tempfile::tempdir().unwrap();
        let note = dir.path().join("x.json");
        assert_eq!(facts_of(&note, "a"), None);
        fs::write(&note, r#"{"recipe":"a","facts":{"n":"1"}}"#).unwrap();
        assert_eq!(facts_of(&note, "a").unwrap()["n"], "1");
        assert_eq!(facts_of(&note, "b"), None);
        fs::write(&note, r#"{"recipe":"a","fa"#).unwrap();
        assert_eq!(facts_of(&note, "a"), None);
    }
}
