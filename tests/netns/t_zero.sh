#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `ctmeter zero`: list and report count from the mark on, what SNMP publishes does not move, nobody
# else is touched, and the mark outlives the daemon.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
lab_start

IN101=$(oid_addr 101 192.0.2.101 fwd-in.octets)
listed() { # CTID: octets in, as `list` has them
	ctmeter list --bytes "$1" | awk -v id="$1" '$1 == id { gsub(",", ""); print $(NF - 4) }'
}
list_is() { [ "$(listed "$1")" = "$2" ]; }
zeroed_report() { ctmeter report --since-zero --format csv | sed -n "s/^\"*$1\"*,//p" | cut -d, -f2; }

step 'two containers count'
lab_flow 198.51.100.2 192.0.2.101 100 1000
lab_flow 198.51.100.2 192.0.2.102 100 500
assert_await 'served' 5 snmp_is "$IN101" 100000
assert_await 'listed' 5 list_is 101 100000

step 'one of them is counted from now on'
assert_ok 'zero' ctmeter zero 101
assert_await 'its list begins at 0' 5 list_is 101 0
assert_await "the other one's list stays" 5 list_is 102 50000
assert_eq 'SNMP does not move' 100000 "$(snmp_get "$IN101")"
lab_flow 198.51.100.2 192.0.2.101 10 1000
assert_await 'its list goes on' 5 list_is 101 10000
assert_await 'SNMP goes on' 5 snmp_is "$IN101" 110000

step 'the mark outlives the daemon'
lab_ctmeterd_kill9
lab_ctmeterd_start
assert_await 'its list' 5 list_is 101 10000
assert_await 'SNMP' 5 snmp_is "$IN101" 110000
lab_ctmeterd_stop
assert_match 'the report counts from the mark, without a daemon' 10000 "$(zeroed_report 101)"
lab_ctmeterd_start

step 'what is not there is refused'
ctmeter zero 999 >"$LAB/out" 2>&1
assert_eq 'exit status' 1 $?
assert_match 'which and what to do' '999.*ctmeter list' "$(<"$LAB/out")"
ctmeter zero >"$LAB/out" 2>&1
assert_ge 'no argument is an error' 1 $?

lab_end
