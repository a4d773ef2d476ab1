#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Inventories as they come: conflicts, comments, malformed lines, what vanishes, a source that
# fails; and a change that the kernel announces is noticed at once.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"

status_of() { snmp_get "$(oid_addr "$1" "$2" status)"; } # CTID ADDR
logged() { grep -qE "$1" "$LAB/ctmeterd.log"; } # REGEX

step 'comments, quotes, masks; lines and addresses that cannot be'
lab_network
lab_set inventory.retire-after 3600
{
	cat <<-END
		# all our containers
		101 192.0.2.101/32 "2001:db8:1::101/128" name="web one.example" state=running

		102 192.0.2.102 192.0.2.112 192.0.2.112   # twice the same
		103 192.0.2.103 2001:db8:1::103 state=stopped
		104 0.0.0.0 127.0.0.1 169.254.3.4 224.0.0.1 fe80::1 ff02::1 not-an-address
		105 192.0.2.300 203.0.113.105
		$(printf 'y%.0s' {1..65}) 203.0.113.65
	END
	printf '106 203.0.113.106 name=\0x\n'
} | lab_inventory
lab_snmpd_start
lab_ctmeterd_start
assert_await 'the tables are served' 10 snmp_serves
ctmeter refresh >"$LAB/refresh" 2>&1
assert_eq 'refresh: it was not the whole of it' 1 $?
assert_match 'refresh: the rest is in place' 'rules are in place' "$(<"$LAB/refresh")"
assert_eq 'a masked address' 2 "$(status_of 101 192.0.2.101)"
assert_eq 'a quoted one' 2 "$(status_of 101 2001:db8:1::101)"
assert_eq 'a quoted name' 'web one.example' "$(snmp_get "$(oid_ct 101 ct-name)")"
assert_eq 'an address told twice' 2 "$(snmp_get "$(oid_ct 102 ct-addresses)")"
assert_eq 'a stopped one' 3 "$(snmp_get "$(oid_ct 103 run-state)")"
assert_eq 'nothing usable' 0 "$(snmp_get "$(oid_ct 104 ct-addresses)")"
assert_eq 'the rest of a bad line stands' 2 "$(status_of 105 203.0.113.105)"
assert_match 'an id of 65 is refused' '^No Such' "$(snmp_get "$(oid_ct "$(printf 'y%.0s' {1..65})" 2)")"
for bad in 'inventory:6.*169\.254\.3\.4' 'inventory:6.*not-an-address' 'inventory:7.*192\.0\.2\.300' \
	'inventory:8' 'inventory:9'; do
	assert_ok "the log names $bad" logged "$bad"
done

step 'an address claimed by two stays with whom it was counted for'
lab_inventory_usual '107 192.0.2.101 203.0.113.107'
assert_ok refresh ctmeter refresh
assert_await 'conflict, second claimant' 5 snmp_is "$(oid_addr 107 192.0.2.101 status)" 5
assert_eq 'the first claimant' 2 "$(status_of 101 192.0.2.101)"
assert_eq 'their other addresses count' '2 2' "$(status_of 101 2001:db8:1::101) $(status_of 107 203.0.113.107)"
in_101=$(snmp_get "$(oid_addr 101 192.0.2.101 fwd-in.octets)")
lab_flow 198.51.100.2 192.0.2.101 100 1000
lab_flow 198.51.100.2 192.0.2.102 100 1000
await 5 snmp_is "$(oid_addr 102 192.0.2.102 fwd-in.octets)" 100000
assert_eq 'all is booked to the first' $((in_101 + 100000)) "$(snmp_get "$(oid_addr 101 192.0.2.101 fwd-in.octets)")"
assert_eq 'nothing to the second' 0 "$(snmp_get "$(oid_addr 107 192.0.2.101 fwd-in.octets)")"
assert_eq 'logged once' 1 "$(grep -c 'conflict.*192\.0\.2\.101\|192\.0\.2\.101.*\(conflict\|claimed\)' "$LAB/ctmeterd.log")"
lab_inventory_usual
assert_ok refresh ctmeter refresh
assert_await 'the conflict ends' 5 snmp_is "$(oid_addr 107 192.0.2.101 status)" 6

step 'new to both, it is counted for neither'
lab_inventory_usual '107 203.0.113.9 203.0.113.107' '108 203.0.113.9'
assert_ok refresh ctmeter refresh
assert_eq 'conflict' '5 5' "$(status_of 107 203.0.113.9) $(status_of 108 203.0.113.9)"
lab_inventory_usual '108 203.0.113.9'
assert_ok refresh ctmeter refresh
assert_eq 'one let it go' '6 2' "$(status_of 107 203.0.113.9) $(status_of 108 203.0.113.9)"
lab_inventory_usual
assert_ok refresh ctmeter refresh

step 'what vanishes retires, and ages out'
assert_eq 'the row of 107 is retired' 6 "$(status_of 107 203.0.113.107)"
assert_eq 'its container is gone' 4 "$(snmp_get "$(oid_ct 107 run-state)")"
aged() { [[ $(status_of 107 203.0.113.107) == 'No Such'* ]]; }
lab_set inventory.retire-after 3
lab_write_conf
kill -HUP "$CTMETERD_PID"
assert_await 'and after retire-after it is no more' 20 aged
lab_set inventory.retire-after 3600
lab_write_conf
kill -HUP "$CTMETERD_PID"
reloaded_twice() { [ "$(grep -c 'cfg: reloaded' "$LAB/ctmeterd.log")" -ge 2 ]; }
assert_await 'no row ages out from here on' 5 reloaded_twice

step 'a line that cannot be read deletes nothing'
broken() { # LABEL LINE TEXT: a line of 102, and what is said of it
	lab_inventory <<-END
		101 192.0.2.101 2001:db8:1::101 name=web.example
		$2
		104 203.0.113.104
	END
	assert_match "$1: refresh says so" 'could not be read: .*line 2.*'"$3" "$(ctmeter refresh 2>&1)"
	assert_match "$1: status too" "line 2.*$3.*; the rest is used and nothing is removed" "$(ctmeter status)"
	assert_eq "$1: all count on, and what is new" '2 2 2 2' "$(status_of 102 192.0.2.102) $(
		status_of 102 192.0.2.112) $(status_of 103 192.0.2.103) $(status_of 104 203.0.113.104)"
	lab_flow 198.51.100.2 192.0.2.112 10 1000
	book_check "$1"
}
lab_inventory_usual
ctmeter refresh >/dev/null
broken 'an unknown key' '102 192.0.2.102 192.0.2.112 nmae=db.example' 'unknown key'
broken 'an address that is none' '102 192.0.2.102 192.0.2.11O' '192.0.2.11O'
broken 'octets that are no text' $'102 192.0.2.102 n\xffme=x\x1b[1m' 'unknown key'
broken 'a no-break space in place of a blank' $'102\302\240192.0.2.102 192.0.2.112 name=db.example' 'looks like a space but is not one'
broken 'an id with zero width in it' $'"102\342\200\213" 192.0.2.102 192.0.2.112' 'U\+200B'
broken 'a network' '102 192.0.2.102 192.0.2.128/28' '192\.0\.2\.128/28. of container 102 refused: it is a network'
assert_match 'is not counted as its first address' '^No Such' "$(status_of 102 192.0.2.128)"
broken 'a network of IPv6' '102 192.0.2.102 2001:db8:1:5::/64' '2001:db8:1:5::/64'
broken 'no id' '192.0.2.102 name=db.example' 'is an id missing before it'
broken 'a quote that does not end' '102 192.0.2.102 192.0.2.112 name="db' 'a quote is not closed'
lab_inventory_usual
assert_ok 'exit status of refresh' ctmeter refresh
assert_eq 'all is read again' '3 containers, 6 addresses: 24 rules are in place' "$(ctmeter refresh 2>&1)"
assert_eq 'what is not in it is gone' 6 "$(status_of 104 203.0.113.104)"

step 'a source that fails deletes nothing'
failures=$(snmp_get "$(oid_scalar 9)")
mv "$LAB/inventory" "$LAB/inventory.away"
assert_match 'refresh says so' 'could not be read: .*No such file' "$(ctmeter refresh 2>&1)"
for form in '' --json; do
	for command in refresh status; do
		# shellcheck disable=SC2086 # none or one word
		ctmeter $form $command >/dev/null 2>"$LAB/complaint"
		assert_eq "its exit status: $command $form" 1 $?
		assert_eq "one line says why: $command $form" 1 "$(wc -l <"$LAB/complaint")"
	done
done
failed_more() { [ "$(snmp_get "$(oid_scalar 9)")" -gt "$failures" ]; }
assert_await 'the failure is counted' 10 failed_more
assert_eq 'all rows still count' '2 2 2' \
	"$(status_of 101 192.0.2.101) $(status_of 102 192.0.2.112) $(status_of 103 2001:db8:1::103)"
mv "$LAB/inventory.away" "$LAB/inventory"
lab_ctmeterd_stop

step 'a command, looked at once an hour; the kernel announces a route'
lab_set inventory.interval 3600
lab_set inventory.source "command:/bin/cat $LAB/inventory"
lab_ctmeterd_start
assert_await 'the tables are served' 10 snmp_serves
lab_inventory_usual '200 203.0.113.200 2001:db8:2::200'
ip route add 203.0.113.200/32 dev vc1
# The look is to begin within a second; the rest is the commit and this poll.
assert_await 'the row is there at once' 3 snmp_is "$(oid_addr 200 203.0.113.200 status)" 2
lab_inventory_usual '200 203.0.113.200 2001:db8:2::200' '201 203.0.113.201'
ip link add vnew type veth
assert_await 'a link is announced too' 3 snmp_is "$(oid_addr 201 203.0.113.201 status)" 2

lab_end
