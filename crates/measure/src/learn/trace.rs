// SPDX-License-Identifier: GPL-2.0-only
//! The text of the kernel's trace becomes events.
//!
//! The kernel traces an access again where it tries again, after a decision or
//! when a page was not ready: what continues or repeats an access becomes a part of
//! it. Accesses to other files than the decisions' are left out.

use crate::learn::recording::Flags;
use crate::learn::{Event, LearnError};
use std::collections::BTreeMap;

/// The tracepoints that are listened to, as folders below `events`.
pub const TRACEPOINTS: [&str; 3] = [
    "readahead_ext/readahead_decision",
    "filemap/mm_filemap_get_pages",
    "filemap/mm_filemap_fault",
];

/// The events of a trace.
///
/// # Errors
/// When a line of one of [`TRACEPOINTS`] is not understood, or events were lost.
pub fn parse(text: &str) -> Result<Vec<Event>, LearnError> {
    let lost: u64 = text.lines().filter_map(lost).sum();
    if lost > 0 {
        return Err(LearnError::Lost(lost));
    }
    let message = |name: &str| {
        text.lines()
            .filter_map(move |l| {
                l.split_once(&*format!(" {name}: ")).map(|(_, message)| message.to_owned())
            })
            .collect::<Vec<_>>()
    };
    // The file is the one that decisions are about.
    let decided = message("readahead_decision");
    let Some(first) = decided.first() else { return Ok(Vec::new()) };
    let of = fields(first);
    let file = (of.get("dev").copied().unwrap_or_default(), number(&of, "ino", first)?);
    let mut events: Vec<Event> = Vec::new();
    for line in text.lines() {
        if let Some((_, message)) = line.split_once(" readahead_decision: ") {
            events.push(decision(message)?);
        } else if let Some((_, message)) = line.split_once(" mm_filemap_get_pages: ") {
            let of = fields(message);
            if is_of(&of, file) {
                let (first, last) = of
                    .get("ofs")
                    .and_then(|ofs| ofs.split_once('-'))
                    .ok_or_else(|| wrong(message))?;
                let (first, last) = (bytes(first, message)?, bytes(last, message)?);
                access(&mut events, false, first, (last + 1).saturating_sub(first) as u32);
            }
        } else if let Some((_, message)) = line.split_once(" mm_filemap_fault: ") {
            let of = fields(message);
            if is_of(&of, file) {
                let page = bytes(of.get("ofs").copied().unwrap_or_default(), message)?;
                access(&mut events, true, page, 1);
            }
        }
    }
    Ok(events)
}

/// Add an access, or let the one before go on.
fn access(events: &mut Vec<Event>, fault: bool, first: u64, pages: u32) {
    let end = first + u64::from(pages);
    let last = events.iter_mut().rev().find(|event| !matches!(event, Event::Decision { .. }));
    if let Some(Event::Read(start, length) | Event::Fault(start, length)) = last {
        // A part of what was asked for already, tried again.
        if *start <= first && end <= *start + u64::from(*length) {
            return;
        }
    }
    if let Some(Event::Fault(start, length)) = events.last_mut()
        && fault
        && first == *start + u64::from(*length)
    {
        *length += 1;
        return;
    }
    events.push(if fault { Event::Fault(first, pages) } else { Event::Read(first, pages) });
}

fn decision(message: &str) -> Result<Event, LearnError> {
    let of = fields(message);
    let number = |name| number(&of, name, message);
    let small = |name| number(name).map(|n| n.min(u32::MAX.into()) as u32);
    Ok(Event::Decision {
        ino: number("ino")?,
        flags: Flags::from(of.get("flags").copied().unwrap_or_default().to_owned()),
        index: number("index")?,
        req: small("req")?,
        file: number("file")?,
        start: number("start")?,
        size: small("size")?,
    })
}

fn fields(message: &str) -> BTreeMap<&str, &str> {
    message.split_whitespace().filter_map(|word| word.split_once('=')).collect()
}

/// Whether an access is to the file, whose inode number it has in hexadecimal.
fn is_of(fields: &BTreeMap<&str, &str>, (dev, ino): (&str, u64)) -> bool {
    let of = fields.get("ino").and_then(|ino| u64::from_str_radix(ino, 16).ok());
    fields.get("dev") == Some(&dev) && of == Some(ino)
}

fn number(fields: &BTreeMap<&str, &str>, name: &str, message: &str) -> Result<u64, LearnError> {
    fields.get(name).and_then(|word| word.parse().ok()).ok_or_else(|| wrong(message))
}

/// From a byte to its page.
fn bytes(text: &str, message: &str) -> Result<u64, LearnError> {
    Ok(text.parse::<u64>().map_err(|_| wrong(message))? >> 12)
}

fn wrong(message: &str) -> LearnError {
    LearnError::Trace(message.to_owned())
}

/// `CPU:1 [LOST 42 EVENTS]`
fn lost(line: &str) -> Option<u64> {
    line.split_once("[LOST ")?.1.split_once(" EVENTS")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::recording::tests::decision;

    const TRACE: &str = "\
# tracer: nop
     exe-141 [001] ..... 14.1: mm_filemap_get_pages: dev=254:1 ino=c ofs=0-65535
     exe-141 [001] ..... 14.2: readahead_decision: policy=noop dev=254:1 ino=12 flags=miss index=16 req=16 file=16384 verdict=kept limit=32 start=16 size=32 async=16 ranges=0 submitted=0
     exe-141 [001] ..... 14.3: mm_filemap_get_pages: dev=254:1 ino=c ofs=65536-131071
     exe-141 [001] ..... 14.4: mm_filemap_get_pages: dev=254:1 ino=c ofs=69632-131071
     exe-141 [001] ..... 14.5: mm_filemap_get_pages: dev=254:1 ino=d ofs=0-4095
     exe-141 [001] ..... 14.6: mm_filemap_fault: dev=254:1 ino=c ofs=4096000
     exe-141 [001] ..... 14.7: mm_filemap_fault: dev=254:1 ino=c ofs=4096000
     exe-141 [001] ..... 14.8: mm_filemap_fault: dev=254:1 ino=c ofs=4100096
";

    #[test]
    fn what_is_tried_again_is_one_access() {
        let events = parse(TRACE).unwrap();
        let expected = [
            Event::Read(0, 16),
            decision(0, 16, 16, 16, 32),
            Event::Read(16, 16),
            Event::Fault(1000, 2),
        ];
        assert_eq!(events, expected);
    }

    #[test]
    fn a_trace_with_holes_is_refused() {
        let holes = format!("{TRACE}CPU:1 [LOST 42 EVENTS]\n");
        assert!(matches!(parse(&holes), Err(LearnError::Lost(42))));
        let strange = TRACE.replace("index=16", "index=x");
        assert!(matches!(parse(&strange), Err(LearnError::Trace(_))));
        assert_eq!(parse("# tracer: nop\n").unwrap(), []);
    }
}
