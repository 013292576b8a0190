// SPDX-License-Identifier: GPL-2.0-only
//! From an object file to programs that the verifier has accepted.

use crate::load::capture::capture;
use crate::load::widen::{MEMBERS, complete};
use crate::load::{LoadError, layout};
use crate::object::{PolicyObject, WANTS};
use libbpf_rs::{AsRawLibbpf, ErrorKind, MapType, Object, ObjectBuilder, OpenObject};
use raext_model::{LoadOutcome, Placement};
use std::collections::BTreeMap;
use std::path::Path;

/// libbpf's flag for a struct_ops map that is attached by a link. Objects whose
/// table lies in `.struct_ops` (as the first ones did) lack it.
const BPF_F_LINK: u32 = 1 << 13;

/// How libbpf announces a verifier's log.
const LOG_BEGINS: &str = "-- BEGIN PROG LOAD LOG --";

/// The kernel's verdict on a policy, without attaching it.
///
/// # Errors
/// When the object file or a tunable is wrong, or the environment cannot load
/// anything. A refused policy is no error.
pub fn check(path: &Path, set: &BTreeMap<String, String>) -> Result<LoadOutcome, LoadError> {
    let object = PolicyObject::read(path)?;
    let (loaded, said) = load(&object, set, &Placement::default())?;
    Ok(outcome(loaded.as_ref().err(), said))
}

/// Whether the object file has these tunables and takes these values.
///
/// # Errors
/// When it does not.
pub fn check_tunables(path: &Path, set: &BTreeMap<String, String>) -> Result<(), LoadError> {
    let object = PolicyObject::read(path)?;
    for (name, value) in set {
        object.encode_tunable(name, value)?;
    }
    Ok(())
}

/// A loaded object, or libbpf's error; and what libbpf said.
type Loaded = (Result<Object, libbpf_rs::Error>, String);

/// Open, set the tunables and the place, load.
pub(super) fn load(
    object: &PolicyObject,
    set: &BTreeMap<String, String>,
    placement: &Placement,
) -> Result<Loaded, LoadError> {
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Err(LoadError::NoBtf);
    }
    layout::check(object)?;
    let completed = complete(object)?;
    let object = completed.as_ref().map_or(object, |(object, _)| object);
    let (opened, said) = capture(|| match &completed {
        Some((object, bytes)) => {
            ObjectBuilder::default().name(file_stem(object))?.open_memory(bytes)
        }
        None => ObjectBuilder::default().open_file(object.path()),
    });
    let mut open = opened.map_err(|error| LoadError::Open {
        path: object.path().to_path_buf(),
        said: first_complaint(&said).unwrap_or_else(|| error.to_string()),
    })?;
    for (name, value) in set {
        set_tunable(&mut open, object, name, value)?;
    }
    place(&mut open, object, placement)?;
    make_links(&open);
    let logs = VerifierLogs::lend(&mut open);
    let (loaded, mut said) = capture(|| open.load());
    if loaded.is_err() {
        said.push_str(&logs.text());
    }
    if let Err(error) = &loaded
        && error.kind() == ErrorKind::PermissionDenied
        && !said.contains(LOG_BEGINS)
    {
        return Err(LoadError::NotPermitted);
    }
    Ok((loaded, said))
}

/// The name that libbpf gives an object that it opens by its path: maps are named after it.
fn file_stem(object: &PolicyObject) -> &str {
    let name = object.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or(object.name())
}

/// Room for the verifier's log of each program.
///
/// Left to itself, libbpf verifies a program again with a buffer twice as large
/// until the whole log fits: minutes, for a loop that runs into the verifier's
/// limit. The kernel keeps the end of a log that does not fit, which is the part
/// that has the reason.
struct VerifierLogs(Vec<(String, Vec<u8>)>);

impl VerifierLogs {
    const ROOM: usize = 1 << 20;

    /// Give libbpf the room. The value must outlive the loading.
    fn lend(open: &mut OpenObject) -> Self {
        let lend = |program: libbpf_rs::OpenProgramMut<'_>| {
            let name = program.name().to_string_lossy().into_owned();
            let mut room = vec![0_u8; Self::ROOM];
            // SAFETY: the program belongs to `open`; the buffer is as long as
            // said, does not move with its Vec, and the caller keeps it until
            // libbpf has finished loading.
            unsafe {
                libbpf_sys::bpf_program__set_log_buf(
                    program.as_libbpf_object().as_ptr(),
                    room.as_mut_ptr().cast(),
                    room.len() as _,
                );
            }
            (name, room)
        };
        Self(open.progs_mut().map(lend).collect())
    }

    /// The logs as libbpf prints them when the room is its own.
    fn text(&self) -> String {
        let mut text = String::new();
        for (name, room) in &self.0 {
            let end = room.iter().position(|&byte| byte == 0).unwrap_or(room.len());
            if end > 0 {
                let log = String::from_utf8_lossy(&room[..end]);
                text.push_str(&format!(
                    "libbpf: prog '{name}': {LOG_BEGINS}\n{}\n-- END PROG LOAD LOG --\n",
                    log.trim_end()
                ));
            }
        }
        text
    }
}

/// The outcome of a load.
pub(super) fn outcome(error: Option<&libbpf_rs::Error>, log: String) -> LoadOutcome {
    LoadOutcome { accepted: error.is_none(), errno: error.map_or(0, errno), log }
}

/// The system's number of an error, EINVAL where there is none. libbpf-rs 0.27 has no function
/// that returns the number: `Error::kind` maps it to a few kinds, and EBUSY is not among them.
/// `{:#}` prints the system's own error with its number, so the number is read there. A test
/// below fails when a new version prints another text.
pub(super) fn errno(error: &libbpf_rs::Error) -> i32 {
    const EINVAL: i32 = 22;
    let text = format!("{error:#}");
    let number = text.rsplit_once("os error ").map(|(_, rest)| rest);
    number.and_then(|n| n.split(')').next()?.trim().parse().ok()).unwrap_or(EINVAL)
}

/// The first of libbpf's lines that says what is wrong.
fn first_complaint(said: &str) -> Option<String> {
    let line = said.lines().find(|line| line.starts_with("libbpf: "))?;
    Some(line.trim_start_matches("libbpf: ").to_owned())
}

fn set_tunable(
    open: &mut OpenObject,
    object: &PolicyObject,
    name: &str,
    value: &str,
) -> Result<(), LoadError> {
    let failed = |why: &str| LoadError::Tunable {
        path: object.path().to_path_buf(),
        name: name.to_owned(),
        why: why.to_owned(),
    };
    let (offset, bytes) = object.encode_tunable(name, value)?;
    let mut rodata = open
        .maps_mut()
        .find(|map| map.name().to_string_lossy().ends_with(".rodata"))
        .ok_or_else(|| failed("the object has no .rodata"))?;
    rodata
        .initial_value_mut()
        .and_then(|data| data.get_mut(offset..offset + bytes.len()))
        .ok_or_else(|| failed("it lies outside of .rodata"))?
        .copy_from_slice(&bytes);
    Ok(())
}

/// Write the placement into the policy's table, which has the members for it.
fn place(
    open: &mut OpenObject,
    object: &PolicyObject,
    placement: &Placement,
) -> Result<(), LoadError> {
    let Placement { cgroup_id, dev, guard_percent } = *placement;
    let values = [cgroup_id, dev.into(), guard_percent.into(), object.wants()];
    for ((member, bytes), value) in MEMBERS.into_iter().zip(values) {
        if value == 0 && member != "wants" {
            continue;
        }
        let missing = || LoadError::NoMember { path: object.path().to_path_buf(), member };
        let (at, length) = (object.member(member).ok_or_else(missing)?, bytes as usize);
        let mut table =
            open.maps_mut().find(|map| map.map_type() == MapType::StructOps).ok_or_else(missing)?;
        let data = table.initial_value_mut().ok_or_else(missing)?;
        // A member that is too short has another type than the module's: libbpf refuses it.
        if let Some(room) = data.get_mut(at..at + length) {
            // What the author asked for, too.
            let own = if member == "wants" { wanted(object, room)? } else { 0 };
            room.copy_from_slice(&(own | value).to_le_bytes()[..length]);
        }
    }
    Ok(())
}

/// The fields that the author wants, by the bits in the table. The kernel answers EINVAL to a
/// bit that the module does not know, and does not say to which member.
fn wanted(object: &PolicyObject, bytes: &[u8]) -> Result<u64, LoadError> {
    let bits = bytes.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    match bits & !WANTS {
        0 => Ok(bits),
        unknown => Err(LoadError::UnknownWant { path: object.path().to_path_buf(), unknown }),
    }
}

/// Have every struct_ops table attached by a link.
fn make_links(open: &OpenObject) {
    for map in open.maps().filter(|map| map.map_type() == MapType::StructOps) {
        let flags = map.map_flags() | BPF_F_LINK;
        // SAFETY: the map belongs to `open`, which outlives this call, and is
        // not loaded yet, when its flags may still be changed.
        unsafe {
            libbpf_sys::bpf_map__set_map_flags(map.as_libbpf_object().as_ptr(), flags);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LoadError, Placement, errno, place};
    use crate::testing::wanting;
    use libbpf_rs::{MapType, ObjectBuilder};
    use std::io;

    /// The bits in the table of a policy that reads `pressure` and wants `own`.
    fn wants(own: u64) -> Result<Vec<u8>, LoadError> {
        let dir = tempfile::tempdir().unwrap();
        let object = wanting("s->pressure", own, dir.path());
        let mut open = ObjectBuilder::default().open_file(object.path()).unwrap();
        place(&mut open, &object, &Placement::default())?;
        let mut table = open.maps_mut().find(|map| map.map_type() == MapType::StructOps).unwrap();
        let at = object.member("wants").unwrap();
        Ok(table.initial_value_mut().unwrap()[at..at + 8].to_vec())
    }

    #[test]
    fn the_table_wants_what_the_program_reads_and_what_its_author_wants() {
        assert_eq!(wants(0).unwrap(), 2_u64.to_le_bytes());
        assert_eq!(wants(1).unwrap(), 3_u64.to_le_bytes());
        let refused = wants(4).unwrap_err().to_string();
        assert!(refused.contains("wants 0x4"), "{refused}");
    }

    #[test]
    fn the_system_s_number_survives_the_wrapping() {
        use libbpf_rs::ErrorExt as _;
        let busy = libbpf_rs::Error::from(io::Error::from_raw_os_error(16));
        assert_eq!(errno(&busy), 16);
        assert_eq!(errno(&busy.context("attaching")), 16);
    }
}
