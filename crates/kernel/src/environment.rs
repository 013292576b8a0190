// SPDX-License-Identifier: GPL-2.0-only
//! Where the module is built for a kernel that is newer than the machine.
//!
//! The tools in a newer kernel's headers want a newer C library, a newer pahole
//! and the compiler of that kernel. They get a root of their own in the cache:
//! the packages with all that they depend on, unpacked and not installed, so
//! that nothing of theirs runs before the build does. The build is sent there
//! by chroot, in a mount namespace that shows it what it needs of the machine
//! under the same paths; without root, in a user namespace too.

use crate::apt::{self, Apt, SUITE};
use crate::{KernelError, Kernels, cache};
use raext_model::Progress;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// In an unpacked kernel that is for another suite than the machine's: which.
const MARKER: &str = ".suite";
/// In a finished root.
const DONE: &str = ".environment";
/// Lists that are no older than this still have the packages that they name.
const LISTS: Duration = Duration::from_secs(24 * 60 * 60);
/// The tools of the build beside the compiler.
const PACKAGES: [&str; 14] = [
    "base-files",
    "bash",
    "binutils",
    "coreutils",
    "dash",
    "diffutils",
    "findutils",
    "grep",
    "libelf1t64",
    "libssl3t64",
    "make",
    "mawk",
    "pahole",
    "sed",
];
/// Show the folders before `--` in the new root, then run there what is behind.
/// The mounts are in a namespace that ends with this.
const ENTER: &str = r#"
set -e
root=$1
shift
while [ "$1" != -- ]; do
	mkdir -p "$root$1"
	mount --rbind "$1" "$root$1"
	shift
done
shift
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
exec chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin LC_ALL=C HOME=/ "$@"
"#;

/// A root with the tools that the headers of a kernel want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Environment {
    /// Where it is or will be.
    root: PathBuf,
    /// The folder that it and apt's lists are kept in.
    cache: PathBuf,
    /// The unpacked kernel, which is to be seen inside.
    kernel: PathBuf,
    /// Its compiler's package.
    compiler: String,
}

impl Environment {
    /// Note that the kernel unpacked in `root` is for `suite`.
    pub(crate) fn mark(root: &Path, suite: &str) -> Result<(), KernelError> {
        let path = root.join(MARKER);
        fs::write(&path, format!("{suite}\n")).map_err(|e| KernelError::io("write", &path, e))
    }

    /// What the kernel unpacked in `root` is to be built for in, unless that is
    /// the machine itself.
    pub(crate) fn of(root: &Path, cache: &Path) -> Result<Option<Self>, KernelError> {
        let marker = root.join(MARKER);
        let suite = match fs::read_to_string(&marker) {
            Ok(suite) => suite.trim().to_owned(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(KernelError::io("read", &marker, e)),
        };
        let compiler = compiler(root)?;
        Ok(Some(Self {
            root: cache.join("environments").join(format!("{suite}-{compiler}")),
            cache: cache.to_owned(),
            kernel: root.to_owned(),
            compiler,
        }))
    }

    /// A command that runs `words` inside, where `shown` is seen too. The root is
    /// made if need be.
    pub(crate) fn command(
        &self,
        kernels: &Kernels,
        release: &str,
        shown: &[&Path],
        words: Vec<OsString>,
    ) -> Result<Command, KernelError> {
        self.make(&*kernels.progress)?;
        let mut command = Command::new("unshare");
        command.arg("--mount");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        // To tell a refusal of the system from one of the build.
        let entered = command.get_args().map(ToOwned::to_owned).collect::<Vec<_>>();
        let probe = Command::new("unshare").args(&entered).arg("true").output();
        match probe {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stderr);
                let detail = text.lines().next().unwrap_or("unshare fails");
                let detail = format!("{detail}; run as root, or allow user namespaces");
                return Err(KernelError::Environment { release: release.to_owned(), detail });
            }
            Err(_) => return Err(KernelError::Tool { tool: "unshare", package: "util-linux" }),
        }
        command.args(["sh", "-c", ENTER, "sh"]).arg(&self.root);
        // The headers name each other by this path and by the real one.
        let real = fs::canonicalize(&self.kernel)
            .map_err(|e| KernelError::io("resolve", &self.kernel, e))?;
        command.args([&self.kernel, &real]).args(shown).arg("--").args(words);
        Ok(command)
    }

    fn make(&self, progress: &dyn Progress) -> Result<(), KernelError> {
        if self.root.join(DONE).exists() {
            return Ok(());
        }
        let dir = self.cache.join("environments");
        let lock = cache::lock(&dir)?;
        if self.root.join(DONE).exists() {
            return Ok(());
        }
        let apt = Apt::newer(&self.cache, LISTS, progress)?;
        let made = cache::begin(&dir)?;
        let packages = made.path().join("var/packages");
        let compiler = &self.compiler;
        progress.step(&format!("downloading {compiler}, pahole and what they need ({SUITE})"));
        let wanted: Vec<&str> = PACKAGES.into_iter().chain([&**compiler]).collect();
        apt.download_closure(&packages, &wanted)?;
        progress.step(&format!("unpacking {compiler}, pahole and what they need, about 260 MB"));
        let mut files = apt::packages_in(&packages)?;
        // It has the links /bin and /lib, which must be there before the rest.
        files.sort_by_key(|file| !is_package(file, "base-files"));
        for file in &files {
            apt::unpack(file, made.path())?;
        }
        fs::remove_dir_all(&packages).map_err(|e| KernelError::io("remove", &packages, e))?;
        // The installation of mawk does the same.
        let awk = made.path().join("usr/bin/awk");
        symlink("mawk", &awk).map_err(|e| KernelError::io("create", &awk, e))?;
        let done = made.path().join(DONE);
        fs::write(&done, "").map_err(|e| KernelError::io("write", &done, e))?;
        cache::finish(made, &self.root)?;
        drop(lock);
        Ok(())
    }
}

fn is_package(file: &Path, name: &str) -> bool {
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    file.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'))
}

/// The compiler that the headers of an unpacked kernel name.
fn compiler(root: &Path) -> Result<String, KernelError> {
    let sources = root.join("usr/src");
    for dir in cache::entries(&sources)? {
        let path = dir.join(".kernelvariables");
        if let Ok(text) = fs::read_to_string(&path)
            && let Some(compiler) = named_compiler(&text)
        {
            return Ok(compiler);
        }
    }
    Err(KernelError::Headers {
        path: sources,
        what: "the name of the kernel's compiler (.kernelvariables)".into(),
        package: "linux-headers".into(),
    })
}

/// `CC = … $(CROSS_COMPILE)gcc-14`
fn named_compiler(variables: &str) -> Option<String> {
    let line = variables.lines().find(|line| line.starts_with("CC ="))?;
    let at = line.rfind("gcc-")?;
    let version = &line[at + "gcc-".len()..];
    let digits = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| line[at..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_model::{Classified as _, Kind};

    const VARIABLES: &str = "override ARCH = x86\nCCACHE = ccache\n\
        CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-14\n";

    fn kernel(suite: Option<&str>, variables: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let headers = dir.path().join("usr/src/linux-headers-1");
        fs::create_dir_all(&headers).unwrap();
        fs::write(headers.join(".kernelvariables"), variables).unwrap();
        if let Some(suite) = suite {
            Environment::mark(dir.path(), suite).unwrap();
        }
        dir
    }

    #[test]
    fn the_compiler_is_the_one_that_the_headers_name() {
        assert_eq!(named_compiler(VARIABLES).as_deref(), Some("gcc-14"));
        for none in ["", "CC = clang-19\n", "CC = gcc-\n", "CC = gcc-14 -m32\n", "# gcc-14\n"] {
            assert_eq!(named_compiler(none), None, "{none}");
        }
    }

    #[test]
    fn a_kernel_of_the_machines_own_suite_is_built_for_on_the_machine() {
        let dir = kernel(None, VARIABLES);
        assert_eq!(Environment::of(dir.path(), Path::new("/cache")).unwrap(), None);
    }

    #[test]
    fn kernels_of_a_suite_and_a_compiler_share_a_root() {
        let dir = kernel(Some("trixie"), VARIABLES);
        let environment = Environment::of(dir.path(), Path::new("/cache")).unwrap().unwrap();
        assert_eq!(environment.root, Path::new("/cache/environments/trixie-gcc-14"));
        let unnamed = kernel(Some("trixie"), "");
        let error = Environment::of(unnamed.path(), Path::new("/cache")).unwrap_err();
        assert_eq!(error.kind(), Kind::Environment);
        assert!(error.to_string().contains("usr/src"), "{error}");
    }

    #[test]
    fn packages_are_told_by_their_whole_name() {
        assert!(is_package(Path::new("a/base-files_13.8_amd64.deb"), "base-files"));
        assert!(!is_package(Path::new("a/base-files-extra_1_all.deb"), "base-files"));
    }
}
