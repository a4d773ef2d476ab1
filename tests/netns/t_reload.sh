#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGHUP, key by key: what is taken over live counts on exactly, what needs a restart is said and left,
# what is wrong is refused with line and cure while the old configuration goes on; a hundred in a row
# leave nothing behind. (The keys of [ports] and notifications: t_ports.sh, t_notify.sh.)

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
lab_start

said() { grep -c -- "$1" "$LAB/ctmeterd.log"; } # REGEX
reload() { # waits until it is done
	local before
	before=$(said 'cfg: reloaded ')
	lab_write_conf
	kill -HUP "$CTMETERD_PID"
	assert_await "reloaded with ${1-}" 5 eval "[ \$(said 'cfg: reloaded ') -gt $before ]"
}
status_of() { snmp_is "$(oid_addr "$1" "$2" status)" "$3"; } # CTID ADDR STATUS
config_is() { ctmeter --json status | grep -q "\"config\": *\"$1"; } # REGEX
traffic() {
	lab_flow 198.51.100.2 192.0.2.101 100 28-1500
	lab_flow 192.0.2.102 192.0.2.103 100 28-1500
	lab_flow 2001:db8:f::2 2001:db8:1::103 100 48-1500
}
rules_of_hook() { iptables-legacy-save -t mangle | grep -c -- "^-A ctm-$1 -[sd] "; } # TREE

traffic
lab_flow 198.51.100.1 192.0.2.101 100 28-1500
book_check 'at first'
assert_ok 'the file is what runs' config_is ok

step '[netfilter] node-traffic'
lab_set netfilter.node-traffic no
reload node-traffic
assert_ok refresh ctmeter refresh
assert_eq 'no rules for it' 0 "$(rules_of_hook '[io]')"
assert_ok 'rules for the rest' test "$(rules_of_hook d)" -gt 0
traffic
# Not counted, so not in the book.
in_ns node "$B/tests/netns/udpgen" send --from 198.51.100.1 --to 192.0.2.101 --port 7001 --count 10 \
	--size 100 >/dev/null
served_as_booked() { snmp_is "$(oid_addr "$1" "$2" fwd-in.octets)" "${BOOK["$1 $2 fwd-in.octets"]}"; }
assert_await 'forwarded IPv4 goes on' 5 served_as_booked 101 192.0.2.101
assert_await 'forwarded IPv6 goes on' 5 served_as_booked 103 2001:db8:1::103
assert_ok 'node traffic is not said to be 0' eval '! snmp_number "$(oid_ct 102 node-in.octets)"'
lab_set netfilter.node-traffic yes
reload node-traffic
assert_ok refresh ctmeter refresh
lab_flow 192.0.2.101 198.51.100.1 100 28-1500
traffic
book_check 'with it again'

step '[inventory] source, interval, max-rows, retire-after'
lab_set inventory.interval 3600
reload interval
lab_address c3 192.0.2.113
LAB_OWNER[192.0.2.113]=103
{ cat "$LAB/inventory"; echo '103 192.0.2.113'; } >"$LAB/other"
lab_set inventory.source "file:$LAB/other"
reload source
assert_await 'what it has more is counted' 5 status_of 103 192.0.2.113 2
lab_flow 198.51.100.2 192.0.2.113 50 100
sed -i '/113/d' "$LAB/other"
lab_set inventory.interval 1
reload interval
assert_await 'the shorter interval finds what went' 5 status_of 103 192.0.2.113 6
lab_set inventory.max-rows 6
reload max-rows
echo '104 203.0.113.4' >>"$LAB/other"
assert_await 'one too many is refused' 5 said '1 addresses are not counted: they exceed max-rows = 6'
lab_set inventory.max-rows 20000
reload max-rows
assert_await 'and taken' 5 status_of 104 203.0.113.4 2
assert_await 'which is said' 5 said 'over the limits now'
sed -i '/^104/d' "$LAB/other"
assert_ok refresh ctmeter refresh
traffic
book_check 'after all these'
lab_set inventory.retire-after 0
reload retire-after
gone() { ! snmp_number "$(oid_addr 103 192.0.2.113 fwd-in.octets)"; }
assert_await 'the retired row is not served any more' 15 gone
assert_eq 'its container keeps what it counted' \
	"${BOOK["103 - fwd-in.octets"]}" "$(snmp_get "$(oid_ct 103 fwd-in.octets)")"
lab_set inventory.retire-after 86400

step '[ledger] checkpoint'
stored() { [ "$("$B/ctmeter" -c "$LAB/ctmeter.conf" report --ct 101 --format csv --bytes | grep -c .)" -gt 0 ]; }
mtime() { stat -c %Y.%y "$LAB/ledger.db-wal"; }
lab_set ledger.checkpoint 3600
reload checkpoint
traffic
lab_set ledger.checkpoint 1
before=$(mtime)
reload checkpoint
assert_await 'the next does not wait for the hour' 5 eval '[ "$(mtime)" != "$before" ]'
assert_ok 'a report' stored

step '[agentx] socket and context'
lab_snmpd_stop
eval "$(declare -f snmpd_config | sed 's/agentx\.sock/elsewhere.sock/')"
lab_snmpd_start 'com2sec -Cn other otherSec 127.0.0.1 lab-other' 'group otherGroup v2c otherSec' \
	'access otherGroup other any noauth exact ctports none none'
lab_set agentx.socket "$LAB/elsewhere.sock"
lab_set agentx.context other
reload 'socket and context'
assert_await 'served through the other socket' 10 snmp_serves
other_view() { (COMMUNITY=lab-other && snmp_number .1.3.6.1.2.1.2.1.0); }
assert_await 'in the other context' 10 other_view
assert_ok 'status knows' eval 'ctmeter --json status | grep -q elsewhere.sock'
lab_set agentx.context ''
reload 'no context'
assert_await 'tables again' 10 snmp_serves
assert_ok 'no switch view' eval '! other_view'
traffic
book_check 'through another snmpd'

step 'what needs a restart'
declare -A KEPT=()
for key in netfilter.table=filter netfilter.backend=fake "ledger.path=$LAB/else.db" \
	"control.socket=$LAB/else.sock"; do
	name=${key%%=*}
	KEPT[$name]=${LAB_CONF[$name]-mangle}
	cp "$LAB/ctmeter.conf" "$LAB/running.conf"
	lab_set "$name" "${key#*=}"
	reload "$name"
	assert_eq "$name: the log says so" 1 "$(said "restart ctmeterd to apply the changed \[${name%.*}\] ${name#*.}")"
	assert_ok "$name: status says so" eval "'$B/ctmeter' -c '$LAB/running.conf' --json status |
		grep -q 'restart ctmeterd to apply the changed \[${name%.*}\] ${name#*.}'"
	lab_set "$name" "${KEPT[$name]}"
	reload "$name"
	assert_ok "$name: as it was" config_is ok
done
assert_ok 'rules stay where they are' test "$(rules_of_hook d)" -gt 0
traffic
book_check 'all the while'

step 'refused: the old one goes on'
cp "$LAB/ctmeter.conf" "$LAB/good.conf"
for bad in 'table = nat|must be one of: mangle, filter' 'nonsense = 1|has no key|its keys are' \
	'backend iptables|expected NAME = VALUE'; do
	{ cat "$LAB/good.conf"; echo '[netfilter]'; echo "${bad%%|*}"; } | grep -v '^table' >"$LAB/new.conf"
	[ "${bad%% *}" != table ] || echo "${bad%%|*}" >>"$LAB/new.conf"
	mv "$LAB/new.conf" "$LAB/ctmeter.conf"
	kill -HUP "$CTMETERD_PID"
	assert_await "the log tells: ${bad#*|}" 5 grep -qE "ctmeter.conf:[0-9]+: .*(${bad#*|})" "$LAB/ctmeterd.log"
	out=$(ctmeter status 2>&1)
	assert_match 'status: the old one runs' "configuration: refused, still running the previous one: .*(${bad#*|})" "$out"
	out=$(ctmeter check daemon 2>&1)
	assert_match 'check: the file is not what runs' 'the running configuration differs from the file: refused' "$out"
done
traffic
book_check 'with the old one'
cp "$LAB/good.conf" "$LAB/ctmeter.conf"
assert_ok 'put back, it is what runs' config_is ok
reload 'what was put back'
echo '# a comment' >>"$LAB/ctmeter.conf"
assert_ok 'changed, and not read yet' config_is '.*has changed since it was read'
reload 'the same'
assert_ok 'read' config_is ok

step 'a hundred in a row'
descriptors() { find "/proc/$CTMETERD_PID/fd" -mindepth 1 | wc -l; }
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$CTMETERD_PID/status"; }
hundred() {
	local i
	for ((i = 0; i < 100; i++)); do
		lab_set inventory.max-rows $((20000 + i % 2)) # other sources each time
		lab_set agentx.context $((i % 2 ? 1 : 2)) # and another session
		reload $i
	done
}
hundred
assert_await 'served' 10 snmp_serves
fds=$(descriptors) rss=$(resident)
hundred
assert_await 'served' 10 snmp_serves
no_more() { [ "$(descriptors)" -le "$fds" ]; } # a poll under way has some of its own
assert_await 'descriptors' 10 no_more
# A sanitizer keeps what was freed.
[ "$SLOW" -gt 1 ] || assert_ge "resident, $rss kB before" $(($(resident) - 512)) "$rss"
traffic
book_check 'after two hundred'

step 'mangle to filter: teardown books what is there, a start goes on'
lab_set netfilter.table filter
lab_write_conf
assert_ok teardown ctmeter teardown
wait "$CTMETERD_PID"
assert_eq 'nothing is left in mangle' 0 "$(iptables-legacy-save -t mangle | grep -c ctm)"
lab_ctmeterd_start
assert_await 'the tables are back' 10 snmp_serves
assert_ok refresh ctmeter refresh
traffic
book_check 'in the other table'
assert_ok 'it is filter' eval 'iptables-legacy-save -t filter | grep -q ctm'
lab_end
