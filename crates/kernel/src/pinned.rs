// SPDX-License-Identifier: GPL-2.0-only
//! Packages that the archive still keeps, but lists no more.
//!
//! The archive goes on listing a kernel's image when a newer kernel takes its
//! place, but not its headers. Their files stay in the pool, where no signed
//! list vouches for them any more: what they must hash to is written here.

/// A file of the archive's pool.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pinned {
    /// The package's name.
    pub package: &'static str,
    /// The file, from the archive's root.
    pub file: &'static str,
    /// SHA-256 of the file.
    pub sha256: &'static str,
}

impl Pinned {
    /// The version of the package, as its file's name has it.
    pub(crate) fn version(&self) -> Option<&'static str> {
        self.file.rsplit('/').next()?.split('_').nth(1)
    }
}

/// The last kernel of 6.18, a series with long support upstream. The hash of
/// the image is that of the archive's signed list, as long as it had it.
const PINNED: [Pinned; 5] = [
    Pinned {
        package: "linux-image-6.18.15+deb13-cloud-amd64",
        file: "pool/main/l/linux-signed-amd64/\
               linux-image-6.18.15+deb13-cloud-amd64_6.18.15-1~bpo13+1_amd64.deb",
        sha256: "5a507681ea8c978d02265a7fec2f02c9588fb48b54b7f71edc1059e86007f3ec",
    },
    Pinned {
        package: "linux-headers-6.18.15+deb13-cloud-amd64",
        file: "pool/main/l/linux/\
               linux-headers-6.18.15+deb13-cloud-amd64_6.18.15-1~bpo13+1_amd64.deb",
        sha256: "3bd2a70ec82944d17b69824a428defb090708ec284c173f96a4171ba8aa271c2",
    },
    Pinned {
        package: "linux-headers-6.18.15+deb13-common",
        file: "pool/main/l/linux/linux-headers-6.18.15+deb13-common_6.18.15-1~bpo13+1_all.deb",
        sha256: "a54ed9b3be5247fe2e003423e067cb8e8b06e4a44a09459b85cfec0afbcbd5ef",
    },
    Pinned {
        package: "linux-kbuild-6.18.15+deb13",
        file: "pool/main/l/linux/linux-kbuild-6.18.15+deb13_6.18.15-1~bpo13+1_amd64.deb",
        sha256: "5e64129020cdb5effd6ed3895ca89608ef17bcf643eedfc8013dad89bab70a02",
    },
    Pinned {
        package: "linux-source-6.18",
        file: "pool/main/l/linux/linux-source-6.18_6.18.15-1~bpo13+1_all.deb",
        sha256: "1638c9e5f4307c722231d8000e30cd2fa2fb71f55e081ff9eecfd0a756955c18",
    },
];

/// The file of a package that the archive does not list.
pub(crate) fn pinned(package: &str) -> Option<&'static Pinned> {
    PINNED.iter().find(|pinned| pinned.package == package)
}

/// The names of all of them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PINNED.iter().map(|pinned| pinned.package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_of_its_package_and_has_a_hash() {
        for Pinned { package, file, sha256 } in &PINNED {
            assert!(file.starts_with("pool/main/l/linux"), "{file}");
            assert!(file.rsplit('/').next().unwrap().starts_with(&format!("{package}_")), "{file}");
            assert!(file.ends_with(".deb") && !file.contains(' '), "{file}");
            assert_eq!(pinned(package).unwrap().version(), Some("6.18.15-1~bpo13+1"));
            assert!(sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit()));
        }
    }
}
