// SPDX-License-Identifier: GPL-2.0-only
//! An operator's day, by the command in the guest: policies for cgroups and
//! devices, replaced live, seen, and killed in the middle of it.

use raext_e2e::requests::GroupRun;
use raext_e2e::{Guest, boot, cases, guest_path, raext, stop_clean, table};
use raext_model::{Device, DeviceProfile, Fs, Workload, WorkloadSpec};
use std::collections::BTreeMap;
use std::path::PathBuf;

cases! {
    two_cgroups_have_a_policy_each_on_the_same_disk,
    the_most_specific_place_wins,
    a_swap_leaves_no_decision_between,
    killed_in_the_middle_it_leaves_no_half_state,
}

fn programs() -> Vec<PathBuf> {
    ["/bin/sh", "/bin/cat", "/bin/mkdir", "/bin/sleep", "/usr/bin/timeout"]
        .map(PathBuf::from)
        .to_vec()
}

fn sh(guest: &mut Guest, script: &str) -> (i32, String) {
    let (status, out, err) = guest.exec(&["sh", "-c", script]).unwrap();
    (status, out + &err)
}

/// Run a script that must succeed.
fn done(guest: &mut Guest, script: &str) -> String {
    let (status, said) = sh(guest, script);
    assert_eq!(status, 0, "{script}: {said}");
    said
}

fn make_cgroup(guest: &mut Guest, name: &str) {
    guest.make_cgroup(name, None).unwrap();
}

/// Two groups, the same disk, the same time: the one that reads random pages has
/// `lean`, the one that scans has `wide`. Each gets its own.
fn two_cgroups_have_a_policy_each_on_the_same_disk() {
    let mut guest = boot(&["lean", "wide"], vec![raext()], &programs());
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 32 << 20 };
    guest.set_up(device).unwrap();
    make_cgroup(&mut guest, "random");
    make_cgroup(&mut guest, "scan");
    let runs = || {
        let of = |cgroup: &str, spec| GroupRun { cgroup: cgroup.into(), spec };
        vec![
            of("random", Workload::MmapRandom.default_spec()),
            of("scan", Workload::MmapRandom.default_spec()),
        ]
    };
    let kernel = guest.run_together(runs()).unwrap();
    let (lean, wide) = (guest_path("lean"), guest_path("wide"));
    done(&mut guest, &format!("raext attach {lean} --cgroup random"));
    done(&mut guest, &format!("raext attach {wide} --cgroup /sys/fs/cgroup/scan"));
    let with = guest.run_together(runs()).unwrap();
    println!("{kernel:?}\n{with:?}");
    assert!(
        15 * with[0].device_bytes < kernel[0].device_bytes,
        "lean in its cgroup: {with:?}, the kernel: {kernel:?}"
    );
    assert!(
        with[1].device_bytes > 4 * kernel[1].device_bytes,
        "wide in its cgroup: {with:?}, the kernel: {kernel:?}"
    );
    for (with, kernel) in with.iter().zip(&kernel) {
        assert_eq!(with.checksum, kernel.checksum);
    }
    let list = done(&mut guest, "raext list");
    assert!(
        list.contains("/sys/fs/cgroup/random") && list.contains("/sys/fs/cgroup/scan"),
        "{list}"
    );
    // The same scope twice says who holds it.
    let (status, said) = sh(&mut guest, &format!("raext attach {wide} --cgroup random --name w2"));
    assert!(status == 1 && said.contains("'lean'") && said.contains("raext"), "{status} {said}");
    done(&mut guest, "raext detach --all");
    stop_clean(guest);
}

/// Decisions that each attached policy was asked for, by its name.
fn decisions(guest: &mut Guest) -> Vec<(String, u64)> {
    let mut of: Vec<(String, u64)> = Vec::new();
    for row in table(guest, "counters") {
        let sum = ["kept", "limited", "changed", "taken"]
            .iter()
            .map(|verdict| row[*verdict].parse::<u64>().unwrap())
            .sum::<u64>();
        match of.iter_mut().find(|(name, _)| *name == row["name"]) {
            Some((_, total)) => *total += sum,
            None => of.push((row["name"].clone(), sum)),
        }
    }
    of.sort();
    of
}

fn the_most_specific_place_wins() {
    let policies = ["noop", "noop-c", "lean", "wide"];
    let mut guest = boot(&policies, vec![raext()], &programs());
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 64 << 20 };
    guest.set_up(device).unwrap();
    let in_child = "mkdir -p /sys/fs/cgroup/parent/child; \
        echo $$ > /sys/fs/cgroup/parent/child/cgroup.procs; \
        echo 3 > /proc/sys/vm/drop_caches; cat /mnt/raext/data > /dev/null";
    done(&mut guest, in_child);
    // From the least specific to the most: each takes over from the one before.
    let dev = "/mnt/raext";
    let places = [
        ("noop", "any", String::new()),
        ("noop-c", "device", format!("--device {dev}")),
        ("lean", "cgroup", "--cgroup parent".to_owned()),
        ("wide", "cgroup and device", format!("--cgroup parent --device {dev}")),
    ];
    for (policy, place, arguments) in places {
        let path = guest_path(policy);
        done(&mut guest, &format!("raext attach {path} {arguments} --name {policy}"));
        let before = decisions(&mut guest);
        done(&mut guest, in_child);
        let after = decisions(&mut guest);
        let grew: Vec<_> = after
            .iter()
            .filter(|row| !before.contains(row))
            .map(|(name, _)| name.clone())
            .collect();
        assert_eq!(grew, [policy.replace('-', "_")], "{place}: {before:?} became {after:?}");
    }
    // The nearest cgroup comes before one above it, even of the same device.
    let wide = guest_path("wide");
    let nearer = format!("raext attach {wide} --cgroup parent/child --device {dev} --name near");
    done(&mut guest, &nearer);
    let rows = |guest: &mut Guest| table(guest, "counters");
    let asked = |rows: &[BTreeMap<String, String>], link: &str| -> u64 {
        let of_link = rows.iter().filter(|row| row["link"] == link);
        of_link
            .map(|row| row["kept"].parse::<u64>().unwrap() + row["limited"].parse::<u64>().unwrap())
            .sum()
    };
    let link = rows(&mut guest)
        .iter()
        .map(|row| row["link"].clone())
        .max_by_key(|link| link.parse::<u32>().unwrap())
        .unwrap();
    assert_eq!(asked(&rows(&mut guest), &link), 0);
    done(&mut guest, in_child);
    assert!(asked(&rows(&mut guest), &link) > 0, "the nearest cgroup was not asked");
    // A device without readers.
    done(&mut guest, "raext detach --all");
    let noop = guest_path("noop");
    done(&mut guest, &format!("raext attach {noop} --device 7:77"));
    guest.run(Workload::RandomRead.default_spec()).unwrap();
    assert_eq!(decisions(&mut guest), [("noop".to_owned(), 0)]);
    done(&mut guest, "raext detach --all");
    for (arguments, reason) in [
        ("--cgroup nowhere", "nowhere"),
        ("--cgroup /proc", "version 2"),
        ("--device /nowhere", "/nowhere"),
        ("--device /dev/null", "character device"),
    ] {
        let (status, said) = sh(&mut guest, &format!("raext attach {noop} {arguments}"));
        assert!(status == 1 && said.contains(reason), "{arguments}: {status} {said}");
    }
    stop_clean(guest);
}

/// `lean` reads what is asked for, so that each read of an uncached file is one
/// decision: were one to fall between two policies, the kernel would read ahead,
/// and a later read would find its pages there.
fn a_swap_leaves_no_decision_between() {
    let mut guest = boot(&["lean", "noop"], vec![raext()], &programs());
    let device = Device { profile: DeviceProfile::Disk, fs: Fs::Ext4, data_bytes: 256 << 20 };
    guest.set_up(device).unwrap();
    let (lean, noop) = (guest_path("lean"), guest_path("noop"));
    done(&mut guest, &format!("raext attach {lean} --name it"));
    let swaps = format!(
        "(n=0; while [ ! -e /tmp/stop ]; do raext swap it {lean} || break; n=$((n+1)); \
         echo $n > /tmp/swaps; done; echo > /tmp/stopped) > /tmp/said 2>&1 &"
    );
    done(&mut guest, &swaps);
    let spec = WorkloadSpec { ops: 1500, ..Workload::SeqRead.default_spec() };
    let sample = guest.run(spec).unwrap();
    done(&mut guest, "echo > /tmp/stop; while [ ! -e /tmp/stopped ]; do sleep 0.1; done");
    let count: u64 = done(&mut guest, "cat /tmp/swaps").trim().parse().unwrap();
    println!("{count} swaps, {sample:?}");
    assert!(count >= 3, "only {count} swaps: {}", done(&mut guest, "cat /tmp/said"));
    assert_eq!(sample.decisions, spec.ops, "{count} swaps, {sample:?}");

    // Another policy in its place, and one that is refused.
    let said = done(&mut guest, &format!("raext swap it {noop}"));
    assert!(said.contains("it is now noop"), "{said}");
    let list = done(&mut guest, "raext list");
    assert!(list.contains("noop") && !list.contains("lean"), "{list}");
    let (status, said) = sh(&mut guest, "raext swap it /bin/raext");
    assert!(status == 1 && said.contains("/bin/raext"), "{status} {said}");
    let (status, said) = sh(&mut guest, &format!("raext swap absent {noop}"));
    assert!(status == 1 && said.contains("absent"), "{status} {said}");
    let stats = done(&mut guest, "raext stats");
    assert!(stats.contains("noop") && stats.contains("miss"), "{stats}");
    done(&mut guest, "raext stats --timing on");
    guest.run(Workload::RandomRead.default_spec()).unwrap();
    let timed = done(&mut guest, "raext stats --timing off");
    let miss = timed.lines().find(|line| line.contains(" miss ")).unwrap();
    assert!(!miss.trim_end().ends_with('-'), "no time: {timed}");
    let watched = done(&mut guest, "raext stats --watch 1 --count 2 --json");
    assert_eq!(watched.lines().count(), 2, "{watched}");
    done(&mut guest, "raext detach it");
    stop_clean(guest);
}

/// Killed at any moment, the command leaves the old state or the new one.
fn killed_in_the_middle_it_leaves_no_half_state() {
    let mut guest = boot(&["noop", "lean"], vec![raext()], &programs());
    let (noop, lean) = (guest_path("noop"), guest_path("lean"));
    let state = |guest: &mut Guest| {
        // The kernel releases a killed process's link a little later.
        let mut seen = (Vec::new(), false);
        for _ in 0..50 {
            let names = table(guest, "policies").into_iter().map(|row| row["name"].clone());
            seen = (names.collect::<Vec<_>>(), sh(guest, "[ -e /sys/fs/bpf/raext/it ]").0 == 0);
            if seen.0.len() == usize::from(seen.1) {
                break;
            }
            done(guest, "sleep 0.1");
        }
        seen
    };
    let mut ends = [0, 0];
    for tenth in 0..14 {
        let after = format!("{}.{:02}", tenth / 10, tenth % 10 * 10);
        sh(&mut guest, &format!("timeout -s KILL {after} raext attach {noop} --name it"));
        let (names, pinned) = state(&mut guest);
        assert_eq!(names.len(), usize::from(pinned), "attach killed after {after}: {names:?}");
        ends[usize::from(pinned)] += 1;
        if !pinned {
            done(&mut guest, &format!("raext attach {noop} --name it"));
        }
        sh(&mut guest, &format!("timeout -s KILL {after} raext swap it {lean}"));
        let (names, pinned) = state(&mut guest);
        assert!(
            pinned && (names == ["noop"] || names == ["lean"]),
            "swap killed after {after}: {names:?}"
        );
        sh(&mut guest, &format!("timeout -s KILL {after} raext detach it"));
        let (names, pinned) = state(&mut guest);
        assert_eq!(names.len(), usize::from(pinned), "detach killed after {after}: {names:?}");
        if pinned {
            done(&mut guest, "raext detach it");
        }
    }
    println!("killed before and after the attachment: {ends:?}");
    stop_clean(guest);
}
