// SPDX-License-Identifier: GPL-2.0-only
//! A file system in user space with one file of zeros, by the kernel's own protocol
//! (`include/uapi/linux/fuse.h`): what a library would not let a test choose is
//! which features it offers, and when it answers.

use crate::requests::Served;
use raext_guest::parts::{PAGE, StageContext as _, StageError};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const POINT: &str = "/mnt/raext-fuse";
const FILE_NAME: &[u8] = b"data\0";
const ROOT: u64 = 1;
const FILE: u64 = 2;

// Operations.
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const RELEASE: u32 = 18;
const INIT: u32 = 26;
const BATCH_FORGET: u32 = 42;

const FUSE_ASYNC_READ: u32 = 1;
/// No `FLUSH` when the file is closed: the server may be gone by then.
const FOPEN_NOFLUSH: u32 = 1 << 5;
/// More than any test asks for: what is held back here is not seen by the server.
const MAX_BACKGROUND: u16 = 4096;
const HEADER: usize = 40;

/// What server and steps share.
#[derive(Default)]
pub(super) struct Shared {
    /// Where the file is mapped, if it is, and how long the mapping is.
    pub mapped: Mutex<Option<(usize, usize)>>,
    /// First byte of each read that the server was asked for.
    reads: Mutex<Vec<u64>>,
}

impl Shared {
    /// Reads that began in these pages.
    pub(super) fn reads_in(&self, page: u64, pages: u64) -> i64 {
        let reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        reads.iter().filter(|&&at| (page..page + pages).contains(&(at / PAGE))).count() as i64
    }
}

/// Mount it, and serve it in a thread until it is unmounted.
///
/// # Errors
/// When the kernel refuses it.
pub(super) fn serve(served: Served, shared: &Arc<Shared>) -> Result<(), StageError> {
    let path = Path::new("/dev/fuse");
    let device = open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).at("opening", path)?;
    let device = File::from(device);
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
    let options = CString::new(options).map_err(std::io::Error::other).at("mounting", path)?;
    fs::create_dir_all(POINT).at("making", Path::new(POINT))?;
    mount("raext", POINT, "fuse", MountFlags::empty(), options.as_c_str())
        .at("mounting", Path::new(POINT))?;
    let shared = Arc::clone(shared);
    thread::spawn(move || Server { device, served, shared, first: None }.run());
    Ok(())
}

/// End it, whatever waits for it.
pub(super) fn abort() {
    // It is not mounted, as a rule.
    let _ = unmount(POINT, UnmountFlags::FORCE | UnmountFlags::DETACH);
}

struct Server {
    device: File,
    served: Served,
    shared: Arc<Shared>,
    /// When the first read came that is answered late.
    first: Option<Instant>,
}

impl Server {
    fn run(mut self) {
        let mut request = vec![0; (1 << 20) + 4096];
        loop {
            match self.device.read(&mut request) {
                Ok(n) if n >= HEADER => self.answer(&request[..n]),
                // A request that was interrupted meanwhile.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                // Unmounted.
                _ => return,
            }
        }
    }

    fn answer(&mut self, request: &[u8]) {
        let word =
            |at: usize| u32::from_le_bytes(request[at..at + 4].try_into().unwrap_or_default());
        let long =
            |at: usize| u64::from_le_bytes(request[at..at + 8].try_into().unwrap_or_default());
        let (operation, unique, node) = (word(4), long(8), long(16));
        let body = &request[HEADER..];
        let answer = match operation {
            INIT => self.init(word(HEADER + 8)),
            LOOKUP if node == ROOT && body == FILE_NAME => {
                // Number, generation, how long both answers hold.
                let mut entry = words64(&[FILE, 0, u64::MAX >> 2, u64::MAX >> 2, 0]);
                entry.extend(self.attributes(FILE));
                Ok(entry)
            }
            GETATTR => {
                let mut attributes = words64(&[u64::MAX >> 2, 0]);
                attributes.extend(self.attributes(node));
                Ok(attributes)
            }
            OPEN => Ok([words64(&[0]), words(&[FOPEN_NOFLUSH, 0])].concat()),
            RELEASE => Ok(Vec::new()),
            READ => {
                let (offset, length) = (long(HEADER + 8), word(HEADER + 16) as usize);
                self.shared.reads.lock().unwrap_or_else(PoisonError::into_inner).push(offset);
                return self.read(unique, offset / PAGE, length);
            }
            FORGET | BATCH_FORGET => return,
            _ => Err(libc::ENOSYS),
        };
        reply(&self.device, unique, answer);
    }

    fn init(&self, max_readahead: u32) -> Result<Vec<u8>, i32> {
        let flags = if self.served.async_read { FUSE_ASYNC_READ } else { 0 };
        let mut out = words(&[7, 31, max_readahead, flags]);
        out.extend(MAX_BACKGROUND.to_le_bytes());
        out.extend(self.served.congestion_threshold.to_le_bytes());
        // The largest write, and the finest time.
        out.extend(words(&[128 << 10, 1]));
        out.resize(64, 0);
        Ok(out)
    }

    /// `struct fuse_attr`.
    fn attributes(&self, node: u64) -> Vec<u8> {
        let (mode, bytes) = match node {
            FILE => (libc::S_IFREG | 0o644, self.served.pages * PAGE),
            _ => (libc::S_IFDIR | 0o755, PAGE),
        };
        let mut out = words64(&[node, bytes, bytes.div_ceil(512), 0, 0, 0]);
        out.extend(words(&[0, 0, 0, mode, 1, 0, 0, 0, PAGE as u32, 0]));
        out
    }

    fn read(&mut self, unique: u64, page: u64, length: usize) {
        if self.served.maps {
            self.remap();
        }
        let left = if page < self.served.silent_page {
            Duration::ZERO
        } else {
            let first = *self.first.get_or_insert_with(Instant::now);
            let due = first + Duration::from_millis(self.served.silent_ms);
            due.saturating_duration_since(Instant::now())
        };
        let Ok(device) = self.device.try_clone() else { return };
        let answer = move || {
            thread::sleep(left);
            reply(&device, unique, Ok(vec![0; length]));
        };
        if left.is_zero() {
            answer();
        } else {
            thread::spawn(answer);
        }
    }

    /// Replace a page of the process's own mapping of the file: that needs the lock of
    /// the whole address space, and that of the mapping.
    fn remap(&self) {
        let mapped = *self.shared.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((start, length)) = mapped else { return };
        let page = start + length / 4 * 3;
        // SAFETY: the page is of a mapping of this process, which nothing reads there.
        let _: Result<_, Errno> = unsafe {
            mmap_anonymous(
                page as *mut _,
                PAGE as usize,
                ProtFlags::READ,
                MapFlags::PRIVATE | MapFlags::FIXED,
            )
        };
    }
}

fn reply(mut device: &File, unique: u64, answer: Result<Vec<u8>, i32>) {
    let (error, body) = match answer {
        Ok(body) => (0, body),
        Err(number) => (-number, Vec::new()),
    };
    let mut message = words(&[(16 + body.len()) as u32, error.cast_unsigned()]);
    message.extend(unique.to_le_bytes());
    message.extend(body);
    // The reader may be gone.
    let _ = device.write_all(&message);
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn words64(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
