// SPDX-License-Identifier: GPL-2.0-only
//! A mapping of a file that may become shorter than it.
//!
//! Touching a page behind the end of the file ends the process (SIGBUS). So
//! pages of such a file are touched by the kernel, which copies them for us:
//! for it, the same fault is the error EFAULT.

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};
use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;

/// A shared mapping.
#[derive(Debug)]
pub(super) struct Map {
    start: *mut u8,
    len: usize,
}

impl Map {
    /// Map `len` bytes of `file`, whether they are there or not.
    pub(super) fn new(file: &File, len: u64, writable: bool) -> rustix::io::Result<Self> {
        let len = len as usize;
        let write = if writable { ProtFlags::WRITE } else { ProtFlags::empty() };
        // SAFETY: a new mapping at an address that the kernel chooses touches
        // nothing that exists.
        let start = unsafe {
            mmap(std::ptr::null_mut(), len, ProtFlags::READ | write, MapFlags::SHARED, file, 0)?
        };
        Ok(Self { start: start.cast(), len })
    }

    /// Read through the mapping, with the faults that this takes. Only for a
    /// file that is never shortened.
    pub(super) fn load(&self, at: u64, to: &mut [u8]) {
        let from = self.place(at, to.len());
        // SAFETY: inside of the mapping, into memory of ours. The file is not
        // changed meanwhile.
        unsafe { std::ptr::copy_nonoverlapping(from, to.as_mut_ptr(), to.len()) };
    }

    /// Write through the mapping, into a file that no other task shortens.
    pub(super) fn store(&mut self, at: u64, from: &[u8]) {
        let to = self.place(at, from.len());
        // SAFETY: inside of the mapping, which is writable. Others only have
        // the kernel read it (`copy`), from mappings of their own.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to, from.len()) };
    }

    /// Have the kernel read through the mapping, by way of the file `scratch`.
    /// Returns how many bytes there are before one that cannot be read.
    pub(super) fn copy(&self, at: u64, to: &mut [u8], scratch: &File) -> io::Result<usize> {
        let from = self.place(at, to.len());
        // SAFETY: inside of the mapping, which the kernel only reads; what it
        // cannot read is an error to it.
        let n = unsafe { libc::pwrite(scratch.as_raw_fd(), from.cast(), to.len(), 0) };
        let n = match usize::try_from(n) {
            Ok(n) => n,
            Err(_) => match io::Error::last_os_error() {
                error if error.raw_os_error() == Some(Errno::FAULT.raw_os_error()) => 0,
                error => return Err(error),
            },
        };
        scratch.read_exact_at(&mut to[..n], 0)?;
        Ok(n)
    }

    /// `madvise()` for whole pages.
    pub(super) fn advise(&self, at: u64, len: usize, advice: Advice) -> rustix::io::Result<()> {
        let place: *mut c_void = self.place(at, len).cast();
        // SAFETY: inside of the mapping; of a shared mapping of a file, no
        // advice that is given here loses anything but pages of the cache or
        // parts of the file, of which no reference is ever held.
        unsafe { madvise(place, len, advice) }
    }

    fn place(&self, at: u64, len: usize) -> *mut u8 {
        let at = at as usize;
        assert!(at + len <= self.len, "outside of the mapping");
        // SAFETY: inside of the mapping.
        unsafe { self.start.add(at) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and there are no references into it.
        let _ = unsafe { munmap(self.start.cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_the_end_is_no_end_of_the_process() {
        let (file, scratch) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        file.write_all_at(&[7; 4096], 0).unwrap();
        let mut map = Map::new(&file, 16384, true).unwrap();
        let mut buffer = [1; 8192];
        assert_eq!(map.copy(0, &mut buffer, &scratch).unwrap(), 4096);
        assert_eq!(buffer[..4096], [7; 4096]);
        assert_eq!(map.copy(8192, &mut buffer, &scratch).unwrap(), 0);
        map.store(8, &[9; 8]);
        map.load(0, &mut buffer[..24]);
        assert_eq!(buffer[..24], [[7; 8], [9; 8], [7; 8]].concat());
    }
}
