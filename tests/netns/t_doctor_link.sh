#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `ctmeter check` where containers are counted on their links: what can go wrong there is made to, for
# real, and mended by the command that is printed.

BACKEND='link'
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
# shellcheck source=tests/netns/doctor.sh
. "$LAB_TOP/tests/netns/doctor.sh"
command -v tc >/dev/null || skip "the command 'tc' is not installed"
doctor_private_etc
cp /etc/fstab "$LAB/fstab" 2>/dev/null || : >"$LAB/fstab"
touch /etc/fstab 2>/dev/null
mount --bind "$LAB/fstab" /etc/fstab || skip 'no private /etc/fstab can be mounted here'

# What the printed commands call, with the configuration as it is on the disk.
eval "lab_write_conf_now() $(declare -f lab_write_conf | tail -n +2)"
lab_write_conf() { [ -n "${KEEP_CONF-}" ] || lab_write_conf_now; }
ctmeterd() { # --prepare -c FILE | -c FILE
	if [ "$1" = --prepare ]; then
		"$B/ctmeterd" "$@"
		return
	fi
	[ -z "$CTMETERD_PID" ] || wait "$CTMETERD_PID"
	KEEP_CONF=1 lab_ctmeterd_start
}

OUT=198.51.100.2
C1=192.0.2.101
SET=/sys/fs/bpf/ctmeter/set
lab_start
exact() { # LABEL: what passes now is served
	lab_flow $C1 $OUT 20 700
	lab_flow $OUT $C1 20 900
	book_check "$1"
}
all_count() { ! ctmeter list --links | grep -q pending; }
program() { # LINK WHERE first|last WHAT: sets PROGRAM_PID; it stays until it is killed
	"$B/tests/netns/tcprog" "$@" <"$LAB/hold" >"$LAB/tcprog" 9>&- &
	PROGRAM_PID=$!
	await 5 grep -q attached "$LAB/tcprog" || fail "cannot attach: $*"
}
unprogram() { kill "$PROGRAM_PID" && wait "$PROGRAM_PID" 2>/dev/null; true; }
mkfifo "$LAB/hold"
exec 8<>"$LAB/hold" # nobody writes, and it does not end

step 'as it should be'
assert_await 'all count' 10 all_count
for check in backend link-kernel links link-order link-limits link-offload; do
	found 'sound' $check ok .
done
look links
assert_eq 'each link, in its way' '6 addresses are counted on 3 links (tcx 3, clsact 0, ingress qdisc 0)' "$TEXT"
step 'checks of rules have nothing to advise'
for check in table-ipv4 table-ipv6 modules rules-ipv4 rules-ipv6 copies early-drops memory; do
	found 'rules' $check skip 'counted on their links'
done
for check in flowtable tc bridge-ipv4 bridge-ipv6 rp-filter-ipv4 rp-filter-ipv6; do
	found 'links' $check ok .
done
exact 'at first'

# ---- link-kernel ----------------------------------------------------------------------------

step 'somebody removes what is pinned'
rm $SET/slots
found 'and so' links skip 'see link-kernel'
found 'unpinned' link-kernel warn 'slots is not there.*counting ends with this ctmeterd'
cured 'unpinned' link-kernel
assert_await 'all count' 10 all_count
exact 'pinned again'

step 'what is pinned belongs to another user'
chown 4711 $SET/count_in
found 'of another user' link-kernel warn 'set/count_in does not belong to root'
cured 'of another user' link-kernel

step 'no bpffs is mounted'
umount -l /sys/fs/bpf # the daemon holds a directory of it
if mountpoint -q /sys/fs/bpf; then mount -t tmpfs tmpfs /sys/fs/bpf; fi
found 'no bpffs' link-kernel warn 'no bpffs is mounted at /sys/fs/bpf'
[ -d /run/systemd/system ] || assert_match 'at each boot' 'fstab' "$CURE"
cured 'no bpffs' link-kernel
[ -d /run/systemd/system ] || assert_ok 'as the next boot mounts it' mount -T /etc/fstab --fake /sys/fs/bpf
assert_await 'all count' 10 all_count
exact 'mounted'

step 'and no daemon runs'
lab_ctmeterd_stop
rm $SET/state
found 'unpinned' link-kernel fail 'state is not there'
cured 'unpinned' link-kernel
assert_await 'all count' 10 all_count
exact 'started'

# ---- links ----------------------------------------------------------------------------------

step 'an address whose link is not there'
lab_inventory_usual '104 192.0.2.104 link=veth104i0 state=running'
assert_ok refresh ctmeter refresh
found 'no link' links warn 'not counted: 104 192.0.2.104: its link veth104i0, which the inventory names, does not exist$'
assert_match 'what shows more' 'list --links$' "$LOOK"
eval "$LOOK" >/dev/null || fail "$LOOK"
lab_inventory_usual
assert_ok refresh ctmeter refresh
assert_await 'ok again' 10 is ok links

step 'our programs are taken off, and no daemon runs to put them back'
lab_ctmeterd_stop
found 'no daemon' links skip '3 links have our programs'
assert_ok 'taken off' "$B/tests/netns/tcprog" vc1 egress off
found 'taken off' links fail 'nothing is counted here: vc1 egress'
cured 'taken off' links
assert_await 'all count' 10 all_count
exact 'put back'

step 'programs that count in other maps than those that are pinned'
rm -r $SET
assert_ok 'pinned anew beside a daemon that runs' "$B/ctmeterd" --prepare -c "$LAB/ctmeter.conf"
found 'other maps' links fail 'counted in maps that are pinned no more, or of another version: vc1 ingress, vc1 egress'
cured 'other maps' links
assert_await 'all count' 10 all_count
exact 'the same maps'

# ---- link-order -----------------------------------------------------------------------------

step 'a program of somebody else before ours'
lab_ctmeterd_stop
program vc1 ingress first next
found 'before ours' link-order fail 'vc1 ingress \(program [1-9][0-9]*\)'
cured 'before ours' link-order
unprogram
assert_await 'all count' 10 all_count

# ---- link-offload ---------------------------------------------------------------------------

step 'XDP on the link itself'
if "$B/tests/netns/xdp_pass" vc1; then
	found 'XDP' link-offload warn 'XDP program gets packets before ours does: vc1 \(program'
	cured 'XDP' link-offload
else
	echo '   SKIP: this kernel has no XDP'
fi

step "a program that hands packets to a link's inner end"
served_in() { snmp_get "$(oid_addr 101 $C1 fwd-in.pkts)"; }
before=$(served_in)
program vout ingress first peer=vc1
found 'redirect_peer' link-offload warn 'inner end of a container.s link \(bpf_redirect_peer\): vout \(program'
port=$((LAB_PORT++))
lab_sink_start $C1 $port 50
in_ns outside "$B/tests/netns/udpgen" send --from $OUT --to $C1 --port $port --count 50 --size 500 --duration 10 >/dev/null
wait "$SINK_PID"
assert_match 'they arrive' '^50 ' "$(<"$LAB/sink.$port")"
assert_ok refresh ctmeter refresh
assert_eq 'and are not counted' "$before" "$(served_in)"
unprogram
assert_await 'ok again' 10 is ok link-offload
exact 'nothing passes by'

# ---- link-limits ----------------------------------------------------------------------------

step 'a kernel without tcx'
lab_ctmeterd_stop
assert_ok teardown ctmeter teardown
export CTMETER_LINK_ATTACH=clsact
tc qdisc add dev vc1 handle ffff: ingress
lab_ctmeterd_start
half() { is fail link-limits; }
assert_await 'an ingress qdisc' 10 half
found 'an ingress qdisc' link-limits fail 'ingress qdisc has the only place for it.*Linux 6.6.*: vc1$'
cured 'an ingress qdisc' link-limits
found 'all by clsact' links ok 'clsact 3'
found 'our own filters are no problem' tc ok .
assert_await 'all count' 10 all_count
step 'a rate limit, which nobody takes away'
lab_ctmeterd_stop
assert_ok teardown ctmeter teardown
tc qdisc add dev vc1 handle ffff: ingress
tc filter add dev vc1 parent ffff: prio 50 protocol all bpf da bytecode '1,6 0 0 4294967295,' || fail 'no filter'
lab_ctmeterd_start
assert_await 'a rate limit' 10 half
found 'a rate limit' link-limits fail 'ingress qdisc, for a rate limit, has the only place'
assert_eq 'no cure' '' "$CURE"
eval "$LOOK" >"$LAB/look" || fail "$LOOK"
assert_match 'it shows the limit' 'pref 50 bpf' "$(<"$LAB/look")"
tc qdisc del dev vc1 ingress
assert_ok refresh ctmeter refresh
assert_await 'ok again' 20 is ok link-limits
unset CTMETER_LINK_ATTACH

# ---- with iptables, bridged -----------------------------------------------------------------

step 'iptables does not see a bridge: count on links'
if lab_probe_tables >/dev/null && [ -n "$REAL_ROOT" ] && ip link add br4 type bridge 2>/dev/null; then
	lab_ctmeterd_stop
	assert_ok teardown ctmeter teardown
	ip netns add c4 && lab_quieten c4
	ip link add p4 type veth peer name eth0 netns c4
	ip link set p4 master br4 up && ip link set br4 up && ip -n c4 link set eth0 up
	ip route add 192.0.2.140/32 dev br4
	lab_inventory_usual '140 192.0.2.140 link=p4'
	lab_set netfilter.backend iptables
	lab_ctmeterd_start
	[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables
	for check in link-kernel links link-order link-limits link-offload; do
		found 'iptables' $check skip 'counted by rules'
	done
	found 'a bridge' bridge-ipv4 warn 'packets on br4 .*with \[netfilter\] backend = link'
	cured 'a bridge' bridge-ipv4
	assert_match 'as configured' 'backend = link' "$(<"$LAB/ctmeter.conf")"
	at_p4() { ctmeter list --links 140 | grep -q 'p4 *counting'; }
	assert_await 'counted there' 10 at_p4
else
	echo '   SKIP: this machine has no legacy tables, or no bridges'
fi

# ---- a user of its own ----------------------------------------------------------------------

step 'ctmeterd runs as another user than root'
lab_ctmeterd_stop
chmod 755 "$LAB"
mkdir "$LAB/own" && chown nobody "$LAB/own"
lab_set netfilter.backend link
lab_set daemon.user nobody
lab_set control.socket "$LAB/own/control.sock"
lab_set ledger.path "$LAB/own/ledger.db"
lab_ctmeterd_start
found 'nobody' link-kernel ok 'are pinned for nobody'
provoke 'one is root'"'"'s' link-kernel warn 'set/owners does not belong to nobody' "chown root $SET/owners"
assert_eq 'it was given back' nobody "$(stat -c %U $SET/owners)"
provoke 'all are gone' link-kernel warn 'is not there' "rm -r $SET"
assert_eq 'they are its own' nobody "$(stat -c %U $SET/state)"

lab_end
