// SPDX-License-Identifier: GPL-2.0-only
//! A tree as the policy's data, and for people.

use crate::learn::{Model, Node};
use raext_policy::tree::features::{FAULT, MARK, MISS, NAMES};
use raext_policy::tree::{LEAF, NODES, WINDOWS};
use std::fmt::Write as _;

/// The tree as the source of the policy's module `tree`.
pub fn source(model: &Model) -> String {
    let columns = Columns::of(model);
    let mut text = String::from(
        "// SPDX-License-Identifier: GPL-2.0-only\n\
         //! The tree. Written by `raext train`: train it anew instead of changing it.\n//!\n",
    );
    for line in readable(model).lines() {
        let _ = writeln!(text, "//! {line}");
    }
    let _ = write!(
        text,
        "\nuse raext_policy::tree::Tree;\n\n\
         /// The tree, as data: see [`Tree`].\n\
         #[rustfmt::skip]\n\
         pub(crate) static TREE: Tree = Tree {{\n    feature: [\n{}    ],\n    value: [\n{}    ],\n    left: [\n{}    ],\n}};\n",
        column(&columns.feature),
        column(&columns.value),
        column(&columns.left),
    );
    text
}

/// Sixteen numbers a line.
fn column<T: ToString>(numbers: &[T]) -> String {
    let line = |numbers: &[T]| {
        let words: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        format!("        {},\n", words.join(", "))
    };
    numbers.chunks(16).map(line).collect()
}

struct Columns {
    feature: [u8; NODES],
    value: [u32; NODES],
    left: [u8; NODES],
}

impl Columns {
    fn of(model: &Model) -> Self {
        let mut columns = Self { feature: [LEAF; NODES], value: [0; NODES], left: [0; NODES] };
        let mut next = 1;
        columns.put(&model.root, 0, &mut next);
        columns
    }

    /// The two below a node lie side by side.
    fn put(&mut self, node: &Node, at: usize, next: &mut usize) {
        match node {
            Node::Leaf { class, .. } => self.value[at] = *class as u32,
            Node::Split { feature, value, left, right } => {
                let below = *next;
                *next += 2;
                (self.feature[at], self.value[at]) = (*feature as u8, *value);
                self.left[at] = below as u8;
                self.put(left, below, next);
                self.put(right, below + 1, next);
            }
        }
    }
}

/// The tree for people: a line for each node, indented by its depth.
pub fn readable(model: &Model) -> String {
    let mut text = String::new();
    show(&model.root, 0, &mut text);
    text
}

fn show(node: &Node, depth: usize, text: &mut String) {
    let indent = "    ".repeat(depth);
    let _ = match node {
        Node::Leaf { class, examples } => {
            let window = WINDOWS[*class];
            let what = if window == 0 {
                "only what is asked for".into()
            } else {
                format!("{window} pages ahead")
            };
            writeln!(text, "{indent}{what} ({examples} examples)")
        }
        Node::Split { feature, value, left, right } => {
            let (is, is_not) = question(*feature, *value);
            let _ = writeln!(text, "{indent}{is}:");
            show(left, depth + 1, text);
            let _ = writeln!(text, "{indent}{is_not}:");
            show(right, depth + 1, text);
            Ok(())
        }
    };
}

/// How a split is said, and its opposite.
fn question(feature: usize, value: u32) -> (String, String) {
    let name = NAMES[feature];
    let said = |is: &str, is_not: &str| (is.to_owned(), is_not.to_owned());
    match (name, value) {
        ("event", MISS) => said("miss", "mark or fault"),
        ("event", MARK) => said("miss or mark", "fault"),
        ("event", FAULT) => said("any event", "never"),
        ("first", 0) => said("not at the beginning of the file", "at the beginning of the file"),
        // As many bits as that: below the power of two.
        ("asked" | "run" | "distance" | "habit", 0..32) => {
            let end = 1_u64 << value;
            (format!("{name} < {end} pages"), format!("{name} >= {end} pages"))
        }
        _ => (format!("{name} <= {value}"), format!("{name} > {value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::fit::tests::simple;
    use crate::learn::train;
    use raext_policy::tree::Tree;

    #[test]
    fn the_policy_s_walk_says_what_the_model_says() {
        let model = train(&simple()).unwrap();
        let Columns { feature, value, left } = Columns::of(&model);
        let walked = Tree { feature, value, left };
        for example in simple() {
            let class = walked.walk(&example.features) as usize;
            assert_eq!(class, model.class(&example.features));
        }
        let text = source(&model);
        assert!(
            text.contains("//! asked < 16 pages:\n//!     only what is asked for (50 examples)")
        );
        assert!(text.contains("    feature: [\n        1, 255, 255,"), "{text}");
    }
}
