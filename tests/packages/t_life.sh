#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The package's life in a Debian of its own: installed with apt and dpkg, at work, upgraded,
# removed, purged. There the test goes on as lived.sh.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/packages/enter.sh
. "$LAB_TOP/tests/packages/enter.sh"
[ "$EUID" -eq 0 ] || skip 'only root installs packages'
[ -s "$OUT/base" ] || skip "there is no Debian to install it in: $(tail -n 1 "$OUT/base.log")"
ROOT=$(mktemp -d "$OUT/root.XXXXXX")
trap 'rm -rf --one-file-system "$ROOT"' EXIT
chmod 755 "$ROOT"
cp -a "$(<"$OUT/base")/." "$ROOT"
mkdir -p "$ROOT"/opt/lab/{build/tests/netns,tests}
cp -a "$LAB_TOP"/tests/{netns,packages} "$ROOT/opt/lab/tests/"
cp -a "$B"/tests/netns/{legacy,udpgen} "$ROOT/opt/lab/build/tests/netns/"
ln -s /usr/sbin/ctmeterd "$ROOT/opt/lab/build/ctmeterd"
cp "$OUT"/deb/ctmeter_*.deb "$ROOT/opt/lab/first.deb"
cp "$OUT"/next/ctmeter_*.deb "$ROOT/opt/lab/next.deb"
SCHEMA=$(awk '/define STORE_SCHEMA_VERSION / { print $3 }' "$LAB_TOP/src/store/store_schema.h")
enter "$ROOT" env -u B CTMETER_OID="$CTMETER_OID" NEXT="$NEXT" SCHEMA="$SCHEMA" bash /opt/lab/tests/packages/lived.sh
