#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same while the daemon is away: the next start tells it, once.

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

# While the daemon is away COMMAND is run, then 500 packets of 1000 octets come to one address; of
# these MISSED at least, and MOST at most, are not served.
away() { # LABEL 4|6 TIMES MISSED MOST COMMAND...
	local a=192.0.2.101 from=198.51.100.2 was now
	[ "$2" = 4 ] || { a=2001:db8:1::101 from=2001:db8:f::2; }
	step "$1, IPv$2"
	ctmeter refresh >/dev/null || fail "$1: refresh"
	lab_flow "$from" "$a" 3 100
	await 5 in_place "$2"
	sleep 0.6
	was=$(row_now "$a") # a reading
	disc_note
	lab_ctmeterd_stop
	"${@:6}" || fail "$1: cannot: ${*:6}"
	lab_flow "$from" "$a" 500 1000
	lab_ctmeterd_start
	await 10 snmp_serves || fail "$1: the tables are not served"
	assert_await "$1: in its place again" 30 in_place "$2"
	sleep 0.6
	now=$(row_now "$a")
	assert_ge "$1: octets served" $((500000 - $5)) $((${now%% *} - ${was%% *}))
	assert_ge "$1: octets missed" "$4" $((500000 - ${now%% *} + ${was%% *}))
	printf '   %s: %d of 500000 octets served\n' "$1" $((${now%% *} - ${was%% *}))
	disc_check "$1" "$2" "$3"
	exact_again "$1" "$2"
}

delete_jump() { ipt "$1" -D "$2" -j "$(root_of "$1" "$2")"; }
delete_input() { delete_jump "$1" INPUT; }
zero_rule() { local place; read -r -a place < <(rule_place "$1" "$2"); ipt "$1" -Z "${place[@]}"; }
flush_and_delete() { ipt "$1" -F && ipt "$1" -X; }
restore_older() { "$(command_of "$1")-restore" -c <"$LAB/older"; }
teardown() { ctmeter teardown; }

away nothing 4 0 0 0 true
for v in 4 6; do
	away 'our jump deleted' $v 1 500000 500000 delete_jump $v FORWARD
	away 'an ACCEPT before our jump' $v 1 500000 500000 ipt $v -I FORWARD -j ACCEPT
	ipt $v -D FORWARD -j ACCEPT
	away 'a RETURN first in a tree' $v 1 500000 500000 ipt $v -I ctm-d -j RETURN
done
away 'our jump into INPUT deleted' 6 1 0 0 delete_input 6
away 'everything flushed and deleted' 4 1 500000 500000 flush_and_delete 4
# All that it counts it counted since.
away 'a tree zeroed' 4 1 0 0 ipt 4 -Z ctm-d
away 'the table zeroed' 6 1 0 0 ipt 6 -Z

step 'an older save of this epoch restored: one rule fell, another is past its old count again'
iptables-legacy-save -c -t mangle >"$LAB/older"
lab_flow 198.51.100.2 192.0.2.102 100 1000
lab_flow 198.51.100.2 192.0.2.101 10 1000
away 'an older save restored' 4 1 0 20000 restore_older 4
echo "took $SECONDS s"
lab_end
