// SPDX-License-Identifier: GPL-2.0-only
//! Embeds the headers of libbpf that a BPF program includes, from the libbpf that the
//! crate is linked with. libbpf-sys tells where it has them (`DEP_BPF_INCLUDE`).

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

fn main() {
    let var = |name: &str| PathBuf::from(env::var_os(name).unwrap_or_else(|| panic!("no {name}")));
    let dir = var("DEP_BPF_INCLUDE").join("bpf");
    let list = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut names: Vec<_> = list
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter(|name| name.starts_with("bpf_") || name.ends_with(".bpf.h"))
        .collect();
    names.sort();
    assert!(names.iter().any(|name| name == "bpf_helpers.h"), "{}: {names:?}", dir.display());
    let mut code = String::from("[\n");
    for name in names {
        let path = dir.join(&name);
        println!("cargo:rerun-if-changed={}", path.display());
        writeln!(code, "({name:?}, include_str!({path:?})),").expect("a string");
    }
    code.push(']');
    let out = var("OUT_DIR").join("libbpf_headers.rs");
    fs::write(&out, code).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
}
