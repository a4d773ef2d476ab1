#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Cacti polls a node: containers as ports with what every Cacti has, and addresses with our own
# templates. What rrdtool was given equals what was sent; so do the totals that Cacti draws.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/nms/nms.sh
. "$(dirname "$0")/nms.sh"
# shellcheck source=tests/nms/cacti.sh
. "$(dirname "$0")/cacti.sh"
nms_needs cacti:/usr/share/doc/cacti/cacti.sql mariadb-server:mariadb-install-db php-cli:php \
	php-mysql:/usr/share/doc/php-mysql php-gd:/usr/share/doc/php-gd rrdtool:rrdtool \
	chromium:chromium
nms_enter "$@"
TEMPLATES=$CACTI/resource/snmp_queries/ctmeter_templates.xml
HERE=$(dirname "$0")
AUTH=auth-$RANDOM$RANDOM PRIV=priv-$RANDOM$RANDOM # of the user that the README makes

# Graphs of every row whose FIELD matches REGEX, of one of a data query's kinds.
add_graphs() { # DEVICE QUERY KIND TEMPLATE FIELD REGEX
	local query kind template
	query=$(cacti_id "$2" add_graphs.php --list-snmp-queries)
	kind=$(cacti_id "$3" add_graphs.php --snmp-query-id="$query" --list-query-types)
	template=$(cacti_id "$4" add_graphs.php --list-graph-templates)
	cacti_cli add_graphs.php --graph-type=ds --host-id="$1" --snmp-query-id="$query" \
		--snmp-query-type-id="$kind" --graph-template-id="$template" \
		--snmp-field="$5" --snmp-value-regex="$6" | grep -c '^Graph Added'
}

add_device() { # NAME TEMPLATE OPTION...: its id
	cacti_cli add_device.php --description="$1" --ip=127.0.0.1 "${@:3}" --avail=snmp --proxy \
		--timeout=2000 --template="$(cacti_id "$2" add_device.php --list-host-templates)" |
		sed -n 's/^Success - new device-id: (\([0-9]*\))$/\1/p'
}

nms_lab "createUser ctmeter SHA-256 $AUTH AES $PRIV" 'group v3Group usm ctmeter'
nms_traffic # so that counters and what is sent while Cacti looks differ
cacti_start Generic_SNMP_Device

step 'our templates: what is imported is what is kept in conf/cacti'
cp "$B"/conf/cacti/*.xml "$CACTI/resource/snmp_queries"
said=$(cacti_cli import_template.php --with-profile --filename="$TEMPLATES")
assert_eq 'imported' 7 "$(grep -c '^\[success\] ctmeter.*\[new\]' <<<"$said")"
assert_eq 'exported again' '' \
	"$(cacti_php "$HERE/cacti_export.php" 'ctmeter node' | diff "$TEMPLATES" - | head -n 20)"
cacti_hurry

step 'devices: the node by our template, its containers by the stock one'
v3=(--version=3 --username=ctmeter --authproto=SHA256 --password="$AUTH" --privproto=AES128
	--privpass="$PRIV" --context=containers)
NODE=$(add_device node1 'ctmeter node' --version=2 --community="$COMMUNITY")
PORTS=$(add_device 'node1 containers' 'Generic SNMP Device' --version=2 \
	--community="$COMMUNITY-ct")
PORTS_V3=$(add_device 'node1 by SNMPv3' 'Generic SNMP Device' "${v3[@]}")
for query in 'ctmeter - Containers' 'ctmeter - Addresses'; do
	assert_ok "$query: new rows are seen" cacti_cli add_data_query.php --host-id="$NODE" \
		--data-query-id="$(cacti_id "$query" add_graphs.php --list-snmp-queries)" \
		--reindex-method=index
done

step 'graphs'
for kind in Traffic 'Traffic with the node' Packets; do
	template="ctmeter - ${kind%% *}"
	assert_eq "$kind of addresses" 6 \
		"$(add_graphs "$NODE" 'ctmeter - Addresses' "$kind" "$template" ctmAddressLabel .)"
	assert_eq "$kind of containers" 3 \
		"$(add_graphs "$NODE" 'ctmeter - Containers' "$kind" "$template" ctmContainerIdText .)"
done
for device in "$PORTS" "$PORTS_V3"; do
	assert_eq 'ports that are up' 3 "$(add_graphs "$device" 'SNMP - Interface Statistics' \
		'In/Out Bits (64-bit)' 'Interface - Traffic (bits/sec)' ifOperStatus Up)"
done

step 'two minutes of traffic'
first=$(cacti_rrd "$NODE" '101 192.0.2.101 - Traffic')
declare -A BEFORE=()
for key in "${!BOOK[@]}"; do BEFORE[$key]=${BOOK[$key]}; done
cacti_cron_start
cacti_updates "$first" 2 # the first rate that is known must be 0
BEGAN=$(rrdtool last "$first")
for factor in 1 3 2 5 8 6 7 4 2; do
	nms_traffic $factor
	cacti_updates "$first" 1
done
cacti_updates "$first" 3 # two may be seconds apart, and the last 10 s of traffic must be over
ENDED=$(rrdtool last "$first")

# What rrdtool was given last is what was sent in all; what it drew, what was sent meanwhile.
# WANTED and EARLIER: "IN OUT".
assert_file() { # LABEL FILE WANTED EARLIER
	local wanted earlier
	read -ra wanted <<<"$3"
	read -ra earlier <<<"$4"
	assert_eq "$1: rrdtool lastupdate" "$3" "$(cacti_last "$2")"
	assert_eq "$1: rrdtool fetch" "$((wanted[0] - earlier[0])) $((wanted[1] - earlier[1]))" \
		"$(cacti_sum "$2" $((BEGAN - 20)) $((ENDED + 20)))"
}
booked() { # CTID ADDR fwd|node UNIT: "IN OUT" of the book
	echo "${BOOK["$1 $2 $3-in.$4"]:-0} ${BOOK["$1 $2 $3-out.$4"]:-0}"
}
in_before() { # FUNCTION ARG...: of the book as it was
	local -A BOOK=()
	local key
	for key in "${!BEFORE[@]}"; do BOOK[$key]=${BEFORE[$key]}; done
	"$@"
}
assert_booked() { # ROW KIND CTID ADDR fwd|node UNIT
	assert_file "$1, $2" "$(cacti_rrd "$NODE" "$1 - $2")" "$(booked "${@:3}")" \
		"$(in_before booked "${@:3}")"
}
assert_row() { # ROW CTID ADDR
	assert_booked "$1" Traffic "$2" "$3" fwd octets
	assert_booked "$1" 'Traffic with the node' "$2" "$3" node octets
	assert_booked "$1" Packets "$2" "$3" fwd pkts
}

step 'addresses and containers, by our templates'
for a in "${LAB_ADDRESSES[@]}"; do assert_row "${LAB_OWNER[$a]} $a" "${LAB_OWNER[$a]}" "$a"; done
assert_row '101 web.example' 101 -
assert_row '102 db.example' 102 -
assert_row '103 mail.example' 103 -

step 'ports, by the stock template'
port_octets() { echo "$(nms_octets "$1" - in) $(nms_octets "$1" - out)"; } # CTID
for ct in 101 102 103; do
	for device in "$PORTS" "$PORTS_V3"; do
		assert_file "port ct$ct" "$(cacti_rrd "$device" "ct$ct")" "$(port_octets $ct)" \
			"$(in_before port_octets $ct)"
	done
done

step 'no counter that goes back is ever drawn as traffic'
for ds in octets_in octets_out; do
	assert_eq "$ds" '"DERIVE" 0.0000000000e+00' "$(rrdtool info "$first" |
		awk -v ds="ds[$ds]" '$1 == ds ".type" || $1 == ds ".min" { print $3 }' | xargs -d '\n')"
done

step 'what Cacti draws'
graph=$(cacti_graph "$NODE" '101 192.0.2.101 - Traffic')
legend=$(cacti_php "$HERE/cacti_legend.php" "$graph" $((BEGAN - 20)) "$ENDED")
megabytes() { # in|out: sent since Cacti looks, as a legend says it
	local key="101 192.0.2.101 fwd-$1.octets"
	awk -v n=$((BOOK[$key] - BEFORE[$key])) 'BEGIN { print int(n / 1000 + 0.5) / 1000 " MB" }'
}
legend=$(grep -E 'Total|95th: ' <<<"$legend")
assert_match 'total in' "Total in: +$(megabytes in)" "$legend"
assert_match 'total out' "Total out: +$(megabytes out)" "$legend"
assert_match '95th percentile' '95th: [0-9.]*[1-9][0-9.]* Mbit/s' "$legend"
cacti_picture "$graph" $((BEGAN - 20)) "$ENDED" cacti-address.png
cacti_picture "$(cacti_graph "$PORTS" web.example)" $((BEGAN - 20)) "$ENDED" cacti-port.png
assert_ge 'green of In at an address' 5000 "$(nms_pixels cacti-address.png 00CF00)"
assert_ge 'green of Inbound at a port' 5000 "$(nms_pixels cacti-port.png 7CE67C)"

step 'a new container is found by itself'
known() { # DEVICE FIELD VALUE
	[ "$(cacti_ask "SELECT COUNT(*) FROM host_snmp_cache
		WHERE host_id = $1 AND field_name = '$2' AND field_value = '$3'")" = 1 ]
}
lab_inventory_usual '104 192.0.2.104 name=new.example state=running'
assert_await 'its address' 120 known "$NODE" ctmAddressLabel '104 192.0.2.104'
assert_await 'its name' 30 known "$NODE" ctmContainerName new.example

nms_end
