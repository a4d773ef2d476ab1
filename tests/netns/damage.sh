# shellcheck shell=bash disable=SC2034 # BOOK and BOOK_WAIT are lab.sh's
# SPDX-License-Identifier: GPL-2.0-or-later
# For the tests of programs that write whole tables: damage at rest, where nothing may be lost, and
# under traffic, where the loss is bounded and reported. Needs lab.sh, foreign.sh, watch.sh and
# faults.sh.

# The usual lab on a node that has rules of other programs in both tables.
damage_lab() {
	lab_network
	foreign_rules 4
	foreign_rules 6
	iptables-legacy-save -c -t mangle >"$LAB/before.4"
	ip6tables-legacy-save -c -t mangle >"$LAB/before.6"
	lab_inventory_usual
	lab_snmpd_start
	lab_ctmeterd_start
	await 10 snmp_serves || fail "the tables are not served"
	assert_ok refresh ctmeter refresh
	stream_sinks
	watch_start
	BOOK_WAIT=10
}

traffic() {
	lab_flow 198.51.100.2 192.0.2.101 100 28-1500
	lab_flow 2001:db8:f::2 2001:db8:1::101 100 48-1500
}

save() { # NAME
	iptables-legacy-save -c -t mangle >"$LAB/$1.4"
	ip6tables-legacy-save -c -t mangle >"$LAB/$1.6"
}
restore() { # NAME [OPTION...]
	iptables-legacy-restore "${@:2}" <"$LAB/$1.4" && ip6tables-legacy-restore "${@:2}" <"$LAB/$1.6"
}
replace_rule() { # 4|6 ADDR
	local ipt=iptables-legacy chain number
	[ "$1" = 4 ] || ipt=ip6tables-legacy
	read -r chain number < <(rule_place "$1" "$2")
	"$ipt" -t mangle -R "$chain" "$number" -d "$2" -j RETURN
}
replace_both() { replace_rule 4 192.0.2.101 && replace_rule 6 2001:db8:1::101; }

# At rest no packet is under way, so nothing may be lost.
quiet() { # LABEL COMMAND...
	step "$1, at rest"
	await 5 book_agrees
	"${@:2}" || fail "$1: failed: ${*:2}"
	sleep 1.2 # a reset is believed after a second: a wrong figure would show only then
	assert_ok "$1: refresh" ctmeter refresh
	traffic
	book_check "$1, at rest"
}

# Under traffic, each of these commands makes the kernel lose counts.
busy() { # LABEL COMMAND...
	step "$1, under traffic"
	streams_start 192.0.2.101 2001:db8:1::101
	sleep 1 # the stream must have been counted before
	"${@:2}" || fail "$1: failed: ${*:2}"
	sleep 1.2 # and must go on afterwards
	streams_stop 192.0.2.101 2001:db8:1::101
	stream_bounded "$1" 192.0.2.101 1
	stream_bounded "$1" 2001:db8:1::101 1
	book_rebase
}

# The loss is known now: continue the book from what is served.
book_rebase() {
	local a unit
	snmp_load
	for unit in octets pkts; do
		for a in 192.0.2.101 2001:db8:1::101; do
			BOOK["101 $a fwd-in.$unit"]=${SERVED[$(oid_addr 101 "$a" "fwd-in.$unit")]}
		done
		BOOK["101 - fwd-in.$unit"]=${SERVED[$(oid_ct 101 "fwd-in.$unit")]}
	done
}
