# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For the tests of faults: a stream of known packets runs while damage is done, and the rows that it
# is booked to are compared with what was sent. Needs lab.sh and watch.sh.

STREAM_PKTS=4000 # a second
STREAM_PORT=7771
declare -A STREAM_PID=() STREAM_WAS=()

# A sink in each namespace for the streams to containers' addresses. It does not reply.
stream_sinks() {
	local a
	for a in 192.0.2.101 192.0.2.102 192.0.2.103; do
		ns_exec "${LAB_HOME[$a]}" "$B/tests/netns/udpgen" sink --port $STREAM_PORT --duration 600 \
			</dev/null >/dev/null 9>&- &
	done
}

# The contents of the row that a stream is booked to.
row_now() { # ADDR: "OCTETS PKTS DISCONTINUITIES"
	local ct=${LAB_OWNER[$1]}
	snmp_get "$(oid_addr "$ct" "$1" fwd-in.octets)" "$(oid_addr "$ct" "$1" fwd-in.pkts)" \
		"$(oid_addr "$ct" "$1" disc-count)" | paste -sd ' '
}

# Start sending to addresses of containers from outside. No other traffic to them may be under way.
streams_start() { # ADDR...
	local a from
	ctmeter refresh >/dev/null || fail 'refresh before a stream'
	for a; do
		from=198.51.100.2
		[[ $a == *:* ]] && from=2001:db8:f::2
		STREAM_WAS[$a]=$(row_now "$a")
		ns_exec outside "$B/tests/netns/udpgen" send --from "$from" --to "$a" --port $STREAM_PORT \
			--size 100 --rate $STREAM_PKTS --duration 60 </dev/null >"$LAB/stream.$a" 9>&- &
		STREAM_PID[$a]=$!
	done
}

streams_stop() { # ADDR...
	local a
	for a; do kill "${STREAM_PID[$a]}"; done
	for a; do wait "${STREAM_PID[$a]}"; done
	ctmeter refresh >/dev/null || fail 'refresh after a stream'
}

stream_all_served() { # ADDR
	local octets was
	read -r _ octets <"$LAB/stream.$1"
	read -r was _ <<<"${STREAM_WAS[$1]}"
	snmp_is "$(oid_addr "${LAB_OWNER[$1]}" "$1" fwd-in.octets)" $((was + octets))
}

# Set SENT_PKTS, SENT_OCTETS, LOST_PKTS, LOST_OCTETS, and DISC, the discontinuities of the row since
# the stream began. A loss below 0 means that more was counted than sent. STREAM_WAIT: seconds to wait
# for it where not everything may be served (after an event).
stream_measure() { # ADDR
	local octets pkts disc was_octets was_pkts was_disc
	if [ -n "${STREAM_WAIT-}" ]; then await_within "$STREAM_WAIT" stream_all_served "$1"
	else await 2 stream_all_served "$1"; fi
	read -r was_octets was_pkts was_disc <<<"${STREAM_WAS[$1]}"
	read -r octets pkts disc <<<"$(row_now "$1")"
	read -r SENT_PKTS SENT_OCTETS <"$LAB/stream.$1"
	LOST_OCTETS=$((SENT_OCTETS - octets + was_octets))
	LOST_PKTS=$((SENT_PKTS - pkts + was_pkts))
	DISC=$((disc - was_disc))
}

# Everything sent has been served.
stream_exact() { # LABEL ADDR
	stream_measure "$2"
	assert_ge "$1: packets sent" 100 "$SENT_PKTS"
	assert_eq "$1: $2 octets lost of $SENT_OCTETS" 0 "$LOST_OCTETS"
	assert_eq "$1: $2 packets lost of $SENT_PKTS" 0 "$LOST_PKTS"
	printf '   %s: %d packets sent to %s, 0 lost wanted, %d lost, %d discontinuities\n' \
		"$1" "$SENT_PKTS" "$2" "$LOST_PKTS" "$DISC"
}

# The kernel discarded counts TIMES times. Each time at most what was sent since the previous sample
# is lost, the loss is never negative, and the row has a discontinuity.
stream_bounded() { # LABEL ADDR TIMES
	local STREAM_WAIT=1 most
	stream_measure "$2"
	# A sample is at most half a second old while something polls, a reset is believed after a
	# second, and the machine may be slow: allow six seconds each time. Every further
	# discontinuity is counted in DISC.
	most=$((STREAM_PKTS * 6 * (DISC > $3 ? DISC : $3)))
	assert_ge "$1: packets sent" 100 "$SENT_PKTS"
	assert_ge "$1: $2 packets lost" 0 "$LOST_PKTS"
	assert_ge "$1: $2 octets lost" 0 "$LOST_OCTETS"
	assert_ge "$1: $2 packets, at most $most lost; not lost" $((SENT_PKTS - most)) $((SENT_PKTS - LOST_PKTS))
	[ "$LOST_OCTETS" -eq 0 ] || assert_ge "$1: discontinuities of $2's row" 1 "$DISC"
	printf '   %s: %d packets sent to %s, %d lost, %d discontinuities\n' \
		"$1" "$SENT_PKTS" "$2" "$LOST_PKTS" "$DISC"
}

# Our chain, and the number in it of the rule that counts forwarded traffic to an address.
rule_place() { # 4|6 ADDR: "CHAIN NUMBER"
	local save=iptables-legacy-save bits=32
	[ "$1" = 4 ] || { save=ip6tables-legacy-save bits=128; }
	"$save" -t mangle | awk -v want="-d $2/$bits" '
		/^-A ctm/ { n[$2]++; if (index($0, want) && !done) { print $2, n[$2]; done = 1 } }'
}
