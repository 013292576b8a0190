// SPDX-License-Identifier: GPL-2.0-only
//! The content of a register, in words.
//!
//! The verifier prints a register's state when it changes (`R2_w=scalar()`,
//! `R1=trusted_ptr_bpf_fs_readahead_state()`); the last one before the complaint
//! is the one that was refused.

use crate::object::STATE_TYPE;
use crate::verdict::log::Log;

/// The register that the complaint, or else the refused instruction, is about,
/// and what it holds.
pub(super) fn at_fault(log: &Log<'_>) -> Option<String> {
    let accessed = log.complains(&["access beyond", "context access", "a policy may write"]);
    let through = || base(log.instruction().filter(|_| accessed)?);
    let added = || added(log.instruction().filter(|_| log.complains(&["math between"]))?);
    let number = named(log.complaint?).or_else(through).or_else(added)?;
    let held = state(log, number)?;
    let whole = match from_context(log, number).filter(|_| held.starts_with("scalar")) {
        Some(argument) => format!("{argument}, as a bare number"),
        None => words(log, held)?,
    };
    Some(format!("R{number}, which holds {whole}"))
}

/// The register that a complaint begins with: `R2 invalid mem access`, or the one that
/// holds the argument: `arg#0 pointer type`.
fn named(complaint: &str) -> Option<u32> {
    let word = complaint.split_whitespace().next()?;
    if let Some(argument) = word.strip_prefix("arg#") {
        return Some(argument.parse::<u32>().ok()? + 1);
    }
    word.strip_prefix('R')?.parse().ok()
}

/// Whether the register at fault holds a pointer to memory of the policy's own.
pub(super) fn is_own_memory(log: &Log<'_>) -> bool {
    let held = log.complaint.and_then(named).and_then(|number| state(log, number));
    held.is_some_and(|held| {
        ["fp", "map_value", "ringbuf_mem"].iter().any(|own| held.starts_with(own))
    })
}

/// The register that an instruction reads or writes through: `*(u32 *)(r1 +16)`.
fn base(instruction: &str) -> Option<u32> {
    let (_, rest) = instruction.split_once("*)(r")?;
    rest[..rest.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

/// The register that an instruction adds to a pointer: `r2 += r1`.
fn added(instruction: &str) -> Option<u32> {
    instruction.split_once("+= r")?.1.parse().ok()
}

/// The last state of a register that the log has.
fn state<'a>(log: &Log<'a>, register: u32) -> Option<&'a str> {
    log.lines.iter().rev().find_map(|line| state_in(line, register))
}

fn state_in(line: &str, register: u32) -> Option<&str> {
    let name = format!("R{register}");
    line.match_indices(&name).filter_map(|(at, _)| value(line, at, name.len())).last()
}

/// The value of `R1=...` or `R1_w=...` at a place of a line.
fn value(line: &str, at: usize, length: usize) -> Option<&str> {
    let fresh = at == 0 || line.as_bytes()[at - 1] == b' ';
    let rest = &line[at + length..];
    let equals = rest.find('=')?;
    let marks = rest[..equals].strip_prefix('_').unwrap_or(&rest[..equals]);
    if !fresh || !marks.bytes().all(|b| b.is_ascii_lowercase()) {
        return None;
    }
    let value = &rest[equals + 1..];
    let mut depth = 0;
    let end = value.find(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ' ' && depth == 0
    });
    Some(&value[..end.unwrap_or(value.len())])
}

/// The argument that a register was loaded with from the array of arguments.
fn from_context(log: &Log<'_>, register: u32) -> Option<String> {
    let load = format!(" r{register} = *(u64 *)(r");
    let line = log.lines.iter().rev().find(|line| line.contains(&load))?;
    let (_, rest) = line.split_once(&load)?;
    let (source, rest) = rest.split_once(" +")?;
    let offset: u32 = rest.split_once(')')?.0.parse().ok()?;
    // Registers from 6 on outlive calls. The context is in R1 where the log shows it.
    let is_context = state_in(line, source.parse().ok()?).is_some_and(|s| s.starts_with("ctx("));
    is_context.then(|| argument(log, offset / 8))
}

fn argument(log: &Log<'_>, index: u32) -> String {
    match argument_name(log).filter(|_| index == 0) {
        Some(name) => format!("the argument {name}"),
        None => format!("the callback's argument {}", index + 1),
    }
}

/// The name of the state in the callback's signature, where the log shows it:
/// `struct bpf_fs_readahead_state *s)`.
fn argument_name<'a>(log: &Log<'a>) -> Option<&'a str> {
    log.annotations().find_map(|source| {
        let (_, rest) = source.text.split_once(STATE_TYPE)?;
        let rest = rest.trim_start().strip_prefix('*')?.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        (rest[end..].trim_start().starts_with([')', ','])).then_some(&rest[..end])
    })
}

fn words(log: &Log<'_>, held: &str) -> Option<String> {
    let (kind, details) = held.split_once('(').unwrap_or((held, ""));
    let map = || match details.split_once("map=") {
        Some((_, rest)) => format!("map {}", rest.split([',', ')']).next().unwrap_or(rest)),
        None => "a map".into(),
    };
    Some(match kind {
        "ctx" => "the array of the callback's arguments".into(),
        "scalar" if log.complains(&["unbounded"]) => "a number that nothing bounds".into(),
        "scalar" => "a number, not a pointer".into(),
        "map_value_or_null" => {
            format!("what was found in {}: NULL where nothing was", map())
        }
        "map_value" => format!("a pointer into a value of {}", map()),
        "map_ptr" => format!("{} itself", map()),
        _ if kind.starts_with("fp") => "a pointer to the stack".into(),
        _ if kind.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'x') => {
            format!("the number {kind}")
        }
        _ => pointer(log, kind)?,
    })
}

/// `trusted_ptr_or_null_task_struct` and its like.
fn pointer(log: &Log<'_>, kind: &str) -> Option<String> {
    let (trust, of) = kind.split_once("ptr_")?;
    if !["", "trusted_", "untrusted_", "rcu_"].contains(&trust) {
        return None;
    }
    let (of, may_be_null) = match of.strip_prefix("or_null_") {
        Some(of) => (of, ": NULL where there is none"),
        None => (of, ""),
    };
    if of == STATE_TYPE {
        return Some(argument(log, 0));
    }
    Some(format!("a pointer to struct {of}{may_be_null}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_ends_where_its_parentheses_do() {
        let line =
            "5: (0f) r2 += r1 ; R1_w=scalar(var_off=(0x0; 0x3)) R2_w=map_value(map=a b,ks=4)";
        assert_eq!(state_in(line, 1), Some("scalar(var_off=(0x0; 0x3))"));
        assert_eq!(state_in(line, 2), Some("map_value(map=a b,ks=4)"));
        assert_eq!(state_in("1: R10=fp0", 1), None);
        assert_eq!(state_in("1: R1_rw=fp-8", 1), Some("fp-8"));
    }

    #[test]
    fn kinds_of_pointers_have_their_words() {
        let log = Log::parse("");
        let text = |held| words(&log, held).unwrap();
        assert_eq!(text("1024"), "the number 1024");
        assert_eq!(text("fp-8"), "a pointer to the stack");
        assert_eq!(
            text("rcu_ptr_or_null_task_struct(id=1)"),
            "a pointer to struct task_struct: NULL where there is none"
        );
        assert_eq!(
            text("map_value_or_null(id=2,map=limits,ks=8,vs=4)"),
            "what was found in map limits: NULL where nothing was"
        );
        assert_eq!(words(&log, "dynptr_slice()"), None);
    }
}
