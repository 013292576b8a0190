// SPDX-License-Identifier: GPL-2.0-only
//! Relative links of Markdown files: the file must be there, and the heading too.

use crate::tree::File;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

/// A link, with the line that it begins on.
struct Link {
    line: usize,
    to: String,
}

/// What a page has: headings by the anchor that GitHub gives them, and links.
#[derive(Default)]
struct Page {
    anchors: HashSet<String>,
    links: Vec<Link>,
}

/// The links of `files` that lead nowhere.
pub(crate) fn problems(root: &Path, files: &[File]) -> Vec<String> {
    let pages: HashMap<&str, Page> = files
        .iter()
        .filter(|f| f.has_extension(&["md"]))
        .map(|f| (f.path.as_str(), page(&f.text)))
        .collect();
    let mut problems = Vec::new();
    for (&path, page) in &pages {
        for Link { line, to } in &page.links {
            if let Some(problem) = problem(root, &pages, path, to) {
                problems.push(format!("{path}:{line}: {problem}"));
            }
        }
    }
    problems.sort();
    problems
}

/// Why the link `to` on the page `from` leads nowhere.
fn problem(root: &Path, pages: &HashMap<&str, Page>, from: &str, to: &str) -> Option<String> {
    if to.contains("://") || to.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = to.split_once('#').map_or((to, None), |(file, a)| (file, Some(a)));
    let target = if file.is_empty() {
        from.to_owned()
    } else {
        match beside(from, file) {
            Some(target) if root.join(&target).exists() => target,
            _ => return Some(format!("{to}: there is no such file: mend the link")),
        }
    };
    let anchor = anchor?;
    match pages.get(target.as_str()) {
        Some(page) if page.anchors.contains(anchor) => None,
        Some(_) => Some(format!("{to}: {target} has no such heading: mend the link")),
        None => Some(format!("{to}: {target} is no Markdown: take the anchor out")),
    }
}

/// `to`, seen from the folder of the page `from`, from the root; none if it leaves the project.
fn beside(from: &str, to: &str) -> Option<String> {
    let mut path = PathBuf::from(from);
    path.pop();
    for part in Path::new(to).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            _ => return None,
        }
    }
    Some(path.to_string_lossy().into_owned())
}

fn page(text: &str) -> Page {
    let mut page = Page::default();
    let mut heading: Option<String> = None;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let slug = slug(&heading.take().unwrap_or_default());
                let twins =
                    (0..).map(|n| if n == 0 { slug.clone() } else { format!("{slug}-{n}") });
                let free = twins.into_iter().find(|s| !page.anchors.contains(s));
                page.anchors.extend(free);
            }
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let line = text[..range.start].matches('\n').count() + 1;
                page.links.push(Link { line, to: dest_url.into_string() });
            }
            _ => {}
        }
    }
    page
}

/// The anchor of a heading, as GitHub makes it.
fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pages: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<File> = pages
            .iter()
            .map(|&(path, text)| {
                let full = folder.path().join(path);
                std::fs::create_dir_all(full.parent().unwrap()).unwrap();
                std::fs::write(full, text).unwrap();
                File { path: path.to_owned(), text: text.to_owned() }
            })
            .collect();
        problems(folder.path(), &files)
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let docs = "# What `make check` does: all\n## Same\n## Same\n[up](../a.md#two-words)\n";
        let root = "# Two words\n[a](docs/b.md#what-make-check-does-all) [b](docs/b.md#same-1)\n\
                    [c](#two-words) [d](https://example.org/#x) [e](docs) ![f](docs/c.svg)\n\
                    ```\n[g](nowhere.md)\n```\n";
        assert_eq!(
            found(&[("a.md", root), ("docs/b.md", docs), ("docs/c.svg", "")]),
            [""; 0].map(str::to_owned)
        );
    }

    #[test]
    fn links_that_lead_nowhere_are_named_with_their_line() {
        let root = "# A\n\n[a](b.md)\n[b](#c)\n[c](../a.md)\n\n| d |\n| - |\n| [d](x.rs#L1) |\n";
        let found = found(&[("a.md", root), ("x.rs", "")]);
        let places: Vec<_> = found.iter().map(|p| p.split(": ").next().unwrap()).collect();
        assert_eq!(places, ["a.md:3", "a.md:4", "a.md:5", "a.md:9"], "{found:?}");
    }
}
