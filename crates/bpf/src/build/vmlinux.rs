// SPDX-License-Identifier: GPL-2.0-only
//! `vmlinux.h`: the types of a kernel in C, from its BTF, for policies that include it.
//!
//! libbpf prints the types; the lines around them are those of bpftool, so that a policy
//! does not see which of the two has made the file.

use crate::build::headers::put;
use crate::build::{BuildError, KernelTypes};
use crate::load::capture::capture;
use libbpf_rs::AsRawLibbpf as _;
use libbpf_rs::btf::Btf;
use libbpf_sys::{__va_list_tag, btf__type_cnt, btf_dump, btf_dump__dump_type};
use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// The file that policies include.
pub(super) const NAME: &str = "vmlinux.h";

const BEGIN: &str = "#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

#ifndef __ksym
#define __ksym __attribute__((section(\".ksyms\")))
#endif

#ifndef __weak
#define __weak __attribute__((weak))
#endif

";

const END: &str = "
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
";

/// Write `vmlinux.h` of a kernel below `target`. The folder to search for it.
pub(super) fn make(types: &KernelTypes, target: &Path) -> Result<PathBuf, BuildError> {
    let text = declared(&types.btf)
        .map_err(|why| BuildError::KernelTypes { path: types.btf.clone(), why })?;
    let dir = target.join("vmlinux").join(&types.release);
    put(&dir.join(NAME), text.as_bytes())?;
    Ok(dir)
}

/// The declarations of all types in a file of BTF, or in an ELF file with BTF.
fn declared(btf: &Path) -> Result<String, String> {
    let (read, said) = capture(|| Btf::from_path(btf));
    let btf = read.map_err(|error| format!("{error:#} {}", said.trim()).trim_end().to_owned())?;
    let mut text = BEGIN.as_bytes().to_vec();
    let mut printer = Printer::new(&btf, &mut text)?;
    // SAFETY: the BTF lives to the end of this function.
    let count = unsafe { btf__type_cnt(btf.as_libbpf_object().as_ptr()) };
    for id in 1..count {
        printer.print(id)?;
    }
    drop(printer);
    text.extend_from_slice(END.as_bytes());
    String::from_utf8(text).map_err(|error| error.to_string())
}

/// libbpf's printer of types.
struct Printer<'a> {
    dump: *mut btf_dump,
    borrows: PhantomData<(&'a Btf<'a>, &'a mut Vec<u8>)>,
}

impl<'a> Printer<'a> {
    /// A printer of the types in `btf`, which appends them to `text`.
    fn new(btf: &'a Btf<'a>, text: &'a mut Vec<u8>) -> Result<Self, String> {
        let text = std::ptr::from_mut(text).cast::<c_void>();
        // SAFETY: the printer borrows both, the BTF and the text, for as long as it lives,
        // and no options are given.
        let dump = unsafe {
            libbpf_sys::btf_dump__new(
                btf.as_libbpf_object().as_ptr(),
                Some(append),
                text,
                std::ptr::null(),
            )
        };
        if dump.is_null() {
            return Err(std::io::Error::last_os_error().to_string());
        }
        Ok(Self { dump, borrows: PhantomData })
    }

    /// Print a type, and those that it needs, unless they are printed already.
    fn print(&mut self, id: u32) -> Result<(), String> {
        // SAFETY: the printer lives, and nothing else uses its text meanwhile.
        let failed = unsafe { btf_dump__dump_type(self.dump, id) };
        if failed == 0 {
            return Ok(());
        }
        Err(format!("type {id}: {}", std::io::Error::from_raw_os_error(-failed)))
    }
}

impl Drop for Printer<'_> {
    fn drop(&mut self) {
        // SAFETY: made by btf_dump__new(), and freed once.
        unsafe { libbpf_sys::btf_dump__free(self.dump) };
    }
}

/// libbpf's call for each piece of text.
unsafe extern "C" fn append(to: *mut c_void, format: *const c_char, args: *mut __va_list_tag) {
    // SAFETY: `to` is the text of `Printer::new`, which nothing else uses meanwhile;
    // format and arguments are libbpf's own, and fit each other.
    let (text, printed) =
        unsafe { (&mut *to.cast::<Vec<u8>>(), vsprintf::vsprintf_raw(format, args)) };
    text.extend(printed.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Builder;
    use libbpf_rs::btf::types::Struct;
    use raext_model::{Classified as _, Kind, Silent};
    use std::cell::Cell;
    use std::fs;
    use std::process::Command;
    use std::rc::Rc;

    /// A kernel with two types.
    const KERNEL: &str = "typedef unsigned long long __u64; typedef unsigned int __u32;
        typedef unsigned char __u8; typedef long long __s64;
        struct cgroup { __u64 id; __u32 level; __u8 dead; __s64 left; }; struct cgroup cgroup;";

    fn kernel(dir: &Path) -> KernelTypes {
        let (source, btf) = (dir.join("kernel.c"), dir.join("kernel.o"));
        fs::write(&source, KERNEL).unwrap();
        let mut clang = Command::new(crate::build::c::clang().unwrap());
        clang.args(["-target", "bpf", "-g", "-c"]).arg(&source).arg("-o").arg(&btf);
        assert!(clang.status().unwrap().success());
        KernelTypes { release: "6.12.0-test".into(), btf }
    }

    /// A policy that reads a field of a kernel's type.
    const POLICY: &str = r#"
        #include "vmlinux.h"
        #include "readahead_ext.bpf.h"
        const volatile __u32 limit = 3;
        struct cgroup *unused_cgroup;
        SEC("struct_ops/get_max_ra")
        int RAEXT_CALLBACK(max, struct bpf_fs_readahead_state *s) { return s->ra_pages + limit; }
        RAEXT_POLICY(mine) = { .get_max_ra = (void *)max, .name = "mine" };
    "#;

    #[test]
    fn a_policy_that_includes_the_kernel_s_types_gets_those_of_the_target() {
        let dir = tempfile::tempdir().unwrap();
        let (types, asked) = (kernel(dir.path()), Rc::new(Cell::new(0)));
        let source = dir.path().join("src/mine.bpf.c");
        fs::create_dir(dir.path().join("src")).unwrap();
        fs::write(&source, POLICY).unwrap();
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let builder = Builder::new(root, dir.path(), Rc::new(Silent));
        let error = builder.build(&source, dir.path()).unwrap_err().to_string();
        assert!(error.contains("'vmlinux.h' file not found"), "{error}");
        let counted = asked.clone();
        let builder = builder.for_kernel(Rc::new(move || {
            counted.set(counted.get() + 1);
            Ok(types.clone())
        }));
        let object = builder.build(&source, dir.path()).unwrap();
        let btf = Btf::from_path(&object).unwrap();
        let cgroup = btf.type_by_name::<Struct<'_>>("cgroup").unwrap();
        assert_eq!((cgroup.iter().count(), asked.get()), (4, 1));
        let made = dir.path().join("bpf/vmlinux/6.12.0-test/vmlinux.h");
        let text = fs::read_to_string(&made).unwrap();
        assert!(text.starts_with(BEGIN) && text.ends_with(END), "{text}");
        // The author's own is not replaced.
        fs::copy(&made, source.with_file_name(NAME)).unwrap();
        builder.build(&source, dir.path()).unwrap();
        assert_eq!(asked.get(), 1);
    }

    #[test]
    fn a_kernel_without_types_is_the_environment_s_fault() {
        let dir = tempfile::tempdir().unwrap();
        let btf = dir.path().join("vmlinux");
        fs::write(&btf, "nothing").unwrap();
        let error = make(&KernelTypes { release: "6.12".into(), btf }, dir.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Environment);
        assert!(error.to_string().contains("cannot be made of its BTF"), "{error}");
    }
}
