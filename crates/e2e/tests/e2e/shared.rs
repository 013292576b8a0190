// SPDX-License-Identifier: GPL-2.0-only
//! Tasks that no policy concerns, while one is attached for others: threads read
//! through one file descriptor, one in order and the others here and there.

use raext_e2e::device::{self, SLOW, shell};
use raext_e2e::requests::{Step, Stream};
use raext_e2e::{Guest, accepted, boot, cases, guest_file, step, stop_clean};
use raext_model::Placement;
use std::collections::BTreeMap;

cases! {
    windows_of_a_shared_descriptor_are_as_without_a_policy,
}

const POLICY: &str = "/extreme.bpf.o";
/// How often the windows grow from the smallest to the largest.
const RUNS: usize = 12;
/// The scan is of the first pages.
const SCANNED: u64 = 1024;

/// First page and length of each window of the scan. The reads here and there leave no
/// trace in the readahead state of the descriptor, and each waits for the device before it is
/// submitted: what the scan does meanwhile must not be undone by it.
fn windows(guest: &mut Guest) -> Vec<(u64, u64)> {
    const READ: u64 = 16 << 10;
    let scan =
        Stream { start: 0, op_bytes: READ, apart: READ, ops: (SCANNED / 4) as u32, after_ms: 0 };
    let lookups =
        |n: u64| Stream { start: n << 28, op_bytes: 4096, apart: 3 << 20, ops: 16, after_ms: 0 };
    let steps = vec![
        Step::Write { path: "/proc/sys/vm/drop_caches".into(), text: "3".into() },
        Step::Open { path: SLOW.into() },
        Step::Streams { streams: vec![scan, lookups(1), lookups(2), lookups(3)] },
    ];
    let watched = device::watch(guest, |guest| {
        guest.act(steps).unwrap();
    });
    // The last window reaches behind the scan.
    watched.requests.into_iter().filter(|(first, _)| *first < 2 * SCANNED).collect()
}

fn windows_of_a_shared_descriptor_are_as_without_a_policy() {
    let programs = ["/bin/sh", "/bin/cat", "/bin/mkdir", "/bin/rmdir", "/usr/bin/stat"];
    let files = vec![guest_file(POLICY, accepted("extreme"))];
    let mut guest = boot(&[], files, &programs.map(Into::into));
    device::make_slow(&mut guest, 5, 1);
    shell(
        &mut guest,
        "cd /sys/block/slow/queue && echo 1024 > read_ahead_kb && cat max_hw_sectors_kb > max_sectors_kb",
    );
    guest.make_cgroup("elsewhere", None).unwrap();
    let cgroup_id = shell(&mut guest, "stat -c %i /sys/fs/cgroup/elsewhere");
    let placement =
        Placement { cgroup_id: cgroup_id.trim().parse().unwrap(), ..Placement::default() };
    let kernel = windows(&mut guest);
    step(&format!("{kernel:?}"));
    assert!(kernel.len() > 5, "{kernel:?}");
    for is_attached in [false, true] {
        if is_attached {
            guest.attach_at(POLICY, &BTreeMap::new(), placement).unwrap();
        }
        let other: Vec<_> =
            (0..RUNS).map(|_| windows(&mut guest)).filter(|run| *run != kernel).collect();
        assert!(
            other.is_empty(),
            "a policy for another cgroup: {is_attached}; {} of {RUNS} runs are not as {kernel:?}: {other:?}",
            other.len()
        );
    }
    guest.detach().unwrap();
    device::remove_slow(&mut guest);
    stop_clean(guest);
}
