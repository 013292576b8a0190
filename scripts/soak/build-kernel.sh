#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Build the kernel of the soak: Debian's source of 6.12, unpacked and not
# installed, with the configuration beside this script. Nothing is done when it
# is built already. What it leaves in build/soak:
#
#   boot/vmlinuz          the image
#   lib/modules/RELEASE   lists of its modules (all built in), and the link `build`
#   linux                 the built tree, usable as KDIR for modules
#   planted/planted.ko    a module with a bug of each kind, see planted/
#
# usage: build-kernel.sh [--install]   (--install: get missing packages)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${RAEXT_BUILD:-$root/build}
out=$build/soak
store=$build/cache/soak
tree=$out/linux
series=6.12

say() { printf 'soak: %s\n' "$*"; }
fail() { printf 'soak: %s\n' "$*" >&2; exit 1; }
lacks() { printf 'soak: %s\n' "$*" >&2; exit 69; }

case $build in
*[[:space:]:]*) fail "the kernel's build takes no space or colon in a path: $build" ;;
esac

# The compiler, kconfig (2), timer constants, objtool, BTF, the source's archive;
# insmod for the microVM.
[ "${1-}" = --install ] && install=$1 || install=
# shellcheck disable=SC2086 # an option or nothing
"$root/scripts/packages.sh" $install soak build-essential flex bison bc libelf-dev pahole xz-utils kmod

# The source: the newest of the series that apt knows, once.
mkdir -p "$store"
deb=$(find "$store" -name "linux-source-${series}_*.deb" | sort -V | tail -n 1)
if [ -z "$deb" ]; then
	[ -n "$(apt-cache search --names-only "^linux-source-$series\$" 2>/dev/null)" ] ||
		lacks "apt knows no linux-source-$series: run apt-get update; Debian 12 has it in bookworm-security and bookworm-backports"
	say "downloading linux-source-$series"
	tmp=$(mktemp -d "$store/.unfinished-XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	(cd "$tmp" && apt-get -qq -o APT::Sandbox::User=root download "linux-source-$series") ||
		lacks "linux-source-$series cannot be downloaded: see above"
	mv "$tmp"/*.deb "$store/"
	deb=$(find "$store" -name "linux-source-${series}_*.deb")
fi

# What the kernel is made of. Another source is unpacked anew, another
# configuration only built anew.
source=$(basename "$deb" .deb)
config=$(sha256sum <"$here/config" | cut -d ' ' -f 1)
made_of="$source $config"
if [ "$(cat "$out/source" 2>/dev/null)" != "$source" ]; then
	say "unpacking $source"
	rm -rf "$out"
	mkdir -p "$out/unpacked"
	dpkg-deb -x "$deb" "$out/unpacked"
	tar -C "$out/unpacked" -xJf "$out/unpacked/usr/src/linux-source-$series.tar.xz"
	mv "$out/unpacked/linux-source-$series" "$tree"
	rm -rf "$out/unpacked"
	printf '%s\n' "$source" >"$out/source"
fi

# The options of a make that runs this are not for the kernel's.
unset MAKEFLAGS MFLAGS MAKELEVEL
if [ "$(cat "$out/made-of" 2>/dev/null)" != "$made_of" ]; then
	rm -f "$out/made-of"
	KCONFIG_ALLCONFIG=$here/config make -s -C "$tree" allnoconfig
	# What kconfig does not know or cannot do it drops without a word.
	dropped=$(grep -E '^(CONFIG_|# CONFIG_.* is not set)' "$here/config" |
		grep -vxFf "$tree/.config" || true)
	[ -z "$dropped" ] || fail "kconfig dropped of scripts/soak/config: $dropped"
	say "building the kernel (some 20 minutes on two processors; log: $out/build.log)"
	begin=$(date +%s)
	nice -n 19 make -C "$tree" -j"$(nproc)" all >"$out/build.log" 2>&1 || {
		tail -n 20 "$out/build.log" >&2
		fail "the kernel did not build: see $out/build.log"
	}
	release=$(cat "$tree/include/config/kernel.release")
	lists=$out/lib/modules/$release
	rm -rf "${out:?}/boot" "${out:?}/lib"
	mkdir -p "$out/boot" "$lists"
	cp "$tree/arch/x86/boot/bzImage" "$out/boot/vmlinuz"
	cp "$tree/modules.order" "$tree/modules.builtin" "$lists/"
	ln -s ../../../linux "$lists/build"
	say "built $release in $((($(date +%s) - begin) / 60)) minutes"
	printf '%s\n' "$made_of" >"$out/made-of"
fi

# Out of a folder of its own: kbuild writes beside the sources.
mkdir -p "$out/planted"
cp -u "$here"/planted/* "$out/planted/"
make -s -C "$tree" M="$out/planted" modules >"$out/planted/build.log" 2>&1 || {
	cat "$out/planted/build.log" >&2
	fail 'the module planted.ko did not build: see above'
}
say "$out/boot/vmlinuz is there"
