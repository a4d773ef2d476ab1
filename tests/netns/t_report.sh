#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `ctmeter report` says what was sent, to the octet, while the daemon runs and when it does not; the
# wiki's query on the view `traffic` does so too.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
# None is made by itself while this runs.
lab_set ledger.checkpoint 3600
lab_start

lab_flow 198.51.100.2 192.0.2.101 1000 1500
lab_flow 192.0.2.101 198.51.100.2 300 700
lab_flow 2001:db8:f::2 2001:db8:1::101 200 1280
lab_flow 198.51.100.1 192.0.2.101 50 600
lab_flow 198.51.100.2 192.0.2.112 10 100

# A figure of a row of the CSV answer: its first column is NAME, the figure's column COLUMN.
report_row() { # NAME COLUMN ARG...
	local name=$1 column=$2
	shift 2
	ctmeter report --format csv "$@" 2>/dev/null | tr -d '"' | awk -F, -v name="$name" -v column="$column" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) at = i; next }
		$1 == name || $2 == name { print $at; exit }'
}
sent=1756000
reported() { # LABEL ARG...: container 101 as sent
	local label=$1
	shift
	assert_eq "$label: in" "$sent" "$(report_row 101 in_octets "$@")"
	assert_eq "$label: out" 210000 "$(report_row 101 out_octets "$@")"
	assert_eq "$label: node in" 30000 "$(report_row 101 node_in_octets "$@")"
}

step 'while the daemon runs'
# One question is enough: the daemon stores what it has counted before the ledger is read.
reported 'last hour' --since 1h
reported 'last 30 days'
reported 'one container' --ct 101
assert_eq 'an address' 1500000 "$(report_row 192.0.2.101 in_octets --by address --since 1h)"
assert_eq 'an IPv6 address' 256000 \
	"$(report_row 2001:db8:1::101 in_octets --by address --ip 2001:db8:1::101 --since 1h)"
assert_match 'a table for people' '101' "$(ctmeter report --since 1h)"
assert_match 'CSV is exact' '1756000' "$(ctmeter report --since 1h --format csv)"
assert_eq "the wiki's query" '192.0.2.101|1710000' "$("$B/tests/netns/dblock" "$LAB/ledger.db" \
	"SELECT ip, sum(bytes) FROM traffic WHERE measuringtime > datetime('now', '-30 days')
	 AND ip = '192.0.2.101' GROUP BY ip")"

assert_match 'it is of now' ' \(now\), ' "$(ctmeter report --since 1h)"
lab_flow 198.51.100.2 192.0.2.101 10 1000
sent=1766000
assert_eq 'and again' $sent "$(report_row 101 in_octets)"
assert_eq 'a mark too' $sent "$(report_row 101 in_octets --since-zero)"

step 'when the daemon does not answer'
kill -STOP "$CTMETERD_PID"
out=$(ctmeter report)
kill -CONT "$CTMETERD_PID"
assert_eq 'the head does not say now' 0 "$(grep -c '(now)' <<<"$out")"
assert_match 'as of when, and why' 'Counted until 20[0-9: -]*: .*see its log' "$out"

step 'when it does not run'
lab_ctmeterd_stop
out=$(ctmeter report)
assert_match 'as of when' 'Counted until 20[0-9: -]*: ctmeterd is not running' "$out"
reported 'last hour, no daemon' --since 1h
lab_ctmeterd_start

step 'bad questions'
ctmeter report --since nonsense >"$LAB/out" 2>&1
assert_eq 'exit status' 2 $?
assert_match 'which one' 'nonsense' "$(<"$LAB/out")"

lab_end
