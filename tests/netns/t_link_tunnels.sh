#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Wire-exact where more than one IP header, a tag or more than 64 KiB are in the way: tunnels that a
# container makes itself, with its offloads on, and BIG TCP. The same by an independent counter behind
# a link without offloads. MB (10) is how much of each is sent.

BACKEND='link'
: "${MB:=10}"
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
# shellcheck source=tests/netns/link.sh
. "$LAB_TOP/tests/netns/link.sh"
for tool in nft ethtool; do
	command -v $tool >/dev/null || skip "the command '$tool' is not installed"
done

C4=192.0.2.101 C6=2001:db8:1::101 F4=198.51.100.2 F6=2001:db8:f::2

lab_network
link_meter $C4 $C6
lab_inventory_usual
lab_snmpd_start
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh
for ns in c1 outside; do
	WINDOW=400000 ns_exec $ns "$B/tests/netns/bulk" sink 5001 "$LAB/ready.bulk.$ns" </dev/null 9>&- &
	await 5 test -e "$LAB/ready.bulk.$ns" || fail "no sink in $ns"
done

link_rx() { # LINK: the packets and octets that it has received
	cat "/sys/class/net/$1/statistics/rx_packets" "/sys/class/net/$1/statistics/rx_bytes" | paste -sd ' '
}

# Figures less what they were.
less() { # "WAS.." "NOW.."
	local was now i out=()
	read -ra was <<<"$1"
	read -ra now <<<"$2"
	for i in "${!now[@]}"; do out+=($((now[i] - was[i]))); done
	echo "${out[*]}"
}

# Send; then BY_METER and BY_US are what is new: packets and octets out, and in.
BY_METER=() BY_US=()
send() { # LABEL ADDR COMMAND...
	local label=$1 addr=$2 was
	shift 2
	was=$(meter_of "$addr")
	assert_ok "$label" "$@"
	await 5 meter_agrees "$addr"
	read -ra BY_METER <<<"$(less "$was" "$(meter_of "$addr")")"
	read -ra BY_US <<<"$(less "$was" "$(served_of "$addr")")"
	printf '   %-18s out %7d %10d in %7d %10d   served %7d %10d %7d %10d\n' "$label" "${BY_METER[@]}" "${BY_US[@]}"
}

exact() { # LABEL ADDR COMMAND...
	send "$@"
	assert_eq "$1: packets and octets out, in" "${BY_METER[*]}" "${BY_US[*]}"
}

# A tunnel between the container and the outside host, with addresses of its own.
tunnel() { # TYPE LOCAL REMOTE OPTIONS...
	local type=$1 near=$2 far=$3 n
	shift 3
	for n in 1 2; do
		local at=c1 from=$near to=$far
		[ $n = 1 ] || at=outside from=$far to=$near
		in_ns $at ip link add tun type "$type" local "$from" remote "$to" "$@" || return 1
		ip -n $at link set tun mtu 1430 up
		ip -n $at addr add 10.9.9.$n/24 dev tun 2>/dev/null
		ip -n $at addr add fd09::$n/64 dev tun nodad 2>/dev/null
	done
}
no_tunnel() { for ns in c1 outside; do ip -n $ns link del tun; done; }

# Both ways, TCP and UDP, with each inner family that it carries.
through() { # LABEL ADDR INNER...
	local v kind label=$1 addr=$2 inner outer
	shift 2
	for v; do
		inner=10.9.9.1 outer=10.9.9.2
		[ "$v" = 4 ] || inner=fd09::1 outer=fd09::2
		for kind in tcp udp; do
			[ "$kind.$v" != udp.6 ] || continue # its segments are too large for the tunnel
			exact "$label $kind$v out" "$addr" in_ns c1 "$B/tests/netns/bulk" $kind $inner $outer 5001 "$MB"
			exact "$label $kind$v in" "$addr" in_ns outside "$B/tests/netns/bulk" $kind $outer $inner 5001 "$MB"
		done
	done
}

try() { # LABEL ADDR INNER -- TYPE OPTIONS...
	local label=$1 addr=$2 inner=$3 far=$F4
	[[ $addr != *:* ]] || far=$F6
	shift 4
	if tunnel "$1" "$addr" "$far" "${@:2}" 2>"$LAB/why"; then
		# shellcheck disable=SC2086 # a list
		through "$label" "$addr" $inner
		no_tunnel
	else
		printf '   %s: not on this machine: %s\n' "$label" "$(head -n 1 "$LAB/why")"
		no_tunnel 2>/dev/null
	fi
}

step 'tunnels: packets and octets by the meter, and as served'
try ipip $C4 4 -- ipip
try 6in4 $C4 6 -- sit
try gre $C4 '4 6' -- gre
try 'gre key+seq' $C4 4 -- gre key 5 seq csum
try gretap $C4 4 -- gretap
try vxlan $C4 '4 6' -- vxlan id 42 dstport 4789
try 'vxlan 8472' $C4 4 -- vxlan id 42 dstport 8472
try 4in6 $C6 4 -- ip6tnl mode ipip6
try 6in6 $C6 6 -- ip6tnl mode ip6ip6
try ip6gre $C6 4 -- ip6gre
try ip6gretap $C6 4 -- ip6gretap
try 'vxlan over v6' $C6 4 -- vxlan id 42 dstport 4789 udp6zerocsumrx

step 'a tunnel whose packets are fragmented'
if tunnel vxlan $C4 $F4 id 42 dstport 4789 2>/dev/null; then
	for ns in c1 outside; do ip -n $ns link set tun mtu 1500; done
	exact 'vxlan, fragments out' $C4 in_ns c1 "$B/tests/netns/bulk" tcp 10.9.9.1 10.9.9.2 5001 "$MB"
	exact 'vxlan, fragments in' $C4 in_ns outside "$B/tests/netns/bulk" tcp 10.9.9.2 10.9.9.1 5001 "$MB"
fi
no_tunnel 2>/dev/null

step 'BIG TCP'
ip -n c1 link set eth0 gso_max_size 200000 2>/dev/null || echo '   not with this iproute2 or kernel: IPv6'
ip -n c1 link set eth0 gso_ipv4_max_size 200000 2>/dev/null || echo '   not with this iproute2 or kernel: IPv4'
for a in $C6 $C4; do
	far=$F4 v=4
	[[ $a != *:* ]] || far=$F6 v=6
	was=$(link_rx vc1)
	exact "BIG TCP v$v out" "$a" in_ns c1 "$B/tests/netns/bulk" tcp "$a" "$far" 5001 $((MB * 5))
	read -ra large <<<"$(less "$was" "$(link_rx vc1)")"
	printf '   packets on the link of %d octets on average\n' $((large[1] / large[0]))
	[ $v = 4 ] || assert_ge 'BIG TCP: of more than 64 KiB on average' 65536 $((large[1] / large[0]))
done

# The number of packets is right, and the octets are if the last segments are full.
step 'a tunnel at a port that nobody knows'
if tunnel vxlan $C4 $F4 id 42 dstport 5555 2>/dev/null; then
	send 'vxlan 5555 out' $C4 in_ns c1 "$B/tests/netns/bulk" tcp 10.9.9.1 10.9.9.2 5001 "$MB"
	assert_eq 'vxlan 5555: packets out' "${BY_METER[0]}" "${BY_US[0]}"
	assert_ge 'vxlan 5555: octets out, at most 0.3% too few' "$((BY_METER[1] - BY_METER[1] * 3 / 1000))" "${BY_US[1]}"
	assert_ge 'vxlan 5555: octets out, not too many' "${BY_US[1]}" "${BY_METER[1]}"
fi
no_tunnel 2>/dev/null

lab_end
