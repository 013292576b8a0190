// SPDX-License-Identifier: GPL-2.0-only
//! The exit status of every command, for each kind of error that it can have: 1 for a refused
//! input, 2 for a wrong command line, 69 for what the machine lacks.
//!
//! A cell is a command line and a part of the line that it prints to standard error. The
//! first word may choose the surroundings:
//! - `EMPTY`: `RAEXT_ROOT` is a folder that is no checkout.
//! - `BROKEN`: `RAEXT_ROOT` is a checkout whose one policy does not compile.
//! - `OLD`: the running kernel calls itself 2.6.
//!
//! Without it the root is this checkout. `DIR` stands for a folder with broken inputs. What
//! is built goes there, too. No cell needs root or a microVM, and none changes the machine.
//! `raext build` asks for the tools of `make setup` before it reads a manifest.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

enum Case {
    /// This command line ends so, and says this.
    Ends(&'static str, &'static str),
    /// No input reaches the cell without a change to the machine; the reason.
    Never(&'static str),
}
use Case::{Ends, Never};

struct Row {
    command: &'static str,
    refused: Case,
    usage: Case,
    environment: Case,
}

const NO_INPUT: Case = Never("the command has no input");
const NO_PINS: Case = Never("only root can make the folder of pins unreadable");
const NO_CHECKOUT: &str = "RAEXT_ROOT holds no kmod/readahead_ext_abi.h: run inside of a checkout";
const NO_ELF: &str = "broken.o: is no object file (no ELF): build the policy with `raext build`";
const UNEXPECTED: &str = "unexpected argument";
const REQUIRED: &str = "the following required arguments were not provided";

const TABLE: [Row; 22] = [
    Row {
        command: "new",
        refused: Ends("new DIR/taken", "DIR/taken: is there already"),
        usage: Ends("new DIR/Größe", "DIR/Größe' is no name for a policy"),
        environment: Ends("EMPTY new DIR/mine", NO_CHECKOUT),
    },
    Row {
        command: "build",
        refused: Ends(
            "build DIR/no-policy",
            "building DIR/no-policy: DIR/no-policy/Cargo.toml: does not compile",
        ),
        usage: Ends(
            "build DIR/broken.o",
            "DIR/broken.o' is no source: give a folder with a Cargo.toml",
        ),
        environment: Ends("EMPTY build DIR/no-policy", NO_CHECKOUT),
    },
    Row {
        command: "check",
        refused: Ends("check DIR/broken.o", NO_ELF),
        usage: Ends(
            "check DIR/broken.o --host --untested",
            "'--host' cannot be used with '--untested'",
        ),
        environment: Ends("EMPTY check wide", NO_CHECKOUT),
    },
    Row {
        command: "attach",
        refused: Ends("attach DIR/broken.o", NO_ELF),
        usage: Ends(
            "attach wide --guard 101",
            "'101' for '--guard <PERCENT>': 101 is not in 1..=99",
        ),
        environment: Ends("EMPTY attach wide", NO_CHECKOUT),
    },
    Row {
        command: "detach",
        refused: Ends(
            "detach ../x",
            "no policy is pinned as '../x': `raext list` shows those that are",
        ),
        usage: Ends("detach", REQUIRED),
        environment: NO_PINS,
    },
    Row {
        command: "swap",
        refused: Ends("swap wide DIR/broken.o", NO_ELF),
        usage: Ends("swap wide", REQUIRED),
        environment: Ends("EMPTY swap wide lean", NO_CHECKOUT),
    },
    Row {
        command: "list",
        refused: NO_INPUT,
        usage: Ends("list wide", UNEXPECTED),
        environment: NO_PINS,
    },
    Row {
        command: "stats",
        refused: NO_INPUT,
        usage: Ends("stats --timing maybe", "'maybe' for '--timing <on|off>'"),
        environment: Ends(
            "stats",
            "the counters cannot be read (/sys/kernel/debug/readahead_ext): is the module loaded",
        ),
    },
    Row {
        command: "try",
        refused: Ends("try --data /no/such -- true", "--data /no/such: No such file or directory"),
        usage: Ends("try --fs raw -- true", "--fs raw: files need a file system"),
        environment: Ends("EMPTY try -- true", NO_CHECKOUT),
    },
    Row {
        command: "compare",
        refused: Ends("compare --policy DIR/broken.o", NO_ELF),
        usage: Ends("compare --policy wide --policy wide", "policy wide is given twice"),
        environment: Ends("EMPTY compare", NO_CHECKOUT),
    },
    Row {
        command: "bench",
        refused: Ends("bench --show --out DIR/bench", "DIR/bench/store.jsonl: line 1"),
        usage: Ends(
            "bench --row no-such-row",
            "no row 'no-such-row' on these devices and file systems",
        ),
        environment: Ends("EMPTY bench", NO_CHECKOUT),
    },
    Row {
        command: "cost",
        refused: Ends("cost DIR/broken.o", NO_ELF),
        usage: Ends("cost wide --pairs 0", "'0' for '--pairs <N>': 0 is not in 1..=10000"),
        environment: Ends("EMPTY cost wide", NO_CHECKOUT),
    },
    Row {
        command: "record",
        refused: Ends(
            "record --output /no/such/file",
            "writing /no/such/file: No such file or directory",
        ),
        usage: Ends("record", REQUIRED),
        environment: Ends("EMPTY record --output DIR/recorded", NO_CHECKOUT),
    },
    Row {
        command: "train",
        refused: Ends("train DIR/broken.o", "DIR/broken.o:1: not the first line of a recording"),
        usage: Ends("train", REQUIRED),
        environment: Ends("EMPTY train ROOT/policies/tree/recording.jsonl", NO_CHECKOUT),
    },
    Row {
        command: "kernels",
        refused: NO_INPUT,
        usage: Ends("kernels 6.12", UNEXPECTED),
        environment: Ends("EMPTY kernels", NO_CHECKOUT),
    },
    Row {
        command: "module build",
        refused: Ends("OLD module build", "kernel 2.6"),
        usage: Ends("module build --force", UNEXPECTED),
        environment: Ends("EMPTY module build", NO_CHECKOUT),
    },
    Row {
        command: "module load",
        refused: NO_INPUT,
        usage: Ends("module load --untested", UNEXPECTED),
        environment: Ends(
            "module load",
            "readahead_ext.ko: No such file or directory (os error 2): run `raext module build` first",
        ),
    },
    Row {
        command: "module unload",
        refused: NO_INPUT,
        usage: Ends("module unload --force", UNEXPECTED),
        environment: Never("only a loaded module can be held, and no test unloads the host's"),
    },
    Row {
        command: "policies",
        refused: Ends("BROKEN policies", "DIR/broken/policies/mine/Cargo.toml: does not compile"),
        usage: Ends("policies wide", UNEXPECTED),
        environment: Ends("EMPTY policies", NO_CHECKOUT),
    },
    Row {
        command: "man",
        refused: Ends(
            "man --output DIR/broken.o/below",
            "making DIR/broken.o/below: Not a directory",
        ),
        usage: Ends(
            "man no-such-command",
            "no command 'no-such-command': `raext help` lists the commands",
        ),
        environment: Never("the pages are in the binary"),
    },
    Row {
        command: "completions",
        refused: NO_INPUT,
        usage: Ends("completions no-such-shell", "'no-such-shell' for '<SHELL>'"),
        environment: Never("the scripts are made from the binary"),
    },
    Row {
        command: "",
        refused: NO_INPUT,
        usage: Ends("no-such-command", "unrecognized subcommand 'no-such-command'"),
        environment: Never("without a command, nothing is done"),
    },
];

fn checkout() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// `text` with the folders that its words stand for.
fn expand(text: &str, dir: &Path) -> String {
    let text = text.replace("DIR", dir.to_str().unwrap());
    text.replace("ROOT/", &format!("{}/", checkout().to_str().unwrap()))
}

/// The status and what was printed to standard error.
fn run(line: &str, dir: &Path) -> (Option<i32>, String) {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    let raext = Command::new(env!("CARGO_BIN_EXE_raext"));
    let (mut command, root, line) = match first {
        "EMPTY" => (raext, dir.join("empty"), rest),
        "BROKEN" => (raext, dir.join("broken"), rest),
        "OLD" => {
            let mut setarch = Command::new("setarch");
            setarch.arg("--uname-2.6").arg(env!("CARGO_BIN_EXE_raext"));
            (setarch, checkout().to_owned(), rest)
        }
        _ => (raext, checkout().to_owned(), line),
    };
    let tools = checkout().join("build/tools/bin");
    let others = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([tools].into_iter().chain(env::split_paths(&others))).unwrap();
    let output = command
        .args(line.split_whitespace().map(|word| expand(word, dir)))
        .env("RAEXT_ROOT", root)
        .env("PATH", path)
        .env("RAEXT_BUILD", dir.join("build"))
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn broken_inputs() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    file("broken.o", "no object file\n");
    file("taken/file", "");
    file("no-policy/Cargo.toml", "[package\n");
    file("bench/store.jsonl", "no line of a bench\n");
    file("broken/kmod/readahead_ext_abi.h", "");
    file("broken/policies/mine/Cargo.toml", "[package\n");
    symlink(checkout().join("crates"), dir.path().join("broken/crates")).unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    dir
}

/// What is wrong with the end of a command.
fn trouble(line: &str, expected: i32, message: &str, dir: &Path) -> Option<String> {
    let (status, printed) = run(line, dir);
    let message = expand(message, dir);
    // Our own errors begin with the command's name, those of the command line with "error".
    let is_error = |line: &&str| line.starts_with("raext: ") || line.starts_with("error: ");
    let found = printed.lines().filter(is_error).filter(|line| line.contains(&message)).count();
    (status != Some(expected) || found != 1)
        .then(|| format!("raext {line}: {status:?}, not {expected} with {message:?}: {printed}\n"))
}

#[test]
fn each_kind_of_error_has_its_status_and_its_message_in_every_command() {
    let dir = broken_inputs();
    let mut wrong = String::new();
    for Row { command, refused, usage, environment } in &TABLE {
        for (case, expected) in [(refused, 1), (usage, 2), (environment, 69)] {
            let (line, message) = match case {
                Never(why) => {
                    assert!(!why.is_empty(), "{command}: a cell without a reason");
                    continue;
                }
                Ends(line, message) => (line, message),
            };
            assert!(line.contains(command), "{command}: {line}");
            // The counters are readable with the module, by root.
            if *line == "stats" && Path::new("/sys/kernel/debug/readahead_ext/counters").exists() {
                let (status, printed) = run(line, dir.path());
                assert_eq!((status, printed.as_str()), (Some(0), ""), "raext {line}");
                continue;
            }
            wrong += &trouble(line, expected, message, dir.path()).unwrap_or_default();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The man pages are made from the definition of the arguments, so they name each command.
#[test]
fn the_table_has_every_command() {
    let dir = broken_inputs();
    let (status, said) = run("man --output DIR/pages", dir.path());
    assert_eq!(status, Some(0), "{said}");
    let mut pages: Vec<_> = fs::read_dir(dir.path().join("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // `raext module` has commands below it, and does nothing itself.
        .filter(|page| page != "raext-module.1")
        .collect();
    let mut rows: Vec<_> = TABLE
        .iter()
        .map(|row| format!("raext {}", row.command).trim().replace(' ', "-") + ".1")
        .collect();
    pages.sort();
    rows.sort();
    assert_eq!(rows, pages);
}
