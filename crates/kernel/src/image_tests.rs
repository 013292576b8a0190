// SPDX-License-Identifier: GPL-2.0-only
//! Images made by hand, and the errors about them.

use super::*;
use object::write;
use object::{Architecture, BinaryFormat, Endianness, SectionKind};
use raext_model::{Classified as _, Kind};
use std::io::Write;
use std::path::PathBuf;
use tempfile::TempDir;

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    to.write_all(data).unwrap();
    to.finish().unwrap()
}

/// The old format, blocks of 8 MiB and no end mark, as `lz4 -l` makes it and the
/// kernel wants it; the library reads it, but does not write it.
pub(crate) fn lz4(data: &[u8]) -> Vec<u8> {
    let mut out = b"\x02\x21\x4c\x18".to_vec();
    for block in data.chunks(8 << 20) {
        let block = lz4_flex::block::compress(block);
        out.extend(u32::try_from(block.len()).unwrap().to_le_bytes());
        out.extend(block);
    }
    out
}

pub(crate) fn xz(data: &[u8]) -> Vec<u8> {
    let mut to = liblzma::write::XzEncoder::new(Vec::new(), 6);
    to.write_all(data).unwrap();
    to.finish().unwrap()
}

pub(crate) fn zstd(data: &[u8]) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    compress_to_vec(data, CompressionLevel::Fastest)
}

/// An ELF file with one section.
pub(crate) fn elf(section: &str, content: &[u8]) -> Vec<u8> {
    let mut elf = write::Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let id = elf.add_section(Vec::new(), section.into(), SectionKind::ReadOnlyData);
    elf.append_section_data(id, content, 8);
    elf.write().unwrap()
}

/// A bzImage with two setup sectors, whose payload lies 16 bytes into the rest.
pub(crate) fn bzimage(version: &str, payload: &[u8], unpacked: usize) -> Vec<u8> {
    let mut image = vec![0; 3 * 512 + 16];
    image[SETUP_SECTS] = 2;
    image[MAGIC..MAGIC + 4].copy_from_slice(b"HdrS");
    image[PROTOCOL..PROTOCOL + 2].copy_from_slice(&0x020f_u16.to_le_bytes());
    image[KERNEL_VERSION..KERNEL_VERSION + 2].copy_from_slice(&0x200_u16.to_le_bytes());
    image[0x400..0x400 + version.len()].copy_from_slice(version.as_bytes());
    let length = u32::try_from(payload.len() + 4).unwrap();
    image[PAYLOAD_OFFSET..PAYLOAD_OFFSET + 4].copy_from_slice(&16_u32.to_le_bytes());
    image[PAYLOAD_LENGTH..PAYLOAD_LENGTH + 4].copy_from_slice(&length.to_le_bytes());
    image.extend(payload);
    image.extend(u32::try_from(unpacked).unwrap().to_le_bytes());
    image
}

fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vmlinuz");
    std::fs::write(&path, content).unwrap();
    (dir, path)
}

const VERSION: &str = "6.12.117+deb12-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP";
const BTF: &[u8] = b"\x9f\xeb\x01\0 and some types";

#[test]
fn the_release_is_the_first_word_of_the_version() {
    let (_dir, path) = file(&bzimage(VERSION, b"", 0));
    assert_eq!(release_of_image(&path).unwrap(), "6.12.117+deb12-cloud-amd64");
}

#[test]
fn btf_is_carved_out_of_every_compression() {
    let vmlinux = elf(".BTF", BTF);
    for payload in [gzip(&vmlinux), lz4(&vmlinux), xz(&vmlinux), zstd(&vmlinux)] {
        let (_dir, path) = file(&bzimage(VERSION, &payload, vmlinux.len()));
        assert_eq!(carve_btf(&path).unwrap(), BTF);
    }
}

#[test]
fn a_kernel_without_btf_is_named_as_such() {
    for vmlinux in [elf(".rodata", BTF), elf(".BTF", b"no types")] {
        let (_dir, path) = file(&bzimage(VERSION, &gzip(&vmlinux), vmlinux.len()));
        let error = carve_btf(&path).unwrap_err();
        assert!(matches!(error, KernelError::NoBtf { .. }), "{error}");
        assert_eq!(error.kind(), Kind::Refused);
    }
}

fn why(result: Result<impl std::fmt::Debug, KernelError>) -> String {
    match result.unwrap_err() {
        KernelError::NotAKernel { why, .. } => why,
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_no_kernel_is_refused_with_the_reason() {
    let vmlinux = elf(".BTF", BTF);
    for (content, reason) in [
        (&b""[..], "it is empty"),
        (b"#!/bin/sh\n", "it has no x86 boot header"),
        (&[0; 4096], "it has no x86 boot header"),
        (&vmlinux, "it is an ELF file; give the bzImage (vmlinuz) in place of vmlinux"),
    ] {
        let (_dir, path) = file(content);
        assert_eq!(why(release_of_image(&path)), reason);
        assert_eq!(why(carve_btf(&path)), reason);
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(why(release_of_image(dir.path())).contains("directory"));
    assert!(why(carve_btf(&dir.path().join("none"))).contains("No such file"));
}

#[test]
fn a_damaged_image_is_refused_wherever_it_is_cut() {
    let vmlinux = elf(".BTF", BTF);
    let whole = bzimage(VERSION, &gzip(&vmlinux), vmlinux.len());
    for end in (1..whole.len()).step_by(37) {
        let (_dir, path) = file(&whole[..end]);
        why(carve_btf(&path));
        if end < 0x400 {
            why(release_of_image(&path));
        }
    }
    let unreadable = bzimage("6.12/../x", b"", 0);
    let (_dir, path) = file(&unreadable);
    assert_eq!(why(release_of_image(&path)), "its version is not readable");
    let (_dir, path) = file(&bzimage(VERSION, b"BZh9 and more", 100));
    assert_eq!(why(carve_btf(&path)), "its kernel is in an unknown compression");
    let (_dir, path) = file(&bzimage(VERSION, &gzip(b"ab"), 3));
    assert_eq!(why(carve_btf(&path)), "it unpacks to 2 bytes, not 3");
    let (_dir, path) = file(&bzimage(VERSION, &gzip(b"abc"), 3));
    assert!(why(carve_btf(&path)).starts_with("what it unpacks to is no ELF"));
}
