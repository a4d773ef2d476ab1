#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Proxmox VE as its manuals describe its files, over a real LXC whose container is named and linked as
# Proxmox does it. No package of Proxmox's is used.

# shellcheck source=tests/runtimes/node.sh
. "$(dirname "$0")/node.sh"
node_enter lxc lxc dnsmasq-base -- "$@"
# shellcheck source=tests/runtimes/lxc.sh
. "$LAB_TOP/tests/runtimes/lxc.sh"

# The firewall's bridge between the container's link and br0.
firewall() { # VMID
	ip link add "fwbr$1i0" type bridge
	ip link set "fwbr$1i0" up
	ip link add "fwln$1i0" type veth peer name "fwpr$1p0"
	ip link set "fwln$1i0" master "fwbr$1i0" up
	ip link set "fwpr$1p0" master br0 up
	sed -i "s/^lxc.net.0.link = br0/lxc.net.0.link = fwbr$1i0/" "/var/lib/lxc/$1/config"
}

pve_file() { # KIND VMID
	mkdir -p "/etc/pve/$1"
	cat >"/etc/pve/$1/$2.conf"
}

step 'two containers, one behind the firewall, and a machine'
lxc_bridge
static 10.8.0.11 | lxc_define 100 veth100i0
static 10.8.0.12 | lxc_define 101 veth101i0
firewall 101
pve_file lxc 100 <<'END'
#the shop's%3A ip=10.8.0.99
arch: amd64
hostname: shop.example
net0: name=eth0,bridge=br0,gw=10.8.0.1,hwaddr=BC:24:11:00:00:01,ip=10.8.0.11/24,type=veth
rootfs: local:100/vm-100-disk-0.raw,size=8G

[yesterday]
hostname: old
net0: name=eth0,bridge=br0,ip=10.8.0.77/24,type=veth
END
pve_file lxc 101 <<'END'
hostname: mail.example
net0: name=eth0,bridge=br0,firewall=1,gw=10.8.0.1,hwaddr=BC:24:11:00:00:02,ip=10.8.0.12/24,rate=50,type=veth
END
pve_file qemu-server 200 <<'END'
name: windows
net0: virtio=BC:24:11:00:00:03,bridge=br0
ipconfig0: ip=10.8.0.20/24,gw=10.8.0.1
END
printf '#!/bin/sh\n' >/usr/sbin/pct # the sign of Proxmox
chmod 755 /usr/sbin/pct
lab_set daemon.user daemon
lab_set inventory.source auto
lab_set ledger.path /var/lib/ctmeter/ledger.db
lab_set control.socket /run/ctmeter/control.sock
lab_ctmeterd_start
lxc_begin 100
lxc_begin 101
assert_await 'one is counted' 10 counts 100 10.8.0.11
assert_await 'the other, too' 10 counts 101 10.8.0.12
assert_eq 'its runtime is not LXC' pve "$(of_container 100 runtime)"
assert_eq 'its id there' lxc/100 "$(of_container 100 runtime_id)"
assert_eq 'its name' shop.example "$(of_container 100 name)"
assert_eq 'of the machine' 'qemu/200 windows stopped 10.8.0.20' \
	"$(of_container 200 runtime_id) $(of_container 200 name) $(of_container 200 state) $(addresses_of 200)"
assert_eq 'no address of a snapshot or a note' '' "$(figures | grep -o '10\.8\.0\.\(77\|99\)')"

step 'octets sent are octets served'
node_flow 'masqueraded' 100 outside 198.51.100.2 7001 7001 200 1000 100 out
node_flow 'behind the firewall' 101 outside 198.51.100.2 7002 7002 100 500 101 out
iptables -t nat -A PREROUTING -d 198.51.100.1 -p udp --dport 8053 -j DNAT --to-destination 10.8.0.12:21053
node_flow 'published' outside 101 198.51.100.1 21053 8053 150 700 101 in

step 'the cluster file system goes away'
mv /etc/pve /etc/pve.away
assert_await 'the source is idle' 20 source_says pve '^not running: .*what it said last stays'
node_flow 'meanwhile' 100 outside 198.51.100.2 7003 7003 60 300 100 out
mv /etc/pve.away /etc/pve
assert_await 'it is back' 20 source_says pve '^ok$'

step 'migrated away'
lxc_end 101
rm -r /etc/pve/lxc/101.conf /var/lib/lxc/101
assert_await 'it is gone' 20 is_of_container 101 state gone
lxc_end 100
lab_end
