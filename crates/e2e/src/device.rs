// SPDX-License-Identifier: GPL-2.0-only
//! A device of a test's own, beside that of `SetupDevice`: with a latency and a queue of
//! the test's choice, and without data. What is read from it is not looked at.

use crate::{Guest, step};
use raext_model::{Placement, kernel_dev};

/// The device, as a file of the guest.
pub const SLOW: &str = "/dev/slow";
/// Length of the device, MiB.
const MIB: u64 = 1024;

/// Make [`SLOW`]: each request takes `latency_ms`, `depth` of them at a time. Its policies are attached
/// [here](place).
///
/// # Panics
/// When it cannot be made.
pub fn make_slow(guest: &mut Guest, latency_ms: u64, depth: u32) {
    let (nsec, config) = (latency_ms * 1_000_000, "/sys/kernel/config/nullb/slow");
    let script = format!(
        "mkdir {config} && cd {config} || exit
        echo {MIB} > size; echo 4096 > blocksize; echo 2 > irqmode; echo {nsec} > completion_nsec
        echo 1 > submit_queues; echo {depth} > hw_queue_depth; echo 1 > power
        until test -e {SLOW}; do :; done
        echo none > /sys/block/slow/queue/scheduler"
    );
    shell(guest, &script);
}

/// Remove [`SLOW`].
///
/// # Panics
/// When it is in use.
pub fn remove_slow(guest: &mut Guest) {
    shell(guest, "cd /sys/kernel/config/nullb; echo 0 > slow/power && rmdir slow");
}

/// The place of a policy that decides for [`SLOW`] alone.
///
/// # Panics
/// When there is no such device.
pub fn place(guest: &mut Guest) -> Placement {
    place_of(guest, "slow")
}

fn place_of(guest: &mut Guest, name: &str) -> Placement {
    let number = shell(guest, &format!("cat /sys/block/{name}/dev"));
    let (major, minor) = number.trim().split_once(':').expect("MAJOR:MINOR");
    let [major, minor] = [major, minor].map(|n| n.parse().expect("a number"));
    Placement { dev: kernel_dev(major, minor), ..Placement::default() }
}

/// What happened meanwhile.
#[derive(Debug, Default)]
pub struct Watched {
    /// The decisions of policies, a line of the tracepoint each.
    pub decisions: Vec<String>,
    /// First page and number of each request that the device was asked for, in order, before
    /// the block layer divides or joins any.
    pub requests: Vec<(u64, u64)>,
}

impl Watched {
    /// Each page that was asked for, in order.
    pub fn pages(&self) -> Vec<u64> {
        self.requests.iter().flat_map(|&(first, n)| first..first + n).collect()
    }
}

/// Watch the policies, and [`SLOW`].
///
/// # Panics
/// When the kernel cannot be asked.
pub fn watch(guest: &mut Guest, during: impl FnOnce(&mut Guest)) -> Watched {
    watch_device(guest, "slow", during)
}

/// Watch the policies, and a device by its name.
///
/// # Panics
/// As [`watch`].
pub fn watch_device(guest: &mut Guest, name: &str, during: impl FnOnce(&mut Guest)) -> Watched {
    let dev = place_of(guest, name).dev;
    let filter = format!("dev == {dev}");
    let events =
        [("readahead_ext/readahead_decision", "0"), ("block/block_bio_queue", filter.as_str())];
    let lines = trace(guest, &events, during);
    let request = |line: &String| {
        // … block_bio_queue: 252,0 RA 768 + 256 [cat]
        let (before, after) = line.split_once(" block_bio_queue: ")?.1.split_once(" + ")?;
        let first = before.rsplit(' ').next()?.parse::<u64>().ok()?;
        let sectors = after.split(' ').next()?.parse::<u64>().ok()?;
        Some((first / 8, sectors / 8))
    };
    let decisions =
        lines.iter().filter(|line| line.contains(" readahead_decision: ")).cloned().collect();
    Watched { decisions, requests: lines.iter().filter_map(request).collect() }
}

/// What these events of the kernel told meanwhile, a line each time. Each has a filter;
/// `0` is none.
///
/// # Panics
/// When the kernel has no such event.
pub fn trace(
    guest: &mut Guest,
    events: &[(&str, &str)],
    during: impl FnOnce(&mut Guest),
) -> Vec<String> {
    let at = |what: &str, name: &str| format!("/sys/kernel/tracing/events/{name}/{what}");
    let mut begin = "echo > /sys/kernel/tracing/trace".to_owned();
    let mut end = String::new();
    for (name, filter) in events {
        begin += &format!(" && echo '{filter}' > {}", at("filter", name));
        begin += &format!(" && echo 1 > {}", at("enable", name));
        end += &format!("echo 0 > {}\n", at("enable", name));
    }
    shell(guest, &begin);
    during(guest);
    let said = shell(guest, &format!("{end}cat /sys/kernel/tracing/trace"));
    let lines: Vec<_> =
        said.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    lines.iter().take(20).for_each(|line| step(line.trim()));
    lines
}

/// The word behind `NAME=` in a line of [`trace`].
///
/// # Panics
/// When there is none.
pub fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let word = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    word.unwrap_or_else(|| panic!("no {name} in: {line}"))
}

/// Run a script, which must succeed; what it printed.
///
/// # Panics
/// When it does not.
pub fn shell(guest: &mut Guest, script: &str) -> String {
    let (status, said, complaints) = guest.exec(&["/bin/sh", "-c", script]).expect("a shell");
    assert!(status == 0 && complaints.is_empty(), "{script}: {status} {said}{complaints}");
    said
}
