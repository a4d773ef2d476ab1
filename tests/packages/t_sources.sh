#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The archive: the same octets each time, whole, and one version in all places that name it.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
cd "$LAB_TOP" || exit 1
ARCHIVE=$B/ctmeter-$VERSION.tar.gz

step 'versions'
assert_eq 'debian/changelog' "$VERSION" "$(sed -n '1s/^ctmeter (\(.*\)-[0-9]*).*/\1/p' debian/changelog)"
assert_eq 'ctmeter.spec' "$VERSION" "$(sed -n 's/^Version: *//p' ctmeter.spec)"
assert_eq 'its changelog' "$VERSION-1" "$(sed -n '/^%changelog/,$s/^\* .* - //p' ctmeter.spec | head -n 1)"
assert_eq 'NEWS, but for what is unreleased' "$VERSION" "$(grep -m 1 -x '[0-9][0-9.]*' NEWS)"
assert_eq 'ctmeterd -V' "ctmeterd $VERSION" "$("$B/ctmeterd" -V | cut -d ' ' -f 1-2)"

step 'the archive'
sum=$(sha256sum <"$ARCHIVE")
touch README.md # another time, another umask: the same octets
# make takes no target with a blank, so B is named from here.
(umask 077 && make --no-print-directory B="$(realpath --relative-to=. "$B")" dist >/dev/null)
assert_eq 'made again' "$sum" "$(sha256sum <"$ARCHIVE")"
assert_eq 'it holds what git tracks' "$(git ls-files | sort)" \
	"$(tar -tzf "$ARCHIVE" | sed "s,^ctmeter-$VERSION/,," | sort)"
step 'the list of what is in it'
LIST=${ARCHIVE%.tar.gz}.spdx
assert_eq 'it is of this archive' "$(sha256sum <"$ARCHIVE" | cut -d ' ' -f 1)" \
	"$(sed -n 's/^PackageChecksum: SHA256: //p' "$LIST")"
unpacked=$(mktemp -d)
tar -xzf "$ARCHIVE" -C "$unpacked" --strip-components=1
assert_eq 'every file with its checksum' "$(cd "$unpacked" && find . -type f -exec sha256sum {} + | sort -k 2)" \
	"$(awk '/^FileName: / { f = substr($0, 11) } /^FileChecksum: SHA256: / { print $3 "  " f }' "$LIST" | sort -k 2)"
rm -rf "$unpacked"
assert_ok 'distcheck' bash tests/packages/distcheck.sh "$ARCHIVE"

test_end
