#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Addresses come, go and change hands while traffic runs: every octet is in exactly one row.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
lab_start

MOVING=192.0.2.101
MOVING6=2001:db8:1::101

# N further addresses in further containers, so that every change makes a commit.
crowd() { # FROM TO
	local i
	for ((i = $1; i <= $2; i++)); do
		echo "$((1000 + i)) 203.0.113.$i 2001:db8:2::$i"
	done
}

# The inventory while the moving addresses belong to container $1, with a crowd.
inventory() { # OWNER FROM TO
	case $1 in
	101) echo "101 $MOVING $MOVING6" && echo '102 192.0.2.102 192.0.2.112' ;;
	102) echo '101' && echo "102 192.0.2.102 192.0.2.112 $MOVING $MOVING6" ;;
	esac
	echo '103 192.0.2.103 2001:db8:1::103'
	crowd "$2" "$3"
}

stream() { # FROM TO FILE
	ns_exec outside "$B/tests/netns/udpgen" send --from "$1" --to "$2" --port 7771 \
		--size 48-1500 --rate 8000 --duration 60 --seed 4711 </dev/null >"$3" 9>&- &
}

step 'two streams run; the crowd changes, the addresses move to and fro'
lab_sink_start "$MOVING" 7771
stream 198.51.100.2 "$MOVING" "$LAB/stream4"
STREAM4=$!
stream 2001:db8:f::2 "$MOVING6" "$LAB/stream6"
STREAM6=$!

LEAST=0
never_less() { # what the moving address has in all rows never falls
	local sum=0 v ct
	for ct in 101 102; do
		v=$(snmp_get "$(oid_addr $ct $MOVING fwd-in.octets)")
		[[ $v =~ ^[0-9]+$ ]] && sum=$((sum + v))
	done
	assert_ge 'the sum over both rows' "$LEAST" "$sum"
	LEAST=$sum
}

for round in {1..40}; do
	owner=$((101 + round / 2 % 2))
	inventory $owner $((round * 3)) $((round * 3 + 40)) | lab_inventory
	assert_ok "refresh $round" ctmeter refresh
	[ $((round % 5)) -ne 0 ] || never_less
done
inventory 101 1 0 | lab_inventory
assert_ok 'last refresh' ctmeter refresh

kill "$STREAM4" "$STREAM6"
wait "$STREAM4" "$STREAM6"
read -r pkts4 octets4 <"$LAB/stream4"
read -r pkts6 octets6 <"$LAB/stream6"
assert_ge 'packets sent while it went on' 2000 "$pkts4"

# COUNTER of ADDR, summed over the rows of both owners.
both() { # ADDR COUNTER
	local sum=0 ct v
	for ct in 101 102; do
		v=${SERVED[$(oid_addr $ct "$1" "$2")]-0}
		sum=$((sum + v))
	done
	echo "$sum"
}
all_served() { snmp_load && [ "$(both "$MOVING" fwd-in.octets) $(both "$MOVING6" fwd-in.octets)" = "$octets4 $octets6" ]; }

step 'sent is served, over both owners'
await 5 all_served
snmp_load # a walk's first rows may be of an earlier reading than its last
assert_eq 'IPv4 octets' "$octets4" "$(both $MOVING fwd-in.octets)"
assert_eq 'IPv4 packets' "$pkts4" "$(both $MOVING fwd-in.pkts)"
assert_eq 'IPv6 octets' "$octets6" "$(both $MOVING6 fwd-in.octets)"
assert_eq 'IPv6 packets' "$pkts6" "$(both $MOVING6 fwd-in.pkts)"
for ct in 101 102; do
	v4=${SERVED[$(oid_addr $ct $MOVING fwd-in.octets)]}
	v6=${SERVED[$(oid_addr $ct $MOVING6 fwd-in.octets)]}
	assert_ge "$ct had a share" 1 "$v4"
	assert_eq "$ct is the sum of its rows" $((v4 + v6)) "${SERVED[$(oid_ct $ct fwd-in.octets)]}"
done

step 'an address that goes keeps its total, and goes on from it when it comes back'
lab_flow 198.51.100.2 192.0.2.103 500 1000
await 5 snmp_is "$(oid_addr 103 192.0.2.103 fwd-in.octets)" 500000
inventory 101 1 0 | grep -v '^103' | lab_inventory
assert_ok 'refresh after going' ctmeter refresh
assert_await 'its row is retired' 5 snmp_is "$(oid_addr 103 192.0.2.103 status)" 6
assert_eq 'its total stays' 500000 "$(snmp_get "$(oid_addr 103 192.0.2.103 fwd-in.octets)")"
inventory 101 1 0 | lab_inventory
assert_ok 'refresh after coming back' ctmeter refresh
lab_flow 198.51.100.2 192.0.2.103 500 1000
assert_await 'and goes on' 5 snmp_is "$(oid_addr 103 192.0.2.103 fwd-in.octets)" 1000000
assert_eq 'its row counts again' 2 "$(snmp_get "$(oid_addr 103 192.0.2.103 status)")"
assert_eq 'the container has it all' 1000000 "$(snmp_get "$(oid_ct 103 fwd-in.octets)")"

lab_end
