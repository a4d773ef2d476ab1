# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers of a real LXC on a bridge of the node's, 10.8.0.1 and 2001:db8:8::1. Sourced, inside the
# node.

lxc_bridge() {
	ip link add br0 type bridge
	ip addr add 10.8.0.1/24 dev br0
	ip addr add 2001:db8:8::1/64 dev br0 nodad
	ip addr add fe80::8:1/64 dev br0 nodad
	ip link set br0 up
	iptables -t nat -A POSTROUTING -s 10.8.0.0/24 -o vout -j MASQUERADE
	node_image "$LAB/image"
}

# A container that is not started. Further lines of its configuration come from stdin.
lxc_define() { # NAME LINK
	local dir=/var/lib/lxc/$1
	mkdir -p "$dir"
	cp -a "$LAB/image" "$dir/rootfs"
	{
		printf 'lxc.%s\n' "rootfs.path = dir:$dir/rootfs" "uts.name = $1" 'net.0.type = veth' \
			'net.0.link = br0' 'net.0.flags = up' 'net.0.name = eth0' 'mount.auto = proc:mixed sys:ro'
		[ -z "$2" ] || echo "lxc.net.0.veth.pair = $2"
		cat
	} >"$dir/config"
}

lxc_begin() { # NAME
	lxc-start -n "$1" -o "$LAB/lxc-$1.log" -l INFO -- /bin/sleep 10000 ||
		cannot "LXC starts no container here: $(tail -n 1 "$LAB/lxc-$1.log")"
	lxc-wait -n "$1" -s RUNNING -t 10 || fail "$1 does not run"
	node_ns "$1" "$(lxc-info -n "$1" -pH)"
}

lxc_end() { lxc-stop -k -n "$1"; } # NAME

static() { # ADDRESS
	printf 'lxc.net.0.%s\n' "ipv4.address = $1/24" 'ipv4.gateway = 10.8.0.1'
}
