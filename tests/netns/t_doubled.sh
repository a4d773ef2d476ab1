#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Rules of others that lead to our chains, and chains of ours that somebody renamed: nothing is billed
# twice, every row is told once, and the rules that led to ours go, these alone. Teardown leaves
# nothing of ours in any of these states.

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
lab_network
foreign_rules 4
foreign_rules 6
for v in 4 6; do foreign_save $v >"$LAB/before.$v"; done
lab_inventory_usual
lab_snmpd_start
lab_ctmeterd_start
await 10 snmp_serves || fail "the tables are not served"
assert_ok refresh ctmeter refresh
stream_sinks

from_a_chain() { ipt "$1" -A shaping -j ctm-d && ipt "$1" -A FORWARD -j shaping; }
from_a_chain_with_goto() { ipt "$1" -I shaping-more -p udp -g ctm-s && ipt "$1" -A FORWARD -g shaping-more; }
unused_chain() { ipt "$1" -N unused && ipt "$1" -A unused -j "$(root_of "$1" FORWARD)"; }
from_prerouting() { ipt "$1" -I PREROUTING -j ctm-d; }
root_from_prerouting() { ipt "$1" -A PREROUTING -j "$(root_of "$1" FORWARD)"; }
from_postrouting() { ipt "$1" -A POSTROUTING -j ctm-s; }
tree_from_hook() { ipt "$1" -A FORWARD -p udp -j ctm-d; }
root_of_another_hook() { ipt "$1" -A FORWARD -j "$(root_of "$1" INPUT)"; }
jump_twice() { ipt "$1" -I FORWARD -j "$(root_of "$1" FORWARD)"; }
tree_twice_in_root() { ipt "$1" -I "$(root_of "$1" FORWARD)" -j ctm-d; }
root_renamed() { ipt "$1" -E "$(root_of "$1" FORWARD)" foo; }
tree_renamed() { ipt "$1" -E ctm-d foo; }
all_renamed() {
	local c
	ipt "$1" -S | sed -n 's/^-N \(ctm.*\)/\1/p' >"$LAB/chains"
	while read -r c; do ipt "$1" -E "$c" "x-${c#ctm-}" || return 1; done <"$LAB/chains"
}
KINDS=(from_a_chain from_a_chain_with_goto unused_chain from_prerouting root_from_prerouting
	from_postrouting tree_from_hook root_of_another_hook jump_twice tree_twice_in_root root_renamed
	tree_renamed all_renamed)

# What a kind left of somebody else's that is not ours to remove.
tidy() { # 4|6 KIND
	case $2 in
	from_a_chain) ipt "$1" -D FORWARD -j shaping ;;
	from_a_chain_with_goto) ipt "$1" -D FORWARD -g shaping-more ;;
	unused_chain) ipt "$1" -X unused ;;
	esac
}
unchanged() { # LABEL 4|6
	assert_eq "$1: others' rules" '' "$(diff <(sed 's/\[[0-9:]*\]//' "$LAB/before.$2") \
		<(foreign_save "$2" without-ours | sed 's/\[[0-9:]*\]//'))"
}

for v in 4 6; do
	for kind in "${KINDS[@]}"; do
		told "$kind" $v 1 "$kind" $v
		tidy $v "$kind"
		unchanged "$kind, IPv$v" $v
		[ $v = 4 ] || [ "$kind" != from_prerouting ] || break
	done
done
assert_match 'the log names the rule' 'rule 1 of PREROUTING leads to our chain ctm-d' "$(<"$LAB/ctmeterd.log")"

step 'somebody insists'
for i in {1..8}; do
	ipt 4 -C PREROUTING -j ctm-d 2>/dev/null || ipt 4 -I PREROUTING -j ctm-d
	ctmeter --json status >"$LAB/status.$i"
	ctmeter check rules-ipv4 >"$LAB/check.$i"
	sleep 0.2
done
assert_match 'status tells' 'rule 1 of PREROUTING leads to our chain ctm-d' "$(cat "$LAB"/status.*)"
assert_match 'check fails' 'FAIL.*rule 1 of PREROUTING leads to our chain ctm-d' "$(cat "$LAB"/check.*)"
assert_await 'peace' 40 in_place 4
exact_again 'after it' 4

step 'while the daemon is away'
disc_note
was=$(row_now 192.0.2.101)
lab_ctmeterd_stop
from_prerouting 4
lab_flow 198.51.100.2 192.0.2.101 500 1000
lab_ctmeterd_start
await 10 snmp_serves
assert_await 'away: in its place again' 30 in_place 4
now=$(row_now 192.0.2.101)
assert_ge 'away: not more than was sent' $((${now%% *} - ${was%% *})) 500000
disc_check 'away' 4 1
exact_again 'away' 4

step 'teardown'
lab_ctmeterd_stop
for kind in "${KINDS[@]}"; do
	lab_ctmeterd_start
	assert_ok "teardown, $kind: refresh" ctmeter refresh
	lab_ctmeterd_stop
	"$kind" 4 || fail "teardown, $kind: cannot"
	assert_ok "teardown, $kind" ctmeter teardown
	tidy 4 "$kind"
	unchanged "teardown, $kind" 4
	assert_eq "teardown, $kind: chains" 'shaping shaping-more' \
		"$(ipt 4 -S | sed -n 's/^-N //p' | paste -sd ' ')"
done
lab_ctmeterd_start
assert_ok 'refresh' ctmeter refresh
from_a_chain 4 && root_renamed 4
assert_ok "teardown by the daemon" ctmeter teardown
tidy 4 from_a_chain
unchanged 'teardown by the daemon' 4
echo "took $SECONDS s"
lab_end
