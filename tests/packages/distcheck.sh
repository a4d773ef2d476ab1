#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: distcheck.sh ARCHIVE
# Is the archive whole? In an empty directory and without git it builds, its unit tests pass, and what
# `make install` installs `make uninstall` takes away, but for the operator's configuration.
set -euo pipefail
archive=$(realpath "$1")
name=$(basename "$archive" .tar.gz)
work=$(mktemp -d "$(dirname "$archive")/distcheck.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL B GIT_DIR
export GIT_CEILING_DIRECTORIES=$work

say() { echo "distcheck: $*"; }
die() { say "$*"; exit 1; }
quietly() { "$@" >"$work/log" 2>&1 || { grep -A 12 "^FAIL" "$work/log" || :; tail -n 12 "$work/log"; die "'$*' failed"; }; }
entries() { (cd "$1" && find . -mindepth 1 ! -path ./build ! -path './build/*' | sort); } # DIRECTORY
files() { (cd "$1" && find . ! -type d | sort); } # DIRECTORY

tar -xzf "$archive" -C "$work"
[ "$(ls "$work")" = "$name" ] || die "more than $name in it"
cd "$work/$name"
entries . >"$work/unpacked"
quietly make -j2 all
say "built"
quietly make -j2 unit JOBS=2
tail -n 1 "$work/log"
stage="$work/a stage" conf=./usr/local/etc/ctmeter/ctmeter.conf
quietly make install DESTDIR="$stage"
say "$(files "$stage" | wc -l) files installed"
echo '# mine' >>"$stage/$conf"
cp "$stage/$conf" "$work/mine"
quietly make install DESTDIR="$stage"
cmp "$stage/$conf" "$work/mine" || die 'a second install changed the configuration'
quietly make uninstall DESTDIR="$stage"
[ "$(files "$stage")" = "$conf" ] || die "left by uninstall: $(files "$stage" | tr '\n' ' ')"
left=$(find "$stage" -type d -name '*ctmeter*' ! -path '*/etc/*')
[ -z "$left" ] || die "directories left by uninstall: $left"
quietly make clean
entries . | diff "$work/unpacked" - || die 'the sources are not as they were'
[ ! -e build ] || die 'make clean leaves build/'
say "$name is whole"
