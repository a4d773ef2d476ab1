#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is served is what was sent in every layout that the link backend counts, to the octet, both ways,
# IPv4 and IPv6, with the node apart: each container once, and nobody else anything.

BACKEND='link'
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
# shellcheck source=tests/netns/link.sh
. "$LAB_TOP/tests/netns/link.sh"
CALL=/proc/sys/net/bridge/bridge-nf-call

link_start '140 203.0.113.40 name=macvlan.example'
link_sinks node outside lan c1 c2 c3 b1 b2 f1 f2

# ---- the ways of a packet -------------------------------------------------------------------

OUT=(198.51.100.2 2001:db8:f::2)
NODE=(198.51.100.1 2001:db8:f::1) # the node's address for routed containers
NEAR=(203.0.113.1 2001:db8:2::1) # and on vmbr0
on_bridge() { if [ "$1" = 0 ]; then echo "203.0.113.$2"; else echo "2001:db8:2::$2"; fi; } # FAMILY N

step 'routed veth'
for v in 0 1; do
	c1=(192.0.2.101 2001:db8:1::101) c3=(192.0.2.103 2001:db8:1::103)
	link_flow "${OUT[v]}" "${c1[v]}" 31 1500
	link_flow "${c1[v]}" "${OUT[v]}" 32 90
	link_flow "${c1[v]}" "${c3[v]}" 33 700
	link_flow "${NODE[v]}" "${c3[v]}" 34 600
	link_flow "${c3[v]}" "${NODE[v]}" 35 500
done
book_check routed

# Every way of the hosts on vmbr0. Behind the firewall's bridge a packet of the node has come in by a port
# (fwln), so it counts as forwarded; its total is right.
bridged() { # FAMILY
	local lan b1 b2 f1 f2 vm out=${OUT[$1]} near=${NEAR[$1]} c1
	lan=$(on_bridge "$1" 2) b1=$(on_bridge "$1" 11) b2=$(on_bridge "$1" 12)
	f1=$(on_bridge "$1" 21) f2=$(on_bridge "$1" 22) vm=$(on_bridge "$1" 30)
	if [ "$1" = 0 ]; then c1=192.0.2.101; else c1=2001:db8:1::101; fi
	link_flow "$lan" "$b1" 21 1500 # bridged
	link_flow "$b1" "$lan" 22 100
	link_flow "$b1" "$b2" 23 200
	link_flow "$out" "$b1" 24 300 # the node routes to the bridge
	link_flow "$b1" "$out" 25 400
	link_flow "$b1" "$c1" 26 500
	link_flow "$near" "$b1" 27 600
	link_flow "$b1" "$near" 28 700
	link_flow "$lan" "$f1" 29 800 # two bridges
	link_flow "$f1" "$lan" 30 900
	link_flow "$f1" "$f2" 31 1000
	link_flow "$f1" "$b1" 32 1100
	link_flow "$out" "$f1" 33 1200
	link_flow "$near" "$f1" 34 1300 fwd
	link_flow "$f1" "$near" 35 1400
	link_flow "$lan" "$vm" 36 1500 # a virtual machine
	link_flow "$vm" "$lan" 37 120
	link_flow "$vm" "$f1" 38 130
	link_flow "$b1" "$vm" 39 140
	link_flow "$near" "$vm" 40 150
	link_flow "$vm" "$near" 41 160
	link_flow "$vm" "$out" 42 170
}
for call in 0 1; do
	if ! { echo $call >$CALL-iptables && echo $call >$CALL-ip6tables; } 2>/dev/null; then
		[ $call = 0 ] || { echo '   SKIP: this kernel has no br_netfilter'; break; }
	fi
	step "on one bridge, behind two, a virtual machine; bridge-nf-call $call"
	bridged 0
	bridged 1
	book_check "bridged, $call"
done

step 'a switch that does not know the port yet: the frame goes to all of them'
ip link set plan type bridge_slave learning off
for port in pb2 tap130i0; do ip link set $port type bridge_slave learning off; done
for port in pb2 tap130i0 plan; do ip link set $port type bridge_slave fdb_flush; done
link_flow 203.0.113.2 203.0.113.12 50 1000
link_flow 2001:db8:2::2 2001:db8:2::12 51 1000
link_flow 203.0.113.2 203.0.113.30 52 1000
assert_eq 'the bridge has not learned it' '' "$(bridge fdb show br vmbr0 | grep -i "$(link_mac 12).*pb2")"
book_check flooded
for port in pb2 tap130i0 plan; do ip link set $port type bridge_slave learning on; done

# ---- translated -----------------------------------------------------------------------------

# The header on the link is the container's own, but for what it sends to a port of the node's that the
# node hands on: that is addressed to the node.
translated() { # FROM TO HEARD-BY COUNT SIZE PORT
	local ready=$LAB/ready.$6 sink
	ns_exec "${LAB_HOME[$3]}" "$B/tests/netns/udpgen" sink --port "$6" --expect "$4" --duration 10 \
		--ready "$ready" </dev/null >"$LAB/heard" 9>&- &
	sink=$!
	await 5 test -e "$ready" || fail "no sink on $3"
	in_ns "${LAB_HOME[$1]}" "$B/tests/netns/udpgen" send --from "$1" --to "$2" --port "$6" --count "$4" \
		--size "$5" >/dev/null
	wait "$sink"
	assert_eq "$1 -> $2: heard by $3" "$4 $(($4 * $5))" "$(<"$LAB/heard")"
}
step 'source and destination translated by the node'
if nft -f - <<-END
	table ip lab {
		chain pre {
			type nat hook prerouting priority -100
			ip daddr 198.51.100.1 udp dport 7000-7099 dnat to 192.0.2.101
			ip daddr 198.51.100.1 udp dport 7100-7199 dnat to 203.0.113.11
		}
		chain out {
			type nat hook output priority -100
			ip daddr 198.51.100.1 udp dport 7000-7099 dnat to 192.0.2.101
		}
		chain post {
			type nat hook postrouting priority 100
			ip saddr { 192.0.2.103, 203.0.113.12 } oifname vout masquerade
		}
	}
END
then
	translated 192.0.2.103 198.51.100.2 198.51.100.2 11 1000 6000
	book_add 103 192.0.2.103 fwd-out 11 11000
	translated 203.0.113.12 198.51.100.2 198.51.100.2 12 1000 6001
	book_add 112 203.0.113.12 fwd-out 12 12000
	translated 198.51.100.2 198.51.100.1 192.0.2.101 13 1000 7000
	book_add 101 192.0.2.101 fwd-in 13 13000
	translated 198.51.100.2 198.51.100.1 203.0.113.11 14 1000 7100
	book_add 111 203.0.113.11 fwd-in 14 14000
	translated 192.0.2.102 198.51.100.1 192.0.2.101 15 1000 7001
	book_add 102 192.0.2.102 node-out 15 15000
	book_add 101 192.0.2.101 fwd-in 15 15000
	translated 198.51.100.1 198.51.100.1 192.0.2.101 16 1000 7002
	book_add 101 192.0.2.101 node-in 16 16000
	book_check translated
	nft delete table ip lab
else
	echo '   SKIP: this kernel has no address translation'
fi

# ---- frames that are not plain ones ---------------------------------------------------------

# From b1 to b2 by vmbr0: Out of the one, In of the other.
framed() { # FAMILY COUNT SIZE OCTETS-EACH PACKETS-EACH OPTION...
	local from to
	from=$(on_bridge "$1" 11) to=$(on_bridge "$1" 12)
	raw_send b1 11 "$(link_mac 12)" "$from" "$to" "$2" "$3" port=6004 "${@:6}"
	assert_eq "sent: ${*:6}" "$(($2 * $5)) $(($2 * $4))" "$RAW_SENT"
	# shellcheck disable=SC2086 # two figures
	book_as fwd "$from" "$to" $RAW_SENT
}
step 'tags, fragments, extension headers, padding: IP octets alone, of each packet'
ns_exec b2 "$B/tests/netns/udpgen" sink --port 6004 --duration 100 --ready "$LAB/ready.framed" \
	</dev/null >/dev/null 9>&- & # nobody answers
await 5 test -e "$LAB/ready.framed"
framed 0 61 1000 1000 1 tag=7
framed 1 62 1000 1000 1 tag=7
framed 0 63 1000 1000 1 tag=8 tag=7
framed 1 64 1000 1000 1 tag=8 tag=7
framed 0 65 1000 1020 2 frag
framed 1 66 1000 1056 2 frag
framed 1 67 1000 1000 1 ext
framed 1 68 1000 1000 1 ext tag=7
framed 0 69 30 30 1 pad=16
book_check framed

# ---- what has no unicast, or no right to its address ----------------------------------------

step 'broadcast and multicast are addressed to the node, as far as it may hear them'
fling() { in_ns "$1" "$B/tests/netns/udpgen" send --from "$2" --to "$3" --port 6003 --count 3 --size 100 >/dev/null; }
fling b1 203.0.113.11 255.255.255.255
fling b1 203.0.113.11 203.0.113.255
fling b1 203.0.113.11 224.0.0.1
book_add 111 203.0.113.11 node-out 9 900
fling b1 203.0.113.11 239.1.1.1
book_add 111 203.0.113.11 fwd-out 3 300
book_check 'to many'

step 'spoofed sources: nobody is billed, and status has them'
strays() { # the packets and octets that status shows
	ctmeter --json status | sed -nE 's/.*"spoofed_(pkts|octets)": ?"?([0-9]+).*/\2/p' | paste -sd ' '
}
STRAYS_WAS=$(strays)
spoofed() { # NAMESPACE N TO-MAC FROM TO COUNT SIZE
	local to=${LAB_HOME[$5]}
	raw_send "$1" "$2" "${@:3}" port=$LINK_TRAFFIC
	assert_eq "sent by $1 as $4" "$6 $(($6 * $7))" "$RAW_SENT"
	LINK_SENT[$to]=$(total "${LINK_SENT[$to]}" "$RAW_SENT")
}
gate=02:00:00:00:00:02 # vc1
spoofed c1 11 "$gate" 192.0.2.103 198.51.100.2 40 1000
spoofed c1 11 "$gate" 2001:db8:1::103 2001:db8:f::2 41 1000
spoofed c1 11 "$gate" 10.99.99.99 198.51.100.2 42 1000
spoofed b2 12 "$(link_mac 2)" 203.0.113.11 203.0.113.2 43 1000
spoofed f1 21 "$(link_mac 11)" 203.0.113.12 203.0.113.11 44 1000
book_add 111 203.0.113.11 fwd-in 44 44000 # it has received them, whoever sent them
vm_ask "send $(link_mac 2) 203.0.113.12 203.0.113.2 45 1000 port=$LINK_TRAFFIC"
LINK_SENT[lan]=$(total "${LINK_SENT[lan]}" "$VM_SAID")
book_check spoofed
assert_eq 'the strays in status' '255 255000' "$(difference "$STRAYS_WAS" "$(strays)")"

# ---- a bridge that knows VLANs --------------------------------------------------------------

step 'a VLAN-aware bridge: the container is untagged in VLAN 7, the other port tagged'
if ip link add vmbr1 type bridge vlan_filtering 1 forward_delay 0 mcast_snooping 0 2>/dev/null; then
	ip link set vmbr1 up
	LINK_HOSTS+=(41 42)
	LINK_NAME[41]=v1 LINK_NAME[42]=trunk LINK_PORT[41]=pv1 LINK_PORT[42]=ptrunk
	link_host 41 vmbr1
	link_host 42 vmbr1
	bridge vlan del dev pv1 vid 1
	bridge vlan add dev pv1 vid 7 pvid untagged
	bridge vlan add dev ptrunk vid 7
	link_sinks v1
	# shellcheck disable=SC2004,SC2079 # the indices are words
	LAB_HOME[203.0.113.41]=v1 LAB_OWNER[203.0.113.41]=141
	LAB_ADDRESSES+=(203.0.113.41)
	LAB_CONTAINERS+=(141)
	echo '141 203.0.113.41 link=pv1' >>"$LAB/inventory"
	assert_ok refresh ctmeter refresh
	raw_send trunk 42 "$(link_mac 41)" 203.0.113.42 203.0.113.41 30 1000 tag=7 port=$LINK_TRAFFIC
	book_add 141 203.0.113.41 fwd-in 30 30000
	LINK_SENT[v1]=$RAW_SENT
	in_ns v1 "$B/tests/netns/udpgen" send --from 203.0.113.41 --to 203.0.113.42 --port 6003 --count 40 \
		--size 900 >/dev/null
	book_add 141 203.0.113.41 fwd-out 40 36000
	book_check 'a VLAN-aware bridge'
else
	echo '   SKIP: the bridges of this kernel know no VLANs'
fi

# ---- what cannot be counted, or not here ----------------------------------------------------

step 'macvlan: not countable, and said to be'
ip netns add m1
lab_quieten m1
if ip link add link vmbr0 name m9 address "$(link_mac 40)" netns m1 type macvlan mode bridge 2>/dev/null; then
	ip -n m1 addr add 203.0.113.40/24 dev m9
	ip -n m1 link set m9 up
	ip -n m1 neigh add 203.0.113.2 lladdr "$(link_mac 2)" nud permanent dev m9
	ip -n lan neigh add 203.0.113.40 lladdr "$(link_mac 40)" nud permanent dev eth0
	# shellcheck disable=SC2004,SC2079 # the index is a word
	LAB_HOME[203.0.113.40]=m1
	link_sinks m1
	link_flow 203.0.113.2 203.0.113.40 5 1000
	link_flow 203.0.113.40 203.0.113.2 6 1000
	book_check macvlan
	assert_await 'its status' 5 not_counting 140 203.0.113.40
	printf '   %s: %s\n' 'its reason' "$(snmp_get "$(oid_addr 140 203.0.113.40 reason)")"
else
	echo '   SKIP: this kernel has no macvlan'
fi

link_heard
lab_end
