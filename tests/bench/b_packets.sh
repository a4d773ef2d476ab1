#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What counting costs each forwarded packet: without counting, with ctmeter, the wiki's flat list,
# ipset, an nft set. Each has a router of its own, and all exist at once. Short bursts take turns;
# "in" goes to random containers, "out" comes from random ones.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
# shellcheck source=tests/bench/router.sh
. "$(dirname "$0")/router.sh"
lab_enter "$@"
go_first

BURST_S=0.2
REPETITIONS=$(times 25 7)

declare -A LABEL=(
	[empty]='nothing counted' [ctmeter]=ctmeter [wiki]='flat list' [ipset]=ipset [nft]='nft set'
)
declare -A REACH=([ctmeter:10000]='>= 0.90' [over:10000]='>= 1.00')

# ---- how each candidate counts the addresses of $LAB/addresses --------------------------------

tables_of() { if [ "$1" = v4 ]; then echo iptables-legacy; else echo ip6tables-legacy; fi; }

load_empty() { in_ns node-empty "$(tables_of "$1")" -t mangle -nL >/dev/null; } # FAMILY N

load_ctmeter() { # FAMILY N
	bench_inventory "$2" "$1" | lab_inventory
	ctmeter refresh >/dev/null
}

# The wiki's way: two rules per address, in one list.
load_wiki() { # FAMILY N
	awk 'BEGIN { print "*filter\n:FORWARD ACCEPT" }
		{ print "-A FORWARD -s " $1 "\n-A FORWARD -d " $1 }
		END { print "COMMIT" }' "$LAB/addresses" | in_ns node-wiki "$(tables_of "$1")-restore"
}

# Two sets, because In and Out are two counters.
load_ipset() { # FAMILY N
	local tables how=inet
	tables=$(tables_of "$1")
	[ "$1" = v4 ] || how=inet6
	in_ns node-ipset iptables-legacy -t mangle -F
	in_ns node-ipset ip6tables-legacy -t mangle -F
	awk -v how="hash:ip family $how counters hashsize 1024 maxelem 200000" '
		BEGIN { print "destroy\ncreate in " how "\ncreate out " how }
		{ print "add in " $1 "\nadd out " $1 }' "$LAB/addresses" |
		in_ns node-ipset ipset restore &&
		in_ns node-ipset "$tables" -t mangle -A FORWARD -m set --match-set in dst &&
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

# Send one burst, record it, and leave the nanoseconds per packet in BURST_NS.
burst() { # CANDIDATE FAMILY in|out LABEL N
	local from=out-$1 to=ct-$1 what=to peer=$OUTSIDE_V4 sent got
	[ "$3" = in ] || from=ct-$1 to=out-$1 what=from
	[ "$2" = v4 ] || peer=$OUTSIDE_V6
	read -r BURST_NS sent got < <(pinned "$B/tests/bench/flood" "/run/netns/$from" \
		"/run/netns/$to" $what $peer $BURST_S <"$LAB/addresses")
	[ "${got:-0}" -gt $((sent / 2)) ] || broken "$4 $3 at $5: $got of $sent arrived"
	row packets "$4, $3" "$5" "$BURST_NS" 'ns/packet'
}

ratios() { # TAG N CANDIDATE...
	local tag=$1 n=$2 c
	shift 2
	for c; do
		[ "$c" != empty ] || continue
		ratio packets "${LABEL[$c]} over nothing counted$tag" "$n" "${LABEL[$c]}$tag" \
			"${LABEL[empty]}$tag" "${REACH[$c:$n]-}"
	done
	for c in ipset nft; do
		ratio packets "ctmeter over ${LABEL[$c]}$tag" "$n" "ctmeter$tag" "${LABEL[$c]}$tag" \
			"${REACH[over:$n]-}"
	done
}

measure() { # FAMILY N CANDIDATE...
	local family=$1 n=$2 c ns label tag='' i
	shift 2
	[ "$family" = v4 ] || tag=' IPv6'
	bench_addresses "$n" "$family" >"$LAB/addresses"
	for c; do
		progress "$c, $n addresses$tag"
		"load_$c" "$family" "$n" || broken "loading $c"
	done
	for ((i = 0; i < REPETITIONS; i++)); do
		for c; do
			label=${LABEL[$c]}$tag
			burst "$c" "$family" in "$label" "$n"
			ns=$BURST_NS
			burst "$c" "$family" out "$label" "$n"
			row packets "$label" "$n" "$(calc "2e9 / ($ns + $BURST_NS)")" 'packets/s'
		done
	done
	ratios "$tag" "$n" "$@"
}

for c in empty ctmeter wiki ipset nft; do router $c; done
bench_defaults 200000
router_ctmeterd ctmeter 0
for n in $(times '100 1000 10000 100000' '1000 10000'); do
	measure v4 "$n" empty ctmeter wiki ipset nft
done
measure v6 10000 empty ctmeter wiki ipset nft
bench_end
