#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real Podman of root's: containers and pods, with its API served and not.

# shellcheck source=tests/runtimes/node.sh
. "$(dirname "$0")/node.sh"
node_enter podman podman catatonit netavark aardvark-dns -- "$@"

API=/run/podman/podman.sock

pod_man() { podman --cgroup-manager=cgroupfs "$@"; }

service_start() {
	mkdir -p /run/podman
	podman --cgroup-manager=cgroupfs system service --time 0 "unix://$API" >>"$LAB/podman.log" 2>&1 </dev/null &
	SERVICE_PID=$!
	await 20 test -S "$API" || { tail "$LAB/podman.log"; cannot "Podman's service does not start here"; }
}

run() { # NAME [OPTION...]
	local name=$1
	shift
	pod_man run -d --name "$name" "$@" bb /bin/sleep 10000 >/dev/null || fail "podman run $name"
}

inspect() { pod_man inspect -f "$2" "$1"; } # NAME FORMAT
ip_of() { inspect "$1" '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' | awk '{ print $1 }'; }

assert_counted() { # NAME
	assert_await "$1 is counted" 15 counts "$1" "$(ip_of "$1")"
	node_ns "$1" "$(inspect "$1" '{{.State.Pid}}')"
}

step 'two containers and a pod'
node_image "$LAB/image"
tar -C "$LAB/image" -c . | pod_man import - bb >/dev/null 2>&1 || skip 'Podman imports no image here'
pod_man run --rm bb /bin/sh -c : 2>"$LAB/refusal" || skip "Podman runs no container here: $(tail -n 1 "$LAB/refusal")"
service_start
lab_set daemon.user daemon
lab_set inventory.source auto
lab_set ledger.path /var/lib/ctmeter/ledger.db
lab_set control.socket /run/ctmeter/control.sock
lab_ctmeterd_start
run web -p 8053:21053/udp
run db
pod_man pod create --name shop >/dev/null
run front --pod shop
run behind --pod shop
assert_counted web
assert_counted db
assert_eq 'its runtime' podman "$(of_container web runtime)"
pod_ip=$(ip_of "$(pod_man pod inspect shop -f '{{.InfraContainerID}}')")
assert_await 'the pod is one' 15 counts shop "$pod_ip"
assert_eq 'its containers are none' '' "$(of_container front id)$(of_container behind id)"

step 'octets sent are octets served'
node_flow 'masqueraded' web outside 198.51.100.2 7001 7001 120 1000 web out
node_flow 'published' outside web 198.51.100.1 21053 8053 130 700 web in
node_ns front "$(inspect front '{{.State.Pid}}')"
node_ns behind "$(inspect behind '{{.State.Pid}}')"
node_flow 'of the pod' front outside 198.51.100.2 7002 7002 50 300 shop out
node_flow 'of the same pod' behind outside 198.51.100.2 7003 7003 60 300 shop out

step 'no network of its own'
run hostnet --network host
run shared --network container:web
assert_await 'the node' 15 is_of_container hostnet reason 'no network of its own'
assert_await 'shared' 15 is_of_container shared reason 'shared network'
assert_eq 'no address of it' '' "$(addresses_of shared)"

step 'recreated: the same row; renamed: another'
octets=$(of_container web out_octets)
pod_man rm -f -t 0 shared >/dev/null
pod_man rm -f -t 0 web >/dev/null
run web -p 8053:21053/udp
assert_counted web
assert_eq 'its totals go on' "$octets" "$(of_container web out_octets)"
pod_man rename db store
assert_await 'another row' 15 counts store "$(ip_of store)"

step 'its service ends: what runs goes on'
stop_process "$SERVICE_PID"
rm -f "$API"
assert_await 'the source says so' 20 source_says podman '^not running: .*what it said last stays'
node_flow 'without a service' web outside 198.51.100.2 7004 7004 70 400 web out
service_start
assert_await 'the source answers' 20 source_says podman '^ok$'

step 'nothing was missed'
assert_eq 'discontinuities' '' "$(discontinuous | grep -v '^\(web\|store\) ')"
lab_end
