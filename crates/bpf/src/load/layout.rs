// SPDX-License-Identifier: GPL-2.0-only
//! Refuses a policy that reads the state at the places of another layout.
//!
//! A C source may declare the state by itself, with its fields at other places. Its accesses
//! are moved where the compiler has recorded them (CO-RE), as `raext build` has it. Without
//! records the verifier accepts the program, which then reads the bytes of other fields.

use crate::load::LoadError;
use crate::load::capture::capture;
use crate::object::{PolicyObject, STATE_TYPE};
use libbpf_sys::{btf, btf_member};
use std::ffi::{CStr, CString};
use std::ptr::NonNull;

/// The module, as BTF has its name.
const MODULE: &CStr = c"readahead_ext";
const BTF_KIND_STRUCT: u32 = 4;

/// Whether the policy finds the fields of the running module.
pub(super) fn check(object: &PolicyObject) -> Result<(), LoadError> {
    if object.moves_state() {
        return Ok(());
    }
    // Without the module, the kernel's verdict says so.
    let module = capture(Module::read).0.unwrap_or_default();
    match misplaced(object.state_fields(), &module.fields) {
        Some((field, own, there)) => Err(LoadError::OtherLayout {
            path: object.path().to_path_buf(),
            field: field.to_owned(),
            own,
            there,
        }),
        None => Ok(()),
    }
}

/// The first field that the module has at another place, and the two places.
fn misplaced<'a>(
    own: &'a [(usize, String)],
    module: &[(usize, String)],
) -> Option<(&'a str, usize, usize)> {
    own.iter().find_map(|(at, name)| {
        let (there, _) = module.iter().find(|(_, known)| known == name)?;
        (there != at).then_some((name.as_str(), *at, *there))
    })
}

/// The running module's state.
#[derive(Debug, Default)]
struct Module {
    /// Byte offset and name of each field.
    fields: Vec<(usize, String)>,
}

impl Module {
    /// `None` if the kernel or the module has no BTF.
    fn read() -> Option<Self> {
        // SAFETY: no arguments; the result is NULL or owned by us.
        let base = Types(NonNull::new(unsafe { libbpf_sys::btf__load_vmlinux_btf() })?);
        // SAFETY: the name ends in NUL, and `base` outlives `module`, which refers to it.
        let module = unsafe { libbpf_sys::btf__load_module_btf(MODULE.as_ptr(), base.0.as_ptr()) };
        let module = Types(NonNull::new(module)?);
        Some(Self { fields: module.fields(STATE_TYPE)? })
    }
}

/// Types of the kernel or of a module, which libbpf has read.
struct Types(NonNull<btf>);

impl Types {
    /// The fields of a struct.
    fn fields(&self, of: &str) -> Option<Vec<(usize, String)>> {
        let (types, name) = (self.0.as_ptr(), CString::new(of).ok()?);
        // SAFETY: libbpf reads `types` and `name`, which both live. A type is followed by
        // its members, as many as the low half of `info` says, and lives as long as `types`.
        let members = unsafe {
            let id = libbpf_sys::btf__find_by_name_kind(types, name.as_ptr(), BTF_KIND_STRUCT);
            let found = libbpf_sys::btf__type_by_id(types, u32::try_from(id).ok()?).as_ref()?;
            let first = std::ptr::from_ref(found).add(1).cast::<btf_member>();
            std::slice::from_raw_parts(first, (found.info & 0xffff) as usize)
        };
        let field = |member: &btf_member| {
            // SAFETY: the name is one of `types`: NULL, or ended by NUL, and copied at once.
            let name = unsafe {
                let name = libbpf_sys::btf__name_by_offset(types, member.name_off);
                (!name.is_null()).then(|| CStr::from_ptr(name))?
            };
            // The high byte is a bit field's width.
            let bits = member.offset & 0x00ff_ffff;
            Some((bits as usize / 8, name.to_string_lossy().into_owned()))
        };
        members.iter().map(field).collect()
    }
}

impl Drop for Types {
    fn drop(&mut self) {
        // SAFETY: made by libbpf for us, and freed once.
        unsafe { libbpf_sys::btf__free(self.0.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_at_another_place_is_found() {
        let fields = |fields: &[(usize, &str)]| -> Vec<(usize, String)> {
            fields.iter().map(|(at, name)| (*at, (*name).to_owned())).collect()
        };
        let module = fields(&[(0, "i_ino"), (8, "size"), (12, "async_size")]);
        let own = fields(&[(0, "i_ino"), (4, "size"), (8, "async_size")]);
        assert_eq!(misplaced(&own, &module), Some(("size", 4, 8)));
        // An older header, a later one, and a field that the module lacks.
        assert_eq!(misplaced(&module[..2], &module), None);
        assert_eq!(misplaced(&fields(&[(0, "i_ino"), (4, "mood")]), &module), None);
        assert_eq!(misplaced(&own, &[]), None);
    }
}
