#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's package as its reviewer looks at it.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
DEB=$(ls "$OUT"/deb/ctmeter_*.deb)
X=$(mktemp -d)
trap 'rm -rf "$X"' EXIT
field() { dpkg-deb -f "$DEB" "$1"; } # NAME

step lintian
said=$(lintian --allow-root "$OUT"/deb/*.changes 2>&1)
assert_eq 'exit status' 0 $?
assert_eq 'it says nothing' '' "$said"

step 'what it holds'
dpkg-deb -x "$DEB" "$X/root" && dpkg-deb -e "$DEB" "$X/control"
assert_eq conffiles /etc/ctmeter/ctmeter.conf "$(<"$X/control/conffiles")"
assert_eq 'nothing in /etc but that' /etc/ctmeter/ctmeter.conf "$(cd "$X/root" && find etc -type f -printf '/%p\n')"
assert_eq 'all is root'\''s' '' "$(dpkg-deb -c "$DEB" | awk '$2 != "root/root"')"
assert_eq 'modes' '-rw-r--r-- -rwxr-xr-x drwxr-xr-x ' "$(dpkg-deb -c "$DEB" | awk '{ print $1 }' | sort -u | tr '\n' ' ')"
for file in usr/sbin/ctmeterd usr/bin/ctmeter usr/share/snmp/mibs/CTMETER-MIB.txt usr/share/ctmeter/snmpd-ctmeter.conf \
	usr/share/ctmeter/cacti usr/share/ctmeter/zabbix usr/share/ctmeter/grafana usr/share/doc/ctmeter/copyright \
	usr/share/doc/ctmeter/CTMETER-MIB.txt usr/lib/sysusers.d/ctmeter.conf usr/lib/tmpfiles.d/ctmeter.conf \
	usr/lib/modules-load.d/ctmeter.conf usr/share/bash-completion/completions/ctmeter \
	usr/share/bash-completion/completions/ctmeterd usr/share/zsh/vendor-completions/_ctmeter \
	usr/share/fish/vendor_completions.d/ctmeter.fish usr/share/fish/vendor_completions.d/ctmeterd.fish; do
	assert_ok "$file" test -e "$X/root/$file"
done
for unit in "$LAB_TOP"/conf/*.service "$LAB_TOP"/conf/*.socket; do
	[ ! -e "$unit" ] || assert_ok "${unit##*/}" test -e "$X/root/usr/lib/systemd/system/${unit##*/}"
done
assert_eq 'no place is left open in a unit' '' "$(grep -r '@[A-Z]*@' "$X/root/usr/lib/systemd")"
assert_eq 'nothing is beside /usr and /etc' 'etc usr ' "$(cd "$X/root" && printf '%s ' *)"
for page in "$LAB_TOP"/docs/*.[158] "$LAB_TOP"/docs/*.[158].in; do
	page=$(basename "$page" .in)
	case $page in '*'*) ;; *) assert_ok "$page" test -e "$X/root/usr/share/man/man${page##*.}/$page.gz" ;; esac
done
assert_eq 'it depends on libraries and a maker of users' 'libbpf1 libc6 libcurl3-gnutls libip4tc2 libip6tc2 libjansson4 libmnl0 libpq5 libseccomp2 libsnmp40 libsqlite3-0 systemd ' \
	"$(field Depends | tr ',' '\n' | awk '{ sub(/t64/, "", $1); print $1 }' | sort | tr '\n' ' ')"
assert_eq 'it recommends' snmpd "$(field Recommends)"
assert_eq 'it is built with what make deps installs' \
	"$(sh "$LAB_TOP/tests/deps.sh" -n build | grep -vx 'gcc\|libc6-dev\|make' | tr '\n' ' ')" \
	"$(sed -n '/^Build-Depends:/,/^[A-Z]/ s/^\(Build-Depends:\)\? \+\([^, ]*\).*/\2/p' "$LAB_TOP/debian/control" |
		grep -vx 'check\|debhelper-compat\|dh-sequence-.*' | sort | tr '\n' ' ')"

step hardening
for file in usr/sbin/ctmeterd usr/bin/ctmeter; do
	said=$(readelf -hldW "$X/root/$file" 2>&1)
	assert_match "$file: PIE" 'Type: +DYN' "$said"
	assert_match "$file: bound at start" 'BIND_NOW|NOW' "$said"
	assert_match "$file: relro" GNU_RELRO "$said"
	assert_match "$file: fortified" '__[a-z]+_chk' "$(readelf --dyn-syms -W "$X/root/$file")"
	assert_match "$file: stack protector" __stack_chk_fail "$(readelf --dyn-syms -W "$X/root/$file")"
done
test_end
