// SPDX-License-Identifier: GPL-2.0-only
//! `raext cost`: the cost of an attached policy for cached accesses, and of each
//! decision.

use crate::args::CostArgs;
use crate::contenders::policy;
use crate::exit::{Exit, Result};
use crate::shown::{flaws, measured};
use crate::steps::Steps;
use raext_measure::experiment::{Contender, MicroVms, Store as _};
use raext_measure::plans::{cost, cost_table};
use std::rc::Rc;

/// Measure and print.
pub(crate) fn run(args: &CostArgs, steps: &Rc<Steps>) -> Result<Exit> {
    let pairs = args.pairs.unwrap_or(if args.time { 40 } else { 7 });
    let kernel = args.kernel.choice();
    let contender = Contender::Policy(policy(&args.policy, &kernel, steps)?);
    let plan = cost(contender, pairs, args.time, kernel);
    let store = measured(plan, MicroVms { counting: !args.time }, steps)?;
    let known = store.known();
    println!(
        "{} attached against none, {}, median of {pairs} pairs (kernel {}, {})\n",
        args.policy,
        if args.time { "nanoseconds" } else { "instructions" },
        known.header.kernel,
        known.boots.last().map_or("", |boot| &boot.accelerator),
    );
    print!("{}", cost_table(known));
    Ok(flaws(known))
}
