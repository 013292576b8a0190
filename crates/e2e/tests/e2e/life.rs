// SPDX-License-Identifier: GPL-2.0-only
//! Coming and going: under load, twice, by other hands, and through the
//! command as a user has it.

use raext_e2e::requests::ChurnKind;
use raext_e2e::{
    Guest, boot, cases, guest_file, guest_path, raext, recent_bpftool, shipped, stop_clean,
};
use raext_model::{Device, DeviceProfile, Fs};
use std::collections::BTreeMap;
use std::path::PathBuf;

cases! {
    two_hundred_attachments_under_four_readers,
    fifty_module_loads_under_four_readers,
    the_command_attaches_lists_and_detaches,
    a_foreground_policy_goes_with_its_process,
    what_stands_in_the_way_is_named,
    detach_ends_with_the_policy_or_with_the_holder_s_name,
    bpftool_registers_the_c_policy,
}

fn run(guest: &mut Guest, argv: &[&str]) -> (i32, String) {
    let (status, stdout, stderr) = guest.exec(argv).unwrap();
    (status, format!("{stdout}{stderr}"))
}

fn churn(kind: ChurnKind, cycles: u32) {
    let mut guest = boot(&["noop"], vec![], &[]);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 64 << 20 };
    guest.set_up(device).unwrap();
    if kind == ChurnKind::Module {
        guest.unload_module().unwrap();
    }
    guest.churn(kind, &guest_path("noop"), cycles, 4).unwrap();
    stop_clean(guest);
}

fn two_hundred_attachments_under_four_readers() {
    churn(ChurnKind::Attach, 200);
}

fn fifty_module_loads_under_four_readers() {
    churn(ChurnKind::Module, 50);
}

fn the_command_attaches_lists_and_detaches() {
    let mut guest = boot(&["noop", "wide"], vec![raext()], &[]);
    let (noop, wide) = (guest_path("noop"), guest_path("wide"));

    assert_eq!(run(&mut guest, &["/bin/raext", "list"]), (0, "no policy is attached\n".into()));
    let (status, said) = run(&mut guest, &["/bin/raext", "attach", &noop]);
    assert_eq!(status, 0, "{said}");
    let (status, said) = run(&mut guest, &["/bin/raext", "list"]);
    assert!(status == 0 && said.contains("noop"), "{said}");

    // One policy for a scope: the second one is told who is there.
    let (status, said) = run(&mut guest, &["/bin/raext", "attach", &wide]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("noop") && said.contains("detach"), "{said}");
    // The module is held as long as a policy is attached.
    let (status, said) = run(&mut guest, &["/bin/raext", "module", "unload"]);
    assert!(status == 69 && said.contains("attached"), "{status} {said}");

    let (status, said) = run(&mut guest, &["/bin/raext", "detach", "noop"]);
    assert_eq!(status, 0, "{said}");
    let set = ["/bin/raext", "attach", &wide, "--set", "limit_kb=64", "--name", "narrow"];
    let (status, said) = run(&mut guest, &set);
    assert_eq!(status, 0, "{said}");
    let (_, said) = run(&mut guest, &["/bin/raext", "list"]);
    assert!(said.contains("narrow") && said.contains("wide"), "{said}");
    let (status, said) = run(&mut guest, &["/bin/raext", "detach", "--all"]);
    assert!(status == 0 && said.contains("narrow"), "{said}");
    assert_eq!(run(&mut guest, &["/bin/raext", "list"]), (0, "no policy is attached\n".into()));

    // A policy that a process holds is seen, though nothing is pinned.
    guest.attach(&noop, &BTreeMap::new()).unwrap();
    let (status, said) = run(&mut guest, &["/bin/raext", "list"]);
    assert!(status == 0 && said.contains("a process"), "{said}");
    guest.detach().unwrap();

    let (status, said) = run(&mut guest, &["/bin/raext", "attach", &wide, "--set", "limit=64"]);
    assert!(status == 1 && said.contains("limit_kb"), "{status} {said}");
    let (status, said) = run(&mut guest, &["/bin/raext", "detach", "absent"]);
    assert!(status == 1 && said.contains("absent"), "{status} {said}");

    guest.unload_module().unwrap();
    let (status, said) = run(&mut guest, &["/bin/raext", "attach", &noop]);
    assert!(status == 69 && said.contains("module"), "without the module: {status} {said}");
    stop_clean(guest);
}

fn a_foreground_policy_goes_with_its_process() {
    let mut guest = boot(&["noop"], vec![raext()], &[]);
    let noop = guest_path("noop");
    // Asked to end, it ends in good order; killed, the kernel cleans up.
    for (signal, status) in [("INT", 0), ("TERM", 0), ("KILL", 137)] {
        let script = format!(
            "/bin/raext attach --foreground {noop} > /tmp/said 2>&1 & attached=$!
            until case \"$(cat /tmp/said)\" in *attached*) ;; *) false ;; esac; do sleep 0.1; done
            kill -{signal} $attached; wait $attached; status=$?
            cat /tmp/said; exit $status"
        );
        let (ended, said) = run(&mut guest, &["sh", "-c", &script]);
        assert!(ended == status && said.contains("attached noop"), "{signal}: {ended} {said}");
        assert_eq!(signal != "KILL", said.contains("detached"), "{signal}: {said}");
        let (_, list) = run(&mut guest, &["/bin/raext", "list"]);
        assert_eq!(list, "no policy is attached\n", "after {signal}");
    }
    stop_clean(guest);
}

fn what_stands_in_the_way_is_named() {
    const SWITCH: &str = "/proc/sys/kernel/ftrace_enabled";
    let programs = ["/usr/bin/setpriv", "/bin/cp"].map(PathBuf::from);
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, name).unwrap();
        guest_file(format!("/{name}"), path)
    };
    let mut guest = boot(&["noop"], vec![raext(), file("0"), file("1")], &programs);
    let noop = guest_path("noop");

    // Another user than root.
    let other_user = ["setpriv", "--reuid", "65534", "--clear-groups", "/bin/raext"];
    for arguments in [&["attach", &noop][..], &["check", "--host", &noop], &["module", "unload"]] {
        let argv: Vec<&str> = other_user.iter().chain(arguments).copied().collect();
        let (status, said) = run(&mut guest, &argv);
        assert!(status == 69 && said.contains("root"), "{arguments:?}: {status} {said}");
    }
    // As root, the running kernel's verdict.
    let (status, said) = run(&mut guest, &["/bin/raext", "check", "--host", &noop]);
    assert!(status == 0 && said.contains("accepted"), "{status} {said}");

    // A policy that is attached cannot be cut off by switching ftrace off ...
    guest.attach(&noop, &BTreeMap::new()).unwrap();
    assert_ne!(run(&mut guest, &["cp", "/0", SWITCH]).0, 0, "ftrace went off");
    guest.detach().unwrap();
    // ... and with ftrace off, none can be attached.
    assert_eq!(run(&mut guest, &["cp", "/0", SWITCH]).0, 0);
    let (status, said) = run(&mut guest, &["/bin/raext", "attach", &noop]);
    assert!(status == 69 && said.contains("ftrace_enabled"), "{status} {said}");
    assert_eq!(run(&mut guest, &["cp", "/1", SWITCH]).0, 0);
    let (status, said) = run(&mut guest, &["/bin/raext", "attach", &noop]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(run(&mut guest, &["/bin/raext", "detach", "--all"]).0, 0);
    // The module has said in the log why it could not hook: that is wanted here.
    guest.stop().unwrap();
}

/// Opens a pin (`BPF_OBJ_GET`) and keeps the descriptor.
const KEEP_OPEN: &str = r#"my $path = "/sys/fs/bpf/raext/it\0"; my $attr = pack("P L L", $path, 0, 0);
    syscall(321, 7, $attr, 16) >= 0 or die "bpf: $!"; open(my $ready, ">", "/tmp/ready"); sleep 600"#;

fn detach_ends_with_the_policy_or_with_the_holder_s_name() {
    let programs = [
        "/bin/sh",
        "/bin/ln",
        "/bin/rm",
        "/bin/mkdir",
        "/bin/rmdir",
        "/bin/sleep",
        "/usr/bin/perl",
        "/bin/cat",
        "/bin/grep",
    ];
    let mut guest = boot(&["noop"], vec![raext()], &programs.map(PathBuf::from));
    let noop = guest_path("noop");
    let sh = |guest: &mut Guest, script: &str| run(guest, &["sh", "-c", script]);
    let attach = |guest: &mut Guest| {
        let (status, said) = run(guest, &["/bin/raext", "attach", &noop, "--name", "it"]);
        assert_eq!(status, 0, "{said}");
    };

    // A second pin holds one policy; the others are detached all the same.
    attach(&mut guest);
    let later = ["/bin/raext", "attach", &noop, "--name", "later", "--device", "7:77"];
    assert_eq!(run(&mut guest, &later).0, 0);
    let (status, said) = sh(&mut guest, "ln /sys/fs/bpf/raext/it /sys/fs/bpf/other");
    assert_eq!(status, 0, "{said}");
    let (status, said) = run(&mut guest, &["/bin/raext", "detach", "--all"]);
    assert!(status == 69 && said.contains("held by the pin /sys/fs/bpf/other"), "{status} {said}");
    assert!(said.contains("waiting for the kernel to release link"), "{said}");
    assert!(said.contains("detached later\n") && !said.contains("detached it\n"), "{said}");
    assert_eq!(sh(&mut guest, "rm /sys/fs/bpf/other").0, 0);

    // A process holds it.
    let (status, said) = sh(&mut guest, "while raext list | grep -q noop; do sleep 0.1; done");
    assert_eq!(status, 0, "{said}");
    attach(&mut guest);
    let script = format!("perl -e '{KEEP_OPEN}' > /tmp/said 2>&1 & echo $! > /tmp/pid");
    assert_eq!(sh(&mut guest, &script).0, 0);
    let (_, said) = sh(
        &mut guest,
        "for n in 1 2 3 4 5 6 7 8; do [ -e /tmp/ready ] || sleep 1; done; cat /tmp/said",
    );
    assert!(!said.contains("bpf:"), "{said}");
    let (status, said) = run(&mut guest, &["/bin/raext", "detach", "it"]);
    assert!(status == 69 && said.contains("(perl) by its descriptor"), "{status} {said}");
    assert_eq!(sh(&mut guest, "kill $(cat /tmp/pid)").0, 0);
    let (status, said) = sh(&mut guest, "while raext list | grep -q noop; do sleep 0.1; done");
    assert_eq!(status, 0, "{said}");

    // What is no policy's is told.
    assert_eq!(sh(&mut guest, "mkdir /sys/fs/bpf/raext/folder").0, 0);
    let (status, said) = run(&mut guest, &["/bin/raext", "list"]);
    assert!(status == 0 && said.contains("/sys/fs/bpf/raext/folder: not shown"), "{status} {said}");
    assert_eq!(sh(&mut guest, "rmdir /sys/fs/bpf/raext/folder").0, 0);

    // The module goes right after the last policy.
    attach(&mut guest);
    let (status, said) = sh(&mut guest, "raext detach --all && raext module unload");
    assert!(status == 0 && said.ends_with("removed\n"), "{status} {said}");
    stop_clean(guest);
}

fn bpftool_registers_the_c_policy() {
    let bpftool = recent_bpftool();
    let files = vec![guest_file("/noop_c.bpf.o", shipped("noop-c"))];
    let mut guest = boot(&[], files, std::slice::from_ref(&bpftool));
    let register = ["/bin/bpftool", "struct_ops", "register", "/noop_c.bpf.o", "/sys/fs/bpf"];
    let (_, said) = run(&mut guest, &register);
    // bpftool 7.5 crashes when it prints the name of a type that is a module's,
    // after it has registered and pinned: what counts is the kernel's word.
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 16 << 20 };
    guest.set_up(device).unwrap();
    let sample = guest.run(raext_model::Workload::RandomRead.default_spec()).unwrap();
    assert!(sample.decisions > 0, "not attached: {said}");
    // Its place is taken like anyone's.
    let noop = guest.attach("/noop_c.bpf.o", &BTreeMap::new());
    assert!(noop.is_err(), "attached twice");
    guest.stop().unwrap();
}
