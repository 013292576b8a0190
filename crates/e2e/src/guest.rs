// SPDX-License-Identifier: GPL-2.0-only
//! The guest of a test, and all that the tests ask of one.
//!
//! A plain machine (the usual kernel, with the shipped policies, the test
//! programs and the command) serves one test after the other: a test that passes
//! and leaves it clean ([`stop_clean`]) leaves it to the next one. A test that
//! fails, and one that needs anything else, has a machine of its own.

use crate::requests::{
    Act, Acted, BreakDevice, Churn, ChurnKind, DropVolume, GroupRun, MakeCgroup, ReadAll, ReadBy,
    RunTogether, Sight, Step, Stress, StressReport, StressSpec, UnloadModule,
};
use crate::{complaints, guest_file, guest_path, policies, raext, shipped, step};
use raext_model::requests::{
    Attach, Check, Detach, Exec, Exit, KernelLog, LoadModule, RunWorkload, SetupDevice,
};
use raext_model::{Device, Lines, LoadOutcome, Placement, Sample, WorkloadSpec};
use raext_vm::{GuestObject, KernelChoice, Machine, Paths, Session, SessionError};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::rc::Rc;

type Result<T> = std::result::Result<T, SessionError>;

/// Programs of the host in a plain machine.
const PROGRAMS: [&str; 10] = [
    "/bin/cat",
    "/bin/cp",
    "/bin/dd",
    "/bin/mkdir",
    "/bin/rmdir",
    "/bin/sh",
    "/bin/sleep",
    "/usr/bin/setpriv",
    "/usr/bin/stat",
    "/usr/bin/timeout",
];
/// Test programs in a plain machine, each at `/NAME.bpf.o`.
const ACCEPTED: [&str; 11] = [
    "beyond",
    "extreme",
    "fields",
    "fixed",
    "greedy",
    "hollow",
    "random",
    "reordered",
    "seed",
    "seed_libbpf",
    "seed_vmlinux",
];

thread_local! {
    /// The plain machine that the last test has left.
    static KEPT: RefCell<Option<Guest>> = const { RefCell::new(None) };
}

/// A booted machine with the module loaded.
pub struct Guest {
    session: Session,
    /// Whether it may serve the next test.
    is_plain: bool,
    /// Lines of the kernel's log that a test before has answered for.
    seen: usize,
}

/// Boot with some shipped policies and more files in the guest.
///
/// # Panics
/// When the machine does not start.
pub fn boot(policies: &[&str], more: Vec<GuestObject>, programs: &[PathBuf]) -> Guest {
    let plain = plain_files();
    let is_plain = more.iter().all(|file| plain.iter().any(|known| same(known, file)))
        && programs.iter().all(|program| PROGRAMS.iter().any(|known| program.ends_with(known)));
    if !is_plain {
        return boot_kernel(&usual_kernel(), policies, more, programs);
    }
    if let Some(guest) = KEPT.take() {
        step("the machine of the test before serves this one");
        return guest;
    }
    let programs: Vec<_> = PROGRAMS.iter().map(PathBuf::from).collect();
    let machine =
        Machine { kernel: usual_kernel(), objects: plain, programs, ..Machine::default() };
    Guest { is_plain: true, ..Guest::start(machine) }
}

/// The kernel that the tests run on: the default, or what `RAEXT_E2E_KERNEL` says
/// (a series or an image).
///
/// # Panics
/// When the variable is no text.
pub fn usual_kernel() -> KernelChoice {
    let Some(kernel) = env::var_os("RAEXT_E2E_KERNEL") else {
        return KernelChoice::default();
    };
    let text = kernel.to_str().expect("RAEXT_E2E_KERNEL is text");
    let Ok(want) = text.parse();
    KernelChoice { want, untested: true }
}

/// Boot a machine of the test's own, with this kernel.
///
/// # Panics
/// When the machine does not start.
pub fn boot_kernel(
    kernel: &KernelChoice,
    policies: &[&str],
    more: Vec<GuestObject>,
    programs: &[PathBuf],
) -> Guest {
    let files = policies.iter().map(|name| guest_file(guest_path(name), shipped(name)));
    Guest::start(Machine {
        kernel: kernel.clone(),
        objects: files.chain(more).collect(),
        programs: programs.to_vec(),
        ..Machine::default()
    })
}

/// Boot a machine of the test's own, whose clocks count instructions: one is a
/// nanosecond, and a wait for the device takes its time in the guest alone. So
/// neither the host's speed nor a test beside this one changes a time.
///
/// # Panics
/// When the machine does not start.
pub fn boot_counted(policies: &[&str], more: Vec<GuestObject>) -> Guest {
    let files = policies.iter().map(|name| guest_file(guest_path(name), shipped(name)));
    Guest::start(Machine {
        kernel: usual_kernel(),
        objects: files.chain(more).collect(),
        count_instructions: true,
        ..Machine::default()
    })
}

/// Fail if the kernel complained of anything; else switch off, or keep the machine for
/// the next test.
///
/// # Panics
/// When it did.
pub fn stop_clean(mut guest: Guest) {
    let log = guest.ask(KernelLog).expect("the kernel's log can be read");
    let bad = complaints(log.get(guest.seen..).unwrap_or(&log));
    assert!(bad.is_empty(), "the kernel complained:\n{bad:#?}");
    if !guest.is_plain {
        return guest.stop().expect("the machine switches off");
    }
    guest.seen = log.len();
    // A new module has no parameters set and no counts. It cannot be removed
    // while a policy is attached.
    if guest.has_module().expect("the guest runs cat") {
        // Tests may end with a policy attached.
        while guest.detach().is_ok() {}
        if guest.unload_module().is_err() {
            return guest.stop().expect("the machine switches off");
        }
    }
    guest.ask(LoadModule).expect("the module can be loaded again");
    KEPT.set(Some(guest));
}

/// The agent with the requests of the tests.
///
/// # Panics
/// When it is not built.
pub fn agent_file() -> PathBuf {
    let paths = Paths::find().expect("the tests run in a checkout");
    let agent = paths.build.join("bin/raext-e2e-agent");
    assert!(agent.is_file(), "{} is not built: run `make e2e-agent`", agent.display());
    agent
}

fn plain_files() -> Vec<GuestObject> {
    let shipped = policies::names().into_iter().map(|name| {
        let object = shipped(&name);
        guest_file(guest_path(&name), object)
    });
    let accepted = ACCEPTED.map(|name| guest_file(guest_name(name), policies::accepted(name)));
    shipped.chain(accepted).chain([raext()]).collect()
}

/// Where a test program lies in a plain machine.
fn guest_name(accepted: &str) -> String {
    format!("/{accepted}.bpf.o")
}

fn same(a: &GuestObject, b: &GuestObject) -> bool {
    (&a.guest, &a.host, a.executable) == (&b.guest, &b.host, b.executable)
}

/// A guest is a session: requests are asked by their type.
impl Deref for Guest {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Guest {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

/// The requests of many tests, in short. Each fails when the machine or the agent does.
#[expect(missing_docs, reason = "the requests have the text")]
#[expect(clippy::missing_errors_doc, reason = "said above, of all of them")]
impl Guest {
    /// Boot a machine of the test's own.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(machine: Machine) -> Self {
        let machine = Machine { agent: Some(agent_file()), ..machine };
        let session = Session::boot(machine, Rc::new(Lines(step)));
        let session = session.unwrap_or_else(|error| panic!("{error}"));
        Self { session, is_plain: false, seen: 0 }
    }

    pub fn check(&mut self, object: &str, set: &BTreeMap<String, String>) -> Result<LoadOutcome> {
        self.ask(Check { object: object.into(), set: set.clone() })
    }

    pub fn attach(&mut self, object: &str, set: &BTreeMap<String, String>) -> Result<()> {
        self.attach_at(object, set, Placement::default())
    }

    pub fn attach_at(
        &mut self,
        object: &str,
        set: &BTreeMap<String, String>,
        placement: Placement,
    ) -> Result<()> {
        self.session.attach(Attach { object: object.into(), set: set.clone(), placement })
    }

    pub fn detach(&mut self) -> Result<()> {
        self.ask(Detach)
    }

    pub fn set_up(&mut self, device: Device) -> Result<()> {
        self.ask(SetupDevice { device })
    }

    pub fn run(&mut self, spec: WorkloadSpec) -> Result<Sample> {
        self.ask(RunWorkload { spec })
    }

    pub fn exec(&mut self, argv: &[&str]) -> Result<(i32, String, String)> {
        let Exit { status, stdout, stderr } = self.ask(Exec::new(argv))?;
        Ok((status, stdout, stderr))
    }

    pub fn unload_module(&mut self) -> Result<()> {
        self.ask(UnloadModule)
    }

    fn has_module(&mut self) -> Result<bool> {
        Ok(self.exec(&["cat", "/sys/module/readahead_ext/initstate"])?.0 == 0)
    }

    pub fn churn(
        &mut self,
        kind: ChurnKind,
        object: &str,
        cycles: u32,
        readers: u32,
    ) -> Result<()> {
        self.ask(Churn { kind, object: object.into(), cycles, readers })
    }

    pub fn stress(&mut self, spec: StressSpec) -> Result<StressReport> {
        self.ask(Stress { spec })
    }

    pub fn make_cgroup(&mut self, name: &str, memory_max: Option<u64>) -> Result<()> {
        self.ask(MakeCgroup { name: name.into(), memory_max })
    }

    pub fn run_together(&mut self, runs: Vec<GroupRun>) -> Result<Vec<Sample>> {
        self.ask(RunTogether { runs })
    }

    pub fn break_device(&mut self, offsets: Vec<u64>) -> Result<()> {
        self.ask(BreakDevice { offsets })
    }

    pub fn read_all(&mut self, by: ReadBy) -> Result<Sight> {
        self.ask(ReadAll { by })
    }

    pub fn drop_volume(&mut self) -> Result<()> {
        self.ask(DropVolume)
    }

    /// Do steps that take a few seconds at most.
    pub fn act(&mut self, steps: Vec<Step>) -> Result<Acted> {
        self.ask(Act { cgroup: None, steps, within_ms: 60_000 })
    }

    pub fn stop(self) -> Result<()> {
        self.session.stop()
    }
}
