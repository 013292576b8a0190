// SPDX-License-Identifier: GPL-2.0-only
//! Control groups of the guest, by their files.

use crate::workload::StageError;
use crate::workload::error::Context as _;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

/// Where cgroup2 is mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// A group below the root.
#[derive(Debug, Clone)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// The group of that name, whether it is there or not.
    pub fn named(name: &str) -> Self {
        Self(Path::new(ROOT).join(name))
    }

    /// The groups whose names begin like this.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn all(beginning: &str) -> Result<Vec<Self>, StageError> {
        let root = Path::new(ROOT);
        let names = fs::read_dir(root).at("reading", root)?.flatten().map(|entry| entry.path());
        let fits = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning))
        };
        Ok(names.filter(|path| path.is_dir() && fits(path)).map(Self).collect())
    }

    /// Make the group if it is not there, and limit its memory (bytes).
    ///
    /// # Errors
    /// When the kernel does not play along.
    pub fn make(name: &str, memory_max: Option<u64>) -> Result<Self, StageError> {
        let group = Self::named(name);
        let control = Path::new(ROOT).join("cgroup.subtree_control");
        fs::write(&control, "+memory +io").at("writing", &control)?;
        if !group.0.is_dir() {
            fs::create_dir(&group.0).at("making", &group.0)?;
        }
        let max = memory_max.map_or_else(|| "max".to_owned(), |bytes| bytes.to_string());
        group.write("memory.max", &max)?;
        Ok(group)
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Open what a process writes "0" to, to put itself into the group.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn entrance(&self) -> Result<File, StageError> {
        let path = self.0.join("cgroup.procs");
        OpenOptions::new().write(true).open(&path).at("opening", &path)
    }

    /// How many processes are in it.
    ///
    /// # Errors
    /// When that is not to be read.
    pub fn processes(&self) -> Result<u64, StageError> {
        let path = self.0.join("cgroup.procs");
        Ok(fs::read_to_string(&path).at("reading", &path)?.lines().count() as u64)
    }

    /// Kill all processes in it.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn kill(&self) -> Result<(), StageError> {
        self.write("cgroup.kill", "1")
    }

    /// Processor time of its processes, also of those that have ended,
    /// nanoseconds.
    ///
    /// # Errors
    /// When that is not to be read.
    pub fn cpu_ns(&self) -> Result<u64, StageError> {
        Ok(self.count("cpu.stat", "usage_usec")? * 1000)
    }

    /// One of the counts in `memory.events`, such as `max` (how often its
    /// memory was at the limit) or `oom_kill`.
    ///
    /// # Errors
    /// When that is not to be read.
    pub fn memory_events(&self, name: &str) -> Result<u64, StageError> {
        self.count("memory.events", name)
    }

    /// A count in a file of lines of a name and a number.
    fn count(&self, file: &str, name: &str) -> Result<u64, StageError> {
        let path = self.0.join(file);
        let text = fs::read_to_string(&path).at("reading", &path)?;
        let count =
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        let none = || std::io::Error::other(format!("it has no count `{name}`"));
        count.ok_or_else(none).at("reading", &path)
    }

    /// Remove the group, of which no process is left.
    ///
    /// # Errors
    /// When one is.
    pub fn remove(self) -> Result<(), StageError> {
        fs::remove_dir(&self.0).at("removing", &self.0)
    }

    fn write(&self, attribute: &str, value: &str) -> Result<(), StageError> {
        let path = self.0.join(attribute);
        fs::write(&path, value).at("writing", &path)
    }
}
