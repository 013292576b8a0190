// SPDX-License-Identifier: GPL-2.0-only
//! libbpf's messages and the verifier's log within them, taken apart.
//!
//! The log is text for people, without a grammar; what is relied on here has
//! been stable since kernel 6.9: one line an instruction (`6: (61) r0 = ...`),
//! source lines as `; text @ file.c:12`, register states as `R1=ctx()`, the
//! complaint in plain words, and `processed ...` behind it.

/// The messages while a policy was loaded.
#[derive(Debug)]
pub(super) struct Log<'a> {
    /// All of it.
    pub text: &'a str,
    /// libbpf's own messages, without their prefix.
    pub libbpf: Vec<&'a str>,
    /// The refused program, when one was.
    pub program: Option<&'a str>,
    /// The log of the refused program, or else of the refused BTF, up to and
    /// with the complaint.
    pub lines: Vec<&'a str>,
    /// The line that says what is wrong.
    pub complaint: Option<&'a str>,
}

/// A source line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Annotation<'a> {
    /// The line's text, as the compiler recorded it; may be empty.
    pub text: &'a str,
    /// The file's name, without its folder.
    pub file: &'a str,
    /// Its number, from 1.
    pub line: u32,
}

impl<'a> Log<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let lines: Vec<_> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
        let libbpf: Vec<_> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("libbpf: "))
            .filter(|said| !said.starts_with("-- "))
            .collect();
        let program_log = between(&lines, "-- BEGIN PROG LOAD LOG --", "-- END PROG LOAD LOG --");
        let btf_log = between(&lines, "-- BEGIN BTF LOAD LOG --", "-- END BTF LOAD LOG --");
        let log = without_report(program_log.or(btf_log).unwrap_or_default());
        let at = complaint(log);
        let program =
            program_log.and(libbpf.iter().rev().find_map(|said| {
                said.strip_prefix("prog '")?.split_once('\'').map(|(name, _)| name)
            }));
        Self {
            text,
            program,
            complaint: at
                .map(|at| log[at].trim())
                .or_else(|| libbpf.iter().copied().find(|said| !is_skipped_member(said))),
            lines: at.map_or(log, |at| &log[..=at]).to_vec(),
            libbpf,
        }
    }

    /// Whether the complaint contains any of these words.
    pub(super) fn complains(&self, words: &[&str]) -> bool {
        self.complaint.is_some_and(|text| words.iter().any(|word| text.contains(word)))
    }

    /// The source lines before the complaint, nearest first.
    pub(super) fn annotations(&self) -> impl Iterator<Item = Annotation<'a>> + '_ {
        self.lines.iter().rev().filter_map(|line| annotation(line))
    }

    /// The refused instruction, without its number and code.
    pub(super) fn instruction(&self) -> Option<&'a str> {
        self.lines.iter().rev().find_map(|line| instruction(line))
    }

    /// The first instruction of the program.
    pub(super) fn first_instruction(&self) -> Option<&'a str> {
        self.lines.iter().find_map(|line| instruction(line))
    }

    /// The word behind `marker`, up to a space or a closing quote.
    pub(super) fn word_after(&self, marker: &str) -> Option<&'a str> {
        let (_, rest) = self.text.split_once(marker)?;
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '(' | ':'));
        Some(&rest[..end.unwrap_or(rest.len())]).filter(|word| !word.is_empty())
    }
}

/// libbpf says so of a member that the kernel lacks and the policy leaves at 0: no fault.
fn is_skipped_member(said: &str) -> bool {
    said.contains("not found in kernel, skipping it")
}

/// The last section between two markers; to the end where it is cut off.
fn between<'l, 'a>(lines: &'l [&'a str], begin: &str, end: &str) -> Option<&'l [&'a str]> {
    let first = lines.iter().rposition(|line| line.contains(begin))? + 1;
    let length = lines[first..].iter().position(|line| line.contains(end));
    Some(&lines[first..length.map_or(lines.len(), |n| first + n)])
}

/// The log as it was before 7.3, whose verifier adds an explanation of its own
/// for people, with parts of the source and of the program in it.
fn without_report<'l, 'a>(log: &'l [&'a str]) -> &'l [&'a str] {
    let report = log.iter().position(|line| line.starts_with("Verification failed: "));
    &log[..report.unwrap_or(log.len())]
}

/// The index of the line that says what is wrong: the last in plain words.
fn complaint(log: &[&str]) -> Option<usize> {
    let states = |line: &str| line.starts_with("cur state:") || line.starts_with("old state:");
    let figures = |line: &str| {
        ["processed ", "verification time", "stack depth", "max_states"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let plain = |line: &&str| {
        let line = line.trim();
        !line.is_empty() && !states(line) && !figures(line) && !is_trace(line)
    };
    let last = log.iter().rposition(plain)?;
    // Since 7.2 or before the verifier has a word of its own after that of the module.
    let module = last.checked_sub(1).filter(|&before| {
        log[last].contains(" cannot write into ptr_") && log[before].starts_with("readahead_ext: ")
    });
    Some(module.unwrap_or(last))
}

/// A step of the verifier, rather than words about it.
fn is_trace(line: &str) -> bool {
    let numbered = line
        .split_once(':')
        .is_some_and(|(n, _)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    numbered || line.starts_with(';') || line.starts_with("frame") || line.starts_with("mark_prec")
}

fn annotation(line: &str) -> Option<Annotation<'_>> {
    let (text, place) = line.trim().strip_prefix(';')?.rsplit_once('@')?;
    let (file, number) = place.trim().rsplit_once(':')?;
    Some(Annotation { text: text.trim(), file, line: number.parse().ok()? })
}

/// `6: (61) r0 = *(u32 *)(r2 +12)   ; R0_w=...` is `r0 = *(u32 *)(r2 +12)`.
fn instruction(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once(": (")?;
    let (code, text) = rest.split_once(") ")?;
    let hexadecimal = code.len() == 2 && u8::from_str_radix(code, 16).is_ok();
    let whole = hexadecimal && number.trim().bytes().all(|b| b.is_ascii_digit());
    whole.then(|| text.split(';').next().unwrap_or(text).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NULL_MAP: &str = include_str!("../../tests/logs/null_map.log");
    const NULL_MAP_7_3: &str = include_str!("../../tests/logs/null_map-7.3.log");
    const WRITE_7_3: &str = include_str!("../../tests/logs/write_ra_pages-7.3.log");
    const UNNAMED: &str = include_str!("../../tests/logs/unnamed_argument.log");

    #[test]
    fn a_program_s_log_is_taken_apart() {
        let log = Log::parse(NULL_MAP);
        assert_eq!(log.program, Some("get_max_ra"));
        assert_eq!(log.complaint, Some("R0 invalid mem access 'map_value_or_null'"));
        assert_eq!(log.instruction(), Some("r0 = *(u32 *)(r0 +0)"));
        assert_eq!(log.first_instruction(), Some("r1 = *(u64 *)(r1 +0)"));
        let nearest = log.annotations().next().unwrap();
        assert_eq!((nearest.text, nearest.file), ("return *limit;", "null_map.bpf.c"));
    }

    #[test]
    fn the_verifier_s_own_explanation_is_left_out() {
        let (old, new) = (Log::parse(NULL_MAP), Log::parse(NULL_MAP_7_3));
        assert!(NULL_MAP_7_3.contains("\nSuggestion:\n"));
        assert_eq!(new.complaint, old.complaint);
        assert_eq!(new.instruction(), old.instruction());
        assert!(new.lines.iter().all(|line| !line.contains("Verification failed")));
    }

    #[test]
    fn the_module_has_the_last_word() {
        let log = Log::parse(WRITE_7_3);
        assert!(WRITE_7_3.contains("\nR1 cannot write into ptr_"));
        assert!(log.complaint.unwrap().starts_with("readahead_ext: a policy may write"), "{log:?}");
    }

    #[test]
    fn a_btf_s_log_has_its_complaint_at_its_end() {
        let log = Log::parse(UNNAMED);
        assert_eq!(log.program, None);
        assert!(log.complaint.unwrap().ends_with("Invalid arg#2"));
    }

    #[test]
    fn a_log_that_is_cut_off_still_ends_somewhere() {
        let cut = &NULL_MAP[..NULL_MAP.find("processed").unwrap()];
        assert_eq!(Log::parse(cut).complaint, Log::parse(NULL_MAP).complaint);
        assert_eq!(Log::parse("").complaint, None);
        assert!(Log::parse("").lines.is_empty());
    }

    #[test]
    fn what_is_no_source_line_is_not_taken_for_one() {
        assert_eq!(annotation("; return a @ b"), None);
        assert_eq!(annotation("7: (95) exit"), None);
        let rust = annotation(";  @ lib.rs:7").unwrap();
        assert_eq!(rust, Annotation { text: "", file: "lib.rs", line: 7 });
    }
}
