#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Zabbix 6.0 polls a real node: the stock template "Interfaces by SNMP" finds containers as ports of
# the switch view (SNMPv3, context), ours finds containers and addresses (v2c); what is in their
# history is what was sent; triggers fire and recover, by polls and by notifications; the dashboard
# shows the traffic.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/nms/nms.sh
. "$(dirname "$0")/nms.sh"
# shellcheck source=tests/nms/zabbix.sh
. "$(dirname "$0")/zabbix.sh"
zbx_needs
nms_enter "$@"

OURS='ctmeter by SNMP'
STOCK='Interfaces by SNMP'
EVERY_S=2 # seconds between two polls here; minutes in the templates
CONTAINERS=(101 102 103)
declare -A IF_INDEX=()
AUTH=auth-$RANDOM$RANDOM PRIV=priv-$RANDOM$RANDOM # of the user that the README makes

# ---- what must be there ----------------------------------------------------------------------

count() { jq length; }
prototypes() { # RULE: how many items it makes of a row
	zbx itemprototype.get "{\"discoveryids\": \"$1\", \"output\": [\"name\"]}" | count
}
rule_of() { # TEMPLATE KEY
	zbx discoveryrule.get "$(jq -nc --arg t "$(zbx_id template "$1")" --arg k "$2" \
		'{templateids: $t, filter: {key_: $k}}')" | jq -er '.[0].itemid'
}
item_count_is() { [ "$(zbx_items "$1" | count)" -ge "$2" ]; } # HOST LEAST

# The key of one item of a container or an address.
ct_key() { echo "ctm.ct.$1[$2]"; } # WHAT CTID
addr_key() { echo "ctm.addr.$1[${LAB_OWNER[$2]},$2]"; } # WHAT ADDR
port_key() { # raw|bits in|out CTID: the stock template's, and our raw one beside it
	local object=ifHC${2^}Octets name=net.if.$2
	[ "$1" = bits ] || name=raw.$2
	echo "${name}[$object.${IF_INDEX[$3]}]"
}

# "KEY WANTED" of every octet counter of host node.
our_counters() {
	local ct a way
	for way in in out node.in node.out; do
		for ct in "${CONTAINERS[@]}"; do
			echo "$(ct_key "octets.$way" "$ct") $(booked "$ct" - "$way")"
		done
		for a in "${LAB_ADDRESSES[@]}"; do
			echo "$(addr_key "octets.$way" "$a") $(booked "${LAB_OWNER[$a]}" "$a" "$way")"
		done
	done
}
booked() { # CTID ADDR in|out|node.in|node.out
	local path=fwd-$3
	[[ $3 != node.* ]] || path=node-${3#node.}
	echo "${BOOK["$1 $2 $path.octets"]:-0}"
}
port_counters() {
	local ct way
	for ct in "${CONTAINERS[@]}"; do
		for way in in out; do
			echo "$(port_key raw "$way" "$ct") $(nms_octets "$ct" - "$way")"
		done
	done
}

counters_agree() { # HOST COUNTERS-FUNCTION
	[ -z "$("$2" | sort | comm -23 - <(zbx_values "$1"))" ]
}
assert_counters() { # LABEL HOST COUNTERS-FUNCTION
	local key value
	local -A got=()
	await 60 counters_agree "$2" "$3"
	while read -r key value; do got[${key:-none}]=$value; done < <(zbx_values "$2")
	while read -r key value; do assert_eq "$1: $key" "$value" "${got[$key]-missing}"; done < <("$3")
}

# ---- the parts -------------------------------------------------------------------------------

# There is no Zabbix 7.0 here to import the other template into. What can be seen: this one's parser
# reads it, it has the same things under the same ids, and two walks more, which have every figure in them.
things() { # VERSION: ids, keys and trigger expressions, one a line
	php -r 'require "/usr/share/zabbix/vendor/autoload.php";
		print json_encode(Symfony\Component\Yaml\Yaml::parseFile($argv[1]));' \
		"$B/conf/zabbix/template-ctmeter-$1.yaml" |
		jq -r --arg version "$1" '.zabbix_export | select(.version == $version) |
			[.. | objects | .uuid?, .key?, .expression? | strings] | unique[]'
}
assert_same_things() {
	assert_ge 'things in a template' 100 "$(things 6.0 | wc -l)"
	assert_eq 'what the template for 7.0 lacks or has more: ids aside, two walks' \
		'> ctm.addr.walk > ctm.ct.walk' \
		"$(diff <(things 6.0) <(things 7.0) | grep -E '^[<>]' | grep -vE '^> [0-9a-f]{32}$' | xargs)"
	assert_match 'what it cuts out of its walks is walked, and the same' '^[1-9][0-9]* compared$' "$(
		/usr/bin/python3 "$LAB_TOP/tests/nms/zabbix_walks.py" "$B"/conf/zabbix/template-ctmeter-{6,7}.0.yaml)"
}

start_ours() {
	local containers addresses wanted file=$B/conf/zabbix/template-ctmeter-6.0.yaml
	assert_ok 'import of our template' zbx_import "$file"
	assert_ok 'import once more' zbx_import "$file"
	assert_same_things
	assert_ok 'the host "node"' zbx_host node "$OURS" \
		"{\"version\": 2, \"bulk\": 1, \"community\": \"$COMMUNITY\"}" \
		"{\"{\$CTMETER.INTERVAL}\": \"${EVERY_S}s\", \"{\$CTMETER.LLD.INTERVAL}\": \"5s\",
		\"{\$CTMETER.MONTH.INTERVAL}\": \"5s\"}"
	containers=$(prototypes "$(rule_of "$OURS" ctm.ct.discovery)")
	addresses=$(prototypes "$(rule_of "$OURS" ctm.addr.discovery)")
	wanted=$((19 + 3 * containers + 6 * addresses))
	assert_await 'containers and addresses are discovered' 60 item_count_is node "$wanted"
	assert_eq '19 items, and those of 3 containers and 6 addresses' "$wanted" \
		"$(zbx_items node | count)"
	assert_await 'all work' 60 zbx_all_supported node
	assert_eq 'none is unsupported' '' "$(zbx_unsupported node)"
	assert_eq 'the name' 'Container 101 web.example: Octets in' \
		"$(zbx_item node "$(ct_key octets.in 101)" name)"
	assert_eq 'no problem' '' "$(zbx_problems node)"
}

# The stock template polls every few minutes and keeps rates, no counters. Here it polls sooner, and
# keeps the same OIDs' counters beside; nothing else of it is touched.
shorten_stock() {
	local rule
	rule=$(rule_of "$STOCK" net.if.discovery)
	zbx discoveryrule.update "{\"itemid\": \"$rule\", \"delay\": \"5s\"}" &&
		zbx itemprototype.update "$(zbx itemprototype.get \
			"{\"discoveryids\": \"$rule\", \"output\": [\"itemid\"]}" |
			jq -c "map({itemid, delay: \"${EVERY_S}s\"})")" &&
		raw_item "$rule" In 6 && raw_item "$rule" Out 10
}
raw_item() { # RULE In|Out COLUMN-OF-ifXEntry
	zbx itemprototype.create "$(jq -nc --arg rule "$1" --arg delay "${EVERY_S}s" \
		--arg template "$(zbx_id template "$STOCK")" --arg name "ifHC${2}Octets of {#IFNAME}" \
		--arg key "raw.${2,}[ifHC${2}Octets.{#SNMPINDEX}]" \
		--arg oid "1.3.6.1.2.1.31.1.1.1.$3.{#SNMPINDEX}" \
		'{ruleid: $rule, hostid: $template, name: $name, key_: $key, snmp_oid: $oid, delay: $delay,
		type: 20, value_type: 3}')"
}

start_stock() {
	local wanted ct
	for ct in "${CONTAINERS[@]}"; do IF_INDEX[$ct]=$(snmp_get "$(oid_ct "$ct" ct-ifindex)"); done
	assert_ok 'shorter intervals' shorten_stock
	assert_ok 'the host "switch"' zbx_host switch "$STOCK" "{\"version\": 3, \"bulk\": 1,
		\"contextname\": \"containers\", \"securityname\": \"ctmeter\", \"securitylevel\": 2,
		\"authprotocol\": 3, \"authpassphrase\": \"$AUTH\",
		\"privprotocol\": 1, \"privpassphrase\": \"$PRIV\"}" '{}'
	wanted=$((3 * $(prototypes "$(rule_of "$STOCK" net.if.discovery)")))
	assert_await 'the stock template discovers ports' 60 item_count_is switch "$wanted"
	assert_eq 'those of the containers' "$wanted" "$(zbx_items switch | count)"
	for ct in "${CONTAINERS[@]}"; do
		assert_match "the name of the port of $ct" "^Interface ct$ct\([a-z]+\.example\): Bits received$" \
			"$(zbx_item switch "$(port_key bits in "$ct")" name)"
		assert_await "the port of $ct is up" 30 \
			zbx_item_is switch "net.if.status[ifOperStatus.${IF_INDEX[$ct]}]" 1
	done
	assert_eq 'none is unsupported' '' "$(zbx_unsupported switch)"
}

# Rates of bits: each has a first value, so that what follows is in the integrals; or all are 0.
rates_all() { # HOST CONDITION-ON-AN-ITEM
	[ "$(zbx_items "$1" | jq "map(
		select(.key_ | test(\"bps[.](node|in|out)|^net[.]if[.](in|out)\\\\[\")) | $2) | all")" = true ]
}
rates_begun() { rates_all "$1" '.lastclock != "0"'; } # HOST
rates_ended() { rates_all "$1" '(.lastvalue | tonumber) == 0'; } # HOST

# Each takes a second or two; the graphs want a minute of ups and downs.
send_waves() {
	local factor
	for factor in 1 2 4 3 1 1 2 3 4 4 3 2 1 1 3 2 1 1 2 4 4 2 1 1 2 3 2 1; do
		nms_traffic "$factor"
	done
}

# The dashboard since BEGAN and some seconds before.
photograph() { # BEGAN
	nms_screenshot "$(zbx_dashboard node "$OURS" "now-$((EPOCHSECONDS - $1 + 15))s")" \
		zabbix-dashboard.png 1280,860 15000
	assert_ge 'the picture shows what came in' 10000 "$(nms_pixels zabbix-dashboard.png 4DB6AC)"
	assert_ge 'and what went out' 500 "$(nms_pixels zabbix-dashboard.png 1A4F8B)"
}

assert_our_rates() {
	local ct way octets
	for ct in "${CONTAINERS[@]}"; do
		for way in in out node.in node.out; do
			read -r octets _ < <(zbx_integral node "$(ct_key "bps.$way" "$ct")")
			assert_eq "the integral of $ct bps.$way" "$(booked "$ct" - $way)" "$(printf '%.0f' "$octets")"
		done
	done
}

# The stock template keeps whole numbers: each rate is cut off by less than 8 bit/s, one octet for
# each second in which there was traffic, and the integral with it.
assert_stock_rates() {
	local ct way octets seconds sent
	for ct in "${CONTAINERS[@]}"; do
		for way in in out; do
			read -r octets seconds _ < <(zbx_integral switch "$(port_key bits $way "$ct")")
			sent=$(nms_octets "$ct" - $way)
			assert_ge "the integral of port $ct $way is not above" "$(printf '%.0f' "$octets")" "$sent"
			assert_ge "the integral of port $ct $way is not below" "$sent" \
				"$(jq -n "$octets + $seconds + 1 | floor")"
			printf '   port %s %-3s: sent %d, raw counter %s, integral of the rates %.1f over %.0f s\n' "$ct" \
				$way "$sent" "$(zbx_item switch "$(port_key raw $way "$ct")")" "$octets" "$seconds"
		done
	done
}

# The trends of an hour are written when it is over, or when the server ends.
write_trends() {
	nms_stop zabbix_server
	zbx_start_server
}

assert_month() {
	local ct way sum
	write_trends
	for ct in "${CONTAINERS[@]}"; do
		for way in in out; do
			assert_await "the month of $ct, $way" 60 \
				zbx_item_is node "$(ct_key month.$way "$ct")" "$(booked "$ct" - $way)"
		done
		sum=$(($(booked "$ct" - in) + $(booked "$ct" - out)))
		assert_await "the month of $ct" 60 zbx_item_is node "$(ct_key month.sum "$ct")" "$sum"
		printf '   container %s: %d octets sent, %s this month\n' "$ct" "$sum" \
			"$(zbx_item node "$(ct_key month.sum "$ct")")"
	done
}

# A warning that it is nearly used up keeps quiet while it is used up.
quota_works() {
	local used near sum=$(($(booked 102 - in) + $(booked 102 - out)))
	used='Container 102 db.example: Monthly quota used up'
	near='Container 102 db.example: Monthly quota nearly used up'
	zbx_macro node '{$CTMETER.QUOTA:"102"}' $((sum - 1))
	assert_problems 'the quota of 102, an octet less than it used' node "$used"
	zbx_macro node '{$CTMETER.QUOTA:"102"}' "$sum"
	assert_problems 'as much as it used' node "$near"
	zbx_macro node '{$CTMETER.QUOTA:"102"}' 1T
	assert_problems 'more' node
}

# With less than twenty values the 95th percentile is the greatest.
percentile_is_greatest() { # CTID
	local greatest
	greatest=$(zbx_history node "$(ct_key bps5m.in "$1")" | jq 'map(.value | tonumber) | max')
	zbx_history node "$(ct_key p95.in "$1")" |
		jq -e "map(.value | tonumber) | last > 0 and last == $greatest"
}
percentile_follows() { zbx_poll_now node "$(ct_key p95.in "$1")" && percentile_is_greatest "$1"; } # CTID
assert_percentile() {
	local count
	count=$(zbx_history node "$(ct_key bps5m.in 101)" | count)
	longer() { [ "$(zbx_history node "$(ct_key bps5m.in 101)" | count)" -gt "$count" ]; }
	zbx_poll_now node "$(ct_key bps5m.in 101)" || fail 'the average of 5 minutes cannot be asked for'
	assert_await 'another average of 5 minutes' 30 longer
	assert_await 'the 95th percentile' 60 percentile_follows 101
}

# Both containers get traffic; only 101 has a threshold that low.
bandwidth_works() {
	local problem='Container 101 web.example: High bandwidth'
	zbx_macro node '{$CTMETER.BANDWIDTH.TIME}' $((3 * EVERY_S))s
	zbx_macro node '{$CTMETER.BANDWIDTH.MAX:"101"}' 100000
	push() {
		lab_flow 198.51.100.2 192.0.2.101 400 1000
		lab_flow 198.51.100.2 192.0.2.102 400 1000
		zbx_problems_are node "$problem"
	}
	# Its output is dropped while it is awaited, its failures are counted.
	assert_await 'too much for 101' 60 push
	assert_problems 'it recovers when the traffic ends' node
}

# The inventory fails (its own trigger, which adds failures up, may stay open longer); then the fleet's database
# does not answer.
troubles_work() {
	local accounting='ctmeter: There is an accounting problem' shipping='ctmeter: Nothing reaches the database of the fleet'
	has_problem() { zbx_problems node | grep -qxF "$1"; }
	has_none() { ! has_problem "$1"; }
	mv "$LAB/inventory" "$LAB/inventory.away"
	ctmeter refresh >/dev/null 2>&1
	assert_await 'an accounting problem' 60 has_problem "$accounting"
	mv "$LAB/inventory.away" "$LAB/inventory"
	assert_ok refresh ctmeter refresh
	assert_await 'it is over' 60 has_none "$accounting"
	assert_eq 'shipping is off' 3 "$(zbx_item node ctm.ship)"
	ctmeter ship --help >/dev/null 2>&1 || { echo '   shipping is left out: ctmeter was built without libpq'; return; }
	lab_set ship.database 'host=127.0.0.1 port=9 dbname=fleet'
	lab_write_conf
	kill -HUP "$CTMETERD_PID"
	assert_eq 'nothing can be shipped' 1 "$(ctmeter ship >/dev/null 2>&1; echo $?)"
	assert_await 'shipping fails' 60 has_problem "$shipping"
	lab_set ship.database ''
	lab_write_conf
	kill -HUP "$CTMETERD_PID"
	assert_await 'there is nothing to ship' 60 has_none "$shipping"
}

# Two containers claim an address: Zabbix hears of it at once, and sees it at its next poll.
notification_works() {
	local told='Notification: An address is claimed by two containers' key
	local polled='Address 104 192.0.2.101: Claimed by several containers'
	key="snmptrap[\"${BASE}[.]0[.](1|2)([^0-9]|\$)\"]"
	told_and_polled() { [ "$(zbx_problems node | grep -cxF -e "$told" -e "$polled")" -eq 2 ]; }
	lab_inventory_usual '104 192.0.2.101'
	assert_ok refresh ctmeter refresh
	assert_await 'both ways tell of it' 60 told_and_polled
	assert_match 'the notification has the address and the container' \
		"$BASE\.0\.1.*\"192.0.2.101\".*\"10[14]\"" "$(zbx_item node "$key")"
	lab_inventory_usual
	assert_ok refresh ctmeter refresh
	assert_problems 'both are over' node
	assert_match 'the last one told' "$BASE\.0\.2" "$(zbx_item node "$key")"
}

lab_set inventory.interval 1
nms_lab "trap2sink 127.0.0.1:1162 $COMMUNITY" \
	"createUser ctmeter SHA-256 $AUTH AES $PRIV" 'group v3Group usm ctmeter'

step 'Zabbix starts'
if ! zbx_start_snmptrapd 1162 || ! zbx_start; then nms_end; fi

step 'our template over SNMPv2c'
start_ours

step 'the stock template over SNMPv3, authPriv, in the context of the switch view'
start_stock

step 'traffic'
assert_await 'all rates of ours have begun' 60 rates_begun node
assert_await 'all rates of the stock template have begun' 60 rates_begun switch
assert_counters 'before, all is 0' node our_counters
began=$EPOCHSECONDS
send_waves

step 'history is what was sent'
assert_counters 'ours' node our_counters
assert_counters 'the stock ports' switch port_counters
assert_await 'our rates end' 60 rates_ended node
photograph "$began"
assert_await 'the rates of the stock ports end' 60 rates_ended switch
assert_our_rates
assert_stock_rates

step 'totals of the month, a quota, the 95th percentile'
assert_month
quota_works
assert_percentile

step 'a trigger'
bandwidth_works

step 'a notification'
notification_works

step 'troubles that are polled'
troubles_work

step 'in the end'
assert_counters 'ours' node our_counters
assert_counters 'the stock ports' switch port_counters
for host in node switch; do assert_eq "unsupported items of $host" '' "$(zbx_unsupported $host)"; done
nms_end
