#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The package's life under systemd, on a node without OpenVZ: installed, configured and queried as the
# README says, upgraded while it counts, removed, purged.

# shellcheck source=tests/release/release.sh
. "$(dirname "$0")/release.sh"
release_boot "$@"

apt_() { apt-get -y "$@" </dev/null >"$LAB/apt.log" 2>&1 || { cat "$LAB/apt.log"; return 1; }; }
quiet() { ! grep -iE 'error|warning|failed|cannot|not empty' "$LAB/apt.log"; }
state() { dpkg-query -W -f '${Version} ${db:Status-Abbrev}' ctmeter 2>/dev/null | tr -d ' '; }
left() { find /etc /usr /var/lib /run -xdev -name '*ctmeter*' ! -path '/run/lab/*' ! -path '/var/lib/dpkg/info/*' | sort; }
pid() { is MainPID ctmeterd; }

step 'installed'
left >"$LAB/before"
assert_ok 'apt installs' apt_ install --no-install-recommends /packages/first/ctmeter_*.deb
assert_ok 'quietly' quiet
assert_match 'installed' 'ii$' "$(state)"
unconfigured

step 'the first answers'
mkdir "$LAB/b" && ln -s /usr/share/ctmeter "$LAB/b/conf"
B=$LAB/b readme '[inventory]' 'snmpwalk -v2c'
answers
B=$LAB/b readme 'createUser' 'createUser'

step 'upgraded'
before=$(pid)
assert_ok 'apt upgrades' apt_ install --no-install-recommends /packages/next/ctmeter_*.deb
assert_ok 'quietly' quiet
assert_eq 'upgraded' "${NEXT}-1ii" "$(state)"
assert_ok 'the daemon is another' test "$(pid)" -ne "$before"
assert_match 'the new one' "${NEXT//+/\\+}" "$(ctmeterd -V)"
assert_await 'it serves' 20 served || log_of ctmeterd
traffic 'not an octet is lost'

step 'removed, and purged'
assert_ok 'apt removes' apt_ remove ctmeter
assert_ok 'quietly' quiet
assert_eq 'no rule is left' 0 "$(rules)"
assert_eq 'the daemon is gone' '' "$(pgrep ctmeterd)"
assert_ok 'the ledger stays' test -s /var/lib/ctmeter/ledger.db
rm /etc/ctmeter/containers # the operator's own
assert_ok 'apt purges' apt_ purge ctmeter
assert_ok 'quietly' quiet
assert_eq 'not known any more' '' "$(state)"
rm -f /etc/snmp/snmpd.conf.d/ctmeter.conf
assert_eq 'nothing is left' "$(<"$LAB/before")" "$(left)"
assert_eq 'no unit either' '' "$(systemctl list-unit-files --no-legend 'ctmeter*')"
test_end
