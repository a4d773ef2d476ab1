#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The cost of reading all counters and publishing a snapshot, from tables and from links, beside a bare
# copy of the table; and what the whole daemon spends beside collectd's iptables plugin on the same
# containers.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
# shellcheck source=tests/bench/router.sh
. "$(dirname "$0")/router.sh"
lab_enter "$@"
go_first

REPETITIONS=$(times 21 7)
ADDRESSES=$LAB/addresses
BURST_S=0.3 # of packets to and from random addresses before each reading
CONTAINERS=1000 # beside collectd
TURNS=1 # of watching each daemon
WATCH_S=$(times 40 20) # of a turn; 10 where something is read every second

# The lab's container c1 has every address of 10.0.0.0/8: the packets end there.
tick_network() {
	lab_network
	ip -n outside route add 10.0.0.0/8 via 198.51.100.1
	ip -n c1 route add local 10.0.0.0/8 dev lo
	ip neigh add 169.254.1.2 lladdr 02:00:00:00:01:02 nud permanent dev vc1
	ip route add 10.0.0.0/8 via 169.254.1.2 dev vc1 onlink
}

burst() { # FROM-NAMESPACE TO-NAMESPACE to|from
	pinned "$B/tests/bench/flood" "/run/netns/$1" "/run/netns/$2" "$3" 198.51.100.2 $BURST_S \
		<"$ADDRESSES" >/dev/null
}

# ---- beside a bare copy -----------------------------------------------------------------------

set_up() { # N
	bench_addresses "$1" >"$ADDRESSES"
	bench_inventory "$1" | lab_inventory
	bench_defaults "$1"
	rm -f "$LAB"/ledger.db*
	lab_write_conf
}

# The measuring process of this backend, and its ends: TICK_PID, TICK_IN and TICK_OUT of it.
declare -A TICK_PID=() TICK_IN=() TICK_OUT=()
tick_start() { # N COMMAND...
	local n=$1
	shift
	mkfifo "$LAB/tick.in" "$LAB/tick.out"
	apart "$@" taskset -c "$BENCH_CPU" "$B/tests/bench/tick" "$LAB/ctmeter.conf" "$LAB/tick" \
		$((4 * n)) <"$LAB/tick.in" >"$LAB/tick.out" 2>"$LAB/tick.log" 9>&- &
	TICK_PID[$BACKEND]=$!
	exec {in}>"$LAB/tick.in" {out}<"$LAB/tick.out"
	TICK_IN[$BACKEND]=$in TICK_OUT[$BACKEND]=$out
	read -r _ <&"$out" || { fail "$BACKEND: not all is counted"; cat "$LAB/tick.log"; return 1; }
}

tick_stop() {
	local in=${TICK_IN[$BACKEND]} out=${TICK_OUT[$BACKEND]}
	exec {in}>&-
	wait "${TICK_PID[$BACKEND]}" || fail "$BACKEND: the measuring process"
	exec {out}<&-
	rm "$LAB/tick.in" "$LAB/tick.out"
}

tick_row() { # WHAT N WALL-US CPU-US
	row tick "$1" "$2" "$(calc "$3 / 1e3")" ms
	row tick "$1, CPU" "$2" "$(calc "$4 / 1e3")" ms
}

tick_ask() { # LABEL N
	local bare bare_cpu reading reading_cpu tick tick_cpu
	echo >&"${TICK_IN[$BACKEND]}"
	read -r bare bare_cpu reading reading_cpu tick tick_cpu <&"${TICK_OUT[$BACKEND]}" ||
		{ fail "$1: a reading"; tail -n 3 "$LAB/tick.log"; return 1; }
	[ "$bare" = 0.0 ] || tick_row 'bare copy' "$2" "$bare" "$bare_cpu"
	[ "$reading" = 0.0 ] || tick_row "reading$1" "$2" "$reading" "$reading_cpu"
	tick_row "reading and snapshot$1" "$2" "$tick" "$tick_cpu"
}

tick_ratio() { # WHAT N [REACH]
	ratio tick "$1 over bare copy" "$2" "$1" 'bare copy' "${3-}"
	ratio tick "$1 over bare copy, CPU" "$2" "$1, CPU" 'bare copy, CPU' "${3-}"
}

beside_copy() { # N
	local n=$1 i tables='' link=''
	progress "$n addresses"
	bench_backend iptables
	set_up "$n"
	tick_start "$n" || return 1
	if [ -n "$WITH_LINK" ]; then
		bench_backend link
		BENCH_LINKS=vct set_up "$n"
		tick_start "$n" nsenter --net=/run/netns/node-link || return 1
	fi
	for ((i = 0; i < REPETITIONS; i++)); do
		bench_backend iptables
		{ burst outside c1 to && burst c1 outside from; } || fail 'packets got lost'
		tick_ask '' "$n" || return 1
		[ -n "$WITH_LINK" ] || continue
		bench_backend link
		{ burst out-link ct-link to && burst ct-link out-link from; } || fail 'packets got lost'
		tick_ask ', link' "$n" || return 1
	done
	if [ "$n" = 10000 ]; then tables='<= 1.3' link='<= 0.02'; fi
	tick_ratio 'reading and snapshot' "$n" "$tables"
	if [ -n "$WITH_LINK" ]; then
		bench_backend link
		tick_stop
		in_ns node-link "$B/ctmeter" -c "$LAB/ctmeter.conf" teardown >/dev/null ||
			fail 'link: teardown'
		tick_ratio 'reading, link' "$n" "$link"
		tick_ratio 'reading and snapshot, link' "$n"
	fi
	bench_backend iptables
	tick_stop
	iptables-legacy -t mangle -F && iptables-legacy -t mangle -X
}

# ---- beside collectd --------------------------------------------------------------------------

# The two rules of every container in one chain, with the comments that make collectd count them.
collectd_rules() {
	awk 'BEGIN { print "*filter\n:FORWARD ACCEPT" }
		{
			print "-A FORWARD -s " $2 " -m comment --comment " $1 "-out"
			print "-A FORWARD -d " $2 " -m comment --comment " $1 "-in"
		}
		END { print "COMMIT" }' "$LAB/inventory" | iptables-legacy-restore
}

# chain: one line for all commented rules of a chain. rule: a line for each rule, which is how the
# manual says to select and name them.
collectd_config() { # chain|rule INTERVAL
	cat <<-END
		Hostname node
		FQDNLookup false
		BaseDir "$LAB/collectd"
		PIDFile "$LAB/collectd/pid"
		TypesDB "/usr/share/collectd/types.db"
		Interval $2
		LoadPlugin iptables
		<Plugin iptables>
	END
	if [ "$1" = chain ]; then echo 'Chain filter FORWARD'
	else awk '{ print "Chain filter FORWARD \"" $1 "-in\"\nChain filter FORWARD \"" $1 "-out\"" }' \
		"$LAB/inventory"; fi
	echo '</Plugin>'
}

# This part measures over fixed times, so it has to sleep.
watch() { # WHAT PID INTERVAL
	local before after span=$(($3 > 1 ? WATCH_S : 10))
	sleep 1 # what was just started is not what is measured
	before=$(cpu_ns "$2")
	sleep $span
	after=$(cpu_ns "$2")
	row tick "$1" $CONTAINERS "$(calc "($after - $before) / 1e7 / $span")" '% of a core'
}

beside_collectd() {
	local kind interval pid
	set_up $CONTAINERS
	mkdir -p "$LAB/collectd"
	lab_snmpd_start
	lab_ctmeterd_start taskset -c "$BENCH_CPU"
	{ ctmeter refresh >/dev/null && await 10 snmp_serves; } || { fail 'ctmeterd does not come up'; return 1; }
	collectd_rules
	progress "ctmeterd and collectd, $CONTAINERS containers"
	for ((i = 0; i < TURNS; i++)); do
		watch 'ctmeterd, nobody polls (reads every 10 s)' "$CTMETERD_PID" 10
		poll_every_second & pid=$!
		watch 'ctmeterd, a cell polled every second (reads every second)' "$CTMETERD_PID" 1
		stop_process $pid
		for kind in chain rule; do
			for interval in 10 1; do watch_collectd $kind $interval || return 1; done
		done
	done
	ratio tick 'ctmeterd over collectd, every 10 s' $CONTAINERS 'ctmeterd, nobody polls (reads every 10 s)' \
		'collectd, one line for the chain, interval 10'
	ratio tick 'ctmeterd over collectd, every second' $CONTAINERS \
		'ctmeterd, a cell polled every second (reads every second)' \
		'collectd, one line for the chain, interval 1'
}

# A poll makes ctmeterd read the counters, as its interval of a second makes collectd.
poll_every_second() {
	while :; do
		snmp_get "$(oid_scalar 4)" >/dev/null
		sleep 1
	done
}

watch_collectd() { # chain|rule INTERVAL
	local pid what='one line for the chain'
	[ "$1" = chain ] || what='a line for each rule'
	collectd_config "$1" "$2" >"$LAB/collectd/collectd.conf"
	taskset -c "$BENCH_CPU" collectd -f -C "$LAB/collectd/collectd.conf" </dev/null >"$LAB/collectd/log" 2>&1 &
	pid=$!
	watch "collectd, $what, interval $2" $pid "$2"
	kill -0 $pid || { fail 'collectd has ended'; tail -n 5 "$LAB/collectd/log"; return 1; }
	stop_process $pid
}

tick_network
WITH_LINK=''
if bench_has_link tick; then
	WITH_LINK=yes
	router link
fi
for n in 1000 10000 $(times 100000 ''); do beside_copy "$n" || bench_end; done
bench_backend iptables
beside_collectd
note tick 'reading: the counters of both families, and nothing else'
note tick 'reading and snapshot: both families read, booked, compared with what should be there, published'
note tick 'ctmeterd reads four rules an address, collectd has two to read'
bench_end
