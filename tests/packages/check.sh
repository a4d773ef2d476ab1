#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Build the packages as a stranger does, from the archive of `make dist`, then run the tests of them.
# Needs B, VERSION. What it makes stays in $B/packages; the Debian for them is kept (tree.sh).
set -euo pipefail
cd "$(dirname "$0")/../.."
B=$(realpath "$B")
export OUT=$B/packages VERSION NEXT=$VERSION+next1
export -n B # the packages are built in build/ of their own
archive=$B/ctmeter-$VERSION.tar.gz
mkdir -p "$OUT"
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

# The command stands alone, since behind a `||` or an `if` a function goes on after a failure.
quietly() { # LOG COMMAND...
	local log=$OUT/$1.log rc
	shift
	set +e
	(set -e; "$@") >"$log" 2>&1
	rc=$?
	set -e
	[ "$rc" -eq 0 ] || { tail -n 40 "$log"; echo "failed: $*, exit status $rc; its output is in $log"; exit 1; }
}

debian() ( # a first version, and one to upgrade to
	local tree=$OUT/deb/ctmeter-$VERSION
	rm -rf "$OUT/deb" "$OUT/next"
	mkdir -p "$OUT/deb" "$OUT/next"
	tar -xzf "$archive" -C "$OUT/deb"
	cp "$archive" "$OUT/deb/ctmeter_$VERSION.orig.tar.gz"
	cd "$tree"
	DEB_BUILD_OPTIONS='nocheck parallel=2' dpkg-buildpackage -us -uc -F
	mv ../*.deb ../*.dsc ../*.changes ../*.buildinfo ../ctmeter_*.tar.* "$OUT/next" # for a moment
	sed -i "s/^\(VERSION *:= \).*/\1$NEXT/" Makefile
	sed -i "1s/(.*)/($NEXT-1)/" debian/changelog
	rm -f debian/debhelper-build-stamp
	DEB_BUILD_OPTIONS='nocheck parallel=2' dpkg-buildpackage -us -uc -b -nc
	mv "$OUT/next" "$OUT/first"
	mkdir "$OUT/next"
	mv ../ctmeter_*.deb "$OUT/next"
	rm -rf "$OUT/deb"
	mv "$OUT/first" "$OUT/deb"
)

# --nodeps: what it is built with is installed, but rpm's database knows nothing of dpkg's packages.
# rpmbuild takes no path with a blank.
redhat() (
	rm -rf "$OUT/rpm"
	top=$(mktemp -d /tmp/ctmeter-rpm.XXXXXX)
	trap 'rm -rf "$top"' EXIT
	cp "$archive" "$top"
	rpmbuild -ta --nodeps --without check --define "_topdir $top" --define "_smp_mflags -j2" \
		"$top/${archive##*/}"
	mkdir "$OUT/rpm"
	mv "$top/RPMS" "$top/SRPMS" "$OUT/rpm"
)

began=$SECONDS
rm -rf "$OUT/base"
bash tests/packages/base.sh >"$OUT/base" 2>"$OUT/base.log" &
base=$!
quietly deb debian
echo "built   $(basename "$OUT"/deb/ctmeter_*.deb), $(basename "$OUT"/next/ctmeter_*.deb)"
quietly rpm redhat
echo "built   $(cd "$OUT/rpm/RPMS" && ls ./*/ctmeter-"$VERSION"*.rpm)"
wait "$base" || { rm "$OUT/base"; echo "no Debian: $(tail -n 3 "$OUT/base.log")"; }
echo "        $((SECONDS - began)) s"
B=$B SUITE=packages LIMIT_S=1200 bash tests/netns/run.sh
