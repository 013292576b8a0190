// SPDX-License-Identifier: GPL-2.0-only
//! The little that is asked of an object's BTF.

use crate::object::tunable::Kind;
use libbpf_rs::ReferencesType as _;
use libbpf_rs::btf::types::{
    Composite, DataSec, Func, FuncProto, Int, IntEncoding, MemberAttr, Struct, Var,
};
use libbpf_rs::btf::{Btf, BtfType};

/// A variable of a section: its name and its type.
pub(super) struct Variable {
    pub name: String,
    pub type_name: String,
}

/// The variables of a section (`.struct_ops.link`, `.rodata`).
pub(super) fn variables(btf: &Btf<'_>, section: &str) -> Vec<Variable> {
    let Some(datasec) = btf.type_by_name::<DataSec<'_>>(section) else {
        return Vec::new();
    };
    let variable = |id| {
        let var = btf.type_by_id::<Var<'_>>(id)?;
        let of_type = var.referenced_type().skip_mods_and_typedefs();
        Some(Variable { name: name(var.name()), type_name: name(of_type.name()) })
    };
    datasec.iter().filter_map(|info| variable(info.ty)).collect()
}

/// Byte offset and name of each member of a struct.
pub(super) fn members(btf: &Btf<'_>, struct_name: &str) -> Vec<(usize, String)> {
    let Some(composite) = btf.type_by_name::<Struct<'_>>(struct_name) else {
        return Vec::new();
    };
    composite
        .iter()
        .filter_map(|member| match member.attr {
            MemberAttr::Normal { offset } => Some((offset as usize / 8, name(member.name))),
            MemberAttr::BitField { .. } => None,
        })
        .collect()
}

/// How a variable is to be read.
pub(super) struct Number {
    /// Its sign.
    pub kind: Kind,
    /// Its bytes.
    pub width: usize,
    /// Whether its range lies behind it: `raext_policy::Tunable`, a struct of
    /// `value`, `least` and `most`.
    pub has_range: bool,
}

/// How the variable `name` is to be read, if it is a number.
pub(super) fn number(btf: &Btf<'_>, name: &str) -> Option<Number> {
    let var = btf.type_by_name::<Var<'_>>(name)?;
    let of_type = var.referenced_type().skip_mods_and_typedefs();
    if let Some((kind, width)) = plain_number(of_type) {
        return Some(Number { kind, width, has_range: false });
    }
    let composite = Composite::try_from(of_type).ok()?;
    let members: Vec<_> = composite.iter().collect();
    let names: Vec<_> = members.iter().map(|m| self::name(m.name)).collect();
    if names != ["value", "least", "most"] {
        return None;
    }
    let inner = btf.type_by_id::<BtfType<'_>>(members[0].ty)?.skip_mods_and_typedefs();
    let (kind, width) = plain_number(inner)?;
    Some(Number { kind, width, has_range: true })
}

fn plain_number(of_type: BtfType<'_>) -> Option<(Kind, usize)> {
    let int = Int::try_from(of_type).ok()?;
    let kind = match int.encoding {
        IntEncoding::Signed => Kind::Signed,
        IntEncoding::Bool => Kind::Bool,
        IntEncoding::None | IntEncoding::Char => Kind::Unsigned,
    };
    Some((kind, usize::from(int.bits) / 8))
}

/// Whether an access to this struct is recorded for the loader (CO-RE) in `.BTF.ext`.
pub(super) fn relocates(btf: &Btf<'_>, ext: &[u8], struct_name: &str) -> bool {
    recorded(ext).is_some_and(|ids| {
        ids.into_iter().any(|id| {
            let root = btf.type_by_id::<BtfType<'_>>(id.into());
            root.is_some_and(|root| name(root.skip_mods_and_typedefs().name()) == struct_name)
        })
    })
}

/// The types of the recorded accesses.
fn recorded(ext: &[u8]) -> Option<Vec<u32>> {
    // struct btf_ext_header: magic, version, flags; hdr_len; offset and length of the
    // function infos, of the line infos, and of the relocations.
    let word = |at: usize| Some(u32::from_le_bytes(ext.get(at..at + 4)?.try_into().ok()?));
    let header = word(4)? as usize;
    if header < 32 {
        return None;
    }
    let start = header + word(24)? as usize;
    let end = start + word(28)? as usize;
    let each = word(start).filter(|each| *each >= 16)? as usize;
    let (mut at, mut ids) = (start + 4, Vec::new());
    // struct btf_ext_info_sec: name, number of records; then these records.
    while at < end {
        let records = word(at + 4)? as usize;
        at += 8;
        for _ in 0..records {
            // struct bpf_core_relo: instruction, type, access string, kind.
            ids.push(word(at + 4)?);
            at += each;
        }
    }
    Some(ids)
}

/// A function of which an argument has no name, which the kernel refuses.
pub(super) fn unnamed_argument(btf: &Btf<'_>) -> Option<String> {
    btf.type_by_kind::<Func<'_>>().find_map(|func| {
        let proto = FuncProto::try_from(func.referenced_type()).ok()?;
        let unnamed = proto.iter().any(|param| param.name.is_none_or(|n| n.is_empty()));
        unnamed.then(|| name(func.name()))
    })
}

fn name(name: Option<&std::ffi::OsStr>) -> String {
    name.map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

/// Every string of the BTF, which the names of source files are among.
pub(super) fn strings(raw: &[u8]) -> Vec<String> {
    // struct btf_header: magic, version, flags; hdr_len; type_off, type_len;
    // str_off, str_len.
    let word = |at: usize| Some(u32::from_le_bytes(raw.get(at..at + 4)?.try_into().ok()?) as usize);
    let section = (|| {
        let start = word(4)? + word(16)?;
        raw.get(start..start + word(20)?)
    })();
    section
        .unwrap_or_default()
        .split(|&byte| byte == 0)
        .filter(|text| !text.is_empty())
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_accesses_are_read_and_a_damaged_table_is_none() {
        let words = |words: &[u32]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
        // The header, 32 bytes long; a section with two records of 16 bytes.
        let header = [0xeb9f, 32, 0, 0, 0, 0, 0, 44];
        let table = [16, 1, 2, 0, 7, 0, 0, 8, 9, 0, 0];
        let whole = words(&[&header[..], &table].concat());
        assert_eq!(recorded(&whole), Some(vec![7, 9]));
        for end in 0..whole.len() - 8 {
            assert_eq!(recorded(&whole[..end]), None, "{end}");
        }
        let mut endless = whole;
        endless[32] = 0;
        assert_eq!(recorded(&endless), None);
    }
}
