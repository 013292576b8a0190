#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Put the kernel's checkpatch.pl and its word lists into the folder $1. They are
# in no package but the kernel's source: linux-source-6.12 is downloaded (150 MB,
# once) and not installed; the soak's copy is taken where there is one.
set -eu

to=$1
series=6.12
[ ! -s "$to/checkpatch.pl" ] || exit 0

root=$(cd "$(dirname "$0")/.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
deb=$(find "$root/build/cache/soak" -name "linux-source-${series}_*.deb" 2>/dev/null | sort -V | tail -n 1)
if [ -z "$deb" ]; then
	(cd "$tmp" && apt-get -qq -o APT::Sandbox::User=root download "linux-source-$series") || {
		echo "fetch-checkpatch: apt has no linux-source-$series: run apt-get update; Debian 12 has it in bookworm-security" >&2
		exit 69
	}
	deb=$(find "$tmp" -name '*.deb')
fi
scripts=linux-source-$series/scripts
dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/linux-source-$series.tar.xz" |
	tar -C "$tmp" -xJ "$scripts/checkpatch.pl" "$scripts/spelling.txt" "$scripts/const_structs.checkpatch"
mkdir -p "$to"
cp "$tmp/$scripts/spelling.txt" "$tmp/$scripts/const_structs.checkpatch" "$to/"
# Last: its presence says that all is there.
cp "$tmp/$scripts/checkpatch.pl" "$to/"
