// SPDX-License-Identifier: GPL-2.0-only
//! Programs that run while the host asks for other things.

use crate::error::Context;
use crate::program::{Running, Streams, not_started};
use crate::table::Host;
use crate::workload::Volume;
use raext_model::{Failure, Output, Program, Ran, Stream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, kill_process};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Where their output is kept.
const OUTPUT: &str = "/run/raext/output";
/// How often the host is told that all is well.
const PULSE: Duration = Duration::from_secs(10);
const PORTION: usize = 64 << 10;

/// Those that were started and not ended by the host.
#[derive(Default)]
pub(crate) struct Background(BTreeMap<u32, Result<Running, Ran>>);

impl Background {
    /// Start one, as number `id`.
    ///
    /// # Errors
    /// When it cannot be started for other reasons than its own.
    pub(crate) fn start(
        &mut self,
        id: u32,
        program: &Program,
        root: &Path,
        volume: Option<&Volume>,
    ) -> Result<u32, Failure> {
        let output = |stream| match program.output {
            Output::Send => {
                fs::create_dir_all(OUTPUT).context(|| format!("make {OUTPUT}"))?;
                let path = output_of(id, stream);
                let file = File::create(&path).context(|| format!("make {}", path.display()))?;
                Ok(Stdio::from(file))
            }
            Output::Discard => Ok(Stdio::null()),
        };
        let (stdout, stderr) = (output(Stream::Stdout)?, output(Stream::Stderr)?);
        let streams = Streams { stdin: Stdio::null(), stdout, stderr };
        let running = Running::start(id, program, root, volume, streams)?;
        self.0.insert(id, running.map_err(not_started));
        Ok(id)
    }

    /// Signal one, wait for it, kill it; then its output and what it came to.
    ///
    /// # Errors
    /// When there is none by that number.
    pub(crate) fn end(
        &mut self,
        id: u32,
        signal: i32,
        within: Duration,
        volume: Option<&Volume>,
        host: &mut dyn Host,
    ) -> Result<Ran, Failure> {
        let what = || format!("end program {id}");
        let none = || Failure { what: what(), why: "there is none in the background".into() };
        let mut running = match self.0.remove(&id).ok_or_else(none)? {
            Ok(running) => running,
            Err(ran) => return Ok(ran),
        };
        if let Some(signal) = Signal::from_named_raw(signal)
            && !running.has_ended()?
        {
            kill_process(running.pid(), signal).context(what)?;
        }
        let until = Instant::now() + within;
        while !running.has_ended()? {
            let until = running.deadline().map_or(until, |deadline| deadline.min(until));
            let wait = until.saturating_duration_since(Instant::now()).min(PULSE);
            let wait = Timespec::try_from(wait).context(what)?;
            let ended = PollFd::from_borrowed_fd(running.descriptor(), PollFlags::IN);
            let _ = poll(&mut [ended], Some(&wait));
            if Instant::now() >= until && !running.has_ended()? {
                running.kill();
            }
            host.progress("waiting for a program's end");
        }
        let left = running.clear_up();
        for stream in [Stream::Stdout, Stream::Stderr] {
            send(host, id, stream)?;
        }
        running.report(volume, left)
    }
}

fn output_of(id: u32, stream: Stream) -> PathBuf {
    let name = match stream {
        Stream::Stdout => "out",
        Stream::Stderr => "err",
    };
    Path::new(OUTPUT).join(format!("{id}.{name}"))
}

/// Send what was kept of an output, and forget it.
fn send(host: &mut dyn Host, id: u32, stream: Stream) -> Result<(), Failure> {
    let path = output_of(id, stream);
    // Nothing was kept where it was not wanted.
    let Ok(mut file) = File::open(&path) else { return Ok(()) };
    let what = || format!("read {}", path.display());
    let _ = fs::remove_file(&path);
    let mut buffer = vec![0; PORTION];
    loop {
        let length = file.read(&mut buffer).context(what)?;
        if length == 0 {
            return Ok(());
        }
        host.output(stream, &buffer[..length])?;
    }
}
