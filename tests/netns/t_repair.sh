#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever others do to our rules, they are put back by themselves, ctmRuleRepairs says so, and no
# published counter ever decreases.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/foreign.sh
. "$(dirname "$0")/foreign.sh"
foreign_tools
lab_enter "$@"
lab_start
# Repairs pause longer each time, so that two tools never fight at full speed.
BOOK_WAIT=20
REPAIRS=$(oid_scalar 8)

traffic() {
	lab_flow 198.51.100.2 192.0.2.101 100 28-1500
	lab_flow 192.0.2.101 198.51.100.2 100 28-1500
	lab_flow 198.51.100.1 192.0.2.101 100 28-1500
	lab_flow 2001:db8:f::2 2001:db8:1::101 100 48-1500
	lab_flow 2001:db8:1::103 2001:db8:f::1 100 48-1500
}

repaired_since() { local n; n=$(snmp_get "$REPAIRS"); [ "${n:-0}" -gt "$1" ]; } # COUNT

# Do damage while nothing flows, wait for the repair; then every figure is still what was sent,
# before and after new traffic.
damage() { # LABEL SHELL-TEXT
	local before
	step "$1"
	await "$BOOK_WAIT" book_agrees
	before=$(snmp_get "$REPAIRS")
	eval "$2" || fail "cannot: $2"
	assert_await "$1: repaired and counted" 20 repaired_since "$before"
	book_check "$1: repaired"
	traffic
	book_check "$1: counting again"
}

traffic
book_check 'to begin with'
assert_eq 'no repairs yet' 0 "$(snmp_get "$REPAIRS")"

ipt='iptables-legacy -t mangle'
ip6t='ip6tables-legacy -t mangle'
ours() { iptables-legacy -t mangle -S "$1" | sed -n "s/^-A $1 \(.*-j ctm[^ ]*\).*/\1/p" | head -n 1; } # CHAIN

damage 'everything flushed' "$ipt -F && $ip6t -F"
damage 'everything flushed and deleted' "$ipt -F && $ipt -X && $ip6t -F && $ip6t -X"
damage 'our jump deleted' "$ipt -D FORWARD \$(ours FORWARD)"
damage 'our jump into INPUT deleted' "$ipt -D INPUT \$(ours INPUT)"
damage 'an ACCEPT before our jump' "$ipt -I FORWARD 1 -j ACCEPT"
$ipt -D FORWARD -j ACCEPT
damage 'our jump there twice' "$ipt -I FORWARD \$(ours FORWARD)"
damage 'the table restored from before us' \
	"printf '*mangle\nCOMMIT\n' | iptables-legacy-restore -T mangle"

step 'counters zeroed by -Z: no repair is needed, and nothing decreases'
await "$BOOK_WAIT" book_agrees
iptables-legacy -t mangle -Z
ip6tables-legacy -t mangle -Z
book_check 'zeroed'
traffic
book_check 'zeroed, counting again'

step 'somebody deletes one counting rule of ours'
chain=$(iptables-legacy -t mangle -S | sed -n 's/^-A \(ctm[^ ]*\) .*192\.0\.2\.101\/32.*/\1/p' | head -n 1)
[ -n "$chain" ] || fail 'no rule for 192.0.2.101 is to be seen'
damage 'one rule deleted' "$ipt -D $chain 1"

assert_eq 'ours is first again' '-j ctm' "$($ipt -S FORWARD | sed -n 's/^-A FORWARD \(-j ctm\).*/\1/p' | head -n 1)"

lab_end
