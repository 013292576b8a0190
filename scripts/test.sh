#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run every test and end with their counts. What needs the microVM comes after
# what does not; a suite that fails does not keep the others from running.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 69

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
suite() {
	echo "== $1"
	shift
	"$@" 2>&1 | tee -a "$log" || status=1
}

suite 'without a machine' cargo test --quiet --workspace --no-fail-fast
export RAEXT_CACHE=$PWD/build/cache
suite 'stock kernels' cargo test --quiet -p raext-kernel --features archive
suite 'the whole, in the microVM' \
	cargo test -p raext-e2e --features vm --no-fail-fast -- --test-threads=1
# The kernel that the suite before has fetched, unless it failed to.
RAEXT_KERNEL=$(find "$RAEXT_CACHE/kernels" -path '*/boot/vmlinuz-6.12*' 2>/dev/null | sort -V | tail -n 1)
export RAEXT_KERNEL RAEXT_AGENT=$PWD/build/bin/raext-agent
suite 'the microVM itself' \
	cargo test --quiet -p raext-vm --features vm -- --test-threads=2

awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, ignored }' "$log"
exit $status
