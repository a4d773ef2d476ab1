#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same source makes the same packages, octet for octet, wherever, whenever and by whomever it is built.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
X=$(mktemp -d)
trap 'rm -rf "$X"' EXIT
STEP_S=$((400 * 86400 + 12345))

step 'built again: elsewhere, 400 days later, in another language, time zone and umask, by more jobs'
mkdir "$X/a place far away"
cp "$OUT"/deb/ctmeter_*.dsc "$OUT"/deb/ctmeter_*.tar.* "$X/a place far away"
lab_cc -shared -fPIC -D_GNU_SOURCE -o "$X/stepclock.so" "$LAB_TOP/tests/netns/preload/stepclock.c"
mkdir "$X/locale"
localedef -i de_DE -f UTF-8 "$X/locale/de_DE.UTF-8" 2>/dev/null || echo '   without de_DE, whose source is not installed'
again() (
	cd "$X/a place far away" || exit
	umask 0027
	export STEPCLOCK_S=$STEP_S LD_PRELOAD=$X/stepclock.so TZ=Pacific/Kiritimati
	[ "$(date +%s)" -gt $((EPOCHSECONDS + STEP_S / 2)) ] || exit # it is another time for them
	export LOCPATH=$X/locale LC_ALL=de_DE.UTF-8 USER=somebody HOME=$X DEB_BUILD_OPTIONS='nocheck parallel=3'
	unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
	dpkg-source --no-check -x ctmeter_*.dsc "another tree" || exit
	cd "another tree" && env -u B dpkg-buildpackage -us -uc -b
)
if ! again >"$X/log" 2>&1; then
	tail -n 30 "$X/log"
	fail 'it was not built'
fi

step 'compared'
same() { # DEB DEB: or say which files in them are not
	cmp -s "$1" "$2" && return
	rm -rf "$X/one" "$X/two"
	dpkg-deb -R "$1" "$X/one" && dpkg-deb -R "$2" "$X/two" && diff -rq "$X/one" "$X/two"
	diff <(dpkg-deb -c "$1") <(dpkg-deb -c "$2") && echo 'the same files, packed otherwise'
	return 1
}
for deb in "$OUT"/deb/*.deb; do
	assert_ok "${deb##*/}" same "$deb" "$X/a place far away/${deb##*/}"
done
assert_ge 'packages compared, that with the symbols among them' 2 "$(find "$OUT/deb" -name '*.deb' | wc -l)"
test_end
