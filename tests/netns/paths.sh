# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of docs/accounting.md share: send packets of known size, and tell what was counted of
# them, by which address and in which direction. After lab_enter.

# shellcheck disable=SC2034 # for the tests
CALL=/proc/sys/net/bridge/bridge-nf-call-iptables
MARKER=192.0.2.112 MARKED=0
WATCHED=(192.0.2.101 192.0.2.102 192.0.2.103 2001:db8:1::101)
declare -A CT=([203.0.113.9]=101 [203.0.113.120]=120 [203.0.113.121]=121 [203.0.113.122]=122 [203.0.113.123]=123 [198.51.100.50]=150) BEFORE=()

# ---- traffic, and what was counted of it ----------------------------------------------------

SINKS=0
# COUNT datagrams of SIZE octets from FROM in namespace A to TO, where namespace B hears them.
udp() { # A B FROM TO PORT COUNT SIZE
	local ready=$LAB/ready.$((++SINKS)) sink
	ns_exec "$2" "$B/tests/netns/udpgen" sink --port "$5" --expect "$6" --duration 10 --ready "$ready" \
		</dev/null >"$LAB/heard" 9>&- &
	sink=$!
	await 5 test -e "$ready" || fail "no sink in $2"
	in_ns "$1" "$B/tests/netns/udpgen" send --from "$3" --to "$4" --port "$5" --count "$6" --size "$7" >/dev/null
	wait "$sink"
	assert_eq "$3 -> $4: heard in $2" "$6 $(($6 * $7))" "$(<"$LAB/heard")"
}

# One datagram of 100 octets that nobody need hear.
fling() { # NAMESPACE FROM TO
	in_ns "$1" "$B/tests/netns/udpgen" send --from "$2" --to "$3" --port 6003 --count 1 --size 100 >/dev/null
}

marked() { snmp_is "$(oid_addr 102 "$MARKER" fwd-in.octets)" "$MARKED"; }

counts() { # ADDR: octets in, out, with the node in, out
	local p oids=()
	for p in "${LAB_PATHS[@]}"; do oids+=("$(oid_addr "${CT[$1]:-${LAB_OWNER[$1]}}" "$1" "$p.octets")"); done
	snmp_get "${oids[@]}" | tr '\n' ' '
}

# What has been counted since the last call: "ADDR in out node-in node-out" of all that moved. One
# datagram that is sent last is waited for, so nothing sent before it is still to come.
moved() {
	local a now was i line=
	MARKED=$((MARKED + 100))
	udp outside c2 198.51.100.2 $MARKER $((LAB_PORT++)) 1 100
	await 5 marked || fail 'the marker is not counted'
	MOVED=
	for a in "${WATCHED[@]}"; do
		read -ra now <<<"$(counts "$a")"
		read -ra was <<<"${BEFORE[$a]:-0 0 0 0}"
		line=
		for i in 0 1 2 3; do line+=" $((now[i] - was[i]))"; done
		[ "$line" = ' 0 0 0 0' ] || MOVED+="${MOVED:+, }$a$line"
		BEFORE[$a]=${now[*]}
	done
}

counted() { # LABEL WANTED
	moved
	assert_eq "$1" "$2" "$MOVED"
}

said_of() { ctmeter check "$1" 2>/dev/null | head -n 1; } # CHECK
lab_filter() { "$(command -v iptables-legacy || echo iptables)" -w "$@"; }

# ---- the network ----------------------------------------------------------------------------

paths_start() {
	lab_network
	lab_inventory_usual '101 203.0.113.9' '120 203.0.113.120' '121 203.0.113.121' '122 203.0.113.122' \
		'123 203.0.113.123' '150 198.51.100.50'
	lab_snmpd_start
	lab_ctmeterd_start
	await 10 snmp_serves || fail 'the tables are not served'
	assert_ok refresh ctmeter refresh
}

# br9, by which the node routes for 203.0.113.0/24.
main_bridge() {
	ip addr add 203.0.113.1/24 dev br9
	ip link set br9 up
	ip -n outside route add 203.0.113.0/24 via 198.51.100.1
}

bridged() { # NAMESPACE ADDR [BRIDGE]
	ip netns add "$1"
	lab_quieten "$1"
	ip link add "p$1" type veth peer name eth0 netns "$1"
	ip link set "p$1" master "${3:-br9}" up
	ip -n "$1" addr add "$2/24" dev eth0
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via 203.0.113.1
}
