#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real containerd with CNI's plugins: pods are made by its CRI, as a kubelet does it, without one.

# shellcheck source=tests/runtimes/node.sh
. "$(dirname "$0")/node.sh"
node_enter containerd containerd containernetworking-plugins curl -- "$@"

SOCKET=/run/containerd/containerd.sock

# ---- messages of Protocol Buffers, as hexadecimal digits ----

hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; } # TEXT

pb_varint() { # NUMBER
	local n=$1
	while [ "$n" -ge 128 ]; do
		printf %02x $((n % 128 + 128))
		n=$((n / 128))
	done
	printf %02x "$n"
}

pb() { printf %s "$(pb_varint $(($1 * 8 + 2)))$(pb_varint $((${#2} / 2)))$2"; } # FIELD HEX

# Call a method of the runtime's service; prints the answer's message.
cri() { # METHOD HEX
	local frame
	frame=$(printf '00%08x%s' $((${#2} / 2)) "$2")
	# shellcheck disable=SC2001,SC2059 # octets
	printf "$(sed 's/../\\x&/g' <<<"$frame")" >"$LAB/call"
	curl -sS --http2-prior-knowledge --unix-socket "$SOCKET" -H 'Content-Type: application/grpc' \
		-H 'TE: trailers' --data-binary "@$LAB/call" -D "$LAB/headers" -o "$LAB/answer" \
		"http://localhost/runtime.v1.RuntimeService/$1" || return
	grep -qi '^grpc-status: 0' "$LAB/headers" || {
		grep -i '^grpc-' "$LAB/headers" >&2
		return 1
	}
	tail -c +6 "$LAB/answer"
}

# Make the pod NAMESPACE/NAME. Its sandbox's id is in $ID.
pod() { # NAMESPACE NAME [LABEL VALUE]
	local metadata config
	metadata=$(pb 1 "$(hex "$2")")$(pb 2 "$(hex "uid-$2")")$(pb 3 "$(hex "$1")")
	config=$(pb 1 "$metadata")$(pb 2 "$(hex "$2")")
	[ $# -le 2 ] || config+=$(pb 6 "$(pb 1 "$(hex "$3")")$(pb 2 "$(hex "$4")")")
	cri RunPodSandbox "$(pb 1 "$config")" >"$LAB/made" 2>"$LAB/refusal" ||
		cannot "containerd makes no pod here: $(tr -d '\r\n' <"$LAB/refusal")"
	ID=$(tail -c +3 "$LAB/made" | tr -cd 0-9a-f)
	cri PodSandboxStatus "$(pb 1 "$(hex "$ID")")1001" >"$LAB/status"
	IP=$(grep -ao '10\.10\.0\.[0-9]*' "$LAB/status" | head -n 1)
	node_ns "$2" "$(grep -ao '"pid":[0-9]*' "$LAB/status" | head -n 1 | cut -d: -f2)"
}

pod_end() { # ID
	cri StopPodSandbox "$(pb 1 "$(hex "$1")")" >/dev/null && cri RemovePodSandbox "$(pb 1 "$(hex "$1")")" >/dev/null
}

# An image that does nothing, as an archive.
image() {
	local sum
	node_image "$LAB/image"
	mkdir "$LAB/archive"
	tar -C "$LAB/image" -cf "$LAB/archive/layer.tar" .
	sum=$(sha256sum "$LAB/archive/layer.tar" | cut -d' ' -f1)
	jq -n --arg sum "sha256:$sum" '{architecture: "amd64", os: "linux",
		config: {Cmd: ["/bin/sleep", "10000"]}, rootfs: {type: "layers", diff_ids: [$sum]}}' \
		>"$LAB/archive/config.json"
	echo '[{"Config":"config.json","RepoTags":["docker.io/local/pause:1"],"Layers":["layer.tar"]}]' \
		>"$LAB/archive/manifest.json"
	tar -C "$LAB/archive" -cf "$LAB/archive.tar" manifest.json config.json layer.tar
	ctr -n k8s.io images import "$LAB/archive.tar" >"$LAB/import" 2>&1
}

configure() {
	mkdir -p /etc/containerd /etc/cni/net.d /var/lib/containerd
	mount -t tmpfs tmpfs /var/lib/containerd
	cat >/etc/containerd/config.toml <<-'END'
		version = 2
		[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "docker.io/local/pause:1"
		disable_apparmor = true
		restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".cni]
		bin_dir = "/usr/lib/cni"
		conf_dir = "/etc/cni/net.d"
		[plugins."io.containerd.grpc.v1.cri".containerd]
		snapshotter = "native"
	END
	cat >/etc/cni/net.d/10-test.conflist <<-'END'
		{"cniVersion": "0.4.0", "name": "test", "plugins": [
		{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
		"ipam": {"type": "host-local", "ranges": [[{"subnet": "10.10.0.0/24"}], [{"subnet": "2001:db8:10::/64"}]],
		"routes": [{"dst": "0.0.0.0/0"}]}},
		{"type": "portmap", "capabilities": {"portMappings": true}}]}
	END
}

step 'two pods'
configure
containerd >>"$LAB/containerd.log" 2>&1 </dev/null &
CONTAINERD_PID=$!
await 20 ctr version >/dev/null 2>&1 || { tail "$LAB/containerd.log"; skip 'containerd does not start here'; }
image || skip "containerd imports no image here: $(tail -n 1 "$LAB/import")"
lab_set daemon.user daemon
lab_set inventory.source "kubernetes:$SOCKET"
lab_set ledger.path /var/lib/ctmeter/ledger.db
lab_set control.socket /run/ctmeter/control.sock
lab_ctmeterd_start
pod default web
web=$ID web_ip=$IP
pod shop db
db_ip=$IP
assert_await 'one is counted' 20 counts default/web "$web_ip"
assert_await 'the other, too' 20 counts shop/db "$db_ip"
assert_eq 'its addresses' 2 "$(addresses_of default/web | wc -l)"
assert_eq 'its runtime' kubernetes "$(of_container default/web runtime)"
assert_eq 'its id there' uid-web "$(of_container default/web runtime_id)"

step 'octets sent are octets served'
node_flow 'masqueraded' web outside 198.51.100.2 7001 7001 200 1000 default/web out
node_flow 'another' db outside 198.51.100.2 7002 7002 100 333 shop/db out
iptables -t nat -A PREROUTING -d 198.51.100.1 -p udp --dport 8053 -j DNAT --to-destination "$web_ip:21053"
node_flow 'published' outside web 198.51.100.1 21053 8053 150 700 default/web in

step 'recreated, and one with a label'
octets=$(of_container default/web out_octets)
pod_end "$web"
assert_await 'it is gone' 20 is_of_container default/web state gone
pod default web
assert_await 'it is back' 20 counts default/web "$IP"
assert_ge 'its totals go on' "$octets" "$(of_container default/web out_octets)"
node_flow 'again' web outside 198.51.100.2 7003 7003 60 300 default/web out
pod shop asked ctmeter.id customer-7
assert_await 'its label' 20 counts customer-7 "$IP"

step 'the runtime ends: what runs goes on'
stop_process "$CONTAINERD_PID"
assert_await 'the source is idle' 20 source_says "kubernetes:$SOCKET" '^not running: .*what it said last stays'
node_flow 'without it' db outside 198.51.100.2 7004 7004 70 300 shop/db out
assert_eq 'nothing is gone' counting "$(of_container shop/db status)"
lab_end
