// SPDX-License-Identifier: GPL-2.0-only
//! What is to be measured, once the arguments are understood and the policies
//! built.

use crate::args::{CompareArgs, key_value};
use crate::exit::Stop;
use crate::policy;
use anyhow::Result;
use raext_measure::report::Column;
use raext_model::{Device, Workload, WorkloadSpec};
use raext_vm::KernelChoice;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The shipped policies that show what can be gained and lost.
const DEFAULT_POLICIES: [&str; 3] = ["auto", "wide", "lean"];
/// Large enough for random accesses to be far apart, bytes.
const DATA_BYTES: u64 = 256 << 20;

/// Everything that a measurement needs to know.
#[derive(Debug)]
pub struct Plan {
    /// The policies, in the order of their columns.
    pub policies: Vec<Policy>,
    /// The workloads, in the order of their rows.
    pub specs: Vec<WorkloadSpec>,
    /// The device.
    pub device: Device,
    /// How often each pair is measured.
    pub repeats: u32,
    /// The kernel to boot.
    pub kernel: KernelChoice,
    /// The command line that does this again.
    pub command: String,
}

/// A policy that is ready to be loaded.
#[derive(Debug)]
pub struct Policy {
    /// Its column.
    pub column: Column,
    /// Its object file on the host.
    pub object: PathBuf,
    /// The same in the guest.
    pub guest: String,
}

impl Plan {
    /// Understand the arguments and build what has to be built.
    pub fn resolve(args: &CompareArgs, step: &dyn Fn(&str)) -> Result<Self> {
        let given: Vec<String> = match &args.policies[..] {
            [] => DEFAULT_POLICIES.map(String::from).to_vec(),
            given => given.to_vec(),
        };
        let columns = given.iter().map(|text| column(text)).collect::<Result<Vec<_>>>()?;
        for (at, column) in columns.iter().enumerate() {
            if columns[..at].contains(column) {
                return Err(Stop::usage(format!("policy {} is given twice", column.label())));
            }
        }
        let mut policies = columns
            .into_iter()
            .enumerate()
            .map(|(at, column)| Policy::resolve(at, column, step))
            .collect::<Result<Vec<_>>>()?;
        shorten(&mut policies);
        let workloads = match &args.workloads[..] {
            [] => Workload::ALL.to_vec(),
            given => given.to_vec(),
        };
        Ok(Self {
            policies,
            specs: workloads.into_iter().map(Workload::default_spec).collect(),
            device: Device { profile: args.device, fs: args.fs, data_bytes: DATA_BYTES },
            repeats: args.repeat,
            kernel: args.kernel.choice(),
            command: command(args, &given),
        })
    }
}

impl Policy {
    /// Build it, if it is source, and look at its tunables.
    pub fn resolve(at: usize, column: Column, step: &dyn Fn(&str)) -> Result<Self> {
        let object = policy::object(&column.name, step)?;
        for (name, value) in &column.set {
            object.encode_tunable(name, value)?;
        }
        Ok(Self {
            guest: format!("/policies/{at}.bpf.o"),
            object: object.path().to_path_buf(),
            column,
        })
    }
}

/// Columns are named by the last part of a path, where that tells them apart.
pub fn shorten(policies: &mut [Policy]) {
    let labels: Vec<_> =
        policies.iter().map(|p| policy::label(Path::new(&p.column.name))).collect();
    for (at, policy) in policies.iter_mut().enumerate() {
        let twin = |other: usize| other != at && labels[other] == labels[at];
        if !(0..labels.len()).any(twin) {
            policy.column.name.clone_from(&labels[at]);
        }
    }
}

/// `wide:limit_kb=8192,other=1`
pub fn column(text: &str) -> Result<Column> {
    let (name, set) = text.split_once(':').unwrap_or((text, ""));
    let set: BTreeMap<_, _> = set
        .split(',')
        .filter(|part| !part.is_empty())
        .map(key_value)
        .collect::<Result<_, _>>()
        .map_err(Stop::usage)?;
    Ok(Column { name: name.to_owned(), set })
}

/// Without the files that were written: whoever does it again has their own.
fn command(args: &CompareArgs, policies: &[String]) -> String {
    let mut words = vec!["raext compare".to_owned()];
    words.extend(policies.iter().map(|policy| format!("--policy {policy}")));
    words.extend(args.workloads.iter().map(|workload| format!("--workload {workload}")));
    words.push(format!("--device {} --fs {} --repeat {}", args.device, args.fs, args.repeat));
    if let Some(kernel) = &args.kernel.kernel {
        words.push(format!("--kernel {kernel}"));
    }
    if args.kernel.untested {
        words.push("--untested".to_owned());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunables_follow_a_colon() {
        let wide = column("wide:limit_kb=8192,x=1").unwrap();
        assert_eq!(wide.label(), "wide:limit_kb=8192,x=1");
        assert_eq!(column("lean").unwrap(), Column { name: "lean".into(), set: BTreeMap::new() });
        assert!(column("wide:8192").unwrap_err().to_string().contains("NAME=VALUE"));
    }
}
