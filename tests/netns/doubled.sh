# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The ways in which other programs lead packets into our chains, or rename the chains. Needs
# told.sh.

# The usual lab on a node that has rules of others, with sinks for streams.
doubled_lab() {
	local v
	lab_network
	for v in 4 6; do
		foreign_rules $v
		foreign_save $v >"$LAB/before.$v"
	done
	lab_inventory_usual
	lab_snmpd_start
	lab_ctmeterd_start
	await 10 snmp_serves || fail "the tables are not served"
	assert_ok refresh ctmeter refresh
	stream_sinks
}

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
renamed_one_by_one() {
	local c
	ipt "$1" -S | sed -n 's/^-N \(ctm.*\)/\1/p' >"$LAB/chains"
	while read -r c; do ipt "$1" -E "$c" "x-${c#ctm-}" || return 1; done <"$LAB/chains"
}
all_renamed() { in_one_go renamed_one_by_one "$1"; }
# shellcheck disable=SC2034 # the tests that include this use it
KINDS=(from_a_chain from_a_chain_with_goto unused_chain from_prerouting root_from_prerouting
	from_postrouting tree_from_hook root_of_another_hook jump_twice tree_twice_in_root root_renamed
	tree_renamed all_renamed)

# Remove what a kind left behind that is not ours to remove.
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

