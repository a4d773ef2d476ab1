# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A private Cacti, as Debian's packages bring it: MariaDB on a socket of its own, a database, the
# stock templates of an SNMP device, the web pages. Sourced after nms.sh.
#
# 1. What the package has in /etc/cacti, /var/lib/cacti and /var/log/cacti, and the folder where
#    data queries are put, is covered by copies below $NMS in the lab's own mount namespace.
# 2. cacti_hurry makes it poll every 10 s, and its "5 minute" profile one of 10 s, so that a test
#    sees in two minutes what an operator sees in an hour. Nothing else differs from a new Cacti.

CACTI=/usr/share/cacti
CACTI_URL=http://127.0.0.1:8080/cacti

cacti_sql() { mariadb --no-defaults -S "$NMS/mysql.sock" -uroot -BN "${1:-cacti}"; } # [DATABASE]
cacti_ask() { cacti_sql <<<"$1"; } # QUERY: its rows, columns apart by tabs

# A script of Cacti's, as the user it runs as; its own directory is where an operator stands.
cacti_php() { nms_as www-data php "$@"; } # SCRIPT ARGUMENT...
cacti_cli() { cacti_php "$CACTI/cli/$1" "${@:2}"; } # SCRIPT ARGUMENT...

# The number that a listing of Cacti's gives to NAME.
cacti_id() { # NAME SCRIPT LISTING-OPTION...
	cacti_cli "${@:2}" --quiet | awk -F '\t' -v name="$1" '$2 == name { print $1 }'
}

cacti_database() { # PASSWORD
	local dir=$NMS/mysql
	install -d -o mysql "$dir"
	nms_as mysql mariadb-install-db --no-defaults --datadir="$dir" --skip-test-db \
		--auth-root-authentication-method=normal >"$NMS/mysql.log" 2>&1
	nms_start mysql mysql /usr/sbin/mariadbd --no-defaults --datadir="$dir" \
		--socket="$NMS/mysql.sock" --skip-networking --innodb-flush-log-at-trx-commit=0 \
		--character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci
	nms_await mysql 60 cacti_database_answers || return
	cacti_sql mysql <<-END
		CREATE DATABASE cacti;
		CREATE USER cacti@localhost IDENTIFIED BY '$1';
		GRANT ALL ON cacti.* TO cacti@localhost;
		GRANT SELECT ON mysql.time_zone_name TO cacti@localhost;
	END
	cacti_sql </usr/share/doc/cacti/cacti.sql
}
cacti_database_answers() { cacti_sql mysql <<<'SELECT 1'; }

# What the package does once dbconfig has made a database; and guests may look at graphs, and no
# network is searched for devices.
cacti_install() { # TEMPLATE PACKAGE...
	local package
	cacti_sql <<-END
		UPDATE version SET cacti = '$(<"$CACTI/site/include/cacti_version")';
		INSERT INTO settings (name, value) VALUES ('rrdtool_version', '1.7.2'), ('guest_user', 'guest');
		UPDATE user_auth SET enabled = 'on' WHERE username = 'guest';
		UPDATE automation_networks SET enabled = '';
	END
	for package; do
		cacti_cli import_package.php --filename="$CACTI/site/install/templates/$package.xml.gz"
	done >"$NMS/install.log" 2>&1
}

# Returns when the database is filled and the pages are served.
cacti_start() { # TEMPLATE PACKAGE...
	local password=$RANDOM$RANDOM
	nms_cover /var/lib/cacti /var/log/cacti /etc/cacti "$CACTI/resource/snmp_queries"
	sed -e 's/_DBC_DBNAME_/cacti/; s/_DBC_DBUSER_/cacti/; s/_DBC_DBPORT_/3306/' \
		-e "s|_DBC_DBSERVER_|$NMS/mysql.sock|; s/_DBC_DBPASS_/$password/" \
		"$CACTI/conf_templates/debian.php.dist" >/etc/cacti/debian.php
	cacti_database "$password" || return
	cacti_install "$@"
	mkdir "$NMS/www"
	ln -s "$CACTI/site" "$NMS/www/cacti"
	nms_start web www-data php -S 127.0.0.1:8080 -t "$NMS/www"
	nms_await web 10 nms_listens 8080
}

# After the templates are imported, before a data source is made.
cacti_hurry() {
	cacti_sql <<-END
		INSERT INTO settings (name, value) VALUES ('cron_interval', '60'), ('poller_interval', '10');
		UPDATE data_source_profiles SET step = 10 WHERE id = 1;
		UPDATE data_template_data SET rrd_step = 10;
	END
}

# What cron does: the poller, again and again; each run polls six times, every 10 s.
cacti_cron_start() {
	nms_start cron www-data sh -c "while :; do php $CACTI/site/poller.php; done"
}

# The file of a data source, by the end of its name.
cacti_rrd() { # DEVICE-ID NAME-END
	local path
	path=$(cacti_ask "SELECT data_source_path FROM data_template_data d, data_local l
		WHERE l.id = d.local_data_id AND l.host_id = $1 AND d.name_cache LIKE '%- $2'")
	echo "${path/<path_rra>//var/lib/cacti/rra}"
}

# The raw counters that rrdtool was given last: "IN OUT".
cacti_last() { rrdtool lastupdate "$1" | sed -n 's/^[0-9]*: //p'; } # FILE

# Wait until FILE is there and has been updated COUNT times more.
cacti_updates() { # FILE COUNT
	local last i
	cacti_updated() { [ "$(rrdtool last "$1")" -gt "$last" ]; }
	await 60 test -s "$1" || { fail "no $1"; return 1; }
	for ((i = 0; i < $2; i++)); do
		last=$(rrdtool last "$1")
		await 60 cacti_updated "$1" || { fail "$1 is not updated"; return 1; }
	done
}

# Octets between two times as the file has them: averages times their step.
cacti_sum() { # FILE START END: "IN OUT", rounded
	rrdtool fetch "$1" AVERAGE -r 10 -s "$2" -e "$3" | awk '
		$2 ~ /^[0-9]/ { in_ += $2 * 10; out += $3 * 10 }
		END { printf "%.0f %.0f\n", in_, out }'
}

# The graph of a device whose title ends so.
cacti_graph() { # DEVICE-ID TITLE-END
	cacti_ask "SELECT l.id FROM graph_local l, graph_templates_graph g
		WHERE g.local_graph_id = l.id AND l.host_id = $1 AND g.title_cache LIKE '%- $2'"
}

# A graph's page, as somebody sees it who has chosen these times.
cacti_picture() { # GRAPH START END FILE.png
	local query="action=zoom&local_graph_id=$1&rra_id=0&view_type=&graph_start=$2&graph_end=$3"
	nms_screenshot "$CACTI_URL/graph.php?$query&graph_width=700&graph_height=200" "$4" 900,480 15000
}
