// SPDX-License-Identifier: GPL-2.0-only
//! Whether a file is a kernel that QEMU can boot: asked before QEMU is, whose
//! own answer to a file of any other kind is to hang in its firmware.

use crate::machine::VmError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Enough for the boot sector's header.
const HEAD: u64 = 0x300;

/// Accept an x86-64 bzImage or ELF kernel.
pub(super) fn check(path: &Path) -> Result<(), VmError> {
    let unreadable = |source| VmError::KernelUnreadable { path: path.to_owned(), source };
    let mut head = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(HEAD).read_to_end(&mut head).map_err(unreadable)?;
    refusal(&head).map_or(Ok(()), |why| Err(VmError::NotAKernel { path: path.to_owned(), why }))
}

/// Why these first bytes of a file are not a kernel's.
fn refusal(head: &[u8]) -> Option<&'static str> {
    const ELF64_LSB_X86_64: [(usize, u8); 4] = [(4, 2), (5, 1), (18, 62), (19, 0)];
    if head.is_empty() {
        return Some("the file is empty");
    }
    if head.starts_with(b"\x7fELF") {
        let right = ELF64_LSB_X86_64.iter().all(|&(at, byte)| head.get(at) == Some(&byte));
        let executable = head.get(16) == Some(&2);
        return (!right || !executable).then_some("an ELF file, but no x86-64 kernel");
    }
    // Documentation/arch/x86/boot.rst: the header's magic, and the flag of a
    // kernel with a 64-bit entry point.
    match head.get(0x202..0x206) {
        Some(b"HdrS") if head.get(0x236).is_some_and(|flags| flags & 1 == 1) => None,
        Some(b"HdrS") => Some("a Linux kernel, but not for x86-64"),
        _ => Some("not a Linux kernel"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_model::{Classified as _, Kind};

    fn bzimage(xloadflags: u8) -> Vec<u8> {
        let mut head = vec![0; 0x300];
        head[0x202..0x206].copy_from_slice(b"HdrS");
        head[0x236] = xloadflags;
        head
    }

    #[test]
    fn kernels_are_told_from_other_files() {
        assert_eq!(refusal(&bzimage(0x3f)), None);
        assert_eq!(refusal(&bzimage(0)), Some("a Linux kernel, but not for x86-64"));
        assert_eq!(refusal(b""), Some("the file is empty"));
        assert_eq!(refusal(b"#!/bin/sh\n"), Some("not a Linux kernel"));
        assert_eq!(refusal(&[0; 0x300]), Some("not a Linux kernel"));
        // This test's own binary: x86-64 ELF, but position independent.
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(refusal(&own[..0x300]), Some("an ELF file, but no x86-64 kernel"));
    }

    #[test]
    fn a_directory_and_a_missing_file_are_unreadable() {
        for path in ["/", "/no/such/kernel"] {
            let error = check(Path::new(path)).unwrap_err();
            assert!(matches!(error, VmError::KernelUnreadable { .. }), "{error}");
            assert_eq!(error.kind(), Kind::Refused);
        }
    }
}
