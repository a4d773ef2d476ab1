# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node with containers in every layout that the link backend counts. After lab_enter; lab_network
# (lab.sh) has the outside host and the routed containers 101 to 103.
#
#   lan ----------------+                        outside --- vout
#   b1, b2 -------------+-- vmbr0 (node)                       \--- m1, a macvlan (140)
#   f1 -- fwbr121i0 ----+   203.0.113.1
#   f2 -- fwbr122i0 ----+   2001:db8:2::1
#   vm -- tap130i0 -----+
#
# 1. A host on vmbr0 with the number N has 203.0.113.N, 2001:db8:2::N and the MAC 02:00:00:00:0a:N.
#    lan is 2; the others are containers 111, 112, 121, 122 and 130, the number being their last two
#    digits. vm is no namespace but a virtual machine (tapvm.c).
# 2. All neighbours are permanent, so that nothing is sent but what a test sends.
# 3. Everything is asked of the daemon; nothing here knows how it counts.

LINK_HOSTS=(2 11 12 21 22 30)
declare -A LINK_NAME=([2]=lan [11]=b1 [12]=b2 [21]=f1 [22]=f2 [30]=vm)
# The port of each, on the host's side.
declare -A LINK_PORT=([2]=plan [11]=pb1 [12]=pb2 [21]=veth121i0 [22]=veth122i0 [30]=tap130i0)
VM_IN='' VM_OUT=''

link_mac() { printf '02:00:00:00:0a:%02d' "$1"; } # N

# ---- the network ----------------------------------------------------------------------------

link_bridge() { # NAME
	ip link add "$1" type bridge forward_delay 0 mcast_snooping 0
	ip link set "$1" up
}

# A namespace with eth0, whose other end is a port of a bridge.
link_host() { # N BRIDGE
	local ns=${LINK_NAME[$1]} port=${LINK_PORT[$1]}
	[ -e "/run/netns/$ns" ] || { ip netns add "$ns"; lab_quieten "$ns"; }
	ip link add "$port" type veth peer name eth0 address "$(link_mac "$1")" netns "$ns"
	ip link set "$port" master "$2" up
	link_addresses "$ns" "$1"
}

link_addresses() { # NAMESPACE N
	local n near=02:00:00:00:0a:01
	{
		echo 'link set eth0 up'
		echo "addr add 203.0.113.$2/24 dev eth0"
		echo "addr add 2001:db8:2::$2/64 dev eth0 nodad"
		for n in "${LINK_HOSTS[@]}"; do
			[ "$n" != "$2" ] || continue
			echo "neigh add 203.0.113.$n lladdr $(link_mac "$n") nud permanent dev eth0"
			echo "neigh add 2001:db8:2::$n lladdr $(link_mac "$n") nud permanent dev eth0"
		done
		echo "neigh add 203.0.113.1 lladdr $near nud permanent dev eth0"
		echo "neigh add 2001:db8:2::1 lladdr $near nud permanent dev eth0"
		echo 'route add default via 203.0.113.1'
		echo 'route add ::/0 via 2001:db8:2::1'
	} | ip -n "$1" -batch -
}

# The firewall's bridge before vmbr0, as Proxmox makes it for container ID.
link_firewall() { # ID
	link_bridge "fwbr${1}i0"
	ip link add "fwln${1}i0" type veth peer name "fwpr${1}p0"
	ip link set "fwln${1}i0" master "fwbr${1}i0" up
	ip link set "fwpr${1}p0" master vmbr0 up
}

# A virtual machine. What is written to VM_IN is answered at VM_OUT.
link_tap() { # NAME MAC ADDR4 ADDR6
	mkfifo "$LAB/vm.in" "$LAB/vm.out"
	"$B/tests/netns/tapvm" tap "$@" <"$LAB/vm.in" >"$LAB/vm.out" 9>&- &
	exec {VM_IN}>"$LAB/vm.in" {VM_OUT}<"$LAB/vm.out"
	await 5 ip link show "$1" || fail 'no tap'
}

link_vm() { # N
	link_tap "${LINK_PORT[$1]}" "$(link_mac "$1")" "203.0.113.$1" "2001:db8:2::$1"
	ip link set "${LINK_PORT[$1]}" master vmbr0 up
}

# The same for a virtual machine 130 that the node routes for, with 192.0.2.130 and 2001:db8:1::130.
link_vm_routed() {
	local mac=02:00:00:00:0c:02
	link_tap tap130i0 $mac 192.0.2.130 2001:db8:1::130
	ip -batch - <<-END
		link set tap130i0 address 02:00:00:00:0c:01 up
		neigh add 192.0.2.130 lladdr $mac nud permanent dev tap130i0
		neigh add 2001:db8:1::130 lladdr $mac nud permanent dev tap130i0
		route add 192.0.2.130/32 dev tap130i0
		route add 2001:db8:1::130/128 dev tap130i0
	END
}

vm_ask() { # COMMAND: sets VM_SAID
	echo "$1" >&"$VM_IN"
	read -r -t 20 VM_SAID <&"$VM_OUT" || fail "the virtual machine does not answer '$1'"
}

link_network() {
	local n
	lab_network
	link_bridge vmbr0
	ip link set vmbr0 address 02:00:00:00:0a:01
	link_host 2 vmbr0
	link_host 11 vmbr0
	link_host 12 vmbr0
	link_firewall 121
	link_host 21 fwbr121i0
	link_firewall 122
	link_host 22 fwbr122i0
	link_vm 30
	{
		echo 'addr add 203.0.113.1/24 dev vmbr0'
		echo 'addr add 2001:db8:2::1/64 dev vmbr0 nodad'
		for n in "${LINK_HOSTS[@]}"; do
			echo "neigh add 203.0.113.$n lladdr $(link_mac "$n") nud permanent dev vmbr0"
			echo "neigh add 2001:db8:2::$n lladdr $(link_mac "$n") nud permanent dev vmbr0"
		done
	} | ip -batch -
	ip -n outside route add 203.0.113.0/24 via 198.51.100.1
	ip -n outside route add 2001:db8:2::/64 via 2001:db8:f::1
	link_own
}

# Who has which address, for the book.
link_own() {
	local n a
	# shellcheck disable=SC2004,SC2079 # the indices are words
	LAB_HOME[203.0.113.1]=node LAB_HOME[2001:db8:2::1]=node
	for n in "${LINK_HOSTS[@]}"; do
		for a in "203.0.113.$n" "2001:db8:2::$n"; do
			# shellcheck disable=SC2004
			LAB_HOME[$a]=${LINK_NAME[$n]}
			[ "$n" -ne 2 ] || continue
			# shellcheck disable=SC2004
			LAB_OWNER[$a]=$((100 + n))
			LAB_ADDRESSES+=("$a")
		done
		[ "$n" -eq 2 ] || LAB_CONTAINERS+=($((100 + n)))
	done
}

# The lines of the containers on vmbr0.
link_lines() {
	local n
	for n in "${LINK_HOSTS[@]}"; do
		[ "$n" -eq 2 ] ||
			echo "$((100 + n)) 203.0.113.$n 2001:db8:2::$n link=${LINK_PORT[$n]} name=${LINK_NAME[$n]}.example"
	done
}

# With the lines given besides, and everything counted.
link_start() { # [INVENTORY-LINE...]
	local lines
	link_network
	mapfile -t lines < <(link_lines)
	lab_inventory_usual "${lines[@]}" "$@"
	lab_snmpd_start
	lab_ctmeterd_start
	await 10 snmp_serves || fail 'the tables are not served'
	assert_ok refresh ctmeter refresh
}

# ---- traffic --------------------------------------------------------------------------------

LINK_TRAFFIC=6999 # the port that everybody hears
declare -A LINK_SINK=() LINK_SENT=() # by namespace: the sink's pid, and what it must have heard

link_sinks() { # NAMESPACE...
	local ns
	for ns; do
		ns_exec "$ns" "$B/tests/netns/udpgen" sink --port $LINK_TRAFFIC --duration 600 \
			--ready "$LAB/ready.$ns" </dev/null >"$LAB/sink.$ns" 9>&- &
		LINK_SINK[$ns]=$!
		LINK_SENT[$ns]='0 0'
	done
	for ns; do await 5 test -e "$LAB/ready.$ns" || fail "no sink in $ns"; done
}

# End the sinks: each has heard all that was sent to it.
link_heard() {
	local ns
	kill "${LINK_SINK[@]}"
	for ns in "${!LINK_SINK[@]}"; do
		wait "${LINK_SINK[$ns]}"
		assert_eq "$ns has heard all" "${LINK_SENT[$ns]}" "$(<"$LAB/sink.$ns")"
	done
}

# Send, and book it: as forwarded or node traffic if it says so.
link_flow() { # FROM TO COUNT SIZE [fwd|node]
	local from=${LAB_HOME[$1]} to=${LAB_HOME[$2]} sent was
	[ "$to" != vm ] || { vm_ask heard; was=$VM_SAID; }
	if [ "$from" = vm ]; then
		vm_ask "send $(link_hop "$2") $1 $2 $3 $4 port=$LINK_TRAFFIC"
		sent=$VM_SAID
	else
		sent=$(in_ns "$from" "$B/tests/netns/udpgen" send --from "$1" --to "$2" \
			--port $LINK_TRAFFIC --count "$3" --size "$4" --duration 20)
	fi
	assert_eq "sent, $1 -> $2" "$3 $(($3 * $4))" "$sent"
	if [ "$to" = vm ]; then
		assert_await "the virtual machine has heard all from $1" 5 vm_heard "$was" "$sent"
	else
		LINK_SENT[$to]=$(total "${LINK_SENT[$to]}" "$sent")
	fi
	# shellcheck disable=SC2086 # two figures
	book_as "${5-}" "$1" "$2" $sent
}

total() { # "PKTS OCTETS" "PKTS OCTETS"
	local a b c d
	read -r a b <<<"$1"
	read -r c d <<<"$2"
	echo "$((a + c)) $((b + d))"
}
difference() { # "PKTS OCTETS" "PKTS OCTETS": the second without the first
	local a b c d
	read -r a b <<<"$1"
	read -r c d <<<"$2"
	echo "$((c - a)) $((d - b))"
}
vm_heard() { # WAS SENT
	vm_ask heard
	[ "$(difference "$1" "$VM_SAID")" = "$2" ]
}

# The MAC to which a host on vmbr0 sends a packet to an address.
link_hop() { # ADDR
	case $1 in
	203.0.113.*) link_mac "${1##*.}" ;;
	2001:db8:2::*) link_mac "${1##*:}" ;;
	*) link_mac 1 ;;
	esac
}

# As book_flow, which finds out what is node traffic if KIND is empty.
book_as() { # KIND FROM TO PKTS OCTETS
	if [ -z "$1" ]; then
		book_flow "${@:2}"
		return
	fi
	[ -z "${LAB_OWNER[$2]-}" ] || book_add "${LAB_OWNER[$2]}" "$2" "$1-out" "$4" "$5"
	[ -z "${LAB_OWNER[$3]-}" ] || book_add "${LAB_OWNER[$3]}" "$3" "$1-in" "$4" "$5"
}

# A station that sends what its host's kernel would not: frames from NAMESPACE's eth0, to be heard by a
# sink at TO. Sets RAW_SENT.
raw_send() { # NAMESPACE N OF-ITS-MAC ORDER...
	RAW_SENT=$(echo "send ${*:3}" |
		in_ns "$1" "$B/tests/netns/tapvm" packet eth0 "$(link_mac "$2")" 203.0.113.99 2001:db8:2::99)
	[ -n "$RAW_SENT" ] || fail "$1 could not send ${*:3}"
}

# ---- what is said of an address --------------------------------------------------------------

# Pending (its link is not known) or not countable: never "counting".
not_counting() { # CTID ADDR
	[[ $(snmp_get "$(oid_addr "$1" "$2" status)") =~ ^[0-9]+$ ]] &&
		! snmp_is "$(oid_addr "$1" "$2" status)" 2
}
