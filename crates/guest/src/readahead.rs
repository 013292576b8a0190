// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's own readahead, set to another length for some time.

use crate::error::Context;
use crate::workload::bdi;
use raext_model::Failure;
use std::path::Path;

/// What was set on the device that there is now.
#[derive(Debug, Default)]
pub(crate) struct Readahead {
    wish: Option<Wish>,
}

#[derive(Debug)]
struct Wish {
    kb: u32,
    before: u32,
}

impl Readahead {
    /// Set it, or put back what was there before all others.
    ///
    /// # Errors
    /// When the kernel does not play along.
    pub(crate) fn set(&mut self, setting: &Path, kb: Option<u32>) -> Result<(), Failure> {
        let what = || "set the kernel's readahead".to_owned();
        let before = match &self.wish {
            Some(wish) => wish.before,
            None => bdi::read(setting).context(what)?,
        };
        bdi::write(setting, kb.unwrap_or(before)).context(what)?;
        self.wish = kb.map(|kb| Wish { kb, before });
        Ok(())
    }

    /// The device was mounted anew, which may have made another setting.
    ///
    /// # Errors
    /// As [`Readahead::set`].
    pub(crate) fn again(&self, setting: &Path) -> Result<(), Failure> {
        let Some(wish) = &self.wish else { return Ok(()) };
        bdi::write(setting, wish.kb).context(|| "set the kernel's readahead again".into())
    }

    /// Another device, with a setting of its own.
    pub(crate) fn forget(&mut self) {
        self.wish = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_was_there_first_comes_back() {
        let path = std::env::temp_dir().join(format!("raext-readahead-{}", std::process::id()));
        fs::write(&path, "128\n").unwrap();
        let now = || fs::read_to_string(&path).unwrap();
        let mut readahead = Readahead::default();
        readahead.set(&path, Some(16)).unwrap();
        readahead.set(&path, Some(0)).unwrap();
        assert_eq!(now(), "0");
        fs::write(&path, "64").unwrap();
        readahead.again(&path).unwrap();
        assert_eq!(now(), "0");
        readahead.set(&path, None).unwrap();
        assert_eq!(now(), "128");
        readahead.again(&path).unwrap();
        assert_eq!(now(), "128");
        fs::remove_file(&path).unwrap();
    }
}
