#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The second half of t_life.sh, as root of a Debian of its own: first with a network for apt, then as
# after a boot (an own /run) in a lab's network.

INSIDE=${LAB_INSIDE-}
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/netns/unit.sh
. "$(dirname "$0")/../netns/unit.sh"
UNIT=/usr/lib/systemd/system/ctmeterd.service
LEDGER=/var/lib/ctmeter/ledger.db
KEEP=/opt/lab
export DEBIAN_FRONTEND=noninteractive

# Every file but those that apt, dpkg and snmpd keep for themselves, and what is in it.
files() {
	find / -xdev \( -path /opt/lab -o -path /tmp -o -path /run -o -path /var/cache -o -path /var/lib/apt \
		-o -path /var/lib/dpkg -o -path /var/log -o -path /var/lib/snmp -o -path /var/agentx \
		-o -path /var/tmp -o -path /etc/ld.so.cache -o -path '/etc/passwd*' -o -path '/etc/group*' \
		-o -path '/etc/shadow*' -o -path '/etc/gshadow*' \) -prune -o \
		-printf '%y %m %U:%G %p %l\n' -type f -fprint0 $KEEP/plain | sort
	xargs -0 md5sum <$KEEP/plain | sort -k 2
}
apt_() { apt-get -y "$@" </dev/null >"$KEEP/apt.log" 2>&1 || { cat "$KEEP/apt.log"; return 1; }; }
state() { dpkg-query -W -f '${Version} ${db:Status-Abbrev}' ctmeter 2>/dev/null | tr -d ' '; }
scripts_quiet() { ! grep -iE 'error|warning|failed|cannot' "$KEEP/apt.log"; }

if [ -z "$INSIDE" ]; then
	apt-get update >"$KEEP/apt.log" 2>&1 || { cat "$KEEP/apt.log"; exit 1; }
	files >"$KEEP/before"
	began=$SECONDS
	apt_ install --no-install-recommends $KEEP/first.deb || { echo 'FAILED: apt-get install'; exit 1; }
	printf -- '-- installed with apt in %d s: %s\n' $((SECONDS - began)) \
		"$(sed -n '/NEW packages/,/^[^ ]/s/^  //p' $KEEP/apt.log | tr '\n' ' ')"
	scripts_quiet || { echo 'FAILED: the installation is not quiet'; exit 1; }
fi
lab_enter "$@"
CONF=/etc/ctmeter/ctmeter.conf
rm -f $KEEP/build/ctmeter

ctmeter() { command ctmeter "$@"; }
# What systemd would do with the unit.
unit_start() {
	local user group command dir
	user=$(of_unit User) group=$(of_unit Group)
	dir=$(of_unit StateDirectory)
	install -d -o "$user" -g "$group" -m "$(of_unit StateDirectoryMode)" "/var/lib/$dir"
	install -d -o "$user" -g "$group" -m 755 "/run/$(of_unit RuntimeDirectory)"
	command=$(of_unit ExecStartPre)
	# shellcheck disable=SC2086 # a command line
	assert_ok 'ExecStartPre' ${command#*+}
	# shellcheck disable=SC2046 # a command line
	exec_limited --reuid "$user" --regid "$group" --init-groups $(of_unit ExecStart) \
		</dev/null >>"$LAB/ctmeterd.log" 2>&1 9>&- &
	CTMETERD_PID=$!
	await 10 ctmeterd_answers || fail 'ctmeterd does not come up'
}
snmpd_start() {
	local command
	command=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/snmpd.service)
	# shellcheck disable=SC2086 # a command line
	$command </dev/null >>"$LAB/snmpd.log" 2>&1 9>&- &
	SNMPD_PID=$!
}
rules() { { iptables-legacy-save -t mangle; ip6tables-legacy-save -t mangle; } | sed '/^#/d; s/\[.*\]//'; }
ours() { rules | grep -c ctm; }
traffic() { # LABEL
	lab_flow 198.51.100.2 192.0.2.101 200 1000
	lab_flow 2001:db8:1::103 2001:db8:f::2 100 700
	lab_flow 192.0.2.102 198.51.100.1 50 300
	[ -z "${1-}" ] || book_check "$1"
}
served() { snmp_serves && ctmeter refresh >/dev/null; }
sums() { sqlite3 $LEDGER 'SELECT total(in_octets), total(out_octets), total(node_in_octets) FROM address'; }

step 'as installed'
assert_match 'installed' 'ii$' "$(state)"
assert_ok 'a user of its own' getent passwd ctmeter
assert_ok 'the daemon is enabled' test -L /etc/systemd/system/multi-user.target.wants/ctmeterd.service
assert_eq "nothing of snmpd's is touched" '' "$(dpkg -V snmpd)"
assert_eq 'the directory has no file of ours' '' "$(ls /etc/snmp/snmpd.conf.d 2>/dev/null)"
systemd-tmpfiles --create ctmeter.conf # a boot
lab_network
lab_inventory_usual
sed -i "s,^#source = auto,source = file:$LAB/inventory,; s,^#backend = auto,backend = iptables," $CONF
iptables-legacy -t mangle -A FORWARD -s 203.0.113.1 -j ACCEPT
ip6tables-legacy -t mangle -A POSTROUTING -j RETURN
rules >"$LAB/others"

step 'at work'
install -D -m 640 -g Debian-snmp /usr/share/ctmeter/snmpd-ctmeter.conf /etc/snmp/snmpd.conf.d/ctmeter.conf
sed -i "/^#com2sec/s/^#//; s/COMMUNITY/$COMMUNITY/" /etc/snmp/snmpd.conf.d/ctmeter.conf
began=$SECONDS
snmpd_start
unit_start
assert_await 'SNMP answers' 20 served
printf '   (first answer %d s after the start)\n' $((SECONDS - began))
assert_ok 'the rules are there' test "$(ours)" -gt 0
assert_eq 'who it is' "$(id -u ctmeter)" "$(stat -c %u "/proc/$CTMETERD_PID")"
traffic 'counted'
assert_match 'ctmeter list' '192\.0\.2\.101' "$(ctmeter list)"

step 'upgraded, with a ledger of schema 1'
stop_process "$CTMETERD_PID"
later=$(sqlite3 $LEDGER "SELECT printf('ALTER TABLE container DROP COLUMN %s;', name) FROM pragma_table_info('container')
	WHERE name GLOB 'runtime*' OR name GLOB 'bill_*' OR name GLOB '*quota*' OR name GLOB 'counts_*'")
sqlite3 $LEDGER "$later
	DROP TABLE booked; DROP TABLE imported; DROP TABLE import; DROP VIEW traffic;
	CREATE VIEW traffic AS SELECT a.ip AS ip, datetime(u.start, 'unixepoch') AS measuringtime,
	u.in_octets + u.out_octets AS bytes FROM usage_hour AS u JOIN address AS a ON a.key = u.address;
	DROP TABLE usage_unsure;
	ALTER TABLE container DROP COLUMN gone_lived; ALTER TABLE container DROP COLUMN unsure;
	ALTER TABLE address DROP COLUMN gone_lived; ALTER TABLE address DROP COLUMN unsure;
	PRAGMA user_version = 1"
chown ctmeter:ctmeter $LEDGER*
kept=$(sums)
traffic # nobody but the rules counts it
assert_ok 'dpkg upgrades' apt_ install --no-install-recommends $KEEP/next.deb
assert_eq 'upgraded' "${NEXT}-1ii" "$(state)"
assert_ok 'quietly' scripts_quiet
assert_match 'the configuration is kept' "source = file:$LAB" "$(<$CONF)"
assert_ok 'the rules are in place' test "$(ours)" -gt 0
assert_eq 'the ledger as it was' "$kept" "$(sums)"
traffic
unit_start
assert_match 'the new one' "${NEXT//+/\\+}" "$(ctmeterd -V)"
assert_await 'it serves' 20 served
traffic 'not an octet is lost'
assert_eq 'the ledger is of the present schema' "$SCHEMA" "$(sqlite3 $LEDGER 'PRAGMA user_version')"

step removed
wanted=$(book_lines | awk '$2 != "-" && $3 ~ /octets/ { n[$3] += $4 } END {
	printf "%.1f|%.1f|%.1f", n["fwd-in.octets"], n["fwd-out.octets"], n["node-in.octets"] }')
assert_ok 'apt removes' apt_ remove ctmeter
assert_ok 'quietly' scripts_quiet
wait "$CTMETERD_PID"
assert_eq 'the daemon ended well' 0 $?
assert_eq "none of our rules, all of the others'" "$(<"$LAB/others")" "$(rules)"
assert_eq 'the last octet is in the ledger' "$wanted" "$(sums)"
assert_match 'the configuration stays' "source = file:$LAB" "$(<$CONF)"

step 'installed again; removed while no daemon runs'
assert_ok 'installed' apt_ install --no-install-recommends $KEEP/next.deb
unit_start
assert_await 'it serves' 20 served
traffic 'the totals go on'
stop_process "$CTMETERD_PID" KILL
CTMETERD_PID=
echo 'nonsense = 1' >>$CONF # what cannot be read whole must not keep the rules in place
assert_ok 'apt removes' apt_ remove ctmeter
assert_eq "none of our rules, all of the others'" "$(<"$LAB/others")" "$(rules)"

step purged
assert_ok 'apt purges' apt_ purge --autoremove ctmeter
assert_ok 'quietly' scripts_quiet
assert_eq 'gone' '' "$(state)"
lab_snmpd_stop
rm /etc/snmp/snmpd.conf.d/ctmeter.conf
assert_eq 'left in /run' '' "$(find /run -name '*ctmeter*' ! -path '/run/lab/*')"
assert_eq 'the lock is root'\''s' 'root root' "$(stat -c '%U %G' /run/xtables.lock)"
files >"$KEEP/after"
assert_eq 'left on the disk' '' "$(diff $KEEP/before $KEEP/after)"
# Its number could become another's.
assert_ok 'the user stays' getent passwd ctmeter
lab_end
