// SPDX-License-Identifier: GPL-2.0-only
//! Policies in C that unit tests compile.

use crate::build::Builder;
use crate::object::PolicyObject;
use std::fs;
use std::path::Path;
use std::rc::Rc;

/// The root of the project.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Compile a source into the folder `out`, and read the object file.
pub(crate) fn built(source: &Path, out: &Path) -> PolicyObject {
    let root = Path::new(ROOT);
    let builder = Builder::new(root, &root.join("build"), Rc::new(raext_model::Silent));
    PolicyObject::read(&builder.build(source, out).unwrap()).unwrap()
}

/// A policy whose get_ra returns `result`, and whose table wants `wants`.
pub(crate) fn wanting(result: &str, wants: u64, out: &Path) -> PolicyObject {
    let source = out.join("wants.bpf.c");
    let text = format!(
        "#include \"readahead_ext.bpf.h\"\n\
         SEC(\"struct_ops/get_ra\")\n\
         int RAEXT_CALLBACK(wants_ra, struct bpf_fs_readahead_state *s)\n\
         {{ return {result}; }}\n\
         RAEXT_POLICY(wants) = {{ .get_ra = (void *)wants_ra, .wants = {wants} }};\n"
    );
    fs::write(&source, text).unwrap();
    built(&source, out)
}
