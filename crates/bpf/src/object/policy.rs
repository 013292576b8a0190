// SPDX-License-Identifier: GPL-2.0-only
//! A policy's object file, read.

use crate::object::btf::Number;
use crate::object::{OPS_TYPE, ObjectError, STATE_TYPE, TABLES, Tunable, btf, wants};
use libbpf_rs::btf::Btf;
use object::{
    Architecture, Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget,
    SymbolKind,
};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The facts in a policy's object file.
#[derive(Debug, Clone)]
pub struct PolicyObject {
    path: PathBuf,
    name: String,
    callbacks: Vec<String>,
    members: Vec<(usize, String)>,
    tunables: Vec<Tunable>,
    sources: Vec<String>,
    state_fields: Vec<(usize, String)>,
    moves_state: bool,
    wants: u64,
    unnamed_argument: Option<String>,
    unoptimised: bool,
}

impl PolicyObject {
    /// Read an object file.
    ///
    /// # Errors
    /// When it is no readahead policy; the error says what it is instead.
    pub fn read(path: &Path) -> Result<Self, ObjectError> {
        Self::parse(path, &read_file(path)?)
    }

    /// Read the bytes of an object file.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ObjectError> {
        let damaged = |why: String| ObjectError::Damaged { path: path.to_path_buf(), why };
        let file = object::File::parse(bytes).map_err(|error| damaged(error.to_string()))?;
        if file.architecture() != Architecture::Bpf {
            return Err(ObjectError::NotBpf {
                path: path.to_path_buf(),
                machine: format!("{:?}", file.architecture()),
            });
        }
        if file.endianness() != Endianness::Little {
            return Err(ObjectError::NotBpf {
                path: path.to_path_buf(),
                machine: "big-endian BPF".into(),
            });
        }
        let section = |name: &str| file.section_by_name(name).filter(|s| s.size() > 0);
        let table = TABLES
            .into_iter()
            .find_map(section)
            .ok_or_else(|| ObjectError::NoStructOps(path.to_path_buf()))?;
        if let Some(what) = panic_of(&file) {
            return Err(ObjectError::Panics { path: path.to_path_buf(), what });
        }
        let raw_btf = section(".BTF")
            .ok_or_else(|| ObjectError::NoBtf(path.to_path_buf()))?
            .data()
            .map_err(|error| damaged(error.to_string()))?;
        let parsed = Btf::from_raw("policy", bytes)
            .map_err(|error| damaged(format!("BTF: {error}")))?
            .ok_or_else(|| ObjectError::NoBtf(path.to_path_buf()))?;
        let table_name = table.name().map_err(|error| damaged(error.to_string()))?.to_owned();
        let variable = the_policy(path, btf::variables(&parsed, &table_name))?;
        let members = btf::members(&parsed, OPS_TYPE);
        let at = symbol_address(&file, &variable).unwrap_or(0);
        let data = table.data().map_err(|error| damaged(error.to_string()))?;
        let state_fields = btf::members(&parsed, STATE_TYPE);
        let calls = callbacks(&file, &table, at, &members);
        Ok(Self {
            path: path.to_path_buf(),
            name: policy_name(data, at, &members).unwrap_or(variable),
            unoptimised: calls.iter().any(|(_, function)| spills_its_context(&file, function)),
            callbacks: calls.into_iter().map(|(member, _)| member).collect(),
            tunables: tunables(&file, &parsed),
            members,
            sources: btf::strings(raw_btf).into_iter().filter(|s| is_source(s)).collect(),
            wants: wants::find(&file, &state_fields),
            state_fields,
            moves_state: section(".BTF.ext")
                .and_then(|section| section.data().ok())
                .is_some_and(|ext| btf::relocates(&parsed, ext, STATE_TYPE)),
            unnamed_argument: btf::unnamed_argument(&parsed),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The policy's own name; that of its table where it gives none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The callbacks that it provides, by the names of the contract.
    pub fn callbacks(&self) -> &[String] {
        &self.callbacks
    }

    /// The variables that can be set when it is loaded.
    pub fn tunables(&self) -> &[Tunable] {
        &self.tunables
    }

    /// The source files that it was compiled from, as the compiler named them.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Where a member lies in the policy's table, bytes; `None` if the table was
    /// compiled without it.
    pub fn member(&self, name: &str) -> Option<usize> {
        self.members.iter().find(|(_, member)| member == name).map(|(at, _)| *at)
    }

    /// The field of the state that lies at a byte offset, as the policy was
    /// compiled.
    pub fn state_field(&self, offset: usize) -> Option<&str> {
        self.state_fields.iter().find(|(at, _)| *at == offset).map(|(_, name)| name.as_str())
    }

    /// The fields of the state by their byte offsets, as the policy was compiled.
    pub(crate) fn state_fields(&self) -> &[(usize, String)] {
        &self.state_fields
    }

    /// The fields of the state that the policy reads and that are dear to know
    /// (`bpf_fs_readahead_wants`).
    pub(crate) fn wants(&self) -> u64 {
        self.wants
    }

    /// Whether the compiler has recorded accesses to the state, so that the loader can move
    /// them to another layout.
    pub(crate) fn moves_state(&self) -> bool {
        self.moves_state
    }

    /// A function with an argument that has no name, if there is one.
    pub fn unnamed_argument(&self) -> Option<&str> {
        self.unnamed_argument.as_deref()
    }

    /// Whether a callback begins as compilers begin it without optimisation: by
    /// storing its argument to the stack.
    pub fn looks_unoptimised(&self) -> bool {
        self.unoptimised
    }

    /// Where in `.rodata` a tunable lies, and a value's bytes.
    ///
    /// # Errors
    /// When there is no such tunable (its name's case does not matter), or the
    /// value does not fit.
    pub fn encode_tunable(&self, name: &str, value: &str) -> Result<(usize, Vec<u8>), ObjectError> {
        let tunable = self
            .tunables
            .iter()
            .find(|tunable| tunable.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| ObjectError::UnknownTunable {
                path: self.path.clone(),
                name: name.to_owned(),
                known: self.known_tunables(),
            })?;
        let bytes = tunable.encode(value).map_err(|why| ObjectError::BadValue {
            path: self.path.clone(),
            name: tunable.name.clone(),
            value: value.to_owned(),
            why,
        })?;
        Ok((tunable.offset, bytes))
    }

    fn known_tunables(&self) -> String {
        if self.tunables.is_empty() {
            return "it has none".into();
        }
        let known: Vec<_> = self.tunables.iter().map(Tunable::to_string).collect();
        format!("it has {}", known.join(", "))
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, ObjectError> {
    let owned = || path.to_path_buf();
    let bytes = fs::read(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => ObjectError::Missing(owned()),
        ErrorKind::IsADirectory => ObjectError::Directory(owned()),
        _ => ObjectError::Unreadable { path: owned(), source },
    })?;
    match bytes.get(..4) {
        _ if bytes.is_empty() => Err(ObjectError::Empty(owned())),
        Some(b"\x7fELF") => Ok(bytes),
        _ => Err(ObjectError::NotElf(owned())),
    }
}

/// The one variable that is a readahead policy.
fn the_policy(path: &Path, variables: Vec<btf::Variable>) -> Result<String, ObjectError> {
    let (ours, foreign): (Vec<_>, Vec<_>) =
        variables.into_iter().partition(|variable| variable.type_name == OPS_TYPE);
    match (&ours[..], &foreign[..]) {
        ([only], []) => Ok(only.name.clone()),
        (_, [first, ..]) => Err(ObjectError::ForeignType {
            path: path.to_path_buf(),
            found: first.type_name.clone(),
        }),
        ([], []) => Err(ObjectError::NoStructOps(path.to_path_buf())),
        (several, []) => Err(ObjectError::Several {
            path: path.to_path_buf(),
            names: several.iter().map(|v| v.name.as_str()).collect::<Vec<_>>().join(", "),
        }),
    }
}

/// The kind of panic that a policy in Rust may end in, if any: a function of the
/// core library, `…9panicking18panic_bounds_check` in the object file.
fn panic_of(file: &object::File<'_>) -> Option<String> {
    file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text).find_map(|symbol| {
        let (_, function) = symbol.name().ok()?.split_once("9panicking")?;
        Some(function.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned())
    })
}

fn symbol_address(file: &object::File<'_>, name: &str) -> Option<usize> {
    let symbol = file.symbols().find(|symbol| symbol.name() == Ok(name))?;
    usize::try_from(symbol.address()).ok()
}

fn policy_name(data: &[u8], at: usize, members: &[(usize, String)]) -> Option<String> {
    let (offset, _) = members.iter().find(|(_, member)| member == "name")?;
    let bytes = data.get(at + offset..)?;
    let text = &bytes[..bytes.iter().take(16).position(|&byte| byte == 0)?];
    (!text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
}

/// Member and function of each callback that the table points to.
fn callbacks(
    file: &object::File<'_>,
    table: &object::Section<'_, '_>,
    at: usize,
    members: &[(usize, String)],
) -> Vec<(String, String)> {
    let callback = |offset: u64, target: RelocationTarget| {
        let offset = usize::try_from(offset).ok()?.checked_sub(at)?;
        let (_, member) = members.iter().find(|(start, _)| *start == offset)?;
        let RelocationTarget::Symbol(index) = target else { return None };
        let symbol = file.symbol_by_index(index).ok()?;
        // Compilers point to a function by its name or by its section.
        let function = match symbol.kind() {
            SymbolKind::Section => file.section_by_index(symbol.section_index()?).ok()?.name(),
            _ => symbol.name(),
        };
        Some((member.clone(), function.ok()?.to_owned()))
    };
    table.relocations().filter_map(|(at, reloc)| callback(at, reloc.target())).collect()
}

/// `*(u64 *)(r10 - N) = r1` as the first instruction. N depends on the
/// function's other variables.
fn spills_its_context(file: &object::File<'_>, function: &str) -> bool {
    const STORE_R1: [u8; 2] = [0x7b, 0x1a];
    let start = file
        .symbols()
        .find(|symbol| symbol.name() == Ok(function) && symbol.kind() == SymbolKind::Text)
        .and_then(|symbol| Some((symbol.section_index()?, symbol.address())))
        .or_else(|| Some((file.section_by_name(function)?.index(), 0)));
    let first = start.and_then(|(section, address)| {
        let data = file.section_by_index(section).ok()?.data().ok()?;
        data.get(usize::try_from(address).ok()?..)?.get(..2)
    });
    first == Some(&STORE_R1[..])
}

fn tunables(file: &object::File<'_>, parsed: &Btf<'_>) -> Vec<Tunable> {
    let Some(rodata) = file.section_by_name(".rodata") else { return Vec::new() };
    let Ok(data) = rodata.data() else { return Vec::new() };
    let tunable = |symbol: object::Symbol<'_, '_>| {
        if symbol.section_index() != Some(rodata.index()) || symbol.kind() != SymbolKind::Data {
            return None;
        }
        let name = symbol.name().ok()?;
        let Number { kind, width, has_range } = btf::number(parsed, name)?;
        let offset = usize::try_from(symbol.address()).ok()?;
        let at = |n: usize| {
            let start = offset + n * width;
            let bytes =
                data.get(start..start + width).filter(|_| matches!(width, 1 | 2 | 4 | 8))?;
            Some(Tunable::decode(kind, bytes))
        };
        Some(Tunable {
            name: name.to_lowercase(),
            kind,
            width,
            offset,
            default: at(0)?,
            range: if has_range { (at(1)?, at(2)?) } else { Tunable::type_range(kind, width) },
        })
    };
    let mut found: Vec<_> = file.symbols().filter_map(tunable).collect();
    found.sort_by_key(|tunable| tunable.offset);
    found
}

fn is_source(text: &str) -> bool {
    [".rs", ".c", ".h"].iter().any(|end| text.ends_with(end)) && !text.contains(' ')
}
