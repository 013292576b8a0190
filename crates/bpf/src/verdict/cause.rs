// SPDX-License-Identifier: GPL-2.0-only
//! The kinds of refusal, by names that do not change.

use serde::Serialize;
use std::fmt;

/// Why a policy was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// Compiled without optimisation: the argument loses its type on its way
    /// over the stack, or its name.
    Unoptimised,
    /// A field of a struct that this kernel or module does not have.
    UnknownField,
    /// A callback, or another member of the table, that this module does not have.
    UnknownCallback,
    /// A member of the table whose type is not the module's.
    MemberType,
    /// A write to what only the module may write.
    WriteNotAllowed,
    /// An access outside of the state.
    OutOfState,
    /// A pointer that may be NULL is used without a check.
    NullPointer,
    /// A number is used as a pointer.
    NotAPointer,
    /// An index or offset that nothing bounds.
    UncheckedIndex,
    /// A loop without an end that the verifier can see, or too much code.
    UnboundedLoop,
    /// A kernel function is given what it does not take.
    KfuncArgument,
    /// A kernel function is given a copy of the state.
    ForgedState,
    /// A register is used that was never set.
    UnsetRegister,
    /// A kernel function that this kernel does not have.
    UnknownKfunc,
    /// A BPF helper that a policy may not call.
    ForbiddenHelper,
    /// A callback takes an argument that it is not given.
    NoSuchArgument,
    /// A function's argument has no name.
    UnnamedArgument,
    /// The kernel lacks the type that a policy provides.
    NoModule,
    /// The object provides something else than a readahead policy.
    ForeignType,
    /// The caller may not load programs.
    NotPermitted,
    /// The place of the policy is taken.
    Busy,
    /// The callback asks to be allowed to sleep.
    Sleepable,
    /// None of these.
    Other,
}

impl Cause {
    /// The name that programs go by, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unoptimised => "unoptimised",
            Self::UnknownField => "unknown-field",
            Self::UnknownCallback => "unknown-callback",
            Self::MemberType => "member-type",
            Self::WriteNotAllowed => "write-not-allowed",
            Self::OutOfState => "out-of-state",
            Self::NullPointer => "null-pointer",
            Self::NotAPointer => "not-a-pointer",
            Self::UncheckedIndex => "unchecked-index",
            Self::UnboundedLoop => "unbounded-loop",
            Self::KfuncArgument => "kfunc-argument",
            Self::ForgedState => "forged-state",
            Self::UnsetRegister => "unset-register",
            Self::UnknownKfunc => "unknown-kfunc",
            Self::ForbiddenHelper => "forbidden-helper",
            Self::NoSuchArgument => "no-such-argument",
            Self::UnnamedArgument => "unnamed-argument",
            Self::NoModule => "no-module",
            Self::ForeignType => "foreign-type",
            Self::NotPermitted => "not-permitted",
            Self::Busy => "busy",
            Self::Sleepable => "sleepable",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
