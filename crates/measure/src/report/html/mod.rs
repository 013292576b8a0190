// SPDX-License-Identifier: GPL-2.0-only
//! The page: one file, nothing fetched from elsewhere.

mod bars;
mod bench;
mod compare;
mod findings;
mod heat;
mod lanes;

use crate::report::{Render, Report, View};
use crate::stats::Ratio;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// How the pages look, in light and dark.
const STYLE: &str = include_str!("style.css");

/// The class of a bar that the others are compared with.
const REFERENCE: &str = "kernel";

/// Renders a page.
#[derive(Debug, Clone, Copy)]
pub struct Html(pub View);

impl Render for Html {
    fn render(&self, report: &Report<'_>) -> String {
        match self.0 {
            View::Comparison => compare::page(report),
            View::Bench => bench::page(report),
        }
        .into_string()
    }
}

/// A page of this title, style beside the common one, and content.
fn page(title: &str, style: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body {
                h1 { (title) }
                (body)
            }
        }
    }
}

/// The class of a bar by what it is against the kernel.
fn class(ratio: Option<Ratio>) -> &'static str {
    match ratio {
        None => REFERENCE,
        Some(ratio) if ratio.noise => "noise",
        Some(ratio) if ratio.median > 1.0 => "faster",
        Some(_) => "slower",
    }
}
