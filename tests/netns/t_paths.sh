#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What docs/accounting.md says of the ways a packet can take: address translation, bridges, macvlan,
# fragments, broadcasts, neighbour discovery. Which address counts what, in which direction.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"

# shellcheck source=tests/netns/paths.sh
. "$LAB_TOP/tests/netns/paths.sh"
paths_start

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

# ---- bridges, macvlan -----------------------------------------------------------------------

# What is only seen with bridge-nf-call-iptables.
seen() { # 0|1 LABEL WANTED
	if [ "$1" = 1 ]; then counted "$2, 1" "$3"; else counted "$2, 0" ''; fi
}

step 'behind a bridge'
if ip link add br9 type bridge 2>/dev/null; then
	main_bridge
	bridged b1 203.0.113.120
	bridged b2 203.0.113.121
	bridged uplink 203.0.113.2
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
