// SPDX-License-Identifier: GPL-2.0-only
//! `raext try` as a user has it.

use raext_e2e::cases;
use raext_vm::Paths;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

cases! {
    a_command_runs_as_it_would_here,
    two_runs_are_compared_and_begin_alike,
    a_policy_of_another_header_is_tried_and_compared,
    what_cannot_be_is_one_line,
    a_command_that_is_killed_leaves_nothing_behind,
    an_ordinary_user_may_try_too,
}

fn raext_try() -> Command {
    let program = Paths::find().unwrap().build.join("bin/raext");
    assert!(program.is_file(), "{} is not built: run `make build`", program.display());
    let mut command = Command::new(program);
    command.arg("try").stdin(Stdio::null());
    command
}

/// The same for a signal that this process may have been started to ignore, as in the
/// background of a script.
fn raext_try_with_signals() -> Command {
    let raext = raext_try();
    let mut command = Command::new("env");
    command.arg("--default-signal").arg(raext.get_program()).args(raext.get_args());
    command.stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = (status.code().unwrap_or(-1), text(&stdout), text(&stderr));
    println!("  {said:?}");
    said
}

/// A folder with 4 MiB of data.
fn data() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..4_u32 << 20).map(|at| (at >> 10 ^ at) as u8).collect();
    fs::create_dir(dir.path().join("db")).unwrap();
    fs::write(dir.path().join("db/file"), content).unwrap();
    symlink("db", dir.path().join("link")).unwrap();
    fs::write(dir.path().join("script"), "#!/bin/sh\ncat; cat db/file\nexit 5\n").unwrap();
    for path in ["", "script"] {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(dir.path().join(path), mode).unwrap();
    }
    dir
}

fn a_command_runs_as_it_would_here() {
    let dir = data();
    let input = dir.path().join("input");
    fs::write(&input, [0, 0xff, b'\n']).unwrap();
    let json = dir.path().join("summary.json");
    let output = raext_try()
        .current_dir(dir.path())
        .args(["--data", "link", "-p", "wide:limit_kb=8192", "--json"])
        .arg(&json)
        .args(["--", "./script"])
        .stdin(fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    let expected = [fs::read(&input).unwrap(), fs::read(dir.path().join("db/file")).unwrap()];
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    assert!(output.stdout == expected.concat());
    let said = text(&output.stderr);
    for words in ["./script: 4.2 MB on disk with ext4, cold", "wide:limit_kb=8192", "status 5"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let summary = fs::read_to_string(&json).unwrap();
    let number = |name: &str| -> u64 {
        let line = summary.lines().find(|line| line.contains(&format!("\"{name}\": "))).unwrap();
        line.split(": ").nth(1).unwrap().trim_end_matches(',').parse().unwrap()
    };
    assert!((4 << 20..6 << 20).contains(&number("device_bytes")), "{summary}");
    assert!(number("decisions") > 0 && number("status") == 5, "{summary}");

    // A command that is absent, one that ends by a signal, output without a reader.
    let (status, _, said) = run(raext_try().args(["--", "no-such-command"]));
    assert_eq!((status, said.as_str()), (127, "raext: no-such-command: command not found\n"));
    let (status, _, said) = run(raext_try().arg("--").arg(&input));
    assert!(status == 126 && said.contains("Permission denied"), "{said}");
    let (status, _, said) = run(raext_try().args(["--", "sh", "-c", "kill -TERM $$"]));
    assert!(status == 128 + 15 && said.contains("signal 15"), "{said}");
    let mut endless = raext_try().args(["--", "yes"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut start = [0; 4];
    endless.stdout.take().unwrap().read_exact(&mut start).unwrap();
    assert_eq!(endless.wait().unwrap().code(), Some(141));
}

fn two_runs_are_compared_and_begin_alike() {
    let dir = data();
    let file = dir.path().join("db/file");
    // The second would find what the first has left, and print something else.
    let script = format!("ls /made; wc -c < {0}; echo more >> {0}; sleep 1000 &", file.display());
    let (status, stdout, said) = run(raext_try()
        .args(["--compare", "--read-ahead-kb", "4096", "--device", "nvme", "--fs", "xfs", "-d"])
        .arg(file.parent().unwrap())
        .args(["--data", "/made", "--before", "echo made > /made/new; sleep 1000 &"])
        .args(["--", "sh", "-c", &script]));
    assert_eq!((status, stdout.as_str()), (0, "new\n4194304\n"), "{said}");
    assert!(said.contains("kernel") && said.contains("4096 KiB"), "{said}");
    assert!(!said.contains("did not print the same"), "{said}");
    assert_eq!(said.matches("1 process was left behind").count(), 2, "{said}");
    assert_eq!(fs::metadata(&file).unwrap().len(), 4 << 20);
    assert!(!Path::new("/made").exists());
}

/// `seed` lacks the members of a scope, and `reordered` has its own order: what `check` accepts,
/// the commands that attach in a microVM accept.
fn a_policy_of_another_header_is_tried_and_compared() {
    let dir = data();
    let objects = ["seed", "reordered"].map(|name| raext_e2e::accepted(name).display().to_string());
    for object in &objects {
        let (status, stdout, said) = run(raext_try()
            .current_dir(dir.path())
            .args(["--data", "db", "--device", "nvme", "-p", object])
            .args(["--", "sh", "-c", "cat db/file | wc -c"]));
        assert_eq!((status, stdout.as_str()), (0, "4194304\n"), "{said}");
        assert!(said.contains("decisions"), "{said}");
    }
    let program = Paths::find().unwrap().build.join("bin/raext");
    let mut compare = Command::new(program);
    compare.args(["compare", "--workload", "seq-read", "--device", "nvme", "--repeat", "1"]);
    compare.args(["-p", &objects[0], "-p", &objects[1]]);
    let (status, stdout, said) = run(&mut compare);
    assert!(status == 0 && stdout.contains("seed") && stdout.contains("reordered"), "{said}");
}

fn what_cannot_be_is_one_line() {
    let dir = data();
    let path = dir.path().to_str().unwrap();
    for (status, words, arguments) in [
        (1, "--data /no/such: No such file", &["--data", "/no/such", "true"][..]),
        (1, "neither a folder nor a file", &["--data", "/dev/null", "true"]),
        (1, "no folder of data", &["--data", "/", "true"]),
        (1, "the data take 5 MiB", &["--data", path, "--size", "1M", "true"]),
        (1, "give at least", &["--data", path, "--memory", "64M", "true"]),
        (1, "are free here", &["--data", path, "--size", "1000T", "true"]),
        (1, "no policy 'nosuch'", &["--data", path, "--policy", "nosuch", "true"]),
        (2, "without --data", &["--policy", "wide", "true"]),
        (2, "name a policy", &["--data", path, "--compare", "true"]),
        (2, "need a file system", &["--data", path, "--fs", "raw", "true"]),
        (2, "no size", &["--data", path, "--size", "much", "true"]),
        (2, "COMMAND", &["--data", path]),
        (1, "--before exit 3: status 3", &["--before", "exit 3", "true"]),
    ] {
        let (ended, _, said) = run(raext_try().args(arguments));
        assert!(ended == status && said.contains(words), "{arguments:?}: {ended} {said}");
        assert!(status == 2 || said.lines().count() == 1, "{said}");
    }
}

/// Processes that were started by this one.
fn children(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn a_command_that_is_killed_leaves_nothing_behind() {
    for signal in ["INT", "KILL"] {
        let mut command = raext_try_with_signals()
            .args(["--", "sh", "-c", "echo up; sleep 1000"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = [0; 3];
        command.stdout.take().unwrap().read_exact(&mut up).unwrap();
        let left = children(command.id());
        assert!(left.len() >= 2, "QEMU and virtiofsd: {left:?}");
        let pid = command.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        assert!(!command.wait().unwrap().success());
        let start = Instant::now();
        while left.iter().any(|pid| is_alive(*pid)) {
            assert!(start.elapsed() < Duration::from_secs(15), "{signal}: still there: {left:?}");
            sleep(Duration::from_millis(100));
        }
    }
}

fn is_alive(pid: u32) -> bool {
    // A zombie is at rest.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// An ordinary user has their own copy of what was built and fetched.
fn an_ordinary_user_may_try_too() {
    const USER: u32 = 54321;
    let paths = Paths::find().unwrap();
    if fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own)).unwrap() != 0
    {
        println!("skipped: this is no root, and so the other tests were an ordinary user's");
        return;
    }
    let dir = data();
    let home = dir.path().join("home");
    let script = "set -e; mkdir -p home/root/policies home/build/cache/kernels home/build/kmod
        cp -r $ROOT/kmod home/root/; cp -r $BUILD/bin home/build/
        cp $BUILD/cache/accelerator home/build/cache/ || :
        cp -r $BUILD/cache/kernels/6.12* home/build/cache/kernels/
        cp -r $BUILD/cache/apt home/build/cache/
        cp -r $BUILD/kmod/6.12* home/build/kmod/
        chown -R 54321:54321 .";
    let copied = Command::new("sh")
        .args(["-c", script])
        .current_dir(dir.path())
        .env("ROOT", &paths.root)
        .env("BUILD", &paths.build)
        .status()
        .unwrap();
    assert!(copied.success());
    let mut command = Command::new(home.join("build/bin/raext"));
    command.uid(USER).gid(USER).current_dir(dir.path()).stdin(Stdio::null());
    command.env("RAEXT_ROOT", home.join("root")).env("RAEXT_BUILD", home.join("build"));
    command.env("HOME", &home).args(["try", "--data", "db", "--", "sh", "-c"]);
    let attempt = "id -u; wc -c < db/file; echo new > db/new; echo here > here; cat here
        mkdir /bare; mount -t virtiofs host /bare; mount -o remount,rw /bare
        echo no > /bare/$PWD/script; touch /bare/$PWD/no; cat /etc/shadow";
    let (status, stdout, said) = run(command.arg(attempt));
    assert_eq!((status, stdout.as_str()), (1, "0\n4194304\nhere\n"), "{said}");
    assert_eq!(said.matches("Read-only file system").count(), 2, "{said}");
    assert!(said.contains("/etc/shadow: Permission denied"), "{said}");
    assert!(!dir.path().join("db/new").exists() && !dir.path().join("here").exists());
    std::io::stdout().flush().unwrap();
}
