#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Links come, go, are renamed and made again while the daemon counts on them: what is served is what was
# sent, each row says where it is counted or why not, and a link is counted soon after it appears.

BACKEND='link'
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
lab_start

OUT=198.51.100.2
C1=192.0.2.101
C2=192.0.2.102
LINK_NAME=19 STATUS_REASON=20 # columns of ctmAddressTable

# "STATUS LINK REASON" of an address, as list --links shows it. A table's blanks are two.
place() { # ADDR
	ctmeter list --links | sed 's/  */ /g' | awk -v a="$1" '$3 == a || $2 == a {
		i = $3 == a ? 4 : 3; out = $(i + 1) " " $i
		for (k = i + 2; k <= NF; k++) out = out " " $k
		print out }'
}
# shellcheck disable=SC2053 # a pattern
is_placed() { [[ $(place "$1") == $2 ]]; } # ADDR PATTERN
assert_place() { # LABEL ADDR PATTERN
	assert_await "$1: $2 is '$3', not '$(place "$2")'" 10 is_placed "$2" "$3"
}

# A container's link anew, as a runtime makes it: the same name, another link.
restart() { # NAMESPACE NUMBER
	local a
	ip link del "v$1"
	lab_wire "$1" "v$1" "$2"
	ip -n "$1" -batch - <<-END
		neigh add 169.254.1.1 lladdr 02:00:00:00:00:0$2 nud permanent dev eth0
		neigh add fe80::1 lladdr 02:00:00:00:00:0$2 nud permanent dev eth0
		route add default via 169.254.1.1 dev eth0 onlink
		route add ::/0 via fe80::1 dev eth0 onlink
	END
	for a in "${LAB_ADDRESSES[@]}"; do
		[ "${LAB_HOME[$a]}" != "$1" ] || lab_address "$1" "$a"
	done
}

both_ways() { # LABEL ADDR
	lab_flow "$2" $OUT 50 700
	lab_flow $OUT "$2" 40 900
	lab_flow "$2" 198.51.100.1 30 500
	lab_flow 198.51.100.1 "$2" 20 300
	book_check "$1"
}

step 'each address is counted on the link that its route leads to'
for a in "${LAB_ADDRESSES[@]}"; do
	assert_place start "$a" "counting v${LAB_HOME[$a]} -"
	assert_eq "LinkName of $a" "v${LAB_HOME[$a]}" "$(snmp_get "$(oid_addr "${LAB_OWNER[$a]}" "$a" $LINK_NAME)")"
	assert_eq "StatusReason of $a" '' "$(snmp_get "$(oid_addr "${LAB_OWNER[$a]}" "$a" $STATUS_REASON)")"
done
both_ways start $C1

step 'a renamed link is the same link'
ip link set vc1 down
ip link set vc1 name web0
ip link set web0 up
ip route add $C1/32 dev web0
ip neigh replace $C1 lladdr 02:00:00:00:01:02 nud permanent dev web0
ip route add 2001:db8:1::101/128 dev web0
assert_place renamed $C1 'counting web0 -'
both_ways renamed $C1
ip link set web0 down
ip link set web0 name vc1
ip link set vc1 up
lab_address c1 $C1
lab_address c1 2001:db8:1::101
assert_place 'renamed again' $C1 'counting vc1 -'

step 'a container restarts: what it counted stays, and counting goes on at its new link'
for round in 1 2 3; do
	restart c1 2
	assert_place "restart $round" $C1 'counting vc1 -'
	both_ways "restart $round" $C1
done

step 'a link is gone'
ip link del vc2
assert_place gone $C2 'pending - *no route leads to it*'
assert_match 'StatusReason' 'no route leads to it' "$(snmp_get "$(oid_addr 102 $C2 $STATUS_REASON)")"
assert_place 'the others' $C1 'counting vc1 -'
both_ways 'beside a link that is gone' $C1

step 'the source names the link'
lab_inventory <<-END
	101 $C1 2001:db8:1::101 link=vc1
	102 $C2 192.0.2.112 link=veth102i0
	103 192.0.2.103 2001:db8:1::103
END
assert_place named $C2 'pending - its link veth102i0, which the inventory names, does not exist'
lab_wire c2 vc2 3
ip link set vc2 down
ip link set vc2 name veth102i0
assert_place named $C2 'counting veth102i0 -'
ip link set veth102i0 name vc2
ip link set vc2 up
ip -n c2 -batch - <<-END
	neigh add 169.254.1.1 lladdr 02:00:00:00:00:03 nud permanent dev eth0
	route add default via 169.254.1.1 dev eth0 onlink
END
lab_address c2 $C2
lab_address c2 192.0.2.112
assert_place 'renamed later' $C2 'counting vc2 -'
both_ways named $C2

step 'the daemon restarts, and is killed: each address stays on its link'
lab_ctmeterd_stop
lab_flow $OUT $C2 30 400
lab_flow $C1 $OUT 30 400
lab_ctmeterd_start
assert_await 'the tables are served' 10 snmp_serves
assert_ok refresh ctmeter refresh
assert_place restarted $C2 'counting vc2 -' # although the source names it as it was before
book_check restarted
lab_ctmeterd_kill9
lab_flow $OUT $C2 30 400
lab_ctmeterd_start
assert_await 'the tables are served' 10 snmp_serves
assert_ok refresh ctmeter refresh
assert_place killed $C2 'counting vc2 -'
book_check killed
assert_eq 'no address was missed by a restart' 0 \
	"$(grep -c 'no link' "$LAB/ctmeterd.log")"

step 'how soon a new link is counted'
lab_inventory_usual # which names no links
assert_ok refresh ctmeter refresh
assert_place 'not named' $C2 'counting vc2 -'
took=()
for ((i = 0; i < 9; i++)); do
	ip link del vc2
	assert_place "round $i" $C2 'pending *'
	lab_wire c2 vc2 3
	began=${EPOCHREALTIME/./}
	ip route add $C2/32 dev vc2
	until is_placed $C2 'counting *'; do
		[ $((${EPOCHREALTIME/./} - began)) -lt $((10000000 * SLOW)) ] || break
	done
	took+=($((${EPOCHREALTIME/./} - began)))
done
assert_place 'at last' $C2 'counting vc2 -'
median=$(printf '%s\n' "${took[@]}" | sort -n | sed -n 5p)
echo "   a new link is shown as counted after $((median / 1000)) ms (median of ${#took[@]}, the query included)"

lab_end
