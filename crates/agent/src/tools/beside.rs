// SPDX-License-Identifier: GPL-2.0-only
//! Random readers beside a program.

use super::content::{BLOCK, Sum, is_block, mix};
use super::{Map, ToolError};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

const USAGE: &str = "beside read|map THREADS READS FILE SEED PROGRAM ARGUMENTS...";
/// How much of the program's output is taken at once.
const PORTION: usize = 256 << 10;

/// How a reader reads.
enum How {
    /// `pread()` of a block.
    Read(File),
    /// Through a mapping.
    Map(Map),
}

impl How {
    /// Whether the block is the right one.
    fn block(&self, seed: u64, index: u64) -> bool {
        let at = index * BLOCK as u64;
        match self {
            Self::Read(file) => {
                let mut block = [0; BLOCK];
                file.read_exact_at(&mut block, at).is_ok() && is_block(seed, index, &block)
            }
            Self::Map(map) => is_block(seed, index, &map.bytes()[at as usize..][..BLOCK]),
        }
    }
}

/// Run the program once every reader has read its first block. The work of both
/// sides is fixed, and each is timed by itself: whoever ends first leaves the
/// device to the other.
pub fn command(arguments: &[String]) -> Result<String, ToolError> {
    let usage = || ToolError::usage(USAGE);
    let [how, threads, reads, path, seed, program, arguments @ ..] = arguments else {
        return Err(usage());
    };
    let number = |text: &str| text.parse::<u64>().map_err(|_| usage());
    let (threads, reads, seed) = (number(threads)?, number(reads)?, number(seed)?);
    let path = Path::new(path);
    let file = File::open(path).map_err(ToolError::io("open", path))?;
    let blocks = file.metadata().map_err(ToolError::io("look at", path))?.len() / BLOCK as u64;
    if blocks == 0 || threads == 0 {
        return Err(usage());
    }
    let how = match &**how {
        "read" => How::Read(file),
        "map" => How::Map(Map::new(path)?),
        _ => return Err(usage()),
    };
    let wrong = AtomicU64::new(0);
    let begun = Barrier::new(threads as usize + 1);
    // Returns when it began its share and when it had done it.
    let reader = |thread: u64| {
        let mut at = mix(thread);
        let mut next = || {
            at = mix(at);
            if !how.block(seed, at % blocks) {
                wrong.fetch_add(1, Ordering::Relaxed);
            }
        };
        next();
        begun.wait();
        let start = Instant::now();
        (0..reads / threads).for_each(|_| next());
        (start, Instant::now())
    };
    let (outcome, start, ended, readers) = thread::scope(|scope| {
        let reader = &reader;
        let threads: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || reader(thread))).collect();
        begun.wait();
        let start = Instant::now();
        let outcome = summed(Path::new(program), arguments);
        let ended = Instant::now();
        let readers: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
        (outcome, start, ended, readers)
    });
    let (sum, bytes) = outcome?;
    let wrong = wrong.load(Ordering::Relaxed);
    if wrong > 0 || readers.len() as u64 != threads {
        return Err(ToolError(format!("{wrong} blocks of {} were wrong", path.display())));
    }
    // They may be at work, or even done, before this thread goes on.
    let first = readers.iter().map(|(start, _)| *start).min().unwrap_or(start);
    let last = readers.iter().map(|(_, end)| *end).max().unwrap_or(start);
    Ok(format!(
        "reads {} readers {} program {} bytes {bytes} sum {}",
        reads / threads * threads,
        (last - first).as_nanos(),
        (ended - start).as_nanos(),
        sum.text()
    ))
}

/// Run a program, with the sum and the length of what it prints.
fn summed(program: &Path, arguments: &[String]) -> Result<(Sum, u64), ToolError> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(ToolError::io("run", program))?;
    let (mut sum, mut bytes) = (Sum::default(), 0);
    let mut buffer = vec![0; PORTION];
    if let Some(output) = &mut child.stdout {
        loop {
            // Whole portions: the sum goes by words.
            let mut length = 0;
            while length < PORTION {
                match output.read(&mut buffer[length..]) {
                    Ok(0) => break,
                    Ok(more) => length += more,
                    Err(error) => return Err(ToolError::io("read from", program)(error)),
                }
            }
            sum.add(&buffer[..length]);
            bytes += length as u64;
            if length < PORTION {
                break;
            }
        }
    }
    let status = child.wait().map_err(ToolError::io("wait for", program))?;
    if status.success() {
        return Ok((sum, bytes));
    }
    Err(ToolError(format!("{} ended with {status}", program.display())))
}

#[cfg(test)]
mod tests {
    use super::super::content::fill_command;
    use super::*;

    #[test]
    fn both_sides_do_their_work() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let path = path.to_str().unwrap();
        fill_command(&[path, "1", "7"].map(str::to_owned)).unwrap();
        let beside = |how: &str, seed: &str, script: &str| {
            command(&[how, "2", "11", path, seed, "sh", "-c", script].map(str::to_owned))
        };
        for how in ["read", "map"] {
            let said = beside(how, "7", "printf 0123456789; sleep 0.05").unwrap();
            let words: Vec<_> = said.split(' ').collect();
            let ["reads", "10", "readers", readers, "program", program, "bytes", "10", "sum", sum] =
                words[..]
            else {
                panic!("{said}")
            };
            assert!(readers.parse::<u64>().unwrap() > 0, "{said}");
            assert!(program.parse::<u64>().unwrap() >= 50_000_000, "{said}");
            assert!(beside(how, "7", "printf 0123456789").unwrap().ends_with(sum));
            assert!(beside(how, "8", "true").unwrap_err().0.contains("were wrong"));
            assert!(beside(how, "7", "exit 3").unwrap_err().0.contains("status: 3"));
        }
        assert!(beside("guess", "7", "true").is_err());
    }
}
