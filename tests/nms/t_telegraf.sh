#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Telegraf is not in Debian, InfluxDB is: the node is polled by our Telegraf configuration as
# Telegraf would (telegraf_poll.py), what comes goes into a real InfluxDB, and the queries of
# docs/telegraf.md must give what was sent.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/nms/nms.sh
. "$(dirname "$0")/nms.sh"
nms_needs python3:/usr/bin/python3 influxdb:influxd curl:curl jq:jq
nms_enter "$@"
INFLUX=127.0.0.1:8086
/usr/bin/python3 -c 'import tomllib' 2>/dev/null || skip 'this python3 has no tomllib'

# Ours, of this node, with the switch view's half in force.
telegraf_config() {
	sed -e '/^#\[\[inputs.snmp\]\]/,$ s/^#//' -e "s/node1\.example:161/127.0.0.1:$SNMP_PORT/" \
		-e "s/\"COMMUNITY-ports\"/\"$COMMUNITY-ct\"/; s/\"COMMUNITY\"/\"$COMMUNITY\"/" \
		"$B/conf/telegraf/ctmeter.conf"
}

influx_start() {
	install -d -o influxdb "$NMS/influx"
	cat >"$NMS/influx.conf" <<-END
		reporting-disabled = true
		bind-address = "127.0.0.1:8088"
		[meta]
		dir = "$NMS/influx/meta"
		[data]
		dir = "$NMS/influx/data"
		wal-dir = "$NMS/influx/wal"
		[http]
		bind-address = "$INFLUX"
		[monitor]
		store-enabled = false
	END
	nms_start influx influxdb influxd run -config "$NMS/influx.conf"
	nms_await influx 30 curl -sf "$INFLUX/ping"
	curl -sf "$INFLUX/query" --data-urlencode 'q=CREATE DATABASE telegraf' >/dev/null
}

# Poll and store as of so many seconds ago, and take down the octets sent until then.
poll() { # SECONDS
	local ct
	book_check "$1 s ago, served"
	if ! /usr/bin/python3 telegraf_poll.py "$NMS/ctmeter.conf" $((NOW - $1)) >"$NMS/points" 2>"$NMS/fault"; then
		fail "poll: $(tail -n 1 "$NMS/fault")"
	fi
	for ct in 101 102 103; do
		SENT["$ct in $1"]=${BOOK["$ct - fwd-in.octets"]:-0}
		SENT["$ct out $1"]=${BOOK["$ct - fwd-out.octets"]:-0}
	done
	assert_eq "points stored, $1 s ago" 204 "$(curl -s -o /dev/null -w '%{http_code}' \
		"$INFLUX/write?db=telegraf&precision=s" --data-binary "@$NMS/points")"
}

# The query of that number in the page.
query() { # NUMBER
	awk -v n="$1" '/^```$/ { on = 0 } on { print } /^```sql$/ { on = ++count == n }' \
		"$LAB_TOP/docs/telegraf.md"
}

# "CTID VALUE..." of each series' last row.
ask() { # INFLUXQL
	curl -sG "$INFLUX/query?db=telegraf" --data-urlencode "q=$1" >"$NMS/answer"
	if jq -e '.error // .results[0].error' "$NMS/answer" >/dev/null; then
		echo "$(jq -r '.error // .results[0].error' "$NMS/answer"): $1"
	fi
	jq -r '.results[0].series[]? | [.tags.container, .values[-1][1:][]] | @tsv' "$NMS/answer" |
		tr '\t' ' '
}

declare -A SENT=()
nms_lab
NOW=$(date +%s)
telegraf_config >"$NMS/ctmeter.conf"
influx_start

step 'three polls, five minutes apart to the database'
# Ten seconds before a full five minutes, so that each is the last of its five minutes.
NOW=$((NOW - NOW % 300 - 10))
nms_traffic
poll 600
assert_eq 'measurements' 'ctmeter ctmeter_address ctmeter_container ctmeter_port' \
	"$(cut -d , -f 1 "$NMS/points" | sort -u | xargs)"
assert_eq 'points' "$((1 + 3 + 6 + 3))" "$(wc -l <"$NMS/points")"
assert_match 'a container' 'ctmeter_container,container=101,name=web.example,node=127.0.0.1 ' "$(<"$NMS/points")"
assert_match 'an address' 'ctmeter_address,address=2001:db8:1::101,container=101,node=127.0.0.1 ' "$(<"$NMS/points")"
assert_match 'a port' "ctmeter_port,name=db.example,node=127.0.0.1,port=ct102 in_octets=$(nms_octets 102 - in)i," \
	"$(<"$NMS/points")"
while read -r ct a path wanted _; do
	way=${path#*-}
	field=${way%.*}_${path#*.}
	[ "${path%%-*}" = fwd ] || field=node_$field
	if [ "$a" = - ]; then row="ctmeter_container,container=$ct,"
	else row="ctmeter_address,address=$a,container=$ct,"; fi
	assert_match "$ct $a $path" "(^| |,)$field=${wanted}i(,| )" "$(grep -F "$row" "$NMS/points")"
done < <(book_lines)
nms_traffic 2
poll 300
nms_traffic 1
lab_flow 198.51.100.2 192.0.2.103 500 1000
poll 0

step 'the queries of docs/telegraf.md'
rate() { echo $(((SENT["$1 $2 $3"] - SENT["$1 $2 $4"]) * 8 / 300)); } # CTID WAY UNTIL FROM
for ct in 101 102 103; do
	ask "$(query 1)" | sed 's/\.[0-9]*$//' | grep "^$ct " >"$NMS/got"
	assert_eq "bits per second, $ct" "$ct $(rate $ct in 0 300)" "$(<"$NMS/got")"

	month=$(query 2 | sed "s/'2026-11-01'/'2020-01-01'/; s/'2026-12-01'/'2100-01-01'/")
	assert_eq "a month's octets, $ct" \
		"$ct $((SENT["$ct in 0"] - SENT["$ct in 600"])) $((SENT["$ct out 0"] - SENT["$ct out 600"]))" \
		"$(ask "$month" | grep "^$ct ")"

	one=$(rate $ct in 300 600) two=$(rate $ct in 0 300)
	assert_eq "95th percentile, $ct: the higher of two" "$ct $((one > two ? one : two))" \
		"$(ask "$(query 3)" | sed 's/\.[0-9]*$//' | grep "^$ct ")"
done
assert_eq 'quota of 1 TB' '' "$(ask "$(query 4)")"
moved() { echo $((SENT["$1 in 0"] - SENT["$1 in 600"] + SENT["$1 out 0"] - SENT["$1 out 600"])); }
assert_eq 'quota: who is over it' "103 $(moved 103)" \
	"$(ask "$(query 4 | sed "s/1000000000000/$(($(moved 103) - 1))/")")"
assert_eq 'none is not counted' '' "$(ask "$(query 5)")"
assert_eq 'six would be, were 2 another state' 6 "$(ask "$(query 5 | sed 's/<> 2/<> 3/')" | wc -l)"
assert_eq 'as many queries as tested' '' "$(query 6)"

nms_end
