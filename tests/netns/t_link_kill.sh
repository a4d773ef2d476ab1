#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon is killed again and again, at any moment, while traffic runs and containers come, go, move and
# restart, links flap and change their names, and the daemon is upgraded: every packet sent is served, and
# rows that missed nothing say so. PKTS (100000) is how many packets it takes; SEED repeats a run.

BACKEND='link'
: "${PKTS:=100000}" "${RATE:=1500}" "${SEED:=$((EPOCHSECONDS % 100000))}"
WANTED=$PKTS
export PKTS RATE SEED
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
# shellcheck source=tests/netns/gens.sh
. "$LAB_TOP/tests/netns/gens.sh"
RANDOM=$SEED
echo "at least $WANTED packets, SEED=$SEED"

# What stays where it is throughout; what comes and goes; what moves between c2 and c4; what restarts (c4).
C3=(192.0.2.103 2001:db8:1::103)
STAY=(192.0.2.101 2001:db8:1::101 192.0.2.102 192.0.2.103 2001:db8:1::103)
GUEST=(192.0.2.111 2001:db8:1::111)
MOVER=192.0.2.112
RESTARTS=(192.0.2.104 2001:db8:1::104)
declare -A THERE=() # guests that are in the inventory
MOVER_AT=2
EVENTS=0 KILLS=0

inventory() {
	local guests='' a mover2='' mover4=''
	for a in "${!THERE[@]}"; do guests+=" $a"; done
	if [ "$MOVER_AT" = 2 ]; then mover2=" $MOVER"; else mover4=" $MOVER"; fi
	lab_inventory <<-END
		101 192.0.2.101 2001:db8:1::101$guests
		102 192.0.2.102$mover2
		103 192.0.2.103 2001:db8:1::103
		104 ${RESTARTS[*]}$mover4
	END
}
refresh_once() { timeout 10 "$B/ctmeter" -c "$LAB/ctmeter.conf" refresh; }
refreshed() {
	inventory
	await 30 refresh_once || fail "$1: no refresh succeeded"
}

# ---- the network and its traffic ------------------------------------------------------------

SINKS=0
declare -A SINK=()
sink() { # NAMESPACE: so that no ICMP errors come back
	local ready=$LAB/ready.$((++SINKS))
	ns_exec "$1" "$B/tests/netns/udpgen" sink --port $GEN_PORT --duration 100000 --ready "$ready" \
		</dev/null >/dev/null 9>&- &
	SINK[$1]=$!
	await 5 test -e "$ready" || fail "no sink in $1"
}
sink_end() { # NAMESPACE
	kill "${SINK[$1]}"
	wait "${SINK[$1]}" 2>/dev/null
}

out_of() { generator "fwd-out.$1" "$1" out 198.51.100.2 2001:db8:f::2 "$RATE" $((SEED + RANDOM)); } # NAMESPACE
go() { tell "+ $2" fwd-in "fwd-out.$1"; } # NAMESPACE ADDR
halt() { tell "- $2" fwd-in "fwd-out.$1"; }
settle() { sleep 0.1; } # the last packets are under way

lab_network
for a in "${GUEST[@]}"; do lab_address c1 "$a"; done
lab_container c4 5
for a in "${RESTARTS[@]}"; do lab_address c4 "$a"; done
lab_address c2 "$MOVER"
for ns in outside c1 c2 c3 c4; do sink $ns; done
generator fwd-in outside in 198.51.100.2 2001:db8:f::2 "$RATE" $((SEED + RANDOM))
for ns in c1 c2 c3 c4; do out_of $ns; done

# ---- the daemon, and who kills it -----------------------------------------------------------

# A process that owns the daemon: starts it, kills it whenever $LAB/kill appears, and after some time by
# itself, and starts it again as $LAB/ctmeterd, if there is one.
killer() {
	local n=0 i
	RANDOM=$((SEED + 1))
	lab_ctmeterd_start
	: >"$LAB/daemon.up"
	until [ -e "$LAB/over" ]; do
		for ((i = RANDOM % 30; i > 0; i--)); do
			[ ! -e "$LAB/over" ] || break
			[ ! -e "$LAB/upgrade" ] || break
			sleep 0.0$((RANDOM % 5 + 1))
		done
		if [ -e "$LAB/upgrade" ]; then
			mv "$LAB/upgrade" "$LAB/ctmeterd"
			lab_ctmeterd_stop
		else
			lab_ctmeterd_kill9
			echo $((++n)) >"$LAB/kills"
		fi
		start_again
	done
	[ "$FAILED" -eq 0 ] || : >"$LAB/daemon.failed"
	while [ ! -e "$LAB/finished" ]; do sleep 0.1; done
	lab_ctmeterd_stop
}
start_again() {
	local daemon=$B/ctmeterd
	[ ! -e "$LAB/ctmeterd" ] || daemon=$LAB/ctmeterd
	"$daemon" -c "$LAB/ctmeter.conf" </dev/null >>"$LAB/ctmeterd.log" 2>&1 9>&- &
	CTMETERD_PID=$!
	[ $((RANDOM % 3)) -eq 0 ] || await 10 ctmeterd_ready || fail 'ctmeterd does not start again'
}

# ---- what happens ---------------------------------------------------------------------------

guest_event() { # one comes or goes
	local a=${GUEST[RANDOM % 2]}
	if [ -n "${THERE[$a]-}" ]; then
		halt c1 "$a"
		settle
		unset "THERE[$a]"
		refreshed 'a guest goes'
	else
		THERE[$a]=1
		refreshed 'a guest comes'
		go c1 "$a"
	fi
}
move_event() {
	local from=c$MOVER_AT
	halt "$from" "$MOVER"
	settle
	MOVER_AT=$((6 - MOVER_AT))
	ip -n "$from" addr del "$MOVER"/32 dev eth0
	lab_address "c$MOVER_AT" "$MOVER"
	refreshed 'an address moves'
	go "c$MOVER_AT" "$MOVER"
}
restart_event() { # container 104: a new namespace and a new link
	local a
	for a in "${RESTARTS[@]}"; do halt c4 "$a"; done
	[ "$MOVER_AT" = 2 ] || halt c4 "$MOVER"
	settle
	generator_end fwd-out.c4
	sink_end c4
	ip netns del c4
	await 5 gone vc4 || fail 'the old link stays'
	lab_container c4 5
	for a in "${RESTARTS[@]}"; do lab_address c4 "$a"; done
	[ "$MOVER_AT" = 2 ] || lab_address c4 "$MOVER"
	sink c4
	out_of c4
	refreshed 'a container has restarted'
	for a in "${RESTARTS[@]}"; do go c4 "$a"; done
	[ "$MOVER_AT" = 2 ] || go c4 "$MOVER"
}
gone() { ! ip link show "$1"; }
flap_event() { # c3's link
	local a
	for a in "${C3[@]}"; do halt c3 "$a"; done
	settle
	ip link set vc3 down
	ip link set vc3 up
	for a in "${C3[@]}"; do lab_address c3 "$a"; done
	refreshed 'a link has flapped'
	for a in "${C3[@]}"; do go c3 "$a"; done
}
rename_event() { # c1's link, under traffic
	ip link set vc1 name vlong123456789
	refreshed 'a link has another name'
	ip link set vlong123456789 name vc1
}
upgrade_event() {
	cp "$B/ctmeterd" "$LAB/new"
	mv "$LAB/new" "$LAB/upgrade"
	await 10 gone_file "$LAB/upgrade" || fail 'no upgrade'
}
gone_file() { [ ! -e "$1" ]; }
others_event() { # what empties tables and qdiscs does not concern us
	nft flush ruleset
	tc qdisc add dev vc1 clsact
	tc qdisc del dev vc1 clsact
	tc qdisc add dev vc1 handle ffff: ingress
	tc qdisc del dev vc1 ingress
} 2>/dev/null
KINDS=(guest move restart flap rename upgrade others guest)

lab_inventory </dev/null
inventory
lab_snmpd_start
lab_write_conf
killer &
KILLER=$!
await 20 test -e "$LAB/daemon.up" || fail 'no ctmeterd'
refreshed 'at the start'
await 10 snmp_serves || fail 'the tables are not served'
for a in "${STAY[@]}" "${RESTARTS[@]}"; do go "${LAB_HOME[$a]}" "$a"; done
go c2 "$MOVER"

step 'it begins'
declare -A TIMES=()
while totals && [ "$PKTS" -lt "$WANTED" ] || [ $EVENTS -lt ${#KINDS[@]} ]; do
	[ "$FAILED" -eq 0 ] || break
	kind=${KINDS[EVENTS < ${#KINDS[@]} ? EVENTS : RANDOM % ${#KINDS[@]}]}
	"${kind}_event"
	TIMES[$kind]=$((${TIMES[$kind]:-0} + 1))
	EVENTS=$((EVENTS + 1))
done

step 'it ends'
for g in "${GENS[@]}"; do
	for a in $(gen_rows "$g" | cut -d ' ' -f 1); do tell "- $a" "$g"; done
done
: >"$LAB/over"
settle
refreshed 'at the end'
await 20 snmp_serves || fail 'the tables are not served at the end'
totals
sent_rows >"$LAB/sent"
await 5 compare
head -n 20 "$LAB/differ"
[ ! -e "$LAB/daemon.failed" ] || fail 'ctmeterd did not start after a kill'
: >"$LAB/finished"
SERVED_PKTS=$(sum_of served 8 9 12 13) SERVED_OCTETS=$(sum_of served 6 7 10 11)
KILLS=$(cat "$LAB/kills" 2>/dev/null)
for kind in "${!TIMES[@]}"; do printf '   %s: %d times\n' "$kind" "${TIMES[$kind]}"; done
printf '   %d packets, %d octets sent; %d, %d served; difference %d, %d; %d kills\n' "$PKTS" "$OCTETS" \
	"$SERVED_PKTS" "$SERVED_OCTETS" $((PKTS - SERVED_PKTS)) $((OCTETS - SERVED_OCTETS)) "${KILLS:-0}"
assert_eq 'figures that differ' 0 "$(wc -l <"$LAB/differ")"
assert_eq 'octets' "$OCTETS" "$SERVED_OCTETS"
assert_eq 'packets' "$PKTS" "$SERVED_PKTS"
assert_ge 'kills' 3 "${KILLS:-0}"
for a in "${STAY[@]}"; do
	assert_eq "discontinuities of $a, which stayed" 0 \
		"${SERVED[$(oid_addr "${LAB_OWNER[$a]}" "$a" disc-count)]}"
done
wait $KILLER
[ "$FAILED" -eq 0 ] || { lab_logs 40; echo "repeat with: SEED=$SEED PKTS=$WANTED RATE=$RATE"; }
test_end
