// SPDX-License-Identifier: GPL-2.0-only
//! Tasks that no policy concerns, while one is attached for others: threads read
//! through one file descriptor, one in order and one elsewhere.

use raext_e2e::device::shell;
use raext_e2e::requests::{FUSE_FILE, Served, Step, Stream};
use raext_e2e::{Guest, accepted, boot, cases, guest_file, step, stop_clean};
use raext_model::Placement;
use std::collections::BTreeMap;

cases! {
    windows_of_a_shared_descriptor_are_as_without_a_policy,
}

const POLICY: &str = "/extreme.bpf.o";
const PAGE: u64 = 4096;
const SILENT_PAGE: u64 = 2048;

/// Where the requests for the first pages begin. A read elsewhere begins before the scan and
/// waits for the server until the scan has had some windows. It leaves no trace in the
/// readahead state of the descriptor, and must not undo what the scan has left there.
fn windows(guest: &mut Guest) -> Vec<u64> {
    let served = Served {
        pages: 2 * SILENT_PAGE,
        async_read: false,
        congestion_threshold: 0,
        maps: false,
        silent_ms: 2000,
        silent_page: SILENT_PAGE,
    };
    let stream = |page: u64, ops, after_ms| Stream {
        start: page * PAGE,
        op_bytes: PAGE,
        apart: PAGE,
        ops,
        after_ms,
    };
    let streams = vec![stream(SILENT_PAGE + 50, 1, 0), stream(0, 4, 500), stream(4, 12, 4000)];
    let mut steps = vec![
        Step::MountFuse { served },
        Step::Open { path: FUSE_FILE.into() },
        Step::Streams { streams },
    ];
    let before = steps.len();
    steps.extend((0..64).map(|page| Step::FuseReads { page, pages: 1 }));
    let acted = guest.act(steps).unwrap();
    (0..64).filter(|page| acted.value(before + *page as usize) > 0).collect()
}

fn windows_of_a_shared_descriptor_are_as_without_a_policy() {
    let programs = ["/bin/sh", "/usr/bin/stat"].map(Into::into);
    let mut guest = boot(&[], vec![guest_file(POLICY, accepted("extreme"))], &programs);
    guest.make_cgroup("elsewhere", None).unwrap();
    let cgroup_id = shell(&mut guest, "stat -c %i /sys/fs/cgroup/elsewhere");
    let placement =
        Placement { cgroup_id: cgroup_id.trim().parse().unwrap(), ..Placement::default() };
    let kernel = windows(&mut guest);
    guest.attach_at(POLICY, &BTreeMap::new(), placement).unwrap();
    let with = windows(&mut guest);
    guest.detach().unwrap();
    step(&format!("windows begin at {kernel:?} (kernel), {with:?}"));
    assert!(kernel.len() > 3, "{kernel:?}");
    assert_eq!(with, kernel, "with a policy for another cgroup");
    stop_clean(guest);
}
