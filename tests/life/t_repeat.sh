#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Everything that can go wrong again and again, for LIFE_S seconds (60): first all of it coming and going,
# then all of it lasting. The log stays short, and when it is over says so, with how long and how often.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
: "${LIFE_S:=60}"
export LIFE_S
lab_enter "$@"

mkdir "$LAB/run"
lab_set control.socket "$LAB/run/control.sock"
lab_set ledger.checkpoint 1
lab_set inventory.interval 1
lab_set inventory.max-rows 8
cat >"$LAB/flap" <<-END
	#!/bin/sh
	[ ! -e $LAB/broken ] || { echo 'it is broken' >&2; exit 1; }
	echo '104 192.0.2.104'
END
chmod +x "$LAB/flap"
lab_network
lab_inventory_usual
lab_snmpd_start
# Two sources: lab_write_conf knows each key once.
lab_set inventory.source "file:$LAB/inventory
source = command:$LAB/flap"
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'

lines() { wc -l <"$LAB/ctmeterd.log"; }
since() { tail -n "+$((FROM + 1))" "$LAB/ctmeterd.log"; }
count() { since | grep -cE -- "$1"; }
bounded() { # LABEL MOST
	local n
	n=$(since | wc -l)
	echo "$1: $n lines ($(since | awk '{ sub(":", "", $2); n[$2]++ } END { for (s in n) printf " %s %d", s, n[s] }' ))"
	assert_ge "$1: lines, at most $2" "$n" "$2"
	[ "$n" -le "$2" ] || since
}
lock_ledger() { # SECONDS
	sleep "$1" 9>&- | "$B/tests/netns/dblock" "$LAB/ledger.db" >/dev/null 2>&1 9>&- &
}

step 'coming and going'
FROM=$(lines)
# Somebody who insists on other rules.
while :; do
	iptables-legacy -w -t mangle -D FORWARD 1 2>/dev/null
	sleep 0.3
done &
WRITER=$!
end=$((EPOCHSECONDS + LIFE_S)) round=0
while [ $EPOCHSECONDS -lt $end ]; do
	round=$((round + 1))
	if ((round % 2)); then : >"$LAB/broken"; else rm -f "$LAB/broken"; fi
	# Complaints that nobody has heard before, and more rows than allowed, or fewer.
	{
		for ((i = 0; i < 30; i++)); do echo "105 nonsense-$round-$i"; done
		for ((i = 0; i < round % 5; i++)); do echo "106 192.0.2.2$i"; done
		echo "107 192.0.2.101" # a conflict
		[ $((round % 2)) = 0 ] || echo "108 192.0.2.102"
	} >"$LAB/more"
	mapfile -t more <"$LAB/more"
	lab_inventory_usual "${more[@]}"
	if ((round % 3 == 0)); then lab_snmpd_stop; else [ -n "$SNMPD_PID" ] || lab_snmpd_start; fi
	lock_ledger 0.3
	sleep 1
done
[ -n "$SNMPD_PID" ] || lab_snmpd_start
kill "$WRITER"
wait "$WRITER" 2>/dev/null
# Each of six kinds of state a few times, and one line of a kind a minute.
bounded 'coming and going' $((80 + 3 * LIFE_S / 60))
rm -f "$LAB/broken"
lab_inventory_usual
assert_await 'the end of it is told when it rests' 80 eval '[ "$(count "changed [0-9]+ times in|changes our rules in .* any more \(after")" -ge 2 ]'

step 'lasting'
FROM=$(lines)
: >"$LAB/broken"
lab_snmpd_stop
mv "$LAB/run" "$LAB/away"
lock_ledger 1000
LOCKER=$!
{
	echo '101 192.0.2.101 2001:db8:1::101'
	for ((i = 0; i < 20; i++)); do echo "109 192.0.2.1$((20 + i))"; done
	echo '110 nonsense'
} | lab_inventory
sleep "$LIFE_S"
bounded 'lasting' 14
for what in 'it is broken' 'no session with snmpd' 'the rules are not in IPv4' 'ledger.db' 'more than max-rows' \
	nonsense; do
	# It may have had another reason at first; and what came and went until now is told only when it
	# has rested for a minute.
	assert_match "told when it began, and no more: $what" '^[012]$' "$(count "$what")"
done

step 'over'
FROM=$(lines)
rm -f "$LAB/broken"
kill "$LOCKER" # its sleep may go on
mv "$LAB/away" "$LAB/run"
lab_inventory_usual
lab_snmpd_start
for what in 'flap: answers again' 'serving 8 of 8 tables' 'the rules are in IPv4 table mangle again' \
	'ledger.db is written again' 'no container or address is over the limits'; do
	assert_await "told once: $what" 15 eval '[ "$(count "$what")" = 1 ]'
	assert_match "how long and how often: $what" '\(after [0-9]+ (s|minutes), [0-9]+ times\)' \
		"$(since | grep "$what")"
done
lab_end
