// SPDX-License-Identifier: GPL-2.0-only
//! From the C header to Rust. The header is ours, so that its few forms are all
//! that is understood here; anything else is an error, not a guess.

use anyhow::{Context as _, Result, bail, ensure};
use std::collections::HashMap;
use std::fmt::Write as _;

const ENUM: &str = "bpf_fs_readahead_flags";
const STATE: &str = "bpf_fs_readahead_state";

/// The Rust source.
pub fn generate(header: &str) -> Result<String> {
    let mut out = String::from(
        "// SPDX-License-Identifier: GPL-2.0-only\n\
         // Generated from kmod/readahead_ext_abi.h by `cargo run -p xtask -- abi`.\n\
         //! The contract between the kernel module and a policy, as the module has it.\n\n",
    );
    flags(header, &mut out)?;
    name_len(header, &mut out)?;
    state(header, &mut out)?;
    Ok(out)
}

fn flags(header: &str, out: &mut String) -> Result<()> {
    let docs = docs(header, &format!("enum {ENUM} -"))?;
    writeln!(out, "/// The type of the `BPF_FS_RA_*` bits.")?;
    writeln!(out, "#[expect(non_camel_case_types, reason = \"the kernel's name\")]")?;
    writeln!(out, "pub type {ENUM} = u32;\n")?;
    for line in body(header, &format!("enum {ENUM} {{"))? {
        let (name, value) =
            line.trim_end_matches(',').split_once(" = ").with_context(|| line.to_owned())?;
        let doc = docs.get(name).with_context(|| format!("{name} has no doc"))?;
        writeln!(out, "/// {}.", capitalised(doc))?;
        writeln!(out, "pub const {name}: {ENUM} = {};", value.parse::<u32>()?)?;
    }
    Ok(())
}

fn name_len(header: &str, out: &mut String) -> Result<()> {
    const NAME: &str = "BPF_FS_RA_NAME_LEN";
    let define = format!("#define {NAME} ");
    let line = header.lines().find(|l| l.starts_with(&define)).context(NAME)?;
    let value: usize = line[define.len()..].trim().parse()?;
    writeln!(out, "\n/// Bytes of a policy's name, with its NUL.")?;
    writeln!(out, "pub const {NAME}: usize = {value};\n")?;
    Ok(())
}

fn state(header: &str, out: &mut String) -> Result<()> {
    let docs = docs(header, &format!("struct {STATE} -"))?;
    writeln!(out, "/// What a policy sees of a decision; sizes and indices are in pages.")?;
    writeln!(out, "#[derive(Debug, Clone, Copy)]\n#[repr(C)]\npub struct {STATE} {{")?;
    let mut offsets = String::new();
    let mut offset = 0;
    for line in body(header, &format!("struct {STATE} {{"))? {
        let (c_type, name) =
            line.trim_end_matches(';').split_once(' ').with_context(|| line.to_owned())?;
        let (rust_type, size) = match c_type {
            "__u32" => ("u32", 4),
            "__u64" => ("u64", 8),
            "__s64" => ("i64", 8),
            other => bail!("{name}: no Rust type is known for {other}"),
        };
        // C and Rust would both pad here, but a hole is an ABI to regret.
        ensure!(offset % size == 0, "{name} leaves a hole before it");
        let doc = docs.get(name).with_context(|| format!("{name} has no doc"))?;
        writeln!(out, "    /// {}.", capitalised(doc))?;
        writeln!(out, "    pub {name}: {rust_type},")?;
        writeln!(
            offsets,
            "const _: () = assert!(core::mem::offset_of!({STATE}, {name}) == {offset});"
        )?;
        offset += size;
    }
    write!(out, "}}\n\n{offsets}const _: () = assert!(size_of::<{STATE}>() == {offset});\n")?;
    Ok(())
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
fn capitalised(text: &str) -> String {
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

    #[test]
    fn what_is_not_understood_is_an_error() {
        let header = "/**\n * enum bpf_fs_readahead_flags - x\n * @A: a\n */\nenum bpf_fs_readahead_flags {\n\tA = 1,\n};\n\
                      #define BPF_FS_RA_NAME_LEN 16\n\
                      /**\n * struct bpf_fs_readahead_state - x\n * @f: a\n */\nstruct bpf_fs_readahead_state {\n\tloff_t f;\n};\n";
        let error = generate(header).unwrap_err().to_string();
        assert!(error.contains("loff_t"), "{error}");
    }
}
