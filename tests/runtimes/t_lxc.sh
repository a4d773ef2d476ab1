#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real LXC: containers of its own tools, with the addresses of their configuration, by a ctmeterd that
# is not root.

# shellcheck source=tests/runtimes/node.sh
. "$(dirname "$0")/node.sh"
node_enter lxc lxc dnsmasq-base -- "$@"
# shellcheck source=tests/runtimes/lxc.sh
. "$LAB_TOP/tests/runtimes/lxc.sh"

step 'two containers, and one that does not run'
lxc_bridge
static 10.8.0.11 | lxc_define web ''
{ static 10.8.0.12 && echo 'lxc.net.0.ipv6.address = 2001:db8:8::12/64'; } | lxc_define db vethdb
static 10.8.0.13 | lxc_define off ''
lab_set daemon.user daemon
lab_set inventory.source auto
lab_set inventory.interval 10
lab_set ledger.path /var/lib/ctmeter/ledger.db
lab_set control.socket /run/ctmeter/control.sock
lab_ctmeterd_start
lxc_begin web
lxc_begin db
assert_await 'one is counted' 10 counts web 10.8.0.11
assert_await 'the other, too' 10 counts db 10.8.0.12
assert_await 'its IPv6 address, too' 10 counts db 2001:db8:8::12
assert_eq 'its runtime' lxc "$(of_container web runtime)"
assert_eq 'the third is stopped' stopped "$(of_container off state)"
assert_eq 'the source answers' ok "$(source_state lxc)"

step 'octets sent are octets served'
iptables -t nat -A PREROUTING -d 198.51.100.1 -p udp --dport 8053 -j DNAT --to-destination 10.8.0.11:21053
node_flow 'masqueraded' web outside 198.51.100.2 7001 7001 200 1000 web out
node_flow 'published' outside web 198.51.100.1 21053 8053 150 700 web in
node_flow 'another' db outside 198.51.100.2 7002 7002 100 333 db out

step 'a container that starts is counted from its start'
early=()
for i in 1 2 3 4 5; do # what it sends, a packet a millisecond, from when LXC says that it runs
	static "10.8.0.2$i" | lxc_define "quick$i" ''
	lxc_begin "quick$i"
	in_ns "quick$i" "$B/tests/netns/udpgen" send --from 0.0.0.0 --to 198.51.100.2 --port 7000 \
		--count 3000 --size 100 --rate 1000 --duration 20 >"$LAB/sent"
	read -r pkts _ <"$LAB/sent"
	assert_await "quick$i is counted" 10 counts "quick$i" "10.8.0.2$i"
	ctmeter refresh >/dev/null || fail 'ctmeter refresh'
	counted=$(of_container "quick$i" out_pkts)
	assert_ge "quick$i: counted while it sent" 1 "$counted"
	early+=($((pkts - counted)))
	lxc_end "quick$i"
done
echo "packets that preceded the rules: ${early[*]}"

step 'restarted: the same row; moved: another'
octets=$(of_container web out_octets)
lxc_end web
assert_await 'it is stopped' 20 is_of_container web state stopped
lxc_begin web
assert_await 'it runs' 10 is_of_container web state running
node_flow 'after a restart' web outside 198.51.100.2 7003 7003 50 500 web out
assert_eq 'its totals go on' $((octets + 50 * 500)) "$(of_container web out_octets)"
lxc_end web
sed -i 's/10\.8\.0\.11/10.8.0.31/' /var/lib/lxc/web/config
lxc_begin web
assert_await 'its new address' 20 counts web 10.8.0.31
node_flow 'at its new address' web outside 198.51.100.2 7004 7004 60 400 web out

step 'recreated and renamed'
lxc_end db
rm -r /var/lib/lxc/db
assert_await 'it is gone' 20 is_of_container db state gone
static 10.8.0.12 | lxc_define db vethdb
lxc_begin db
assert_await 'it is back' 20 counts db 10.8.0.12
lxc_end db
mv /var/lib/lxc/db /var/lib/lxc/store
sed -i 's,/db/,/store/,' /var/lib/lxc/store/config
lxc_begin store
assert_await 'another name is another row' 20 counts store 10.8.0.12
assert_await 'the old one has retired' 20 is_of_container db state gone

step 'two on one bridge, and IPv6'
node_flow_between 'to a neighbour' web store 10.8.0.12 7010 80 500
node_ipv6 2001:db8:8::/64
ip -n store addr add 2001:db8:8::22/64 dev eth0 nodad
ip -n store route replace default via 2001:db8:8::1
assert_await 'the IPv6 address' 10 counts store 2001:db8:8::22
node_flow 'IPv6 out' store outside 2001:db8:f::2 7011 7011 60 600 store out
node_flow 'IPv6 in' outside store 2001:db8:8::22 7012 7012 70 700 store in

step 'DHCP inside a bridge'
cat >"$LAB/dhcp.sh" <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/24" dev "$interface"
ip route add default via "$router"
END
chmod 755 "$LAB/dhcp.sh"
dnsmasq --port=0 --interface=br0 --bind-interfaces --user=root --pid-file= --leasefile-ro --conf-file=/dev/null \
	--dhcp-range=10.8.0.100,10.8.0.120,1h --dhcp-option=3,10.8.0.1 || fail 'dnsmasq'
lxc_define dyn '' </dev/null
lxc_begin dyn
in_ns dyn busybox udhcpc -i eth0 -n -q -f -s "$LAB/dhcp.sh" >"$LAB/udhcpc" 2>&1 ||
	fail "udhcpc: $(tail -n 1 "$LAB/udhcpc")"
leased=$(ip -n dyn -4 -o addr show dev eth0 | awk '{ sub("/.*", "", $4); print $4 }')
assert_match 'a lease' '^10\.8\.0\.1[0-2]' "$leased"
assert_await 'it is found and counted' 10 counts dyn "$leased"
node_flow 'masqueraded, by DHCP' dyn outside 198.51.100.2 7013 7013 50 400 dyn out
node_flow_between 'to one with DHCP' web dyn "$leased" 7014 60 300
lxc_end dyn

step 'a monitor that hangs, and one that another user plays'
pid=$(pgrep -o -f 'lxc monitor.* store') || pid=''
if [ -n "$pid" ]; then
	kill -STOP "$pid"
	assert_await 'its state is unknown' 20 is_of_container store state unknown
	assert_eq 'the others go on' running "$(of_container web state)"
	node_flow 'while it hangs' store outside 198.51.100.2 7005 7005 40 300 store out
	kill -CONT "$pid"
	assert_await 'it answers again' 20 is_of_container store state running
fi
assert_eq 'no look has failed' 0 "$(ctmeter --json status 2>/dev/null | jq .inventory_failures)"
for name in web store; do lxc_end "$name"; done
lab_end
