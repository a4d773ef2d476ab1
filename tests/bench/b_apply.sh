#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How long it takes until rules are in place: N addresses from nothing, one more, 500 changed at
# once. Measured as the operator sees it ("ctmeter refresh" returns) and for the commit alone, with
# either backend, beside iptables-restore of the same rules, one iptables -A on the same table, and the
# wiki's loop of one iptables command per address. Everything runs on one CPU, iptables in a namespace
# of its own.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
# shellcheck source=tests/bench/router.sh
. "$(dirname "$0")/router.sh"
lab_enter "$@"
go_first

COMMIT_PAUSE_S=1.1 # the daemon's pause after a commit is not part of the next one
CHANGED=500

plain() { in_ns node-plain "$@"; } # COMMAND...: in the node where only iptables works

# Each backend takes over the inventory on stdin. Record how long it took as WHAT, unless that is "-".
take_over() { # N WHAT
	local backend inventory tag ms
	inventory=$LAB_SHARED/inventory
	cat >"$inventory"
	for backend in "${BACKENDS[@]}"; do
		bench_backend "$backend"
		lab_inventory <"$inventory"
	done
	sleep $COMMIT_PAUSE_S
	for backend in "${BACKENDS[@]}"; do
		bench_backend "$backend"
		tag=''
		[ "$backend" != link ] || tag=', link'
		ms=$(time_ms ctmeter refresh) || broken "refresh, $2 at $1$tag"
		[ "$2" != - ] || continue
		row apply "$2: ctmeter refresh$tag" "$1" "$ms" ms
		row apply "$2: ctmeter, the commit$tag" "$1" "$(status_field last_commit_ms)" ms
	done
}

save_rules() { in_ns node-ctmeter iptables-legacy-save -t mangle >"$1"; } # FILE

restore() { # FILE [OPTION]: prints milliseconds
	time_ms plain sh -c "iptables-legacy-restore ${2-} <'$1'"
}

empty_plain() { plain iptables-legacy -t mangle -F && plain iptables-legacy -t mangle -X; }

from_nothing() { # N
	empty_plain
	echo '# none' | take_over "$1" -
	bench_inventory "$1" | take_over "$1" 'from nothing'
	save_rules "$LAB_SHARED/rules"
	row apply 'from nothing: iptables-restore --noflush' "$1" "$(restore "$LAB_SHARED/rules" --noflush)" ms
}

# From N to N+1 addresses, and one more rule in the table with the rules of N.
one_more() { # N
	local rule=(ctm-d -s 192.0.2.1 -j RETURN)
	{ bench_inventory "$1"; echo '999 192.0.2.1 link=vct'; } | take_over "$1" 'one more'
	row apply 'one more: iptables -A' "$1" \
		"$(time_ms plain iptables-legacy -t mangle -A "${rule[@]}")" ms
	plain iptables-legacy -t mangle -D "${rule[@]}"
	bench_inventory "$1" | take_over "$1" -
}

# 500 of the N addresses, spread over the list, are replaced by others.
changed_inventory() { # N
	bench_inventory "$1" | awk -v every=$(($1 / CHANGED)) '
		NR % every == 0 { k = NR / every; $2 = "172.16." int(k / 256) "." k % 256 } { print }'
}

many_changed() { # N
	changed_inventory "$1" | take_over "$1" "$CHANGED changed"
	save_rules "$LAB_SHARED/rules.changed"
	row apply "$CHANGED changed: iptables-restore" "$1" "$(restore "$LAB_SHARED/rules.changed")" ms
	restore "$LAB_SHARED/rules" >/dev/null
	bench_inventory "$1" | take_over "$1" -
}

# The wiki's list of N addresses takes 2 N iptables commands, each on a longer list. Time ten at
# some lengths and interpolate between them (trapezoids).
wiki_loop() { # N
	local n=$1 k=0 step=$(($1 / 4)) before='' ms sum=0 i
	for ((k = 0; k <= n; k += step)); do
		bench_addresses "$k" | awk 'BEGIN { print "*filter" }
			{ print "-A FORWARD -s " $1 "\n-A FORWARD -d " $1 } END { print "COMMIT" }' |
			plain iptables-legacy-restore
		ms=$(time_ms plain sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do
			iptables-legacy -A FORWARD -s 192.0.2.1; done')
		ms=$(calc "$ms / 10")
		[ -z "$before" ] || sum=$(calc "$sum + 2 * $step * ($before + $ms) / 2")
		before=$ms
	done
	plain iptables-legacy -F
	row apply "from nothing: the wiki's loop (extrapolated)" "$n" "$sum" ms
	row apply "one more: the wiki's two iptables -A" "$n" "$(calc "2 * $ms")" ms
}

# The ratios, with their targets at 10,000.
apply_ratios() { # N
	local n=$1 all='' one='' link=''
	if [ "$n" = 10000 ]; then all='<= 1.0' one='<= 0.7' link='<= 0.5'; fi
	ratio apply 'from nothing: ctmeter refresh over iptables-restore' "$n" 'from nothing: ctmeter refresh' \
		'from nothing: iptables-restore --noflush' "$all"
	ratio apply 'from nothing: the commit over iptables-restore' "$n" 'from nothing: ctmeter, the commit' \
		'from nothing: iptables-restore --noflush' "$all"
	ratio apply 'one more: ctmeter refresh over iptables -A' "$n" 'one more: ctmeter refresh' \
		'one more: iptables -A' "$one"
	ratio apply 'one more: the commit over iptables -A' "$n" 'one more: ctmeter, the commit' \
		'one more: iptables -A' "$one"
	ratio apply "$CHANGED changed: ctmeter refresh over iptables-restore" "$n" \
		"$CHANGED changed: ctmeter refresh" "$CHANGED changed: iptables-restore"
	[ ${#BACKENDS[@]} -gt 1 ] || return 0
	ratio apply 'from nothing: ctmeter refresh, link, over iptables-restore' "$n" \
		'from nothing: ctmeter refresh, link' 'from nothing: iptables-restore --noflush'
	ratio apply 'one more: ctmeter refresh, link, over iptables -A' "$n" \
		'one more: ctmeter refresh, link' 'one more: iptables -A' "$link"
	ratio apply "$CHANGED changed: ctmeter refresh, link, over iptables-restore" "$n" \
		"$CHANGED changed: ctmeter refresh, link" "$CHANGED changed: iptables-restore"
}

measure() { # N REPETITIONS
	local i
	for ((i = 1; i <= $2; i++)); do
		progress "$1 addresses, repetition $i of $2"
		from_nothing "$1"
		one_more "$1"
		many_changed "$1"
		[ "$1" -gt 10000 ] || wiki_loop "$1"
	done
	apply_ratios "$1"
}

pin $$ # and every process it starts
LAB_SHARED=$LAB
BACKENDS=(iptables)
! bench_has_link apply || BACKENDS+=(link)
BENCH_LINKS=vct
router ctmeter
router plain
router link
for backend in "${BACKENDS[@]}"; do
	bench_backend "$backend"
	bench_defaults 200000
	lab_set ledger.checkpoint 1 # so that earlier changes are stored before the next one is measured
	if [ "$backend" = link ]; then router_ctmeterd link $BENCH_CPU
	else router_ctmeterd ctmeter $BENCH_CPU; fi
done
note apply "the wiki's loop is not measured at 100,000: it would take hours"
note apply "the wiki's loop is extrapolated from ten iptables -A at five lengths of its list"
for n in $(times '1000 10000 100000' '1000 10000'); do
	case $n in
	100000) measure "$n" 2 ;;
	*) measure "$n" "$(times 5 3)" ;;
	esac
done
bench_end
