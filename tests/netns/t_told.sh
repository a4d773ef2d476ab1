#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever others do to our rules by which a packet may pass uncounted: every row concerned has one
# discontinuity more for it, no more is served than was sent, and what comes then is exact.

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

told 'the hook flushed' 6 1 ipt 6 -F FORWARD
told 'a chain flushed' 4 1 ipt 4 -F ctm-s
told 'one rule zeroed that fell' 6 1 zero_rule 6 2001:db8:1::101
for v in 4 6; do
	told 'our jump deleted' $v 1 delete_jump $v FORWARD
	told 'an ACCEPT before our jump' $v 1 accept_first $v FORWARD
	ipt $v -D FORWARD -j ACCEPT
	told 'a RETURN first in a tree' $v 1 ipt $v -I ctm-d -j RETURN
	told 'the whole table flushed' $v 1 flush_all $v
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

step 'the same in the table filter'
lab_ctmeterd_stop
assert_ok teardown ctmeter teardown
lab_set netfilter.table filter
TABLE=filter
lab_ctmeterd_start
await 10 snmp_serves || fail 'filter: the tables are not served'
told 'filter: an ACCEPT before our jump' 4 1 accept_first 4 FORWARD
ipt 4 -D FORWARD -j ACCEPT
told 'filter: a RETURN first in a tree' 6 1 ipt 6 -I ctm-d -j RETURN
echo "took $SECONDS s"
lab_end
