// SPDX-License-Identifier: GPL-2.0-only
//! Where on the device a file's data lies (FIEMAP).

use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

/// `FS_IOC_FIEMAP`: `_IOWR('f', 11, struct fiemap)`, without the array.
const FS_IOC_FIEMAP: libc::Ioctl = 0xc020_660b_u32 as libc::Ioctl;
/// Bring the data to its place first.
const FIEMAP_FLAG_SYNC: u32 = 1;

/// `struct fiemap` with room for one `struct fiemap_extent`.
#[repr(C)]
#[derive(Default)]
struct Fiemap {
    start: u64,
    length: u64,
    flags: u32,
    mapped_extents: u32,
    extent_count: u32,
    reserved: u32,
    logical: u64,
    physical: u64,
    extent_length: u64,
    extent_reserved: [u64; 2],
    extent_flags: u32,
    extent_reserved2: [u32; 3],
}

/// The place on the device of the byte at `offset` of the file.
pub(super) fn device_offset(file: &File, offset: u64) -> io::Result<u64> {
    let mut map = Fiemap {
        start: offset,
        length: 1,
        flags: FIEMAP_FLAG_SYNC,
        extent_count: 1,
        ..Fiemap::default()
    };
    // SAFETY: the structure is the kernel's, with room for the one extent that
    // it is told there is room for.
    if unsafe { libc::ioctl(file.as_raw_fd(), FS_IOC_FIEMAP, &raw mut map) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // Behind the file's end, or in a hole.
    if map.mapped_extents == 0 || !(map.logical..map.logical + map.extent_length).contains(&offset)
    {
        return Err(Errno::NXIO.into());
    }
    Ok(map.physical + (offset - map.logical))
}
