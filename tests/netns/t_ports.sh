#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The switch view as a monitoring system sees it: a device with one port per container, whose
# counters are what was sent; stops, goings and restarts; the other direction; the view off.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"

SYSTEM=.1.3.6.1.2.1.1
IF_NUMBER=.1.3.6.1.2.1.2.1.0
IF=.1.3.6.1.2.1.2.2.1
ADDRESSES=.1.3.6.1.2.1.4.20.1
ADDRESSES_OF_BOTH=.1.3.6.1.2.1.4.34.1
IFX=.1.3.6.1.2.1.31.1.1.1
TABLE_LAST_CHANGE=.1.3.6.1.2.1.31.1.5.0
OPER_STATUS=$IF.8 LAST_CHANGE=$IF.9 DISCONTINUITY=$IFX.19
UP=1 DOWN=2 NOT_PRESENT=6
declare -A PORT=() # container -> ifIndex

ports() { COMMUNITY=$COMMUNITY-ct "$@"; } # FUNCTION ARGS...: in the view's context
port_get() { ports snmp_get "$@"; } # OID...
object_id() { local SNMP_OPTS=(-Oqvn) && snmp snmpget "$SYSTEM.2.0"; }
port_is() { [ "$(port_get "$1")" = "$2" ]; } # OID VALUE
port_past() { [ "$(port_get "$1")" -gt "$2" ]; } # OID NUMBER
ports_serve() { ports snmp_number "$IF_NUMBER"; }
both_serve() { snmp_serves && ports_serve; }
reload() { lab_write_conf && kill -HUP "$CTMETERD_PID"; }
said() { grep -c "$1" "$LAB/ctmeterd.log"; } # REGEX

# What the book says of a container: forwarded and node traffic together, and FRAMING for each packet.
FRAMING=0
carried() { # CTID in|out octets|pkts
	local sum=$((${BOOK["$1 - fwd-$2.$3"]:-0} + ${BOOK["$1 - node-$2.$3"]:-0}))
	[ "$3" = pkts ] || sum=$((sum + FRAMING * $(carried "$1" "$2" pkts)))
	echo $sum
}

# "LABEL WANTED SERVED" of every counter of every port. A port's In is the container's $1.
port_lines() { # in|out
	local ct way unit columns column
	for ct in 101 102 103; do
		for way in in out; do
			for unit in octets pkts; do
				case $([ $way = "$1" ] && echo in || echo out).$unit in
				in.octets) columns="$IFX.6 $IF.10" ;;
				in.pkts) columns="$IFX.7 $IF.11" ;;
				out.octets) columns="$IFX.10 $IF.16" ;;
				out.pkts) columns="$IFX.11 $IF.17" ;;
				esac
				for column in $columns; do
					echo "$ct-$way-$unit-${column##*.} $(carried "$ct" $way $unit)" \
						"$(port_get "$column.${PORT[$ct]}")"
				done
			done
		done
	done
}

assert_carried() { # LABEL in|out
	local what wanted served
	book_check "$1, as the tables have it"
	while read -r what wanted served; do
		assert_eq "$1: $what" "$wanted" "$served"
	done < <(port_lines "$2")
}

traffic() {
	lab_flow 198.51.100.2 192.0.2.101 30 28-1500
	lab_flow 192.0.2.101 192.0.2.112 20 1000
	lab_flow 2001:db8:1::103 2001:db8:f::2 10 48-1500
	lab_flow 2001:db8:f::1 2001:db8:1::103 7 700
	lab_flow 192.0.2.102 198.51.100.1 5 400
}

lab_set ports.name 'ports of HOSTNAME'
lab_set ports.speed 2500
lab_set ports.location 'Rack 7, Ghent'
lab_set ports.contact ops@example.net
lab_set ledger.checkpoint 1
lab_start
await 10 ports_serve || fail 'the switch view is not served'
for ct in 101 102 103; do PORT[$ct]=$(snmp_get "$(oid_ct $ct ct-ifindex)"); done

step 'a device of its own'
assert_eq sysName "ports of $(uname -n)" "$(port_get $SYSTEM.5.0)"
assert_eq sysObjectID ".$BASE.3.1" "$(ports object_id)"
assert_match 'sysDescr states the direction' 'In is to the container' "$(port_get $SYSTEM.1.0)"
before=$(snmp_get $SYSTEM.3.0) here=$(port_get $SYSTEM.3.0)
assert_ge "sysUpTime is the master's, not before" "$((before - 2))" "$here"
assert_ge "sysUpTime is the master's, not after" "$here" "$(($(snmp_get $SYSTEM.3.0) + 2))"
assert_eq sysLocation 'Rack 7, Ghent' "$(port_get $SYSTEM.6.0)"
assert_eq sysContact ops@example.net "$(port_get $SYSTEM.4.0)"
assert_eq ifNumber 3 "$(port_get $IF_NUMBER)"

step 'ports'
assert_eq ifDescr ct101 "$(port_get "$IF.2.${PORT[101]}")"
assert_eq ifName ct101 "$(port_get "$IFX.1.${PORT[101]}")"
assert_eq ifAlias web.example "$(port_get "$IFX.18.${PORT[101]}")"
assert_eq ifType 53 "$(port_get "$IF.3.${PORT[101]}")"
assert_eq ifSpeed 2500000000 "$(port_get "$IF.5.${PORT[101]}")"
assert_eq ifHighSpeed 2500 "$(port_get "$IFX.15.${PORT[101]}")"
assert_eq ifAdminStatus $UP "$(port_get "$IF.7.${PORT[101]}")"
assert_eq ifOperStatus $UP "$(port_get "$OPER_STATUS.${PORT[101]}")"
assert_eq ifOutErrors 0 "$(port_get "$IF.20.${PORT[101]}")"
for a in 192.0.2.101 192.0.2.102 192.0.2.112 192.0.2.103; do
	assert_eq "the port of $a" "${PORT[${LAB_OWNER[$a]}]}" "$(port_get "$ADDRESSES.2.$a")"
	assert_eq "the port of $a, with those of IPv6" "${PORT[${LAB_OWNER[$a]}]}" \
		"$(port_get "$ADDRESSES_OF_BOTH.3.1.4.$a")"
done
for ct in 101 103; do
	tail="16.32.1.13.184.0.1.0.0.0.0.0.0.0.0.1.$((ct == 101 ? 1 : 3))"
	assert_eq "the IPv6 address of $ct" "${PORT[$ct]}" "$(port_get "$ADDRESSES_OF_BOTH.3.2.$tail")"
	assert_match 'its prefix is its own' '[.]128$' "$(port_get "$ADDRESSES_OF_BOTH.5.2.$tail")"
done

step 'what was sent'
traffic
assert_carried 'after the first traffic' in

step 'the walk: ordered, every row in every column, each GETNEXT gives the following'
ports snmp_walk .1 >"$LAB/walk"
cut -d ' ' -f 1 "$LAB/walk" >"$LAB/oids"
assert_eq 'in order, none twice' '' "$(sort -u -t . -V "$LAB/oids" | diff - "$LAB/oids")"
for column in {1..11} 13 14 16 17 19 20; do
	assert_eq "ifTable column $column" 3 "$(grep -c "^$IF\.$column\.[123]$" "$LAB/oids")"
done
for column in 1 6 7 10 11 14 15 17 18 19; do
	assert_eq "ifXTable column $column" 3 "$(grep -c "^$IFX\.$column\.[123]$" "$LAB/oids")"
done
for column in {1..5}; do
	assert_eq "ipAddrTable column $column" 4 "$(grep -c "^$ADDRESSES\.$column\.192\.0\.2\." "$LAB/oids")"
done
for column in {3..11}; do
	assert_eq "ipAddressTable column $column" 6 "$(grep -c "^$ADDRESSES_OF_BOTH\.$column\." "$LAB/oids")"
done
assert_eq 'and nothing else' $((7 + 2 + 3 * (17 + 10) + 4 * 5 + 6 * 9)) "$(wc -l <"$LAB/oids")"
head -n -1 "$LAB/oids" | xargs -n 100 | while read -ra oids; do ports snmp_next "${oids[@]}"; done |
	cut -d ' ' -f 1 >"$LAB/following"
assert_eq 'GETNEXT' '' "$(tail -n +2 "$LAB/oids" | diff - "$LAB/following")"
assert_match 'the end' 'No more variables|^$' "$(ports snmp_next $TABLE_LAST_CHANGE)"
assert_eq 'nothing of it is in the default context' '' "$(snmp_walk .1.3.6.1.2.1.31 | grep -F ct101)"

step 'a context that nobody serves'
lab_snmpd_restart "com2sec -Cn nowhere nwSec 127.0.0.1 $COMMUNITY-nw" 'group ctGroup v2c nwSec' \
	'access ctGroup nowhere any noauth exact ctports none none'
assert_await 'both views are back after a restart of snmpd' 5 both_serve
assert_eq 'gives no value' '' "$(COMMUNITY=$COMMUNITY-nw snmp_get $IF_NUMBER | grep -x '[0-9]*')"
assert_carried 'after the restart of snmpd' in

step 'a container stops, goes, another comes, it comes back'
table_changed=$(port_get $TABLE_LAST_CHANGE)
changed=$(port_get "$LAST_CHANGE.${PORT[102]}")
two() { # STATE-OF-102, or nothing when it is gone
	echo '101 192.0.2.101 2001:db8:1::101 name=web.example state=running'
	[ -z "$1" ] || echo "102 192.0.2.102 192.0.2.112 name=db.example state=$1"
	echo '103 192.0.2.103 2001:db8:1::103 name=mail.example state=running'
}
two stopped | lab_inventory
assert_ok refresh ctmeter refresh
assert_await 'stopped: down' 5 port_is "$OPER_STATUS.${PORT[102]}" $DOWN
assert_ok 'ifLastChange says so' port_past "$LAST_CHANGE.${PORT[102]}" "$changed"
assert_eq 'not of the others' $UP "$(port_get "$OPER_STATUS.${PORT[101]}")"
assert_ok 'ifTableLastChange stands still' port_is $TABLE_LAST_CHANGE "$table_changed"
{ two '' && echo '104 192.0.2.104'; } | lab_inventory
assert_ok refresh ctmeter refresh
assert_await 'gone: not present' 5 port_is "$OPER_STATUS.${PORT[102]}" $NOT_PRESENT
assert_eq 'it keeps its port' ct102 "$(port_get "$IFX.1.${PORT[102]}")"
assert_match 'its addresses have none' '^No Such' "$(port_get "$ADDRESSES.2.192.0.2.102")"
assert_eq 'a new one has a new port' 4 "$(snmp_get "$(oid_ct 104 ct-ifindex)")"
assert_eq 'whose state nobody tells: up' $UP "$(port_get $OPER_STATUS.4)"
assert_ok 'ifTableLastChange says so' port_past $TABLE_LAST_CHANGE "$table_changed"
assert_eq ifNumber 4 "$(port_get $IF_NUMBER)"
lab_ctmeterd_stop
lab_ctmeterd_start
assert_await 'both views are back after a restart of ctmeterd' 10 both_serve
assert_eq 'still not present' $NOT_PRESENT "$(port_get "$OPER_STATUS.${PORT[102]}")"
two running | lab_inventory
assert_ok refresh ctmeter refresh
assert_await 'back: up, on its old port' 5 port_is "$OPER_STATUS.${PORT[102]}" $UP
assert_eq 'its name' ct102 "$(port_get "$IFX.1.${PORT[102]}")"
traffic
assert_carried 'after it came back' in

step 'the other direction, by a reload'
assert_eq 'no discontinuity until now' 0 "$(port_get "$DISCONTINUITY.${PORT[101]}")"
discontinuities=$(snmp_get "$(oid_ct 101 disc-count)")
lab_set ports.direction port
lab_set ports.name 'turned ports'
lab_set ports.speed 100
reload
assert_await 'the name' 5 port_is $SYSTEM.5.0 'turned ports'
assert_await 'a discontinuity of the ports' 5 port_past "$DISCONTINUITY.${PORT[101]}" 0
assert_eq 'the speed' 100 "$(port_get "$IFX.15.${PORT[101]}")"
assert_match 'sysDescr states the direction' 'In is from the container' "$(port_get $SYSTEM.1.0)"
assert_carried 'turned round' out
assert_eq 'none of the tables' "$discontinuities" "$(snmp_get "$(oid_ct 101 disc-count)")"
assert_eq 'a warning' 1 "$(said 'are swapped')"
turned=$(port_get "$DISCONTINUITY.${PORT[101]}")
reload
traffic
assert_carried 'after a reload that turns nothing' out
assert_ok 'no discontinuity' port_is "$DISCONTINUITY.${PORT[101]}" "$turned"

step 'it is remembered'
lab_ctmeterd_kill9
lab_ctmeterd_start
assert_await 'both views are back' 10 both_serve
assert_carried 'after a kill' out
assert_eq 'no second warning' 1 "$(said 'are swapped')"
# It is kept as a date in seconds.
assert_ge 'the discontinuity is the same, not before' $((turned - 200)) \
	"$(port_get "$DISCONTINUITY.${PORT[101]}")"
assert_ge 'and not after' "$(port_get "$DISCONTINUITY.${PORT[101]}")" $((turned + 200))
assert_await 'a later moment, that can be told from the first' 10 port_past "$SYSTEM.3.0" $((turned + 300))
lab_ctmeterd_stop
lab_set ports.direction container
lab_ctmeterd_start
assert_await 'both views are back' 10 both_serve
assert_carried 'turned back by a restart' in
assert_eq 'a second warning' 2 "$(said 'are swapped')"
assert_ok 'a second discontinuity' port_past "$DISCONTINUITY.${PORT[101]}" $((turned + 200))

step 'framing, by a reload'
turned=$(port_get "$DISCONTINUITY.${PORT[101]}")
assert_await 'a later moment, that can be told from the last' 10 port_past "$SYSTEM.3.0" $((turned + 300))
discontinuities=$(snmp_get "$(oid_ct 101 disc-count)")
lab_set ports.framing 18
FRAMING=18
reload
assert_await 'a discontinuity of the ports' 5 port_past "$DISCONTINUITY.${PORT[101]}" $((turned + 200))
assert_match 'sysDescr states it' 'each with 18 octets of framing' "$(port_get $SYSTEM.1.0)"
traffic
assert_carried 'with 18 octets for each packet' in
assert_eq 'none of the tables' "$discontinuities" "$(snmp_get "$(oid_ct 101 disc-count)")"
assert_eq 'a warning' 1 "$(said 'framing = 18')"
turned=$(port_get "$DISCONTINUITY.${PORT[101]}")
lab_ctmeterd_kill9
lab_ctmeterd_start
assert_await 'both views are back' 10 both_serve
assert_carried 'after a kill' in
assert_ge 'no further discontinuity' "$(port_get "$DISCONTINUITY.${PORT[101]}")" $((turned + 200))
assert_await 'a later moment, that can be told from the last' 10 port_past "$SYSTEM.3.0" $((turned + 300))
lab_ctmeterd_stop
lab_set ports.framing 14
FRAMING=14
lab_ctmeterd_start
assert_await 'both views are back' 10 both_serve
assert_carried 'changed by a restart' in
assert_eq 'a second warning' 1 "$(said 'framing = 14')"
assert_ok 'a second discontinuity' port_past "$DISCONTINUITY.${PORT[101]}" $((turned + 200))

step 'the view switched off'
lab_ctmeterd_stop
lab_set agentx.context ''
lab_ctmeterd_start
assert_await 'the tables are served' 10 snmp_serves
assert_eq 'the view is not' '' "$(port_get $IF_NUMBER | grep -x '[0-9]*')"
assert_eq 'status has no problem' '' "$(ctmeter status | sed -n '/problem/,$p')"

if why=$(lab_probe_backend link); then
	step "the speed of the containers' links"
	mount -t sysfs sysfs /sys && mount -t bpf bpf /sys/fs/bpf # of this network
	lab_ctmeterd_stop
	lab_set agentx.context containers
	lab_set netfilter.backend link
	lab_set ports.speed auto
	lab_ctmeterd_start
	assert_await 'both views are back' 10 both_serve
	assert_await 'a veth has 10 Gbit/s' 10 port_is "$IFX.15.${PORT[101]}" 10000
else
	echo "   the speed of links is left out: $why"
fi

lab_end
