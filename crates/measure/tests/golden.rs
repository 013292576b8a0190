// SPDX-License-Identifier: GPL-2.0-only
//! What is rendered from stored measurements stays the same to the byte.
//!
//! `golden/store.jsonl` is a bench of four rows and 11 columns with every kind of
//! flaw, `golden/compare.json` a comparison. `RAEXT_GOLDEN=write` writes the outputs
//! anew where they are meant to change.

use raext_measure::bench::{Results, Store, Summary};
use raext_measure::report::Comparison;
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
        let at = golden.lines().zip(rendered.lines()).position(|(one, two)| one != two);
        let at = at.unwrap_or_else(|| golden.lines().count().min(rendered.lines().count()));
        let line = |text: &str| text.lines().nth(at).unwrap_or("the end").to_owned();
        panic!("{name}:{}: is\n{}\nand was\n{}", at + 1, line(rendered), line(&golden));
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
    let results = Results::of(&Store::read(&place("store.jsonl")).unwrap()).unwrap();
    let summary = Summary::of(&results, &[]);
    same("bench.txt", &raext_measure::bench::table(&results, &summary));
    same_json("bench.json", &raext_measure::bench::json(&results, &summary).unwrap());
    same("bench.html", &raext_measure::bench::html(&results, &summary));
    let some = Summary::of(&results, &["seq-read@disk/ext4".to_owned()]);
    same("bench-row.txt", &raext_measure::bench::table(&results, &some));
}

#[test]
fn a_stored_comparison_is_rendered_as_before() {
    let text = fs::read_to_string(place("compare.json")).unwrap();
    let comparison = Comparison::from_json(&text).unwrap();
    same("compare.json", &comparison.to_json().unwrap());
    same("compare.txt", &raext_measure::report::table(&comparison));
    same("compare.html", &raext_measure::report::html(&comparison));
}
