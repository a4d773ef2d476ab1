#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `ctmeter report` says what was sent, to the octet, while the daemon runs and when it does not; the
# wiki's query on the view `traffic` does so too.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
lab_set ledger.checkpoint 1
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
reported() { # LABEL ARG...: container 101 as sent
	local label=$1
	shift
	assert_eq "$label: in" 1756000 "$(report_row 101 in_octets "$@")"
	assert_eq "$label: out" 210000 "$(report_row 101 out_octets "$@")"
	assert_eq "$label: node in" 30000 "$(report_row 101 node_in_octets "$@")"
}
complete() { [ "$(report_row 101 in_octets --since 1h)" = 1756000 ] &&
	[ "$(report_row 101 node_in_octets --since 1h)" = 30000 ]; }

step 'while the daemon runs'
assert_await 'the checkpoint is there' 15 complete
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

step 'when it does not'
lab_ctmeterd_stop
reported 'last hour, no daemon' --since 1h
lab_ctmeterd_start

step 'bad questions'
ctmeter report --since nonsense >"$LAB/out" 2>&1
assert_eq 'exit status' 2 $?
assert_match 'which one' 'nonsense' "$(<"$LAB/out")"

lab_end
