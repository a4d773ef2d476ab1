#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The tables as a manager sees them: GET, GETNEXT, GETBULK, holes and ends, awkward ids, a large
# request, times, snmptable.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
LONG=$(printf 'x%.0s' {1..64})
lab_network
lab_inventory_usual "7 2001:db8:3::7" "$LONG 2001:db8:3::64 203.0.113.64" "abc 203.0.113.7"
lab_snmpd_start
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh

step 'scalars'
assert_match version '^[0-9]+\.[0-9]+' "$(snmp_get "$(oid_scalar 1)")"
assert_eq backend "$BACKEND" "$(snmp_get "$(oid_scalar 2)")"
assert_eq containers 6 "$(snmp_get "$(oid_scalar 3)")"
assert_eq addresses 10 "$(snmp_get "$(oid_scalar 4)")"
assert_eq 'rules, four an address' 40 "$(snmp_get "$(oid_scalar 6)")"
sleep 1 # older than the 0.5 s after which a request takes a fresh sample
assert_match 'the age of the sample in ms, under a second' '^[0-9]{1,3}$' "$(snmp_get "$(oid_scalar 7)")"

step 'a row'
assert_eq label '101 192.0.2.101' "$(snmp_get "$(oid_addr 101 192.0.2.101 addr-label)")"
assert_eq address 192.0.2.101 "$(snmp_get "$(oid_addr 101 192.0.2.101 addr-text)")"
assert_eq container 101 "$(snmp_get "$(oid_addr 101 192.0.2.101 addr-ct)")"
assert_eq status 2 "$(snmp_get "$(oid_addr 101 192.0.2.101 status)")"
assert_eq name web.example "$(snmp_get "$(oid_ct 101 ct-name)")"
assert_eq 'addresses of 102' 2 "$(snmp_get "$(oid_ct 102 ct-addresses)")"
assert_eq 'run state' 2 "$(snmp_get "$(oid_ct 101 run-state)")"
assert_eq 'long id, IPv6' "$LONG 2001:db8:3::64" "$(snmp_get "$(oid_addr "$LONG" 2001:db8:3::64 addr-label)")"
assert_eq 'id of one digit' '7 2001:db8:3::7' "$(snmp_get "$(oid_addr 7 2001:db8:3::7 addr-label)")"

step 'what is not there'
# shellcheck disable=SC2034 # read by snmp
for missing in \
	"$(oid_addr 101 192.0.2.102 fwd-in.octets)" "$(oid_addr 999 192.0.2.101 fwd-in.octets)" \
	"$(oid_ct 1 fwd-in.octets)" "$(oid_ct 101 fwd-in.octets).0"; do
	assert_eq "$missing" 'No Such Instance currently exists at this OID' "$(snmp_get "$missing")"
done
columns() { # ENTRY: the number of its last column in the module
	sed -n "s/^ *::= { $1 \([0-9]*\) }\$/\1/p" "$LAB_TOP/mibs/CTMETER-MIB.txt" | tail -n 1
}
address_columns=$(columns ctmAddressEntry)
container_columns=$(columns ctmContainerEntry)
for column in 1 2 $((address_columns + 1)); do # the not-accessible ones, and one past the last
	assert_match "address column $column" '^No Such (Object|Instance)' \
		"$(snmp_get "$(oid_addr 101 192.0.2.101 $column)")"
done

step 'the walk: ordered as OIDs are, every row in every column, each GET and GETNEXT agree with it'
snmp_walk ".$BASE" >"$LAB/walk"
cut -d ' ' -f 1 "$LAB/walk" >"$LAB/oids"
assert_eq 'in order, none twice' '' "$(sort -u -t . -V "$LAB/oids" | diff - "$LAB/oids")"
ids='7 101 102 103 abc'
wanted=$(for id in $ids "$LONG"; do oid_ct "$id" 2; echo; done)
assert_eq 'container rows by length, then octets' "$wanted" "$(grep -F ".$BASE.1.2.1.2." "$LAB/oids")"
for ((column = 3; column <= address_columns; column++)); do
	assert_eq "address column $column" 10 "$(grep -cF ".$BASE.1.3.1.$column." "$LAB/oids")"
done
for ((column = 2; column <= container_columns; column++)); do
	assert_eq "container column $column" 6 "$(grep -cF ".$BASE.1.2.1.$column." "$LAB/oids")"
done
previous=
while read -r oid; do
	[ -z "$previous" ] || echo "$previous"
	previous=$oid
done <"$LAB/oids" >"$LAB/asked"
xargs -n 100 <"$LAB/asked" | while read -ra oids; do snmp_next "${oids[@]}"; done |
	cut -d ' ' -f 1 >"$LAB/following"
assert_eq 'GETNEXT of each gives the following' '' "$(tail -n +2 "$LAB/oids" | diff - "$LAB/following")"
assert_match 'after the last: the end' 'No more variables|^$' "$(snmp_next "$(tail -n 1 "$LAB/oids")")"
assert_eq 'GETBULK over the end of a table goes on to the next' ".$BASE.1.3.1.3" \
	"$(snmp_next "$(grep -F ".$BASE.1.2.1.$container_columns." "$LAB/oids" | tail -n 1)" | cut -d . -f 1-15)"

step 'a thousand variables in one GET'
for i in {1..100}; do
	for c in 6 7 8 9 10 11 12 13 14 17; do oid_ct 101 $c && echo; done
done >"$LAB/thousand"
many() { "$B/tests/netns/manyget" "$SNMP_PORT" "$COMMUNITY" <"$1"; }
got=$(many "$LAB/thousand" 2>&1)
# All of them, or tooBig (1): either is an answer.
assert_match 'answered' '^(0 1000 0|1 [0-9]+ [0-9]+)$' "$got"
echo "   (the answer: error-status, varbinds, exceptions = $got)"
for i in {1..90}; do oid_addr "$LONG" 2001:db8:3::64 fwd-in.octets && echo; done >"$LAB/long"
assert_eq 'ninety of the longest' '0 90 0' "$(many "$LAB/long" 2>&1)"
assert_eq 'and it goes on' 2 "$(snmp_get "$(oid_addr 101 192.0.2.101 status)")"

step 'times'
uptime=$(snmp_get .1.3.6.1.2.1.1.3.0)
for oid in "$(oid_scalar 5)" "$(oid_addr 101 192.0.2.101 disc-time)"; do
	stamp=$(snmp_get "$oid")
	assert_match "$oid is a time" '^[0-9]+$' "$stamp"
	assert_ge "$oid is not after sysUpTime" "${stamp:-x}" "$uptime"
done
assert_match 'counting since: a DateAndTime of this year' "^$(printf '%02X %02X' $(($(date -u +%Y) >> 8)) $(($(date -u +%Y) & 255)))( [0-9A-F]{2}){9}" \
	"$(snmp_get "$(oid_ct 101 since)" | tr -d '"')"
before=$(snmp_get "$(oid_scalar 5)")
lab_inventory_usual '7 2001:db8:3::7'
assert_ok refresh ctmeter refresh
changed() { [ "$(snmp_get "$(oid_scalar 5)")" -gt "$before" ]; }
assert_await 'a change of rows moves ctmTableLastChange' 5 changed

step 'snmptable with the module without imports'
[ -r "$B/mibs/flat/CTMETER-MIB.txt" ] || fail "no $B/mibs/flat/CTMETER-MIB.txt"
for table in ctmContainerTable ctmAddressTable; do
	text=$(snmptable -v2c -c "$COMMUNITY" -M "$B/mibs/flat" -m CTMETER-MIB -Cb -Ci -Cf '|' \
		"127.0.0.1:$SNMP_PORT" "CTMETER-MIB::$table" 2>&1)
	assert_match "$table has its columns" 'index\|.*InOctets\|' "$text"
	assert_match "$table has container 101" '"101"' "$text"
	assert_match "$table says counting" '\|counting\|' "$text"
done

lab_end
