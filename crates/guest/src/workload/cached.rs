// SPDX-License-Identifier: GPL-2.0-only
//! Accesses that need no I/O: what an attached policy costs those who do not
//! need it.

use crate::workload::StageError;
use crate::workload::data::verify;
use crate::workload::error::Context as _;
use crate::workload::target::{Mapping, Target, cpu_time};
use raext_model::{CachedAccess, Passed};
use std::fs::File;
use std::io::Read as _;
use std::time::Instant;

/// How much of the file a pass reads at most, bytes.
const CACHED_PASS: u64 = 64 << 20;
const CACHED_READ: usize = 64 << 10;
const PAGE: usize = 4096;

/// Passes over the file's first 64 MiB, after two that bring its pages and pass
/// the marks that those have left.
///
/// # Errors
/// When an access fails or, in the first pass, brings wrong data.
pub(super) fn passes(
    target: &Target,
    access: CachedAccess,
    passes: u32,
) -> Result<Vec<Passed>, StageError> {
    // Whole reads only.
    let len = target.data_bytes.min(CACHED_PASS) / CACHED_READ as u64 * CACHED_READ as u64;
    read(target, len, true)?;
    read(target, len, false)?;
    let pass = |_| match access {
        CachedAccess::Read => read(target, len, false),
        CachedAccess::Fault => fault(target, len as usize, false),
        CachedAccess::WriteFault => fault(target, len as usize, true),
    };
    (0..passes).map(pass).collect()
}

fn read(target: &Target, len: u64, check: bool) -> Result<Passed, StageError> {
    let path = &target.path;
    let mut file = File::open(path).at("opening", path)?;
    let mut buffer = vec![0xa5; CACHED_READ];
    let (start, cpu) = (Instant::now(), cpu_time());
    let mut at = 0;
    while at < len {
        file.read_exact(&mut buffer).at("reading", path)?;
        if check {
            verify(at, &buffer)?;
        }
        at += CACHED_READ as u64;
    }
    Ok(Passed {
        ns: start.elapsed().as_nanos() as u64,
        cpu_ns: (cpu_time() - cpu).as_nanos() as u64,
        ops: len / CACHED_READ as u64,
    })
}

/// Touch every page of a new mapping. A page that is written gets a fault, and a
/// copy, of its own; pages that are read are mapped by sixteens.
fn fault(target: &Target, len: usize, write: bool) -> Result<Passed, StageError> {
    let path = &target.path;
    let file = File::open(path).at("opening", path)?;
    let mut map = if write { Mapping::private(&file, len) } else { Mapping::new(&file, len) }
        .at("mapping", path)?;
    let (start, cpu) = (Instant::now(), cpu_time());
    for at in (0..len).step_by(PAGE) {
        if write {
            map.scribble(at);
        } else {
            map.touch(at);
        }
    }
    Ok(Passed {
        ns: start.elapsed().as_nanos() as u64,
        cpu_ns: (cpu_time() - cpu).as_nanos() as u64,
        ops: (len / PAGE) as u64,
    })
}
