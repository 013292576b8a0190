#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every check that needs no microVM: `make check`, and the first half of
# `make test`. Each step prints its time. A step that fails does not keep the
# others from running; its output follows its line, and the last line names all
# that failed. A step that lacks a tool is skipped with the reason. With CI=true
# a skip is a failure, but for the advisories, whose database no package has.
#
# usage: check.sh [STEP...]   (without STEP: all, in the order below)
set -uo pipefail
cd "$(dirname "$0")/.." || exit 69
export PATH=$PWD/build/tools/bin:$PATH

steps=(format shell words tidy kmod-style kmod-warnings clippy doc tests licences advisories)
SKIP=77
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Ends a step that cannot run, and says why.
skip() {
	echo "$*"
	exit $SKIP
}
needs() {
	command -v "$1" >/dev/null || skip "$1 is missing: run \`make setup\`"
}

format() {
	cargo fmt --check
}

shell() {
	needs shellcheck
	git ls-files '*.sh' .ci/run | xargs shellcheck -x
}

words() {
	needs typos
	typos --format brief
}

tidy() {
	cargo run --quiet -p xtask -- tidy
}

# Two files at a time. scripts/checkpatch.except lists what is meant as it
# stands; an entry without effect is a failure too.
kmod-style() {
	needs perl
	local checkpatch=build/cache/checkpatch/checkpatch.pl found
	scripts/fetch-checkpatch.sh "${checkpatch%/*}" || skip 'checkpatch.pl could not be had: see above'
	found=$(printf '%s\n' kmod/*.h kmod/*/*.[ch] | xargs -n 1 -P 2 perl "$checkpatch" --no-tree --strict \
		--show-types --terse --no-summary --color=never -f)
	[ $? -le 123 ] || { echo "$found" && return 1; }
	awk '
		NR == FNR { if ($1 !~ /^#/) excepted["kmod/" $1 " " $2] = 1; next }
		{ split($1, place, ":"); split($2, kind, ":"); key = place[1] " " kind[2] }
		key in excepted { used[key] = 1; next }
		{ print; bad = 1 }
		END {
			for (key in excepted)
				if (!(key in used)) { print "scripts/checkpatch.except: " key ": nothing to except: take the line out"; bad = 1 }
			exit bad
		}' scripts/checkpatch.except - <<<"$found"
}

# Each kernel whose headers a test or `raext` has fetched, if this machine has its
# compiler: raext builds for the others in an environment of their own. Without any,
# the headers of the first tested kernel are fetched.
kmod-warnings() {
	local cache=${RAEXT_CACHE:-build/cache} headers compiler release status=0 built=
	headers=$(find "$cache/kernels" -mindepth 2 -maxdepth 2 -name headers 2>/dev/null | sort -V)
	if [ -z "$headers" ]; then
		headers=$(RAEXT_CACHE=$cache cargo run --quiet -p raext-kernel --example headers) ||
			skip 'no kernel headers could be had: see above'
	fi
	for headers in $headers; do
		headers=$(realpath "$headers")
		release=$(basename "$(dirname "$headers")")
		compiler=$(sed -n 's/^CC = .*\(gcc-[0-9]*\)$/\1/p' "$headers/.kernelvariables" 2>/dev/null)
		if [ -n "$compiler" ] && ! command -v "x86_64-linux-gnu-$compiler" >/dev/null; then
			echo "left out: $release, which needs $compiler"
			continue
		fi
		built=yes
		make -s -C kmod KDIR="$headers" O="../build/kmod/warnings/$release" \
			W=1 KCFLAGS=-Werror || status=1
	done
	[ -n "$built" ] || skip 'no kernel here has a compiler on this machine: see above'
	return $status
}

clippy() {
	cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
}

doc() {
	RUSTDOCFLAGS=-Dwarnings cargo doc --quiet --keep-going --workspace --no-deps --document-private-items
}

# Unit tests, doc tests, and the policies' native tests.
tests() {
	cargo test --quiet --workspace --no-fail-fast
}

licences() {
	needs cargo-deny
	cargo deny --log-level error check licenses bans sources
}

# The database is a git repository on github.com: no package has it.
advisories() {
	needs cargo-deny
	local db=${CARGO_HOME:-$HOME/.cargo}/advisory-dbs
	if ! cargo deny --log-level off fetch db >/dev/null 2>&1 && ! compgen -G "$db/*/.git" >/dev/null; then
		skip 'no copy of https://github.com/RustSec/advisory-db, and it cannot be fetched from here'
	fi
	cargo deny --log-level error --offline check advisories
}

failed=()
begun=$SECONDS
[ $# = 0 ] || steps=("$@")
for step in "${steps[@]}"; do
	printf 'check: %-14s ' "$step"
	begin=$SECONDS
	("$step") >"$log" 2>&1
	status=$?
	took="$((SECONDS - begin)) s"
	note=$(awk '/^test result:/ { passed += $4; failed += $6; ignored += $8; any = 1 }
		END { if (any) printf "%d passed, %d failed, %d skipped", passed, failed, ignored }' "$log")
	case $status in
	0)
		echo "ok, $took${note:+ ($note)}"
		sed -n 's/^left out/    &/p' "$log"
		continue
		;;
	"$SKIP")
		echo "skipped: $(tail -n 1 "$log")"
		if [ "${CI-}" != true ] || [ "$step" = advisories ]; then
			continue
		fi
		;;
	*) echo "FAILED, $took${note:+ ($note)}" ;;
	esac
	sed 's/^/    /' "$log"
	failed+=("$step")
done

echo "check: $((SECONDS - begun)) s in all"
[ ${#failed[@]} = 0 ] || {
	echo "check: failed: ${failed[*]}" >&2
	exit 1
}
