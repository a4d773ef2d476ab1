#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# snmpd is absent, ends, comes back, hangs for 30 s: accounting goes on, and the tables come back
# by themselves. A second ctmeterd is refused.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"

step 'snmpd is absent when ctmeterd starts'
lab_network
lab_inventory_usual
lab_ctmeterd_start
assert_match 'status answers' 'problem: snmpd' "$(ctmeter status)"
ctmeter status >/dev/null 2>&1
assert_eq 'a problem can be told by its exit status' 1 $?
assert_ok 'refresh answers' ctmeter refresh
lab_flow 198.51.100.2 192.0.2.101 500 1000
lab_snmpd_start
assert_await 'the tables come with snmpd' 5 snmp_serves
book_check 'counted before snmpd was there'

step 'snmpd restarts'
lab_snmpd_stop
lab_flow 198.51.100.2 192.0.2.101 300 1000
lab_flow 2001:db8:1::103 2001:db8:f::2 300 1000
lab_snmpd_start
assert_await 'the tables come back with it' 5 snmp_serves
book_check 'counted while it was away'

step 'snmpd is killed'
kill -KILL "$SNMPD_PID"
wait "$SNMPD_PID" 2>/dev/null
lab_flow 192.0.2.102 198.51.100.2 200 500
lab_snmpd_start
assert_await 'the tables come back with it' 5 snmp_serves
book_check 'counted while it was dead'

step 'snmpd is stopped for 30 s'
lab_snmpd_pause
stopped=$SECONDS
while [ $((SECONDS - stopped)) -lt 30 ]; do
	lab_flow 198.51.100.2 192.0.2.103 20 700
	lab_flow 2001:db8:f::1 2001:db8:1::103 20 700
	if ! patiently "$B/ctmeter" -c "$LAB/ctmeter.conf" list >/dev/null; then
		fail 'list does not answer while snmpd hangs'
		break
	fi
	pass
	sleep 2 # the measure of this step is time itself
done
kill -CONT "$SNMPD_PID"
assert_await 'the tables come back with it' 5 snmp_serves
book_check 'counted while it hung'

step 'a second ctmeterd is refused with a message'
lab_write_conf
patiently "$B/ctmeterd" -c "$LAB/ctmeter.conf" </dev/null >"$LAB/second" 2>&1
assert_eq 'its exit status' 1 $?
assert_match 'it says why' '(another|already|running)' "$(<"$LAB/second")"
sed 's/^/   /' "$LAB/second"
assert_ok 'the first one stays' ctmeter list
lab_flow 198.51.100.2 192.0.2.101 100 100
book_check 'and counts'

lab_end
