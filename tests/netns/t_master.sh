#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A broken or hostile AgentX master (badmaster). In each way of being bad the daemon lives on, counts
# exactly, and answers its control socket; afterwards it has the descriptors and, within bounds, the
# memory that it had, and serves a real snmpd within seconds. SEED is printed, and taken.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"
lab_enter "$@"

in_octets() { ctmeter --json list 101 | sed -n 's/.*"in_octets": *\([0-9]*\).*/\1/p' | head -n 1; }
counted() { ctmeter refresh && [ "$(in_octets)" = "$1" ]; } # OCTETS

descriptors() { find "/proc/$CTMETERD_PID/fd" -mindepth 1 | wc -l; }
memory_kb() { awk '/^(RssAnon|VmRSS):/ { kb = $2; if ($1 == "RssAnon:") exit } END { print kb }' "/proc/$CTMETERD_PID/status"; }

sent=0
# It is bad for so long that it has sent enough, and that the control socket has answered before it ends: for
# longer on a slow machine.
bad() { # PHASE MILLISECONDS LEAST: PDUs that must have been sent for it to mean anything
	local phase=$1 ms=$2 tries pid said meanwhile=0
	step "$phase"
	for ((tries = 0; tries < 6; tries++, ms *= 2)); do
		"$B/tests/netns/badmaster" "$LAB/agentx.sock" "$phase" "$ms" "${SEED-}" >"$LAB/bad.$phase" 2>&1 &
		pid=$!
		await 5 test -s "$LAB/bad.$phase"
		assert_ok "$phase: the control socket answers" patiently "$B/ctmeter" -c "$LAB/ctmeter.conf" list
		grep -q '^sessions ' "$LAB/bad.$phase" || meanwhile=1
		lab_flow 198.51.100.2 192.0.2.101 20 500
		sent=${BOOK["101 - fwd-in.octets"]}
		assert_await "$phase: what was sent is counted" 3 counted "$sent"
		wait "$pid"
		assert_eq "$phase: badmaster's end" 0 $?
		said=$(sed -n 's/^sessions [1-9][0-9]* sent \([0-9]*\) .*/\1/p' "$LAB/bad.$phase")
		[ "$meanwhile" -eq 0 ] || [ "${said:-0}" -lt "$3" ] || break
	done
	assert_eq "$phase: the control socket answered meanwhile" 1 "$meanwhile"
	cat "$LAB/bad.$phase"
	assert_ge "$phase: PDUs sent" "$3" "${said:-none}"
	assert_ok "$phase: the daemon lives" kill -0 "$CTMETERD_PID"
}

# The fewest seen in a moment: now and then there is a commit's or a command's besides.
same_descriptors() { [ "$(descriptors)" = "$fds" ]; }
fewest_descriptors() { for _ in 1 2 3 4 5 6 7 8; do descriptors; done | sort -n | head -n 1; }

# snmpd instead: served, and exactly.
fds=
good() {
	step 'a real snmpd'
	lab_snmpd_start
	assert_await 'the tables are served' 10 snmp_serves
	book_check 'served'
	: "${fds:=$(fewest_descriptors)}"
	await 5 same_descriptors
	assert_eq 'descriptors' "$fds" "$(descriptors)"
	lab_snmpd_stop
}

lab_network
lab_inventory_usual
lab_ctmeterd_start
good

bad bulk 1500 20
kb=$(memory_kb)
bad flip 1000 1000
bad random 1000 1000
good
bad header 2500 1
bad large 1000 10
bad drip 1000 1000
good
bad flood 1000 100
bad order 1000 1000
bad lie 2500 4
good
bad close 4000 2
bad mute 300 0
bad flip 1000 1000
bad bulk 1500 20
good

echo "memory: $kb kB after the first phase, $(memory_kb) kB at the end"
# A sanitizer or valgrind keeps what is freed for a while, and looks for leaks itself.
[ "$SLOW" -gt 1 ] || assert_ge 'kB that memory grew less than' "$(memory_kb)" $((kb + 2048))

lab_end
