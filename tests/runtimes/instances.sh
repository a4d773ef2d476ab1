# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Instances of a real Incus or LXD in two projects, renamed, stopped, and a ctmeterd that is restarted in
# between. Sourced, inside the node. RUNTIME is incus or lxd, TITLE its name, CLI and DAEMON its programs.

cli() { "$CLI" "$@"; }
api_answers() { cli info; }

# The runtime's own bridge needs dnsmasq; this one is made by hand.
bridge() {
	ip link add br0 type bridge
	ip addr add 10.7.0.1/24 dev br0
	ip link set br0 up
	iptables -t nat -A POSTROUTING -s 10.7.0.0/24 -o vout -j MASQUERADE
}

# An instance that runs, with this address.
launch() { # PROJECT NAME ADDRESS
	cli launch bb "$2" --project "$1" >"$LAB/launch" 2>&1 ||
		cannot "$TITLE starts no container here: $(tail -n 1 "$LAB/launch")"
	configure "$@"
}

configure() { # PROJECT NAME ADDRESS
	cli exec --project "$1" "$2" -- ip link set eth0 up
	cli exec --project "$1" "$2" -- ip addr add "$3/24" dev eth0
	cli exec --project "$1" "$2" -- ip route add default via 10.7.0.1
	node_ns "$1-$2" "$(cli query "/1.0/instances/$2/state?project=$1" | jq .pid)"
}

step 'instances in two projects'
echo 'root:1000000:1000000000' | tee /etc/subuid >/etc/subgid
bridge
"$DAEMON" --group root >>"$LAB/api.log" 2>&1 </dev/null &
await 30 api_answers || { tail "$LAB/api.log"; skip "$TITLE does not start here"; }
cli storage create default dir >/dev/null
cli profile device add default root disk path=/ pool=default >/dev/null
cli profile device add default eth0 nic nictype=bridged parent=br0 name=eth0 >/dev/null
node_image "$LAB/image/rootfs"
printf 'architecture: %s\ncreation_date: 1700000000\n' "$(uname -m)" >"$LAB/image/metadata.yaml"
tar -C "$LAB/image" -czf "$LAB/image.tar.gz" metadata.yaml rootfs
cli image import "$LAB/image.tar.gz" --alias bb >/dev/null
cli project create shop -c features.images=false -c features.profiles=false >/dev/null
lab_set inventory.source auto
lab_set inventory.helper "$LAB/helper.sock"
lab_ctmeterd_start
launch default web 10.7.0.11
launch shop web 10.7.0.12
assert_await 'one is counted' 20 counts web 10.7.0.11
assert_await 'the other, too' 20 counts shop/web 10.7.0.12
assert_eq 'its runtime' "$RUNTIME" "$(of_container web runtime)"
assert_eq 'its id there' "$(cli config get web volatile.uuid)" "$(of_container web runtime_id)"

step 'octets sent are octets served'
node_flow 'masqueraded' default-web outside 198.51.100.2 7001 7001 120 1000 web out
node_flow 'of the other project' shop-web outside 198.51.100.2 7002 7002 50 300 shop/web out

step 'renamed: the same row, also after a restart'
octets=$(of_container web out_octets)
cli stop -f web
assert_await 'it is stopped' 20 is_of_container web state stopped
cli move web www
lab_ctmeterd_stop
lab_ctmeterd_start
cli start www
configure default www 10.7.0.11
assert_await 'its new name' 20 is_of_container web name www
assert_await 'it is counted' 20 counts web 10.7.0.11
node_flow 'by its new name' default-www outside 198.51.100.2 7003 7003 40 500 web out
assert_eq 'its totals go on' $((octets + 40 * 500)) "$(of_container web out_octets)"
launch default web 10.7.0.13
other="web~$(cli config get web volatile.uuid | cut -c 1-8)"
assert_await 'another one with its old name is not it' 20 counts "$other" 10.7.0.13
# An instance that came back may have sent before its rules did.
assert_eq 'discontinuities' '' "$(discontinuous | grep -v '^web ')"
lab_end
