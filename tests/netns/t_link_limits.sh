#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The rate limits that Proxmox and LXD set on a container's link: their commands succeed and the limit
# limits, whoever comes first, and everything is counted.

BACKEND='link'
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
# shellcheck source=tests/netns/link.sh
. "$LAB_TOP/tests/netns/link.sh"
command -v tc >/dev/null || skip "the command 'tc' is not installed"

# ---- their commands ---------------------------------------------------------------------------

# Drops a third of the packets: stands for `police` where the kernel has none.
THIRD='4,32 0 0 4294963256,37 0 1 2863311530,6 0 0 2,6 0 0 4294967295'
policed() { # LINK PARENT FILTER...: the filter that polices what comes in by the link
	tc filter add dev "$1" parent "$2" "${@:3}" 2>/dev/null ||
		tc filter add dev "$1" parent "$2" prio 50 protocol all bpf da bytecode "$THIRD"
}

# As PVE::Network does; `rate` octets a second, each way. What is to be removed may not be there.
proxmox_limit() { # LINK
	local rate=1048576 burst=16384
	proxmox_unlimit "$1"
	tc qdisc add dev "$1" root handle 1: htb default 1 &&
		tc class add dev "$1" parent 1: classid 1:1 htb rate "${rate}bps" burst "${burst}b" &&
		tc qdisc add dev "$1" handle ffff: ingress &&
		policed "$1" ffff: prio 50 basic police rate "${rate}bps" burst "${burst}b" mtu 64kb drop
}
proxmox_unlimit() { # LINK
	tc class del dev "$1" parent 1: classid 1:1 2>/dev/null
	tc filter del dev "$1" parent ffff: protocol all pref 50 2>/dev/null
	tc qdisc del dev "$1" ingress 2>/dev/null
	tc qdisc del dev "$1" root 2>/dev/null
	return 0
}

# As LXD's and Incus' networkSetVethLimits.
lxd_limit() { # LINK
	lxd_unlimit "$1"
	tc qdisc add dev "$1" root handle 1:0 htb default 10 &&
		tc class add dev "$1" parent 1:0 classid 1:10 htb rate 8388608bit &&
		tc filter add dev "$1" parent 1:0 protocol all u32 match u32 0 0 flowid 1:1 &&
		tc qdisc add dev "$1" handle ffff:0 ingress &&
		policed "$1" ffff:0 protocol all u32 match u32 0 0 police rate 8388608bit burst 16384 mtu 64kb drop
}
lxd_unlimit() { # LINK
	tc qdisc del dev "$1" root 2>/dev/null
	tc qdisc del dev "$1" ingress 2>/dev/null
	return 0
}

# ---- what passes ------------------------------------------------------------------------------

overlimits() { tc -s qdisc show dev "$1" root | sed -nE 's/.*overlimits ([0-9]+).*/\1/p'; } # LINK

# 300 packets each way. From the container some are dropped, after they have been counted; to it they wait.
limited() { # LABEL ADDR
	local link=v${LAB_HOME[$2]} port=$((LAB_PORT++)) sent got before
	lab_sink_start 198.51.100.2 "$port"
	sent=$(in_ns "${LAB_HOME[$2]}" "$B/tests/netns/udpgen" send --from "$2" --to 198.51.100.2 --port "$port" \
		--count 300 --size 1000 --rate 1000000)
	# shellcheck disable=SC2086 # two figures
	book_flow "$2" 198.51.100.2 $sent
	kill "$SINK_PID" # what the node has let pass is there
	wait "$SINK_PID"
	read -r got _ <"$LAB/sink.$port"
	assert_ge "$1: dropped by the limit, of 300" 20 $((300 - got))
	assert_ge "$1: let pass" 10 "$got"
	before=$(overlimits "$link")
	lab_flow 198.51.100.2 "$2" 300 1000
	assert_ge "$1: packets that had to wait" 1 $(($(overlimits "$link") - ${before:-0}))
}

# Nothing is limited now, and counted as before.
unlimited() { # ADDR
	lab_flow "$1" 198.51.100.2 100 900
	lab_flow 198.51.100.2 "$1" 100 900
}

matches() { [[ $("${@:2}") =~ $1 ]]; } # REGEX COMMAND...

P4=192.0.2.101 L4=192.0.2.102 P4_LATE=192.0.2.103 L4_LATE=192.0.2.104
LAB_OWNER[$L4_LATE]=104
LAB_ADDRESSES+=("$L4_LATE")
LAB_CONTAINERS+=(104)
lab_network
lab_container c4 5
lab_address c4 $L4_LATE
lab_inventory_usual "104 $L4_LATE"
lab_snmpd_start

step 'they first'
assert_ok 'Proxmox first' proxmox_limit vc1
assert_ok 'LXD first' lxd_limit vc2
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh
limited 'Proxmox first' $P4
limited 'LXD first' $L4
book_check 'they first'

step 'we first'
unlimited $P4_LATE
unlimited $L4_LATE
assert_ok 'Proxmox after us' proxmox_limit vc3
assert_ok 'LXD after us' lxd_limit vc4
limited 'Proxmox after us' $P4_LATE
limited 'LXD after us' $L4_LATE
book_check 'we first'

step 'the limits go'
assert_ok 'Proxmox' proxmox_unlimit vc1
assert_ok 'LXD' lxd_unlimit vc4
unlimited $P4
unlimited $L4_LATE
book_check unlimited

status_is() { snmp_is "$(oid_addr "$1" "$2" status)" "$3"; } # CTID ADDR STATUS
why() { snmp_get "$(oid_addr "$1" "$2" reason)"; } # CTID ADDR

# There is no place for what leaves by a limited link. What comes in by it is counted all the same, and the
# address says what is not.
step 'a kernel without tcx, and they first'
lab_ctmeterd_stop
assert_ok teardown ctmeter teardown
assert_ok 'Proxmox without tcx' proxmox_limit vc1
export CTMETER_LINK_ATTACH=clsact
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
ctmeter refresh >/dev/null
limited 'without tcx' $P4
book_add 101 $P4 fwd-in -300 -300000
for path in fwd-in fwd-out; do # a figure that is not countable is not served as 0
	assert_await "without tcx: $path" 5 snmp_is "$(oid_addr 101 $P4 $path.octets)" "${BOOK["101 $P4 $path.octets"]}"
done
assert_await 'its status' 5 status_is 101 $P4 4
assert_match 'its reason' 'limit' "$(why 101 $P4)"

# Instance b of an Incus is not limited yet, instance a is, but not by tc so far; c receives no more than its
# limit, which needs no place of ours. Their addresses are configured: others had them last.
step 'a kernel without tcx, and a source that says what is to be limited'
A4=192.0.2.103 B4=192.0.2.104 C4=192.0.2.102
instance() { # NAME ADDRESS LIMIT
	printf '{"name":"%s","status":"Running","expanded_devices":{"eth0":{"type":"nic","name":"eth0",
		"ipv4.address":"%s"%s}},"state":{"network":{"eth0":{"addresses":[{"address":"%s","scope":"global"}]}}}}' \
		"$1" "$2" "${3:+,\"limits.$3\":\"8Mbit\"}" "$2"
}
incus_has() { # INSTANCE...
	local IFS=,
	echo "{\"type\":\"sync\",\"metadata\":[$*]}" >"$LAB/instances.new"
	mv "$LAB/instances.new" "$LAB/instances"
}
no_clsact() { ! tc qdisc show dev "$1" | grep -q clsact; } # LINK
lab_inventory </dev/null
for link in vc1 vc2 vc3; do proxmox_unlimit $link; done
incus_has "$(instance a $A4 egress)" "$(instance b $B4 '')" "$(instance c $C4 ingress)"
"$B/tests/netns/unixio" answer "$LAB/incus.sock" "$LAB/instances" 9>&- &
lab_ctmeterd_stop
lab_set inventory.source "incus:$LAB/incus.sock"
lab_set inventory.interval 1
lab_ctmeterd_start
assert_await 'b is counted' 15 status_is b $B4 2
assert_await 'c is counted' 15 status_is c $C4 2
assert_await 'a is not' 15 status_is a $A4 4
assert_match 'why not' 'it has a rate limit, which needs the place' "$(why a $A4)"
assert_ok 'nothing is in its way' no_clsact vc3
no_clsact vc4 && fail 'the test proves nothing: b has no clsact'
assert_ok 'what c receives is limited' tc qdisc add dev vc2 root handle 1:0 htb default 10
assert_ok 'c is counted all the same' status_is c $C4 2

assert_ok 'LXD, of a' lxd_limit vc3
assert_await 'a is half counted' 15 matches 'leaves by it is not counted: its rate limit' why a $A4
LAB_OWNER[$A4]=a LAB_OWNER[$B4]=b
limited 'of a' $A4
assert_eq 'what a sends is counted' 300000 "$(snmp_get "$(oid_addr a $A4 fwd-out.octets)")"
assert_eq 'its status' 4 "$(snmp_get "$(oid_addr a $A4 status)")"

# Too late for its first command, but not for the next one.
incus_has "$(instance a $A4 egress)" "$(instance b $B4 max)" "$(instance c $C4 ingress)"
assert_await 'b yields' 15 no_clsact vc4
assert_ok 'Proxmox, of b' proxmox_limit vc4
assert_await 'b is half counted' 15 matches 'leaves by it is not counted: its rate limit' why b $B4
before=$(snmp_get "$(oid_addr b $B4 fwd-out.octets)")
limited 'of b' $B4
assert_eq 'what b sends is counted' $((before + 300000)) "$(snmp_get "$(oid_addr b $B4 fwd-out.octets)")"
assert_ok 'the limit of b goes' proxmox_unlimit vc4

lab_end
