#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever others do to our rules by which a packet may pass uncounted: every row concerned has one
# discontinuity more for it, no more is served than was sent, and what comes then is exact. What
# takes nothing away is no discontinuity.

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

flush_all() { ipt "$1" -F; }
flush_and_delete() { ipt "$1" -F && ipt "$1" -X; }
delete_jump() { ipt "$1" -D "$2" -j "$(root_of "$1" "$2")"; }
accept_first() { ipt "$1" -I "$2" -j ACCEPT; }
zero_rule() { local place; read -r -a place < <(rule_place "$1" "$2"); ipt "$1" -Z "${place[@]}"; }
delete_rule() { local place; read -r -a place < <(rule_place "$1" "$2"); ipt "$1" -D "${place[@]}"; }
save_now() { "$(command_of "$1")-save" -c -t mangle >"$LAB/older"; }
restore_older() { "$(command_of "$1")-restore" -c <"$LAB/older"; }

for v in 4 6; do
	told 'the hook flushed' $v 1 ipt $v -F FORWARD
	told 'our jump deleted' $v 1 delete_jump $v FORWARD
	told 'an ACCEPT before our jump' $v 1 accept_first $v FORWARD
	ipt $v -D FORWARD -j ACCEPT
	told 'a RETURN first in a tree' $v 1 ipt $v -I ctm-d -j RETURN
	told 'a chain flushed' $v 1 ipt $v -F ctm-s
	told 'the whole table flushed' $v 1 flush_all $v
	told 'one rule zeroed that fell' $v 1 zero_rule $v "$(addresses_of $v | head -n 1)"
done
told 'the whole table flushed, chains deleted' 4 1 flush_and_delete 4
told 'one rule deleted' 4 1 delete_rule 4 192.0.2.101
told 'the tree zeroed' 4 1 ipt 4 -Z ctm-d
told 'another tree zeroed' 4 1 ipt 4 -Z ctm-o
told 'the table zeroed' 6 1 ipt 6 -Z
told 'our jump into INPUT deleted' 4 1 delete_jump 4 INPUT
told 'an ACCEPT before our jump into OUTPUT' 6 1 accept_first 6 OUTPUT
ipt 6 -D OUTPUT -j ACCEPT
save_now 4
told 'an older save of this epoch restored with its counters' 4 1 restore_older 4

step 'zeroed, and past the old count before the next reading'
lab_flow 198.51.100.2 192.0.2.112 1 100
await 5 in_place 4
disc_note
was=$(row_now 192.0.2.112)
ipt 4 -Z ctm-d
lab_flow 198.51.100.2 192.0.2.112 500 1000
assert_await 'zeroed: in its place again' 10 in_place 4
assert_await 'zeroed: what came since is counted' 3 row_is 192.0.2.112 $((${was%% *} + 500000))
disc_check 'zeroed and past the old count' 4 1

# ---- what takes nothing away ----
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
assert_match 'status names what stands before ours' 'rule 1 of FORWARD \(ACCEPT\) stands before ours' \
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
