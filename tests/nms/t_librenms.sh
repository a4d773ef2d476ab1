#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# LibreNMS is not in Debian: this asks the switch view what LibreNMS asks at discovery and at each
# poll (the same objects, in bulk, with the tools it uses itself) and judges the answers as its
# default settings do. No port may be dropped, and octets must be those sent.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/nms/nms.sh
. "$(dirname "$0")/nms.sh"
nms_needs python3:/usr/bin/python3 python3-yaml:/usr/lib/python3/dist-packages/yaml/__init__.py
nms_enter "$@"

# What LibreNMS by default takes for no port: words anywhere in ifDescr, forms of ifDescr, words in
# ifType, an ifOperStatus. Case does not matter.
BAD_WORDS=(voip-null virtual- unrouted eobc lp0 -atm faith0 container async plip -physical bluetooth
	isatap ras qos 'span rp' 'span sp' sslvpn pppoe- irtual)
BAD_FORMS=('^ng[0-9]+$' '^sl[0-9]')
BAD_TYPES=(voice ds0 ds1 ds3 sonet atmsubinterface aal5 mpls)
BAD_STATUS=notpresent
GOOD_WORDS=() # the setting good_if: words that keep a port whatever else it has

SYSTEM=1.3.6.1.2.1.1
IF=1.3.6.1.2.1.2.2.1
IFX=1.3.6.1.2.1.31.1.1.1
IP_ADDRESSES=1.3.6.1.2.1.4.20.1
declare -A COLUMN=([ifDescr]=$IF.2 [ifType]=$IF.3 [ifMtu]=$IF.4 [ifPhysAddress]=$IF.6
	[ifAdminStatus]=$IF.7 [ifOperStatus]=$IF.8 [ifLastChange]=$IF.9 [ifInDiscards]=$IF.13
	[ifInErrors]=$IF.14 [ifOutDiscards]=$IF.19 [ifOutErrors]=$IF.20 [ifName]=$IFX.1 [ifAlias]=$IFX.18)
# Its enumerations have names; the tools here print numbers for want of IF-MIB.
declare -A TYPE=([53]=propvirtual) STATUS=([1]=up [2]=down [6]=notpresent)

declare -A PORTS=() # "IFINDEX COLUMN" -> value, as the last walk had it

device() { # TOOL ARGS...: as LibreNMS calls it for a device whose community is the view's
	local tool=$1
	shift
	"$tool" -v2c -c "$COMMUNITY-ct" -OQUnt -m '' -M '' "udp:127.0.0.1:$SNMP_PORT" "$@" 2>/dev/null
}
value() { device snmpget "$1" | sed -n 's/^[^=]* = //p'; }

# Walk columns into PORTS, one bulk walk for each, as it does.
walk() { # COLUMN...
	local column oid text
	for column; do
		while read -r oid text; do
			text=${text#= }
			text=${text#\"}
			PORTS["${oid##*.} $column"]=${text%\"}
		done < <(device snmpbulkwalk "${COLUMN[$column]}" | grep "^\.${COLUMN[$column]}\.")
	done
}
indices() { printf '%s\n' "${!PORTS[@]}" | cut -d ' ' -f 1 | sort -nu; }

# Why a port would be dropped; silent and false where it would not.
dropped() { # IFINDEX
	local descr=${PORTS["$1 ifDescr"]-} type status bad
	type=${TYPE[${PORTS["$1 ifType"]}]-unknown}
	status=${STATUS[${PORTS["$1 ifOperStatus"]}]-unknown}
	descr=${descr,,}
	[ -n "$descr" ] || { echo 'ifDescr is empty'; return; }
	for bad in "${GOOD_WORDS[@]}"; do [[ $descr != *"$bad"* ]] || return 1; done
	for bad in "${BAD_WORDS[@]}"; do [[ $descr != *"$bad"* ]] || { echo "ifDescr has $bad"; return; }; done
	for bad in "${BAD_FORMS[@]}"; do [[ ! $descr =~ $bad ]] || { echo "ifDescr is $bad"; return; }; done
	for bad in "${BAD_TYPES[@]}"; do [[ $type != *"$bad"* ]] || { echo "ifType has $bad"; return; }; done
	[ "$status" != "$BAD_STATUS" ] || { echo "ifOperStatus is $status"; return; }
	return 1
}

discover() { PORTS=(); walk ifDescr ifName ifAlias ifType ifOperStatus; }

# ifDescr and reason of every port that would be dropped, in one line.
all_dropped() {
	local i why
	for i in $(indices); do
		if why=$(dropped "$i"); then echo "${PORTS["$i ifDescr"]}: $why"; fi
	done | xargs
}

lab_network
UUID=3f1c9a52-8d0e-4c61-bb1e-5f0aee01c0de
lab_inventory_usual "$UUID 203.0.113.9 name=container-qos.example" \
	'9001 203.0.113.10 name=virtual-ras-async state=stopped'
nms_snmpd_start
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh
nms_traffic

step 'which device it is'
name=$(value $SYSTEM.5.0)
assert_match 'sysDescr' . "$(value $SYSTEM.1.0)"
assert_match 'it does not start as a Linux does' '^[^L]|^L[^i]' "$(value $SYSTEM.1.0)"
assert_match 'sysObjectID is ours, not net-snmp Linux' "^\.?${BASE//./\\.}\." "$(value $SYSTEM.2.0)"
assert_match 'sysUpTime' '^[0-9]+$' "$(value $SYSTEM.3.0)"
assert_match 'sysName' . "$name"
[ "$name" != "$(snmp_get .$SYSTEM.5.0)" ] || fail "sysName is the node's too: $name"

step 'discovery: no port is dropped'
discover
assert_eq 'ports' 5 "$(indices | wc -l)"
for i in $(indices); do
	for column in ifDescr ifName ifAlias ifType ifOperStatus; do
		assert_match "port $i has $column" . "${PORTS["$i $column"]-}"
	done
	assert_match "ifType of $i is known here" . "${TYPE[${PORTS["$i ifType"]}]-}"
	assert_match "ifOperStatus of $i is known here" . "${STATUS[${PORTS["$i ifOperStatus"]}]-}"
done
assert_eq 'dropped' '' "$(all_dropped)"
assert_eq 'names' "ct101 ct102 ct103 ct$UUID ct9001" \
	"$(for i in $(indices); do echo "${PORTS["$i ifName"]}"; done | sort | xargs)"
assert_eq 'human names' "container-qos.example db.example mail.example virtual-ras-async web.example" \
	"$(for i in $(indices); do echo "${PORTS["$i ifAlias"]}"; done | sort | xargs)"

step 'addresses on ports'
device snmpbulkwalk $IP_ADDRESSES.2 | sed -n "s/^\.$IP_ADDRESSES\.2\.\([0-9.]*\) = /\1 /p" >"$NMS/addresses"
assert_eq 'IPv4 addresses' 6 "$(wc -l <"$NMS/addresses")"
while read -r address i; do
	case $address in
	203.0.113.9) owner=$UUID ;;
	203.0.113.10) owner=9001 ;;
	*) owner=${LAB_OWNER[$address]} ;;
	esac
	assert_eq "the port of $address" "ct$owner" "${PORTS["$i ifDescr"]-none}"
	assert_eq "netmask of $address" 255.255.255.255 "$(value "$IP_ADDRESSES.3.$address")"
done <"$NMS/addresses"

step 'a poll'
walk ifAdminStatus ifLastChange ifPhysAddress ifMtu ifInErrors ifOutErrors ifInDiscards ifOutDiscards
device snmpbulkwalk $IFX | sed -n "s/^\.$IFX\.\([0-9]*\)\.\([0-9]*\) = /\1 \2 /p" >"$NMS/ifxentry"
while read -r column i text; do PORTS["$i ifX$column"]=$text; done <"$NMS/ifxentry"
for i in $(indices); do
	# Both numeric, or the 32-bit counters would be used.
	assert_match "ifHCInOctets of $i" '^[0-9]+$' "${PORTS["$i ifX6"]-}"
	assert_match "ifHighSpeed of $i" '^[1-9][0-9]*$' "${PORTS["$i ifX15"]-}"
	for column in ifInErrors ifOutErrors ifInDiscards ifOutDiscards; do
		assert_eq "$column of $i" 0 "${PORTS["$i $column"]-}"
	done
	assert_eq "ifAdminStatus of $i" 1 "${PORTS["$i ifAdminStatus"]-}"
	ct=${PORTS["$i ifName"]#ct}
	assert_eq "octets in, $ct" "$(nms_octets "$ct" - in)" "${PORTS["$i ifX6"]-}"
	assert_eq "octets out, $ct" "$(nms_octets "$ct" - out)" "${PORTS["$i ifX10"]-}"
	assert_eq "packets in, $ct" "$(nms_pkts "$ct" - in)" "${PORTS["$i ifX7"]-}"
	assert_eq "packets out, $ct" "$(nms_pkts "$ct" - out)" "${PORTS["$i ifX11"]-}"
done

step 'a container that is gone: its port, and no other, is taken for deleted'
lab_inventory_usual "$UUID 203.0.113.9 name=container-qos.example"
assert_ok refresh ctmeter refresh
gone() { discover && [ "$(all_dropped)" = 'ct9001: ifOperStatus is notpresent' ]; }
assert_await 'ct9001' 10 gone
assert_eq 'dropped' 'ct9001: ifOperStatus is notpresent' "$(all_dropped)"

step 'ids that are names: what docs/librenms.md says of good_if'
lab_inventory_usual 'infrastructure 203.0.113.11' 'vpn 203.0.113.12'
assert_ok refresh ctmeter refresh
named() { discover && [[ " ${PORTS[*]} " == *' ctvpn '* ]]; }
assert_await 'new ports' 10 named
assert_match 'a word of the list in an id' 'ctinfrastructure: ifDescr has ras' "$(all_dropped)"
[[ $(all_dropped) != *ctvpn* ]] || fail "dropped: $(all_dropped)"
GOOD_WORDS=(ctinfrastructure)
[[ $(all_dropped) != *ctinfrastructure* ]] || fail "good_if does not help: $(all_dropped)"

step 'our definition of the OS'
# Its fields, a line each; modules are switched with true and false alone.
definition() {
	/usr/bin/python3 - "$B/conf/librenms/ctmeter-detection.yaml" "$B/conf/librenms/ctmeter-discovery.yaml" <<-'END'
		import sys, yaml
		detection, discovery = (yaml.safe_load(open(name)) for name in sys.argv[1:])
		for kind in "discovery_modules", "poller_modules":
		    assert all(type(on) is bool for on in detection[kind].values()), kind
		    assert detection[kind]["ports"] and detection[kind]["sensors"], kind
		assert detection["os"] == "ctmeter" and detection["over"][0]["graph"] == "device_bits"
		[sensor] = discovery["modules"]["sensors"]["count"]["data"]
		print("oid", *detection["discovery"][0]["sysObjectID"])
		print("good_if", *detection["good_if"])
		print("version", discovery["modules"]["os"]["sysDescr_regex"].strip("/").replace("?<", "?P<"))
		print("sensor", sensor["num_oid"].replace("{{ $index }}", "0"), sensor["low_limit"])
	END
}
definition >"$NMS/definition" || fail 'it cannot be read'
field() { sed -n "s/^$1 //p" "$NMS/definition"; }
assert_eq 'it is found by what the view says that it is' "$(field oid)" "$(value $SYSTEM.2.0)"
assert_match 'the version' '^[0-9]+[.][0-9]+[.][0-9]+' "$(/usr/bin/python3 -c 'import re, sys
print(re.search(sys.argv[1], sys.argv[2])["version"])' "$(field version)" "$(value $SYSTEM.1.0 | tr -d '"')")"
read -ra GOOD_WORDS <<<"$(field good_if)"
assert_eq 'no port is dropped, of whatever id, and gone or not' '' "$(all_dropped)"
read -r sensor low <<<"$(field sensor)"
assert_ge 'the sensor of containers is above its limit' "${low%.*}" "$(value "${sensor#.}")"
lab_ctmeterd_stop
assert_match 'without ctmeterd snmpd answers, and has no such number' 'No Such|^$' "$(value "${sensor#.}")"

nms_end
