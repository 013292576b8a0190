// SPDX-License-Identifier: GPL-2.0-only
//! The header of a bzImage, and the kernel inside it.
//!
//! The layout is the x86 boot protocol (Documentation/arch/x86/boot.rst). The
//! place of the compressed kernel is in its header since protocol 2.08, so the
//! image is not searched for magic numbers, as extract-vmlinux does.

use crate::KernelError;
use crate::codec;
use object::{Object, ObjectSection};
use std::fs::File;
use std::io::Read;
use std::path::Path;

const SETUP_SECTS: usize = 0x1f1;
const MAGIC: usize = 0x202;
const PROTOCOL: usize = 0x206;
const KERNEL_VERSION: usize = 0x20e;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;
/// `kernel_version` counts from here.
const VERSION_BASE: usize = 0x200;
/// The first protocol with the payload's place.
const PROTOCOL_WITH_PAYLOAD: u16 = 0x0208;
/// The real-mode part, where the header and the version are: 64 sectors at most,
/// and the boot sector.
const SETUP_MAX: u64 = 65 * 512;
/// The longest version text that is believed.
const VERSION_MAX: usize = 256;

/// Read the release (`uname -r`) of a bzImage.
///
/// # Errors
/// When the file cannot be read or is no bzImage.
pub fn release_of_image(path: &Path) -> Result<String, KernelError> {
    let setup = read(path, SETUP_MAX)?;
    check(path, &setup)?;
    let wrong = |why: &str| KernelError::not_a_kernel(path, why);
    let at = usize::from(u16_at(&setup, KERNEL_VERSION).ok_or_else(|| wrong("it is cut short"))?);
    if at == 0 {
        return Err(wrong("its header names no version"));
    }
    let text = setup.get(VERSION_BASE + at..).ok_or_else(|| wrong("it is cut short"))?;
    let text = &text[..text.len().min(VERSION_MAX)];
    // "6.12.1-foo (who@where) #1 SMP …", ended by NUL.
    let end = text.iter().position(|&b| b == 0 || b == b' ');
    let release = &text[..end.ok_or_else(|| wrong("its version has no end"))?];
    if release.is_empty() || !release.iter().all(u8::is_ascii_graphic) || release.contains(&b'/') {
        return Err(wrong("its version is not readable"));
    }
    Ok(String::from_utf8_lossy(release).into_owned())
}

/// Take the kernel's BTF out of a bzImage: the bytes of its `.BTF` section,
/// some 5 MB for a distribution's kernel.
///
/// # Errors
/// When the file cannot be read, is no bzImage or is damaged, or the kernel in
/// it was built without BTF.
pub fn carve_btf(path: &Path) -> Result<Vec<u8>, KernelError> {
    let image = read(path, u64::MAX)?;
    let vmlinux = unpack(path, &image)?;
    let no_btf = |why: &str| KernelError::NoBtf { path: path.to_owned(), why: why.to_owned() };
    let elf = object::File::parse(&*vmlinux).map_err(|e| {
        KernelError::not_a_kernel(path, format!("what it unpacks to is no ELF: {e}"))
    })?;
    let section = elf.section_by_name(".BTF").ok_or_else(|| no_btf("no .BTF section"))?;
    let btf = section
        .data()
        .map_err(|e| KernelError::not_a_kernel(path, format!("its .BTF section: {e}")))?;
    if u16_at(btf, 0) != Some(0xeb9f) {
        return Err(no_btf("the .BTF section holds something else"));
    }
    Ok(btf.to_vec())
}

/// The ELF file inside a bzImage.
fn unpack(path: &Path, image: &[u8]) -> Result<Vec<u8>, KernelError> {
    let wrong = |why: String| KernelError::not_a_kernel(path, why);
    let protocol = check(path, image)?;
    if protocol < PROTOCOL_WITH_PAYLOAD {
        return Err(wrong(format!("its boot protocol {protocol:#06x} is too old")));
    }
    let cut = || wrong("it is cut short".into());
    // 0 stands for 4, for the sake of very old loaders.
    let sectors = match *image.get(SETUP_SECTS).ok_or_else(cut)? {
        0 => 4,
        n => usize::from(n),
    };
    let offset = u32_at(image, PAYLOAD_OFFSET).ok_or_else(cut)? as usize;
    let length = u32_at(image, PAYLOAD_LENGTH).ok_or_else(cut)? as usize;
    let start = (sectors + 1) * 512 + offset;
    let payload = image.get(start..start + length).ok_or_else(cut)?;
    // The size of the kernel follows the data, with each compression.
    let size = length.checked_sub(4).and_then(|at| u32_at(payload, at)).ok_or_else(cut)?;
    let vmlinux = codec::decompress(payload, u64::from(size))
        .ok_or_else(|| wrong("its kernel is in an unknown compression".into()))?
        .map_err(|e| wrong(format!("its kernel does not unpack: {e}")))?;
    if vmlinux.len() != size as usize {
        return Err(wrong(format!("it unpacks to {} bytes, not {size}", vmlinux.len())));
    }
    Ok(vmlinux)
}

/// See that this is a bzImage, and which boot protocol it speaks.
fn check(path: &Path, image: &[u8]) -> Result<u16, KernelError> {
    let wrong = |why: &str| Err(KernelError::not_a_kernel(path, why));
    if image.is_empty() {
        return wrong("it is empty");
    }
    if image.starts_with(b"\x7fELF") {
        return wrong("it is an ELF file; give the bzImage (vmlinuz) in place of vmlinux");
    }
    match (image.get(MAGIC..MAGIC + 4), u16_at(image, PROTOCOL)) {
        (Some(b"HdrS"), Some(protocol)) => Ok(protocol),
        _ => wrong("it has no x86 boot header"),
    }
}

/// Read the start of a file that the user gave.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, KernelError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|e| KernelError::not_a_kernel(path, e.to_string()))?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
#[path = "image_tests.rs"]
pub(crate) mod tests;
