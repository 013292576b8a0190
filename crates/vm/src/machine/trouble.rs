// SPDX-License-Identifier: GPL-2.0-only
//! The messages of a kernel in trouble on its console.
//!
//! The kernel runs with `oops=panic`, so that nearly every line looked for
//! here is followed by its end; what comes between is the report: the
//! complaint, the instruction, the call trace. Warnings are no trouble in this
//! sense; the agent finds them in the kernel's log.

/// How a report starts.
const STARTS: [&str; 9] = [
    "Kernel panic - not syncing",
    "BUG: ",
    "kernel BUG at ",
    "Oops: ",
    "general protection fault",
    "double fault: ",
    "invalid opcode: ",
    "stack segment: ",
    "PANIC: ",
];
/// They start like one, but the kernel goes on: a machine may be slow, and one
/// that stays stuck meets its deadline.
const SLOWNESS: [&str; 1] = ["BUG: workqueue lockup"];
/// Of a call trace, this many frames are kept.
const FRAMES: usize = 24;
/// No report is longer.
const LINES: usize = 64;

/// Collects the kernel's report of its own end, line by line.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    words: Vec<String>,
    /// Frames seen of the call trace that is being read.
    frames: Option<usize>,
}

impl Trouble {
    /// Take a line of the console. Returns whether it is the first of a report.
    pub(super) fn see(&mut self, line: &str) -> bool {
        let text = without_stamp(line).trim_end();
        let first = self.words.is_empty();
        if first && !starts(text) {
            return false;
        }
        if self.words.len() < LINES && self.keeps(text) {
            self.words.push(text.to_owned());
        }
        first
    }

    /// The report; empty while there is none.
    pub(super) fn words(&self) -> String {
        self.words.join("\n")
    }

    /// Whether the kernel has said that it will not go on.
    pub(super) fn has_panicked(&self) -> bool {
        self.words.iter().any(|line| line.starts_with("Kernel panic"))
    }

    /// Whether the line, one of a report, says something to a person.
    fn keeps(&mut self, text: &str) -> bool {
        if text == "Call Trace:" {
            self.frames = Some(0);
            return true;
        }
        if let (Some(frames), Some(frame)) = (&mut self.frames, text.strip_prefix(' ')) {
            // <TASK> and the like are brackets; '? ' marks what merely lay on the stack.
            if frame.starts_with(['<', '?']) {
                return false;
            }
            *frames += 1;
            return *frames <= FRAMES;
        }
        self.frames = None;
        let place = text.starts_with("RIP: 0010:") || text.starts_with("CPU: ");
        // The kernel repeats the place at the end of an oops.
        starts(text) || place && !self.words.iter().any(|line| line == text)
    }
}

fn starts(text: &str) -> bool {
    STARTS.iter().any(|start| text.starts_with(start))
        && !SLOWNESS.iter().any(|start| text.starts_with(start))
}

/// A line of the console without `[    1.234567] ` (or, where the kernel adds
/// the caller, `[    1.234567][    T1] `).
fn without_stamp(line: &str) -> &str {
    line.strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .filter(|(stamp, _)| stamp.bytes().all(|b| b.is_ascii_digit() || b" .][TC".contains(&b)))
        .map_or(line, |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(console: &str) -> Trouble {
        let mut trouble = Trouble::default();
        for line in console.lines() {
            trouble.see(line);
        }
        trouble
    }

    const OOPS: &str = "\
[    1.500000] readahead_ext: loading out-of-tree module taints kernel.
[    2.000001] BUG: kernel NULL pointer dereference, address: 0000000000000008
[    2.000002] #PF: supervisor read access in kernel mode
[    2.000003] Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI
[    2.000004] CPU: 1 UID: 0 PID: 71 Comm: init Tainted: G           OE      6.12.1
[    2.000005] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009)
[    2.000006] RIP: 0010:raext_decide+0x16/0x20 [readahead_ext]
[    2.000007] Code: 0f 1f 00 <c6> 04 25
[    2.000008] Call Trace:
[    2.000009]  <TASK>
[    2.000010]  ? __die_body.cold+0x19/0x27
[    2.000011]  page_cache_ra_order+0x10/0x40
[    2.000012]  filemap_fault+0x22/0x90
[    2.000013]  </TASK>
[    2.000014] Modules linked in: readahead_ext(OE) null_blk
[    2.000015] CR2: 0000000000000008
[    2.000016] ---[ end trace 0000000000000000 ]---
[    2.000017] RIP: 0010:raext_decide+0x16/0x20 [readahead_ext]
[    2.000018] Kernel panic - not syncing: Fatal exception
[    2.000019] Kernel Offset: disabled
[    2.000020] ---[ end Kernel panic - not syncing: Fatal exception ]---";

    #[test]
    fn an_oops_is_told_in_the_kernels_words() {
        let trouble = report(OOPS);
        assert!(trouble.has_panicked());
        assert_eq!(
            trouble.words(),
            "\
BUG: kernel NULL pointer dereference, address: 0000000000000008
Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI
CPU: 1 UID: 0 PID: 71 Comm: init Tainted: G           OE      6.12.1
RIP: 0010:raext_decide+0x16/0x20 [readahead_ext]
Call Trace:
 page_cache_ra_order+0x10/0x40
 filemap_fault+0x22/0x90
Kernel panic - not syncing: Fatal exception"
        );
    }

    #[test]
    fn only_the_first_line_of_a_report_is_news() {
        let mut trouble = Trouble::default();
        let news: Vec<_> = OOPS.lines().filter(|line| trouble.see(line)).collect();
        assert_eq!(news.len(), 1);
        assert!(news[0].contains("NULL pointer"));
    }

    #[test]
    fn a_running_kernel_is_not_in_trouble() {
        let console = "\
[    0.400000] WARNING: CPU: 0 PID: 1 at mm/readahead.c:300 x+0x1/0x2
[    0.500000] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [swapper/1:0]
[    0.600000] BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 32s!
[    0.700000] traps: mkfs.xfs[70] general protection fault ip:55d0 sp:7ffc error:0
[    0.800000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
a program that says: Kernel panic - not syncing";
        assert_eq!(report(console).words(), "");
    }

    #[test]
    fn every_kind_of_end_is_noticed() {
        for line in [
            "[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs",
            "[    1.0][    T7] kernel BUG at mm/filemap.c:12!",
            "[    1.0] Oops: general protection fault, probably for non-canonical address",
            "general protection fault, probably for non-canonical address 0xdead: 0000 [#1]",
            "[    1.0] BUG: scheduling while atomic: init/71/0x00000002",
        ] {
            assert!(Trouble::default().see(line), "{line}");
        }
    }
}
