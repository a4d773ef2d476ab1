#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A wall clock that is wrong: two years ahead for eight seconds, 1970 until it is set, a day back, across
# restarts and a reboot. Nothing is removed on its word, and once it is right, what was counted meanwhile
# is in the reports of the right day.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"

YEARS=63072000 DAY=86400

preload() {
	lab_cc -shared -fPIC -D_GNU_SOURCE -o "$LAB/stepclock.so" \
		"$LAB_TOP/tests/netns/preload/stepclock.c" 2>"$LAB/cc" ||
		skip "no C compiler here ($(head -n 1 "$LAB/cc"))"
}
# Seen by whatever runs under the clock from its next look.
step_clock() { echo "$1" >"$LAB/step.new" && mv "$LAB/step.new" "$LAB/step"; } # SECONDS
daemon_start() { STEPCLOCK_FILE=$LAB/step lab_ctmeterd_start env LD_PRELOAD="$LAB/stepclock.so"; }
sql() { "$B/tests/netns/dblock" "$LAB/ledger.db" "$1"; }
sql_write() { "$B/tests/netns/dblock" -w "$LAB/ledger.db" "$1"; }
boot_id() {
	echo "$1" >"$LAB/boot_id"
	mountpoint -q /proc/sys/kernel/random/boot_id || mount --bind "$LAB/boot_id" /proc/sys/kernel/random/boot_id
}

# Octets that went to and from 101's address, as sent.
SENT=0
traffic() {
	lab_flow 198.51.100.2 192.0.2.101 100 28-1500
	SENT=${BOOK['101 192.0.2.101 fwd-in.octets']}
}
# What a report of this table has from SINCE to UNTIL (offsets to now), with what is in no period yet.
counted() { # TABLE SINCE UNTIL
	local now
	now=$(date +%s)
	sql "SELECT ifnull((SELECT sum(u.in_octets) FROM usage_$1 AS u JOIN address AS a ON a.key = u.address
		WHERE a.ip = '192.0.2.101' AND start BETWEEN $now + $2 AND $now + $3), 0)
		+ ifnull((SELECT a.in_octets - ifnull(b.in_octets, 0) FROM meta, address AS a
		LEFT JOIN booked AS b ON b.address = a.key WHERE a.ip = '192.0.2.101'
		AND meta.key = 'counted_at' AND meta.value BETWEEN $now + $2 AND $now + $3), 0)"
}
all_is_today() {
	[ "$(counted 5min -7200 900)" = "$SENT" ] && [ "$(counted hour -7200 900)" = "$SENT" ]
}
# The report of the last day, by the machine's own clock, against what was sent.
today_check() { # LABEL
	assert_await "$1: booked to the right hour" 10 all_is_today
	assert_eq "$1: 5 minutes" "$SENT" "$(counted 5min -7200 900)"
	assert_eq "$1: hours" "$SENT" "$(counted hour -7200 900)"
	assert_match "$1: the report" "(^|,)$SENT(,|$)" \
		"$(ctmeter report --ip 192.0.2.101 --since 1d --format csv --bytes | tail -n 1)"
	assert_eq "$1: no usage elsewhere" 0 "$(sql "SELECT count(*) FROM usage_5min
		WHERE start NOT BETWEEN $(date +%s) - 7200 AND $(date +%s) + 900")"
}
old_hours() { sql 'SELECT count(*) FROM usage_hour WHERE in_octets = 4711'; }
# Of the container's own row, as served.
since() { # CTID
	date +%s -d "$(ctmeter --json list | tr -d ' \n' | grep -o "\"id\":\"$1\".*" |
		grep -o '"counting_since":"[^"]*"' | head -n 1 | cut -d '"' -f 4)"
}
assert_near() { assert_ok "$1 ($3, about $2)" test $(($3 - $2)) -ge -15 -a $(($3 - $2)) -le 15; } # LABEL WANTED IS
jumps() { ctmeter --json status | tr -d ' \n' | grep -o '"jumps":[0-9]*' | cut -d : -f 2; }
saw_jumps() { [ "$(jumps)" = "$1" ]; }
logged() { grep -c 'warning clock: the time of day was set' "$LAB/ctmeterd.log"; }
# The next checkpoint under the clock as it is: its counted_at is this far from now.
counted_there() { # OFFSET
	local at
	at=$(sql "SELECT value FROM meta WHERE key = 'counted_at'") || return 1
	[ $((at - $(date +%s) - $1)) -ge -4 ] && [ $((at - $(date +%s) - $1)) -le 4 ]
}

preload
boot_id 11111111-1111-1111-1111-111111111111
lab_set ledger.checkpoint 1
lab_set inventory.interval 1
lab_set inventory.retire-after 600
step_clock 0
lab_network
lab_inventory_usual '300 203.0.113.30'
lab_snmpd_start
daemon_start
assert_await 'the tables are served' 10 snmp_serves
assert_ok refresh ctmeter refresh
traffic
book_check 'to begin with'
lab_inventory_usual
assert_ok refresh ctmeter refresh
lab_ctmeterd_stop
# 300 hours of 101's long ago, and a container that aged out a day ago.
hour=$((($(date +%s) / 3600 - 9400) * 3600))
key=$(sql "SELECT key FROM address WHERE ip = '192.0.2.101'")
{
	for i in {1..300}; do
		echo "INSERT INTO usage_hour VALUES ($((hour + i * 3600)), $key, 4711, 1, 0, 0, 0, 0, 0, 0);"
	done
	echo "UPDATE address SET state = 3, owner = 0, in_octets = 1000000, gone_at = gone_at - $DAY WHERE ip = '203.0.113.30';
		UPDATE container SET state = 3, in_octets = 1000000, gone_at = gone_at - $DAY WHERE ctid = '300';"
} >"$LAB/past.sql"
sql_write "$(<"$LAB/past.sql")"
index=$(sql "SELECT ifindex FROM container WHERE ctid = '300'")
daemon_start
assert_await 'the tables are served' 10 snmp_serves

step 'two years ahead for eight seconds'
step_clock $YEARS
assert_await 'the jump is seen' 10 saw_jumps 1
assert_match 'status tells' 'clock: the time of day was set forward by 6307' "$(ctmeter status)"
assert_match 'check tells' 'set forward by 6307' "$(ctmeter check clock)"
traffic
assert_await 'a checkpoint by it' 10 counted_there $YEARS
sleep 4 # checkpoints, each of which may remove what is old
traffic
assert_eq 'the hours of before' 300 "$(old_hours)"
step_clock 0
assert_await 'it is back' 10 saw_jumps 2
assert_await 'a checkpoint by it' 10 counted_there 0
today_check 'two years ahead'
assert_eq 'the hours of before' 300 "$(old_hours)"
assert_eq 'logged, each once' 2 "$(logged)"
lab_inventory_usual '300 203.0.113.30'
assert_ok refresh ctmeter refresh
assert_eq 'what aged out is back: its ifIndex' "$index" "$(snmp_get "$(oid_ct 300 ct-ifindex)")"
assert_eq 'and its octets' 1000000 "$(snmp_get "$(oid_ct 300 fwd-in.octets)")"
lab_inventory_usual

step 'a day back, a container comes meanwhile'
step_clock -$DAY
assert_await 'the jump is seen' 10 saw_jumps 3
lab_inventory_usual '301 203.0.113.31'
came=$(date +%s)
assert_ok refresh ctmeter refresh
traffic
assert_await 'a checkpoint by it' 10 counted_there -$DAY
step_clock 0
assert_await 'it is back' 10 saw_jumps 4
assert_await 'a checkpoint by it' 10 counted_there 0
today_check 'a day back'
assert_near 'counting since' "$came" "$(since 301)"

for way in stop kill9; do
	step "the daemon ends ($way) under a wrong clock, and begins under the right one"
	step_clock $YEARS
	assert_await 'a checkpoint by it' 10 counted_there $YEARS
	traffic
	lab_inventory_usual "$([ $way = stop ] && echo 302 || echo 303) 203.0.113.32"
	came=$(date +%s)
	assert_ok refresh ctmeter refresh
	assert_await 'the retired one stays' 5 snmp_get "$(oid_ct 301 ct-ifindex)"
	"lab_ctmeterd_$way"
	step_clock 0
	daemon_start
	assert_await 'the tables are served' 10 snmp_serves
	assert_await 'a checkpoint by it' 10 counted_there 0
	today_check "over a $way"
	assert_ok 'retired, not aged out' snmp_get "$(oid_ct 301 ct-ifindex)"
done
assert_near 'counting since' "$came" "$(since 303)"
assert_eq 'the hours of before' 300 "$(old_hours)"

step 'the node boots at 1970, until it is set'
lab_ctmeterd_stop
boot_id 22222222-1111-1111-1111-111111111111
for ipt in iptables-legacy ip6tables-legacy; do
	"$ipt" -t mangle -F && "$ipt" -t mangle -X && "$ipt" -t mangle -Z
done
step_clock -"$(date +%s)"
lab_snmpd_restart
daemon_start
assert_await 'the tables are served' 10 snmp_serves
assert_match 'status tells' 'the time of day is 1970-01-01T00:.* cannot be earlier' "$(ctmeter status)"
lab_inventory_usual '304 203.0.113.34'
came=$(date +%s)
assert_ok refresh ctmeter refresh
traffic
assert_await 'a checkpoint by it' 10 counted_there -"$(date +%s)"
n=$(jumps)
step_clock 0
assert_await 'it is set' 10 saw_jumps $((n + 1))
assert_await 'a checkpoint by it' 10 counted_there 0
today_check 'from 1970'
assert_near 'counting since' "$came" "$(since 304)"
assert_eq 'no trouble' 0 "$(ctmeter status | grep -c 'problem: clock')"

step 'a new ledger that begins at 1970'
lab_ctmeterd_stop
rm -f "$LAB"/ledger.db*
before=$(date +%s)
step_clock -"$before"
daemon_start
assert_await 'the tables are served' 10 snmp_serves
assert_ok refresh ctmeter refresh
SENT=0 BOOK=()
lab_flow 198.51.100.2 192.0.2.101 100 28-1500
assert_await 'a checkpoint by it' 10 counted_there -"$before"
step_clock 0
assert_await 'it is set' 10 saw_jumps 1
assert_await 'a checkpoint by it' 10 counted_there 0
SENT=$(snmp_get "$(oid_addr 101 192.0.2.101 fwd-in.octets)")
assert_ge 'counted' "${BOOK['101 192.0.2.101 fwd-in.octets']}" "$SENT"
today_check 'a new ledger'
assert_near 'counting since' "$before" "$(since 101)"
lab_end
