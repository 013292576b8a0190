// SPDX-License-Identifier: GPL-2.0-only
//! Real machines: what boots, and what is said of one that does not. Built with feature
//! `vm`. The kernel is the one that `raext` boots by default; `make build` makes the agent.

use raext_kernel::{Kernels, Want};
use raext_model::requests::{Detach, Exec, Exit, KernelLog};
use raext_model::{Classified as _, Failure, Kind, Lines};
use raext_vm::machine::{GuestFile, Source, VmConfig, VmError};
use raext_vm::{Paths, Session, SessionError};
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

fn paths() -> Paths {
    Paths::find().expect("the tests run in a checkout")
}

/// The image of the newest kernel of the usual series; it is fetched, if need be.
fn kernel() -> PathBuf {
    static KERNEL: OnceLock<PathBuf> = OnceLock::new();
    let provide = || {
        let lines = Rc::new(Lines(|line: &str| println!("{line}")));
        let kernels = Kernels::new(&paths().cache(), lines);
        let kernel = kernels.and_then(|kernels| kernels.provide(&Want::default(), false));
        kernel.unwrap_or_else(|error| panic!("{error}")).image
    };
    KERNEL.get_or_init(provide).clone()
}

fn agent() -> PathBuf {
    paths().agent().unwrap_or_else(|error| panic!("{error}"))
}

fn config() -> VmConfig {
    VmConfig::new(kernel(), agent())
}

fn boot(config: &VmConfig) -> Result<Session, VmError> {
    Session::start(config, Rc::new(Lines(|line: &str| println!("{line}"))))
}

/// The boot that is expected to fail.
fn no_boot(config: &VmConfig) -> VmError {
    match boot(config) {
        Ok(_) => panic!("it booted"),
        Err(error) => error,
    }
}

fn exec(session: &mut Session, argv: &[&str]) -> Result<Exit, SessionError> {
    session.ask(Exec::new(argv))
}

fn failed<A: std::fmt::Debug>(answer: Result<A, SessionError>) -> Failure {
    match answer.unwrap_err() {
        SessionError::Agent(failure) => failure,
        error => panic!("{error}"),
    }
}

fn lost<A: std::fmt::Debug>(answer: Result<A, SessionError>) -> VmError {
    match answer.unwrap_err() {
        SessionError::Vm(error) => error,
        error => panic!("{error}"),
    }
}

/// An agent that is a shell script.
fn script(text: &str) -> (tempfile::NamedTempFile, VmConfig) {
    let mut agent = tempfile::NamedTempFile::new().unwrap();
    agent.write_all(text.as_bytes()).unwrap();
    let mut config = config();
    config.agent = agent.path().to_owned();
    config.programs = ["/bin/sh", "/bin/sleep"].map(PathBuf::from).into();
    (agent, config)
}

#[test]
fn the_agent_serves_until_it_is_switched_off() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut config = config();
    config.programs = vec!["/bin/sh".into(), "cat".into()];
    config.console_log = Some(log.path().to_owned());
    let long = "more than a port takes at once\n".repeat(40_000);
    config.files = [("/etc/greeting", "hello\n"), ("/tmp-of-ours/long", &long)]
        .map(|(guest, text)| GuestFile {
            guest: guest.into(),
            source: Source::Bytes(text.into()),
            mode: 0o640,
        })
        .into();
    let mut vm = boot(&config).unwrap();
    assert!(vm.release().starts_with(|c: char| c.is_ascii_digit()), "{}", vm.release());

    let script = "read word < /etc/greeting; echo $word; echo oh >&2; exit 7";
    let exit = |status, stdout: &str, stderr: &str| Exit {
        status,
        stdout: stdout.into(),
        stderr: stderr.into(),
    };
    assert_eq!(exec(&mut vm, &["sh", "-c", script]).unwrap(), exit(7, "hello\n", "oh\n"));
    assert_eq!(exec(&mut vm, &["sh", "-c", "kill -9 $$"]).unwrap(), exit(137, "", ""));
    assert_eq!(exec(&mut vm, &["cat", "/tmp-of-ours/long"]).unwrap(), exit(0, &long, ""));
    assert_eq!(failed(exec(&mut vm, &["/no/such"])).what, "run /no/such");

    let mark = "echo '<4>a warning of ours' > /dev/kmsg; echo '<6>no warning' > /dev/kmsg";
    assert_eq!(exec(&mut vm, &["sh", "-c", mark]).unwrap(), exit(0, "", ""));
    let lines = vm.ask(KernelLog).unwrap();
    assert!(lines.iter().any(|line| line.ends_with("] a warning of ours")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.ends_with("no warning")), "{lines:#?}");

    assert_eq!(failed(vm.ask(Detach)).why, "no policy is attached");
    assert!(vm.is_alive());

    let start = Instant::now();
    vm.stop().unwrap();
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
}

#[test]
fn a_panic_is_reported_at_once_in_the_kernels_words() {
    let mut vm = boot(&config()).unwrap();
    let start = Instant::now();
    let error = lost(exec(&mut vm, &["/init", "sysrq", "c"]));
    assert!(start.elapsed() < Duration::from_secs(15), "it took {:?}", start.elapsed());
    let VmError::Panic { words } = error else { panic!("{error}") };
    assert!(words.contains("Kernel panic - not syncing: sysrq triggered crash"), "{words}");
    assert!(words.contains("Call Trace:\n"), "{words}");
    assert!(words.contains("sysrq_handle_crash"), "{words}");
    assert!(!vm.is_alive());
    assert!(matches!(lost(vm.ask(KernelLog)), VmError::Gone));
}

#[test]
fn a_machine_that_hangs_ends_at_its_deadline_with_the_consoles_last_lines() {
    let (_agent, mut config) = script("#!/bin/sh\necho no agent is here\nexec sleep 1000\n");
    config.boot_deadline = Duration::from_secs(20);
    let error = no_boot(&config);
    assert_eq!(error.kind(), Kind::Environment);
    let VmError::BootDeadline { console, .. } = &error else { panic!("{error}") };
    assert!(console.ends_with("no agent is here"), "{console}");
    assert!(error.to_string().starts_with("the microVM did not start within 20 s"), "{error}");
}

#[test]
fn an_answer_that_does_not_come_ends_at_its_deadline() {
    let mut config = config();
    config.programs = vec!["/bin/sleep".into()];
    config.answer_deadline = Duration::from_secs(3);
    let mut vm = boot(&config).unwrap();
    let error = lost(exec(&mut vm, &["sleep", "1000"]));
    assert!(matches!(error, VmError::AnswerDeadline { .. }), "{error}");
    assert!(matches!(lost(vm.stop()), VmError::Gone));
}

#[test]
fn an_init_that_ends_is_a_panic_and_an_agent_that_dies_is_reported() {
    let (_agent, config) = script("#!/bin/sh\nexit 3\n");
    let VmError::Panic { words } = no_boot(&config) else { panic!("no panic") };
    assert!(words.contains("Attempted to kill init! exitcode=0x00000300"), "{words}");

    let mut config = self::config();
    config.programs = vec!["/bin/sh".into()];
    let mut vm = boot(&config).unwrap();
    let error = lost(exec(&mut vm, &["sh", "-c", "kill -9 $PPID"]));
    let VmError::Exited { console, .. } = &error else { panic!("{error}") };
    assert!(console.contains("raext-agent: the agent ended: killed by signal 9"), "{console}");
}

#[test]
fn a_module_that_the_kernel_refuses_is_named() {
    let mut config = config();
    config.modules =
        vec![raext_vm::machine::GuestModule { name: "junk".into(), image: vec![0; 64] }];
    let error = no_boot(&config);
    let VmError::Setup(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.what, "load /modules/junk.ko");
}

#[test]
fn what_the_machine_lacks_is_one_line() {
    let mut config = config();
    config.qemu = "qemu-of-no-such-kind".into();
    let error = no_boot(&config);
    assert_eq!(error.kind(), Kind::Environment);
    assert_eq!(error.to_string(), "qemu-of-no-such-kind: not found: install qemu-system-x86");

    let mut config = self::config();
    config.kernel = agent();
    let error = no_boot(&config);
    assert_eq!(error.kind(), Kind::Refused);
    assert!(matches!(error, VmError::NotAKernel { .. }), "{error}");
    assert_eq!(error.to_string().lines().count(), 1);
}
