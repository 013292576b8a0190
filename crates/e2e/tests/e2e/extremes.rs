// SPDX-License-Identifier: GPL-2.0-only
//! Answers that no sound policy gives: the data stays right, the windows stay
//! bounded, the counters tell.

use raext_e2e::{Guest, accepted, boot, cases, counters, guest_file, stop_clean};
use raext_model::{Device, DeviceProfile, Fs, Sample, Workload};
use std::collections::BTreeMap;
use std::path::PathBuf;

cases! {
    absurd_answers_cost_time_and_never_data,
    the_window_callback_runs_on_the_read_path,
    a_small_cgroup_is_not_filled_by_one_decision,
}

const POLICY: &str = "/extreme.bpf.o";

/// What a policy is told to answer, and whether answers must be clamped.
struct Case {
    name: &'static str,
    set: &'static [(&'static str, &'static str)],
    clamps: bool,
}

const CASES: [Case; 9] = [
    Case { name: "the largest limit", set: &[("limit", "2147483647")], clamps: true },
    Case { name: "the smallest limit", set: &[("limit", "-2147483648")], clamps: false },
    Case { name: "a limit of one page", set: &[("limit", "1")], clamps: false },
    Case { name: "the largest window", set: &[("window", "2147483647")], clamps: true },
    Case { name: "no window", set: &[("window", "0")], clamps: false },
    Case { name: "windows of one page", set: &[("window", "1")], clamps: false },
    Case {
        name: "behind the file's end",
        set: &[("writes", "true"), ("start", "18446744073709551615"), ("size", "32")],
        clamps: true,
    },
    Case {
        name: "all bits set",
        set: &[
            ("writes", "true"),
            ("start", "65535"),
            ("size", "4294967295"),
            ("async_size", "4294967295"),
        ],
        clamps: true,
    },
    Case {
        name: "always the first pages, the tail longer than the window",
        set: &[("writes", "true"), ("size", "8"), ("async_size", "4000000000")],
        clamps: true,
    },
];

fn run_all(guest: &mut Guest) -> Vec<Sample> {
    Workload::ALL.map(|w| guest.run(w.default_spec()).unwrap()).to_vec()
}

fn absurd_answers_cost_time_and_never_data() {
    let object = accepted("extreme");
    let cat = [PathBuf::from("/bin/cat")];
    let mut guest = boot(&[], vec![guest_file(POLICY, object)], &cat);
    for fs in [Fs::Ext4, Fs::Xfs] {
        let device = Device { profile: DeviceProfile::Nvme, fs, data_bytes: 96 << 20 };
        guest.set_up(device).unwrap();
        let kernel = run_all(&mut guest);
        for case in &CASES {
            let set = case.set.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            guest.attach(POLICY, &set.collect()).unwrap();
            let with = run_all(&mut guest);
            let counters = counters(&mut guest);
            guest.detach().unwrap();
            let name = format!("{} on {fs}", case.name);
            for (kernel, with) in kernel.iter().zip(&with) {
                assert_eq!(with.checksum, kernel.checksum, "{name}: other data");
                // 64 MiB a window is the hard limit, 96 MiB the file.
                assert!(with.device_bytes <= 112 << 20, "{name}: {with:?}");
            }
            assert_eq!(counters["clamped"] > 0, case.clamps, "{name}: {counters:?}");
            let asked: u64 = with.iter().map(|sample| sample.decisions).sum();
            assert!(asked > 0, "{name}: never asked");
        }
    }
    stop_clean(guest);
}

/// `get_ra` runs on the read path, in spite of the tail jump that hides its
/// caller: a window of a quarter of the kernel's makes four times the marks.
fn the_window_callback_runs_on_the_read_path() {
    let object = accepted("extreme");
    let mut guest = boot(&[], vec![guest_file(POLICY, object)], &["/bin/cat".into()]);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 32 << 20 };
    guest.set_up(device).unwrap();
    let spec = Workload::SeqRead.default_spec();
    let set = |window: &str| BTreeMap::from([("window".to_owned(), window.to_owned())]);

    guest.attach(POLICY, &set("-1")).unwrap();
    let kept = guest.run(spec).unwrap();
    let unchanged = counters(&mut guest);
    guest.detach().unwrap();
    assert_eq!(unchanged["windows"], unchanged["kept"], "{unchanged:?}");
    assert_eq!(unchanged["changed"], 0, "{unchanged:?}");

    guest.attach(POLICY, &set("8")).unwrap();
    let narrow = guest.run(spec).unwrap();
    let changed = counters(&mut guest);
    guest.detach().unwrap();
    assert!(changed["changed"] > 0, "{changed:?}");
    assert!(
        narrow.decisions > 3 * kept.decisions,
        "windows of 8 pages: {narrow:?}, of 32: {kept:?}"
    );
    stop_clean(guest);
}

/// Pages that are being read cannot be reclaimed: one decision fills no more than
/// an eighth of what its cgroup, or one above it, has left.
fn a_small_cgroup_is_not_filled_by_one_decision() {
    const FIRST_PAGE: &str = "echo 3 > /proc/sys/vm/drop_caches
        read before < /sys/block/raext0/stat
        dd if=/mnt/raext/data of=/dev/null bs=4k count=1 2>/dev/null
        read after < /sys/block/raext0/stat
        set -- $before; a=$3; set -- $after; echo $((($3 - a) / 2))";
    let object = accepted("extreme");
    let programs = ["/bin/sh", "/bin/dd", "/bin/mkdir"].map(PathBuf::from);
    let mut guest = boot(&[], vec![guest_file(POLICY, object)], &programs);
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: 64 << 20 };
    guest.set_up(device).unwrap();
    let memory_max = Some(32 << 20);
    guest.make_cgroup("small", memory_max).unwrap();
    // The limit is above the cgroup that reads.
    let below = "cd /sys/fs/cgroup/small && echo +memory > cgroup.subtree_control && mkdir below";
    let (status, _, error) = guest.exec(&["sh", "-c", below]).unwrap();
    assert_eq!((status, error.as_str()), (0, ""));
    let read_in = |guest: &mut Guest, cgroup: &str| -> u64 {
        let enter = format!("echo $$ > /sys/fs/cgroup{cgroup}/cgroup.procs\n{FIRST_PAGE}");
        let (status, said, error) = guest.exec(&["sh", "-c", &enter]).unwrap();
        assert_eq!((status, error.as_str()), (0, ""), "{said}");
        said.trim().parse().unwrap_or_else(|_| panic!("KiB were expected: {said}"))
    };
    let cases = [
        ("windows", vec![("limit", "65536"), ("window", "65536")]),
        ("ranges", vec![("limit", "1"), ("ranges", "64"), ("range_pages", "256")]),
    ];
    for (what, set) in cases {
        let set = set.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned()));
        guest.attach(POLICY, &set.collect()).unwrap();
        let (free, small) = (read_in(&mut guest, ""), read_in(&mut guest, "/small/below"));
        guest.detach().unwrap();
        // What the file system reads of its own is a few blocks.
        assert!(free >= 16 << 10, "{what}: {free} KiB without a limit");
        // An eighth of what is left: the shell uses some of it.
        assert!((3584..=4160).contains(&small), "{what}: {small} KiB of 32 MiB");
    }
    stop_clean(guest);
}
