#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A minimal Debian 12 with snmpd and systemd in $OUT/base, from where this machine's apt has its
# packages. One of today is used as it is.
set -euo pipefail
# shellcheck source=tests/packages/enter.sh
. "$(dirname "$0")/enter.sh"
base=$OUT/base
[ -z "$(find "$base.done" -mmin -1440 2>/dev/null)" ] || exit 0
rm -rf "$base" "$base.done"
# shellcheck disable=SC2016 # apt's variables
mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
	awk '$1 == "bookworm" { print $2; exit }')
if [ -z "$mirror" ]; then
	echo "apt has no source of bookworm here: add one, and run apt-get update" >&2
	exit 1
fi
debootstrap --variant=minbase bookworm "$base" "$mirror"
rm -f "$base/etc/apt/sources.list"
for part in sources.list sources.list.d apt.conf.d auth.conf.d keyrings trusted.gpg trusted.gpg.d; do
	[ ! -e "/etc/apt/$part" ] || cp -a "/etc/apt/$part" "$base/etc/apt/"
done
printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d"
chmod 755 "$base/usr/sbin/policy-rc.d"
enter "$base" apt-get update
enter "$base" apt-get install -y --no-install-recommends systemd snmpd snmp iptables iproute2 \
	nftables procps sqlite3
touch "$base.done"
