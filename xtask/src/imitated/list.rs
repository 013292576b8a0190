// SPDX-License-Identifier: GPL-2.0-only
//! `kmod/imitated.toml`: the kernel's functions and structs that the module depends
//! on, each with the hash of its text on each series.

use super::scan::Tokens;
use raext_kernel::Series;
use raext_model::Error;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use toml_edit::{DocumentMut, Table, value};

/// From the root of the project.
pub(crate) const PATH: &str = "kmod/imitated.toml";
/// In the place of a hash: the series has no such text.
const ABSENT: &str = "absent";
/// Digits of a hash.
const DIGITS: usize = 16;
const KINDS: [(&str, Kind); 2] = [("function", Kind::Function), ("struct", Kind::Struct)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    Struct,
}

/// A function or a struct of the kernel.
#[derive(Debug)]
pub(crate) struct Entry {
    kind: Kind,
    name: String,
    /// From the root of the kernel's source.
    file: String,
    /// The file of the module that depends on the text, from the project's root.
    user: String,
    /// The hash on each series, or [`ABSENT`].
    hashes: BTreeMap<Series, String>,
}

impl Entry {
    /// As a person writes it.
    fn title(&self) -> String {
        match self.kind {
            Kind::Function => format!("{}()", self.name),
            Kind::Struct => format!("struct {}", self.name),
        }
    }

    /// The hash of the text in a file, which the kernel may lack.
    fn hash_in(&self, file: Option<&Tokens>) -> String {
        let text = file.and_then(|tokens| match self.kind {
            Kind::Function => tokens.function(&self.name),
            Kind::Struct => tokens.structure(&self.name),
        });
        text.map_or_else(|| ABSENT.to_owned(), |text| hash(&text))
    }
}

/// A kernel's source, as far as the list needs it.
pub(crate) struct Kernel<'a> {
    pub(crate) series: Series,
    /// E.g. `7.3.4`.
    pub(crate) version: &'a str,
    /// Where a person finds the files.
    pub(crate) folder: String,
    pub(crate) files: BTreeMap<String, Tokens>,
}

/// The whole list.
pub(crate) struct List {
    document: DocumentMut,
    entries: Vec<Entry>,
}

impl List {
    /// Read the list.
    ///
    /// # Errors
    /// When the text is not TOML, or an entry lacks a key.
    pub(crate) fn of(text: &str) -> Result<Self, Error> {
        let refused = |what: String| Error::refused(what).at(PATH);
        let document: DocumentMut =
            text.parse().map_err(|e: toml_edit::TomlError| refused(e.message().to_owned()))?;
        let mut entries = Vec::new();
        for (key, kind) in KINDS {
            for table in tables(&document, key) {
                let text = |key: &str| {
                    let text = table.get(key).and_then(|item| item.as_str());
                    text.map(str::to_owned).ok_or_else(|| {
                        let name = table.get("name").and_then(|item| item.as_str());
                        refused(format!("{}: no {key}: add it", name.unwrap_or("an entry")))
                    })
                };
                text("why")?;
                entries.push(Entry {
                    kind,
                    name: text("name")?,
                    file: text("file")?,
                    user: text("user")?,
                    hashes: hashes(table).map_err(refused)?,
                });
            }
        }
        Ok(Self { document, entries })
    }

    /// The files of the kernel's source that are named.
    pub(crate) fn files(&self) -> BTreeSet<&str> {
        self.entries.iter().map(|entry| &*entry.file).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What differs on a kernel, one line each. A series without hashes is compared with
    /// the newest that has them.
    pub(crate) fn deviations(&self, kernel: &Kernel<'_>) -> Vec<String> {
        self.entries.iter().filter_map(|entry| deviation(entry, kernel)).collect()
    }

    /// Write a kernel's hashes into the list. Returns how many are new.
    pub(crate) fn accept(&mut self, kernel: &Kernel<'_>) -> usize {
        let mut written = 0;
        let mut found: Vec<String> =
            self.entries.iter().map(|entry| entry.hash_in(kernel.files.get(&entry.file))).collect();
        for (entry, hash) in self.entries.iter_mut().zip(&found) {
            let old = entry.hashes.insert(kernel.series, hash.clone());
            written += usize::from(old.as_ref() != Some(hash));
        }
        let mut found = found.drain(..);
        for (key, _) in KINDS {
            let Some(tables) = self.document[key].as_array_of_tables_mut() else { continue };
            for (table, hash) in tables.iter_mut().zip(found.by_ref()) {
                let hashes = table.entry("hash").or_insert_with(|| {
                    let mut hashes = Table::new();
                    hashes.set_dotted(true);
                    hashes.into()
                });
                hashes[&kernel.series.to_string()] = value(hash);
            }
        }
        written
    }

    pub(crate) fn text(&self) -> String {
        self.document.to_string()
    }
}

fn tables<'a>(document: &'a DocumentMut, key: &str) -> impl Iterator<Item = &'a Table> {
    document.get(key).and_then(|item| item.as_array_of_tables()).into_iter().flatten()
}

fn hashes(table: &Table) -> Result<BTreeMap<Series, String>, String> {
    let Some(hashes) = table.get("hash").and_then(|item| item.as_table_like()) else {
        return Ok(BTreeMap::new());
    };
    let each = hashes.iter().map(|(series, hash)| {
        let series = series.parse().map_err(|e: raext_kernel::NotASeries| e.to_string())?;
        let hash = hash.as_str().ok_or_else(|| format!("the hash of {series} is no text"))?;
        Ok((series, hash.to_owned()))
    });
    each.collect()
}

fn deviation(entry: &Entry, kernel: &Kernel<'_>) -> Option<String> {
    let Entry { file, user, .. } = entry;
    let (at, title) = (format!("kernel {}", kernel.version), entry.title());
    let known = entry.hashes.get_key_value(&kernel.series);
    // Without its name only a tested series is accepted.
    let series = if known.is_some() { String::new() } else { format!(" {}", kernel.series) };
    let accept = format!("`cargo run -p xtask -- imitated --accept{series}`");
    let Some((series, known)) = known.or_else(|| entry.hashes.last_key_value()) else {
        return Some(format!("{at}: {title} in {file} has no hash yet: {accept} writes it"));
    };
    let found = entry.hash_in(kernel.files.get(file));
    if found == *known {
        return None;
    }
    let there = format!("{}/{file}", kernel.folder);
    let on = if *series == kernel.series { String::new() } else { format!(" on {series}") };
    Some(if found == ABSENT {
        format!(
            "{at}: {title} is not in {file}, where the module was written for it{on}: find what \
             took its place, compare {user} with that, then correct {PATH}"
        )
    } else if known == ABSENT {
        format!(
            "{at}: {title} is in {file}, and the module was written for a kernel without it{on}: \
             compare {user} with {there}, then {accept}"
        )
    } else {
        format!(
            "{at}: {title} in {file} is not the text that the module was written for{on}: \
             compare {user} with {there}, then {accept}"
        )
    })
}

/// The first digits of the SHA-256.
fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use raext_kernel::TESTED;
    use std::fs;

    const SERIES: Series = Series { major: 7, minor: 3 };
    const TEXT: &str = "int f(int x)\n{\n\treturn x;\n}\n";
    const LIST: &str = "\
# Said before.
[[function]]
name = \"f\"
file = \"mm/f.c\"
user = \"kmod/shim/fault.c\"
why = \"A reason.\" # Said beside.

[[struct]]
name = \"s\"
file = \"mm/f.h\"
user = \"kmod/shim/env.c\"
why = \"Another.\"
";

    fn kernel(series: Series, files: &[(&str, &str)]) -> Kernel<'static> {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), Tokens::of(text)));
        Kernel {
            series,
            version: "7.3.4",
            folder: "cache/7.3.4".to_owned(),
            files: files.collect(),
        }
    }

    fn usual(text: &str) -> Kernel<'static> {
        kernel(SERIES, &[("mm/f.c", text), ("mm/f.h", "struct s {\n\tint a;\n};\n")])
    }

    /// [`LIST`] with the hashes of the usual texts.
    fn accepted() -> List {
        let mut list = List::of(LIST).unwrap();
        assert_eq!(list.accept(&usual(TEXT)), 2);
        List::of(&list.text()).unwrap()
    }

    #[test]
    fn what_was_accepted_is_written_and_does_not_deviate() {
        let list = accepted();
        let text = list.text();
        assert!(
            text.starts_with("# Said before.\n") && text.contains(" # Said beside.\n"),
            "{text}"
        );
        assert_eq!(text.matches("\nhash.\"7.3\" = \"").count(), 2, "{text}");
        assert_eq!(list.deviations(&usual(TEXT)), [""; 0]);
        assert_eq!(list.deviations(&usual("int\nf(int x) { return x; /* x */ }")), [""; 0]);
        assert_eq!(accepted().accept(&usual(TEXT)), 0);
    }

    #[test]
    fn a_changed_text_is_told_with_its_place_and_what_to_do() {
        let changed = accepted().deviations(&usual("int f(int x)\n{\n\treturn x + 1;\n}\n"));
        assert_eq!(
            changed,
            [
                "kernel 7.3.4: f() in mm/f.c is not the text that the module was written for: compare \
              kmod/shim/fault.c with cache/7.3.4/mm/f.c, then `cargo run -p xtask -- imitated \
              --accept`"
            ]
        );
    }

    #[test]
    fn a_text_that_went_and_one_that_came_are_told_apart() {
        let without = usual("int g(void)\n{\n}\n");
        let mut list = accepted();
        let gone = list.deviations(&without);
        assert!(gone[0].contains("f() is not in mm/f.c, where"), "{gone:?}");
        assert_eq!(list.accept(&without), 1);
        assert!(list.text().contains("hash.\"7.3\" = \"absent\"\n"), "{}", list.text());
        assert_eq!(list.deviations(&without), [""; 0]);
        assert!(list.deviations(&usual(TEXT))[0].contains("written for a kernel without it"));
        let no_file = kernel(SERIES, &[("mm/f.c", TEXT)]);
        assert!(accepted().deviations(&no_file)[0].contains("struct s is not in mm/f.h"));
    }

    #[test]
    fn a_series_without_hashes_is_compared_with_the_newest_that_has_them() {
        let next = |text| kernel(Series { major: 7, minor: 4 }, &[("mm/f.c", text)]);
        let list = accepted();
        let found = list.deviations(&next(TEXT));
        assert_eq!(found.len(), 1, "{found:?}");
        let found = list.deviations(&next("int f(void)\n{\n}\n"));
        assert!(found[0].contains("the module was written for on 7.3: compare"), "{found:?}");
        assert!(found[0].ends_with(" --accept 7.4`"), "{found:?}");
        let none = List::of(LIST).unwrap().deviations(&next(TEXT));
        assert!(none[0].contains("f() in mm/f.c has no hash yet"), "{none:?}");
    }

    #[test]
    fn an_entry_without_a_key_is_refused() {
        for key in ["name", "file", "user", "why"] {
            let text = LIST.replacen(&format!("{key} ="), "other =", 1);
            let error = List::of(&text).err().unwrap().to_string();
            assert!(error.starts_with(PATH) && error.contains(&format!("no {key}: ")), "{error}");
        }
        assert!(List::of("[[function]").is_err());
    }

    #[test]
    fn the_projects_list_is_whole() {
        let root = crate::root();
        let list = List::of(&fs::read_to_string(root.join(PATH)).unwrap()).unwrap();
        assert!(list.len() > 0);
        for Entry { name, user, hashes, .. } in &list.entries {
            assert!(root.join(user).is_file(), "{name}: {user} is not there");
            let series: Vec<Series> = hashes.keys().copied().collect();
            assert_eq!(series, TESTED.map(|tested| tested.series), "{name}");
            for hash in hashes.values() {
                let digits = hash.len() == DIGITS && hash.bytes().all(|b| b.is_ascii_hexdigit());
                assert!(digits || hash == ABSENT, "{name}: {hash}");
            }
            assert!(hashes.values().any(|hash| hash != ABSENT), "{name}: on no kernel");
        }
    }
}
