// SPDX-License-Identifier: GPL-2.0-only
//! `raext bench`: what an attached policy costs a read that needs no I/O.

use crate::args::BenchArgs;
use crate::policy;
use crate::steps::Steps;
use anyhow::Result;
use raext_engine::{Engine, GuestObject};
use raext_proto::{Device, DeviceProfile, Fs};
use std::collections::BTreeMap;

const GUEST_OBJECT: &str = "/policy.bpf.o";
const DATA_BYTES: u64 = 64 << 20;
/// Passes each side makes before the other one's turn.
const BLOCK: u32 = 10;

/// Measure and print.
pub fn run(args: &BenchArgs, steps: &Steps) -> Result<()> {
    let step = |text: &str| steps.step(text);
    let object = policy::object(&args.policy, &step)?;
    let files = vec![GuestObject {
        guest: GUEST_OBJECT.into(),
        host: object.path().to_path_buf(),
        executable: false,
    }];
    let mut engine = Engine::start(&args.kernel.choice(), files, &[], &step)?;
    engine.set_up(
        Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: DATA_BYTES },
        &step,
    )?;
    let ratios = measure(&mut engine, args.pairs, steps)?;
    let (release, accelerator) = (engine.release().to_owned(), engine.accelerator());
    engine.stop()?;
    steps.finish();
    print(&args.policy, &ratios, &format!("kernel {release}, {accelerator}"));
    Ok(())
}

/// Time with the policy over time without, a pair of blocks of passes each.
fn measure(engine: &mut Engine, pairs: u32, steps: &Steps) -> Result<Vec<f64>> {
    let step = |text: &str| steps.step(text);
    steps.count("cached passes", u64::from(pairs));
    let mut ratios = Vec::new();
    for pair in 0..pairs {
        let mut with = 0;
        let mut without = 0;
        // Who goes first changes, so that a drift of the machine cancels out.
        for attached in [pair % 2 == 0, pair % 2 != 0] {
            if attached {
                engine.attach(GUEST_OBJECT, &BTreeMap::new(), &step)?;
                with = fastest(&engine.cached_passes(BLOCK, &step)?);
                engine.detach(&step)?;
            } else {
                without = fastest(&engine.cached_passes(BLOCK, &step)?);
            }
        }
        ratios.push(with as f64 / without as f64);
        steps.part(&format!("pair {}", pair + 1));
    }
    Ok(ratios)
}

/// The pass that was disturbed least.
fn fastest(ns: &[u64]) -> u64 {
    ns.iter().copied().min().unwrap_or(0)
}

fn print(policy: &str, ratios: &[f64], where_: &str) {
    let mut sorted = ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |q: f64| sorted[((sorted.len() - 1) as f64 * q).round() as usize];
    let percent = |ratio: f64| (ratio - 1.0) * 100.0;
    println!("fully cached sequential read, {policy} attached against none ({where_})");
    println!(
        "  median {:+.2} %   quartiles {:+.2} % .. {:+.2} %   range {:+.2} % .. {:+.2} %   {} pairs \
         of {BLOCK} passes over {} MiB",
        percent(at(0.5)),
        percent(at(0.25)),
        percent(at(0.75)),
        percent(at(0.0)),
        percent(at(1.0)),
        sorted.len(),
        DATA_BYTES >> 20
    );
}
