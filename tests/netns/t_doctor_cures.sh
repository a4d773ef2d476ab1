#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `ctmeter check`: cures that fit the node. They cut nobody off, hold when what they mend is made anew,
# name commands that are installed, and blame what is to blame.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/foreign.sh
. "$(dirname "$0")/foreign.sh"
foreign_tools
command -v nft >/dev/null || skip "the command 'nft' is not installed"
lab_enter "$@"
# shellcheck source=tests/netns/doctor.sh
. "$LAB_TOP/tests/netns/doctor.sh"
doctor_private_etc
mount -t tmpfs tmpfs /sys/fs/bpf || skip 'no tmpfs can be mounted here' # a node that cannot count on links
mount -t sysfs sysfs /sys || skip 'no sysfs of this network namespace can be mounted'
[ -n "$REAL_ROOT" ] || skip 'in a user namespace the kernel does not tell which tables are in use'

# ctmeterd runs as a user of its own.
UID_=64207
for file in passwd group; do
	grep -v '^ctmeter:' /etc/$file >"$LAB/$file"
	mount --bind "$LAB/$file" /etc/$file || skip "cannot mount a private /etc/$file"
done
echo "ctmeter:x:$UID_:$UID_::/nonexistent:/usr/sbin/nologin" >>"$LAB/passwd"
echo "ctmeter:x:$UID_:" >>"$LAB/group"
chmod 755 "$LAB"
mkdir -p "$LAB/own/state" "$LAB/in"
chown "$UID_:$UID_" "$LAB/own" "$LAB/own/state"
lab_set daemon.user ctmeter
lab_set control.socket "$LAB/own/control.sock"
lab_set ledger.path "$LAB/own/state/ledger.db"
lab_set inventory.source "file:$LAB/in/containers"
usual() { lab_inventory_usual "$@" && mv "$LAB/inventory" "$LAB/in/containers" && ctmeter refresh >/dev/null; }

lab_network
lab_inventory_usual && mv "$LAB/inventory" "$LAB/in/containers"
lab_snmpd_start 'agentXPerms 0660 0755 root ctmeter'
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_eq 'a user of its own' "$UID_" "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$CTMETERD_PID/status")"

# ---- what ctmeterd may read and reach -------------------------------------------------------

provoke 'an inventory that is root'"'"'s alone' inventory fail 'runs as ctmeter and may not read .*/in/containers' \
	'chmod 600 "$LAB/in/containers"'
assert_eq 'its group reads it, nobody else' '640 ctmeter' "$(stat -c '%a %G' "$LAB/in/containers")"
provoke 'a directory above it' inventory fail 'may not read' 'chmod 700 "$LAB/in"'
assert_eq 'its group goes through it' '710 ctmeter' "$(stat -c '%a %G' "$LAB/in")"
provoke 'a directory of another group' inventory fail 'may not read' 'chgrp adm "$LAB/in" && chmod 750 "$LAB/in"'
assert_eq 'which stays in' '751 adm' "$(stat -c '%a %G' "$LAB/in")"
chmod 755 "$LAB/in"

step 'snmpd makes its socket for root alone'
lab_snmpd_restart
found 'root alone' agentx fail 'runs as ctmeter and may not connect'
cured 'root alone' agentx
assert_await 'it serves' 10 snmp_serves
line=$(</etc/snmp/snmpd.conf.d/ctmeter.conf)
assert_eq 'what lasts' 'agentXPerms 0660 0755 root ctmeter' "$line"
lab_snmpd_restart "$line"
assert_await 'and with that snmpd starts anew' 10 snmp_serves
assert_await 'ok' 10 is ok agentx

step 'ctmeterd is down, and the community right'
lab_ctmeterd_stop
lab_snmpd_restart "$line" # one that has never heard of the context says nothing
found 'the switch view' snmp-switch fail 'no ctmeterd runs to register it$'
cured 'the switch view' snmp-switch
await 10 snmp_serves
lab_ctmeterd_stop
found 'the tables' snmp-tables fail 'without ctmeterd'
cured 'the tables' snmp-tables

step 'containers without addresses'
usual '104 state=stopped' '99'
assert_await 'named' 10 is ok inventory
assert_match 'by the check' 'not counted: 99, 104$' "$TEXT"
assert_match 'by the list' '^104 .* no addresses, stopped$' "$(ctmeter list 104 | tail -n 1)"
assert_match 'in JSON beside the status' '"status": "other".*"reason": "no addresses"' \
	"$(ctmeter --json list 104 | tr -d '\n')"
step 'one address, claimed by containers whose ids are of two lengths'
usual '9 192.0.2.77' '10 192.0.2.77'
assert_await 'the check of the inventory agrees' 10 is ok inventory
usual

# ---- spoofed sources ------------------------------------------------------------------------

rp_filter() { cat "/proc/sys/net/ipv4/conf/$1/rp_filter"; }
restart_container() { # NAME: a link of another name
	ip link add "$1" type veth peer name d0 netns c2
	ip -n c2 link set d0 up
	ip link set "$1" up
	ip route add 203.0.113.20 dev "$1"
	ip route add 2001:db8:2::20 dev "$1"
}
step 'a link with another name at each start'
echo 2 >/proc/sys/net/ipv4/conf/vout/rp_filter
restart_container veth4f3a21b
usual '120 203.0.113.20 2001:db8:2::20'
found 'before' rp-filter-ipv4 warn 'veth4f3a21b gets a new name at its container.s next start'
cured 'before' rp-filter-ipv4
found 'before' rp-filter-ipv6 warn 'veth4f3a21b'
cured 'before' rp-filter-ipv6
ip link del veth4f3a21b
restart_container veth99aa00c
assert_eq 'the next start' 1 "$(rp_filter veth99aa00c)"
assert_await 'is guarded' 10 is ok rp-filter-ipv4
assert_await 'in IPv6 too' 10 is ok rp-filter-ipv6
assert_match 'the uplink stays as it is, after a boot too' 'vout.rp_filter=2' "$(</etc/sysctl.d/ctmeter.conf)"
ip link del veth99aa00c
usual

step 'no legacy ip6tables'
ip6tables-legacy -t raw -F PREROUTING
if mount --bind /dev/null "$(readlink -f "$(command -v ip6tables-legacy)")"; then
	found 'by nft then' rp-filter-ipv6 warn 'vc1, vc3;'
	assert_match 'by nft' '^nft ' "$CURE"
	cured 'by nft then' rp-filter-ipv6
	nft delete table ip6 ctmeter
	look rules-ipv6
	assert_eq 'no command that is not there' '' "$(ctmeter check | grep -E '^      (mend|look): .*legacy')"
	umount "$(readlink -f "$(command -v ip6tables-legacy)")"
fi

# ---- copies ---------------------------------------------------------------------------------

if iptables-legacy -t mangle -A PREROUTING -j TEE --gateway 192.0.2.103 2>/dev/null; then
	iptables-legacy -t mangle -F PREROUTING
	provoke_only 'TEE' copies warn 'as its Node In: PREROUTING in mangle \(IPv4, TEE\)$' \
		'iptables-legacy -t mangle -A PREROUTING -d 192.0.2.101 -j TEE --gateway 192.0.2.103' \
		'iptables-legacy -t mangle -F PREROUTING'
else
	echo '   SKIP: this kernel has no TEE'
fi
dup='add table ip lab; add chain ip lab f { type filter hook forward priority 0; };
	add rule ip lab f ip daddr 192.0.2.101 dup to 192.0.2.103'
if nft "$dup" 2>/dev/null; then
	nft delete table ip lab
	provoke_only 'dup' copies warn 'ip lab f \(nft\)$' 'nft "$dup"' 'nft flush ruleset'
else
	echo '   SKIP: this kernel has no dup'
fi
if iptables-legacy -t mangle -N ips && iptables-legacy -t mangle -A ips -j NFQUEUE --queue-num 3 2>/dev/null; then
	assert_await 'a chain that nothing leads to is no matter' 10 is ok copies
	provoke_only 'NFQUEUE' copies warn 'NF_REPEAT.* twice: ips in mangle \(IPv4\)$' \
		'iptables-legacy -t mangle -A FORWARD -p udp --dport 9 -j ips' \
		'iptables-legacy -t mangle -D FORWARD -p udp --dport 9 -j ips'
	iptables-legacy -A FORWARD -j NFQUEUE --queue-num 3 --queue-bypass
	assert_await 'nor one in a table that is not ours' 10 is ok copies
	iptables-legacy -F FORWARD
else
	echo '   SKIP: this kernel has no NFQUEUE'
fi
iptables-legacy -t mangle -F ips && iptables-legacy -t mangle -X ips

# ---- bridges --------------------------------------------------------------------------------

CALL=/proc/sys/net/bridge/bridge-nf-call-iptables
if ! ip link add br4 type bridge 2>/dev/null || [ ! -e $CALL ]; then
	echo '   SKIP: this kernel has no bridges, or no br_netfilter'
	lab_end
fi
host() { # NAMESPACE BRIDGE ADDR
	ip netns add "$1" && lab_quieten "$1"
	ip link add "p$1" type veth peer name eth0 netns "$1"
	ip link set "p$1" master "$2" up
	ip -n "$1" addr add "$3/24" dev eth0
	ip -n "$1" link set eth0 up
}
ip addr add 203.0.113.1/24 dev br4
ip link set br4 up
host b1 br4 203.0.113.41
host b2 br4 203.0.113.42
usual '141 203.0.113.41' '142 203.0.113.42'

echo 0 >$CALL
step 'FORWARD drops, as Docker has it'
for drop in '-P FORWARD DROP' '-A FORWARD -i br4 -o br4 -j REJECT'; do
	# shellcheck disable=SC2086 # a command's words
	iptables-legacy $drop
	found "$drop" bridge-ipv4 warn '; (the policy of FORWARD in filter is DROP|1 rules drop in FORWARD of filter): accept'
	assert_eq "$drop: no cure that cuts it" '' "$CURE"
	assert_ok "$drop: a look" eval "$LOOK"
	iptables-legacy -P FORWARD ACCEPT && iptables-legacy -F FORWARD
done
nft 'add table inet fw; add chain inet fw f { type filter hook forward priority 0; policy drop; }'
found 'by nft' bridge-ipv4 warn 'the nft chain inet fw f drops'
assert_eq 'by nft: no cure' '' "$CURE"
nft delete table inet fw
found 'nothing drops' bridge-ipv4 warn 'packets on br4 from container'
cured 'nothing drops' bridge-ipv4
assert_ok 'as the next boot reads it' sysctl -p /etc/sysctl.d/ctmeter.conf

step 'two bridges in a row'
ip link add fw5 type bridge && ip link set fw5 up
ip link add near5 type veth peer name far5
ip link set near5 master br4 up
ip link set far5 master fw5 up
host b3 fw5 203.0.113.43
usual '141 203.0.113.41' '143 203.0.113.43'
found 'both are seen' bridge-ipv4 fail 'counts at each: br4 and fw5$'
iptables-legacy -P FORWARD DROP
found 'a firewall may need it' bridge-ipv4 fail 'a firewall may need to see the inner bridge'
assert_eq 'no cure that takes it away' '' "$CURE"
iptables-legacy -P FORWARD ACCEPT
found 'no firewall' bridge-ipv4 fail 'br4 and fw5$'
cured 'no firewall' bridge-ipv4
assert_eq 'the main one alone' '0 1 0' \
	"$(cat $CALL /sys/class/net/br4/bridge/nf_call_iptables /sys/class/net/fw5/bridge/nf_call_iptables | tr '\n' ' ' | sed 's/ $//')"
echo 0 >/sys/class/net/br4/bridge/nf_call_iptables
found 'neither is seen' bridge-ipv4 warn 'packets on br4'
cured 'neither is seen' bridge-ipv4
assert_eq 'and the cure is not for all' 0 "$(<$CALL)"

step 'a raw socket on a bridge'
look rp-filter-ipv4
assert_match 'who is billed' 'on br4 a container with a raw socket can send from another' "$TEXT"
nft 'add table bridge lab; add chain bridge lab pre { type filter hook prerouting priority -300; };
	add rule bridge lab pre iifname pb1 ip saddr != 203.0.113.41 drop'
look rp-filter-ipv4
assert_match 'a filter of the bridge is seen' 'an nft bridge table checks source addresses on br4' "$TEXT"
nft delete table bridge lab

lab_end
