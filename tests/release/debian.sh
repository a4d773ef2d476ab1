#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian package and one to upgrade to, built in a tree from /ctmeter.tar.gz: /packages/first and next.
# lintian has nothing to say.
set -euo pipefail
rm -rf /packages
mkdir -p /packages/first /packages/next
cd /packages
cp /ctmeter.tar.gz "ctmeter_$VERSION.orig.tar.gz"
tar -xzf /ctmeter.tar.gz
cd "ctmeter-$VERSION"
export DEB_BUILD_OPTIONS='nocheck parallel=2'
dpkg-buildpackage -us -uc -F
find .. -maxdepth 1 -type f -exec mv -t ../first {} +
sed -i "s/^\(VERSION *:= \).*/\1$NEXT/" Makefile
sed -i "1s/(.*)/($NEXT-1)/" debian/changelog
rm -f debian/debhelper-build-stamp
dpkg-buildpackage -us -uc -b -nc
find .. -maxdepth 1 -type f -exec mv -t ../next {} +
cd ..
rm -rf "ctmeter-$VERSION"
said=$(lintian --allow-root first/*.changes 2>&1 | grep -v 'running with root privileges') || true
[ -z "$said" ] || { echo "$said"; exit 1; }
lintian --version
