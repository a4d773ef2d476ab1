#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Everybody else's rules stay as they are, to the byte and to the counter: when ours come, change,
# count and go.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/foreign.sh
. "$(dirname "$0")/foreign.sh"
foreign_tools
lab_enter "$@"
lab_network
foreign_rules 4
foreign_rules 6
for v in 4 6; do foreign_save $v >"$LAB/before.$v"; done
assert_match 'the foreign rules are there' shaping-more "$(<"$LAB/before.4")"

unchanged() { # LABEL [without-ours]
	local v
	for v in 4 6; do
		assert_eq "$1, IPv$v" '' "$(diff "$LAB/before.$v" <(foreign_save $v "${@:2}"))"
	done
}

# The family's rules are one more thing than before: ours are in.
ours_in() { foreign_save 4 | grep -q ctm && foreign_save 6 | grep -q ctm; }
first_rule() { # 4|6 CHAIN
	foreign_save "$1" | sed -n '/^\*mangle/,/^COMMIT/p' | grep -E -- "-A $2 " | head -n 1
}

step 'ours come'
lab_inventory_usual
lab_snmpd_start
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh
assert_ok 'our chains are in both families' ours_in
unchanged 'with ours in' without-ours
for chain in FORWARD INPUT OUTPUT; do
	assert_match "ours is first in $chain" '-j ctm' "$(first_rule 4 $chain)"
	assert_match "ours is first in $chain, IPv6" '-j ctm' "$(first_rule 6 $chain)"
done

step 'ours change, many times'
for i in {1..8}; do
	lab_inventory_usual "200 203.0.113.$i 2001:db8:2::$i" "201 203.0.113.$((i + 100))"
	assert_ok "refresh $i" ctmeter refresh
done
unchanged 'after changes' without-ours

step 'a foreign rule counts each packet while ours change'
iptables-legacy -t mangle -A FORWARD -d 192.0.2.101 -p udp -m comment --comment mine
ip6tables-legacy -t mangle -A FORWARD -d 2001:db8:1::101 -p udp -m comment --comment mine
(
	for ((i = 0; i < 40; i++)); do
		lab_inventory_usual "200 203.0.113.$((i + 1)) 2001:db8:2::$((i + 1))"
		ctmeter refresh
		[ ! -e "$LAB/enough" ] || exit 0
	done
) >/dev/null 2>&1 &
changer=$!
lab_flow 198.51.100.2 192.0.2.101 10000 28-1500
lab_flow 2001:db8:f::2 2001:db8:1::101 10000 48-1500
: >"$LAB/enough"
wait "$changer"
mine() { "$1" -t mangle -nvxL FORWARD | awk '/mine/ { print $1, $2 }'; }
assert_eq 'the foreign IPv4 rule' \
	"${BOOK["101 192.0.2.101 fwd-in.pkts"]} ${BOOK["101 192.0.2.101 fwd-in.octets"]}" \
	"$(mine iptables-legacy)"
assert_eq 'the foreign IPv6 rule' \
	"${BOOK["101 2001:db8:1::101 fwd-in.pkts"]} ${BOOK["101 2001:db8:1::101 fwd-in.octets"]}" \
	"$(mine ip6tables-legacy)"
lab_inventory_usual
assert_ok refresh ctmeter refresh
book_check 'ours beside it'
iptables-legacy -t mangle -D FORWARD -d 192.0.2.101 -p udp -m comment --comment mine
ip6tables-legacy -t mangle -D FORWARD -d 2001:db8:1::101 -p udp -m comment --comment mine

step 'ours go: nothing of them is left'
for v in 4 6; do foreign_save $v without-ours >"$LAB/before.$v"; done
lab_ctmeterd_stop
assert_ok 'the rules outlive the daemon' ours_in
assert_ok teardown ctmeter teardown
unchanged 'after teardown'
assert_ok 'teardown of nothing' ctmeter teardown
unchanged 'after a second teardown'

lab_end
