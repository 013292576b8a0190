// SPDX-License-Identifier: GPL-2.0-only
//! What is rendered from stored measurements stays the same to the byte.
//!
//! `golden/store.jsonl` is a bench of four rows and 11 columns with every kind of
//! flaw, `golden/compare.json` a comparison. `RAEXT_GOLDEN=write` writes the outputs
//! anew where they are meant to change.

use raext_measure::experiment::{FileStore, Known, SlowRule};
use raext_measure::report::{Comparison, Html, Json, Render as _, Report, Svg, Terminal, View};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Writes the golden file anew where that is asked for; returns its text.
fn golden(name: &str, rendered: &str) -> String {
    let path = place(name);
    if std::env::var_os("RAEXT_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(&path, rendered).unwrap();
    }
    fs::read_to_string(&path).unwrap()
}

fn same(name: &str, rendered: &str) {
    let golden = golden(name, rendered);
    if golden != rendered {
        let at = golden.chars().zip(rendered.chars()).take_while(|(one, two)| one == two).count();
        let around =
            |text: &str| text.chars().skip(at.saturating_sub(60)).take(160).collect::<String>();
        panic!("{name}, character {at}: is\n{}\nand was\n{}", around(rendered), around(&golden));
    }
}

/// As [`same`], but for the last digits of numbers, which depend on the C library.
fn same_json(name: &str, rendered: &str) {
    let parse = |text: &str| serde_json::from_str(text).unwrap();
    alike(name, &parse(&golden(name, rendered)), &parse(rendered));
}

fn alike(at: &str, golden: &Value, rendered: &Value) {
    match (golden, rendered) {
        (Value::Object(one), Value::Object(two)) => {
            let keys =
                |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(one), keys(two), "{at}");
            one.iter().for_each(|(key, value)| alike(&format!("{at}.{key}"), value, &two[key]));
        }
        (Value::Array(one), Value::Array(two)) => {
            assert_eq!(one.len(), two.len(), "{at}");
            one.iter()
                .zip(two)
                .enumerate()
                .for_each(|(n, (a, b))| alike(&format!("{at}[{n}]"), a, b));
        }
        (Value::Number(one), Value::Number(two)) if one.is_f64() && two.is_f64() => {
            let (one, two) = (one.as_f64().unwrap(), two.as_f64().unwrap());
            assert!((one - two).abs() <= 1e-9 * one.abs(), "{at}: is {two} and was {one}");
        }
        _ => assert_eq!(golden, rendered, "{at}"),
    }
}

#[test]
fn a_stored_bench_is_rendered_as_before() {
    let known = Known::of(&FileStore::read(&place("store.jsonl")).unwrap()).unwrap();
    let report = Report::of(&known, SlowRule::BENCH, &[]);
    same("bench.txt", &Terminal(View::Bench).render(&report));
    same_json("bench.json", &Json(View::Bench).render(&report));
    same("bench.html", &Html(View::Bench).render(&report));
    same("bench.svg", &Svg.render(&report));
    let some = Report::of(&known, SlowRule::BENCH, &["seq-read@disk/ext4".to_owned()]);
    same("bench-row.txt", &Terminal(View::Bench).render(&some));
}

#[test]
fn a_stored_comparison_is_rendered_as_before() {
    let text = fs::read_to_string(place("compare.json")).unwrap();
    let known = serde_json::from_str::<Comparison>(&text).unwrap().known();
    let report = Report::of(&known, SlowRule::COMPARISON, &[]);
    same("compare.json", &Json(View::Comparison).render(&report));
    same("compare.txt", &Terminal(View::Comparison).render(&report));
    same("compare.html", &Html(View::Comparison).render(&report));
}
