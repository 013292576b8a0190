#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The work behind `make -C kmod`: sees that all is there, so that what is
# missing is one line and not a page of kbuild, then builds in the folder O.
#
# usage: build.sh KDIR O BTF PAHOLE, with MAKE, CC, STAMP and RAEXT_UNTESTED in
# the environment

set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
pahole=$4
btf=$3

fail() {
	echo "kmod: $*" >&2
	exit 1
}

case $1$2 in
*[[:space:]:]*) fail "the kernel's build takes no space or colon in a path: KDIR=$1 O=$2" ;;
esac

# The headers, and what the Debian package of them needs beside it.
if ! kdir=$(readlink -e "$1") || ! test -s "$kdir/include/config/kernel.release"; then
	case $1 in
	/lib/modules/*/build) of=${1#/lib/modules/} && of="install linux-headers-${of%/build}, or" ;;
	*) of= ;;
	esac
	fail "no kernel headers in $1: ${of:+$of }give those of the kernel as KDIR=DIR"
fi
release=$(cat "$kdir/include/config/kernel.release")
test -e "$kdir/scripts/Makefile.modfinal" ||
	fail "$kdir/scripts leads nowhere: install the linux-kbuild package of $release"
common=$(sed -n 's/^include \(\/.*\)/\1/p' "$kdir/Makefile")
test -z "$common" || test -e "$common" ||
	fail "$kdir/Makefile includes $common, which is missing: install the common headers of $release"
grep -qs '^CONFIG_DEBUG_INFO_BTF_MODULES=y' "$kdir/include/config/auto.conf" ||
	fail "$release is built without CONFIG_DEBUG_INFO_BTF_MODULES: its modules get no BTF"
for option in X86_64 CGROUPS BPF_SYSCALL BPF_JIT DYNAMIC_FTRACE_WITH_ARGS; do
	grep -qs "^CONFIG_$option=y" "$kdir/include/config/auto.conf" ||
		fail "$release is built without CONFIG_$option, which the module needs"
done

# The tools. Debian's headers insist on the compiler of their kernel.
compiler=$(sed -n 's/^CC = .*\(gcc-[0-9]*\)$/\1/p' "$kdir/.kernelvariables" 2>/dev/null || :)
if test -n "$CC"; then
	command -v "$CC" >/dev/null || fail "CC=$CC: no such compiler"
elif test -n "$compiler"; then
	command -v "x86_64-linux-gnu-$compiler" >/dev/null ||
		fail "the compiler of $release is missing: install $compiler"
fi
command -v "$pahole" >/dev/null || fail "$pahole is missing: install dwarves or give PAHOLE=FILE"

# The headers pass the options that the pahole of their kernel knew: one that
# is older here must be given those of its own age.
args=
here_version=$("$pahole" --version | tr -cd 0-9)
kernel_version=$(sed -n 's/^CONFIG_PAHOLE_VERSION=//p' \
	"$kdir/include/config/auto.conf")
if test "${here_version:-0}" -lt "${kernel_version:-0}"; then
	args=CONFIG_PAHOLE_VERSION=$here_version
fi

# Module BTF is made only where the kernel's build folder has a file `vmlinux`
# (scripts/Makefile.modfinal), which need hold nothing but BTF.
if test -n "$btf"; then
	btf=$(readlink -e "$btf") || fail "BTF=$3: no such file"
elif ! test -f "$kdir/vmlinux"; then
	btf=/sys/kernel/btf/vmlinux
	if test "$release" != "$(uname -r)" || ! test -r "$btf"; then
		fail "$kdir has no vmlinux to take the BTF of $release from: give BTF=FILE"
	fi
fi

# The build folder: empty, or one that we made.
if test -d "$2" && ! test -e "$2/$STAMP" && test -n "$(ls -A "$2")"; then
	fail "$2 has other files in it: give an empty folder as O=DIR"
fi
mkdir -p "$2" || fail "cannot make the build folder $2"
out=$(readlink -e "$2")
: >"$out/$STAMP"
find "$out" -maxdepth 2 -xtype l -delete
mkdir -p "$out/core" "$out/shim"
ln -sf "$here"/Kbuild "$here"/*.h "$out/"
ln -sf "$here"/core/*.[ch] "$out/core/"
ln -sf "$here"/shim/*.[ch] "$out/shim/"

# Where the headers lack the BTF, the build runs in a shadow of theirs: links
# to all that is there, and the vmlinux.
rm -rf "$out/kdir"
if test -n "$btf"; then
	mkdir "$out/kdir"
	find "$kdir" -mindepth 1 -maxdepth 1 ! -name vmlinux -exec ln -s -t "$out/kdir" {} +
	ln -s "$btf" "$out/kdir/vmlinux"
	kdir=$out/kdir
fi

# shellcheck disable=SC2086 # one argument or none
"$MAKE" --no-print-directory -C "$kdir" M="$out" PAHOLE="$pahole" $args modules

ko=$out/readahead_ext.ko
if ! readelf -SW "$ko" | grep -q ' \.BTF '; then
	rm -f "$ko"
	fail "$ko came out without BTF: see what $pahole said above"
fi
echo "kmod: $ko for $release"
