// SPDX-License-Identifier: GPL-2.0-only
//! Programs of the host in the microVM: what they see, what they may do, what is
//! counted, and that the host stays as it was.

use raext_e2e::{Guest, cases, guest_file, guest_path, shipped, stop_clean, usual_kernel};
use raext_model::requests::{
    Bind, DropCaches, EndProgram, MakeVolume, MountDisk, StartProgram, UnmountDisk,
};
use raext_model::{
    Caches, DeviceProfile, End, Folder, Fs, Output, Placement, Program, Stream, User, Volume,
};
use raext_vm::{Captured, Disk, Machine, Share, Streams, root_over};
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

cases! {
    nothing_that_the_guest_does_reaches_the_host,
    a_program_is_run_as_it_is_told,
    output_comes_live_and_input_goes_in,
    the_volume_is_what_is_measured_and_decided_on,
    programs_run_in_the_background_and_disks_keep_their_files,
}

const MIB: u64 = 1 << 20;

fn start(program: Program) -> StartProgram {
    StartProgram { program }
}

fn end(id: u32, signal: i32, within_ms: u64) -> EndProgram {
    EndProgram { id, signal, within_ms }
}

/// Mount the disk `kept`.
fn mount(make: bool, read_only: bool) -> MountDisk {
    MountDisk { name: "kept".into(), make, read_only }
}

fn boot(shares: &[(&str, &Path)], disks: Vec<Disk>) -> Guest {
    let machine = Machine {
        kernel: usual_kernel(),
        objects: vec![guest_file(guest_path("wide"), shipped("wide"))],
        shares: shares
            .iter()
            .map(|(tag, path)| Share { tag: (*tag).into(), path: path.to_path_buf() })
            .collect(),
        disks,
        ..Machine::default()
    };
    Guest::start(machine)
}

fn program(argv: &[&str]) -> Program {
    Program {
        argv: argv.iter().map(ToString::to_string).collect(),
        env: [("PATH".to_owned(), "/usr/bin:/bin:/usr/sbin:/sbin".to_owned())].into(),
        cwd: "/".into(),
        user: User::default(),
        memory_max: None,
        output: Output::Send,
        input: false,
        deadline_ms: Some(60_000),
        leave_children: false,
    }
}

fn sh(script: &str) -> Program {
    program(&["sh", "-c", script])
}

fn run(guest: &mut Guest, program: Program) -> Captured {
    let captured = guest.capture(program).unwrap_or_else(|error| panic!("{error}"));
    let errors = String::from_utf8_lossy(&captured.stderr);
    println!("  {:?}: {:?} {errors:?}", captured.ran, captured.text());
    captured
}

fn nothing_that_the_guest_does_reaches_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "as it was").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut guest = boot(&[("host", Path::new("/")), ("dir", dir.path())], Vec::new());
    guest.ask(root_over(&["/shares/host"])).unwrap();
    // A program may write anywhere, and sees what it has written.
    let path = file.to_str().unwrap();
    let wrote = run(&mut guest, sh(&format!("echo changed > {path} && cat {path}")));
    assert_eq!((wrote.ran.end, wrote.text().as_str()), (End::Exit(0), "changed\n"));
    // The share itself, mounted anew by the guest for writing, without a layer
    // above it.
    let attempt = "mkdir -p /mnt/bare && mount -t virtiofs dir /mnt/bare -o rw || exit 9
        cat /mnt/bare/file || exit 8
        mount -o remount,rw /mnt/bare || exit 7
        grep -q ' /mnt/bare virtiofs rw' /proc/mounts || exit 5
        for what in 'echo no > /mnt/bare/file' 'touch /mnt/bare/new' 'rm /mnt/bare/file' \
            'chmod 600 /mnt/bare/file' 'mkdir /mnt/bare/folder' 'mv /mnt/bare/file /mnt/bare/b' \
            'ln /mnt/bare/file /mnt/bare/link' 'truncate -s 0 /mnt/bare/file'; do
            sh -c \"$what\" && { echo \"it worked: $what\"; exit 6; }
        done; exit 0";
    let attempt = run(&mut guest, sh(attempt));
    assert_eq!(attempt.ran.end, End::Exit(0), "{}", attempt.text());
    assert_eq!(attempt.text(), "as it was");
    let errors = String::from_utf8(attempt.stderr).unwrap();
    assert_eq!(errors.matches("Read-only file system").count(), 8, "{errors}");
    // The kernel of the host, by its own files.
    let attempt = "mkdir -p /mnt/all && mount -t virtiofs host /mnt/all || exit 9
        echo 1 > /mnt/all/proc/sys/vm/drop_caches && exit 6; exit 0";
    assert_eq!(run(&mut guest, sh(attempt)).ran.end, End::Exit(0));
    stop_clean(guest);
    assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o666);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

fn a_program_is_run_as_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let script = dir.path().join("script");
    fs::write(&script, "#!/bin/sh\necho a script with $1, in $(pwd)\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let broken = dir.path().join("broken");
    fs::write(&broken, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let mut guest = boot(&[("host", Path::new("/"))], Vec::new());
    guest.ask(root_over(&["/shares/host"])).unwrap();
    let guest = &mut guest;

    let mut relative = program(&["./script", "one word"]);
    relative.cwd = dir.path().to_str().unwrap().into();
    let expected = format!("a script with one word, in {}\n", dir.path().display());
    assert_eq!(run(guest, relative).text(), expected);
    let status = run(guest, sh("echo out; echo err >&2; exit 7"));
    assert_eq!((status.ran.end, &status.stderr[..]), (End::Exit(7), &b"err\n"[..]));
    assert_eq!(run(guest, sh("kill -SEGV $$")).ran.end, End::Signal(11));
    let binary = run(guest, sh("printf '\\000\\377\\n\\200'"));
    assert_eq!(binary.stdout, [0, 0xff, b'\n', 0x80]);

    let mut as_nobody = sh("id -u; id -g; echo $GREETING; touch /etc/passwd");
    as_nobody.user = User { uid: 65534, gid: 65533 };
    as_nobody.env.insert("GREETING".into(), "hello".into());
    let other_user = run(guest, as_nobody);
    assert_eq!(
        (other_user.ran.end, other_user.text().as_str()),
        (End::Exit(1), "65534\n65533\nhello\n")
    );

    assert_eq!(run(guest, program(&["no-such-program"])).ran.end.status(), 127);
    assert_eq!(run(guest, program(&["/etc/passwd"])).ran.end, End::NotStarted(13));
    assert_eq!(run(guest, program(&[broken.to_str().unwrap()])).ran.end, End::NotStarted(2));
    let mut nowhere = program(&["true"]);
    nowhere.cwd = "/no/such/folder".into();
    let error = guest.capture(nowhere).unwrap_err().to_string();
    assert!(error.contains("/no/such/folder: No such file"), "{error}");

    // Time, children, memory.
    let mut slow = sh("echo begun; sleep 1000");
    slow.deadline_ms = Some(2000);
    let slow = run(guest, slow);
    assert_eq!((slow.ran.end, slow.text().as_str()), (End::Deadline, "begun\n"));
    let left = run(guest, sh("sleep 1000 & sleep 1000 & echo done"));
    assert_eq!((left.ran.end, left.ran.left, left.text().as_str()), (End::Exit(0), 2, "done\n"));
    let mut daemon = sh("sleep 1000 & echo $!");
    daemon.leave_children = true;
    let daemon = run(guest, daemon);
    assert_eq!(run(guest, sh(&format!("kill {}", daemon.text()))).ran.end, End::Exit(0));
    let mut hungry = sh("x=$(head -c 64000000 /dev/zero | tr '\\0' a); echo $?");
    hungry.memory_max = Some(16 * MIB);
    let hungry = run(guest, hungry).ran;
    assert_eq!((hungry.end, hungry.oom_kills), (End::Signal(9), 1));
    let busy = run(guest, sh("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")).ran;
    assert!(busy.cpu_ns > busy.wall_ns / 4 && busy.cpu_ns < busy.wall_ns * 2, "{busy:?}");
}

fn output_comes_live_and_input_goes_in() {
    let mut guest = boot(&[("host", Path::new("/"))], Vec::new());
    guest.ask(root_over(&["/shares/host"])).unwrap();
    let mut heard = Vec::new();
    let mut output = |stream, data: &[u8]| {
        heard.push((Instant::now(), stream, data.to_vec()));
        true
    };
    let streams = Streams { output: &mut output, input: None };
    guest.talk(sh("echo first; sleep 3; echo second >&2"), streams).unwrap();
    let [(first, Stream::Stdout, _), (second, Stream::Stderr, _)] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert!(*second - *first > Duration::from_secs(2), "not live: {heard:?}");

    // More than any pipe holds, there and back.
    let sent: Vec<u8> = (0..3 << 20).map(|at: u32| (at >> 8 ^ at) as u8).collect();
    let mut back = Vec::new();
    let mut output = |_, data: &[u8]| {
        back.extend_from_slice(data);
        true
    };
    let streams = Streams { output: &mut output, input: Some(Box::new(Cursor::new(sent.clone()))) };
    let ran = guest.talk(program(&["cat"]), streams).unwrap();
    assert!(ran.end == End::Exit(0) && back == sent, "{ran:?}, {} bytes", back.len());
    // Input that is not read, or not read to its end.
    let streams =
        Streams { output: &mut |_, _| true, input: Some(Box::new(Cursor::new(sent.clone()))) };
    let ran = guest.talk(program(&["true"]), streams).unwrap();
    assert_eq!(ran.end, End::Exit(0));
    assert_eq!(run(&mut guest, program(&["wc", "-c"])).text(), "0\n");
    // The listener has gone.
    let streams = Streams { output: &mut |_, _| false, input: None };
    let ran = guest.talk(program(&["yes"]), streams).unwrap();
    assert_eq!(ran.end, End::Signal(9));

    let start = Instant::now();
    let much = run_quiet(&mut guest, sh("head -c 50000000 /dev/zero"));
    println!("  50 MB of output took {:?}", start.elapsed());
    assert_eq!(much.stdout.len(), 50_000_000);
    stop_clean(guest);
}

fn run_quiet(guest: &mut Guest, program: Program) -> Captured {
    guest.capture(program).unwrap_or_else(|error| panic!("{error}"))
}

fn the_volume_is_what_is_measured_and_decided_on() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    let data: Vec<u8> = (0..8 * MIB).map(|at| (at >> 12 ^ at) as u8).collect();
    fs::write(dir.path().join("sub/data"), &data).unwrap();
    let at = dir.path().to_str().unwrap();
    let mut guest = boot(&[("host", Path::new("/"))], Vec::new());
    guest.ask(root_over(&["/shares/host"])).unwrap();
    for fs in [Fs::Ext4, Fs::Xfs, Fs::Btrfs, Fs::Overlay] {
        let folders = vec![
            Folder { at: at.into(), from: Some(format!("/shares/host{at}")) },
            Folder { at: "/new/place".into(), from: None },
        ];
        let volume = Volume { profile: DeviceProfile::Nvme, fs, bytes: 64 * MIB, folders };
        let made = guest.ask(MakeVolume { volume }).unwrap();
        assert_eq!(made.copied, 8 * MIB, "{fs}");
        assert!(made.free > 32 * MIB, "{fs}: {made:?}");
        let sum = run(&mut guest, sh(&format!("cd {at} && cksum sub/data"))).text();
        let mut own = std::process::Command::new("cksum");
        let own = own.arg("sub/data").current_dir(dir.path()).output().unwrap();
        assert_eq!(sum.as_bytes(), own.stdout, "{fs}");

        let read = sh(&format!("cat {at}/sub/data > /dev/null"));
        for caches in [Caches::Volume, Caches::All] {
            guest.ask(DropCaches { caches }).unwrap();
            let cold = run(&mut guest, read.clone()).ran;
            assert!(cold.device_bytes >= 8 * MIB, "{fs} {caches:?}: {cold:?}");
            assert!(cold.device_bytes < 10 * MIB && cold.device_reads > 3, "{fs}: {cold:?}");
            assert_eq!(cold.decisions(), 0);
        }
        assert_eq!(run(&mut guest, read.clone()).ran.device_bytes, 0, "{fs}: warm");

        let placement = Placement { dev: made.dev, ..Placement::default() };
        let wide = guest_path("wide");
        guest.attach_at(&wide, &BTreeMap::new(), placement).unwrap();
        guest.ask(DropCaches { caches: Caches::All }).unwrap();
        // The shell and cat come from the share, for which nothing is decided.
        let elsewhere = run(&mut guest, sh("cat /etc/passwd > /dev/null")).ran;
        assert_eq!(elsewhere.decisions(), 0, "{fs}");
        let wide = run(&mut guest, read).ran;
        assert!(wide.decisions() > 0 && wide.decisions_of("miss") > 0, "{fs}: {wide:?}");
        guest.detach().unwrap();

        // In use, it is not mounted anew, but stays as it is.
        let id = guest.ask(start(sh(&format!("exec sleep 1000 < {at}/sub/data"))));
        std::thread::sleep(Duration::from_secs(1));
        let error = guest.ask(DropCaches { caches: Caches::Volume }).unwrap_err().to_string();
        assert!(error.contains("busy"), "{error}");
        guest.end_program(end(id.unwrap(), 15, 10_000)).unwrap();
        guest.ask(DropCaches { caches: Caches::Volume }).unwrap();

        // Full is full, and the machine goes on.
        let full = run(&mut guest, sh("cat /dev/zero > /new/place/file"));
        assert_eq!(full.ran.end, End::Exit(1), "{fs}");
        let said = String::from_utf8(full.stderr).unwrap();
        assert!(said.contains("No space left on device"), "{fs}: {said}");
    }
    let folders = vec![Folder { at: "/data".into(), from: Some("/shares/host/usr/bin".into()) }];
    let small = Volume { profile: DeviceProfile::Nvme, fs: Fs::Ext4, bytes: MIB, folders };
    let error = guest.ask(MakeVolume { volume: small }).unwrap_err().to_string();
    assert!(error.contains("No space left on device"), "{error}");
    guest.drop_volume().unwrap();
    stop_clean(guest);
}

fn programs_run_in_the_background_and_disks_keep_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("disk, with a comma.img");
    fs::File::create(&image).unwrap().set_len(64 * MIB).unwrap();
    let disk = |writable| vec![Disk { name: "kept".into(), path: image.clone(), writable }];
    let mut guest = boot(&[("host", Path::new("/"))], disk(true));
    guest.ask(root_over(&["/shares/host"])).unwrap();
    guest.ask(mount(true, false)).unwrap();
    guest.ask(Bind { from: "/disks/kept".into(), at: "/srv/kept".into() }).unwrap();
    assert_eq!(run(&mut guest, sh("echo kept > /srv/kept/file")).ran.end, End::Exit(0));

    let waits =
        "trap 'echo told; exit 3' TERM; echo up > /srv/kept/up; while :; do sleep 0.1; done";
    let id = guest.ask(start(sh(waits))).unwrap();
    let seen = sh("while ! [ -e /srv/kept/up ]; do sleep 0.1; done; echo seen");
    assert_eq!(run(&mut guest, seen).text(), "seen\n");
    let ended = guest.end_program(end(id, 15, 30_000)).unwrap();
    assert_eq!((ended.ran.end, ended.text().as_str()), (End::Exit(3), "told\n"));
    let deaf = "trap '' TERM; echo > /srv/kept/deaf; sleep 1000; sleep 1000";
    let id = guest.ask(start(sh(deaf))).unwrap();
    run(&mut guest, sh("while ! [ -e /srv/kept/deaf ]; do sleep 0.1; done"));
    let ended = guest.end_program(end(id, 15, 1500)).unwrap();
    assert_eq!(ended.ran.end, End::Signal(9));
    let id = guest.ask(start(program(&["no-such-program"]))).unwrap();
    let ended = guest.end_program(end(id, 0, 5000)).unwrap();
    assert_eq!(ended.ran.end, End::NotStarted(2));
    assert!(guest.end_program(end(id, 0, 0)).is_err());
    // A new root releases the mounts of the old one.
    guest.ask(root_over(&["/shares/host"])).unwrap();
    guest.ask(UnmountDisk { name: "kept".into() }).unwrap();
    stop_clean(guest);

    let mut guest = boot(&[("host", Path::new("/"))], disk(false));
    guest.ask(root_over(&["/shares/host"])).unwrap();
    guest.ask(mount(false, true)).unwrap();
    let folders = vec![Folder { at: "/data".into(), from: Some("/disks/kept/file".into()) }];
    let volume = Volume { profile: DeviceProfile::Nvme, fs: Fs::Ext4, bytes: MIB, folders };
    guest.ask(MakeVolume { volume }).unwrap();
    assert_eq!(run(&mut guest, program(&["cat", "/data"])).text(), "kept\n");
    stop_clean(guest);
}
