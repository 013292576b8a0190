// SPDX-License-Identifier: GPL-2.0-only
//! The fields of the state that are dear to know, found in a policy's instructions.
//!
//! The module computes such a field for a policy whose table wants it, so that no other policy
//! pays. The author does not have to list them: an instruction that reads a field has the
//! field's offset in it. A number that equals an offset by chance costs a computation and
//! changes nothing.

use object::{Object as _, ObjectSection as _, SectionKind};

/// `BPF_FS_RA_WANT_WAITS` of the contract.
const WAITS: u64 = 1;
/// `BPF_FS_RA_WANT_MEMORY` of the contract.
const MEMORY: u64 = 2;
/// All of them.
pub(crate) const WANTS: u64 = WAITS | MEMORY;

const DEAR: [(&str, u64); 3] = [("waited_ns", WAITS), ("room_pages", MEMORY), ("pressure", MEMORY)];

/// Bytes of an instruction.
const INSTRUCTION: usize = 8;

/// What the programs of an object file want (`bpf_fs_readahead_wants`), by the offsets of the
/// fields in the layout that they were compiled for.
pub(super) fn find(file: &object::File<'_>, fields: &[(usize, String)]) -> u64 {
    let dear: Vec<_> = DEAR
        .iter()
        .filter_map(|(name, bit)| {
            let (at, _) = fields.iter().find(|(_, field)| field == name)?;
            Some((i64::try_from(*at).ok()?, *bit))
        })
        .collect();
    file.sections()
        .filter(|section| section.kind() == SectionKind::Text)
        .filter_map(|section| section.data().ok())
        .flat_map(|code| code.chunks_exact(INSTRUCTION))
        .flat_map(numbers)
        .flat_map(|number| dear.iter().filter(move |(at, _)| *at == number))
        .fold(0, |wants, (_, bit)| wants | bit)
}

/// The offset of a load, and the constant of an addition: how a field is reached.
fn numbers(instruction: &[u8]) -> Option<i64> {
    const CLASS: u8 = 0x07;
    const LOAD: u8 = 0x01;
    // BPF_ALU64 | BPF_ADD | BPF_K
    const ADD: u8 = 0x07;
    let (code, offset) = (instruction[0], [instruction[2], instruction[3]]);
    let constant = [instruction[4], instruction[5], instruction[6], instruction[7]];
    match code {
        ADD => Some(i32::from_le_bytes(constant).into()),
        code if code & CLASS == LOAD => Some(i16::from_le_bytes(offset).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{MEMORY, WAITS};
    use crate::testing::{ROOT, wanting};
    use std::fs;
    use std::path::Path;

    /// What a policy wants whose callback returns this.
    fn wanted(result: &str) -> u64 {
        let dir = tempfile::tempdir().unwrap();
        wanting(result, 0, dir.path()).wants()
    }

    #[test]
    fn a_field_that_is_read_is_wanted() {
        assert_eq!(wanted("s->size"), 0);
        assert_eq!(wanted("s->waited_ns > 1000 ? 1 : 2"), WAITS);
        assert_eq!(wanted("s->pressure"), MEMORY);
        assert_eq!(wanted("s->room_pages + s->waited_ns"), MEMORY | WAITS);
    }

    #[test]
    fn the_bits_are_those_of_the_contract() {
        let header = fs::read_to_string(Path::new(ROOT).join("kmod/readahead_ext_abi.h")).unwrap();
        for (name, bit) in [("WAITS", WAITS), ("MEMORY", MEMORY)] {
            assert!(header.contains(&format!("BPF_FS_RA_WANT_{name} = {bit},")), "{name}");
        }
    }
}
