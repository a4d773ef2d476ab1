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
book_check 'without tcx'
assert_await 'its status' 5 not_counting 101 $P4
assert_match 'its reason' 'limit' "$(snmp_get "$(oid_addr 101 $P4 reason)")"

lab_end
