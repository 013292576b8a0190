// SPDX-License-Identifier: GPL-2.0-only
//! Random readers beside a program.

use super::content::{BLOCK, Sum, is_block, mix};
use super::{Map, ToolError};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const USAGE: &str = "beside read|map THREADS READS FILE SEED LIMIT_MS PROGRAM ARGUMENTS...";
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
/// device to the other. After the limit, unless it is 0, both are stopped, and what
/// they have done until then is told.
pub(super) fn command(arguments: &[String]) -> Result<String, ToolError> {
    let usage = || ToolError::usage(USAGE);
    let [how, threads, reads, path, seed, limit, program, arguments @ ..] = arguments else {
        return Err(usage());
    };
    let number = |text: &str| text.parse::<u64>().map_err(|_| usage());
    let (threads, reads, seed) = (number(threads)?, number(reads)?, number(seed)?);
    let limit = Some(number(limit)?).filter(|ms| *ms > 0).map(Duration::from_millis);
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
    let stopped = AtomicBool::new(false);
    let child = Mutex::new(None::<Child>);
    // Returns when it began its share, how much of it it did, and when that was.
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
        let goes_on = |_: &u64| !stopped.load(Ordering::Relaxed);
        let done = (0..reads / threads).take_while(goes_on).map(|_| next()).count() as u64;
        (start, done, Instant::now())
    };
    let (all_done, waiting) = mpsc::channel::<()>();
    let (stop, kept) = (&stopped, &child);
    let stopper = move || {
        let timeout = Err(mpsc::RecvTimeoutError::Timeout);
        if limit.is_some_and(|limit| waiting.recv_timeout(limit) == timeout) {
            stop.store(true, Ordering::Relaxed);
            if let Some(child) = &mut *locked(kept) {
                // Its output ends with it.
                let _ = child.kill();
            }
        }
    };
    let (outcome, start, ended, readers) = thread::scope(|scope| {
        let reader = &reader;
        let threads: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || reader(thread))).collect();
        begun.wait();
        let start = Instant::now();
        scope.spawn(stopper);
        let outcome = summed(Path::new(program), arguments, &child, &stopped);
        let ended = Instant::now();
        let readers: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
        drop(all_done);
        (outcome, start, ended, readers)
    });
    let (sum, bytes) = outcome?;
    let wrong = wrong.load(Ordering::Relaxed);
    if wrong > 0 || readers.len() as u64 != threads {
        return Err(ToolError(format!("{wrong} blocks of {} were wrong", path.display())));
    }
    // They may be at work, or even done, before this thread goes on.
    let first = readers.iter().map(|(start, ..)| *start).min().unwrap_or(start);
    let last = readers.iter().map(|(.., end)| *end).max().unwrap_or(start);
    Ok(format!(
        "reads {} readers {} program {} bytes {bytes} sum {} stopped {}",
        readers.iter().map(|(_, done, _)| done).sum::<u64>(),
        (last - first).as_nanos(),
        (ended - start).as_nanos(),
        sum.text(),
        u8::from(stopped.load(Ordering::Relaxed)),
    ))
}

/// Run a program, with the sum and the length of what it prints. Others can end it
/// where it is kept, if they have said before that it is stopped.
fn summed(
    program: &Path,
    arguments: &[String],
    kept: &Mutex<Option<Child>>,
    stopped: &AtomicBool,
) -> Result<(Sum, u64), ToolError> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(ToolError::io("run", program))?;
    let (mut sum, mut bytes) = (Sum::default(), 0);
    let mut buffer = vec![0; PORTION];
    let output = child.stdout.take();
    *locked(kept) = Some(child);
    if let Some(mut output) = output {
        while !stopped.load(Ordering::Relaxed) {
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
    let Some(mut child) = locked(kept).take() else { unreachable!("it was just kept") };
    let stopped = stopped.load(Ordering::Relaxed);
    if stopped {
        // It may have ended by itself meanwhile.
        let _ = child.kill();
    }
    let status = child.wait().map_err(ToolError::io("wait for", program))?;
    if stopped || status.success() {
        return Ok((sum, bytes));
    }
    Err(ToolError(format!("{} ended with {status}", program.display())))
}

fn locked(child: &Mutex<Option<Child>>) -> MutexGuard<'_, Option<Child>> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
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
            command(&[how, "2", "11", path, seed, "0", "sh", "-c", script].map(str::to_owned))
        };
        for how in ["read", "map"] {
            let said = beside(how, "7", "printf 0123456789; sleep 0.05").unwrap();
            let words: Vec<_> = said.split(' ').collect();
            let ["reads", "10", "readers", readers, "program", program, "bytes", "10", ..] =
                words[..]
            else {
                panic!("{said}")
            };
            let (_, sum) = said.split_once("sum").unwrap();
            assert!(sum.ends_with("stopped 0"), "{said}");
            assert!(readers.parse::<u64>().unwrap() > 0, "{said}");
            assert!(program.parse::<u64>().unwrap() >= 50_000_000, "{said}");
            assert!(beside(how, "7", "printf 0123456789").unwrap().ends_with(sum));
            assert!(beside(how, "8", "true").unwrap_err().0.contains("were wrong"));
            assert!(beside(how, "7", "exit 3").unwrap_err().0.contains("status: 3"));
        }
        assert!(beside("guess", "7", "true").is_err());
    }

    #[test]
    fn what_was_done_until_the_limit_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let path = path.to_str().unwrap();
        fill_command(&[path, "1", "7"].map(str::to_owned)).unwrap();
        let many = (u64::MAX / 4).to_string();
        let words = ["read", "2", &many, path, "7", "50", "sh", "-c"].map(str::to_owned);
        let said = |script: &str| {
            let said = command(&[&words[..], &[script.to_owned()]].concat()).unwrap();
            assert!(said.ends_with("stopped 1"), "{said}");
            let words: Vec<_> = said.split(' ').map(str::to_owned).collect();
            assert!((1..u64::MAX / 4).contains(&words[1].parse().unwrap()), "{said}");
            words[7].clone()
        };
        // It says little, and would go on for long; it never ends to say something.
        assert_eq!(said("printf 0123456789; exec sleep 1000"), "10");
        assert!(said("while :; do echo 0123456789; done").parse::<u64>().unwrap() > 0);
        // It has ended long before.
        assert_eq!(said("printf 0123456789"), "10");
    }
}
