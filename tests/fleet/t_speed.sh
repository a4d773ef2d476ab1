#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How fast a server takes what a node with 200 addresses has of 30 days, what that costs the node, how long
# the sums take, and how large it is. Nothing is asserted about speed: the figures are in $B/fleet/figures, which
# make check-fleet prints.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/nms/nms.sh
. "$(dirname "$0")/../nms/nms.sh"
# shellcheck source=tests/fleet/fleet.sh
. "$(dirname "$0")/fleet.sh"
fleet_enter "$@"
ADDRESSES=200

fleet_server
fleet_init 0 >/dev/null || fail 'init'
fleet_nodes 1 1 # its role
mkdir "$FLEET/big"
for ((i = 1; i <= ADDRESSES; i++)); do echo "ct-$i 10.9.$((i / 250)).$((i % 250 + 1))"; done |
	"$B/tests/bench/ledgergen" "$FLEET/big/ledger.db" $ADDRESSES 30 2 || fail 'ledgergen'
sqlite3 "$FLEET/big/ledger.db" "INSERT OR REPLACE INTO meta VALUES ('counted_at', strftime('%s', 'now') + 0)"
ctmeter_ship_conf big node-0

TIMEFORMAT='%R %U %S'
{ time fleet_ship big --json >"$FLEET/answer" 2>"$FLEET/error"; } 2>"$FLEET/time" || fail "ship: $(<"$FLEET/error")"
rows=$(jq .rows "$FLEET/answer")
assert_eq 'no row is left out' "$rows" \
	"$(fleet_sql -c 'SELECT (SELECT count(*) FROM ctmeter.usage_hour) + (SELECT count(*) FROM ctmeter.usage_5min)')"
assert_ge 'rows' $((ADDRESSES * 30 * 24)) "$rows"
octets=$(fleet_sql -c 'SELECT sum(in_octets) FROM ctmeter.usage_hour')
assert_eq 'the sum' "$(sqlite3 "$FLEET/big/ledger.db" "SELECT sum(in_octets) FROM usage_hour
	WHERE start < strftime('%s', 'now') / 3600 * 3600")" "$octets"
# What the server needs by itself afterwards is not part of a query.
fleet_sql -c 'ANALYZE ctmeter.counted, ctmeter.usage_hour, ctmeter.usage_5min'

size=$(fleet_sql -c "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent IN
	('ctmeter.usage_hour'::regclass, 'ctmeter.usage_5min'::regclass)")
ms() { # SQL: its time, the best of 5 in one session
	fleet_sql -c 'SET jit = off' -c '\timing on' -c "$1" -c "$1" -c "$1" -c "$1" -c "$1" |
		sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | sort -n | head -n 1
}
window="date_trunc('hour', now()) - interval '30 days', date_trunc('hour', now())"
mkdir -p "$B/fleet"
{
	awk -v rows="$rows" '{ printf "rows a second that the server takes from one node: %d\n", rows / $1
		printf "processor time of ctmeter ship: %.1f us a row\n", ($2 + $3) * 1000000 / rows }' "$FLEET/time"
	printf '30 days of one address: %s ms; of all %d addresses: %s ms\n' \
		"$(ms "SELECT * FROM ctmeter.usage($window, ip => '10.9.0.8')")" "$ADDRESSES" \
		"$(ms "SELECT count(*) FROM ctmeter.usage_by_address($window)")"
	printf 'size: %d octets a row; a day of 1,000 addresses %d MB of hours, %d MB of 5 minutes\n' $((size / rows)) \
		$((size * 24 / rows / 1000)) $((size * 288 / rows / 1000))
	printf 'processors: %s, load: %s\n' "$(nproc)" "$(cut -d ' ' -f 1 /proc/loadavg)"
} | tee "$B/fleet/figures"
fleet_end
