// SPDX-License-Identifier: GPL-2.0-only
//! The policies of a plan: from the words of the command line to object files.

use crate::args::key_value;
use crate::exit::Result;
use crate::policy::{self, Target};
use crate::steps::Steps;
use raext_measure::experiment::{Contender, Policy, digest};
use raext_measure::report::label;
use raext_model::{Error, IoExt as _};
use raext_vm::KernelChoice;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;

/// Build the policies, if they are source, and look at their tunables.
pub(crate) fn policies(
    given: &[String],
    kernel: &KernelChoice,
    steps: &Rc<Steps>,
) -> Result<Vec<Contender>> {
    let given = given.iter().map(|text| parse(text)).collect::<Result<Vec<_>>>()?;
    distinct(given.iter().map(|(name, set)| label(name, set)))?;
    // The last part of a path names a policy, unless two policies share it.
    let short: Vec<_> = given.iter().map(|(name, _)| policy::label(Path::new(name))).collect();
    let contender = |(name, set): &(String, BTreeMap<String, String>)| {
        let own = policy::label(Path::new(name));
        let is_alone = short.iter().filter(|other| **other == own).count() == 1;
        let shown = if is_alone { &own } else { name };
        Ok(Contender::Policy(Policy {
            label: label(shown, set),
            ..resolve(name, set, kernel, steps)?
        }))
    };
    let contenders = given.iter().map(contender).collect::<Result<Vec<_>>>()?;
    distinct(contenders.iter().map(Contender::label))?;
    Ok(contenders)
}

/// The policy that a word of the command line means.
pub(crate) fn policy(text: &str, kernel: &KernelChoice, steps: &Rc<Steps>) -> Result<Policy> {
    let (name, set) = parse(text)?;
    Ok(Policy { label: label(&name, &set), ..resolve(&name, &set, kernel, steps)? })
}

fn resolve(
    name: &str,
    set: &BTreeMap<String, String>,
    kernel: &KernelChoice,
    steps: &Rc<Steps>,
) -> Result<Policy> {
    let object = policy::object(name, &Target::MicroVm(kernel.clone()), steps)?;
    for (name, value) in set {
        object.encode_tunable(name, value)?;
    }
    let object = object.path().to_path_buf();
    let bytes = fs::read(&object).given("reading", &object)?;
    Ok(Policy { set: set.clone(), digest: digest(&bytes), object, ..Policy::default() })
}

fn distinct(labels: impl Iterator<Item = String>) -> Result<()> {
    let mut known = Vec::new();
    for label in labels {
        if known.contains(&label) {
            return Err(Error::usage(format!("policy {label} is given twice")));
        }
        known.push(label);
    }
    Ok(())
}

/// `wide:limit_kb=8192,other=1`
fn parse(text: &str) -> Result<(String, BTreeMap<String, String>)> {
    let (name, set) = text.split_once(':').unwrap_or((text, ""));
    let set = set.split(',').filter(|part| !part.is_empty()).map(key_value);
    Ok((name.to_owned(), set.collect::<Result<_, _>>().map_err(Error::usage)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunables_follow_a_colon() {
        let (name, set) = parse("wide:limit_kb=8192,x=1").unwrap();
        assert_eq!(label(&name, &set), "wide:limit_kb=8192,x=1");
        assert_eq!(parse("lean").unwrap(), ("lean".into(), BTreeMap::new()));
        assert!(parse("wide:8192").unwrap_err().to_string().contains("NAME=VALUE"));
    }

    #[test]
    fn a_policy_is_given_once() {
        let twice = ["wide".to_owned(), "wide".to_owned()];
        let error = policies(&twice, &KernelChoice::default(), &Rc::new(Steps::new()))
            .unwrap_err()
            .to_string();
        assert_eq!(error, "policy wide is given twice");
    }
}
