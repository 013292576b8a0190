// SPDX-License-Identifier: GPL-2.0-only
//! The one place where a policy's table becomes what the loader works with.
//!
//! A policy that was built against an older header has a shorter table, which has no room
//! for a scope or a guard. The missing members are appended to the table: to its type in
//! BTF and to its data. libbpf goes by the names of members, so their order is the author's.
//! Each load goes through here, with a scope or without: a table that `raext check` accepts
//! can be attached to any scope.

use crate::load::LoadError;
use crate::object::{OPS_TYPE, ObjectError, PolicyObject, TABLES};
use object::{Object as _, ObjectSection as _, SectionIndex};
use std::fs;

/// The members that the loader fills in, with their bytes.
pub(super) const MEMBERS: [(&str, u32); 4] =
    [("cgroup_id", 8), ("dev", 4), ("guard_percent", 4), ("wants", 8)];

/// Kinds of BTF types.
mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const DATASEC: u32 = 15;
}

/// The object and its file with all [`MEMBERS`] in its table; `None` if it has them.
pub(super) fn complete(
    object: &PolicyObject,
) -> Result<Option<(PolicyObject, Vec<u8>)>, LoadError> {
    let missing = MEMBERS.iter().find(|(name, _)| object.member(name).is_none());
    let Some(&(member, _)) = missing else { return Ok(None) };
    let path = object.path().to_path_buf();
    let read =
        fs::read(&path).map_err(|source| ObjectError::Unreadable { path: path.clone(), source })?;
    let bytes = widen(&read).ok_or(LoadError::NoMember { path: path.clone(), member })?;
    Ok(Some((PolicyObject::parse(&path, &bytes)?, bytes)))
}

/// The object file `elf` with all [`MEMBERS`] in its table. `None` if none is missing, or
/// the table is not the only variable of its section.
fn widen(elf: &[u8]) -> Option<Vec<u8>> {
    let file = object::File::parse(elf).ok()?;
    let section = |name: &&str| file.section_by_name(name).filter(|section| section.size() > 0);
    let table = TABLES.iter().find_map(section)?;
    let btf = file.section_by_name(".BTF")?;
    let mut types = Types::read(btf.data().ok()?)?;
    let (old, new) = types.widen(table.name().ok()?)?;
    let mut data = table.data().ok().filter(|data| data.len() == old as usize)?.to_vec();
    data.resize(new as usize, 0);
    let mut out = elf.to_vec();
    replace(&mut out, btf.index(), &types.write())?;
    replace(&mut out, table.index(), &data)?;
    Some(out)
}

/// Append the new data of a section, and point its header to them.
fn replace(elf: &mut Vec<u8>, section: SectionIndex, data: &[u8]) -> Option<()> {
    // Elf64_Ehdr: e_shoff at 40, e_shentsize at 58. Elf64_Shdr: sh_offset at 24, sh_size
    // behind it.
    let headers = u64::from_le_bytes(elf.get(40..48)?.try_into().ok()?);
    let each = u16::from_le_bytes(elf.get(58..60)?.try_into().ok()?);
    let header = usize::try_from(headers).ok()? + section.0 * usize::from(each);
    elf.resize(elf.len().next_multiple_of(8), 0);
    let place = [elf.len() as u64, data.len() as u64].map(u64::to_le_bytes).concat();
    elf.get_mut(header + 24..header + 40)?.copy_from_slice(&place);
    elf.extend_from_slice(data);
    Some(())
}

/// The types of an object file, as in its section `.BTF`.
struct Types {
    header: Vec<u8>,
    /// One after the other. A type's number is its place, from 1.
    records: Vec<Vec<u8>>,
    strings: Vec<u8>,
}

impl Types {
    // struct btf_header: hdr_len at 4, type_off, type_len, str_off, str_len.
    fn read(raw: &[u8]) -> Option<Self> {
        let at = |field: usize| Some(word(raw, field)? as usize);
        let header = raw.get(..at(4)?)?.to_vec();
        let part = |off: usize, len: usize| {
            let start = header.len() + at(off)?;
            raw.get(start..start + at(len)?)
        };
        let (mut types, strings) = (part(8, 12)?, part(16, 20)?.to_vec());
        let mut records = Vec::new();
        while !types.is_empty() {
            let (record, rest) = types.split_at_checked(length(word(types, 4)?)?)?;
            records.push(record.to_vec());
            types = rest;
        }
        Some(Self { header, records, strings })
    }

    fn write(&self) -> Vec<u8> {
        let types = self.records.concat();
        let mut out = self.header.clone();
        let places = [0, types.len(), types.len(), self.strings.len()];
        for (field, place) in (8..24).step_by(4).zip(places) {
            set_word(&mut out, field, place as u32);
        }
        [out, types, self.strings.clone()].concat()
    }

    /// Append the missing members to the type of the policy's table, which lies in this
    /// section. Its bytes before and after.
    fn widen(&mut self, section: &str) -> Option<(u32, u32)> {
        let table = self.find(kind::STRUCT, OPS_TYPE)?;
        let variables = self.find(kind::DATASEC, section)?;
        let old = word(&self.records[table], 8)?;
        let missing: Vec<_> =
            MEMBERS.into_iter().filter(|(name, _)| !self.has_member(table, name)).collect();
        if missing.is_empty() || self.records[variables].len() != 12 + 12 {
            return None;
        }
        let mut end = old;
        for (name, bytes) in missing {
            let offset = end.next_multiple_of(bytes);
            end = offset + bytes;
            let number = self.add_number(bytes);
            let member = [self.add_string(name), number, offset * 8];
            let record = &mut self.records[table];
            record.extend(member.into_iter().flat_map(u32::to_le_bytes));
            // The number of members is the low half of the second word.
            let info = word(record, 4)?;
            set_word(record, 4, info + 1);
        }
        let new = end.next_multiple_of(8);
        set_word(&mut self.records[table], 8, new);
        // The section's size is 0 where the compiler leaves it to libbpf.
        let section = &mut self.records[variables];
        if word(section, 8)? != 0 {
            set_word(section, 8, new);
        }
        // struct btf_var_secinfo: type, offset, size.
        set_word(section, 12 + 8, new);
        Some((old, new))
    }

    fn find(&self, kind: u32, name: &str) -> Option<usize> {
        self.records.iter().position(|record| {
            word(record, 4).is_some_and(|info| kind_of(info) == kind)
                && word(record, 0).is_some_and(|at| self.string(at) == Some(name.as_bytes()))
        })
    }

    fn has_member(&self, table: usize, name: &str) -> bool {
        self.records[table][12..]
            .chunks_exact(12)
            .any(|member| word(member, 0).and_then(|at| self.string(at)) == Some(name.as_bytes()))
    }

    fn string(&self, at: u32) -> Option<&[u8]> {
        self.strings.get(at as usize..)?.split(|&byte| byte == 0).next()
    }

    fn add_string(&mut self, text: &str) -> u32 {
        let at = self.strings.len() as u32;
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        at
    }

    /// Append an unsigned number of so many bytes; its type's number.
    fn add_number(&mut self, bytes: u32) -> u32 {
        let name = self.add_string(if bytes == 8 { "__u64" } else { "__u32" });
        let words = [name, kind::INT << 24, bytes, bytes * 8];
        self.records.push(words.into_iter().flat_map(u32::to_le_bytes).collect());
        self.records.len() as u32
    }
}

fn kind_of(info: u32) -> u32 {
    info >> 24 & 0x1f
}

/// Bytes of the record of a type, by its second word.
fn length(info: u32) -> Option<usize> {
    let each = match kind_of(info) {
        // pointer, forward, typedef, volatile, const, restrict, function, float, type tag
        2 | 7..=12 | 16 | 18 => return Some(12),
        // number, variable, declaration tag
        kind::INT | 14 | 17 => return Some(16),
        // array
        3 => return Some(24),
        // enum, function prototype
        6 | 13 => 8,
        // struct, union, section, enum of 64 bits
        kind::STRUCT | 5 | kind::DATASEC | 19 => 12,
        _ => return None,
    };
    Some(12 + each * (info & 0xffff) as usize)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn set_word(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::PolicyObject;
    use crate::testing;
    use libbpf_rs::{MapType, ObjectBuilder};
    use std::fs;
    use std::path::Path;

    /// The first policy that was written: its table has two callbacks and nothing else.
    fn seed(out: &Path) -> (PolicyObject, Vec<u8>) {
        built("seed", out)
    }

    fn built(name: &str, out: &Path) -> (PolicyObject, Vec<u8>) {
        let source = Path::new(testing::ROOT).join(format!("tests/accepted/{name}.bpf.c"));
        let object = testing::built(&source, out);
        let bytes = fs::read(object.path()).unwrap();
        (object, bytes)
    }

    #[test]
    fn a_short_table_gets_the_members_of_a_scope_and_of_a_guard() {
        let dir = tempfile::tempdir().unwrap();
        let (before, elf) = seed(dir.path());
        assert_eq!(before.member("dev"), None);
        let wider = widen(&elf).unwrap();
        let after = PolicyObject::parse(before.path(), &wider).unwrap();
        let places = ["get_max_ra", "get_ra", "cgroup_id", "dev", "guard_percent", "wants"];
        assert_eq!(places.map(|name| after.member(name)), [0, 8, 16, 24, 28, 32].map(Some));
        assert_eq!(after.callbacks(), before.callbacks());
        assert_eq!((after.name(), after.sources()), (before.name(), before.sources()));
        // There is nothing left to add.
        assert_eq!(widen(&wider), None);
    }

    #[test]
    fn a_table_of_another_order_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let (before, _) = built("reordered", dir.path());
        let (after, bytes) = complete(&before).unwrap().unwrap();
        let places = ["weather", "dev", "name", "get_max_ra", "cgroup_id", "guard_percent"];
        assert_eq!(
            places.map(|name| before.member(name)).map(|at| at.is_some()),
            [true, true, true, true, false, false]
        );
        assert_eq!(places.map(|name| after.member(name)), [0, 8, 12, 56, 64, 72].map(Some));
        assert_eq!((after.name(), after.callbacks()), ("reordered", before.callbacks()));
        // With all members, nothing is to be done.
        let path = dir.path().join("complete.bpf.o");
        fs::write(&path, bytes).unwrap();
        assert!(complete(&PolicyObject::read(&path).unwrap()).unwrap().is_none());
    }

    #[test]
    fn libbpf_opens_a_wider_table() {
        let dir = tempfile::tempdir().unwrap();
        let wider = widen(&seed(dir.path()).1).unwrap();
        let mut open = ObjectBuilder::default().open_memory(&wider).unwrap();
        let mut table = open.maps_mut().find(|map| map.map_type() == MapType::StructOps).unwrap();
        // libbpf has put its programs into the two callbacks.
        let data = table.initial_value_mut().unwrap();
        assert_eq!((data.len(), &data[16..]), (40, &[0; 24][..]));
    }

    #[test]
    fn what_is_no_table_is_not_widened() {
        assert_eq!(widen(b"\x7fELF"), None);
        let dir = tempfile::tempdir().unwrap();
        let (_, elf) = seed(dir.path());
        for end in (0..elf.len()).step_by(97) {
            // A part of a file is refused or widened, and never a panic.
            widen(&elf[..end]);
        }
    }
}
