// SPDX-License-Identifier: GPL-2.0-only
//! The reads of the policy and their times, without a kernel. The clock is that of a device with a
//! latency of 5 ms.
extern crate std;

use super::*;
use raext_policy::testing::{Range, forget, put_into_cache, ranges, set_task, set_time};
use std::{format, vec::Vec};

const MS: u64 = 1_000_000;

fn ask(s: State) -> Decision {
    ranges(|| decide(&s)).0
}

fn ask_at(ms: u64, s: State) -> Decision {
    set_time(ms * MS);
    ask(s)
}

/// The window that was read: its first page, the one behind it, and its mark.
fn window(answer: Decision) -> (u64, u64, u64) {
    let Decision::Window { start, size, async_size } = answer else { panic!("{answer:?}") };
    let end = start + u64::from(size);
    (start, end, end - u64::from(async_size))
}

fn size(answer: Decision) -> u64 {
    let (start, end, _) = window(answer);
    end - start
}

/// Read `count` times forwards by 4 pages, of which the marked ones are marks;
/// the windows that were read.
fn scan(from: u64, count: u64, read_ms: u64) -> Vec<u64> {
    let mut sizes = Vec::new();
    let (mut end, mut mark) = (from, u64::MAX);
    for at in (from..).step_by(4).take(count as usize) {
        let answer = if at >= end {
            ask_at(at * read_ms / 4, State::miss(at, 4))
        } else if at <= mark && mark < at + 4 {
            ask_at(at * read_ms / 4, State::mark(mark, 4))
        } else {
            continue;
        };
        let new = window(answer);
        sizes.push(new.1 - new.0);
        (end, mark) = if new.1 > new.0 { (new.1, new.2) } else { (at + 4, u64::MAX) };
    }
    sizes
}

const RANDOM: [u64; 12] =
    [37128, 48872, 63632, 29120, 49996, 57496, 34276, 18708, 52032, 26484, 39676, 10944];

#[test]
fn a_file_costs_less_than_256_bytes() {
    assert!(size_of::<File>() + size_of::<raext_policy::FileKey>() < 256);
}

#[test]
fn a_scan_from_the_beginning_opens_its_window_at_once() {
    // 4 pages a ms: 20 in a latency of 5 ms.
    assert_eq!(window(ask_at(0, State::miss(0, 16))), (0, 64, 16));
    assert_eq!(window(ask_at(5, State::mark(16, 16))), (64, 320, 64));
    // The application came 48 pages further in 5 ms, a latency: twice that.
    assert_eq!(window(ask_at(10, State::mark(64, 16))), (320, 320 + 128, 320));
}

#[test]
fn the_mark_of_another_reader_on_the_way_of_a_scan_tells_nothing() {
    forget();
    ask_at(0, State::miss(0, 16));
    ask_at(5, State::mark(16, 16));
    let next = window(ask_at(10, State::mark(64, 16)));
    // Between where the scan was heard of and its last window.
    assert_eq!(size(ask_at(11, State::mark(200, 16))), 0);
    assert_eq!(window(ask_at(15, State::mark(320, 16))).0, next.1, "the scan goes on");
}

#[test]
fn a_file_s_head_is_no_habit_and_a_first_guess_that_was_right_goes_on() {
    forget();
    assert_eq!(window(ask_at(0, State::fault(0))), (0, 32, 1));
    assert_eq!(size(ask_at(5, State::mark(1, 1))), 128);
    assert_eq!(ask_at(20, State::fault(1158)), Decision::Kernel, "it reads 1142..1174");
    assert_eq!(window(ask_at(26, State::mark(1166, 1))), (1174, 1174 + 128, 1174));
}

#[test]
fn a_slow_application_gets_small_windows() {
    let sizes = scan(0, 4000, 10);
    // 4 pages in 10 ms, latency 10 ms: 12 pages are needed, 32 the least.
    assert!(sizes.iter().rev().take(10).all(|&size| size == 32), "{sizes:?}");
}

/// The largest window of a scan that never waits for the device's bandwidth, each
/// mark 5 ms after the last one, beside a task that waits for random pages of the
/// file that is so many further.
fn largest_window_beside(task: u32, further: u64) -> u64 {
    forget();
    let other = |s: State| s.with(|s| s.i_ino += further);
    let mut answer = window(ask_at(0, State::miss(0, 16)));
    let mut largest = 0;
    for (i, index) in RANDOM.into_iter().cycle().take(40).enumerate() {
        let ms = 5 * i as u64;
        set_task(task);
        ask_at(ms + 2, other(State::fault(index)));
        set_task(0);
        answer = window(ask_at(ms + 5, State::mark(answer.2, 16)));
        largest = largest.max(answer.1 - answer.0);
    }
    largest
}

#[test]
fn a_scan_leaves_room_for_other_tasks() {
    // The same task does not wait for itself.
    let alone = largest_window_beside(0, 1);
    assert_eq!(alone, u64::from(LIMIT_KB.get() / 4));
    assert_eq!(largest_window_beside(1, 1), 256);
    assert_eq!(largest_window_beside(1, 0), alone, "what it reads of the same file is of use");
}

#[test]
fn a_page_that_is_cached_is_not_the_mark() {
    forget();
    ask_at(0, State::miss(0, 16));
    put_into_cache(64..74);
    assert_eq!(window(ask_at(5, State::mark(16, 16))), (64, 320, 74));
}

#[test]
fn where_there_are_no_marks_windows_double() {
    forget();
    let random = |s: State| s.with(|s| s.flags |= raext_policy::abi::BPF_FS_RA_RANDOM);
    let (mut at, mut sizes) = (1000, Vec::new());
    for _ in 0..8 {
        let size = size(ask(random(State::fault(at))));
        sizes.push(size);
        at += size.max(1);
    }
    assert_eq!(sizes, [0, 0, 4, 8, 16, 32, 64, 128]);
}

#[test]
fn among_cached_pages_a_place_is_read_around() {
    forget();
    let place = State::fault(50_000);
    ask(State::fault(7));
    DEVICES.of(&place).unwrap().need.set(400);
    FILES.of(&place).unwrap().run.set(300);
    let alone = window(ask(place));
    assert_eq!(alone.0, 50_000, "nothing is cached there");
    put_into_cache(60_100..60_200);
    // Half of the need on each side, marked behind the request.
    assert_eq!(window(ask(State::fault(60_000))), (60_000 - 200, 60_200, 60_001));
}

#[test]
fn random_reads_are_read_alone() {
    forget();
    for index in RANDOM {
        assert_eq!(size(ask(State::miss(index, 4))), 0);
    }
}

#[test]
fn random_faults_are_the_kernels_at_any_pace_and_of_any_number_of_tasks() {
    for (ms, tasks) in [(0, 1), (1, 1), (5, 1), (5, 2)] {
        forget();
        for i in 1..=200 {
            set_task((i % tasks) as u32);
            let s = State::fault(i * 7919 % (1 << 14)).with(|s| s.file_pages = 1 << 14);
            assert_eq!(ask_at(ms * i, s), Decision::Kernel, "fault {i}");
        }
    }
    set_task(0);
}

#[test]
fn rows_of_a_mapping_are_the_kernels_until_they_are_longer_than_its_window() {
    // The rows of so many pages, at random, that are not left to the kernel: what it
    // reads around the first page of a row has 16 pages from there, the 9th marked.
    let own = |pages: u64| {
        forget();
        let mut own = 0;
        for (i, start) in RANDOM.into_iter().enumerate() {
            let (mut end, mut mark) = (start, u64::MAX);
            for at in start..start + pages {
                let s = if at >= end {
                    State::fault(at)
                } else if at == mark {
                    State::mark(at, 1)
                } else {
                    continue;
                };
                let answer = ask_at(10 * i as u64, s);
                if answer == Decision::Kernel {
                    (end, mark) = (at + 16, at + 8);
                } else if size(answer) > 0 {
                    (_, end, mark) = window(answer);
                }
                own += u32::from(at == start && answer != Decision::Kernel);
            }
        }
        own
    };
    assert_eq!([2, 4, 8, 16].map(own), [0; 4]);
    assert!(own(128) >= 10, "{}", own(128));
}

#[test]
fn a_habit_of_32_pages_is_the_kernels_and_a_longer_one_is_not() {
    for (habit, own) in [(1, false), (32, false), (33, true), (200, true)] {
        forget();
        FILES.of(&State::fault(0)).unwrap().run.set(habit);
        let answer = ask(State::fault(9000));
        assert_eq!(answer != Decision::Kernel, own, "a habit of {habit} pages");
        assert!(!own || size(answer) >= 33);
    }
}

#[test]
fn what_an_application_says_and_a_file_s_beginning_are_not_left_to_the_kernel() {
    use raext_policy::abi::{BPF_FS_RA_RANDOM, BPF_FS_RA_SEQUENTIAL};
    for flag in [BPF_FS_RA_RANDOM, BPF_FS_RA_SEQUENTIAL] {
        forget();
        let answer = ask(State::fault(9000).with(|s| s.flags |= flag));
        assert_eq!(size(answer), if flag == BPF_FS_RA_RANDOM { 0 } else { 32 });
    }
    assert_eq!(size(ask(State::fault(0))), 32);
    assert_eq!(size(ask(State::miss(9000, 1))), 0, "a read is no fault");
}

#[test]
fn the_mark_of_the_kernels_window_is_followed_by_another_one_of_its_size() {
    for habit in [1, 9, 32] {
        forget();
        FILES.of(&State::fault(0)).unwrap().run.set(habit);
        assert_eq!(ask_at(0, State::fault(9000)), Decision::Kernel, "it reads 8984..9016");
        let mark = |at| State::mark(at, 1).with(|s| s.flags |= raext_policy::abi::BPF_FS_RA_MMAP);
        let next = window(ask_at(6, mark(9008)));
        assert_eq!(next, (9016, 9048, 9016), "a habit of {habit} pages");
        // 17 pages were used: a scan goes on, unless 32 are usual, of which all are read.
        let next = ask_at(12, mark(9016));
        assert_eq!(size(next) > 0, habit < 32, "a habit of {habit} pages: {next:?}");
    }
}

#[test]
fn a_scan_after_random_faults_is_followed_in_either_direction() {
    // The kernel reads 32 pages around a fault; after a hundred misses one page.
    for (misses, before, behind) in [(0, 16, 16), (99, 16, 16), (100, 0, 1), (500, 0, 1)] {
        let s = |index| State::fault(index).with(|s| s.mmap_miss = misses);
        for (place, next) in [(8000, 8000 + behind), (9000, 9000 - before - 1)] {
            forget();
            for index in RANDOM {
                ask_at(5, s(index));
            }
            assert_eq!(ask_at(300, s(place)), Decision::Kernel);
            let (from, to, _) = window(ask_at(306, s(next)));
            assert!(
                to - from >= 32 && (from == next || to == next + 1),
                "{misses} misses, {next}: {from}..{to}"
            );
        }
    }
}

#[test]
fn the_window_of_a_place_is_the_one_of_the_file_s_own_limit() {
    // Of a descriptor that has readahead switched off, and of larger ones.
    for (pages, next) in [(0, 1), (1, 1), (16, 8), (1024, 512)] {
        forget();
        let s = |index| State::fault(index).with(|s| s.ra_pages = pages);
        assert_eq!(ask_at(0, s(8000)), Decision::Kernel);
        assert_eq!(window(ask_at(6, s(8000 + next))).0, 8000 + next, "{pages} pages");
    }
    // At the beginning of a file, the kernel's window is as long, but not as early.
    forget();
    assert_eq!(ask_at(0, State::fault(5)), Decision::Kernel);
    assert_eq!(window(ask_at(6, State::fault(32))).0, 32);
}

#[test]
fn random_reads_that_come_back_get_their_regions_whatever_was_said() {
    for flags in [0, raext_policy::abi::BPF_FS_RA_RANDOM] {
        // Memory that holds what was read, and memory that does not.
        for keep in [true, false] {
            forget();
            let (mut cached, mut regions) = ([false; 4096], 0);
            let mut random = 1_u64;
            for i in 1..=600 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let index = random >> 52;
                if cached[index as usize] {
                    continue;
                }
                let s = State::miss(index, 1)
                    .with(|s| (s.file_pages, s.flags) = (4096, s.flags | flags));
                let (start, end, _) = window(ask_at(6 * i, s));
                if end - start == 128 {
                    assert!(start % 128 == 0 && (start..end).contains(&index), "{start}..{end}");
                    assert!(i > 64, "region at place {i}: before it can be known");
                    regions += 1;
                }
                let read = if start == end { index..index + 1 } else { start..end };
                if keep {
                    put_into_cache(read.clone());
                    cached[read.start as usize..read.end as usize].fill(true);
                }
            }
            assert_eq!(regions, if keep { 32 } else { 0 }, "advice {flags}, kept: {keep}");
        }
    }
}

#[test]
fn a_file_is_begun_as_the_last_one_ended() {
    forget();
    let other = |s: State| s.with(|s| s.i_ino += 1);
    ask_at(0, State::miss(100, 4));
    let mut mark = window(ask_at(5, State::miss(96, 4))).2;
    let came_to_its_beginning = [10, 15, 20, 25].into_iter().any(|ms| {
        let (start, _, next) = window(ask_at(ms, State::mark(mark, 4)));
        mark = next;
        start == 0
    });
    assert!(came_to_its_beginning);
    // Another task has nothing to do with it.
    set_task(1);
    assert_eq!(size(ask_at(29, other(State::miss(70_000, 4)))), 0);
    set_task(0);
    // Cached pages behind it (an index at the file's end) change nothing.
    let place = other(State::miss(90_000, 4));
    DEVICES.of(&place).unwrap().need.set(400);
    put_into_cache(90_004..90_200);
    let (start, end, mark) = window(ask_at(30, place));
    assert_eq!(end, 90_004);
    assert!(end - start > 32 && mark > start + 16, "{start}..{end}, {mark}");
    assert_eq!(size(ask_at(35, other(State::miss(10_000, 4)))), 0, "once");
    // A mapping, too, whose faults are otherwise the kernel's.
    let mapped = |index| State::fault(index).with(|s| s.i_ino += 2);
    DEVICES.of(&mapped(0)).unwrap().way.set(device::BACKWARD);
    let (start, end, _) = window(ask_at(40, mapped(50_000)));
    assert_eq!((start, end), (50_000 - 200, 50_001));
    assert_eq!(ask_at(45, mapped(10_000)), Decision::Kernel, "once");
}

#[test]
fn a_guess_counts_by_the_side_on_which_it_is_right() {
    forget();
    FILES.of(&State::fault(0)).unwrap().run.set(60);
    assert_eq!(size(ask_at(0, State::fault(9000))), 60);
    // It goes back, where nothing was guessed.
    let (start, end, _) = window(ask_at(5, State::fault(8999)));
    assert_eq!((start, end), (8999 - 32, 9000));
}

#[test]
fn after_a_scan_random_reads_are_soon_alone() {
    let sizes = || Vec::from(RANDOM.map(|index| size(ask(State::miss(index, 4)))));
    scan(30_000, 4000, 1);
    assert_eq!(sizes(), [64, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    // A read from a file's beginning gives no evidence of places in its middle.
    forget();
    scan(0, 4000, 1);
    assert_eq!(sizes(), [0; 12]);
}

#[test]
fn after_random_reads_a_scan_gets_windows() {
    forget();
    for index in RANDOM {
        ask(State::miss(index, 4));
    }
    let sizes = scan(1000, 400, 1);
    assert_eq!(sizes[..2], [0, 16]);
    assert!(sizes.iter().any(|&size| size >= 64), "{sizes:?}");
}

#[test]
fn the_length_of_a_burst_is_learned() {
    let mut misses = Vec::new();
    for start in RANDOM {
        let mut waits = 0;
        let (mut end, mut mark) = (start, u64::MAX);
        for at in (start..start + 32).step_by(4) {
            let answer = if at >= end {
                waits += 1;
                ask(State::miss(at, 4))
            } else if at <= mark && mark < at + 4 {
                ask(State::mark(mark, 4))
            } else {
                continue;
            };
            let new = window(answer);
            if new.1 > new.0 {
                (end, mark) = (new.1, new.2);
            } else if at >= end {
                end = at + 4;
            }
        }
        misses.push(waits);
    }
    assert!(misses[0] > 1, "{misses:?}");
    assert!(misses[2..].iter().all(|&waits| waits == 1), "{misses:?}");
}

#[test]
fn backwards_the_windows_lie_before() {
    forget();
    ask_at(0, State::miss(10_000, 4));
    // Sixteen pages before, marked at the next read.
    assert_eq!(window(ask_at(5, State::miss(9996, 4))), (9980, 10_000, 9992));
    assert_eq!(window(ask_at(10, State::mark(9992, 4))), (9916, 9980, 9976));
    // To the beginning of the file, and not before.
    forget();
    ask(State::miss(8, 4));
    assert_eq!(window(ask(State::miss(4, 4))).0, 0);
}

#[test]
fn equal_distances_are_a_walk_in_either_direction() {
    for step in [128_i64, -128] {
        forget();
        let at = |i: i64| 20_000_u64.wrapping_add_signed(step * i);
        for i in 0..3 {
            assert_eq!(ranges(|| decide(&State::miss(at(i), 4))).1, []);
        }
        let (answer, asked) = ranges(|| decide(&State::miss(at(3), 4)));
        assert_eq!((size(answer), asked.len()), (0, 8));
        assert_eq!(asked[4], Range { start: at(8), pages: 4, marked: true });
        let (_, more) = ranges(|| decide(&State::mark(at(8), 4)));
        assert_eq!((more.len(), more[0].start, more[0].marked), (16, at(12), true));
    }
}

#[test]
fn streams_of_one_descriptor_are_kept_apart() {
    forget();
    for start in [1000, 20_000, 40_000] {
        ask(State::miss(start, 16));
    }
    for start in [1000, 20_000, 40_000] {
        let (from, end, mark) = window(ask(State::miss(start + 16, 16)));
        assert_eq!((from, end, mark), (start + 16, start + 80, start + 32));
    }
    for start in [1000, 20_000, 40_000] {
        let (from, end, mark) = window(ask(State::mark(start + 32, 16)));
        assert_eq!((from, end, mark), (start + 80, start + 336, start + 80));
    }
}

#[test]
fn a_scan_outlives_random_reads_of_the_same_file() {
    forget();
    let mut mark = 0;
    for (i, index) in RANDOM.into_iter().enumerate() {
        let s = if i == 0 { State::miss(0, 16) } else { State::mark(mark, 16) };
        let answer = ask_at(10 * i as u64, s);
        assert!(size(answer) >= 32, "window {i}: {answer:?}");
        mark = window(answer).2;
        for more in 0..8 {
            ask_at(10 * i as u64 + more, State::miss(index / 2 + 20_000 + more * 100, 4));
        }
    }
}

#[test]
fn the_application_s_word_is_doubted_only_for_good_reason() {
    let random = |s: State| s.with(|s| s.flags |= raext_policy::abi::BPF_FS_RA_RANDOM);
    forget();
    assert_eq!(size(ask(random(State::fault(0)))), 0, "not even at the beginning");
    assert_eq!(size(ask(random(State::fault(1)))), 0, "once may be chance");
    assert!(size(ask(random(State::fault(2)))) > 1);
}

#[test]
fn a_mark_of_the_kernel_s_becomes_a_stream() {
    forget();
    put_into_cache(500..532);
    assert_eq!(window(ask(State::mark(500, 4))), (532, 564, 532));
}

#[test]
fn nothing_is_read_behind_the_end() {
    forget();
    let end = 1 << 18;
    ask(State::miss(end - 8, 4));
    let (_, last, _) = window(ask(State::miss(end - 4, 4)));
    assert!(last >= end, "the module cuts it off");
    assert_eq!(size(ask(State::mark(end - 2, 2))), 0);
}

#[test]
fn what_does_not_fit_is_the_kernel_s() {
    let huge = State::miss(0, 4).with(|s| s.file_pages = u32::MAX.into());
    assert_eq!(ask(huge), Decision::Kernel);
}

/// As a block of a table file that is read: its end is looked at before its beginning.
#[test]
fn what_lies_before_a_place_is_learned_too() {
    forget();
    let (mut waits, mut sizes) = (Vec::new(), Vec::new());
    for last in RANDOM {
        let (from, to, mark) = window(ask(State::miss(last, 1)));
        if (from..to).contains(&(last - 1)) {
            sizes.push(to - from);
            if mark == last - 1 {
                assert_eq!(size(ask(State::mark(mark, 1))), 0, "that is what was expected");
            }
            waits.push(1);
        } else {
            ask(State::miss(last - 1, 1));
            waits.push(2);
        }
    }
    assert_eq!(waits[6..], [1; 6]);
    assert!(sizes.last() < Some(&4), "{sizes:?}");
}

/// Where the application says that it reads at random, and reads each block from
/// its last page on.
#[test]
fn the_application_is_not_believed_for_ever() {
    forget();
    let random = |s: State| s.with(|s| s.flags |= raext_policy::abi::BPF_FS_RA_RANDOM);
    let mut waits = 0;
    let places = (1..=64).map(|i| 1000 + i * 7919 % 200_000);
    for (i, last) in places.enumerate() {
        set_time(i as u64 * 5_333_000);
        let (from, to, _) = window(ask(random(State::fault(last))));
        waits += 1;
        if !(from..to).contains(&(last - 1)) {
            ask(random(State::fault(last - 1)));
            waits += 1;
        }
    }
    assert!(waits < 64 + 24, "{waits} waits");
}

#[test]
fn a_small_file_is_read_whole_and_not_remembered() {
    forget();
    let small = |s: State| s.with(|s| s.file_pages = 20);
    assert_eq!(window(ask(small(State::miss(0, 16)))), (0, 20, 20));
    assert_eq!(window(ask(small(State::fault(0)))), (0, 20, 20));
    assert_eq!(size(ask(small(State::mark(0, 1)))), 0);
}

#[test]
fn the_documentation_has_the_tunables_as_they_are() {
    let page = include_str!("../../../docs/auto.md");
    for (name, unit, default) in [
        ("limit_kb", "KiB", LIMIT_KB.get()),
        ("depth", "latencies", DEPTH.get()),
        ("steps", "steps", STEPS.get()),
    ] {
        let row = format!("| `{name}` | {unit} | {default} |");
        assert!(page.contains(&row), "docs/auto.md has no {row:?}");
    }
}
