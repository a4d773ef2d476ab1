#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# backend = auto: links; iptables on an OpenVZ node, and where links cannot be counted on. A node that has
# counted with iptables changes once, loses nothing, and is told. In a user namespace there is no BPF: then it
# is iptables everywhere, for that reason.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
[ "$BACKEND" = iptables ] || { echo 'SKIP: it has its own backends' && exit 77; }
lab_enter "$@"
if [ -d /proc/vz ] || command -v vzlist prlctl >/dev/null; then skip 'this is an OpenVZ node'; fi
mount -t tmpfs tmpfs /usr/local/sbin || skip 'cannot mount a private /usr/local/sbin'

NO_BPF=$(lab_probe_bpf) && NO_BPF=
[ -z "$NO_BPF" ] || step "no links here: $NO_BPF"

traffic() {
	lab_flow 198.51.100.2 192.0.2.101 30 28-1500
	lab_flow 192.0.2.101 192.0.2.112 20 1000
	lab_flow 2001:db8:1::103 2001:db8:f::2 10 48-1500
	lab_flow 192.0.2.102 198.51.100.1 5 400
}
status_says() { ctmeter status | grep -qE -- "$1"; } # REGEX
events() { snmp_get "$(oid_addr 101 192.0.2.101 disc-count)"; }
chains() { { iptables-legacy-save && ip6tables-legacy-save; } 2>/dev/null | grep -c '^:ctm-'; }

# Restart, and count a little.
counts_with() { # BACKEND REASON
	lab_ctmeterd_start
	assert_await "$1: the tables are served" 15 snmp_serves
	assert_await "$1: status" 15 status_says "^ *backend: +$1\\b.*\\($2\\)"
	assert_ok "$1: refresh" ctmeter refresh
	assert_eq "$1: ctmBackend" "$1" "$(snmp_get "$(oid_scalar 2)")"
	assert_match "$1: check" "counts with $1 \\($2" "$(ctmeter check backend)"
	traffic
	book_check "auto: $1"
}

lab_network
lab_inventory_usual
lab_snmpd_start
lab_set netfilter.backend iptables
lab_ctmeterd_start
assert_await 'the tables are served' 15 snmp_serves
assert_ok refresh ctmeter refresh
traffic
book_check 'iptables is configured'
before=$(events)
lab_ctmeterd_stop
traffic # its rules count on
lab_set netfilter.backend auto

if [ -n "$NO_BPF" ]; then
	step 'iptables, since links cannot be had'
	counts_with iptables 'auto: link: .*'
	assert_eq 'no event' "$before" "$(events)"
	lab_end
fi

step 'links, after iptables: once, and told'
counts_with link 'auto; iptables counted here before, "backend = iptables" takes it again'
assert_eq 'one event' $((before + 1)) "$(events)"
assert_eq 'no chain is left' 0 "$(chains)"
assert_match 'the log' 'to stay with iptables, write "backend = iptables" in \[netfilter\]' "$(<"$LAB/ctmeterd.log")"
lab_ctmeterd_stop

step 'links'
counts_with link auto
assert_eq 'no further event' $((before + 1)) "$(events)"
lab_ctmeterd_stop

step 'teardown leaves nothing, and the next daemon finds nothing'
lab_ctmeterd_start
assert_ok refresh ctmeter refresh
assert_ok 'it is pinned' test -d /sys/fs/bpf/ctmeter/set
assert_match 'the daemon removes its rules' '^[1-9][0-9]* rules removed, ctmeterd has ended' "$(ctmeter teardown)"
assert_ok 'nothing is pinned' test ! -e /sys/fs/bpf/ctmeter
assert_match 'nothing is left to remove' 'has no rules here' "$(ctmeter teardown)"
counts_with link auto
assert_eq 'one event' $((before + 2)) "$(events)"
lab_ctmeterd_stop

step 'a new node that counts on links gets no table, which each packet would pass'
ip netns add fresh
tables() { in_ns fresh cat /proc/net/ip_tables_names /proc/net/ip6_tables_names; }
assert_ok 'it is prepared' in_ns fresh "$B/ctmeterd" -c "$LAB/ctmeter.conf" --prepare
assert_eq 'no table' '' "$(tables)"
lab_set netfilter.backend iptables
lab_write_conf
assert_ok 'it is prepared for iptables' in_ns fresh "$B/ctmeterd" -c "$LAB/ctmeter.conf" --prepare
assert_eq 'both tables' 'mangle mangle' "$(tables | xargs)"
lab_set netfilter.backend auto

step 'iptables on an OpenVZ node'
cp "$LAB_TOP/tests/fixtures/vz/ovz6-empty/usr/sbin/vzlist" /usr/local/sbin/vzlist
counts_with iptables 'auto: this is an OpenVZ node; link counted here before, "backend = link" takes it again'
assert_ge 'chains' 8 "$(chains)"
lab_ctmeterd_stop
counts_with iptables 'auto: this is an OpenVZ node'
lab_ctmeterd_stop
rm /usr/local/sbin/vzlist

step 'iptables where no bpffs is mounted'
umount /sys/fs/bpf
counts_with iptables 'auto: link: no .*bpf.*'

lab_end
