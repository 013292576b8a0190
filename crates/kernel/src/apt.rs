// SPDX-License-Identifier: GPL-2.0-only
//! The machine's package archive, by apt: as the machine is configured, or the
//! same mirror's newer suites.
//!
//! For the newer suites apt gets a configuration, lists and a cache of its own
//! in the cache folder. Neither `/etc/apt` nor `/var/lib/apt` is written, and
//! nothing is installed: to apt's mind that machine is empty.

use crate::{KernelError, cache, pinned::Pinned};
use raext_model::Progress;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

/// The suite that the newer kernels are built for, and whose tools they want.
pub(crate) const SUITE: &str = "trixie";
/// Where the newer kernels are.
const KERNELS: &str = "trixie-backports";
/// The keys of the archive, on any Debian.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// What apt would run after an update concerns the machine, and its extra lists
/// are for people.
const QUIET: &str = "\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::DEP-11-icons;
#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
#clear Acquire::IndexTargets::deb::DEP-11-icons-large;
#clear Acquire::IndexTargets::deb::DEP-11-icons-hidpi;
#clear Acquire::IndexTargets::deb::DEP-11-icons-large-hidpi;
#clear Acquire::IndexTargets::deb::Translations;
";
/// Changes when the lists were last brought up to date.
const UPDATED: &str = "updated";
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// An archive.
#[derive(Debug)]
pub(crate) struct Apt {
    /// The options of every program of apt.
    options: Vec<OsString>,
    /// The mirror, where it is not the machine's own configuration that counts.
    mirror: Option<String>,
    /// The suites of that mirror; the first is preferred.
    suites: &'static [&'static str],
}

impl Apt {
    /// The archive that the machine is configured for.
    pub(crate) fn of_the_machine() -> Self {
        Self { options: Vec::new(), mirror: None, suites: &[] }
    }

    /// The newer suites of the machine's mirror, their lists not older than
    /// `age`. They are kept in `cache`.
    pub(crate) fn newer(
        cache: &Path,
        age: Duration,
        progress: &dyn Progress,
    ) -> Result<Self, KernelError> {
        let why = "fetching the package lists of newer kernels";
        Self::suites(&cache.join("apt"), &[SUITE, KERNELS], age, &|| progress.step(why))
    }

    /// Suites of the machine's mirror, for a machine that has nothing; their
    /// lists, not older than `age`, are kept in `dir`. `fetching` is called
    /// before they are fetched.
    pub(crate) fn suites(
        dir: &Path,
        suites: &'static [&'static str],
        age: Duration,
        fetching: &dyn Fn(),
    ) -> Result<Self, KernelError> {
        let mirror = mirror(&sites()?).ok_or(KernelError::NoLists)?;
        let lock = cache::lock(dir)?;
        let apt = Self { options: options(dir), mirror: Some(mirror), suites };
        let updated = dir.join(UPDATED);
        let fresh = apt.write(dir)? && is_younger(&updated, age);
        if !fresh {
            fetching();
            apt.run("apt-get", &["update".as_ref()], None)?;
            File::create(&updated).map_err(|e| KernelError::io("create", &updated, e))?;
        }
        drop(lock);
        Ok(apt)
    }

    /// Write the configuration. Returns whether it was the same before.
    fn write(&self, dir: &Path) -> Result<bool, KernelError> {
        for sub in ["lists/partial", "archives/partial", "state"] {
            let sub = dir.join(sub);
            fs::create_dir_all(&sub).map_err(|e| KernelError::io("make the folder", &sub, e))?;
        }
        let keys =
            if Path::new(KEYS).exists() { format!(" [signed-by={KEYS}]") } else { "".into() };
        let mirror = self.mirror.as_deref().unwrap_or_default();
        let sources: String =
            self.suites.iter().map(|suite| format!("deb{keys} {mirror} {suite} main\n")).collect();
        let mut same = true;
        for (name, text) in [("sources.list", &*sources), ("apt.conf", QUIET), ("status", "")] {
            let path = dir.join(name);
            if fs::read_to_string(&path).is_ok_and(|old| old == text) {
                continue;
            }
            same = false;
            fs::write(&path, text).map_err(|e| KernelError::io("write", &path, e))?;
        }
        Ok(same)
    }

    /// The kernel packages, one to a line.
    pub(crate) fn search_kernels(&self) -> Result<String, KernelError> {
        self.search("^linux-(image|binary|modules|base|headers|kbuild)-[0-9]")
    }

    /// The packages whose names match a pattern, one to a line.
    pub(crate) fn search(&self, pattern: &str) -> Result<String, KernelError> {
        let output = self.run("apt-cache", &["search", "-n", pattern].map(OsStr::new), None)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The versions of a package, as a table: name, version and place; empty where the
    /// archive has none.
    pub(crate) fn versions(&self, package: &str) -> Result<String, KernelError> {
        let output = self.run("apt-cache", &["madison", package].map(OsStr::new), None)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Download packages into `dir`.
    pub(crate) fn download(&self, dir: &Path, packages: &[&str]) -> Result<(), KernelError> {
        let args: Vec<&OsStr> =
            ["-q", "download"].iter().chain(packages).map(|arg| OsStr::new(*arg)).collect();
        self.run("apt-get", &args, Some(dir))
            .map(drop)
            .map_err(|error| not_downloaded(packages, error))
    }

    /// Download a file that no list has, and hold it against its hash.
    pub(crate) fn download_pinned(&self, dir: &Path, pinned: &Pinned) -> Result<(), KernelError> {
        let mirror = self.mirror.as_deref().ok_or(KernelError::NoLists)?;
        let url = format!("{}/{}", mirror.trim_end_matches('/'), pinned.file);
        let to = dir.join(format!("{}.deb", pinned.package));
        let hash = format!("SHA256:{}", pinned.sha256);
        let args = ["download-file".as_ref(), url.as_ref(), to.as_os_str(), hash.as_ref()];
        self.run(HELPER, &args, Some(dir))
            .map(drop)
            .map_err(|error| not_downloaded(&[pinned.package], error))
    }

    /// Download packages and all that they depend on into `dir`, as for a
    /// machine that has nothing.
    pub(crate) fn download_closure(
        &self,
        dir: &Path,
        packages: &[&str],
    ) -> Result<(), KernelError> {
        let partial = dir.join("partial");
        fs::create_dir_all(&partial).map_err(|e| KernelError::io("make", &partial, e))?;
        let mut archives = OsString::from("-oDir::Cache::archives=");
        archives.push(dir);
        let mut args = vec![archives.as_os_str()];
        args.extend(["-q", "-y", "--download-only", "--no-install-recommends"].map(OsStr::new));
        args.extend(
            ["-t", self.suites.first().copied().unwrap_or(SUITE), "install"].map(OsStr::new),
        );
        args.extend(packages.iter().map(OsStr::new));
        self.run("apt-get", &args, None).map(drop).map_err(|error| not_downloaded(packages, error))
    }

    fn run(
        &self,
        tool: &'static str,
        args: &[&OsStr],
        dir: Option<&Path>,
    ) -> Result<Output, KernelError> {
        let mut command = Command::new(tool);
        // As root, apt would download as the user _apt, who cannot write here.
        command.args(["-o", "APT::Sandbox::User=root"]).args(&self.options).args(args);
        if let Some(dir) = dir {
            command.current_dir(dir);
        }
        run(tool, "apt", &mut command)
    }
}

/// The options that confine apt to `dir`.
fn options(dir: &Path) -> Vec<OsString> {
    let mut options = vec!["-c".into(), dir.join("apt.conf").into_os_string()];
    let mut set = |name: &str, value: &OsStr| {
        let mut option = OsString::from(format!("-o{name}="));
        option.push(value);
        options.push(option);
    };
    for (name, file) in [
        ("Dir::Etc::sourcelist", "sources.list"),
        ("Dir::State", "state"),
        ("Dir::State::status", "status"),
        ("Dir::State::lists", "lists"),
        ("Dir::Cache", ""),
        ("Dir::Cache::archives", "archives"),
    ] {
        set(name, dir.join(file).as_os_str());
    }
    for name in ["sourceparts", "preferences", "preferencesparts"] {
        set(&format!("Dir::Etc::{name}"), "/dev/null".as_ref());
    }
    options
}

/// The mirrors that the machine is configured for, one to a line, each with the
/// archive that it is a mirror of.
fn sites() -> Result<String, KernelError> {
    let mut command = Command::new("apt-get");
    command.args(["indextargets", "--format", "$(SITE) $(LABEL)", "Created-By: Packages"]);
    Ok(String::from_utf8_lossy(&run("apt-get", "apt", &mut command)?.stdout).into_owned())
}

/// The first mirror of Debian itself.
fn mirror(sites: &str) -> Option<String> {
    sites.lines().find_map(|line| line.strip_suffix(" Debian")).map(str::to_owned)
}

fn is_younger(path: &Path, age: Duration) -> bool {
    let modified = fs::metadata(path).and_then(|meta| meta.modified());
    modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|since| since < age))
}

fn not_downloaded(packages: &[&str], error: KernelError) -> KernelError {
    match error {
        KernelError::ToolFailed { detail, .. } => {
            let packages = packages.iter().map(|&package| package.to_owned()).collect();
            KernelError::Download { packages, detail }
        }
        other => other,
    }
}

/// Unpack packages into `dir`; nothing of what they would run is run.
pub(crate) fn unpack(package: &Path, dir: &Path) -> Result<(), KernelError> {
    run("dpkg-deb", "dpkg", Command::new("dpkg-deb").arg("-x").arg(package).arg(dir)).map(drop)
}

/// As [`unpack`], through links to folders that are in `dir` already: `dpkg-deb
/// -x` would put a folder in the place of such a link.
pub(crate) fn unpack_merged(package: &Path, dir: &Path) -> Result<(), KernelError> {
    let failed = |tool, detail: String| KernelError::ToolFailed { tool, detail };
    let mut source = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| failed("dpkg-deb", e.to_string()))?;
    let mut tar = Command::new("tar");
    tar.args(["-x", "--keep-directory-symlink", "--no-same-owner", "-f", "-", "-C"]).arg(dir);
    tar.stdin(source.stdout.take().map_or_else(Stdio::null, Stdio::from));
    let unpacked = run("tar", "tar", &mut tar).map(drop);
    let status = source.wait().map_err(|e| failed("dpkg-deb", e.to_string()))?;
    unpacked?;
    if status.success() {
        return Ok(());
    }
    Err(failed("dpkg-deb", format!("it cannot read {}", package.display())))
}

/// The packages that were downloaded into a folder.
pub(crate) fn packages_in(dir: &Path) -> Result<Vec<PathBuf>, KernelError> {
    let mut files = cache::entries(dir)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    files.sort();
    Ok(files)
}

/// Run a program to its end, which must be a good one.
fn run(
    tool: &'static str,
    package: &'static str,
    command: &mut Command,
) -> Result<Output, KernelError> {
    let output = command.env("LC_ALL", "C").output().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => KernelError::Tool { tool, package },
        _ => KernelError::ToolFailed { tool, detail: e.to_string() },
    })?;
    if !output.status.success() {
        return Err(KernelError::ToolFailed { tool, detail: complaint(&output) });
    }
    Ok(output)
}

/// The first error line of a program of the packaging system.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let error = text.lines().find(|line| line.starts_with("E:") || line.contains("error"));
    let line = error.or_else(|| text.lines().next()).unwrap_or("it gave no reason");
    line.trim_start_matches("E:").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_complaint_is_the_error_and_not_the_progress() {
        let stderr = b"W: a warning\nE: Unable to locate package x\nE: more\n".to_vec();
        let status = std::os::unix::process::ExitStatusExt::from_raw(100 << 8);
        let output = Output { status, stdout: Vec::new(), stderr };
        assert_eq!(complaint(&output), "Unable to locate package x");
    }

    #[test]
    fn the_mirror_is_one_of_debian_itself() {
        let sites = "http://a.example/security Debian-Security\n\
                     http://b.example/other Other\n\
                     http://c.example/debian Debian\n\
                     http://d.example/debian Debian\n";
        assert_eq!(mirror(sites).as_deref(), Some("http://c.example/debian"));
        assert_eq!(mirror("http://c.example/debian \n"), None);
    }

    #[test]
    fn the_configuration_is_written_once_and_follows_the_mirror() {
        let dir = tempfile::tempdir().unwrap();
        let apt = |mirror: &str| Apt {
            options: Vec::new(),
            mirror: Some(mirror.to_owned()),
            suites: &[SUITE, KERNELS],
        };
        assert!(!apt("http://a.example/debian").write(dir.path()).unwrap());
        assert!(apt("http://a.example/debian").write(dir.path()).unwrap());
        assert!(!apt("http://b.example/debian").write(dir.path()).unwrap());
        let sources = fs::read_to_string(dir.path().join("sources.list")).unwrap();
        assert!(sources.ends_with(" http://b.example/debian trixie-backports main\n"), "{sources}");
    }

    #[test]
    fn nothing_of_the_machines_own_is_written() {
        let options = options(Path::new("/cache/apt"));
        for name in ["Dir::State", "Dir::State::lists", "Dir::Cache", "Dir::Cache::archives"] {
            let prefix = format!("-o{name}=/cache/apt/");
            let set = |option: &OsString| option.to_string_lossy().starts_with(&prefix);
            assert!(options.iter().any(set), "{name}: {options:?}");
        }
    }

    #[test]
    fn lists_grow_old() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(UPDATED);
        assert!(!is_younger(&path, Duration::MAX));
        let file = File::create(&path).unwrap();
        assert!(is_younger(&path, Duration::from_secs(60)));
        assert!(!is_younger(&path, Duration::ZERO));
        file.set_modified(SystemTime::now() - Duration::from_secs(90)).unwrap();
        assert!(!is_younger(&path, Duration::from_secs(60)));
    }

    /// Asks the archive; `RAEXT_CACHE` names the cache that is used.
    #[cfg(feature = "archive")]
    #[test]
    fn a_file_that_is_not_what_it_was_is_refused() {
        let cache = std::env::var_os("RAEXT_CACHE").expect("set RAEXT_CACHE to the cache's folder");
        let day = Duration::from_secs(24 * 60 * 60);
        let apt = Apt::newer(Path::new(&cache), day, &raext_model::Silent).unwrap();
        let right = crate::pinned::pinned("linux-kbuild-6.18.15+deb13").unwrap();
        let wrong = Pinned { sha256: &"0".repeat(64).leak()[..], ..*right };
        let dir = tempfile::tempdir().unwrap();
        let error = apt.download_pinned(dir.path(), &wrong).unwrap_err();
        assert_eq!(raext_model::Classified::kind(&error), raext_model::Kind::Environment);
        assert!(error.to_string().contains(right.package), "{error}");
        assert!(packages_in(dir.path()).unwrap().is_empty());
        apt.download_pinned(dir.path(), right).unwrap();
        assert_eq!(packages_in(dir.path()).unwrap().len(), 1);
    }
}
