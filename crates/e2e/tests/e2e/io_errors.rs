// SPDX-License-Identifier: GPL-2.0-only
//! A device that fails in places: with a policy, an application sees the same
//! errors at the same offsets as without, and the same data everywhere else.

use raext_e2e::requests::{Outcome, ReadBy, Sight};
use raext_e2e::{Guest, boot, cases, guest_path, step, stop_clean};
use raext_model::{Device, DeviceProfile, Fs};
use std::collections::BTreeMap;

cases! {
    on_the_raw_device,
    on_ext4,
    on_xfs,
}

const PAGE: u64 = 4096;
const DATA_BYTES: u64 = 8 << 20;
const EIO: i32 = 5;
const SIGBUS: i32 = 7;
/// The first page and the last, neighbours, and what lies inside of windows.
const BROKEN: [u64; 9] = [0, 5, 31, 32, 100, 700, 701, 1500, DATA_BYTES / PAGE - 1];
const POLICIES: [&str; 4] = ["noop", "noop-c", "wide", "lean"];
const WAYS: [ReadBy; 3] =
    [ReadBy::Read { op_bytes: PAGE }, ReadBy::Read { op_bytes: 64 << 10 }, ReadBy::Mapping];

fn see(guest: &mut Guest) -> [Sight; 3] {
    WAYS.map(|by| guest.read_all(by).unwrap())
}

fn broken_device(fs: Fs) -> Guest {
    let mut guest = boot(&POLICIES, vec![], &[]);
    let device = Device { profile: DeviceProfile::Nvme, fs, data_bytes: DATA_BYTES };
    guest.set_up(device).unwrap();
    for sight in see(&mut guest) {
        assert_eq!((sight.bytes, sight.failures), (DATA_BYTES, vec![]), "a sound device fails");
    }
    let offsets = BROKEN.map(|page| page * PAGE).to_vec();
    guest.break_device(offsets).unwrap();
    guest
}

fn see_with(guest: &mut Guest, policy: &str) -> [Sight; 3] {
    guest.attach(&guest_path(policy), &BTreeMap::new()).unwrap();
    let with = see(guest);
    guest.detach().unwrap();
    for sight in &with {
        assert!(sight.decisions > 0, "{policy} was never asked: {sight:?}");
    }
    with
}

/// The pages that cannot be read. All others were, and held what they must.
fn failed_pages(by: ReadBy, sight: &Sight) -> Vec<u64> {
    let wanted = match by {
        ReadBy::Read { .. } => Outcome::Error(EIO),
        ReadBy::Mapping => Outcome::Signal(SIGBUS),
    };
    let failed: Vec<u64> = sight
        .failures
        .iter()
        // What is short is followed by the error that cut it.
        .filter(|failure| !matches!(failure.outcome, Outcome::Short(n) if n > 0))
        .inspect(|failure| assert_eq!(failure.outcome, wanted, "{by:?}: {sight:?}"))
        .map(|failure| failure.offset / PAGE)
        .collect();
    assert_eq!(sight.bytes, DATA_BYTES - failed.len() as u64 * PAGE, "{by:?}: {sight:?}");
    failed
}

/// Where each page of the cache is one of the device's, errors are where the
/// device has them, whatever is read ahead.
fn same_errors(fs: Fs) {
    let mut guest = broken_device(fs);
    let kernel = see(&mut guest);
    for (by, sight) in WAYS.into_iter().zip(&kernel) {
        assert_eq!(failed_pages(by, sight), BROKEN, "{fs}");
    }
    for policy in POLICIES {
        let with = see_with(&mut guest, policy);
        for ((by, kernel), with) in WAYS.iter().zip(&kernel).zip(with) {
            let what = format!("{policy} on {fs}, {by:?}");
            assert_eq!(with.failures, kernel.failures, "{what}: other errors");
            assert_eq!(with.bytes, kernel.bytes, "{what}: other data");
        }
    }
    stop_clean(guest);
}

fn on_the_raw_device() {
    same_errors(Fs::Raw);
}

fn on_ext4() {
    same_errors(Fs::Ext4);
}

/// XFS reads large folios: one bad block fails all of its folio, without a
/// policy, too, and how large folios are goes by the window. A policy that keeps
/// the kernel's windows changes nothing; with any other, what fails is made of
/// whole folios with a broken page in each.
fn on_xfs() {
    let mut guest = broken_device(Fs::Xfs);
    let kernel = see(&mut guest);
    for policy in POLICIES {
        let with = see_with(&mut guest, policy);
        for ((by, kernel), with) in WAYS.into_iter().zip(&kernel).zip(with) {
            let what = format!("{policy} on XFS, {by:?}");
            if policy.starts_with("noop") {
                assert_eq!(with.failures, kernel.failures, "{what}: other errors");
            }
            let failed = failed_pages(by, &with);
            step(&format!("{what}: {} pages failed", failed.len()));
            assert!(BROKEN.iter().all(|page| failed.contains(page)), "{what}: {failed:?}");
            for &page in &failed {
                assert!(in_broken_folio(page, &failed), "{what}: page {page} of {failed:?}");
            }
        }
    }
    stop_clean(guest);
}

/// Whether a page may lie in a folio that failed as a whole for a broken page.
fn in_broken_folio(page: u64, failed: &[u64]) -> bool {
    // 2 MiB are the kernel's largest.
    (0..=9).any(|order| {
        let start = page >> order << order;
        let mut folio = start..start + (1 << order);
        BROKEN.iter().any(|broken| folio.contains(broken))
            && folio.all(|page| failed.contains(&page))
    })
}
