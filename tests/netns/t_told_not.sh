#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What others and we do by which no packet passes uncounted is no discontinuity; and somebody who
# insists on the first place makes no more of them than there are repairs.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/foreign.sh
. "$(dirname "$0")/foreign.sh"
# shellcheck source=tests/netns/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/netns/told.sh
. "$(dirname "$0")/told.sh"
foreign_tools
lab_enter "$@"
lab_start
stream_sinks

others_log() { ipt "$1" -I FORWARD -m limit -j LOG; }
others_append() { ipt "$1" -A FORWARD -j ACCEPT; }
others_chain() { ipt "$1" -N tenants && ipt "$1" -A FORWARD -j tenants && ipt "$1" -A tenants -p 99 -j DROP; }
others_gone() { ipt "$1" -D FORWARD -j tenants && ipt "$1" -F tenants && ipt "$1" -X tenants; }
ours_change() {
	local i
	for i in 1 2 3 4 5; do
		lab_inventory_usual "200 203.0.113.$i 2001:db8:2::$i"
		ctmeter refresh || return 1
	done
	lab_inventory_usual
	ctmeter refresh
}
restart_daemon() { lab_ctmeterd_stop && lab_ctmeterd_start && await 10 snmp_serves; }
kill_daemon() { lab_ctmeterd_kill9 && lab_ctmeterd_start && await 10 snmp_serves; }
told 'others log first' 4 0 others_log 4
ipt 4 -D FORWARD 1
others_log_by_chain() { ipt "$1" -N logs && ipt "$1" -A logs -j LOG && ipt "$1" -I FORWARD -p udp -j logs; }
told 'others log first, in a chain' 6 0 others_log_by_chain 6
ipt 6 -D FORWARD 1
no_canaries() { # as an earlier version left it
	local c
	for c in ctm-d ctm-s ctm-i ctm-o; do ipt "$1" -D "$c" ! -s 0.0.0.0/0 -j RETURN || return 1; done
}
told 'canaries taken away' 4 0 no_canaries 4
told 'others append' 4 0 others_append 4
ipt 4 -D FORWARD -j ACCEPT
told 'others have a chain' 6 0 others_chain 6
told 'others take it away' 6 0 others_gone 6
told 'the hook zeroed' 4 0 ipt 4 -Z FORWARD
told 'our root zeroed' 4 0 ipt 4 -Z "$(root_of 4 FORWARD)"
told 'our own commits' 4 0 ours_change
told 'a restart of the daemon' 6 0 restart_daemon
told 'a kill of the daemon' 4 0 kill_daemon

step 'somebody insists on the first place'
disc_note
was=$(snmp_get "$(oid_scalar 8)")
for i in {1..12}; do
	ipt 4 -C FORWARD -j ACCEPT 2>/dev/null && ipt 4 -D FORWARD -j ACCEPT
	ipt 4 -I FORWARD -j ACCEPT
	ctmeter --json status >"$LAB/status.$i"
	disc_of 192.0.2.101 >/dev/null
	sleep 0.3
done
assert_match 'status names what precedes ours' 'rule 1 of FORWARD \(ACCEPT\) precedes ours' \
	"$(cat "$LAB"/status.*)"
ipt 4 -D FORWARD -j ACCEPT
assert_await 'peace' 40 in_place 4
repairs=$(($(snmp_get "$(oid_scalar 8)") - was))
for a in $(addresses_of 4); do
	assert_ge "told each time at most, $a" $(($(disc_of "$a") - DISC_WAS[$a])) $((repairs + 1))
	assert_ge "told, $a" 1 $(($(disc_of "$a") - DISC_WAS[$a]))
done
exact_again peace 4
echo "took $SECONDS s"
lab_end
