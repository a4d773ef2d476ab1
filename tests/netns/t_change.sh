#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The change of backend on a running node, both ways, with packets before, while no daemon runs and
# after: every octet once, one discontinuity of each row, nothing of the other backend left; also
# with a kill -9 at any instant.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
[ "$BACKEND" = iptables ] || { echo 'SKIP: it has its own backends' && exit 77; }
lab_enter "$@"
why=$(lab_probe_bpf) || skip "$why"

STATUS_COUNTING=2
declare -A EVENTS=() # what each row must have

traffic() {
	lab_flow 198.51.100.2 192.0.2.101 30 28-1500
	lab_flow 192.0.2.101 192.0.2.112 20 1000
	lab_flow 2001:db8:1::103 2001:db8:f::2 10 48-1500
	lab_flow 192.0.2.102 198.51.100.1 5 400
}
all_count() {
	local a
	for a in "${LAB_ADDRESSES[@]}"; do
		[ "$(snmp_get "$(oid_addr "${LAB_OWNER[$a]}" "$a" status)")" = "$STATUS_COUNTING" ] || return 1
	done
}
events() { snmp_get "$(oid_addr "${LAB_OWNER[$1]}" "$1" disc-count)"; } # ADDR
note_events() {
	local a
	for a in "${LAB_ADDRESSES[@]}"; do EVENTS[$a]=$(events "$a"); done
}
one_event_more() { # LABEL
	local a
	for a in "${LAB_ADDRESSES[@]}"; do
		assert_eq "$1: one discontinuity of $a" $((EVENTS[$a] + 1)) "$(events "$a")"
	done
	note_events
}
counts_with() { # BACKEND
	assert_await "$1: all count" 15 all_count
	assert_eq "$1: ctmBackend" "$1" "$(snmp_get "$(oid_scalar 2)")"
	assert_match "$1: status" "backend: +$1" "$(ctmeter status)"
	assert_match "$1: check" "$1" "$(ctmeter check backend)"
	[ "$1" = iptables ] ||
		assert_eq 'no chain is left' '' "$({ iptables-legacy-save && ip6tables-legacy-save; } 2>/dev/null | grep ctm-)"
}

lab_start
assert_await 'all count' 10 all_count
traffic
book_check 'with iptables'
note_events

for to in link iptables link; do
	step "to $to, by a restart; its rules count on meanwhile"
	lab_ctmeterd_stop
	traffic
	lab_set netfilter.backend $to
	lab_ctmeterd_start
	counts_with $to
	book_check "after the change to $to"
	one_event_more "to $to"
	traffic
	book_check "with $to"
	assert_eq "$to: no further event" "${EVENTS[192.0.2.101]}" "$(events 192.0.2.101)"
done

for to in iptables link; do
	step "to $to, killed again and again"
	lab_ctmeterd_kill9
	traffic
	lab_set netfilter.backend $to
	lab_write_conf
	for delay in 0.02 0.08 0.15; do
		delay=$(awk -v d=$delay -v r=$RANDOM 'BEGIN { print d + r / 32768 * 0.04 }')
		"$B/ctmeterd" -c "$LAB/ctmeter.conf" </dev/null >>"$LAB/ctmeterd.log" 2>&1 9>&- &
		pid=$!
		sleep "$delay" # the instant of the kill is what varies here
		kill -KILL $pid
		wait $pid 2>/dev/null
	done
	lab_ctmeterd_start
	counts_with $to
	book_check "killed on the way to $to"
	one_event_more "killed on the way to $to"
	traffic
	book_check "with $to"
done

step 'teardown leaves nothing of either'
lab_ctmeterd_kill9
lab_set netfilter.backend iptables
lab_write_conf
assert_match 'it says how many' '^[1-9][0-9]* rules removed' "$(ctmeter teardown)"
assert_match 'none is left' 'has no rules here' "$(ctmeter teardown)"

lab_end
