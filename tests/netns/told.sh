# shellcheck shell=bash disable=SC2034 # STREAM_WAIT and BOOK_WAIT are used elsewhere
# SPDX-License-Identifier: GPL-2.0-or-later
# For the tests of what other programs do to our rules. Whatever may have been missed or counted
# twice is one discontinuity of every row of that family, and of no other row. Needs lab.sh,
# foreign.sh and faults.sh.

declare -A DISC_WAS=()
ipt() { "$(command_of "$1")" -w -t "${TABLE:-mangle}" "${@:2}"; } # 4|6 ARGS...
command_of() { if [ "$1" = 4 ]; then echo iptables-legacy; else echo ip6tables-legacy; fi; }
# Run COMMAND, which changes a table in several steps, as one event: no commit of ours comes in between.
in_one_go() { # COMMAND...
	local result
	exec 8>>/run/xtables.lock
	flock 8
	XTABLES_LOCKFILE=$LAB/xtables.lock "$@"
	result=$?
	exec 8>&-
	return "$result"
}
addresses_of() { # 4|6
	local a
	for a in "${LAB_ADDRESSES[@]}"; do
		if [[ $a == *:* ]]; then [ "$1" = 4 ] || echo "$a"; else [ "$1" = 6 ] || echo "$a"; fi
	done
}
# The target of our jump in a hook.
root_of() { ipt "$1" -S "$2" | sed -n "s/^-A $2 -j \(ctm-.*\)/\1/p" | head -n 1; } # 4|6 HOOK

disc_of() { snmp_get "$(oid_addr "${LAB_OWNER[$1]}" "$1" disc-count)"; } # ADDR
disc_all() { # one a line, in the order of LAB_ADDRESSES
	local a oids=()
	for a in "${LAB_ADDRESSES[@]}"; do oids+=("$(oid_addr "${LAB_OWNER[$a]}" "$a" disc-count)"); done
	snmp_get "${oids[@]}"
}
disc_note() {
	local now i
	mapfile -t now < <(disc_all)
	for i in "${!LAB_ADDRESSES[@]}"; do DISC_WAS[${LAB_ADDRESSES[i]}]=${now[i]}; done
}
# Each row of the family has TIMES more discontinuities than at disc_note, each other row none.
disc_check() { # LABEL 4|6 TIMES
	local now a i wanted
	mapfile -t now < <(disc_all)
	for i in "${!LAB_ADDRESSES[@]}"; do
		a=${LAB_ADDRESSES[i]} wanted=0
		if [[ $a == *:* ]]; then [ "$2" = 4 ] || wanted=$3; else [ "$2" = 6 ] || wanted=$3; fi
		assert_eq "$1: discontinuities of $a" "$wanted" $((now[i] - DISC_WAS[$a]))
	done
}

# Nothing is left to do, `status` has no complaint, and no ACCEPT rule precedes ours.
in_place() { # 4|6
	ctmeter refresh && [ -n "$(root_of "$1" FORWARD)" ] &&
		! ipt "$1" -S FORWARD | sed -n 2p | grep -q ACCEPT &&
		! ctmeter --json status | grep -q 'rules disturbed'
}

served_rises() { # ADDR
	local was=$RISEN
	RISEN=$(snmp_get "$(oid_addr "${LAB_OWNER[$1]}" "$1" fwd-in.octets)")
	[ -n "$was" ] && [ "$RISEN" -gt "$was" ]
}

# Run COMMAND during a stream to an address of the family, then wait until our rules are in place
# again. No more is served than was sent, every row has TIMES discontinuities, and further traffic
# is counted exactly.
told() { # LABEL 4|6 TIMES COMMAND...
	local a=192.0.2.101
	[ "$2" = 4 ] || a=2001:db8:1::101
	step "$1, IPv$2"
	streams_start "$a"
	RISEN=
	await 5 served_rises "$a" || fail "$1: the stream is not counted"
	disc_note
	"${@:4}" || fail "$1: failed: ${*:4}"
	sleep 0.3
	assert_await "$1: in place again" 30 in_place "$2"
	RISEN=
	await 5 served_rises "$a" || fail "$1: the stream is not counted again"
	streams_stop "$a"
	if [ "$3" -gt 0 ]; then STREAM_WAIT=0 stream_measure "$a"; else stream_measure "$a"; fi
	assert_ge "$1: packets sent" 100 "$SENT_PKTS"
	assert_ge "$1: octets missed, none counted twice" 0 "$LOST_OCTETS"
	[ "$3" -gt 0 ] || assert_eq "$1: octets missed" 0 "$LOST_OCTETS"
	printf '   %s: %d octets sent, %d missed, %d discontinuities\n' "$1" "$SENT_OCTETS" \
		"$LOST_OCTETS" "$DISC"
	disc_check "$1" "$2" "$3"
	exact_again "$1" "$2"
}

# From now on each packet is counted once.
exact_again() { # LABEL 4|6
	local a=192.0.2.101 from=198.51.100.2 was now
	[ "$2" = 4 ] || { a=2001:db8:1::101 from=2001:db8:f::2; }
	ctmeter refresh >/dev/null
	was=$(row_now "$a")
	lab_flow "$from" "$a" 50 100
	assert_await "$1: exact again" 3 row_is "$a" $((${was%% *} + 5000))
	now=$(row_now "$a")
	assert_eq "$1: no further discontinuity" "${was##* }" "${now##* }"
}
row_is() { [ "$(row_now "$1" | cut -d ' ' -f 1)" = "$2" ]; } # ADDR OCTETS
