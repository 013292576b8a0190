// SPDX-License-Identifier: GPL-2.0-only
//! Finds the text of a function or a struct in a C file of the kernel.
//!
//! The text is a list of tokens, so that white space, line breaks and comments do not
//! count. The scanner knows as much of C as the kernel's style needs: a definition
//! begins at the margin, and its last brace is at the margin or matches the first.

/// A file's tokens.
pub(crate) struct Tokens(Vec<Token>);

#[derive(Debug)]
struct Token {
    text: String,
    /// Its line begins with it, or with a token before it: not with white space.
    margin: bool,
    /// It is the first of its line.
    first: bool,
}

/// Operators of several characters: a space between them would be another text.
const OPERATORS: [&str; 22] = [
    "...", "<<=", ">>=", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=",
    "-=", "*=", "/=", "%=", "&=", "|=", "^=",
];

impl Tokens {
    pub(crate) fn of(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        let (mut margin, mut first) = (true, true);
        while let Some(c) = rest.chars().next() {
            if c == '\n' {
                (margin, first) = (true, true);
                rest = &rest[1..];
                continue;
            }
            // The indentation may be a comment.
            let skipped = skipped(rest);
            if skipped > 0 {
                let gap = &rest[..skipped];
                margin = gap.contains('\n') || (margin && !first);
                first |= gap.contains('\n');
                rest = &rest[skipped..];
                continue;
            }
            let length = if c == '#' && first { directive(rest) } else { token(rest) };
            let text = match c {
                '#' if first => joined(&Self::of(&rest[1..length].replace("\\\n", " ")).0, "#"),
                _ => rest[..length].to_owned(),
            };
            tokens.push(Token { text, margin, first });
            first = false;
            rest = &rest[length..];
        }
        Self(tokens)
    }

    /// All definitions of the function: alternatives under `#if` count together.
    pub(crate) fn function(&self, name: &str) -> Option<String> {
        self.all(|at| {
            if !self.is(at, name) || !self.0[at].margin {
                return None;
            }
            // Attributes may stand between the arguments and the body.
            let mut next = self.behind_parentheses(at + 1)?;
            while !self.is(next, "{") {
                next = match self.0.get(next)? {
                    token if is_word(&token.text) => next + 1,
                    _ => self.behind_parentheses(next)?,
                };
            }
            Some(next)
        })
    }

    /// All definitions of the struct.
    pub(crate) fn structure(&self, name: &str) -> Option<String> {
        self.all(|at| {
            let begins = self.0[at].margin && self.is(at, "struct") && self.is(at + 1, name);
            (begins && self.is(at + 2, "{")).then_some(at + 2)
        })
    }

    /// The texts of all definitions; `body` gives the opening brace of the one that is
    /// named at a token.
    fn all(&self, body: impl Fn(usize) -> Option<usize>) -> Option<String> {
        let texts: Vec<String> = (0..self.0.len())
            .filter_map(|at| Some(joined(&self.0[self.start(at)..self.end(body(at)?)], "")))
            .collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.0.get(at).is_some_and(|token| token.text == text)
    }

    /// The token behind the parentheses that begin at `at`.
    fn behind_parentheses(&self, at: usize) -> Option<usize> {
        if !self.is(at, "(") {
            return None;
        }
        let mut depth = 0;
        for (i, token) in self.0.iter().enumerate().skip(at) {
            match &*token.text {
                "(" => depth += 1,
                ")" => depth -= 1,
                // A brace within is that of a macro's body, or the text is not C.
                "{" | "}" => return None,
                _ => {}
            }
            if depth == 0 {
                return Some(i + 1);
            }
        }
        None
    }

    /// The first token of the declaration that `at` is in: its type may have lines of
    /// its own.
    fn start(&self, at: usize) -> usize {
        let ends = |token: &Token| matches!(&*token.text, ";" | "}") || token.text.starts_with('#');
        self.0[..at].iter().rposition(ends).map_or(0, |before| before + 1)
    }

    /// The token behind the brace that ends the body. A brace at the margin ends the
    /// body in any case: the alternatives of an `#if` may open one each.
    fn end(&self, body: usize) -> usize {
        let mut depth = 0;
        for (i, token) in self.0.iter().enumerate().skip(body) {
            match &*token.text {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 || (token.text == "}" && token.margin && token.first) {
                return i + 1;
            }
        }
        self.0.len()
    }
}

/// The length of the white space or comment that `text` begins with, or 0.
fn skipped(text: &str) -> usize {
    if let Some(rest) = text.strip_prefix("/*") {
        return rest.find("*/").map_or(text.len(), |end| end + 4);
    }
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    let c = text.chars().next().filter(|c| c.is_whitespace());
    if text.starts_with("\\\n") { 2 } else { c.map_or(0, char::len_utf8) }
}

/// The length of the preprocessor's line that `text` begins with, up to its line break:
/// not one behind a backslash, nor one in a comment.
fn directive(text: &str) -> usize {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next().filter(|c| *c != '\n') {
        at += skipped(&text[at..]).max(c.len_utf8());
    }
    at
}

/// The length of the token that `text` begins with.
fn token(text: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(text, quote),
        Some(c) if is_part(c) => text.find(|c| !is_part(c)).unwrap_or(text.len()),
        Some(c) => {
            let operator = OPERATORS.iter().find(|operator| text.starts_with(**operator));
            operator.map_or(c.len_utf8(), |operator| operator.len())
        }
        None => 0,
    }
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            // An apostrophe in the words of an #error has no partner.
            '\n' if !escaped => return at,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Tokens as a line, each line of the preprocessor as a line of its own.
fn joined(tokens: &[Token], before: &str) -> String {
    let mut line = before.to_owned();
    for Token { text, .. } in tokens {
        let breaks = text.starts_with('#') && text.len() > 1;
        line += if breaks { "\n" } else { "" };
        line += text;
        line += if breaks { "\n" } else { " " };
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
#include <linux/mm.h>
#define CALL(x) do { \\
	wanted(x); } while (0)

static int wanted(int x);

/* a comment that names wanted() { } */
static __always_inline int
wanted(struct file *file, int x)
	__must_hold(&file->lock)
{
	const char *text = \"} // \\\" no end\";

	if (x == '}') { /* } */
		return other(x, wanted(text));
	}
#ifdef CONFIG_ONE
	if (x) {
#else
	if (!x) {
#endif
		x -= 1;
	}
	return x;
}

int other(int y)
{
	return wanted(y);
}
";

    const COMMENTED: &str = "\
#define ONE 1 /* it isn't
	       * two; */
int f(int x)
{
	return ONE;
}
";

    fn function(text: &str, name: &str) -> Option<String> {
        Tokens::of(text).function(name)
    }

    #[test]
    fn a_definition_is_told_from_uses_and_ends_at_its_brace() {
        let text = function(FILE, "wanted").unwrap();
        assert!(text.starts_with("static __always_inline int wanted ( struct file"), "{text}");
        assert!(text.ends_with("x -= 1 ; } return x ; } "), "{text}");
        assert!(text.contains("\n#ifdef CONFIG_ONE \n"), "{text}");
        assert!(text.contains(r#""} // \" no end""#), "{text}");
        assert!(!text.contains("told"), "{text}");
        assert_eq!(
            function(FILE, "other").unwrap(),
            "int other ( int y ) { return wanted ( y ) ; } "
        );
        assert_eq!(function(COMMENTED, "f").unwrap(), "int f ( int x ) { return ONE ; } ");
        assert_eq!(function(FILE, "CALL"), None);
        assert_eq!(function(FILE, "want"), None);
        assert_eq!(function("int f(int x);\nint g = f(1);\n", "f"), None);
    }

    #[test]
    fn white_space_and_comments_do_not_count() {
        let text = "int f(int x)\n{\n\treturn x->y + g(\"a b\");\n}\n";
        let same = "/* new */ int\nf ( int x ) // said\n{ return x -> y+g( \"a b\"\n ) ; }";
        assert_eq!(function(text, "f"), function(same, "f"));
        for other in [
            "int f(int x)\n{\n\treturn x->y - g(\"a b\");\n}\n",
            "int f(int x)\n{\n\treturn x->y + g(\"a  b\");\n}\n",
            "int f(int x)\n{\n\treturn x->y + + g(\"a b\");\n}\n",
            "int f(int x)\n{\n\treturn x->y ++g(\"a b\");\n}\n",
            "long f(int x)\n{\n\treturn x->y + g(\"a b\");\n}\n",
            "int f(int x)\n{\n#ifdef A\n\treturn x->y + g(\"a b\");\n#endif\n}\n",
        ] {
            let other = function(other, "f").unwrap();
            assert_ne!(function(text, "f").unwrap(), other);
        }
    }

    #[test]
    fn alternatives_count_together() {
        let text = "#ifdef A\nstatic inline int f(void) { return 1; }\n#else\n\
                    static inline int f(void) { return 2; }\n#endif\nint g(void) {}\n";
        let both = "static inline int f ( void ) { return 1 ; } \n\
                    static inline int f ( void ) { return 2 ; } ";
        assert_eq!(function(text, "f").as_deref(), Some(both));
    }

    #[test]
    fn a_struct_is_found_where_it_is_defined() {
        let text = "struct ra;\nstruct other {\n\tstruct ra ra;\n\tstruct ra { int x; } y;\n};\n\
                    struct ra {\n\tint a;\t/* first */\n\tunion { int b; };\n} __packed;\n";
        let found = Tokens::of(text).structure("ra");
        assert_eq!(found.as_deref(), Some("struct ra { int a ; union { int b ; } ; } "));
        assert_eq!(Tokens::of(text).structure("rb"), None);
    }
}
