// SPDX-License-Identifier: GPL-2.0-only
//! Requests about programs of the host: their root, their data, their runs.

use crate::{Caches, Converse, Program, Ran, Volume, VolumeMade, request};
use serde::{Deserialize, Serialize};

/// Make the root of programs: an overlay over folders of the guest, the topmost
/// first. Programs can write anywhere; no write reaches the folders. The root
/// before, all writes in it and the volume are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeRoot {
    /// The folders, such as `/shares/TAG`.
    pub layers: Vec<String>,
    /// Whether an ordinary user of the host shares them.
    pub as_user: bool,
}
request!(MakeRoot, "make_root" => ());

/// Show a folder (or a file) of the guest in the root of programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// The folder in the guest.
    pub from: String,
    /// The path in the root of programs, made if missing.
    pub at: String,
}
request!(Bind, "bind" => ());

/// Make a volume in the place of the volume before, or of the device of
/// [`super::SetupDevice`]. Programs that still run are killed. The root of programs
/// shows it and must exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeVolume {
    /// The volume.
    pub volume: Volume,
}
request!(MakeVolume, "make_volume" => VolumeMade);

/// Write back dirty pages and drop caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropCaches {
    /// The caches.
    pub caches: Caches,
}
request!(DropCaches, "drop_caches" => ());

/// Run a program to its end. Its output and input pass while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunProgram {
    /// The program.
    pub program: Program,
}
request!(RunProgram, "run_program" => Ran);
impl Converse for RunProgram {}

/// Start a program in the background. The answer is its number, for
/// [`EndProgram`]; the end also tells of a program that cannot be executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartProgram {
    /// The program.
    pub program: Program,
}
request!(StartProgram, "start_program" => u32);

/// Send a signal to a program in the background, wait for its end, and kill it if
/// it takes too long. Its output passes before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndProgram {
    /// Its number.
    pub id: u32,
    /// The signal, to the program alone, not its children; 0 for none.
    pub signal: i32,
    /// The longest wait, milliseconds.
    pub within_ms: u64,
}
request!(EndProgram, "end_program" => Ran);
impl Converse for EndProgram {}
