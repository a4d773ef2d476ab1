# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An independent counter of what the wire carries, for the tests of offloads. Needs lab.sh, nft and
# ethtool.

meter_tools() { # prints what is missing
	local tool
	for tool in nft ethtool; do
		command -v $tool >/dev/null || { echo "the command '$tool' is not installed"; return 1; }
	done
}

# Between outside and the node: a bridge of its own, reached without offloads from both sides, so that
# it sees each packet as a wire carries it. It counts by address, whatever is sent to it or from it. Returns
# whether it can; what was sent still arrives if not.

link_meter() { # ADDR...
	local a link family
	ip netns add meter
	lab_quieten meter
	ip -n outside link set eth0 netns meter name m0
	ip -n meter link set m0 address 02:00:00:00:0b:00
	ip -n meter link add m1 address 02:00:00:00:0b:01 type veth \
		peer name eth0 address 02:00:00:00:01:01 netns outside
	ip -n meter link add brm type bridge forward_delay 0 mcast_snooping 0
	for link in m0 m1; do ip -n meter link set $link master brm up; done
	ip -n meter link set brm up
	ip -n outside link set eth0 up
	lab_outside
	no_offloads node vout && no_offloads outside eth0 && no_offloads meter m0 && no_offloads meter m1 || return
	ethtool -K vout gro on || return
	{
		echo 'table netdev wire {'
		for a; do
			echo "counter out_${a//[.:]/_} {"$'\n}'
			echo "counter in_${a//[.:]/_} {"$'\n}'
		done
		echo 'chain from_node { type filter hook ingress device m0 priority 0'
		for a; do
			family=ip
			[[ $a != *:* ]] || family=ip6
			echo "$family saddr $a counter name out_${a//[.:]/_}"
		done
		echo '}'
		echo 'chain from_outside { type filter hook ingress device m1 priority 0'
		for a; do
			family=ip
			[[ $a != *:* ]] || family=ip6
			echo "$family daddr $a counter name in_${a//[.:]/_}"
		done
		echo $'}\n}'
	} >"$LAB/meter.nft"
	in_ns meter nft -f "$LAB/meter.nft"
}

no_offloads() { # NAMESPACE LINK
	in_ns "$1" ethtool -K "$2" tso off gso off gro off tx-udp-segmentation off
}

# "OUT-PKTS OUT-OCTETS IN-PKTS IN-OCTETS" by the meter, and as served.
meter_of() { # ADDR
	local way
	for way in out in; do
		in_ns meter nft list counter netdev wire "${way}_${1//[.:]/_}" |
			sed -nE 's/.*packets ([0-9]+) bytes ([0-9]+).*/\1 \2/p'
	done | paste -sd ' '
}
served_of() { # ADDR
	local ct=${LAB_OWNER[$1]}
	snmp_get "$(oid_addr "$ct" "$1" fwd-out.pkts)" "$(oid_addr "$ct" "$1" fwd-out.octets)" \
		"$(oid_addr "$ct" "$1" fwd-in.pkts)" "$(oid_addr "$ct" "$1" fwd-in.octets)" | paste -sd ' '
}
meter_agrees() { [ "$(meter_of "$1")" = "$(served_of "$1")" ]; } # ADDR
