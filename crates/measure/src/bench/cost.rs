// SPDX-License-Identifier: GPL-2.0-only
//! What a decision costs, in instructions, on a machine that counts them: there a
//! nanosecond is an instruction, and the module counts the time in callbacks.

use crate::bench::column::Column;
use crate::bench::measure::{Progress, guest};
use crate::bench::store::CostLine;
use raext_model::{Device, DeviceProfile, Fs, Placement, Request, VERDICTS, Workload};
use raext_vm::{Engine, EngineError, GuestObject, KernelChoice};

const DATA_BYTES: u64 = 64 << 20;

/// Workloads that bring decisions of every kind.
const WORKLOADS: [Workload; 5] = [
    Workload::SeqRead,
    Workload::RandomRead,
    Workload::Stride,
    Workload::MmapSeq,
    Workload::MmapRandom,
];

/// The costs of these columns' policies.
pub fn costs(
    columns: &[Column],
    wanted: &[usize],
    kernel: &KernelChoice,
    progress: &dyn Progress,
) -> Result<Vec<CostLine>, EngineError> {
    let step = |text: &str| progress.step(text);
    let policies = || {
        wanted.iter().filter_map(|at| match &columns[*at] {
            Column::Policy(policy) => Some((guest(*at), policy)),
            _ => None,
        })
    };
    let object = |(guest, policy): (String, &crate::bench::Policy)| GuestObject {
        guest,
        host: policy.object.clone(),
        executable: false,
    };
    let mut engine = Engine::start_counting(kernel, policies().map(object).collect(), &step)?;
    let device = Device { profile: DeviceProfile::Nvme, fs: Fs::Ext4, data_bytes: DATA_BYTES };
    engine.set_up(device, &step)?;
    engine.done(&Request::SetTiming { on: true }, &step)?;
    let dev = engine.data_device(&step)?;
    let mut costs = Vec::new();
    for (guest, policy) in policies() {
        step(&format!("counting the instructions of {}", policy.label));
        let placement = Placement { dev, ..Placement::default() };
        engine.attach_at(&guest, &policy.set, placement, &|_| {})?;
        for workload in WORKLOADS {
            engine.run(workload.default_spec(), &|_| {})?;
        }
        for (event, counts) in engine.counters(&step)? {
            let of = |name: &str| counts.get(name).copied().unwrap_or(0);
            let decisions = VERDICTS.iter().map(|verdict| of(verdict)).sum();
            if decisions > 0 {
                let (policy, instructions) = (policy.label.clone(), of("ns"));
                costs.push(CostLine { policy, event, decisions, instructions });
            }
        }
        engine.detach(&step)?;
    }
    engine.stop()?;
    Ok(costs)
}
