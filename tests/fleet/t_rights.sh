#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may do what: nodes insert their own and see nothing, bills see all, a customer sees its own. What a node
# is: renamed, cloned, moved to another machine. What the functions answer. And all that can be wrong with a
# connection or a schema: one line says what, and what to do.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/nms/nms.sh
. "$(dirname "$0")/../nms/nms.sh"
# shellcheck source=tests/fleet/fleet.sh
. "$(dirname "$0")/fleet.sh"
fleet_enter "$@"

says() { # LABEL REGEX COMMAND...: fails with one line that matches
	local label=$1 wanted=$2 out rc
	shift 2
	out=$("$@" 2>&1 >/dev/null)
	rc=$?
	assert_eq "$label: exit status" 1 "$rc"
	assert_eq "$label: lines" 1 "$(wc -l <<<"$out")"
	assert_match "$label" "$wanted" "$out"
}

# Into step 1 of the schema alone, as an earlier version had it.
step 'a schema of version 1 is migrated'
fleet_server
fleet_sql -1 -f <(awk '/^-- step 2/ { exit } { print }' "$LAB_TOP/src/ship/schema.sql") || fail 'step 1'
assert_match 'migrated' '^the schema was migrated from version 1 to [0-9]+$' "$(fleet_init 0)"
fleet_nodes 2 3
fleet_customers
all() { fleet_sql -c 'SELECT coalesce(sum(in_octets), 0) FROM ctmeter.usage_hour'; }

# ---- identity -------------------------------------------------------------------------------

step 'a node is its ledger, whatever its name'
assert_ok 'the first run' fleet_elsewhere a 1 0
assert_ok 'the second node' fleet_elsewhere b 1 1
assert_exact 'shipped'
before=$(all)
sed -i 's/node-0.example/renamed.example/' "$FLEET/0.conf"
assert_ok 'a run after it was renamed, and booted' fleet_elsewhere a 2 0
assert_eq 'still two nodes' 'node-1.example renamed.example' "$(fleet_sql -c 'SELECT name FROM ctmeter.node ORDER BY 1' | xargs)"
assert_eq 'noted' 'renamed.example, was node-0.example' "$(fleet_sql -c "SELECT detail FROM ctmeter.node_event WHERE kind = 'renamed'")"

step 'a clone is refused'
cp -a "$FLEET/0" "$FLEET/2"
ctmeter_ship_conf 2 node-0
"$B/tests/fleet/fleetgen" more "$FLEET/2/ledger.db" $((FLEET_NOW + 3600))
"$B/tests/fleet/fleetgen" more "$FLEET/2/ledger.db" $((FLEET_NOW + 7200))
says 'on a machine of its own' 'which another machine ships: is node-2.example a clone.*--take-over.*--new-identity' \
	fleet_elsewhere c 1 2
assert_eq 'it has put nothing there' "$before" "$(all)"
assert_eq 'it is told' refused "$(fleet_sql -c "SELECT kind FROM ctmeter.missing(now() - interval '1 hour', now() + interval '1 hour') WHERE kind = 'refused'")"
assert_ok 'the original goes on' fleet_elsewhere a 2 0
assert_ok 'with a copied machine id it passes for a boot' fleet_elsewhere a 3 2
says 'but the two give each other away' 'two machines with one machine id' fleet_elsewhere a 2 0
assert_ok 'the original takes over' fleet_elsewhere a 2 0 --take-over
assert_exact 'and what the clone had shipped is gone'
assert_eq 'to the octet' "$before" "$(all)"
says 'now the clone is refused' 'two machines with one machine id' fleet_elsewhere a 3 2
assert_ok 'it becomes a node of its own' fleet_elsewhere c 3 2 --new-identity
assert_ok 'which may ship' fleet_elsewhere c 3 2
assert_eq 'and has shipped nothing of the original' "$before" "$(all)"
assert_eq 'three nodes' 3 "$(fleet_sql -c 'SELECT count(*) FROM ctmeter.node')"
says 'its role owns another node' 'belongs to the role node-1, not to node-0' \
	fleet_elsewhere b 1 1 --database "$(fleet_conninfo node-0)"

step 'a ledger that has lost its id would count twice'
cp -a "$FLEET/1" "$FLEET/1.kept"
sqlite3 "$FLEET/1/ledger.db" "UPDATE meta SET value = lower(hex(randomblob(16))) WHERE key = 'node'"
says 'it is refused' 'this machine has shipped the same time as node node-1.example from another ledger' fleet_elsewhere b 1 1
assert_ok 'until somebody says that it is the same' fleet_elsewhere b 1 1 --take-over
assert_eq 'and nothing is doubled' "$before" "$(all)"
assert_eq 'three nodes' 3 "$(fleet_sql -c 'SELECT count(*) FROM ctmeter.node')"

# ---- rights ---------------------------------------------------------------------------------

step 'what each role may do'
psql -h "$NMS/pg" -U postgres -qX -c 'CREATE ROLE bills LOGIN IN ROLE ctmeter_billing' \
	-c 'CREATE ROLE alice LOGIN IN ROLE ctmeter_customer' -c 'CREATE ROLE bob LOGIN IN ROLE ctmeter_customer' fleet
fleet_sql -c "UPDATE ctmeter.customer SET role = 'alice' WHERE name = 'customer-0'" \
	-c "UPDATE ctmeter.customer SET role = 'bob' WHERE name = 'customer-1'"
as() { psql -h "$NMS/pg" -U "$1" -qtAX -v ON_ERROR_STOP=1 -F ' ' -c "$2" fleet 2>&1; } # ROLE SQL
for sql in 'SELECT * FROM ctmeter.usage_hour' 'SELECT * FROM ctmeter.node' 'SELECT * FROM ctmeter.inbox' \
	'SELECT * FROM ctmeter.customer' 'DELETE FROM ctmeter.inbox' 'SELECT * FROM ctmeter.traffic' \
	'INSERT INTO ctmeter.usage_hour VALUES (now(), 1, 1, 1, 1, 1, 1, 1, 1, 1)' \
	"SELECT ctmeter.maintain()" "SELECT * FROM ctmeter.usage(now(), now())" "UPDATE ctmeter.node SET name = 'x'" \
	"INSERT INTO ctmeter.inbox (tx, start, container, ip) VALUES ('1', now(), 'x', '192.0.2.1')"; do
	assert_match "a node: $sql" 'permission denied' "$(as node-0 "$sql")"
done
assert_match 'a node ships for another' 'has no node' "$(as node-0 "SELECT ctmeter.ship_batch(
	(SELECT '$(fleet_sql -c "SELECT id FROM ctmeter.node WHERE name = 'node-1.example'")'::uuid), 1, 3600, 0, 1, 1)")"
assert_eq 'bills see all' "$before" "$(as bills 'SELECT sum(in_octets) FROM ctmeter.usage_hour')"
assert_match 'and change no traffic' 'permission denied' "$(as bills 'DELETE FROM ctmeter.usage_hour')"
for who in alice:0 bob:1; do
	number=${who#*:} who=${who%:*}
	wanted=$(awk -v c="customer-$number" '$1 == "C" && $2 == c { print $3 }' "$FLEET/truth")
	assert_eq "$who sees its own hours" "$wanted" "$(as "$who" 'SELECT sum(in_octets) FROM ctmeter.usage_hour')"
	assert_eq "$who's usage" "$wanted" "$(as "$who" "SELECT in_octets FROM ctmeter.usage($(fleet_window))")"
	assert_eq "$who asks for the other" 0 "$(as "$who" "SELECT in_octets FROM ctmeter.usage($(fleet_window), customer => 'customer-$((1 - number))')")"
	assert_eq "$who sees one customer" "customer-$number" "$(as "$who" 'SELECT name FROM ctmeter.customer')"
	assert_match "$who changes nothing" 'permission denied' "$(as "$who" "UPDATE ctmeter.customer SET role = '$who'")"
done
step 'a container changes hands'
moment="to_timestamp($FLEET_NOW - 86400)"
fleet_sql -c "UPDATE ctmeter.owns SET valid = tstzrange(NULL, $moment) WHERE container = '1000'"
assert_match 'not to two at once' 'would belong to two customers' "$(fleet_sql -c "INSERT INTO ctmeter.owns (customer, container)
	VALUES (2, '1000')" 2>&1)"
fleet_sql -c "INSERT INTO ctmeter.owns (customer, container, valid) SELECT id, '1000', tstzrange($moment, NULL)
	FROM ctmeter.customer WHERE name = 'customer-1'"
both=$(fleet_sql -c "SELECT sum(in_octets) FROM ctmeter.usage_by_customer($(fleet_window)) WHERE customer IN ('customer-0', 'customer-1')")
assert_eq 'nothing of it is lost or doubled' "$(awk '$1 == "C" && $2 ~ /-[01]$/ { n += $3 } END { printf "%.0f", n }' "$FLEET/truth")" "$both"
assert_eq 'one by one too' "$both" "$(fleet_sql -c "SELECT a.in_octets + b.in_octets FROM ctmeter.usage($(fleet_window), customer => 'customer-0') a,
	ctmeter.usage($(fleet_window), customer => 'customer-1') b")"

# ---- functions ------------------------------------------------------------------------------

step 'what is asked'
ask() { fleet_sql -F ' ' -c "$1"; }
total=$(ask "SELECT in_octets, out_octets FROM ctmeter.usage($(fleet_window), container => '1004')")
assert_eq 'by day, the same' "$total" "$(ask "SELECT sum(in_octets), sum(out_octets) FROM ctmeter.usage_by_day($(fleet_window), container => '1004', time_zone => 'Asia/Kolkata')")"
assert_eq 'by month, the same' "$total" "$(ask "SELECT sum(in_octets), sum(out_octets) FROM ctmeter.usage_by_month($(fleet_window), container => '1004')")"
assert_eq 'the wiki'"'"'s table, the same' "$(awk '{ print $1 + $2 }' OFMT=%.0f <<<"$total")" \
	"$(ask "SELECT sum(bytes) FROM ctmeter.traffic WHERE ip IN ('10.0.0.4', 'fd00::4')")"
cut="to_timestamp($FLEET_NOW - 100000), to_timestamp($FLEET_NOW - 5000)"
wanted=$(sqlite3 "$FLEET/1/ledger.db" "SELECT sum(u.in_octets) FROM usage_5min u JOIN address a ON a.key = u.address
	JOIN container c ON c.ifindex = a.container WHERE c.ctid = '1004' AND start >= $FLEET_NOW - 100000 AND start < $FLEET_NOW - 5000")
assert_eq 'between any two moments' "$wanted" "$(ask "SELECT in_octets FROM ctmeter.usage($cut, container => '1004')")"
p95() { # COLUMN: as it is billed
	sqlite3 "$FLEET/1/ledger.db" "WITH s AS (SELECT sum(u.in_octets) AS i, sum(u.out_octets) AS o FROM usage_5min u
		JOIN address a ON a.key = u.address JOIN container c ON c.ifindex = a.container
		WHERE c.ctid = '1004' AND start >= $FLEET_NOW / 3600 * 3600 - 43200 AND start < $FLEET_NOW / 3600 * 3600 GROUP BY start)
		SELECT ($1) * 8 / 300 FROM s ORDER BY 1 DESC LIMIT 1 OFFSET 7"
}
assert_eq 'the 95th percentiles' "$(for c in i o 'max(i, o)' 'i + o'; do v=$(p95 "$c"); echo "${v:-0}"; done | xargs)" \
	"$(ask "SELECT * FROM ctmeter.percentile95(to_timestamp($FLEET_NOW / 3600 * 3600 - 43200), to_timestamp($FLEET_NOW / 3600 * 3600), container => '1004')")"
fleet_sql -c "INSERT INTO ctmeter.quota (customer, octets, counts, start_day) SELECT id, 1000, 'larger', 31 FROM ctmeter.customer WHERE name = 'customer-2'"
assert_eq 'a quota' 'over 0' "$(ask "SELECT state, left_octets FROM ctmeter.quota_state('customer-2', to_timestamp($FLEET_NOW))")"
assert_eq 'a period that starts on the 31st' '2026-02-28 2026-03-31' "$(ask "SELECT ctmeter.period_start('2026-03-15 12:00+00', 31, 'UTC')::date,
	ctmeter.period_start('2026-03-15 12:00+00', 31, 'UTC', 1)::date")"
sqlite3 "$FLEET/0/ledger.db" "UPDATE address SET discontinuities = 1, discontinuity_at = $FLEET_NOW - 4000 WHERE ip = '10.0.0.0'"
assert_ok 'a run' fleet_elsewhere a 2 0
assert_eq 'a discontinuity is told' 'renamed.example 1000 10.0.0.0' "$(ask "SELECT node, container, host(ip) FROM
	ctmeter.missing($(fleet_window)) WHERE kind = 'discontinuity'")"
fleet_sql -c "UPDATE ctmeter.node SET hours_next = to_timestamp($FLEET_NOW - 90000), shipped_at = now() - interval '1 day' WHERE name = 'node-1.example'"
assert_eq 'a node that is behind and silent' 'not shipped silent' "$(ask "SELECT kind FROM ctmeter.missing($(fleet_window))
	WHERE node = 'node-1.example' AND kind IN ('silent', 'not shipped')" | xargs)"

step 'the SQL of docs/fleet.md is run as it stands'
{ echo 'BEGIN;'; awk '/^```$/ { here = 0 } here; /^```sql$/ { here = 1 }' "$LAB_TOP/docs/fleet.md"; echo 'ROLLBACK;'; } >"$FLEET/doc.sql"
assert_ge 'statements' 15 "$(grep -c ';' "$FLEET/doc.sql")"
assert_ok 'all of it' fleet_sql -f "$FLEET/doc.sql"

# ---- the present, and a clock that was wrong -------------------------------------------------

step 'what is not over'
day() { ask "SELECT in_octets FROM ctmeter.usage(to_timestamp($FLEET_NOW / 3600 * 3600), to_timestamp($FLEET_NOW / 3600 * 3600 + 86400), container => '1004')"; }
assert_ok 'a run' fleet_elsewhere b 1 1
assert_eq 'so far' 0 "$(day)"
"$B/tests/fleet/fleetgen" more "$FLEET/1/ledger.db" $((FLEET_NOW + 600))
assert_ok 'without --open' fleet_elsewhere b 1 1
assert_eq 'nothing' 0 "$(day)"
assert_ok 'with it' fleet_elsewhere b 1 1 --open
assert_eq 'as it stands' 2000 "$(day)"
"$B/tests/fleet/fleetgen" more "$FLEET/1/ledger.db" $((FLEET_NOW + 900))
assert_ok 'with it again' fleet_elsewhere b 1 1 --open
assert_eq 'more came' 4000 "$(day)"
"$B/tests/fleet/fleetgen" more "$FLEET/1/ledger.db" $((FLEET_NOW + 3600))
assert_ok 'the hour is over' fleet_elsewhere b 1 1
assert_eq 'the same' 4000 "$(day)"

step 'a clock that was two days ahead'
ledger=$FLEET/1/ledger.db ahead=$((FLEET_NOW + 2 * 86400))
"$B/tests/fleet/fleetgen" unsure "$ledger" $((FLEET_NOW + 3700))
for i in 1 2 3; do "$B/tests/fleet/fleetgen" more "$ledger" $((ahead + 3600 * i)); done
assert_ok 'it is shipped as the clock says' fleet_elsewhere b 1 1
assert_eq 'two days late' 4000 "$(ask "SELECT in_octets FROM ctmeter.usage(to_timestamp($ahead / 3600 * 3600), to_timestamp($ahead / 3600 * 3600 + 86400), container => '1004')")"
"$B/tests/fleet/fleetgen" move "$ledger" $((FLEET_NOW + 3600 * 6)) $((3600 * 2 - 2 * 86400))
"$B/tests/fleet/fleetgen" more "$ledger" $((FLEET_NOW + 3600 * 8))
assert_ok 'the clock is set' fleet_elsewhere b 1 1
assert_eq 'nothing is there any more' 0 "$(ask "SELECT in_octets FROM ctmeter.usage(to_timestamp($ahead / 3600 * 3600), to_timestamp($ahead / 3600 * 3600 + 86400), container => '1004')")"
for table in hour 5min; do
	assert_eq "usage_$table is the ledger's, row by row" \
		"$(sqlite3 -separator ' ' "$ledger" "SELECT u.start, c.ctid, u.in_octets, u.node_out_pkts FROM usage_$table u JOIN address a ON a.key = u.address
			JOIN container c ON c.ifindex = a.container WHERE u.start < $FLEET_NOW + 3600 * 8 - 3600 ORDER BY 1, 2, 3" | md5sum)" \
		"$(ask "SELECT extract(epoch FROM start)::bigint, container, in_octets, node_out_pkts FROM ctmeter.usage_$table u
			JOIN ctmeter.counted c ON c.id = u.counted JOIN ctmeter.node n ON n.number = c.node WHERE n.name = 'node-1.example'
			AND start < to_timestamp($FLEET_NOW + 3600 * 8 - 3600) ORDER BY 1, container COLLATE \"C\", 3" | md5sum)"
done

# ---- bad input ------------------------------------------------------------------------------

step 'all that can be wrong is one line'
ship_with() { fleet_ship 1 --database "$1"; } # CONNINFO
echo '*:*:*:outsider:wrong' >"$FLEET/wrong"
chmod 600 "$FLEET/wrong"
tls="host=$FLEET_HOST hostaddr=127.0.0.1 dbname=fleet user=node-1 passfile=$FLEET/pgpass"
says 'a bad string' 'no connection string of libpq.*"hots"' ship_with 'hots=a'
says 'a password in it' 'put it into a file with mode 0600' ship_with "$tls password=x"
says 'a wrong password' 'password authentication failed.*passfile' ship_with "host=$FLEET_HOST hostaddr=127.0.0.1 dbname=fleet user=outsider sslmode=require passfile=$FLEET/wrong"
says 'no such database' 'pg_hba.conf|does not exist' ship_with "$tls dbname=none sslmode=require"
says 'no TLS' 'pg_hba.conf' ship_with "$tls sslmode=disable"
says 'another authority' 'certificate verify failed: check sslrootcert' ship_with "$tls sslmode=verify-full sslrootcert=$NMS/tls/other.crt"
says 'no authority' 'root certificate file.*name the authority' ship_with "$tls sslmode=verify-full sslrootcert=$NMS/none.crt"
says 'another name' 'does not match host name.*connect by the name' ship_with "$(fleet_conninfo node-1 host=other.example)"
says 'no rights' 'permission denied for schema ctmeter: GRANT ctmeter_node' ship_with "$(fleet_conninfo outsider)"
says 'no schema' 'no schema of ctmeter.*ctmeter ship --init' ship_with "host=$NMS/pg dbname=postgres user=boss"
says 'nobody listens' 'Connection refused.*is PostgreSQL running' ship_with "$(fleet_conninfo node-1 port=1)"
fleet_sql -c 'UPDATE ctmeter.schema SET version = 0'
says 'an older schema' 'version 0\) is older.*ctmeter ship --init' fleet_ship 1
fleet_sql -c 'UPDATE ctmeter.schema SET version = 99, accepts = 1'
assert_ok 'a newer one that still takes this version' fleet_elsewhere b 1 1
says '--init of it' 'of a newer ctmeter \(version 99' fleet_init 1
fleet_sql -c 'UPDATE ctmeter.schema SET accepts = 99'
says 'a newer one that does not' 'version 99\) is newer.*upgrade ctmeter' fleet_ship 1
fleet_sql -c 'UPDATE ctmeter.schema SET version = 2, accepts = 1'
fleet_sql -c 'ALTER DATABASE fleet SET default_transaction_read_only = on'
says 'a standby' 'read-only transaction: it is a standby' fleet_ship 1
fleet_sql -c 'SET default_transaction_read_only = off' -c 'ALTER DATABASE fleet RESET default_transaction_read_only'
kill -STOP "${NMS_PIDS[postgres]}"
says 'a server that hangs' 'does not answer within 2 s' ship_with "$(fleet_conninfo node-1 connect_timeout=2)"
kill -CONT "${NMS_PIDS[postgres]}"
rm "$FLEET/0/ledger.db"*
says 'no ledger' 'there is no ledger' fleet_ship 0
assert_ok 'and then all is well' fleet_elsewhere b 1 1
assert_eq 'also for a machine that reads JSON' false "$(fleet_elsewhere b 1 1 --json | jq .backlog)"
fleet_end
