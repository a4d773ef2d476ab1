#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What docs/accounting.md says of what is counted twice: bridges in a row, a container that routes for
# another, copies, packets that a program has repeated.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
# shellcheck source=tests/netns/paths.sh
. "$LAB_TOP/tests/netns/paths.sh"
paths_start

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
	await 10 eval '[ -e "$LAB/requeue" ] || ! kill -0 "$requeue"' # it ends where there are no queues
	if [ -e "$LAB/requeue" ]; then
		udp c1 outside 192.0.2.101 198.51.100.2 6320 7 1000
		counted 'NF_REPEAT in our table: each pass' '192.0.2.101 0 14000 0 0'
		assert_match 'and that is said' '^(warn +copies .*NFQUEUE.*FORWARD in mangle|skip)' "$(said_of copies)"
		wait "$requeue"
		assert_eq 'each was repeated' 0 $?
	else
		echo '   SKIP: this kernel has no queues for programs'
	fi
	lab_filter -t mangle -D FORWARD -s 192.0.2.101 -m mark ! --mark 7 -j NFQUEUE --queue-num 3
else
	echo '   SKIP: this kernel has no NFQUEUE'
fi

step 'bridges in a row'
row_counted() { # CALL LABEL SEEN-BY-ALL SEEN-BY-THE-MAIN-ONE
	case $1 in
	1) counted "$2, all seen" "$3" ;;
	0) counted "$2, none seen" '' ;;
	*) counted "$2, the main one seen" "$4" ;;
	esac
}
# Two containers, each behind a bridge of its own before the main one, as firewalls do it.
in_a_row() {
	local i call
	main_bridge
	bridged uplink 203.0.113.2
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
			"203.0.113.122 0 7000 0 0"
		[ $call != 1 ] || assert_match 'and that is said' '^fail +bridge-ipv4 .*br9 and fw2' "$(said_of bridge-ipv4)"
	done
	ip link set br9 type bridge nf_call_iptables 0
}
if [ -e $CALL ] && ip link add br9 type bridge 2>/dev/null; then
	in_a_row
else
	echo '   SKIP: this kernel has no bridges, or no br_netfilter'
fi

lab_end
