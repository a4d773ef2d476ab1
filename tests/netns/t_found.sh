#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Addresses that no source names: they are found in the containers' network namespaces, heard of when they
# change, and counted at the container's link. Whoever gives himself a neighbour's takes nothing from him, while
# the neighbour restarts and the daemon, too.

BACKEND='link'
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"

declare -A PIDS=()
enter_ns() { # NAMESPACE: a process in it, whose number is a container's
	local ns=$1
	ns_exec "$ns" sleep 1000 </dev/null >/dev/null 2>&1 9>&- &
	PIDS[$ns]=$!
	await 5 is_in "$ns" || fail "no process in $ns"
}
is_in() { [ "$(stat -Lc %i "/proc/${PIDS[$1]}/ns/net")" = "$(stat -Lc %i "/run/netns/$1")" ]; }
status_of() { snmp_get "$(oid_addr "$1" "$2" status)"; } # CTID ADDR
has_status() { [ "$(status_of "$1" "$2")" = "$3" ]; } # CTID ADDR STATUS
reason_of() { snmp_get "$(oid_addr "$1" "$2" reason)"; } # CTID ADDR
list_all() { # [STATE-OF-104]
	lab_inventory <<-END
		101 pid=${PIDS[c1]} state=running
		102 pid=${PIDS[c2]} state=running
		103 192.0.2.103 2001:db8:1::103 state=running
		104 ${1:-pid=${PIDS[c4]} state=running}
		105 pid=${PIDS[c5]} state=running
	END
	assert_ok refresh ctmeter refresh
}
port() { # NAMESPACE NUMBER ADDR: a container on the bridge br0
	lab_container "$1" "$2"
	ip link set "v$1" master br0
	ip -n "$1" addr add "$3/24" dev eth0
	ip neigh replace "$3" lladdr "02:00:00:00:01:0$2" nud permanent dev br0
	LAB_HOME[$3]=$1
	enter_ns "$1"
}

lab_network
ip link add br0 type bridge
ip addr add 203.0.113.1/24 dev br0
ip link set br0 up
ip -n outside route add 203.0.113.0/24 via 198.51.100.1
for ns in c1 c2; do enter_ns $ns; done
port c4 5 203.0.113.4
port c5 6 203.0.113.5
LAB_OWNER[203.0.113.4]=104 LAB_OWNER[203.0.113.5]=105
LAB_ADDRESSES+=(203.0.113.4 203.0.113.5)
LAB_CONTAINERS+=(104 105)
lab_inventory <<<'# none yet'
lab_snmpd_start
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'

step 'what is inside is found and counted: routed, on a bridge, both families'
list_all
for a in "${LAB_ADDRESSES[@]}"; do assert_eq "$a is counted" 2 "$(status_of "${LAB_OWNER[$a]}" "$a")"; done
assert_eq 'at its link' vc4 "$(snmp_get "$(oid_addr 104 203.0.113.4 link)")"
assert_await 'changes are heard' 5 grep -q 'changes inside containers are heard at once' "$LAB/ctmeterd.log"
lab_flow 198.51.100.2 192.0.2.101 20 500
lab_flow 2001:db8:1::101 2001:db8:f::2 20 600
lab_flow 198.51.100.2 203.0.113.4 20 700
lab_flow 203.0.113.5 198.51.100.2 20 800
book_check 'found'

step 'a change inside: what DHCP and SLAAC do'
new_address() { # ADDR
	LAB_OWNER[$1]=101
	LAB_ADDRESSES+=("$1")
	lab_address c1 "$1"
	assert_await "$1 is counted" 5 has_status 101 "$1" 2
}
new_address 192.0.2.121
new_address 2001:db8:1::dead:beef
lab_flow 198.51.100.2 192.0.2.121 30 500
lab_flow 2001:db8:1::dead:beef 2001:db8:f::2 30 400
book_check 'after the change'
ip -n c1 addr del 192.0.2.121/32 dev eth0
assert_await 'it is gone' 5 has_status 101 192.0.2.121 6
assert_eq 'why' 'its container no longer has it' "$(reason_of 101 192.0.2.121)"

step 'a tenant takes what nobody allows him'
ip -n c5 addr add 172.31.0.1/16 dev eth0
assert_await 'not countable' 5 has_status 105 172.31.0.1 4
assert_match 'why' 'found in the container.*\[inventory\] allow = PREFIX' "$(reason_of 105 172.31.0.1)"
assert_match 'status says so' 'not allowed: *1' "$(ctmeter status)"

step 'a tenant takes the address of a neighbour, who restarts; so does the daemon'
ip -n c5 addr add 203.0.113.4/32 dev eth0
assert_await 'the claimant is in conflict' 5 has_status 105 203.0.113.4 5
assert_eq 'why' 'also claimed by 104, and counted for it' "$(reason_of 105 203.0.113.4)"
assert_eq 'the neighbour keeps it' 2 "$(status_of 104 203.0.113.4)"
lab_flow 198.51.100.2 203.0.113.4 20 500
stop_process "${PIDS[c4]}" KILL
ip netns del c4
assert_await 'his link is gone' 5 eval '! ip link show vc4'
list_all state=stopped
assert_eq 'nobody has it' '6 5' "$(status_of 104 203.0.113.4) $(status_of 105 203.0.113.4)"
assert_match 'why' 'container 104 had it last and is stopped' "$(reason_of 105 203.0.113.4)"
steal() { # what the claimant sends under that address
	local port=$((LAB_PORT++))
	lab_sink_start 198.51.100.2 $port 50 # otherwise ICMP would tell the neighbour
	in_ns c5 "$B/tests/netns/udpgen" send --from 203.0.113.4 --to 198.51.100.2 --port $port --count 50 \
		--size 300 --duration 20 --seed 1 >/dev/null
	wait "$SINK_PID"
	assert_eq 'it is sent' '50 15000' "$(<"$LAB/sink.$port")"
}
steal
lab_ctmeterd_kill9
steal
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh
assert_eq 'nobody has it after the kill' '6 5' "$(status_of 104 203.0.113.4) $(status_of 105 203.0.113.4)"
steal
port c4 5 203.0.113.4
list_all
assert_await 'the neighbour has it again' 5 has_status 104 203.0.113.4 2
assert_eq 'the claimant is in conflict' 5 "$(status_of 105 203.0.113.4)"
steal
lab_flow 198.51.100.2 203.0.113.4 40 900
lab_flow 203.0.113.4 198.51.100.2 40 1000
book_check 'the neighbour has what was sent'
for path in "${LAB_PATHS[@]}"; do
	assert_eq "the claimant has nothing: $path" 0 "$(snmp_get "$(oid_addr 105 203.0.113.4 "$path.octets")")"
done
claims() { grep -c '203.0.113.4.* container' "$LAB/ctmeterd.log"; }
logged=$(claims)
assert_ok refresh ctmeter refresh
assert_ok refresh ctmeter refresh
assert_eq 'the log says it once' "$logged" "$(claims)"
assert_match 'status says so' 'claimed by several containers' "$(ctmeter status)"

step 'two containers in one namespace'
lab_inventory <<-END
	101 pid=${PIDS[c1]} state=running
	102 pid=${PIDS[c2]} state=running
	103 192.0.2.103 2001:db8:1::103 state=running
	104 pid=${PIDS[c4]} state=running
	105 pid=${PIDS[c5]} state=running
	106 pid=${PIDS[c1]} state=running
	107 pid=$$ state=running
END
assert_ok refresh ctmeter refresh
assert_eq 'who had its addresses has them' 2 "$(status_of 101 192.0.2.101)"
assert_match 'the other shares them' '106 .*shared network' "$(ctmeter list)"
assert_match 'one is on the node' "107 .*node's network" "$(ctmeter list)"

step 'an assigned address that has not sent a packet yet: the process leads to its link'
port c6 7 203.0.113.6
ip neigh del 203.0.113.6 dev br0
lab_inventory <<<"108 203.0.113.6 pid=${PIDS[c6]} state=running"
assert_ok refresh ctmeter refresh
assert_await 'it is counted' 5 has_status 108 203.0.113.6 2
assert_eq 'at its link' vc6 "$(snmp_get "$(oid_addr 108 203.0.113.6 link)")"

lab_end
