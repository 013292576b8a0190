#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every check and every test, and at the end their counts on one line. A part
# that fails does not keep the others from running.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 69

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
part() {
	echo "== $1"
	shift
	"$@" 2>&1 | tee -a "$log" || status=1
}

part 'without a microVM' scripts/check.sh
part 'kernels, the command and microVMs' cargo test --quiet -p raext-e2e --features vm --test e2e
part 'the package archive' env RAEXT_CACHE="$PWD/build/cache" \
	cargo test --quiet -p raext-kernel --features archive --lib a_file_that_is_not_what_it_was
part 'the microVM itself' \
	cargo test --quiet -p raext-vm --features vm -- --test-threads=2

# check.sh has the counts of its steps in brackets, cargo on lines of their own.
sed -n 's/^check: .*(\([0-9]* passed, [0-9]* failed, [0-9]* skipped\))$/\1/p
	s/^test result: [^ ]* \([0-9]* passed\); \([0-9]* failed\); \([0-9]* ignored\).*/\1, \2, \3/p' "$log" |
	awk '{ passed += $1; failed += $3; skipped += $5 }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
exit $status
