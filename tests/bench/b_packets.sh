#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What counting costs each forwarded packet: with nothing attached, an empty table, ctmeter by rules
# and on the link, the wiki's flat list, ipset, an nft set. Each has a router of its own, and all exist
# at once. Short bursts take turns; "in" goes to random containers, "out" comes from random ones.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
# shellcheck source=tests/bench/router.sh
. "$(dirname "$0")/router.sh"
lab_enter "$@"
go_first

BURST_S=0.2
REPETITIONS=$(times 15 7)
ADDRESSES=$LAB/addresses
declare -A ARRIVED=() # packets, by candidate

declare -A LABEL=(
	[bare]='nothing attached' [empty]='an empty table' [link]='ctmeter, link'
	[ctmeter]='ctmeter, iptables' [wiki]='flat list' [ipset]=ipset [nft]='nft set'
)
declare -A REACH=(
	[link:bare:10000]='>= 0.92' [link:bare:100000]='>= 0.88'
	[link:ipset:10000]='>= 1.00' [link:nft:10000]='>= 1.00'
	[link:ipset:100000]='>= 1.00' [link:nft:100000]='>= 1.00'
	[ctmeter:empty:10000]='>= 0.90' [ctmeter:ipset:10000]='>= 1.00' [ctmeter:nft:10000]='>= 1.00'
)

# ---- how each candidate counts the addresses of $ADDRESSES --------------------------------

tables_of() { if [ "$1" = v4 ]; then echo iptables-legacy; else echo ip6tables-legacy; fi; }

load_bare() { :; } # no table is made there, by anybody

load_empty() { in_ns node-empty "$(tables_of "$1")" -t mangle -nL >/dev/null; } # FAMILY N

load_ctmeter() { # FAMILY N
	bench_backend iptables
	bench_inventory "$2" "$1" | lab_inventory
	ctmeter refresh >/dev/null
}

# The maps have the size that max-rows asks for, so each time they are made anew: for 10,000 with the
# default.
load_link() { # FAMILY N
	bench_backend link
	[ -z "$CTMETERD_PID" ] || router_teardown
	rm -f "$LAB"/ledger.db*
	bench_defaults $(($2 > 100000 ? $2 : 100000))
	router_ctmeterd link 0
	BENCH_LINKS=vct bench_inventory "$2" "$1" | lab_inventory
	ctmeter refresh >/dev/null
	assert_eq 'tables in the node that counts on the link' '' \
		"$(in_ns node-link cat /proc/net/ip_tables_names /proc/net/ip6_tables_names)"
}

# The wiki's way: two rules per address, in one list.
load_wiki() { # FAMILY N
	awk 'BEGIN { print "*filter\n:FORWARD ACCEPT" }
		{ print "-A FORWARD -s " $1 "\n-A FORWARD -d " $1 }
		END { print "COMMIT" }' "$ADDRESSES" | in_ns node-wiki "$(tables_of "$1")-restore"
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
		{ print "add in " $1 "\nadd out " $1 }' "$ADDRESSES" |
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
		}' "$ADDRESSES" | in_ns node-nft nft -f -
}

# ---- measuring --------------------------------------------------------------------------------

# Send one burst, record it, and leave the nanoseconds per packet in BURST_NS.
burst() { # CANDIDATE FAMILY in|out LABEL N
	local from=out-$1 to=ct-$1 what=to peer=$OUTSIDE_V4 sent got
	[ "$3" = in ] || from=ct-$1 to=out-$1 what=from
	[ "$2" = v4 ] || peer=$OUTSIDE_V6
	read -r BURST_NS sent got < <(pinned "$B/tests/bench/flood" "/run/netns/$from" \
		"/run/netns/$to" $what $peer $BURST_S <"$ADDRESSES")
	[ "${got:-0}" -gt $((sent / 2)) ] || broken "$4 $3 at $5: $got of $sent arrived"
	row packets "$4, $3" "$5" "$BURST_NS" 'ns/packet'
	ARRIVED[$1]=$((${ARRIVED[$1]:-0} + got))
}

# What is not counted costs nothing. The bursts' beginnings are not among the packets known here.
assert_counted() { # CANDIDATE BACKEND
	local counted
	bench_backend "$2"
	counted=$(ctmeter --json list |
		awk -F '[:,]' '/"(in|out)_pkts"/ { sum += $2 } END { printf "%.0f", sum / 2 }')
	assert_ge "$1 has counted what arrived" "${ARRIVED[$1]}" "$counted"
}

over() { # TAG N A B
	ratio packets "${LABEL[$3]} over ${LABEL[$4]}$1" "$2" "${LABEL[$3]}$1" "${LABEL[$4]}$1" \
		"${REACH[$3:$4:$2]-}"
}

ratios() { # TAG N CANDIDATE...
	local tag=$1 n=$2 c
	shift 2
	for c; do [ "$c" = bare ] || over "$tag" "$n" "$c" bare; done
	for c in ipset nft ctmeter; do
		[[ " $* " != *' link '* ]] || over "$tag" "$n" link $c
	done
	for c in empty ipset nft; do over "$tag" "$n" ctmeter $c; done
}

measure() { # FAMILY N CANDIDATE...
	local family=$1 n=$2 c ns label tag='' i
	shift 2
	[ "$family" = v4 ] || tag=' IPv6'
	bench_addresses "$n" "$family" >"$ADDRESSES"
	ARRIVED=()
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
	assert_counted ctmeter iptables
	[[ " $* " != *' link '* ]] || assert_counted link link
	ratios "$tag" "$n" "$@"
}

candidates=(bare empty ctmeter link wiki ipset nft)
bench_has_link packets || candidates=(bare empty ctmeter wiki ipset nft)
for c in "${candidates[@]}"; do router "$c"; done
bench_backend iptables
bench_defaults 200000
router_ctmeterd ctmeter 0
for n in $(times '10000 100000' '1000 10000'); do measure v4 "$n" "${candidates[@]}"; done
measure v6 10000 "${candidates[@]}"
note packets 'an empty table is the legacy mangle table without a rule: nobody needs one to count on links'
note packets 'nft set has no table but its own; ipset is matched by two rules of the mangle table'
bench_end
