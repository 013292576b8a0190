// SPDX-License-Identifier: GPL-2.0-only
//! The causes of refusals: a table, the most telling first.

use crate::object::{OPS_TYPE, STATE_TYPE};
use crate::verdict::cause::Cause;
use crate::verdict::explain::Facts;
use crate::verdict::log::Log;
use crate::verdict::register;

const EPERM: i32 = 1;
const EBUSY: i32 = 16;

/// The facts that a rule decides by.
pub(super) struct Evidence<'a> {
    pub log: &'a Log<'a>,
    pub facts: &'a Facts<'a>,
    pub errno: i32,
}

/// The finding of a rule.
#[derive(Debug)]
pub(super) struct Finding {
    /// The fault, in one line.
    pub headline: String,
    /// The remedy.
    pub help: String,
    /// A text in the source by which the place is found where the log has none.
    pub needle: Option<String>,
}

impl Finding {
    fn new(headline: impl Into<String>, help: impl Into<String>) -> Self {
        Self { headline: headline.into(), help: help.into(), needle: None }
    }

    fn at(self, needle: impl Into<String>) -> Self {
        Self { needle: Some(needle.into()), ..self }
    }
}

type Rule = fn(&Evidence<'_>) -> Option<Finding>;

/// The first rule that applies names the cause.
const RULES: [(Cause, Rule); 22] = [
    (Cause::NoModule, no_module),
    (Cause::ForeignType, foreign_type),
    (Cause::UnknownCallback, unknown_callback),
    (Cause::MemberType, member_type),
    (Cause::UnknownKfunc, unknown_kfunc),
    (Cause::UnknownField, unknown_field),
    (Cause::Sleepable, sleepable),
    // Without optimisation arguments lose their names too, so this comes first.
    (Cause::Unoptimised, unoptimised),
    (Cause::UnnamedArgument, unnamed_argument),
    (Cause::WriteNotAllowed, write_not_allowed),
    (Cause::OutOfState, out_of_state),
    (Cause::NullPointer, null_pointer),
    (Cause::NotAPointer, not_a_pointer),
    (Cause::ForgedState, forged_state),
    (Cause::KfuncArgument, kfunc_argument),
    (Cause::UnsetRegister, unset_register),
    (Cause::UncheckedIndex, unchecked_index),
    (Cause::UnboundedLoop, unbounded_loop),
    (Cause::ForbiddenHelper, forbidden_helper),
    (Cause::NoSuchArgument, no_such_argument),
    (Cause::Busy, busy),
    (Cause::NotPermitted, not_permitted),
];

/// The cause of a refusal, as far as it is known.
pub(super) fn find(evidence: &Evidence<'_>) -> (Cause, Finding) {
    let known = RULES.iter().find_map(|(cause, rule)| Some((*cause, rule(evidence)?)));
    known.unwrap_or_else(|| (Cause::Other, other(evidence)))
}

fn other(evidence: &Evidence<'_>) -> Finding {
    let headline = match evidence.log.complaint {
        Some(text) => format!("the kernel says: {text}"),
        None => format!("the kernel gave error {} and no reason", evidence.errno),
    };
    Finding::new(headline, "read the whole log (--log): the verifier's last steps led to this")
}

/// libbpf names the kernel's wrapper of a struct_ops type when it misses it.
fn missing_type<'a>(evidence: &Evidence<'a>) -> Option<&'a str> {
    let log = evidence.log;
    let missing = log.complains(&["is not found in kernel BTF"]);
    missing
        .then(|| log.word_after("struct bpf_struct_ops_").or_else(|| log.word_after("struct ")))?
}

fn no_module(evidence: &Evidence<'_>) -> Option<Finding> {
    (missing_type(evidence)? == OPS_TYPE).then(|| {
        Finding::new(
            format!("this kernel has no struct_ops type {OPS_TYPE}"),
            "load the kernel module readahead_ext, which brings it: `raext module build`, \
             `raext module load`",
        )
    })
}

fn foreign_type(evidence: &Evidence<'_>) -> Option<Finding> {
    let found = missing_type(evidence)?;
    Some(Finding::new(
        format!("the object provides a {found}, not a readahead policy"),
        format!("provide a table of type {OPS_TYPE}"),
    ))
}

fn unknown_callback(evidence: &Evidence<'_>) -> Option<Finding> {
    let log = evidence.log;
    log.complains(&["Cannot find member"]).then_some(())?;
    let member = log.word_after("Cannot find member ")?;
    let finding = Finding::new(
        format!("this kernel's readahead_ext has no member `{member}` in its {OPS_TYPE}"),
        format!("leave `.{member}` out, or load a later version of the module"),
    );
    Some(finding.at(format!(".{member}")))
}

fn member_type(evidence: &Evidence<'_>) -> Option<Finding> {
    const WORDS: [&str; 2] = ["Unmatched member type ", "Error in size of member "];
    let log = evidence.log;
    log.complains(&WORDS).then_some(())?;
    let member = WORDS.iter().find_map(|words| log.word_after(words))?;
    let finding = Finding::new(
        format!(
            "the member `{member}` of the policy's {OPS_TYPE} has another type than the module's"
        ),
        format!("declare `{member}` as readahead_ext_abi.h does"),
    );
    Some(finding.at(format!(".{member}")))
}

fn unknown_kfunc(evidence: &Evidence<'_>) -> Option<Finding> {
    let log = evidence.log;
    let named = log
        .word_after("extern (func ksym) '")
        .filter(|_| log.text.contains("not found in kernel or module BTFs"));
    let refused =
        || log.complains(&["kernel function"]).then(|| log.word_after("kernel function "));
    let name = named.or_else(|| refused()?)?;
    let finding = Finding::new(
        format!("this kernel has no function `{name}` for policies"),
        "check its name; where it is right, this kernel or its module is older than the policy: \
         declare it __weak and ask before the call, or load a later module",
    );
    Some(finding.at(format!("{name}(")))
}

fn unknown_field(evidence: &Evidence<'_>) -> Option<Finding> {
    // libbpf replaces a failed relocation by a call of this function.
    const POISON: &str = "invalid func unknown#195896080";
    let log = evidence.log;
    log.complains(&["failed to resolve CO-RE relocation", POISON]).then_some(())?;
    let path = log.lines.iter().rev().find_map(|line| relocated(line));
    let help = "use a field that the running module has (readahead_ext_abi.h lists them), or ask \
                with bpf_core_field_exists() before using it";
    let Some((of, field)) = path else {
        return Some(Finding::new("a field or type is used that this kernel does not have", help));
    };
    let finding = Finding::new(format!("this kernel's struct {of} has no field `{field}`"), help);
    Some(finding.at(field))
}

/// Struct and field of `<byte_off> [6] struct a___flavour.b (0:1 @ offset 8)`.
fn relocated(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once("CO-RE relocation ")?;
    let (_, rest) = rest.split_once("] struct ")?;
    let (of, field) = rest.split_whitespace().next()?.split_once('.')?;
    Some((of.split_once("___").map_or(of, |(name, _)| name), field))
}

fn sleepable(evidence: &Evidence<'_>) -> Option<Finding> {
    evidence.log.complains(&["attach to unsupported member"]).then_some(())?;
    let member = evidence.log.word_after("unsupported member ").unwrap_or("callback");
    let finding = Finding::new(
        format!("`{member}` asks to be allowed to sleep, which a policy may not"),
        "put it into the section struct_ops/..., without the `.s` (sleepable)",
    );
    Some(finding.at("struct_ops.s/"))
}

fn unoptimised(evidence: &Evidence<'_>) -> Option<Finding> {
    let log = evidence.log;
    // As compilers begin a function without optimisation: the argument goes to
    // the stack, and comes back without its type.
    let to_stack = |i: &str| i.starts_with("*(u64 *)(r10 -") && i.ends_with(" = r1");
    let spills = log.first_instruction().is_some_and(to_stack);
    let looks = evidence.facts.unoptimised || spills;
    let symptom = log.complains(&["invalid mem access 'scalar'", "Invalid arg#"]);
    (looks && symptom).then(|| {
        let function = log.program.or_else(|| function_of(log.complaint?));
        let finding = Finding::new(
            "the policy was compiled without optimisation",
            "compile with -O2 (clang -O2 -g -target bpf -mcpu=v3, or a release build in Rust); \
             `raext build` does",
        );
        Finding { needle: function.map(str::to_owned), ..finding }
    })
}

fn unnamed_argument(evidence: &Evidence<'_>) -> Option<Finding> {
    evidence.log.complains(&["Invalid arg#", "Invalid name"]).then_some(())?;
    let function = evidence.log.complaint.and_then(function_of);
    let function = function.or(evidence.facts.unnamed_argument).unwrap_or("of the policy");
    let finding = Finding::new(
        format!("the function {function} has an argument without a name"),
        "name every argument, those that are not used too (`_unused` rather than `_`)",
    );
    Some(finding.at(function))
}

/// The function of `[14] FUNC limit type_id=13 Invalid arg#2`.
fn function_of(complaint: &str) -> Option<&str> {
    complaint.split_once(" FUNC ")?.1.split_whitespace().next()
}

fn write_not_allowed(evidence: &Evidence<'_>) -> Option<Finding> {
    const MODULE: &str = "readahead_ext: a policy may write";
    // The kernel's own words about a pointer that was kept, or that is no state's.
    const KERNEL: &str = "only read is supported";
    let log = evidence.log;
    if log.complains(&[KERNEL]) {
        return Some(Finding::new(
            "the policy writes through a pointer that it may only read through",
            "write the state of the callback's own argument: a state that was kept is gone when \
             the callback has returned",
        ));
    }
    let complaint = log.complaint.filter(|text| text.contains(MODULE))?;
    let help = "write only the fields start, size and async_size of the state, each as a whole; \
                answer with the value that the callback returns";
    let offset = complaint.rsplit_once("at offset ").and_then(|(_, n)| n.parse::<usize>().ok());
    let Some(offset) = offset else {
        return Some(Finding::new("the policy writes to memory that is not the state", help));
    };
    // The name is as the policy was compiled, the offset as this kernel has it:
    // they belong together unless the source line says otherwise.
    let line = log.annotations().next().map_or("", |source| source.text);
    let field = (evidence.facts.state_field)(offset)
        .filter(|f| line.is_empty() || line.contains(f.as_str()));
    let headline = match field.as_deref() {
        Some(field) if ["start", "size", "async_size"].contains(&field) => {
            format!("the policy writes a part of the field `{field}` only")
        }
        Some(field) => format!("the policy writes the field `{field}`, which only the module may"),
        None => format!("the policy writes at offset {offset} of the state, which it may not"),
    };
    Some(Finding::new(headline, help))
}

fn out_of_state(evidence: &Evidence<'_>) -> Option<Finding> {
    let log = evidence.log;
    log.complains(&["access beyond struct", "access beyond the end of member"]).then_some(())?;
    let of = log.word_after("access beyond struct ").unwrap_or(STATE_TYPE);
    let place = log.complaint.and_then(|text| Some(text.split_once(" at off ")?.1));
    let place = place.and_then(|text| text.split_once(" size "));
    let where_ = place.map_or_else(String::new, |(at, n)| format!(" ({n} bytes at offset {at})"));
    Some(Finding::new(
        format!("the policy reads behind the end of struct {of}{where_}"),
        "use the struct's fields by their names instead of computing addresses",
    ))
}

fn null_pointer(evidence: &Evidence<'_>) -> Option<Finding> {
    let log = evidence.log;
    let lookup = log.complains(&["invalid mem access 'map_value_or_null'"]);
    let other = log.complains(&["_or_null'", "Possibly NULL pointer"]);
    let headline = match (lookup, other) {
        (true, _) => "what a lookup in a map returned is used without a check for NULL",
        (false, true) => "a pointer that may be NULL is used without a check",
        (false, false) => return None,
    };
    Some(Finding::new(
        headline,
        "check it first: `if (!p) return -1;` in C, `let Some(p) = ... else` in Rust",
    ))
}

fn not_a_pointer(evidence: &Evidence<'_>) -> Option<Finding> {
    evidence.log.complains(&["invalid mem access"]).then(|| {
        Finding::new(
            "the policy reads or writes memory through what is no pointer to the verifier",
            "use pointers only as the kernel gave them (the argument, map values); what was read \
             from a field is a number",
        )
    })
}

const NOT_THE_STATE: &str = "must point to scalar, or struct with scalar";

/// The state has a pointer in it, for which the verifier takes no memory of the policy's own.
fn forged_state(evidence: &Evidence<'_>) -> Option<Finding> {
    let copied = evidence.log.complains(&[NOT_THE_STATE]) && register::is_own_memory(evidence.log);
    copied.then(|| {
        Finding::new(
            "a function of the kernel is given a copy of the state",
            "give it the callback's own argument, `s`, as it came: a state on the stack or in a \
             map is refused",
        )
    })
}

fn kfunc_argument(evidence: &Evidence<'_>) -> Option<Finding> {
    let log = evidence.log;
    let complaint = log.complaint?;
    // As of "R1 type=scalar expected=fp", "args#0 expected pointer to STRUCT x".
    let register = complaint.starts_with('R') && complaint.contains(" type=");
    let wrong = register && complaint.contains("expected=");
    (wrong || log.complains(&["expected pointer to STRUCT", NOT_THE_STATE])).then(|| {
        Finding::new(
            "a function of the kernel is given an argument of another kind than it takes",
            "give it the callback's own argument, `s`, as it came: in Rust, call the methods of \
             State",
        )
    })
}

fn unset_register(evidence: &Evidence<'_>) -> Option<Finding> {
    evidence.log.complains(&["!read_ok"]).then(|| {
        Finding::new(
            "a value is kept that is set on some of the ways to this place only",
            "the compiler does so where an answer is made first and something is called then: \
             finish all calls (FILES.set, prefetch) and make the answer last; in C, initialise \
             the variable",
        )
    })
}

fn unchecked_index(evidence: &Evidence<'_>) -> Option<Finding> {
    let words = [
        "unbounded memory access",
        "unbounded min value",
        "min value is outside of",
        "max value is outside of",
        "min value is negative",
        "invalid access to map value",
        "invalid access to memory",
        "invalid variable-offset",
    ];
    evidence.log.complains(&words).then(|| {
        Finding::new(
            "an index or offset is used that may lie outside of its array",
            "bound it right before its use: `if (i >= LEN) return -1;` in C, `get(i)` in Rust",
        )
    })
}

fn unbounded_loop(evidence: &Evidence<'_>) -> Option<Finding> {
    let log = evidence.log;
    let headline = if log.complains(&["infinite loop detected", "back-edge"]) {
        "a loop has no end that the verifier can see"
    } else if log.complains(&["BPF program is too large", "jumps is too complex", "-E2BIG"]) {
        "the policy takes too many steps: a loop runs too long, or has no end"
    } else {
        return None;
    };
    Some(Finding::new(
        headline,
        "bound the loop with a constant that it counts up to (`for i in 0..32`)",
    ))
}

fn forbidden_helper(evidence: &Evidence<'_>) -> Option<Finding> {
    let log = evidence.log;
    log.complains(&["cannot use helper", "unknown func bpf_", "invalid func"]).then_some(())?;
    let helper = ["cannot use helper ", "unknown func ", "invalid func "];
    let name = helper.iter().find_map(|words| log.word_after(words)).unwrap_or("that it calls");
    let name = name.split_once('#').map_or(name, |(name, _)| name);
    Some(Finding::new(
        format!("a policy may not call the BPF helper `{name}`"),
        "use maps, ring buffers and the clock: the basic helpers are what a policy may call",
    ))
}

fn no_such_argument(evidence: &Evidence<'_>) -> Option<Finding> {
    let words = ["invalid bpf_context access", "th argument"];
    evidence.log.complains(&words).then(|| {
        Finding::new(
            "a callback takes an argument that it is not given",
            "every callback has one argument, the state: declare it as readahead_ext_abi.h does",
        )
    })
}

fn busy(evidence: &Evidence<'_>) -> Option<Finding> {
    (evidence.errno == EBUSY).then(|| {
        Finding::new(
            "another policy is attached",
            "detach it first (`raext list` shows what is pinned)",
        )
    })
}

fn not_permitted(evidence: &Evidence<'_>) -> Option<Finding> {
    (evidence.errno == EPERM).then(|| {
        Finding::new(
            "loading a policy needs root (CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN)",
            "run it as root, or check the policy in the microVM, which needs none",
        )
    })
}
