#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of the daemon, of its committing process and of both, at random instants of commits that
# take an address's rules away, with packets counted that no reading has seen: nothing is lost,
# nothing is counted twice. SEED and ROUNDS say which and how many.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/watch.sh
. "$(dirname "$0")/watch.sh"
# shellcheck source=tests/netns/faults.sh
. "$(dirname "$0")/faults.sh"
: "${SEED:=$((EPOCHSECONDS % 100000))}" "${ROUNDS:=24}"
export SEED ROUNDS
lab_enter "$@"
RANDOM=$SEED
echo "SEED=$SEED ROUNDS=$ROUNDS"

# More addresses than the three containers have, so that a commit lasts some milliseconds.
crowd() {
	local i
	for ((i = 1; i < 250; i++)); do echo "$((1000 + i)) 203.0.113.$i 198.18.0.$i"; done
}
CROWD=$(crowd)
X=192.0.2.102
inventory() { # [EXTRA LINE...]: without X, unless a line brings it
	{
		echo '101 192.0.2.101 2001:db8:1::101' && echo '103 192.0.2.103'
		echo "$CROWD"
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} | lab_inventory
}

lab_network
inventory "102 $X"
lab_set inventory.interval 600 # only refresh looks: the reading before a commit is the last one
lab_snmpd_start
lab_ctmeterd_start
await 10 snmp_serves || fail "the tables are not served"
assert_ok refresh ctmeter refresh
stream_sinks

restart() { # WHO dies: daemon, child, both
	local child=
	[ "$1" = daemon ] || read -r child _ <"/proc/$CTMETERD_PID/task/$CTMETERD_PID/children"
	[ -z "$child" ] || kill -KILL "$child" 2>/dev/null
	[ "$1" = child ] || lab_ctmeterd_kill9
	[ "$1" = child ] || lab_ctmeterd_start
	kill -0 "$CTMETERD_PID" 2>/dev/null || { fail 'ctmeterd is dead'; lab_end; }
}
nap() { # up to so many microseconds
	local us=$((RANDOM % $1))
	sleep "0.$(printf %06d "$us")"
}
# Nothing waits for a commit's end: a killed daemon cannot answer. Any outcome is fine.
refresh_somehow() { timeout 5 "$B/ctmeter" -c "$LAB/ctmeter.conf" refresh >/dev/null 2>&1; }
refreshed() { await 10 refresh_somehow || fail 'refresh within 10 s'; }
child_waits() {
	local child=
	read -r child _ <"/proc/$CTMETERD_PID/task/$CTMETERD_PID/children" # ends without a newline
	[ -n "$child" ] && grep -q lock "/proc/$child/wchan"
}

step 'kills while a removal is committed'
sent=0 who=(daemon child both)
exec 8>>/run/xtables.lock
for ((round = 0; round < ROUNDS; round++)); do
	flock 8
	inventory
	refresh_somehow &
	refresher=$!
	await 5 child_waits || fail "round $round: no commit waits for the lock"
	# Counted by rules that are about to go, after the last reading.
	read -r pkts _ < <(in_ns outside "$B/tests/netns/udpgen" send --from 198.51.100.2 --to $X \
		--port $STREAM_PORT --size 100 --count 20)
	sent=$((sent + pkts))
	sleep 0.01
	flock -u 8
	nap 12000
	restart "${who[round % 3]}"
	wait $refresher
	refreshed
	inventory "102 $X"
	refreshed
	got=$(snmp_get "$(oid_addr 102 $X fwd-in.pkts)")
	assert_eq "round $round (${who[round % 3]}): packets" "$sent" "$got"
	[[ $got =~ ^[0-9]+$ ]] && sent=$got # tell each loss once
done
exec 8>&-

step 'kills at any time, traffic and commits going on'
watch_start
streams_start 192.0.2.101 2001:db8:1::101
for ((round = 0; round < ROUNDS; round++)); do
	inventory "200 198.18.1.$((round % 50))" "201 2001:db8:2::$((round % 50))"
	refresh_somehow &
	refresher=$!
	nap 60000
	restart "${who[RANDOM % 3]}"
	wait $refresher
done
inventory "102 $X"
refreshed
streams_stop 192.0.2.101 2001:db8:1::101
stream_exact 'kills' 192.0.2.101
stream_exact 'kills' 2001:db8:1::101

step 'clean restarts'
streams_start 192.0.2.101
for i in {1..5}; do
	lab_ctmeterd_stop
	lab_ctmeterd_start
done
await 5 snmp_serves
streams_stop 192.0.2.101
stream_exact 'clean restarts' 192.0.2.101
watch_check

step 'the child of a teardown is killed before it does anything'
lab_ctmeterd_stop
ours() { { iptables-legacy-save -t mangle; ip6tables-legacy-save -t mangle; } | grep -c ctm; }
if lab_cc -shared -fPIC -D_GNU_SOURCE -o "$LAB/killedchild.so" \
	"$LAB_TOP/tests/netns/preload/killedchild.c" -ldl 2>"$LAB/cc"; then
	assert_ge 'there are rules' 10 "$(ours)"
	: >"$LAB/kill"
	assert_match 'it says what it removed' '^[1-9][0-9]* rules removed' \
		"$(KILLEDCHILD_FILE=$LAB/kill LD_PRELOAD=$LAB/killedchild.so ctmeter teardown 2>&1)"
	assert_ok 'one was killed' test ! -e "$LAB/kill"
	assert_eq 'none is left' 0 "$(ours)"
else
	echo "   SKIP: no C compiler here ($(head -n 1 "$LAB/cc"))"
fi
lab_end
