#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Others commit to the same table without pause, with the lock and without it, while ours changes
# too; and a writer that holds no lock brings an old table back.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/foreign.sh
. "$(dirname "$0")/foreign.sh"
# shellcheck source=tests/netns/watch.sh
. "$(dirname "$0")/watch.sh"
# shellcheck source=tests/netns/faults.sh
. "$(dirname "$0")/faults.sh"
foreign_tools
lab_enter "$@"
lab_start
stream_sinks
watch_start
A4=192.0.2.101 A6=2001:db8:1::101

# Commit with the lock until $LAB/enough is there; prints how often.
locked_writer() { # IPTABLES
	local n=0
	while [ ! -e "$LAB/enough" ]; do
		"$1" -w -t mangle -A FORWARD -p 90 -j RETURN && n=$((n + 1))
		"$1" -w -t mangle -D FORWARD -p 90 -j RETURN && n=$((n + 1))
	done
	echo "$n"
}

# Our own table changes meanwhile, and the streams' addresses keep their rules. A writer without
# the lock may keep ours out for a while: then that is what refresh says.
changes() { # ROUNDS [may-fail]
	local i
	CHANGED=0
	for ((i = 0; i < $1; i++)); do
		lab_inventory_usual "200 203.0.113.$((i % 7)) 2001:db8:2::$((i % 7))" "201 203.0.113.$((i + 10))"
		if timeout 10 "$B/ctmeter" -c "$LAB/ctmeter.conf" refresh >/dev/null 2>&1; then
			CHANGED=$((CHANGED + 1))
		elif [ "${2-}" != may-fail ]; then
			fail "refresh $i"
		fi
	done
	lab_inventory_usual
}

step 'a writer with the lock commits without pause'
rm -f "$LAB/enough"
streams_start $A4 $A6
locked_writer iptables-legacy >"$LAB/writer.4" &
writer4=$!
locked_writer ip6tables-legacy >"$LAB/writer.6" &
writer6=$!
changes 12
: >"$LAB/enough"
wait $writer4 $writer6
streams_stop $A4 $A6
stream_exact 'with the lock' $A4
stream_exact 'with the lock' $A6
assert_ge 'foreign commits, IPv4' 20 "$(<"$LAB/writer.4")"
assert_ge 'foreign commits, IPv6' 20 "$(<"$LAB/writer.6")"
echo "   commits survived: $(<"$LAB/writer.4") and $(<"$LAB/writer.6")"

step '-Z while a writer with the lock commits without pause'
rm -f "$LAB/enough"
locked_writer iptables-legacy >"$LAB/writer.4" &
writer4=$!
streams_start $A4
sleep 1
iptables-legacy -w -t mangle -Z || fail 'cannot zero'
read -r zeroed_at _ < <(row_now "$A4")
moves() { local now; read -r now _ < <(row_now "$A4"); [ "$now" -gt $((zeroed_at + STREAM_PKTS * 100)) ]; }
assert_await 'counting goes on while it commits' 5 moves
: >"$LAB/enough"
wait $writer4
streams_stop $A4
stream_bounded '-Z beside a writer' $A4 1

step 'a writer without the lock commits without pause, ours rests'
streams_start $A4 $A6
"$B/tests/netns/xtwriter" loop 4 mangle >"$LAB/writer.4" &
writer4=$!
"$B/tests/netns/xtwriter" loop 6 mangle >"$LAB/writer.6" &
writer6=$!
sleep 2
kill $writer4 $writer6
wait $writer4 $writer6
streams_stop $A4 $A6
stream_exact 'without the lock, ours rests' $A4
stream_exact 'without the lock, ours rests' $A6
read -r n4 _ <"$LAB/writer.4"
read -r n6 _ <"$LAB/writer.6"
assert_ge 'foreign commits, IPv4' 100 "$n4"
echo "   commits survived: $n4 and $n6"

# Two writers that take no turns destroy each other's counters: the one whose second step meets
# the other's table has the only copy. That is told, bounded, and never counted twice.
step 'a writer without the lock commits without pause, ours changes'
streams_start $A4
"$B/tests/netns/xtwriter" loop 4 mangle "${PAUSE:-2000}" >"$LAB/writer.4" &
writer4=$!
changes 24 may-fail
assert_ge 'changes of ours that were put in place' 1 "$CHANGED"
kill $writer4
wait $writer4
read -r n4 refused <"$LAB/writer.4"
streams_stop $A4
stream_bounded 'without the lock, ours changes' $A4 $((refused + 1))
echo "   commits survived: $n4, refused to the other: $refused; changes of ours in place: $CHANGED of 24"

step 'a stale commit without the lock brings removed chains back'
lab_flow 198.51.100.2 192.0.2.101 500 1000
lab_flow 198.51.100.2 192.0.2.102 300 1000
lab_inventory_usual '200 203.0.113.50'
assert_ok refresh ctmeter refresh
before=$(row_now 192.0.2.101) before2=$(row_now 192.0.2.102)
"$B/tests/netns/xtwriter" stale 4 mangle >"$LAB/stale" &
stale=$!
assert_await 'it has read the table' 5 grep -q ready "$LAB/stale"
# As many entries as before, so that the kernel takes the old table.
lab_inventory_usual '200 198.18.7.7'
assert_ok refresh ctmeter refresh
kill -USR1 $stale
wait $stale
assert_eq 'the stale commit was taken' '1 0' "$(tail -n 1 "$LAB/stale")"
sleep 1.2 # a reset is believed after a second
assert_ok refresh ctmeter refresh
assert_eq 'nothing is counted twice, 101' "${before% *}" "$(row_now 192.0.2.101 | cut -d' ' -f1,2)"
assert_eq 'nothing is counted twice, 102' "${before2% *}" "$(row_now 192.0.2.102 | cut -d' ' -f1,2)"
gone() { ! iptables-legacy-save -t mangle | grep -q 203.0.113.50; }
assert_await 'the old rules are gone again' 5 gone
streams_start $A4
sleep 0.5
streams_stop $A4
stream_exact 'after the stale commit' $A4

watch_check
lab_end
