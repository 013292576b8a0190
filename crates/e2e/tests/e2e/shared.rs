// SPDX-License-Identifier: GPL-2.0-only
//! Tasks that no policy concerns, while one is attached for others: two threads read
//! through one file descriptor, one in order and one here and there.

use raext_e2e::device::{self, SLOW, shell};
use raext_e2e::requests::{Step, Stream};
use raext_e2e::{Guest, accepted, boot, cases, guest_file, step, stop_clean};
use raext_model::Placement;
use std::collections::BTreeMap;

cases! {
    windows_of_a_shared_descriptor_are_as_without_a_policy,
}

const POLICY: &str = "/extreme.bpf.o";
/// The median of so many runs.
const RUNS: usize = 3;
/// The scan is of the first pages.
const SCANNED: u64 = 4096;

/// Windows of the scan. The reads here and there leave no trace in the file's readahead state.
fn windows(guest: &mut Guest) -> u64 {
    let scan = Stream { start: 0, op_bytes: 16 << 10, apart: 16 << 10, ops: 1024 };
    let lookups = Stream { start: 256 << 20, op_bytes: 4096, apart: 3 << 20, ops: 160 };
    let steps = vec![
        Step::Write { path: "/proc/sys/vm/drop_caches".into(), text: "3".into() },
        Step::Open { path: SLOW.into() },
        Step::Streams { streams: vec![scan, lookups] },
    ];
    let watched = device::watch(guest, |guest| {
        guest.act(steps).unwrap();
    });
    watched.requests.iter().filter(|(first, _)| *first < SCANNED).count() as u64
}

fn median(guest: &mut Guest) -> u64 {
    let mut runs = [(); RUNS].map(|()| windows(guest));
    runs.sort_unstable();
    step(&format!("{runs:?} windows"));
    runs[RUNS / 2]
}

fn windows_of_a_shared_descriptor_are_as_without_a_policy() {
    let programs = ["/bin/sh", "/bin/rmdir", "/usr/bin/stat"].map(Into::into);
    let mut guest = boot(&[], vec![guest_file(POLICY, accepted("extreme"))], &programs);
    device::make_slow(&mut guest, 5, 1);
    guest.make_cgroup("elsewhere", None).unwrap();
    let cgroup_id = shell(&mut guest, "stat -c %i /sys/fs/cgroup/elsewhere");
    let placement =
        Placement { cgroup_id: cgroup_id.trim().parse().unwrap(), ..Placement::default() };
    let without = median(&mut guest);
    guest.attach_at(POLICY, &BTreeMap::new(), placement).unwrap();
    let with = median(&mut guest);
    guest.detach().unwrap();
    device::remove_slow(&mut guest);
    assert!(
        with.abs_diff(without) * 50 <= without,
        "{with} windows with a policy for another cgroup, {without} without"
    );
    stop_clean(guest);
}
