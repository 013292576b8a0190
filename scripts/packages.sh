#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# See that Debian packages are installed. Those that are missing are listed, and
# with --install they are installed after that; without, they are named on one
# line and the status is 69.
#
# usage: packages.sh [--install] WHO PACKAGE...   (WHO begins each line)
set -eu

install=
if [ "$1" = --install ]; then
	install=yes
	shift
fi
who=$1
shift
say() { printf '%s: %s\n' "$who" "$*"; }
lacks() { printf '%s: %s\n' "$who" "$*" >&2; exit 69; }

{ command -v dpkg-query && command -v apt-get; } >/dev/null ||
	lacks "this is no Debian system (no dpkg, apt-get): install by hand what these packages have: $*"

missing=
for package; do
	case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
	'install ok installed') ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0
[ -n "$install" ] || lacks "packages are missing: apt-get install$missing"

say 'these Debian packages are missing and will be installed:'
for package in $missing; do say "  $package"; done
if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root=sudo
else
	lacks "not root and no sudo: as root, run: apt-get install$missing"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
say 'apt-get update'
$as_root apt-get update -qq
say 'apt-get install'
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq \
	--no-install-recommends $missing >"$log" 2>&1 || {
	tail -n 20 "$log" >&2
	lacks 'apt-get install failed: see above'
}
