#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the daemon costs its node and how fast it reacts, with either backend: memory, idle CPU, table
# entries, the time from a container's route appearing to its rules or from its link to its first
# counted packet, and the longest wait for an SNMP response. The containers are on LINKS links.
# shellcheck disable=SC2086 # numbers and addresses, which have no blanks

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
# shellcheck source=tests/bench/router.sh
. "$(dirname "$0")/router.sh"
lab_enter "$@"
go_first

TRAFFIC_PPS=20000 # to each address in turn
TRAFFIC_PIDS=()
LINKS=1000
TAG='' # of the rows

use() { # iptables|link: count with that from the next start on
	BACKEND=$1
	lab_set netfilter.backend "$1"
	TAG=''
	[ "$1" != link ] || TAG=', link'
}

each() { # COMMAND...: with each backend
	local backend
	for backend in "${BACKENDS[@]}"; do
		use "$backend"
		"$@"
	done
}

start_with() { # N [spread]: a new daemon with N addresses, all rules in place, served
	rm -f "$LAB"/ledger.db*
	router_ctmeterd node 0-1
	# shellcheck disable=SC2086 # "spread" or nothing
	bench_inventory "$1" v4 ${2-} | lab_inventory
	ctmeter refresh >/dev/null || broken "$1 addresses: no rules"
	await 10 snmp_is "$(oid_scalar 4)" "$1" || broken "$1 addresses: not served"
}

stop() {
	ctmeter teardown >/dev/null
	wait "$CTMETERD_PID"
	CTMETERD_PID=
}

# Send a datagram to each address in turn until traffic_stop.
traffic_start() { # N
	ns_exec ct-node "$B/tests/netns/udpgen" sink --port 20000 --duration 600 >/dev/null &
	TRAFFIC_PIDS+=($!)
	ns_exec out-node taskset -c $BENCH_CPU "$B/tests/netns/udpgen" send --from $OUTSIDE_V4 \
		--to 10.0.1.0 --to-count "$1" --port 20000 --size 64 --rate $TRAFFIC_PPS --duration 600 >/dev/null &
	TRAFFIC_PIDS+=($!)
}

traffic_stop() {
	local pid
	for pid in "${TRAFFIC_PIDS[@]}"; do stop_process "$pid"; done
	TRAFFIC_PIDS=()
}

# ---- memory and entries -------------------------------------------------------------------------

mib() { calc "$(memory_kib "$1" "$2") / 1024"; } # PID FIELD

# The peak memory of the daemon's children, sampled every few milliseconds until the daemon ends.
watch_children() {
	local child highest=0 now
	while [ -e "/proc/$CTMETERD_PID" ]; do
		for child in $(<"/proc/$CTMETERD_PID/task/$CTMETERD_PID/children"); do
			now=$(memory_kib "$child" VmHWM 2>/dev/null)
			[ "${now:-0}" -le "$highest" ] || highest=$now
		done
		echo "$highest" >"$LAB/child.kib"
		sleep 0.01
	done 2>/dev/null
}

memory() { # N
	local watcher
	progress "memory at $1 addresses$TAG"
	echo '# none yet' | lab_inventory
	rm -f "$LAB"/ledger.db*
	router_ctmeterd node 0-1
	watch_children &
	watcher=$!
	bench_inventory "$1" | lab_inventory
	ctmeter refresh >/dev/null || broken "$1 addresses: no rules"
	sleep 12 # a tick and a checkpoint have been
	row memory "daemon, at rest$TAG" "$1" "$(mib "$CTMETERD_PID" VmRSS)" MiB
	row memory "daemon, at rest, without what it maps$TAG" "$1" "$(mib "$CTMETERD_PID" RssAnon)" MiB
	row memory "daemon, at its highest$TAG" "$1" "$(mib "$CTMETERD_PID" VmHWM)" MiB
	kill "$watcher"
	wait "$watcher" 2>/dev/null
	# At few addresses it may come and go unseen.
	[ "$(<"$LAB/child.kib")" = 0 ] ||
		row memory "a short-lived child, at its highest$TAG" "$1" \
			"$(calc "$(<"$LAB/child.kib") / 1024")" MiB
	stop
}

entries() { # consecutive|spread REACH
	local spread=''
	[ "$1" = consecutive ] || spread=spread
	progress "table entries, 10000 addresses, $1"
	start_with 10000 $spread
	row entries "mangle, four trees, addresses $1" 10000 \
		"$(in_ns node-node "$B/tests/bench/xtentries" 4 mangle)" entries
	reach entries "mangle, four trees, addresses $1" 10000 "$2"
	stop
}

# ---- idle CPU -----------------------------------------------------------------------------------

poll_every_second() { # OID
	while :; do
		snmp_get "$1" >/dev/null
		sleep 1
	done
}

# CPU of the daemon in percent of a core, over some seconds. Half a minute contains three of the
# jobs that it does every ten seconds.
cpu_share() { # PART WHAT N
	local before after seconds
	seconds=$(times 30 12)
	before=$(cpu_ns "$CTMETERD_PID")
	sleep "$seconds"
	after=$(cpu_ns "$CTMETERD_PID")
	row "$1" "$2" "$3" "$(calc "($after - $before) / $seconds / 1e7")" '% of a core'
}

idle() { # N
	local traffic tag poller
	router_spread node "$1" $LINKS
	start_with "$1"
	for traffic in no yes; do
		tag='no traffic'
		if [ $traffic = yes ]; then
			tag="$TRAFFIC_PPS packets/s"
			traffic_start "$1"
		fi
		tag+=$TAG
		progress "CPU at $1 addresses, $tag"
		cpu_share cpu "polled by nobody, $tag" "$1"
		poll_every_second "$(oid_addr 100001 10.0.1.0 fwd-in.octets)" &
		poller=$!
		cpu_share cpu "polled every second, $tag" "$1"
		kill $poller
		wait $poller 2>/dev/null
		if [ "$1:$BACKEND" = 10000:iptables ]; then
			reach cpu "polled by nobody, $tag" "$1" '<= 0.5'
			reach cpu "polled every second, $tag" "$1" '<= 5'
		elif [ "$1" = 10000 ]; then
			reach cpu "polled by nobody, $tag" "$1" '<= 0.1'
			reach cpu "polled every second, $tag" "$1" '<= 1.5'
		fi
	done
	traffic_stop
	stop
}

# ---- latency ------------------------------------------------------------------------------------

# The time from a container's route (and its line in the inventory) appearing to its rules.
appearing() { # N TIMES
	local i old began waiter
	progress "rules after a route appears, $1 addresses"
	start_with "$1"
	for ((i = 1; i <= $2; i++)); do
		sleep "1.$((RANDOM % 10))" # whatever the daemon is at
		old=$(in_ns node-node "$B/tests/bench/xtentries" 4 mangle)
		ns_exec node-node "$B/tests/bench/xtentries" 4 mangle "$old" >/dev/null &
		waiter=$!
		{ cat "$LAB/inventory"; echo "$i 192.0.2.$i"; } >"$LAB/inventory.new"
		began=$(now_us)
		mv "$LAB/inventory.new" "$LAB/inventory"
		ip -n node-node route add "192.0.2.$i/32" via 169.254.1.2
		wait $waiter || broken "no rules for 192.0.2.$i"
		row latency 'route appears to rules in place' "$1" "$(calc "($(now_us) - $began) / 1000")" ms
	done
	ip -n node-node route flush root 192.0.2.0/24
	[ "$1" != 1000 ] || reach latency 'route appears to rules in place' "$1" '<= 300'
	stop
}

# All packets "FROM TO" container 9, by the totals.
packets_of_9() {
	ctmeter --json list 9 | awk -F '[:,]' '/"addresses"/ { exit }
		/"(node_)?out_pkts"/ { from += $2 } /"(node_)?in_pkts"/ { to += $2 }
		END { print from + 0, to + 0 }'
}

# The time from the kernel's event of a container's link to the first counted packet.
link_appears() { # N TIMES
	local i pid sent_from sent_to from to was_from was_to in out
	progress "counted after a link appears, $1 addresses"
	start_with "$1"
	{ cat "$LAB/inventory"; echo '9 192.0.2.9 link=vnew'; } >"$LAB/inventory.new"
	mv "$LAB/inventory.new" "$LAB/inventory"
	ctmeter refresh >/dev/null
	for ((i = 1; i <= $2; i++)); do
		read -r was_from was_to < <(packets_of_9)
		sleep "1.$((RANDOM % 10))" # whatever the daemon is at
		coproc APPEAR { exec "$B/tests/bench/appear" /run/netns/node-node /run/netns/ct-node vnew \
			enew 192.0.2.9 400; }
		pid=$APPEAR_PID in=${APPEAR[1]} out=${APPEAR[0]}
		read -r _ <&"$out"
		ip -n node-node -batch - <<-END
			link add vnew type veth peer name enew netns ct-node
			link set vnew up
		END
		ip -n ct-node link set enew up
		read -r sent_from sent_to <&"$out" || broken 'nothing was sent through the new link'
		ctmeter refresh >/dev/null
		read -r from to < <(packets_of_9)
		echo "$((from - was_from)) $((to - was_to))" >&"$in"
		read -r from to <&"$out"
		exec {in}>&-
		wait "$pid"
		[[ $from$to != *-* ]] || fail "of $sent_from and $sent_to packets none was counted, or too many"
		row latency 'link appears to the first counted packet from it' "$1" "$from" ms
		row latency 'link appears to the first counted packet to it' "$1" "$to" ms
		ip -n node-node link del vnew
		ctmeter refresh >/dev/null
	done
	reach latency 'link appears to the first counted packet from it' "$1" '<= 20'
	reach latency 'link appears to the first counted packet to it' "$1" '<= 20'
	stop
}

# Add or remove an address each second: this causes commits, beside ticks, checkpoints and traffic.
churn() { # N
	while :; do
		{ bench_inventory "$1"; echo '999 192.0.2.1 link=vct'; } | lab_inventory
		ctmeter refresh >/dev/null
		sleep 1
		bench_inventory "$1" | lab_inventory
		ctmeter refresh >/dev/null
		sleep 1
	done
}

# Meanwhile a second poller asks for snmpd's own sysUpTime: its waits are not caused by the daemon.
waiting() { # N SECONDS
	local churner own requests median p999 highest lost
	progress "waits for SNMP answers, $1 addresses$TAG"
	start_with "$1"
	traffic_start "$1"
	churn "$1" &
	churner=$!
	"$B/tests/bench/getwait" "$SNMP_PORT" "$COMMUNITY" "$2" 1 .1.3.6.1.2.1.1.3.0 >"$LAB/own" &
	own=$!
	read -r requests median p999 highest lost < <("$B/tests/bench/getwait" "$SNMP_PORT" "$COMMUNITY" \
		"$2" 1 "$(oid_addr 100001 10.0.1.0 fwd-in.octets)" "$(oid_ct 100002 fwd-in.octets)")
	wait $own
	kill $churner
	wait $churner 2>/dev/null
	[ "${lost:-1}" -eq 0 ] || fail "$lost of $requests answers lost"
	row latency "SNMP answer, median$TAG" "$1" "$median" ms
	row latency "SNMP answer, 99.9th percentile$TAG" "$1" "$p999" ms
	row latency "SNMP answer, the longest$TAG" "$1" "$highest" ms
	read -r _ _ _ highest _ <"$LAB/own"
	row latency "snmpd's own sysUpTime meanwhile, the longest$TAG" "$1" "$highest" ms
	[ "$1" != 10000 ] || reach latency "SNMP answer, the longest$TAG" "$1" '<= 100'
	note latency "SNMP answers at $1$TAG: of $requests one after another, with $(status_field commits) commits"
	traffic_stop
	stop
}

lab_quieten node # where snmpd is
router node
progress "$LINKS links"
router_links node $LINKS
BENCH_LINKS='vl%d' BENCH_N_LINKS=$LINKS
BACKENDS=(iptables)
! bench_has_link node || BACKENDS+=(link)
lab_set inventory.max-rows 200000
lab_set inventory.interval 10
lab_snmpd_start || bench_end
for n in $(times '1000 10000 100000' '1000 10000'); do each memory "$n"; done
reach memory 'daemon, at rest' 10000 '<= 20'
reach memory 'daemon, at rest, link' 10000 '<= 20'
reach memory 'daemon, at rest, link' 100000 '<= 90'
use iptables
entries consecutive '<= 48000'
entries spread '<= 57000'
each idle 10000
use iptables
appearing 1000 "$(times 20 10)"
if full; then appearing 10000 10; fi
if [ ${#BACKENDS[@]} -gt 1 ]; then
	use link
	link_appears 1000 "$(times 20 10)"
	if full; then link_appears 10000 10; fi
fi
each waiting 10000 "$(times 30 20)"
bench_end
