#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real containers of systemd-nspawn, registered by a real machined, on a node that boots with systemd.

# shellcheck source=tests/runtimes/node.sh
. "$(dirname "$0")/node.sh"
node_boot nspawn systemd-container systemd dbus -- "$@"

ctmeter() { /usr/bin/ctmeter "$@"; }
is_active() { systemctl is-active --quiet "$1"; }
leader_of() { sed -n 's/^LEADER=//p' "/run/systemd/machines/$1"; }

begin() { # NAME ADDRESS
	mkdir -p "/var/lib/machines/$1"
	[ -e "/var/lib/machines/$1/bin/busybox" ] || node_image "/var/lib/machines/$1"
	mkdir -p "/var/lib/machines/$1/usr" && : >"/var/lib/machines/$1/etc/os-release"
	systemd-run -q --collect --unit "nspawn-$1" systemd-nspawn -q -M "$1" -D "/var/lib/machines/$1" --network-veth \
		--keep-unit /bin/sleep 10000 2>"$LAB/said" ||
		cannot "systemd-nspawn starts no container here: $(tail -n 1 "$LAB/said")"
	await 20 test -e "/run/systemd/machines/$1" ||
		cannot "systemd-nspawn starts no container here: $(journalctl -q -u "nspawn-$1" -o cat | tail -n 1)"
	node_ns "$1" "$(leader_of "$1")"
	ip link set "ve-$1" up
	ip addr replace 10.9.0.1/32 dev "ve-$1"
	ip route replace "$2/32" dev "ve-$1"
	ip -n "$1" link set host0 up
	ip -n "$1" addr add "$2/32" dev host0
	ip -n "$1" route add 10.9.0.1 dev host0
	ip -n "$1" route add default via 10.9.0.1
}

end() { systemctl stop "nspawn-$1"; } # NAME

step 'a node with two containers'
mkdir -p /run/netns
node_network
iptables -t nat -A POSTROUTING -s 10.9.0.0/24 -o vout -j MASQUERADE
cat >/etc/ctmeter/ctmeter.conf <<'END'
[inventory]
source = nspawn
source = file:/etc/ctmeter/containers
END
# Which addresses they have, machined does not know.
printf '%s\n' 'deb 10.9.0.11' 'two 10.9.0.12' >/etc/ctmeter/containers
systemctl enable --now ctmeterd 2>/dev/null
await 60 is_active ctmeterd || fail 'ctmeterd is not up'
begin deb 10.9.0.11
begin two 10.9.0.12
assert_await 'one is counted' 20 counts deb 10.9.0.11
assert_await 'it runs' 20 is_of_container deb state running
assert_await 'the other, too' 20 counts two 10.9.0.12
assert_eq 'its runtime' nspawn "$(of_container deb runtime)"
assert_eq 'its id there' "$(sed -n 's/^ID=//p' /run/systemd/machines/deb)" "$(of_container deb runtime_id)"

step 'octets sent are octets served'
node_flow 'masqueraded' deb outside 198.51.100.2 7001 7001 200 1000 deb out
node_flow 'another' two outside 198.51.100.2 7002 7002 100 333 two out
iptables -t nat -A PREROUTING -d 198.51.100.1 -p udp --dport 8053 -j DNAT --to-destination 10.9.0.11:21053
node_flow 'published' outside deb 198.51.100.1 21053 8053 150 700 deb in

step 'machined is not woken'
systemctl stop systemd-machined
for _ in 1 2 3; do ctmeter refresh >/dev/null; done
assert_eq 'it sleeps' inactive "$(systemctl is-active systemd-machined)"
assert_eq 'what it wrote is read' ok "$(source_state nspawn)"

step 'ended and started again'
end two
assert_await 'it runs no longer' 20 is_of_container two state unknown
begin two 10.9.0.12
assert_await 'it runs' 20 is_of_container two state running
node_flow 'again' two outside 198.51.100.2 7003 7003 60 300 two out
end deb
end two
test_end
