# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of `ctmeter ship` share: a PostgreSQL of Debian's with TLS and roles, ledgers of a fleet, and
# the fleet's machines. A test does
#
#   . "$(dirname "$0")/../netns/lab.sh"
#   . "$(dirname "$0")/../nms/nms.sh"
#   . "$(dirname "$0")/fleet.sh"
#   fleet_enter "$@"                    # a private network, and a private /run
#   fleet_server                        # PostgreSQL, the schema, roles
#   fleet_nodes 10 30                   # ledgers of 10 nodes over 30 days
#   fleet_ship 3 [OPTION...]            # one run of node 3
#   fleet_end
#
# 1. The server runs as the user postgres, in $NMS/pg, on the loopback of the private network.
# 2. A node is a role with a password, a name, and a ledger; its machine is this one unless it is shipped by
#    fleet_elsewhere.
# 3. Whatever is asserted about traffic is asked of the database, and compared with what was put into the
#    ledgers by the store's own code.

FLEET_HOST=db.fleet.example
FLEET_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

fleet_enter() { # "$@"
	# shellcheck disable=SC2034 # for lab.sh: nothing is counted here
	BACKEND=fake
	nms_needs postgresql:"$FLEET_BIN/initdb" postgresql:psql openssl:openssl sqlite3:sqlite3
	nms_enter "$@"
	ip link set lo up
	FLEET=$NMS/fleet
	mkdir -m 755 "$FLEET"
}

# ---- the server -----------------------------------------------------------------------------

fleet_certificates() {
	local tls=$NMS/tls
	mkdir -m 755 "$tls"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=fleet authority' -keyout "$tls/ca.key" \
		-out "$tls/ca.crt" 2>/dev/null
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=another authority' -keyout /dev/null \
		-out "$tls/other.crt" 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$FLEET_HOST" -keyout "$tls/server.key" -out "$tls/server.csr" 2>/dev/null
	openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -CAcreateserial -days 2 \
		-extfile <(echo "subjectAltName=DNS:$FLEET_HOST") -out "$tls/server.crt" 2>/dev/null
	chown postgres "$tls/server.key"
	chmod 600 "$tls/server.key"
}

fleet_postgres_start() {
	nms_start postgres postgres "$FLEET_BIN/postgres" -D "$NMS/pg/data"
	await 60 fleet_sql -c 'SELECT 1' || fail "PostgreSQL does not start: $(tail -n 5 "$NMS/postgres.log")"
}
# As a crash: all connections break, and the server recovers when it starts again.
fleet_postgres_crash() {
	kill -QUIT "${NMS_PIDS[postgres]}"
	wait "${NMS_PIDS[postgres]}" 2>/dev/null
}

# The owner's statements; -U another role.
fleet_sql() { psql -h "$NMS/pg" -U boss -qtAX -v ON_ERROR_STOP=1 "$@" fleet; }

fleet_server() { # [SETTING=VALUE...]
	local setting
	fleet_certificates
	install -d -o postgres "$NMS/pg"
	nms_as postgres "$FLEET_BIN/initdb" -D "$NMS/pg/data" -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
		>"$NMS/initdb.log" 2>&1 || fail "initdb: $(tail -n 5 "$NMS/initdb.log")"
	cat >>"$NMS/pg/data/postgresql.conf" <<-END
		listen_addresses = '127.0.0.1'
		unix_socket_directories = '$NMS/pg'
		max_connections = 60
		ssl = on
		ssl_cert_file = '$NMS/tls/server.crt'
		ssl_key_file = '$NMS/tls/server.key'
		ssl_ca_file = '$NMS/tls/ca.crt'
		max_wal_size = '2GB'
	END
	for setting; do echo "$setting" >>"$NMS/pg/data/postgresql.conf"; done
	cat >"$NMS/pg/data/pg_hba.conf" <<-END
		local   all   all                       trust
		hostssl fleet +ctmeter_node 127.0.0.1/32 scram-sha-256
		hostssl fleet outsider      127.0.0.1/32 scram-sha-256
	END
	nms_start postgres postgres "$FLEET_BIN/postgres" -D "$NMS/pg/data"
	nms_await postgres 60 psql -h "$NMS/pg" -U postgres -c 'SELECT 1' postgres || return 1
	psql -h "$NMS/pg" -U postgres -qX -c 'CREATE ROLE boss LOGIN CREATEROLE' \
		-c 'CREATE DATABASE fleet OWNER boss' -c "CREATE ROLE outsider LOGIN PASSWORD 'outsider'" postgres
}

fleet_init() { ctmeter_ship_conf "$1" && "$B/ctmeter" -c "$FLEET/$1.conf" ship --init --database "host=$NMS/pg dbname=fleet user=boss"; }

# ---- nodes ----------------------------------------------------------------------------------

fleet_conninfo() { # ROLE [MORE...]
	local role=$1
	shift
	echo "host=$FLEET_HOST hostaddr=127.0.0.1 dbname=fleet user=$role sslmode=verify-full" \
		"sslrootcert=$NMS/tls/ca.crt passfile=$FLEET/pgpass $*"
}

# The configuration of a node, and the row of it in the password file.
ctmeter_ship_conf() { # NODE [ROLE [CONNINFO...]]
	local n=$1 role=${2:-node-$1}
	shift; [ $# -eq 0 ] || shift
	cat >"$FLEET/$n.conf" <<-END
		[ledger]
		path = $FLEET/$n/ledger.db
		[ship]
		database = $(fleet_conninfo "$role" "$@")
		node = node-$n.example
		rate = ${FLEET_RATE:-1000000}
	END
}

# The moment up to which ledgers are written: in the middle of an hour, some hours ago.
fleet_now() { echo $(($(date +%s) / 3600 * 3600 - 3 * 3600 + 700)); }

fleet_nodes() { # COUNT DAYS: sets FLEET_NOW, FLEET_DAYS, FLEET_COUNT; writes $FLEET/truth
	local n
	FLEET_COUNT=$1 FLEET_DAYS=$2 FLEET_NOW=$(fleet_now)
	"$B/tests/fleet/fleetgen" "$FLEET" "$1" "$2" "$FLEET_NOW" >"$FLEET/truth" || fail 'fleetgen'
	for ((n = 0; n < $1; n++)); do
		echo "*:*:*:node-$n:secret-$n" >>"$FLEET/pgpass"
		echo "CREATE ROLE \"node-$n\" LOGIN PASSWORD 'secret-$n' IN ROLE ctmeter_node;"
		ctmeter_ship_conf "$n"
	done >"$FLEET/roles.sql"
	echo '*:*:*:outsider:outsider' >>"$FLEET/pgpass"
	chmod 600 "$FLEET/pgpass"
	# A cheap hash: hundreds of nodes of this test share two processors.
	{ echo 'SET password_encryption = "scram-sha-256";'; cat "$FLEET/roles.sql"; } |
		psql -h "$NMS/pg" -U postgres -qX -v ON_ERROR_STOP=1 fleet >/dev/null || fail 'the roles of the nodes'
}

fleet_ship() { "$B/ctmeter" -c "$FLEET/$1.conf" ship "${@:2}"; } # NODE [OPTION...]

# On another machine, or after another boot of one. NUMBER is hexadecimal.
fleet_elsewhere() { # MACHINE-NUMBER BOOT-NUMBER NODE [OPTION...]
	printf '%032x\n' "$((16#$1))" >"$FLEET/machine-id"
	printf '%08x-0000-4000-8000-000000000000\n' "$((16#$2))" >"$FLEET/boot-id"
	unshare --mount "$BASH" -c '
		[ -e /etc/machine-id ] || : >/etc/machine-id
		mount --bind "$1/machine-id" /etc/machine-id &&
		mount --bind "$1/boot-id" /proc/sys/kernel/random/boot_id && exec "${@:2}"' \
		bash "$FLEET" "$B/ctmeter" -c "$FLEET/$3.conf" ship "${@:4}"
}

# Several nodes at once; prints how many runs failed. While one runs, $FLEET/pids/NODE.* has its pid.
fleet_ship_all() { # AT-ONCE [OPTION...]
	local at_once=$1
	shift
	mkdir -p "$FLEET/pids"
	# shellcheck disable=SC2016 # for the inner shell
	seq 0 $((FLEET_COUNT - 1)) | xargs -P "$at_once" -I{} sh -c '
		dir=$0; "$@" 2>>"$dir/ships.err" >>"$dir/ships.out" & echo $! >"$dir/pids/{}.$$"
		wait $! || echo {}; rm "$dir/pids/{}.$$"' \
		"$FLEET" "$B/ctmeter" -c "$FLEET/{}.conf" ship "$@" | wc -l
}

# ---- comparing ------------------------------------------------------------------------------

fleet_customers() {
	awk '$1 == "O" { print $3 }' "$FLEET/truth" | sort -u | fleet_sql -c 'COPY ctmeter.customer (name) FROM STDIN'
	sed -n 's/\\/\\\\/g; s/^O \(.*\) \([^ ]*\)$/\1\t\2/p' "$FLEET/truth" |
		fleet_sql -c 'CREATE TEMP TABLE o (container text, name text)' -c 'COPY o FROM STDIN' \
			-c 'INSERT INTO ctmeter.owns (customer, container) SELECT c.id, o.container FROM o JOIN ctmeter.customer c USING (name)'
}

# The whole time, as arguments of the functions.
fleet_window() { echo "to_timestamp($((FLEET_NOW - FLEET_DAYS * 86400)) / 3600 * 3600), to_timestamp($FLEET_NOW / 3600 * 3600)"; }

# "0 of N differ" by address and by customer, and the octets by which they do.
fleet_errors() { # A|C
	local by=address name='host(ip)'
	[ "$1" = A ] || { by=customer name=customer; }
	fleet_sql -F ' ' -c "SELECT '$1', $name, in_octets, out_octets, node_in_octets, node_out_octets
		FROM ctmeter.usage_by_$by($(fleet_window))" | sort >"$FLEET/got"
	grep "^$1 " "$FLEET/truth" | grep -v ' 0 0 0 0$' | sort >"$FLEET/wanted"
	awk 'NR == FNR { w[$2] = $3 + $4 + $5 + $6; line[$2] = $0; n++; next }
		{ seen[$2] = 1; if ($0 != line[$2]) { bad++; d = $3 + $4 + $5 + $6 - w[$2]; off += d < 0 ? -d : d } }
		END { for (k in line) if (!(k in seen)) { bad++; off += w[k] }
			printf "%d of %d differ, by %.0f octets\n", bad, n, off }' "$FLEET/wanted" "$FLEET/got"
}
assert_exact() { # LABEL
	assert_match "$1: addresses" '^0 of [1-9][0-9]* differ, by 0 octets$' "$(fleet_errors A)"
	[ -n "$FLEET_NO_CUSTOMERS" ] || assert_match "$1: customers" '^0 of [1-9][0-9]* differ, by 0 octets$' "$(fleet_errors C)"
}
FLEET_NO_CUSTOMERS=

fleet_end() { nms_end; }
