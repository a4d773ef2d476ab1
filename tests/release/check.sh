#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: check.sh RELEASE    (Needs B and VERSION, and the archive of `make dist`.)
# Another release of Debian than this machine's, in a tree that is kept (tests/packages/tree.sh). There ctmeter
# is built with that release's compilers, without a warning; it is shown (make demo); the unit tests run, and
# the kernel tests of KERNEL; the Debian package is built and looked at. Then a node boots in it, for each
# test of this folder. ccache keeps what was compiled beside the tree.
set -euo pipefail
cd "$(dirname "$0")/../.."
TREE_RELEASE=$1
B=$(realpath "$B")
export OUT=$B/release-$TREE_RELEASE VERSION NEXT=$VERSION+next1
KERNEL=${KERNEL-t_exact.sh t_snmp.sh t_link_wire.sh t_privileges.sh}
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
# shellcheck source=tests/packages/tree.sh
. tests/packages/tree.sh

# What the machine's own lists say, and what a node has.
mapfile -t packages < <(sh tests/deps.sh -n build demo test)
packages+=(build-essential ccache debhelper dpkg-dev kmod lintian systemd systemd-sysv dbus)
if ! tree_get "release-$TREE_RELEASE" "${packages[@]}"; then
	echo "SKIP  Debian $TREE_RELEASE: $TREE_REFUSAL"
	exit 0
fi
export TREE_DIR TREES

# In the tree with a layer above it, which lasts until the next time.
in_tree() { # COMMAND...
	unshare --mount --propagation private "$BASH" -ec '
		. tests/packages/enter.sh
		mount -t overlay -o "lowerdir=$TREE_DIR,upperdir=$OUT/upper,workdir=$OUT/work" overlay "$OUT/root"
		mount --bind "$TREES/ccache" "$OUT/root/ccache"
		enter "$OUT/root" env CI=true CCACHE_DIR=/ccache VERSION="$VERSION" NEXT="$NEXT" \
			PATH=/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin "$@"' - "$@"
}
phase() { # LABEL COMMAND...: in the tree
	local label=$1 began=$SECONDS rc
	shift
	set +e
	in_tree "$@" >"$OUT/log" 2>&1
	rc=$?
	set -e
	if [ "$rc" -ne 0 ]; then
		tail -n 60 "$OUT/log"
		echo "FAIL  $TREE_RELEASE, $label: exit status $rc"
		exit 1
	fi
	printf 'PASS  %s, %s: %s, %d s\n' "$TREE_RELEASE" "$label" "$(tail -n 1 "$OUT/log")" $((SECONDS - began))
	grep '^SKIP' "$OUT/log" || true
}

rm -rf --one-file-system "$OUT"
mkdir -p "$OUT"/{upper/src,upper/ccache,work,root} "$TREES/ccache"
cp "$B/ctmeter-$VERSION.tar.gz" "$OUT/upper/ctmeter.tar.gz"
tar -xzf "$B/ctmeter-$VERSION.tar.gz" -C "$OUT/upper/src" --strip-components=1
# shellcheck disable=SC2016 # that shell's own
phase 'built by its gcc and clang' sh -c 'cd /src && make -j2 all test-tools lint-unit && gcc --version | head -n 1'
phase 'make demo' sh -c 'cd /src && make demo'
phase 'unit tests' sh -c 'cd /src && make JOBS=2 unit'
phase 'kernel tests' sh -c "cd /src && make JOBS=2 netns TESTS='$KERNEL'"
phase 'Debian package, lintian' bash /src/tests/release/debian.sh
SUITE=release LIMIT_S=600 B=$B bash tests/netns/run.sh
