#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A ledger that is not the one of the last moment: an older copy put back while the rules live on, one that
# was removed, one of another node. No container gets another's octets, no count of discontinuities falls,
# no ifIndex is given again, and it is said.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
lab_set inventory.interval 3600
lab_set ledger.checkpoint 1
ONE=192.0.2.101 TWO=192.0.2.102

octets() { snmp_get "$(oid_addr "$1" "$2" fwd-in.octets)"; } # CTID ADDR
sum() { snmp_get "$(oid_ct "$1" fwd-in.octets)"; } # CTID
breaks() { snmp_get "$(oid_addr "$1" "$2" disc-count)"; } # CTID ADDR
port() { snmp_get "$(oid_ct "$1" ct-ifindex)"; } # CTID
said() { grep -c "$1" "$LAB/ctmeterd.log"; }
flow() { lab_flow 198.51.100.2 "$1" "$2" 1000; } # TO PACKETS
owners() { # LINE...
	printf '%s\n' "$@" | lab_inventory
	assert_ok "inventory: $*" ctmeter refresh
}
stop() { lab_ctmeterd_stop; }
start() {
	lab_ctmeterd_start
	await 10 snmp_serves || fail 'the tables are not served'
	ctmeter refresh >/dev/null || fail 'refresh'
}
copy() { cp "$LAB/ledger.db" "$LAB/$1.db"; } # NAME: what is there, of a daemon that is stopped
put_back() { rm -f "$LAB"/ledger.db-{wal,shm} && cp "$LAB/$1.db" "$LAB/ledger.db"; } # NAME

lab_network
lab_snmpd_start
lab_inventory_usual
start
owners "101 $ONE" "102 $TWO"
flow $ONE 10
stop
copy early
start
assert_eq 'a copy is made: nothing is lost by that' '10000 0' "$(octets 101 $ONE) $(breaks 101 $ONE)"

step 'put back: the address was another'"'"'s in between, with commits'
owners "102 $ONE $TWO" '105 203.0.113.5'
flow $ONE 90
assert_await 'his' 5 snmp_is "$(oid_addr 102 $ONE fwd-in.octets)" 90000
iptables-legacy -t mangle -Z ctm-d
flow $TWO 5
owners "102 $TWO" "101 $ONE" '105 203.0.113.5'
iptables-legacy -t mangle -F FORWARD
assert_ok 'repaired' ctmeter refresh
before=$(breaks 101 $ONE) taken=$(port 105)
stop
put_back early
start
assert_eq "nothing of the other's" 10000 "$(octets 101 $ONE)"
assert_eq 'nor in the sum' 10000 "$(sum 101)"
assert_ge 'the discontinuities are more than before' $((before + 1)) "$(breaks 101 $ONE)"
assert_ge 'of the other, too' $((before + 1)) "$(breaks 102 $TWO)"
once=$(breaks 101 $ONE)
owners "101 $ONE" "102 $TWO" '106 203.0.113.6'
assert_ge 'an ifIndex is not given again' $((taken + 1)) "$(port 106)"
flow $ONE 7
assert_await 'what comes counts, exactly' 5 snmp_is "$(oid_addr 101 $ONE fwd-in.octets)" 17000
assert_eq 'one event' "$once" "$(breaks 101 $ONE)"
assert_eq 'it is logged once' 1 "$(said 'earlier copy was put back')"
assert_match 'status says so' 'older' "$(ctmeter status)"
assert_match 'so does check' 'warn.*older' "$(ctmeter check ledger)"
stop
start
assert_eq 'the next start says nothing' "17000 $once" "$(octets 101 $ONE) $(breaks 101 $ONE)"
assert_eq 'nor logs it' 1 "$(said 'earlier copy was put back')"

step 'put back: no commit since, and the address was another'"'"'s'
owners "101 $ONE" "102 $TWO"
stop
copy same
start
epoch=$(iptables-legacy -t mangle -S FORWARD | grep -o 'ctm-FORWARD-[0-9a-f]*')
owners "102 $ONE $TWO"
flow $ONE 50
assert_await "the other's" 5 snmp_is "$(oid_addr 102 $ONE fwd-in.octets)" 50000
owners "101 $ONE" "102 $TWO"
assert_eq 'there was no commit' "$epoch" "$(iptables-legacy -t mangle -S FORWARD | grep -o 'ctm-FORWARD-[0-9a-f]*')"
before=$(breaks 101 $ONE)
stop
put_back same
start
assert_eq "nothing of the other's" 17000 "$(octets 101 $ONE)"
assert_ge 'and it is told' $((before + 1)) "$(breaks 101 $ONE)"

step 'put back, and no witness: the epoch tells'
stop
copy epoch
start
owners "101 $ONE" "102 $TWO" '107 203.0.113.7'
flow $ONE 40
assert_await 'counted' 5 snmp_is "$(oid_addr 101 $ONE fwd-in.octets)" 57000
before=$(breaks 101 $ONE)
stop
rm "$LAB/ledger.witness"
put_back epoch
start
assert_eq 'what the rules counted since is nobody'"'"'s' 17000 "$(octets 101 $ONE)"
assert_ge 'and it is told' $((before + 1)) "$(breaks 101 $ONE)"
assert_eq 'logged, of the family whose rules are newer' 1 "$(said 'rules in IPv4 table mangle are newer')"

step 'removed, and the rules live on'
for witness in there gone; do
	flow $ONE 3
	stop
	rm -f "$LAB"/ledger.db*
	[ $witness = there ] || rm "$LAB/ledger.witness"
	start
	assert_await "witness $witness: the row says so" 5 snmp_is "$(oid_addr 101 $ONE disc-count)" 1
	assert_eq "witness $witness: no old octets are new ones" 0 "$(octets 101 $ONE)"
	flow $ONE 4
	assert_await "witness $witness: on from there" 5 snmp_is "$(oid_addr 101 $ONE fwd-in.octets)" 4000
done

step "another node's ledger: of another boot"
stop
"$B/tests/netns/dblock" -w "$LAB/ledger.db" "UPDATE meta SET value = 'another' WHERE key = 'boot_id'"
"$B/tests/netns/dblock" -w "$LAB/ledger.db" "UPDATE meta SET value = 77 WHERE key = 'ledger'"
flow $ONE 20
start
assert_eq 'nothing of this one is booked to it' 4000 "$(octets 101 $ONE)"
assert_ge 'and it is told' 2 "$(breaks 101 $ONE)"

step 'a kill is none of this'
before=$(breaks 101 $ONE)
lab_ctmeterd_kill9
flow $ONE 6
start
assert_await 'exact' 5 snmp_is "$(oid_addr 101 $ONE fwd-in.octets)" 10000
assert_eq 'and no event' "$before" "$(breaks 101 $ONE)"
lab_end
