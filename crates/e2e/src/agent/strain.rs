// SPDX-License-Identifier: GPL-2.0-only
//! Everything at once: a worker in a small cgroup uses files in every way,
//! policies come, take each other's place and go, and the module is removed and
//! loaded.
//!
//! Module and policies do not wait for each other: the removal is tried until
//! no policy happens to be attached, and an attachment may find the module gone
//! at any step. It then fails, which is no failure if the module did go.

use crate::agent::policy::swap;
use crate::agent::stress::Ground;
use crate::agent::unload::unload_ours;
use crate::agent::worker::{Job, Order, Word, Worker};
use crate::agent::{cgroup, kmsg};
use crate::requests::{StressReport, StressSpec};
use raext_bpf::load::Attached;
use raext_guest::parts::{self, Cgroup, Context, decisions, detach, load_for, load_ours};
use raext_model::{Failure, LoadOutcome, Placement};
use rustix::process::setpriority_process;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

const CGROUP: &str = "raext-stress";
/// How long a policy decides: each time another multiple of it.
const DECIDES_FOR: Duration = Duration::from_millis(150);
/// How long the module stays, and how long it stays away.
const STAYS_FOR: Duration = Duration::from_secs(5);
const AWAY_FOR: Duration = Duration::from_millis(30);
/// The nice value of those who come and go; the load has 0.
const PRIORITY: i32 = -15;

/// What comes and goes, as counted by the two threads that do it.
#[derive(Default)]
struct Comings {
    end: AtomicBool,
    attached: AtomicU64,
    swaps: AtomicU64,
    raced: AtomicU64,
    decisions: AtomicU64,
    removed: AtomicU64,
    /// One more with each removal that is tried and each that is over: odd
    /// while the module may be gone.
    epoch: AtomicU64,
}

/// Do it.
///
/// # Errors
/// When a step fails that must not.
pub(super) fn run(
    spec: &StressSpec,
    progress: &mut dyn FnMut(&str),
) -> Result<StressReport, Failure> {
    if spec.policies.is_empty() || spec.fs == raext_model::Fs::Raw {
        return Err(Failure {
            what: "strain the kernel".into(),
            why: "it takes at least one policy, and a file system".into(),
        });
    }
    progress(&format!("making the files on {}", spec.fs));
    load_for(spec.fs.name())?;
    let ground = Ground::new(spec.fs, spec.seed).context(|| "set up the device".into())?;
    let memory = u64::from(spec.memory_mib) << 20;
    let group = Cgroup::make(CGROUP, Some(memory)).context(|| "make a cgroup".into())?;
    let job = Job::Stress { fs: spec.fs, seed: spec.seed };
    let mut worker = Worker::start(&Order { cgroup: Some(CGROUP.into()), job })?;
    let comings = Comings::default();
    let cgroup_id = cgroup::id(&group).context(|| "number the cgroup".into())?;
    let placement = Placement { cgroup_id, ..Placement::default() };
    let (report, policies, module) = thread::scope(|scope| {
        let policies =
            scope.spawn(|| comings.whole(|| comings.policies(&spec.policies, &placement)));
        let module = scope.spawn(|| comings.whole(|| comings.module()));
        let report = supervise(spec, &mut worker, &group, &comings, progress);
        comings.end.store(true, Ordering::Relaxed);
        (report, policies.join(), module.join())
    });
    for thread in [policies, module] {
        // What stopped the others is the cause, not what came of it.
        thread.unwrap_or_else(|_| Err(panicked()))?;
    }
    let events = |name| group.memory_events(name).context(|| "read the cgroup's events".into());
    if events("oom_kill")? > 0 {
        let kernel = kmsg::since("invoked oom-killer")?.join("\n");
        let why = format!(
            "{} MiB are too little for the cgroup on {}, the kernel says:\n{kernel}",
            spec.memory_mib, spec.fs
        );
        return Err(Failure { what: "use files".into(), why });
    }
    let mut report = report?;
    report.limit_hits = events("max")?;
    worker.wait()?;
    group.remove().context(|| "remove the cgroup".into())?;
    drop(ground);
    report.attach_cycles = comings.attached.load(Ordering::Relaxed);
    report.swaps = comings.swaps.load(Ordering::Relaxed);
    report.attach_raced = comings.raced.load(Ordering::Relaxed);
    report.module_cycles = comings.removed.load(Ordering::Relaxed);
    report.decisions = comings.decisions.load(Ordering::Relaxed);
    Ok(report)
}

fn panicked() -> Failure {
    Failure { what: "come and go".into(), why: "a thread panicked".into() }
}

/// Listen to the worker, and end it when it is time.
fn supervise(
    spec: &StressSpec,
    worker: &mut Worker,
    cgroup: &Cgroup,
    comings: &Comings,
    progress: &mut dyn FnMut(&str),
) -> Result<StressReport, Failure> {
    let start = Instant::now();
    loop {
        match worker.next()? {
            Some(Word::Stress(report)) => return Ok(report),
            Some(Word::Progress(text)) => progress(&format!("{text}, {}", comings.text())),
            Some(Word::Failed(failure)) => return Err(failure),
            Some(other) => {
                let why = format!("it said {other:?}");
                return Err(Failure { what: "listen to a worker".into(), why });
            }
            None => return Err(worker.lost()),
        }
        let enough = start.elapsed() >= Duration::from_secs(spec.seconds.into())
            && comings.had_all(spec.policies.len() as u64)
            && comings.removed.load(Ordering::Relaxed) > 0
            && comings.decisions.load(Ordering::Relaxed) > 0
            && cgroup.memory_events("max").is_ok_and(|hits| hits > 0);
        if enough || comings.end.load(Ordering::Relaxed) {
            worker.finish();
        }
    }
}

impl Comings {
    /// The whole of a thread's work, whose failure ends the other's. It goes before
    /// the worker's threads: the verifier takes seconds where it takes turns with
    /// them, and then there is more of load than of coming and going.
    fn whole(&self, work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        // Without a process it is the calling thread's.
        let outcome = setpriority_process(None, PRIORITY)
            .context(|| "go before the load".into())
            .and_then(|()| work());
        self.end.store(true, Ordering::Relaxed);
        outcome
    }

    fn goes_on(&self) -> bool {
        !self.end.load(Ordering::Relaxed)
    }

    /// Whether each policy was attached once: three are in the first cycle, one
    /// more in each that follows.
    fn had_all(&self, policies: u64) -> bool {
        let cycles = self.attached.load(Ordering::Relaxed);
        cycles > 0 && cycles + 2 >= policies
    }

    fn text(&self) -> String {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        format!(
            "{} times policies came and went, {} times the module, {} decisions",
            of(&self.attached),
            of(&self.removed),
            of(&self.decisions)
        )
    }

    /// One for all, another for the cgroup, a third in the place of the first.
    fn policies(&self, objects: &[String], cgroup: &Placement) -> Result<(), Failure> {
        let object = |turn: usize| objects[turn % objects.len()].as_str();
        for turn in 0.. {
            if !self.goes_on() {
                break;
            }
            let epoch = self.epoch.load(Ordering::SeqCst);
            let mut first = match attach(object(turn), &Placement::default()) {
                Ok(attached) => attached,
                Err(_) if epoch % 2 == 1 || epoch != self.epoch.load(Ordering::SeqCst) => {
                    self.raced.fetch_add(1, Ordering::Relaxed);
                    sleep(Duration::from_millis(5));
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            // From here on the module is held: nothing may fail.
            let decides_for = DECIDES_FOR * (1 + turn as u32 % 4);
            sleep(decides_for);
            let second = attach(object(turn + 1), cgroup)?;
            sleep(decides_for);
            self.decisions.fetch_add(decisions(), Ordering::Relaxed);
            let outcome = swap(&mut first, object(turn + 2), &BTreeMap::new())?;
            if !outcome.accepted {
                return Err(refused(object(turn + 2), &outcome));
            }
            self.swaps.fetch_add(1, Ordering::Relaxed);
            sleep(decides_for);
            detach(first)?;
            sleep(decides_for);
            detach(second)?;
            self.attached.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn module(&self) -> Result<(), Failure> {
        loop {
            let since = Instant::now();
            while since.elapsed() < STAYS_FOR {
                if !self.goes_on() {
                    return Ok(());
                }
                sleep(Duration::from_millis(20));
            }
            while self.goes_on() {
                self.epoch.fetch_add(1, Ordering::SeqCst);
                // In use most of the time.
                let removed = unload_ours().is_ok();
                if removed {
                    sleep(AWAY_FOR);
                    load_ours()?;
                    self.removed.fetch_add(1, Ordering::Relaxed);
                }
                self.epoch.fetch_add(1, Ordering::SeqCst);
                if removed {
                    break;
                }
                sleep(Duration::from_millis(2));
            }
        }
    }
}

fn attach(object: &str, placement: &Placement) -> Result<Attached, Failure> {
    parts::attach(object, &BTreeMap::new(), placement)?.map_err(|outcome| refused(object, &outcome))
}

fn refused(object: &str, outcome: &LoadOutcome) -> Failure {
    Failure { what: format!("attach {object}"), why: format!("it was refused:\n{}", outcome.log) }
}
