// SPDX-License-Identifier: GPL-2.0-only
//! Loading a model of a neural network in several files, by a loader of our own.

use crate::experiment::Outcome;
use crate::software::catalogue::Entry;
use crate::software::dataset::AGENT;
use crate::software::guest::{Guest, program};
use crate::software::line::Line;
use crate::software::outcome::{outcome, part};
use crate::software::{DataSet, Software, SoftwareError};

const SOFTWARE: Software = Software { name: "tools", packages: &[] };

/// 64 layers of 5.8 MB in four files.
static DATA: DataSet = DataSet {
    name: "model",
    software: SOFTWARE,
    mib: 432,
    script: "raext-agent tool model-make . >&2\n",
};

/// Every row.
pub(crate) static ROWS: [Entry; 1] = [Entry {
    name: "model-load",
    about: "the first layers of a model in four files, mapped and copied in the order of names",
    data: &DATA,
    version: 1,
    run: &run,
}];

fn run(guest: &mut Guest<'_>) -> Result<Outcome, SoftwareError> {
    let layers = guest.sized(8, 24, 64).to_string();
    guest.drop_caches()?;
    let ended = guest.run(program([AGENT, "tool", "model-load", ".", &layers]))?;
    let text = ended.text();
    let line = Line::last("the loader", &text);
    let bytes = line.number("bytes")?;
    let answer = format!("{} tensors, {}", line.number("tensors")?, line.text("sum")?);
    Ok(outcome(&ended.ran, vec![part("load", line.number("ns")?, bytes >> 12)], answer))
}
