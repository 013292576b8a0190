#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Unpack a bpftool that knows struct_ops types of modules (7.4 or later; Debian
# 12 has an older one) into the folder $1, for the tests. It comes from
# bookworm-backports by the machine's own mirror; apt's configuration and lists
# stay as they are.
set -eu

to=$1
[ ! -x "$to/usr/sbin/bpftool" ] || exit 0

# shellcheck disable=SC2016 # apt-get expands $(SITE)
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
	'Codename: bookworm' | head -n 1)
[ -n "$mirror" ] || {
	echo 'fetch-bpftool: apt has no mirror of bookworm' >&2
	exit 69
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] $mirror bookworm-backports main" >"$tmp/sources.list"
apt() {
	apt-get -qq -o Dir::Etc::sourcelist="$tmp/sources.list" \
		-o Dir::Etc::sourceparts=- -o Dir::State::lists="$tmp/lists" \
		-o Dir::Cache="$tmp/cache" -o APT::Sandbox::User=root "$@"
}
apt update
(cd "$tmp" && apt download bpftool/bookworm-backports)
mkdir -p "$to"
dpkg-deb -x "$tmp"/bpftool_*.deb "$to"
