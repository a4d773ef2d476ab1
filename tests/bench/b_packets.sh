#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What counting costs each forwarded packet: nothing counted, ctmeter, the wiki's flat list, ipset,
# an nft set. A namespace triple for each candidate, all alive at once:
#
#   out-X ---- node-X ---- ct-X    which has all containers' addresses as one local prefix
#
# Short bursts take turns; "in" is to random containers, "out" from random containers.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
lab_enter "$@"

BURST_S=$(times 0.4 0.2)
REPETITIONS=$(times 15 5)
FLAT_LIST_MAX=10000 # beyond it, nobody waits for it

declare -A PEER=([v4]=198.51.100.2 [v6]=2001:db8:f::2)

# One candidate's router with the two ends. Neighbours are permanent: nothing but the flood flows.
triple() { # CANDIDATE
	local node=node-$1 out=out-$1 ct=ct-$1 ns
	for ns in "$node" "$out" "$ct"; do
		ip netns add "$ns"
		lab_quieten "$ns"
	done
	ip -n "$node" link add vout address 02:00:00:00:00:01 type veth \
		peer name eth0 address 02:00:00:00:01:01 netns "$out"
	ip -n "$node" link add vct address 02:00:00:00:00:02 type veth \
		peer name eth0 address 02:00:00:00:01:02 netns "$ct"
	in_ns "$node" "$BASH" -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	for ns in "$node:vout" "$node:vct" "$out:eth0" "$ct:eth0"; do
		ip -n "${ns%:*}" link set "${ns#*:}" up
	done
	ip -n "$node" -batch - <<-END
		addr add 198.51.100.1/24 dev vout
		addr add 2001:db8:f::1/64 dev vout nodad
		addr add 169.254.1.1/30 dev vct
		addr add 2001:db8:e::1/64 dev vct nodad
		neigh add ${PEER[v4]} lladdr 02:00:00:00:01:01 nud permanent dev vout
		neigh add ${PEER[v6]} lladdr 02:00:00:00:01:01 nud permanent dev vout
		neigh add 169.254.1.2 lladdr 02:00:00:00:01:02 nud permanent dev vct
		neigh add 2001:db8:e::2 lladdr 02:00:00:00:01:02 nud permanent dev vct
		route add 10.0.0.0/8 via 169.254.1.2
		route add 2001:db8:7::/64 via 2001:db8:e::2
	END
	ip -n "$out" -batch - <<-END
		addr add ${PEER[v4]}/24 dev eth0
		addr add ${PEER[v6]}/64 dev eth0 nodad
		neigh add 198.51.100.1 lladdr 02:00:00:00:00:01 nud permanent dev eth0
		neigh add 2001:db8:f::1 lladdr 02:00:00:00:00:01 nud permanent dev eth0
		route add 10.0.0.0/8 via 198.51.100.1
		route add 2001:db8:7::/64 via 2001:db8:f::1
	END
	ip -n "$ct" -batch - <<-END
		addr add 169.254.1.2/30 dev eth0
		addr add 2001:db8:e::2/64 dev eth0 nodad
		neigh add 169.254.1.1 lladdr 02:00:00:00:00:02 nud permanent dev eth0
		neigh add 2001:db8:e::1 lladdr 02:00:00:00:00:02 nud permanent dev eth0
		route add local 10.0.0.0/8 dev lo
		route add local 2001:db8:7::/64 dev lo
		route add default via 169.254.1.1
		route add default via 2001:db8:e::1
	END
}

# ---- how each candidate counts the addresses of $LAB/addresses --------------------------------

tables_of() { if [ "$1" = v4 ]; then echo iptables-legacy; else echo ip6tables-legacy; fi; }

load_empty() { in_ns node-empty "$(tables_of "$1")" -t mangle -nL >/dev/null; } # FAMILY N

load_ctmeter() { # FAMILY N
	bench_inventory "$2" "$1" | lab_inventory
	ctmeter refresh >/dev/null || fail "ctmeter refresh at $2"
}

# The wiki's form: two rules an address, one list.
load_wiki() { # FAMILY N
	local tables
	tables=$(tables_of "$1")
	awk 'BEGIN { print "*filter\n:FORWARD ACCEPT" }
		{ print "-A FORWARD -s " $1 "\n-A FORWARD -d " $1 }
		END { print "COMMIT" }' "$LAB/addresses" |
		in_ns node-wiki "$tables-restore"
}

# Two sets, for In and Out are two counters.
load_ipset() { # FAMILY N
	local tables family=inet
	tables=$(tables_of "$1")
	[ "$1" = v4 ] || family=inet6
	in_ns node-ipset "$tables" -t mangle -F
	{
		echo destroy
		awk -v how="hash:ip family $family counters hashsize 1024 maxelem 200000" '
			BEGIN { print "create in " how "\ncreate out " how }
			{ print "add in " $1 "\nadd out " $1 }' "$LAB/addresses"
	} | in_ns node-ipset ipset restore
	in_ns node-ipset "$tables" -t mangle -A FORWARD -m set --match-set in dst
	in_ns node-ipset "$tables" -t mangle -A FORWARD -m set --match-set out src
}

load_nft() { # FAMILY N
	local ip=ip type=ipv4_addr
	[ "$1" = v4 ] || ip=ip6 type=ipv6_addr
	awk -v ip="$ip" -v type="$type" -v n="$2" '
		{ list = list (NR > 1 ? ", " : "") $1 }
		function set(name) {
			print "set " name " { type " type "; size " n "; counter; elements = { " list " } }"
		}
		END {
			print "flush ruleset\ntable " ip " count {"
			set("in"); set("out")
			print "chain forward { type filter hook forward priority mangle;"
			print ip " daddr @in\n" ip " saddr @out\n}\n}"
		}' "$LAB/addresses" | in_ns node-nft nft -f -
}

# ---- measuring --------------------------------------------------------------------------------

# One burst; records it and leaves nanoseconds a packet in BURST_NS.
burst() { # CANDIDATE FAMILY in|out LABEL N
	local from=out-$1 to=ct-$1 what=to sent got
	[ "$3" = in ] || from=ct-$1 to=out-$1 what=from
	read -r BURST_NS sent got < <(pinned "$B/tests/bench/flood" "/run/netns/$from" \
		"/run/netns/$to" $what "${PEER[$2]}" "$BURST_S" <"$LAB/addresses")
	[ "${got:-0}" -gt $((sent / 2)) ] || { fail "$4 $3 at $5: $got of $sent arrived"; return 1; }
	row packets "$4 $3" "$5" "$BURST_NS" 'ns/packet'
}

measure() { # FAMILY N CANDIDATE...
	local family=$1 n=$2 c ns label tag='' i
	shift 2
	[ "$family" = v4 ] || tag=' IPv6'
	bench_addresses "$n" "$family" >"$LAB/addresses"
	for c; do
		progress "$c, $n addresses$tag"
		"load_$c" "$family" "$n" || { fail "loading $c"; return 1; }
	done
	for ((i = 0; i < REPETITIONS; i++)); do
		for c; do
			label=${LABEL[$c]}$tag
			burst "$c" "$family" in "$label" "$n" || return 1
			ns=$BURST_NS
			burst "$c" "$family" out "$label" "$n" || return 1
			row packets "$label" "$n" "$(calc "2e9 / ($ns + $BURST_NS)")" 'packets/s'
		done
	done
	for c; do
		[ "$c" = empty ] ||
			ratio packets "${LABEL[$c]} over nothing counted$tag" "$n" "${LABEL[$c]}$tag" \
				"${LABEL[empty]}$tag" "${REACH[$c:$n]-}"
	done
	for c in ipset nft; do
		ratio packets "ctmeter over ${LABEL[$c]}$tag" "$n" "ctmeter$tag" "${LABEL[$c]}$tag" \
			"${REACH[over:$n]-}"
	done
}

declare -A LABEL=([empty]='nothing counted' [ctmeter]=ctmeter [wiki]='flat list' [ipset]=ipset [nft]='nft set')
declare -A REACH=([ctmeter:10000]='>= 0.90' [over:10000]='>= 1.00')

for c in empty ctmeter wiki ipset nft; do triple $c; done
echo '# none yet' | lab_inventory
bench_defaults 200000
lab_ctmeterd_start nsenter --net=/run/netns/node-ctmeter --
for n in $(times '100 1000 10000 100000' '1000 10000'); do
	flat=wiki
	[ "$n" -le $FLAT_LIST_MAX ] || flat=
	measure v4 "$n" empty ctmeter $flat ipset nft
done
measure v6 10000 empty ctmeter wiki ipset nft
bench_end
