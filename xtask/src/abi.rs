// SPDX-License-Identifier: GPL-2.0-only
//! From the C header to Rust. The project writes the header, so its few forms are all that
//! this parser knows. Anything else is an error, not a guess.
//!
//! bindgen would replace the parser and is not used, for three reasons:
//! - The docs of fields and of bits would be lost. kernel-doc lists them in the comment above
//!   the definition (`@i_ino: inode number`), and bindgen copies a comment only to the item
//!   that it precedes.
//! - A hole in a struct is refused here, since the ABI would keep it. bindgen pads.
//! - The test that compares header and Rust runs in `make check`. It would need libclang.

use anyhow::{Context as _, Result, bail, ensure};
use std::collections::HashMap;
use std::fmt::Write as _;

/// The types of bits, and what their names begin with.
const ENUMS: [(&str, &str); 3] = [
    ("bpf_fs_readahead_flags", "BPF_FS_RA_*"),
    ("bpf_fs_readahead_prefetch_flags", "BPF_FS_RA_PREFETCH_*"),
    ("bpf_fs_readahead_wants", "BPF_FS_RA_WANT_*"),
];
const STATE: &str = "bpf_fs_readahead_state";
const OPAQUE: &str = "bpf_fs_readahead_opaque";
const OPS: &str = "bpf_fs_readahead_ops";
const NAME_LEN: &str = "BPF_FS_RA_NAME_LEN";

/// The Rust source.
pub(crate) fn generate(header: &str) -> Result<String> {
    let mut out = String::from(
        "// SPDX-License-Identifier: GPL-2.0-only\n\
         // Generated from kmod/readahead_ext_abi.h by `cargo run -p xtask -- abi`.\n\
         //! The contract between the kernel module and a policy, as the module has it.\n\n",
    );
    for (name, bits) in ENUMS {
        flags(header, name, bits, &mut out)?;
    }
    let name_len = name_len(header, &mut out)?;
    state(header, &mut out)?;
    ops(header, name_len, &mut out)?;
    Ok(out)
}

fn flags(header: &str, name: &str, bits: &str, out: &mut String) -> Result<()> {
    let of = name;
    let docs = docs(header, &format!("enum {of} -"))?;
    writeln!(out, "/// The type of the `{bits}` bits.")?;
    writeln!(out, "#[expect(non_camel_case_types, reason = \"the kernel's name\")]")?;
    writeln!(out, "pub type {of} = u32;\n")?;
    for line in body(header, &format!("enum {of} {{"))? {
        let (name, value) =
            line.trim_end_matches(',').split_once(" = ").with_context(|| line.to_owned())?;
        let doc = docs.get(name).with_context(|| format!("{name} has no doc"))?;
        writeln!(out, "/// {}.", capitalised(doc))?;
        writeln!(out, "pub const {name}: {of} = {};", value.parse::<u32>()?)?;
    }
    writeln!(out)?;
    Ok(())
}

fn name_len(header: &str, out: &mut String) -> Result<usize> {
    let define = format!("#define {NAME_LEN} ");
    let line = header.lines().find(|l| l.starts_with(&define)).context(NAME_LEN)?;
    let value = line[define.len()..].trim().parse()?;
    writeln!(out, "/// Bytes of a policy's name, with its NUL.")?;
    writeln!(out, "pub const {NAME_LEN}: usize = {value};\n")?;
    Ok(value)
}

fn state(header: &str, out: &mut String) -> Result<()> {
    let docs = docs(header, &format!("struct {STATE} -"))?;
    writeln!(out, "/// What the state points to. C never defines it, and no policy looks at it.")?;
    writeln!(
        out,
        "#[derive(Debug)]\n#[repr(C)]\npub struct {OPAQUE} {{\n    _empty: [u8; 0],\n}}\n"
    )?;
    writeln!(out, "/// A decision, as a policy sees it. Sizes and indices are in pages.")?;
    writeln!(out, "#[derive(Debug, Clone, Copy)]\n#[repr(C)]\npub struct {STATE} {{")?;
    let mut layout = Layout::new(STATE);
    let opaque = format!("struct {OPAQUE} *");
    for line in body(header, &format!("struct {STATE} {{"))? {
        let text = line.trim_end_matches(';');
        let (name, (rust_type, size)) = match text.strip_prefix(&opaque) {
            Some(name) => (name, ("*const bpf_fs_readahead_opaque", 8)),
            None => {
                let (c_type, name) = text.split_once(' ').with_context(|| line.to_owned())?;
                (name, number(name, c_type)?)
            }
        };
        let doc = docs.get(name).with_context(|| format!("{name} has no doc"))?;
        writeln!(out, "    /// {}.", capitalised(doc))?;
        writeln!(out, "    pub {name}: {rust_type},")?;
        layout.member(name, size, size)?;
    }
    write!(out, "}}\n\n{}", layout.assertions()?)?;
    Ok(())
}

/// The table, each member with its own comment.
fn ops(header: &str, name_len: usize, out: &mut String) -> Result<()> {
    writeln!(
        out,
        "\n/// The table of a policy. A missing callback leaves its question to the kernel."
    )?;
    writeln!(
        out,
        "///\n/// The kernel's view: `policy!` makes a table of the callbacks that are there,"
    )?;
    writeln!(out, "/// since an `Option` is no pointer in BTF.")?;
    writeln!(out, "#[derive(Debug, Clone, Copy)]\n#[repr(C)]\npub struct {OPS} {{")?;
    let mut layout = Layout::new(OPS);
    let mut comment = String::new();
    for line in body(header, &format!("struct {OPS} {{"))? {
        if line.starts_with("/*") || line.starts_with('*') {
            let text = line.trim_start_matches(['/', '*']).trim_end_matches("*/").trim();
            // An empty line parts paragraphs.
            comment += if text.is_empty() { "\n" } else { text };
            comment += " ";
            continue;
        }
        let member = Member::parse(line, name_len)?;
        let doc = comment
            .trim()
            .strip_prefix(&format!("@{}: ", member.name))
            .with_context(|| format!("{} has no doc", member.name))?;
        for (i, paragraph) in doc.split('\n').map(str::trim).filter(|p| !p.is_empty()).enumerate() {
            let paragraph = plain(paragraph);
            let parting = if i > 0 { "    ///\n" } else { "" };
            writeln!(out, "{parting}    /// {}.", capitalised(&paragraph))?;
        }
        writeln!(out, "    pub {}: {},", member.name, member.rust_type)?;
        layout.member(member.name, member.size, member.align)?;
        comment.clear();
    }
    write!(out, "}}\n\n{}", layout.assertions()?)?;
    Ok(())
}

/// A member of the table.
struct Member<'a> {
    name: &'a str,
    rust_type: String,
    size: usize,
    align: usize,
}

impl<'a> Member<'a> {
    fn parse(line: &'a str, name_len: usize) -> Result<Self> {
        let text = line.trim_end_matches(';');
        let arguments = format!(")(struct {STATE} *s)");
        if let Some(name) = text.strip_prefix("int (*").and_then(|t| t.strip_suffix(&arguments)) {
            let rust_type = format!("Option<unsafe extern \"C\" fn(s: *mut {STATE}) -> i32>");
            return Ok(Self { name, rust_type, size: 8, align: 8 });
        }
        let array = format!("[{NAME_LEN}]");
        if let Some(name) = text.strip_prefix("char ").and_then(|t| t.strip_suffix(&array)) {
            let rust_type = format!("[u8; {NAME_LEN}]");
            return Ok(Self { name, rust_type, size: name_len, align: 1 });
        }
        let (c_type, name) = text.split_once(' ').with_context(|| line.to_owned())?;
        let (rust_type, size) = number(name, c_type)?;
        Ok(Self { name, rust_type: rust_type.to_owned(), size, align: size })
    }
}

/// Rust's type and its bytes.
fn number(name: &str, c_type: &str) -> Result<(&'static str, usize)> {
    Ok(match c_type {
        "__u32" => ("u32", 4),
        "__u64" => ("u64", 8),
        "__s64" => ("i64", 8),
        other => bail!("{name}: no Rust type is known for {other}"),
    })
}

/// Where the members of a struct lie, as its Rust side is to prove.
struct Layout {
    of: &'static str,
    end: usize,
    align: usize,
    out: String,
}

impl Layout {
    fn new(of: &'static str) -> Self {
        Self { of, end: 0, align: 1, out: String::new() }
    }

    fn member(&mut self, name: &str, size: usize, align: usize) -> Result<()> {
        let Self { of, end, .. } = *self;
        // C and Rust would both pad here, but a hole is an ABI to regret.
        ensure!(end % align == 0, "{name} leaves a hole before it");
        writeln!(self.out, "const _: () = assert!(core::mem::offset_of!({of}, {name}) == {end});")?;
        self.end += size;
        self.align = self.align.max(align);
        Ok(())
    }

    fn assertions(self) -> Result<String> {
        let Self { of, end, align, mut out } = self;
        ensure!(end % align == 0, "{of} has a hole at its end");
        writeln!(out, "const _: () = assert!(size_of::<{of}>() == {end});")?;
        Ok(out)
    }
}

/// The lines between a definition's first and its closing one.
fn body<'a>(header: &'a str, first: &str) -> Result<Vec<&'a str>> {
    let start = header.find(first).with_context(|| format!("no '{first}'"))? + first.len();
    let end = header[start..].find("\n};").with_context(|| format!("'{first}' does not end"))?;
    Ok(header[start..start + end].lines().map(str::trim).filter(|l| !l.is_empty()).collect())
}

/// The `@name: text` entries of the kernel-doc comment that begins with `first`.
fn docs(header: &str, first: &str) -> Result<HashMap<String, String>> {
    let start = header.find(first).with_context(|| format!("no doc of '{first}'"))?;
    let end = header[start..].find("*/").context("a comment that does not end")?;
    let mut docs = HashMap::new();
    let mut last = None;
    for line in header[start..start + end].lines().skip(1) {
        let line = line.trim().trim_start_matches('*').trim();
        if let Some((name, text)) = line.strip_prefix('@').and_then(|l| l.split_once(": ")) {
            docs.insert(name.to_owned(), plain(text));
            last = Some(name.to_owned());
        } else if let (Some(name), false) = (&last, line.is_empty()) {
            let doc = docs.entry(name.clone()).or_default();
            *doc = format!("{doc} {}", plain(line));
        }
    }
    Ok(docs)
}

/// Without the marks of kernel-doc.
fn plain(text: &str) -> String {
    text.replace("&enum ", "").replace('@', "")
}

/// As a sentence; names of the kernel keep their case.
/// The sentence of a doc comment; its last stop is the caller's.
fn capitalised(text: &str) -> String {
    let text = text.trim_end_matches('.');
    if text.split(' ').next().is_some_and(|word| word.contains('_')) {
        return format!("`{}`{}", word_of(text), &text[word_of(text).len()..]);
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}

fn word_of(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with these members of the state and of the table.
    fn header(state: &str, ops: &str) -> String {
        let bits = |(name, _)| {
            format!("/**\n * enum {name} - x\n * @A: a\n */\nenum {name} {{\n\tA = 1,\n}};\n")
        };
        let enums: String = ENUMS.map(bits).concat();
        format!(
            "{enums}#define {NAME_LEN} 16\n\
             /**\n * struct {STATE} - x\n * @f: a\n * @g: a\n */\n\
             struct {STATE} {{\n{state}\n}};\n\
             struct {OPS} {{\n{ops}\n}};\n"
        )
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let said = |state, ops| generate(&header(state, ops)).unwrap_err().to_string();
        let callback = "/** @c: x */\nint (*c)(struct bpf_fs_readahead_state *s);";
        assert!(said("loff_t f;", callback).contains("loff_t"));
        assert!(said("__u32 f;\n__u64 g;", callback).contains("hole before"));
        assert!(said("__u32 h;", callback).contains("h has no doc"));
        assert!(said("__u32 f;", "/** @c: x */\nvoid (*c)(void);").contains("void"));
        assert!(said("__u32 f;", &callback.replace("@c", "@d")).contains("c has no doc"));
    }

    #[test]
    fn members_of_the_table_keep_their_comments() {
        let ops = "/**\n * @c: asked\n * first\n *\n * Return: 0\n */\n\
                   int (*c)(struct bpf_fs_readahead_state *s);\n\
                   /** @id: a scope */\n__u64 id;";
        let rust = generate(&header("__u64 f;", ops)).unwrap();
        assert!(
            rust.contains("    /// Asked first.\n    ///\n    /// Return: 0.\n    pub c: Option<")
        );
        assert!(rust.contains("    /// A scope.\n    pub id: u64,"));
        assert!(rust.contains("offset_of!(bpf_fs_readahead_ops, id) == 8"));
        assert!(rust.contains("size_of::<bpf_fs_readahead_ops>() == 16"));
    }
}
