# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A router with its two ends, for each candidate that is compared. Any number may exist side by
# side:
#
#   out-X ---- node-X ---- ct-X    which has all containers' addresses as one local prefix
#
# Neighbours are permanent, so only what a part sends flows. Needs lab.sh.

OUTSIDE_V4=198.51.100.2 OUTSIDE_V6=2001:db8:f::2

router() { # X
	local node=node-$1 out=out-$1 ct=ct-$1 ns
	for ns in "$node" "$out" "$ct"; do
		ip netns add "$ns"
		lab_quieten "$ns"
	done
	router_wire "$node" vout 1 "$out"
	router_wire "$node" vct 2 "$ct"
	in_ns "$node" "$BASH" -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	ip -n "$node" -batch - <<-END
		addr add 198.51.100.1/24 dev vout
		addr add 2001:db8:f::1/64 dev vout nodad
		addr add 169.254.1.1/30 dev vct
		addr add 2001:db8:e::1/64 dev vct nodad
		neigh add $OUTSIDE_V4 lladdr 02:00:00:00:01:01 nud permanent dev vout
		neigh add $OUTSIDE_V6 lladdr 02:00:00:00:01:01 nud permanent dev vout
		neigh add 169.254.1.2 lladdr 02:00:00:00:01:02 nud permanent dev vct
		neigh add 2001:db8:e::2 lladdr 02:00:00:00:01:02 nud permanent dev vct
		route add 10.0.0.0/8 via 169.254.1.2
		route add 2001:db8:7::/64 via 2001:db8:e::2
	END
	router_end "$out" 1 $OUTSIDE_V4/24 $OUTSIDE_V6/64 198.51.100.1 2001:db8:f::1
	router_end "$ct" 2 169.254.1.2/30 2001:db8:e::2/64 169.254.1.1 2001:db8:e::1
	ip -n "$ct" route add local 10.0.0.0/8 dev lo
	ip -n "$ct" route add local 2001:db8:7::/64 dev lo
}

router_wire() { # NODE INTERFACE NUMBER END
	ip -n "$1" link add "$2" address "02:00:00:00:00:0$3" type veth \
		peer name eth0 address "02:00:00:00:01:0$3" netns "$4"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set eth0 up
}

router_end() { # NAMESPACE NUMBER ADDR4 ADDR6 GATEWAY4 GATEWAY6
	ip -n "$1" -batch - <<-END
		addr add $3 dev eth0
		addr add $4 dev eth0 nodad
		neigh add $5 lladdr 02:00:00:00:00:0$2 nud permanent dev eth0
		neigh add $6 lladdr 02:00:00:00:00:0$2 nud permanent dev eth0
		route add default via $5
		route add default via $6
	END
}

# Start ctmeterd in a router's node, on the CPUs CPU ("0", "1", "0-1"), with an empty inventory.
router_ctmeterd() { # X CPUS
	echo '# none yet' | lab_inventory
	lab_ctmeterd_start apart nsenter --net="/run/netns/node-$1" -- taskset -c "$2"
}

# Remove all that counts, and end the daemon.
router_teardown() {
	ctmeter teardown >/dev/null || fail teardown
	wait "$CTMETERD_PID"
	CTMETERD_PID=
}

# COUNT more links from the node to the container's end: vl0, vl1, .. and el0, el1, .. there. Each has
# the node's neighbour 169.254.1.2.
router_links() { # X COUNT
	awk -v ct="ct-$1" -v n="$2" 'BEGIN { for (i = 0; i < n; i++) {
			mac = sprintf("02:00:00:01:%02x:%02x", int(i / 256), i % 256)
			print "link add vl" i " type veth peer name el" i " address " mac " netns " ct
			print "link set vl" i " up"
			print "neigh add 169.254.1.2 lladdr " mac " nud permanent dev vl" i
		} }' | ip -n "node-$1" -batch -
	awk -v n="$2" 'BEGIN { for (i = 0; i < n; i++) print "link set el" i " up" }' |
		ip -n "ct-$1" -batch -
}

# The routes to N addresses, in turn over these links.
router_spread() { # X N COUNT
	bench_addresses "$2" | awk -v n="$3" '
		{ print "route replace " $1 "/32 via 169.254.1.2 dev vl" (NR - 1) % n " onlink" }' |
		ip -n "node-$1" -batch -
}
