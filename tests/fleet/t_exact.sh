#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The ledgers of a fleet are shipped side by side while ships are killed, the server crashes and connections
# break, again and again, and some of it twice; then the 30 days of every address and customer are exact.
# NODES: how many (default 40; make check-fleet has hundreds).

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/nms/nms.sh
. "$(dirname "$0")/../nms/nms.sh"
# shellcheck source=tests/fleet/fleet.sh
. "$(dirname "$0")/fleet.sh"
fleet_enter "$@"
: "${NODES:=40}"

step 'the server, the schema'
fleet_server
assert_match 'init' '^the schema was made \(version [0-9]+\)$' "$(fleet_init 0)"
assert_match 'init again' '^the schema is up to date \(version [0-9]+\)$' "$(fleet_init 0)"
fleet_nodes "$NODES" 30
fleet_customers

# ---- what breaks, until it is told to stop --------------------------------------------------

kill_ships() { # kill -9 one that runs, every 0.3 s
	local pid
	while [ ! -e "$FLEET/quiet" ]; do
		pid=$(cat "$FLEET"/pids/* 2>/dev/null | shuf -n 1)
		[ -z "$pid" ] || ! kill -KILL "$pid" 2>/dev/null || echo >>"$FLEET/killed"
		sleep 0.3
	done
}
break_connections() { # end a session of a node, every 0.2 s
	while [ ! -e "$FLEET/quiet" ]; do
		psql -h "$NMS/pg" -U postgres -qtAX -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE usename LIKE 'node-%' ORDER BY random() LIMIT 1" fleet 2>/dev/null | grep -q t && echo >>"$FLEET/broken"
		sleep 0.2
	done
}

step "$NODES nodes side by side, with kills, broken connections and crashes of the server"
touch "$FLEET/killed" "$FLEET/broken"
kill_ships 9>&- &
one=$!
break_connections 9>&- &
two=$!
failures=0
for _ in 1 2 3; do
	fleet_ship_all 4 >"$FLEET/failed" &
	all=$!
	sleep $((NODES > 100 ? 5 : 1)) # somewhere in the midst of it
	fleet_postgres_crash
	fleet_postgres_start
	wait "$all"
	failures=$((failures + $(<"$FLEET/failed")))
done
: >"$FLEET/quiet"
wait "$one" "$two"
printf '   %d runs of %d failed; %d kills, %d broken connections, 3 crashes\n' "$failures" $((3 * NODES)) \
	"$(wc -l <"$FLEET/killed")" "$(wc -l <"$FLEET/broken")"
assert_ge 'runs that failed' 1 "$failures"

step 'in peace, two of each node at once'
fleet_ship_all 4 >"$FLEET/failed-a" &
fleet_ship_all 4 >"$FLEET/failed-b"
wait $!
assert_eq 'a run of each node succeeds' 0 "$(fleet_ship_all 4)"
assert_exact 'after all that'
assert_eq 'nothing is left in the inboxes' 0 "$(fleet_sql -c 'SELECT count(*) FROM ctmeter.inbox')"

step 'a replay of everything'
fleet_sql -c 'UPDATE ctmeter.node SET hours_next = NULL, minutes_next = NULL'
assert_eq 'all succeed' 0 "$(fleet_ship_all 4)"
assert_exact 'after the replay'
fleet_sql -c 'UPDATE ctmeter.node SET clock_steps = -2'
fleet_ship 0 >"$FLEET/out"
assert_eq 'a comparison finds no day that differs but today' '' \
	"$(sed -n 's/^  days that differed and were shipped again: //p' "$FLEET/out" | grep -vx '[12]')"

step 'the server is put back to a copy of before, and so loses what came since'
cp -a "$FLEET/0" "$FLEET/0.before"
for n in 0 1; do "$B/tests/fleet/fleetgen" more "$FLEET/$n/ledger.db" $((FLEET_NOW + 3600)) || fail more; done
nms_stop postgres
cp -a "$NMS/pg/data" "$NMS/pg/before"
fleet_postgres_start
for n in 0 1; do "$B/tests/fleet/fleetgen" more "$FLEET/$n/ledger.db" $((FLEET_NOW + 7200)) || fail more; done
later="to_timestamp($FLEET_NOW / 3600 * 3600), to_timestamp(($FLEET_NOW + 7200) / 3600 * 3600)"
fleet_ship 0 >/dev/null || fail 'a run'
was=$(fleet_sql -c "SELECT in_octets FROM ctmeter.usage($later, node => 'node-0.example')")
nms_stop postgres
rm -rf "$NMS/pg/data"
mv "$NMS/pg/before" "$NMS/pg/data"
fleet_postgres_start
assert_eq 'it has lost it' 0 "$(fleet_sql -c "SELECT in_octets FROM ctmeter.usage($later, node => 'node-0.example')")"
fleet_ship 0 >/dev/null || fail 'a run'
assert_eq 'and has it again' "$was" "$(fleet_sql -c "SELECT in_octets FROM ctmeter.usage($later, node => 'node-0.example')")"
assert_ge 'which is not nothing' 6000 "$was"
assert_exact 'and the rest'

step 'an earlier copy of a ledger is put back'
rm -rf "$FLEET/0"
mv "$FLEET/0.before" "$FLEET/0"
assert_ok 'a run with it' fleet_ship 0
assert_eq 'what only the server has stays' "$was" \
	"$(fleet_sql -c "SELECT in_octets FROM ctmeter.usage($later, node => 'node-0.example')")"
assert_exact 'and the rest'
assert_eq 'it is told' 1 "$(fleet_sql -c "SELECT count(*) FROM ctmeter.node_event WHERE kind = 'put back'")"

# ---- figures --------------------------------------------------------------------------------

step 'figures'
ms() { # SQL: its time, the best of 5 in one session
	fleet_sql -c 'SET jit = off' -c '\timing on' -c "$1" -c "$1" -c "$1" -c "$1" -c "$1" |
		sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | sort -n | head -n 1
}
rows=$(fleet_sql -c 'SELECT (SELECT count(*) FROM ctmeter.usage_hour) + (SELECT count(*) FROM ctmeter.usage_5min)')
size=$(fleet_sql -c "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent IN
	('ctmeter.usage_hour'::regclass, 'ctmeter.usage_5min'::regclass)")
fleet_sql -c 'ANALYZE ctmeter.counted, ctmeter.usage_hour, ctmeter.usage_5min'
mkdir -p "$B/fleet"
{
	printf '%d rows of %d nodes, %d MB, %d octets a row\n' "$rows" "$NODES" $((size / 1000000)) $((size / rows))
	printf '30 days of one address: %s ms; of all addresses: %s ms; of all customers: %s ms\n' \
		"$(ms "SELECT * FROM ctmeter.usage($(fleet_window), ip => '10.0.0.4')")" \
		"$(ms "SELECT count(*) FROM ctmeter.usage_by_address($(fleet_window))")" \
		"$(ms "SELECT count(*) FROM ctmeter.usage_by_customer($(fleet_window))")"
} | tee "$B/fleet/figures-$NODES-nodes"
fleet_end
