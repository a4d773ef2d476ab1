#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A billing period: usage, SNMP and the audit say what was sent, to the octet, across kills and the
# period's end; each threshold is told once, to a trap and to the hook, which a restart does not run again.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/traps.sh
. "$(dirname "$0")/traps.sh"
command -v snmptrapd >/dev/null || skip "the command 'snmptrapd' is not installed"
lab_enter "$@"

THRESHOLD=8 PERIOD_BEGAN=9
cat >"$LAB/hook" <<END
#!/bin/sh
echo "\$1 \$CTMETER_CONTAINER \$CTMETER_THRESHOLD \$CTMETER_USED/\$CTMETER_QUOTA \$CTMETER_QUOTA_COUNTS \$(id -u)" >>$LAB/hooked
END
chmod 755 "$LAB/hook"
: >"$LAB/hooked"
lab_set billing.hook "$LAB/hook limit"
lab_set ledger.checkpoint 1

mapfile -t sinks < <(traps_sinks)
lab_network
lab_inventory_usual
traps_start
lab_snmpd_start "${sinks[@]}"
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
ctmeter refresh >/dev/null || fail 'ctmeter refresh'

sql_write() { "$B/tests/netns/dblock" -w "$LAB/ledger.db" "$1"; }
# A figure of a container in the JSON answer.
used() { # CTID KEY
	ctmeter --json usage "$1" | tr -d ' \n' | sed 's/.*"containers":\[//; s/"last":.*//' |
		grep -o "\"$2\":\"*[^,\"}]*" | head -n 1 | cut -d : -f 2- | tr -d '"'
}
last_used() { # CTID KEY
	ctmeter --json usage "$1" | tr -d ' \n' | sed 's/.*"last"://' | grep -o "\"$2\":[0-9]*" | cut -d : -f 2
}
hooked() { [ "$(cat "$LAB/hooked")" = "$1" ]; }

step 'usage and SNMP say what was sent'
lab_flow 198.51.100.2 192.0.2.101 1000 1500
lab_flow 192.0.2.101 198.51.100.2 300 700
lab_flow 198.51.100.1 192.0.2.101 50 600 # the node's own is in
assert_eq 'in' 1530000 "$(used 101 in_octets)"
assert_eq 'out' 210000 "$(used 101 out_octets)"
assert_eq 'used' 1740000 "$(used 101 used_octets)"
assert_eq 'no limit' null "$(used 101 quota_octets)"
assert_await 'SNMP: in' 5 snmp_is "$(oid_ct 101 period-in)" 1530000
assert_eq 'SNMP: out' 210000 "$(snmp_get "$(oid_ct 101 period-out)")"
assert_eq 'SNMP: no limit' 0 "$(snmp_get "$(oid_ct 101 quota)")"
assert_eq 'SNMP: state' 1 "$(snmp_get "$(oid_ct 101 quota-state)")"
assert_match 'SNMP: the period began on the first' "$(date -u +%Y-%-m-1,0:0:0)" \
	"$(snmp_get "$(oid_ct 101 period-start)" | tr -d '"' | awk '
		function at(i) { return index("0123456789ABCDEF", substr($i, 1, 1)) * 16 - 16 + \
			index("0123456789ABCDEF", substr($i, 2, 1)) - 1 }
		{ printf "%d-%d-%d,%d:%d:%d", at(1) * 256 + at(2), at(3), at(4), at(5), at(6), at(7) }')"
assert_ok 'the audit' ctmeter audit

step 'a threshold is told once'
assert_ok 'a quota' ctmeter quota 101 1.8MB
assert_await 'the hook is run' 10 hooked 'limit 101 90 1740000/1800000 both 0'
assert_await 'a trap' 10 traps_are $THRESHOLD 1
assert_eq 'SNMP: quota' 1800000 "$(snmp_get "$(oid_ct 101 quota)")"
assert_eq 'SNMP: near' 3 "$(snmp_get "$(oid_ct 101 quota-state)")"
assert_eq 'per cent' 96 "$(used 101 percent)"
assert_eq 'left' 60000 "$(used 101 left_octets)"
ctmeter list >/dev/null; ctmeter refresh >/dev/null
lab_ctmeterd_kill9
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
ctmeter refresh >/dev/null
assert_eq 'in, after the kill' 1530000 "$(used 101 in_octets)"
assert_eq 'the quota, after the kill' 1800000 "$(used 101 quota_octets)"
lab_flow 198.51.100.2 192.0.2.101 100 1500
assert_await 'the next threshold' 15 hooked "$(printf '%s\n' 'limit 101 90 1740000/1800000 both 0' \
	'limit 101 100 1890000/1800000 both 0')"
assert_await 'its trap' 70 traps_are $THRESHOLD 2
assert_eq 'SNMP: over' 4 "$(snmp_get "$(oid_ct 101 quota-state)")"
assert_eq 'state' over "$(used 101 state)"

step 'a line of the inventory says a quota, and what counts'
sed 's/^102 .*/& quota=1GB quota-counts=larger/' "$LAB/inventory" | lab_inventory
ctmeter refresh >/dev/null
assert_eq 'its quota' 1000000000 "$(used 102 quota_octets)"
assert_eq 'what counts' larger "$(used 102 quota_counts)"
assert_ok 'the command goes before it' ctmeter quota 102 none
assert_eq 'none' null "$(used 102 quota_octets)"
assert_ok 'and is taken back' ctmeter quota 102 default
assert_eq 'its quota again' 1000000000 "$(used 102 quota_octets)"
ctmeter quota 999 1GB >"$LAB/out" 2>&1
assert_eq 'an unknown one: exit status' 1 $?
ctmeter quota 101 'two furlongs' >"$LAB/out" 2>&1
assert_eq 'no size: exit status' 2 $?
assert_match 'what is expected' '2TB' "$(<"$LAB/out")"

step 'the period ends'
# As if it had begun a month earlier.
lab_ctmeterd_stop
now=$(date +%s)
sql_write "UPDATE meta SET value = $now - 2678400 WHERE key IN ('period_begin', 'period_counted')"
sql_write "UPDATE meta SET value = $now - 60 WHERE key = 'period_end'"
sql_write "UPDATE meta SET value = 0 WHERE key = 'period_guess'"
sql_write "UPDATE container SET bill_begin = $now - 2678400"
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
ctmeter refresh >/dev/null
assert_await 'the next begins at 0' 10 snmp_is "$(oid_ct 101 period-in)" 0
assert_eq 'the last one: in' 1680000 "$(last_used 101 in_octets)"
assert_eq 'the last one: out' 210000 "$(last_used 101 out_octets)"
assert_eq 'under again' under "$(used 101 state)"
lab_flow 198.51.100.2 192.0.2.101 10 1000
assert_eq 'counted anew' 10000 "$(used 101 in_octets)"
assert_eq 'the total goes on' 1660000 "$(snmp_get "$(oid_ct 101 fwd-in.octets)")"
assert_ok 'the audit of this period' ctmeter audit
assert_ok 'the audit of the last' ctmeter audit --last 101
assert_eq 'no hook was run for it' 2 "$(wc -l <"$LAB/hooked")"
assert_eq 'a restart tells no period' 0 "$(traps_count v2c $PERIOD_BEGAN)"

step 'the audit finds what does not add up'
lab_ctmeterd_stop
assert_ok 'without a daemon' ctmeter audit
sql_write "UPDATE address SET in_octets = in_octets + 1 WHERE ip = '192.0.2.101'"
ctmeter audit >"$LAB/out" 2>&1
assert_eq 'an address: exit status' 1 $?
assert_match 'named' '101 .*ADDRESSES DIFFER' "$(<"$LAB/out")"
sql_write "UPDATE address SET in_octets = in_octets - 1 WHERE ip = '192.0.2.101'"
assert_ok 'put right' ctmeter audit
sql_write "INSERT INTO usage_hour SELECT $now / 3600 * 3600 - 86400, key, 5000000, 0, 0, 0, 0, 0, 0, 0
	FROM address WHERE ip = '192.0.2.101'"
ctmeter audit --last >"$LAB/out" 2>&1
assert_eq 'the history: exit status' 1 $?
assert_match 'named' '101 .*HISTORY DIFFERS' "$(<"$LAB/out")"
traps_stop

lab_end
