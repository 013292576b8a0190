// SPDX-License-Identifier: GPL-2.0-only
//! Constants of a policy that can be set when it is loaded.

use std::fmt;

/// How a tunable's bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An unsigned integer.
    Unsigned,
    /// A signed integer.
    Signed,
    /// `true` or `false`.
    Bool,
}

/// A constant in the policy's read-only data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunable {
    /// Its name, lower case.
    pub name: String,
    /// How its bytes are read.
    pub kind: Kind,
    /// Bytes: 1, 2, 4 or 8.
    pub width: usize,
    /// Where it lies in `.rodata`, bytes.
    pub offset: usize,
    /// The value that was compiled in.
    pub default: i128,
    /// Smallest and largest value that it takes.
    pub range: (i128, i128),
}

impl Tunable {
    /// Smallest and largest value of a type.
    pub(crate) fn type_range(kind: Kind, width: usize) -> (i128, i128) {
        let bits = width as u32 * 8;
        match kind {
            Kind::Unsigned => (0, (1 << bits) - 1),
            Kind::Signed => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            Kind::Bool => (0, 1),
        }
    }

    /// A value as the bytes that the policy reads (little endian, as its
    /// machine), or what is wrong with it.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u8>, String> {
        let value = match (self.kind, text) {
            (Kind::Bool, "true" | "yes" | "on") => 1,
            (Kind::Bool, "false" | "no" | "off") => 0,
            _ => text
                .replace('_', "")
                .parse::<i128>()
                .map_err(|_| format!("is no {}", self.type_name()))?,
        };
        let (least, most) = self.range;
        if !(least..=most).contains(&value) {
            return Err(format!("is out of range: {least} to {most}"));
        }
        Ok(value.to_le_bytes()[..self.width].to_vec())
    }

    /// Read a value from its bytes.
    pub(crate) fn decode(kind: Kind, bytes: &[u8]) -> i128 {
        let negative = kind == Kind::Signed && bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        i128::from_le_bytes(wide)
    }

    fn type_name(&self) -> String {
        match self.kind {
            Kind::Unsigned => format!("number (u{})", self.width * 8),
            Kind::Signed => format!("number (i{})", self.width * 8),
            Kind::Bool => "true or false".into(),
        }
    }
}

impl fmt::Display for Tunable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.kind {
            Kind::Unsigned => "u",
            Kind::Signed => "i",
            Kind::Bool => return write!(f, "{}={} (bool)", self.name, self.default != 0),
        };
        write!(f, "{}={} ({letter}{}", self.name, self.default, self.width * 8)?;
        if self.range != Self::type_range(self.kind, self.width) {
            write!(f, ", {} to {}", self.range.0, self.range.1)?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tunable(kind: Kind, width: usize) -> Tunable {
        let range = Tunable::type_range(kind, width);
        Tunable { name: "limit_kb".into(), kind, width, offset: 0, default: 0, range }
    }

    #[test]
    fn values_fit_their_type_or_are_refused() {
        let u32_ = tunable(Kind::Unsigned, 4);
        assert_eq!(u32_.encode("4_096"), Ok(vec![0, 16, 0, 0]));
        assert_eq!(u32_.encode("4294967295").unwrap(), [0xff; 4]);
        assert!(u32_.encode("4294967296").unwrap_err().contains("0 to 4294967295"));
        assert!(u32_.encode("-1").unwrap_err().contains("out of range"));
        assert!(u32_.encode("4k").unwrap_err().contains("no number (u32)"));
        assert_eq!(tunable(Kind::Signed, 2).encode("-2"), Ok(vec![0xfe, 0xff]));
        assert_eq!(tunable(Kind::Bool, 1).encode("true"), Ok(vec![1]));
        assert!(tunable(Kind::Bool, 1).encode("2").is_err());
        assert_eq!(tunable(Kind::Unsigned, 8).range.1, i128::from(u64::MAX));
        let narrow = Tunable { range: (4, 64), ..tunable(Kind::Unsigned, 4) };
        assert!(narrow.encode("3").unwrap_err().contains("4 to 64"));
        assert_eq!(narrow.to_string(), "limit_kb=0 (u32, 4 to 64)");
    }

    #[test]
    fn defaults_are_read_with_their_sign() {
        assert_eq!(Tunable::decode(Kind::Signed, &[0xfe, 0xff]), -2);
        assert_eq!(Tunable::decode(Kind::Unsigned, &[0xfe, 0xff]), 65534);
    }
}
