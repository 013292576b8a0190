// SPDX-License-Identifier: GPL-2.0-only
//! KVM or TCG.
//!
//! An open `/dev/kvm` is no proof that KVM works: in a nested or restricted
//! machine QEMU may abort when it sets the processor up, or the guest's first
//! instructions may never finish. So KVM has to prove itself, by booting the
//! very kernel, alone, until it finds that it has no root file system. That
//! takes a working KVM less than a second, and a verdict is remembered.

use crate::machine::console::Console;
use crate::machine::{VmConfig, VmError, qemu};
use raext_model::Progress;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

/// How the guest's instructions are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accel {
    /// By the processor.
    Kvm,
    /// By QEMU's translator.
    Tcg,
    /// By QEMU's translator, which counts them: the guest's clocks go by one
    /// nanosecond with each, and wait for nothing.
    Counted,
}

impl Accel {
    const fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
            Self::Counted => "counted",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Kvm, Self::Tcg].into_iter().find(|accel| accel.name() == name)
    }
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kvm => "KVM",
            Self::Tcg => "TCG",
            Self::Counted => "TCG, instructions counted",
        })
    }
}

/// Names the accelerator by force.
const FORCE: &str = "RAEXT_ACCEL";
const DEVICE: &str = "/dev/kvm";
/// How long the proof may take.
const PROOF: Duration = Duration::from_secs(3);
/// The end of a kernel that has started all there is, and has nothing to run.
const PROVEN: &str = "VFS: Unable to mount root fs";

/// The verdict of this process, so that a second machine does not ask again.
static VERDICT: Mutex<Option<Accel>> = Mutex::new(None);

/// The accelerator to use, and why in a few words.
///
/// # Errors
/// When `RAEXT_ACCEL` names none.
pub(super) fn choose(
    config: &VmConfig,
    qemu: &Path,
    progress: &dyn Progress,
) -> Result<(Accel, String), VmError> {
    if config.count_instructions {
        return Ok((Accel::Counted, "to count them".into()));
    }
    if let Some(value) = std::env::var_os(FORCE).filter(|value| !value.is_empty()) {
        let value = value.to_string_lossy().into_owned();
        let accel = Accel::from_name(&value).ok_or(VmError::BadAccel { value })?;
        return Ok((accel, format!("{FORCE} says so")));
    }
    // The cheap part, asked each time: rights change while a machine is up.
    if let Err(error) = OpenOptions::new().read(true).write(true).open(DEVICE) {
        return Ok((Accel::Tcg, format!("{DEVICE}: {error}")));
    }
    let mut verdict = VERDICT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(accel) = *verdict {
        return Ok((accel, "as before".into()));
    }
    let key = key(qemu);
    let cache = config.accel_cache.as_deref();
    if let Some(accel) = cache.and_then(|path| recall(&fs::read_to_string(path).ok()?, &key)) {
        *verdict = Some(accel);
        return Ok((accel, "as found before".into()));
    }
    progress.step("trying KVM");
    let trial = qemu::machine(qemu, Accel::Kvm, &config.kernel, 256, 1);
    let (accel, why) = match prove(trial, PROOF) {
        Ok(()) => (Accel::Kvm, "it works here".into()),
        Err(why) => (Accel::Tcg, format!("KVM does not work here: {why}")),
    };
    *verdict = Some(accel);
    if let Some(path) = cache {
        // Without the note the next process tries again: a loss of time only.
        let _ = fs::write(path, format!("{key} {}\n", accel.name()));
    }
    Ok((accel, why))
}

/// Boot `trial` until its kernel misses its root file system.
fn prove(mut trial: Command, limit: Duration) -> Result<(), String> {
    let spawned = trial.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|error| error.to_string())?;
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        unreachable!("both were asked for");
    };
    let console = Console::follow(stdout, None, || {});
    console.wait_panic(limit);
    // A closed console means that QEMU is ending by itself; its own status is
    // worth more than that of a kill.
    let ended = if console.is_closed() {
        child.wait().ok()
    } else {
        let _ = child.kill().and_then(|()| child.wait());
        None
    };
    if console.words().is_some_and(|words| words.contains(PROVEN)) {
        return Ok(());
    }
    let mut said = String::new();
    let _ = stderr.read_to_string(&mut said);
    Err(match (complaint(&said), ended) {
        (Some(line), _) => line.to_owned(),
        (None, Some(status)) => format!("QEMU ended ({status})"),
        (None, None) => format!("a guest did not start within {} s", limit.as_secs_f32()),
    })
}

/// The line of QEMU's messages that says most: the error, rather than the
/// assertion that it trips over next or the warnings before.
fn complaint(said: &str) -> Option<&str> {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().find(|line| line.contains("error: ")).or_else(|| lines().next_back())?;
    Some(line.split_once("error: ").map_or(line, |(_, why)| why))
}

/// The scope of a remembered verdict: this boot of the host and this QEMU.
fn key(qemu: &Path) -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let changed = fs::metadata(qemu).and_then(|meta| meta.modified()).ok();
    let seconds = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    format!("{} {}", boot.trim(), seconds.unwrap_or_default().as_secs())
}

/// The verdict in a cache file, if it is for `key`.
fn recall(text: &str, key: &str) -> Option<Accel> {
    Accel::from_name(text.strip_prefix(key)?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn try_out(script: &str, limit: Duration) -> Result<(), String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        prove(command, limit)
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_kernel_that_runs_to_its_end_proves_kvm() {
        let start = Instant::now();
        let script = "echo '[    0.6] Kernel panic - not syncing: \
                      VFS: Unable to mount root fs on unknown-block(0,0)'; exec sleep 30";
        assert_eq!(try_out(script, LONG), Ok(()));
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn a_qemu_that_aborts_disproves_it_in_its_own_words() {
        let script = "echo 'qemu: warning: nested' >&2; \
                      echo 'qemu: error: failed to set MSR 0x10a' >&2; \
                      echo 'qemu: kvm.c:3183: Assertion failed.' >&2; kill -ABRT $$";
        assert_eq!(try_out(script, LONG), Err("failed to set MSR 0x10a".into()));
        let other = "echo 'qemu: warning: nested' >&2; echo 'Could not access KVM' >&2; exit 1";
        assert_eq!(try_out(other, LONG), Err("Could not access KVM".into()));
        let silent = try_out("exit 3", LONG).unwrap_err();
        assert!(silent.contains("exit status: 3"), "{silent}");
    }

    #[test]
    fn a_guest_that_hangs_or_dies_early_disproves_it() {
        let hung = try_out("exec sleep 30", Duration::from_millis(50)).unwrap_err();
        assert!(hung.contains("did not start within 0.05 s"), "{hung}");
        let script = "echo 'Kernel panic - not syncing: CPU too old'; exec sleep 30";
        assert!(try_out(script, Duration::from_millis(500)).is_err());
    }

    #[test]
    fn a_verdict_is_remembered_for_its_key_alone() {
        assert_eq!(recall("boot-1 77 kvm\n", "boot-1 77"), Some(Accel::Kvm));
        assert_eq!(recall("boot-1 77 tcg\n", "boot-1 77"), Some(Accel::Tcg));
        assert_eq!(recall("boot-1 77 tcg\n", "boot-2 77"), None);
        assert_eq!(recall("boot-1 77 \n", "boot-1 77"), None);
        assert_eq!(recall("", "boot-1 77"), None);
    }
}
