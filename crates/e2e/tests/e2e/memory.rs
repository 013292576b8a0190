// SPDX-License-Identifier: GPL-2.0-only
//! Small memory cgroups under a policy with large windows: pages that are being read
//! cannot be reclaimed, and no program may be killed for them.

use raext_e2e::device::{self, shell};
use raext_e2e::requests::Step;
use raext_e2e::{Guest, accepted, boot, cases, guest_file, step, stop_clean};
use std::collections::BTreeMap;

cases! {
    readers_of_a_loop_device_live,
}

const POLICY: &str = "/fixed.bpf.o";
const GROUP: &str = "/sys/fs/cgroup/tight";

fn guest() -> Guest {
    let programs = [
        "/bin/sh",
        "/bin/cat",
        "/bin/dd",
        "/bin/mkdir",
        "/bin/rmdir",
        "/bin/sleep",
        "/sbin/losetup",
    ];
    let files = vec![guest_file(POLICY, accepted("fixed"))];
    let mut guest = boot(&[], files, &programs.map(Into::into));
    // What is in flight stays so for longer than the kernel tries to find other memory.
    device::make_slow(&mut guest, 5000, 1024);
    guest.make_cgroup("tight", Some(32 << 20)).unwrap();
    let place = device::place(&mut guest);
    // Windows of 64 MiB from each page that is missed on.
    let set = [("answer", "1"), ("follows", "true"), ("size", "16384"), ("async_size", "8192")];
    let set: BTreeMap<_, _> =
        set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    guest.attach_at(POLICY, &set, place).unwrap();
    guest
}

/// Readers in the group, of a page each, 32 MiB apart. The first has a second's lead.
fn read(guest: &mut Guest, path: &str, readers: u32) {
    let script = format!(
        "for reader in $(i=0; while test $i -lt {readers}; do echo $i; i=$((i + 1)); done); do
            sh -c 'echo $$ > {GROUP}/cgroup.procs
            exec dd if={path} of=/dev/null bs=4k count=1 skip='$((reader * 8192)) &
            test $reader -gt 0 || sleep 1
        done 2> /tmp/said
        wait; cat {GROUP}/memory.events {GROUP}/memory.peak; cat /tmp/said >&2"
    );
    let (status, said, complaints) = guest.exec(&["/bin/sh", "-c", &script]).unwrap();
    step(&format!("{status} {}", said.replace('\n', ", ")));
    guest.detach().unwrap();
    assert!(said.contains("oom_kill 0\n"), "{said}{complaints}");
    let copied = complaints.matches("1+0 records out").count();
    assert_eq!(copied, readers as usize, "{said}{complaints}");
}

/// A thread of the kernel reads the file below the loop device, and the pages are the group's.
fn readers_of_a_loop_device_live() {
    let mut guest = guest();
    guest.act(vec![Step::Driver { name: "loop".into() }]).unwrap();
    shell(&mut guest, "losetup /dev/loop0 /dev/slow");
    read(&mut guest, "/dev/loop0", 3);
    shell(&mut guest, "losetup -d /dev/loop0");
    device::remove_slow(&mut guest);
    stop_clean(guest);
}
