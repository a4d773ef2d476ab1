#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Wire-exact: with all offloads of the container's link on, the packets and octets served are those that
# an independent counter sees behind a link without offloads: TCP and UDP GSO, each way and family, and
# what a virtual machine hands over in large packets. MB (20) is how much of each is sent.

BACKEND='link'
: "${MB:=20}"
export MB
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
# shellcheck source=tests/netns/link.sh
. "$LAB_TOP/tests/netns/link.sh"
# shellcheck source=tests/netns/meter.sh
. "$LAB_TOP/tests/netns/meter.sh"
why=$(meter_tools) || skip "$why"

C4=192.0.2.101 C6=2001:db8:1::101 VM4=192.0.2.130 VM6=2001:db8:1::130
LAB_OWNER[$VM4]=130 LAB_OWNER[$VM6]=130
GATE=02:00:00:00:0c:01 # the node's end of the tap

lab_network
link_meter $C4 $C6 $VM4 $VM6 || skip 'the links without offloads cannot be made'
link_vm_routed
lab_inventory_usual "130 $VM4 $VM6 link=tap130i0"
lab_snmpd_start
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh

declare -A WAS=()
note() { WAS[$1]=$(meter_of "$1"); } # ADDR
link_pkts() { ip -s -s link show "$1" | awk '/RX:/ { getline; print $2 }'; } # LINK: packets it has received

# Everything that the meter saw is served; shown as what is new.
wire_check() { # LABEL ADDR
	local was now
	assert_await "$1: the meter agrees" 5 meter_agrees "$2"
	assert_eq "$1: as the meter says: packets and octets out, in" "$(meter_of "$2")" "$(served_of "$2")"
	read -ra was <<<"${WAS[$2]}"
	read -ra now <<<"$(served_of "$2")"
	printf '   %-14s out %8d packets %11d octets    in %8d packets %11d octets\n' "$1" \
		$((now[0] - was[0])) $((now[1] - was[1])) $((now[2] - was[2])) $((now[3] - was[3]))
}

step "$MB MB each: served, and the same by the meter"
for ns in c1 outside; do
	ns_exec $ns "$B/tests/netns/bulk" sink 5001 "$LAB/ready.bulk.$ns" </dev/null 9>&- &
	await 5 test -e "$LAB/ready.bulk.$ns" || fail "no sink in $ns"
done
for kind in tcp udp; do
	for a in $C4 $C6; do
		far=198.51.100.2 v=4
		[[ $a != *:* ]] || far=2001:db8:f::2 v=6
		note "$a"
		large=$(link_pkts vc1)
		assert_ok "$kind v$v out" in_ns c1 "$B/tests/netns/bulk" $kind "$a" $far 5001 "$MB"
		large=$(($(link_pkts vc1) - large))
		wire_check "${kind^^} v$v out" "$a"
		read -r was _ <<<"${WAS[$a]}"
		read -r now _ <<<"$(meter_of "$a")"
		assert_ge "$kind v$v: times as many packets on the wire as on the link" 4 $(((now - was) / large))
		note "$a"
		assert_ok "$kind v$v in" in_ns outside "$B/tests/netns/bulk" $kind $far "$a" 5001 "$MB"
		wire_check "${kind^^} v$v in" "$a"
	done
done

step 'large packets of a virtual machine (virtio)'
in_ns outside nft -f - <<-END # no answers to what belongs to no connection
	table netdev lab {
		chain none {
			type filter hook ingress device eth0 priority 0
			tcp dport 9 drop
			udp dport 9 drop
		}
	}
END
for a in $VM4 $VM6; do
	far=198.51.100.2
	[[ $a != *:* ]] || far=2001:db8:f::2
	for kind in tcp 'tcp ext' ''; do
		[[ $kind != *ext || $a == *:* ]] || continue
		note "$a"
		vm_ask "send $GATE $a $far $((MB * 1000000 / 60000)) 60000 gso=1390 $kind"
		wire_check "VM ${kind:-udp}" "$a"
		assert_eq "VM ${kind:-udp}: what it sent" "$VM_SAID" "$(difference \
			"$(cut -d ' ' -f 1,2 <<<"${WAS[$a]}")" "$(cut -d ' ' -f 1,2 <<<"$(meter_of "$a")")")"
	done
done

lab_end
