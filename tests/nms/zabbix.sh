# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Zabbix for tests: PostgreSQL, zabbix_server and the frontend of Debian's packages inside the lab,
# and the calls of its API that a test needs. Source it after nms.sh; nms_enter comes first.
#
# 1. All private: the cluster and its socket are below $NMS, /etc/zabbix is a copy.
# 2. What is asserted is read through the API, as a user's own scripts would read it.

ZBX_PORT=8080 # of the frontend
ZBX_URL=http://127.0.0.1:$ZBX_PORT
ZBX_SQL=/usr/share/zabbix-server-pgsql
ZBX_TOKEN=
ZBX_USER=Admin # as data.sql has it
ZBX_PASSWORD=zabbix

zbx_needs() {
	local module
	nms_needs zabbix-server-pgsql:zabbix_server "zabbix-server-pgsql:$ZBX_SQL/data.sql.gz" \
		zabbix-frontend-php:/usr/share/zabbix/api_jsonrpc.php php-cli:php postgresql:psql \
		snmptrapd:snmptrapd curl:curl jq:jq chromium:chromium python3:/usr/bin/python3 \
		python3-yaml:/usr/lib/python3/dist-packages/yaml/__init__.py
	for module in pgsql bcmath mbstring gd xmlreader; do
		php -m | grep -qx "$module" || skip "PHP lacks $module"
	done
}

# ---- servers --------------------------------------------------------------------------------

zbx_psql() { psql -h "$NMS/pg" -qtAX -v ON_ERROR_STOP=1 "$@"; }

zbx_start_postgres() {
	local bin file
	bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	install -d -o postgres "$NMS/pg"
	nms_as postgres "$bin/initdb" -D "$NMS/pg/data" -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
		>"$NMS/initdb.log" 2>&1 || fail "initdb: $(tail -n 5 "$NMS/initdb.log")"
	nms_start postgres postgres "$bin/postgres" -D "$NMS/pg/data" -k "$NMS/pg" -h '' \
		-c fsync=off -c full_page_writes=off -c synchronous_commit=off
	nms_await postgres 60 zbx_psql -U postgres -c 'SELECT 1' postgres || return 1
	zbx_psql -U postgres -c 'CREATE ROLE zabbix LOGIN' -c 'CREATE DATABASE zabbix OWNER zabbix' postgres
	for file in schema images data; do
		zcat "$ZBX_SQL/$file.sql.gz" | zbx_psql -U zabbix zabbix >/dev/null 2>"$NMS/sql.log" ||
			fail "$file.sql: $(tail -n 5 "$NMS/sql.log")"
	done
}

# The server looks for changed configuration every second; a real one does so every minute.
zbx_start_server() {
	install -d -o zabbix "$NMS/zabbix"
	cat >"$NMS/zabbix_server.conf" <<-END
		ListenIP=127.0.0.1
		LogType=console
		PidFile=$NMS/zabbix/server.pid
		SocketDir=$NMS/zabbix
		DBHost=$NMS/pg
		DBName=zabbix
		DBUser=zabbix
		CacheUpdateFrequency=1
		StartPollers=3
		StartPingers=0
		StartHTTPPollers=0
		StartDiscoverers=0
		StartReportWriters=0
		HousekeepingFrequency=0
		StartSNMPTrapper=1
		SNMPTrapperFile=$NMS/traps/traps
	END
	nms_start zabbix_server zabbix zabbix_server -f -c "$NMS/zabbix_server.conf"
	nms_await zabbix_server 60 nms_listens 10051
}

# What receives notifications and hands them to the server, set up as docs/zabbix.md says.
zbx_start_snmptrapd() { # PORT
	install -d -o Debian-snmp "$NMS/traps"
	install -o Debian-snmp -m 644 /dev/null "$NMS/traps/traps"
	# snmptrapd takes no path with a blank.
	install -m 755 "$LAB_TOP/conf/zabbix/zabbix-traphandle.sh" "$NMS/traphandle"
	cat >"$NMS/snmptrapd.conf" <<-END
		authCommunity log,execute $COMMUNITY
		[snmp] printNumericOids yes
		[snmp] mibs :
		traphandle default $NMS/traphandle $NMS/traps/traps
	END
	SNMP_PERSISTENT_DIR=$NMS/traps MIBS='' nms_start snmptrapd Debian-snmp \
		snmptrapd -f -Lo -C -c "$NMS/snmptrapd.conf" "udp:127.0.0.1:$1"
	nms_await snmptrapd 20 grep -q 'NET-SNMP version' "$NMS/snmptrapd.log"
}

# Debian's frontend reads /etc/zabbix/zabbix.conf.php.
zbx_start_frontend() {
	local ini=() setting
	install -d -o www-data "$NMS/sessions"
	nms_cover /etc/zabbix
	cat >/etc/zabbix/zabbix.conf.php <<-END
		<?php
		\$DB['TYPE'] = 'POSTGRESQL';
		\$DB['SERVER'] = '$NMS/pg';
		\$DB['PORT'] = '0';
		\$DB['DATABASE'] = 'zabbix';
		\$DB['USER'] = 'zabbix';
		\$DB['PASSWORD'] = '';
		\$DB['SCHEMA'] = '';
		\$DB['ENCRYPTION'] = false;
		\$DB['DOUBLE_IEEE754'] = true;
		\$ZBX_SERVER = '127.0.0.1';
		\$ZBX_SERVER_PORT = '10051';
		\$ZBX_SERVER_NAME = 'lab';
		\$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
	END
	for setting in post_max_size=16M max_execution_time=300 max_input_time=300 memory_limit=256M \
		"session.save_path=$NMS/sessions" date.timezone=UTC; do
		ini+=(-d "$setting")
	done
	PHP_CLI_SERVER_WORKERS=4 nms_start frontend www-data \
		php "${ini[@]}" -S "127.0.0.1:$ZBX_PORT" -t /usr/share/zabbix
	nms_await frontend 30 zbx_login
}

# Everything, as tests want it: a language that needs no locale of the machine, no host of Zabbix's
# own, dashboards without frame and time selector.
zbx_start() {
	zbx_start_postgres && zbx_start_server && zbx_start_frontend || return 1
	zbx settings.update '{"default_lang": "en_GB"}' >/dev/null || fail 'settings.update'
	zbx host.update "{\"hostid\": \"$(zbx_id host 'Zabbix server')\", \"status\": 1}" >/dev/null ||
		fail 'the host that Zabbix brings cannot be switched off'
	zbx_psql -U zabbix zabbix -c "INSERT INTO profiles (profileid, userid, idx, value_int, type)
		VALUES (900001, 1, 'web.layout.mode', 1, 2), (900002, 1, 'web.dashboard.filter.active', 0, 2)"
}

# ---- the API --------------------------------------------------------------------------------

# One call; prints its result as JSON, or says what the API said and fails.
zbx() { # METHOD PARAMS-AS-JSON
	local answer
	answer=$(jq -nc --arg m "$1" --argjson p "$2" --arg t "$ZBX_TOKEN" \
		'{jsonrpc: "2.0", id: 1, method: $m, params: $p} + if $t == "" then {} else {auth: $t} end' |
		curl -sS --max-time 60 -H 'Content-Type: application/json-rpc' --data-binary @- \
			"$ZBX_URL/api_jsonrpc.php") || return 1
	if ! jq -ec 'select(has("result")) | .result' <<<"$answer"; then
		echo "$1: ${answer:0:2000}" >&2
		return 1
	fi
}

zbx_login() {
	ZBX_TOKEN=
	ZBX_TOKEN=$(zbx user.login "$(jq -nc --arg u "$ZBX_USER" --arg p "$ZBX_PASSWORD" \
		'{username: $u, password: $p}')" | jq -r .) && [ -n "$ZBX_TOKEN" ]
}

# The whole file counts, as with all boxes ticked in the frontend's form.
zbx_import() { # FILE.yaml
	zbx configuration.import "$(jq -nc --rawfile source "$1" '
		{createMissing: true, updateExisting: true} as $both |
		{format: "yaml", source: $source, rules: {groups: $both, templates: $both,
			templateDashboards: $both, valueMaps: $both, items: $both, discoveryRules: $both,
			triggers: $both, graphs: $both}}')" >/dev/null
}

zbx_id() { # THING NAME: the id of a template, host or hostgroup
	local key=host
	[ "$1" != hostgroup ] || key=name
	zbx "$1.get" "{\"filter\": {\"$key\": \"$2\"}}" | jq -er ".[0].${1/hostgroup/group}id"
}

# INTERFACE is what an SNMP interface adds to its address: {"version": ...}.
zbx_host() { # NAME TEMPLATE INTERFACE-JSON MACROS-JSON
	zbx host.create "$(jq -nc --arg name "$1" --arg template "$(zbx_id template "$2")" \
		--arg group "$(zbx_id hostgroup 'Discovered hosts')" --argjson details "$3" --argjson macros "$4" \
		'{host: $name, groups: [{groupid: $group}], templates: [{templateid: $template}],
		interfaces: [{type: 2, main: 1, useip: 1, ip: "127.0.0.1", dns: "", port: "161", details: $details}],
		macros: ($macros | to_entries | map({macro: .key, value: .value}))}')" >/dev/null
}

zbx_macro() { # HOST MACRO VALUE: set one, or change it
	local host id
	host=$(zbx_id host "$1")
	id=$(zbx usermacro.get "$(jq -nc --arg h "$host" --arg m "$2" '{hostids: $h, filter: {macro: $m}}')" |
		jq -r '.[0].hostmacroid // empty')
	if [ -n "$id" ]; then
		zbx usermacro.update "$(jq -nc --arg i "$id" --arg v "$3" '{hostmacroid: $i, value: $v}')"
	else
		zbx usermacro.create "$(jq -nc --arg h "$host" --arg m "$2" --arg v "$3" \
			'{hostid: $h, macro: $m, value: $v}')"
	fi >/dev/null
}

zbx_items() { # HOST [FILTER-JSON]: its items
	zbx item.get "$(jq -nc --arg host "$1" --argjson filter "${2:-{\}}" '{host: $host, filter: $filter,
		output: ["itemid", "key_", "state", "error", "lastvalue", "lastclock", "value_type", "name"]}')"
}

zbx_item() { zbx_items "$1" "$(jq -nc --arg k "$2" '{key_: $k}')" | jq -er ".[0].${3:-lastvalue}"; } # HOST KEY [FIELD]
zbx_item_is() { [ "$(zbx_item "$1" "$2")" = "$3" ]; } # HOST KEY VALUE

# "KEY: ERROR" of items that do not work.
zbx_unsupported() { zbx_items "$1" '{"state": 1}' | jq -r '.[] | "\(.key_): \(.error)"'; } # HOST
zbx_all_supported() { [ -z "$(zbx_unsupported "$1")" ]; }

# Poll these items at once.
zbx_poll_now() { # HOST KEY...
	local host=$1 key
	shift
	for key; do zbx_item "$host" "$key" itemid; done |
		jq -Rsc 'split("\n") | map(select(. != "") | {type: 6, request: {itemid: .}})' >"$NMS/tasks"
	zbx task.create "$(<"$NMS/tasks")" >/dev/null
}

# The history of an item, oldest first: [{clock, ns, value}].
zbx_history() { # HOST KEY
	local item
	item=$(zbx_items "$1" "$(jq -nc --arg k "$2" '{key_: $k}')" | jq -c '.[0]')
	zbx history.get "$(jq -c '{itemids: .itemid, history: (.value_type | tonumber), output: "extend",
		sortfield: "clock"}' <<<"$item")" | jq -c 'sort_by([(.clock | tonumber), (.ns | tonumber)])'
}

# What a history of bits per second amounts to, in octets: each rate times the time since the value
# before. Prints "OCTETS SECONDS VALUES", SECONDS those with a rate above 0.
zbx_integral() { # HOST KEY
	zbx_history "$1" "$2" | jq -r '
		map({clock: (.clock | tonumber), ns: (.ns | tonumber), bps: (.value | tonumber)}) as $h |
		[range(1; $h | length) | {bps: $h[.].bps,
			s: ($h[.].clock - $h[. - 1].clock + ($h[.].ns - $h[. - 1].ns) / 1e9)}] |
		"\(map(.bps * .s / 8) | add) \(map(select(.bps > 0).s) | add // 0) \(length)"'
}

# "KEY VALUE" of all items, for many look-ups at one stroke.
zbx_values() { zbx_items "$1" | jq -r '.[] | "\(.key_) \(.lastvalue)"' | sort; } # HOST

# Names of the problems of a host that are not over.
zbx_problems() { # HOST
	zbx problem.get "$(jq -nc --arg h "$(zbx_id host "$1")" '{hostids: $h, output: ["name"]}')" |
		jq -r '.[].name' | sort
}
zbx_problems_are() { # HOST [NAME...]: these and no others
	local host=$1 all
	shift
	all=$(zbx_problems "$host") && [ "$all" = "$([ $# -eq 0 ] || printf '%s\n' "$@" | sort)" ]
}
assert_problems() { # LABEL HOST [NAME...]: within a minute
	local label=$1
	shift
	if await 60 zbx_problems_are "$@"; then pass
	else fail "$label: not the problems wanted (${*:2}), but: $(zbx_problems "$1" | paste -sd ,)"; fi
}

# The frontend's page, logged in.
zbx_page() { # REQUEST
	jq -rn --arg url "$ZBX_URL" --arg user "$ZBX_USER" --arg password "$ZBX_PASSWORD" --arg request "$1" '
		"\($url)/index.php?name=\($user)&password=\($password)&autologin=1&enter=Sign%20in" +
		"&request=\($request | @uri)"'
}

zbx_dashboard() { # HOST TEMPLATE FROM: the page of the template's first dashboard on the host
	local host board
	host=$(zbx_id host "$1")
	board=$(zbx templatedashboard.get "{\"templateids\": \"$(zbx_id template "$2")\"}" |
		jq -er '.[0].dashboardid')
	zbx_page "zabbix.php?action=host.dashboard.view&hostid=$host&dashboardid=$board&from=$3&to=now"
}
