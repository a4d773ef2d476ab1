#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What docs/accounting.md says of the ways a packet can take: address translation, bridges, macvlan,
# fragments, broadcasts, neighbour discovery, copies, packets that come by twice. Which address counts
# what, in which direction.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"

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

lab_network
lab_inventory_usual '101 203.0.113.9' '120 203.0.113.120' '121 203.0.113.121' '122 203.0.113.122' \
	'123 203.0.113.123' '150 198.51.100.50'
lab_snmpd_start
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh

# ---- address translation --------------------------------------------------------------------

step 'source and destination translated by the node'
WATCHED+=(203.0.113.9)
if nft -f - <<-END
	table ip lab {
		chain pre {
			type nat hook prerouting priority -100
			ip daddr { 198.51.100.1, 203.0.113.9 } udp dport 7000-7099 dnat to 192.0.2.101
		}
		chain out {
			type nat hook output priority -100
			ip daddr 198.51.100.1 udp dport 7000-7099 dnat to 192.0.2.101
		}
		chain post {
			type nat hook postrouting priority 100
			ip saddr 192.0.2.103 oifname vout masquerade
			ip saddr 192.0.2.102 ip daddr 192.0.2.101 masquerade
		}
	}
END
then
	ip -n outside route add 203.0.113.9/32 via 198.51.100.1
	udp c3 outside 192.0.2.103 198.51.100.2 6000 7 1000
	counted 'masqueraded: Out of the inner address' '192.0.2.103 0 7000 0 0'
	udp outside c1 198.51.100.2 198.51.100.1 7000 7 1000
	counted 'a forwarded port: In of the inner address' '192.0.2.101 7000 0 0 0'
	udp outside c1 198.51.100.2 203.0.113.9 7001 7 1000
	counted 'one to one: the inner address, never the outer' '192.0.2.101 7000 0 0 0'
	udp c2 c1 192.0.2.102 198.51.100.1 7002 7 1000
	counted 'hairpin: Out of one, In of the other, once' '192.0.2.101 7000 0 0 0, 192.0.2.102 0 7000 0 0'
	udp node c1 198.51.100.1 198.51.100.1 7003 7 1000
	counted 'the node to its own forwarded port: after our rules, so not counted' ''
	nft delete table ip lab
else
	echo '   SKIP: this kernel has no address translation'
fi

step 'no connection tracking'
if nft 'add table ip lab; add chain ip lab pre { type filter hook prerouting priority -300; }; add rule ip lab pre notrack'; then
	udp outside c1 198.51.100.2 192.0.2.101 6001 7 1000
	counted 'counted all the same' '192.0.2.101 7000 0 0 0'
	nft delete table ip lab
else
	echo '   SKIP: this kernel has no notrack'
fi

# ---- what is no plain unicast packet --------------------------------------------------------

step 'fragments'
# 4,000 octets as three packets, each with a header; the port is open, so that no error comes back.
fragments() {
	local ready=$LAB/ready.$((++SINKS)) sink
	ns_exec c1 "$B/tests/netns/udpgen" sink --port 6002 --expect 1 --duration 10 --ready "$ready" >/dev/null 9>&- &
	sink=$!
	await 5 test -e "$ready"
	in_ns outside "$BASH" -c 'printf "%3972s" "" >/dev/udp/192.0.2.101/6002'
	wait "$sink"
}
fragments
counted 'each by itself' '192.0.2.101 4040 0 0 0'
if nft 'add table ip lab; add chain ip lab pre { type filter hook prerouting priority 0; }; add rule ip lab pre ct state new counter'; then
	fragments
	counted 'put together by connection tracking: one packet' '192.0.2.101 4000 0 0 0'
	nft delete table ip lab
else
	echo '   SKIP: this kernel has no connection tracking'
fi

step 'what does not get through'
in_ns outside "$BASH" -c 'echo 1 >/proc/sys/net/ipv4/ip_default_ttl'
fling outside 198.51.100.2 192.0.2.101
in_ns outside "$BASH" -c 'echo 64 >/proc/sys/net/ipv4/ip_default_ttl'
counted 'died on the node: not counted' ''
lab_filter() { "$(command -v iptables-legacy || echo iptables)" -w "$@"; }
if lab_filter -A FORWARD -d 192.0.2.101 -j DROP 2>/dev/null; then
	fling outside 198.51.100.2 192.0.2.101
	counted 'dropped by the firewall, in filter: counted' '192.0.2.101 100 0 0 0'
	lab_filter -D FORWARD -d 192.0.2.101 -j DROP
fi

step 'multicast and broadcast'
fling c1 192.0.2.101 255.255.255.255
counted "a container's broadcast: to the node" '192.0.2.101 0 0 0 100'
fling c1 192.0.2.101 224.0.0.1
counted 'a group that the node is in: to the node' '192.0.2.101 0 0 0 100'
fling c1 192.0.2.101 239.1.1.1
counted 'a group that it is not in: nobody takes it' ''

step 'neighbour discovery'
ip -6 addr add fe80::1/64 dev vc1 nodad
ip -6 neigh del 2001:db8:1::101 dev vc1
udp outside c1 2001:db8:f::2 2001:db8:1::101 6005 1 1000
counted "the container's answer is to the node" '2001:db8:1::101 1000 0 0 72'

# ---- twice over the node --------------------------------------------------------------------

step 'a container that routes for another'
echo 1 | in_ns c1 tee /proc/sys/net/ipv4/ip_forward >/dev/null
ip route add default via 192.0.2.101 dev vc1 onlink table 100
if ip rule add iif vc2 lookup 100 2>/dev/null; then
	udp c2 outside 192.0.2.102 198.51.100.2 6300 7 1000
	counted 'a router: Out of the sender, at each pass' '192.0.2.102 0 14000 0 0'
	if in_ns c1 nft 'add table ip lab; add chain ip lab post { type nat hook postrouting priority 100; };
		add rule ip lab post ip saddr 192.0.2.102 masquerade' 2>/dev/null
	then
		udp c2 outside 192.0.2.102 198.51.100.2 6301 7 1000
		counted 'one that translates, a VPN: Out of both' '192.0.2.101 0 7000 0 0, 192.0.2.102 0 7000 0 0'
		in_ns c1 nft delete table ip lab
	else
		echo '   SKIP: this kernel has no address translation'
	fi
	ip rule del iif vc2 lookup 100
else
	echo '   SKIP: this kernel has no routing rules'
fi
ip route flush table 100
echo 0 | in_ns c1 tee /proc/sys/net/ipv4/ip_forward >/dev/null

step 'copies'
said_of() { ctmeter check "$1" 2>/dev/null | head -n 1; } # CHECK
if lab_filter -t mangle -A FORWARD -d 192.0.2.101 -j TEE --gateway 192.0.2.103 2>/dev/null; then
	udp outside c1 198.51.100.2 192.0.2.101 6310 7 1000
	counted 'TEE: the copy is the node'"'"'s own' '192.0.2.101 7000 0 7000 0'
	assert_match 'and that is said' '^(warn +copies .*FORWARD in mangle|skip)' "$(said_of copies)"
	lab_filter -t mangle -D FORWARD -d 192.0.2.101 -j TEE --gateway 192.0.2.103
else
	echo '   SKIP: this kernel has no TEE'
fi
if nft 'add table ip lab; add chain ip lab f { type filter hook forward priority 0; };
	add rule ip lab f ip daddr 192.0.2.101 dup to 192.0.2.103' 2>/dev/null
then
	udp outside c1 198.51.100.2 192.0.2.101 6311 7 1000
	counted 'dup: the copy is the node'"'"'s own' '192.0.2.101 7000 0 7000 0'
	assert_match 'and that is said' '^warn +copies .*ip lab f \(nft' "$(said_of copies)"
	nft delete table ip lab
else
	echo '   SKIP: this kernel has no dup'
	nft delete table ip lab 2>/dev/null
fi

step 'repeated by a program'
if lab_filter -t mangle -A FORWARD -s 192.0.2.101 -m mark ! --mark 7 -j NFQUEUE --queue-num 3 2>/dev/null; then
	"$B/tests/netns/requeue" 3 7 7 "$LAB/requeue" </dev/null 9>&- &
	requeue=$!
	if await 5 test -e "$LAB/requeue"; then
		udp c1 outside 192.0.2.101 198.51.100.2 6320 7 1000
		counted 'NF_REPEAT in our table: each pass' '192.0.2.101 0 14000 0 0'
		assert_match 'and that is said' '^(warn +copies .*NFQUEUE.*FORWARD in mangle|skip)' "$(said_of copies)"
		assert_ok 'each was repeated' wait "$requeue"
	else
		echo '   SKIP: this kernel has no queues for programs'
	fi
	lab_filter -t mangle -D FORWARD -s 192.0.2.101 -m mark ! --mark 7 -j NFQUEUE --queue-num 3
else
	echo '   SKIP: this kernel has no NFQUEUE'
fi

# ---- bridges, macvlan -----------------------------------------------------------------------

bridged() { # NAMESPACE ADDR [BRIDGE]
	ip netns add "$1"
	lab_quieten "$1"
	ip link add "p$1" type veth peer name eth0 netns "$1"
	ip link set "p$1" master "${3:-br9}" up
	ip -n "$1" addr add "$2/24" dev eth0
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via 203.0.113.1
}

# What is only seen with bridge-nf-call-iptables.
seen() { # 0|1 LABEL WANTED
	if [ "$1" = 1 ]; then counted "$2, 1" "$3"; else counted "$2, 0" ''; fi
}

# Two containers, each behind a bridge of its own before the main one, as firewalls do it.
in_a_row() {
	local i call
	[ -e $CALL ] || return 0
	step 'bridges in a row'
	for i in 2 3; do
		ip link add "fw$i" type bridge
		ip link add "near$i" type veth peer name "far$i"
		ip link set "near$i" master br9 up
		ip link set "far$i" master "fw$i" up
		ip link set "fw$i" up
		bridged "f$i" "203.0.113.12$i" "fw$i"
	done
	WATCHED+=(203.0.113.122 203.0.113.123)
	for call in 1 0 main; do
		echo $((call == 1)) >$CALL
		[ $call != main ] || ip link set br9 type bridge nf_call_iptables 1
		udp uplink f2 203.0.113.2 203.0.113.122 6110 7 1000
		row_counted $call 'by two bridges' '203.0.113.122 14000 0 0 0' '203.0.113.122 7000 0 0 0'
		udp f2 f3 203.0.113.122 203.0.113.123 6111 7 1000
		row_counted $call 'by three, between two containers' \
			'203.0.113.122 0 21000 0 0, 203.0.113.123 21000 0 0 0' \
			'203.0.113.122 0 7000 0 0, 203.0.113.123 7000 0 0 0'
		udp f2 outside 203.0.113.122 198.51.100.2 6112 7 1000
		counted "routed by the node behind the inner one, $call" \
			"203.0.113.122 0 $((call == 1 ? 14000 : 7000)) 0 0"
		[ $call != 1 ] || assert_match 'and that is said' '^fail +bridge-ipv4 .*br9 and fw2' "$(said_of bridge-ipv4)"
	done
	ip link set br9 type bridge nf_call_iptables 0
}
row_counted() { # CALL LABEL SEEN-BY-ALL SEEN-BY-THE-MAIN-ONE
	case $1 in
	1) counted "$2, all seen" "$3" ;;
	0) counted "$2, none seen" '' ;;
	*) counted "$2, the main one seen" "$4" ;;
	esac
}

step 'behind a bridge'
CALL=/proc/sys/net/bridge/bridge-nf-call-iptables
if ip link add br9 type bridge 2>/dev/null; then
	ip addr add 203.0.113.1/24 dev br9
	ip link set br9 up
	bridged b1 203.0.113.120
	bridged b2 203.0.113.121
	bridged uplink 203.0.113.2
	ip -n outside route add 203.0.113.0/24 via 198.51.100.1
	WATCHED+=(203.0.113.120 203.0.113.121)
	for call in 0 1; do
		if ! echo $call >$CALL 2>/dev/null; then
			[ $call = 0 ] || { echo '   SKIP: this kernel has no br_netfilter'; break; }
		fi
		udp uplink b1 203.0.113.2 203.0.113.120 6100 7 1000
		seen $call 'carried by the bridge' '203.0.113.120 7000 0 0 0'
		udp b1 b2 203.0.113.120 203.0.113.121 6101 7 1000
		seen $call 'between two on it' '203.0.113.120 0 7000 0 0, 203.0.113.121 7000 0 0 0'
		udp b1 outside 203.0.113.120 198.51.100.2 6102 7 1000
		counted "routed by the node, $call" '203.0.113.120 0 7000 0 0'
		udp b1 node 203.0.113.120 203.0.113.1 6103 7 1000
		counted "to the node, $call" '203.0.113.120 0 0 0 7000'
	done
	in_a_row
else
	echo '   SKIP: this kernel has no bridges'
fi

step 'on macvlan'
ip netns add m1
lab_quieten m1
if ip link add link vout name m9 netns m1 type macvlan mode bridge 2>/dev/null; then
	ip -n m1 addr add 198.51.100.50/24 dev m9
	ip -n m1 link set m9 up
	WATCHED+=(198.51.100.50)
	udp outside m1 198.51.100.2 198.51.100.50 6200 7 1000
	counted 'passes the node by' ''
	assert_match 'and that is said' '^fail +macvlan' "$(ctmeter check macvlan 2>/dev/null)"
else
	echo '   SKIP: this kernel has no macvlan'
fi

lab_end
