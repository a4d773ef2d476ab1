#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real Docker: its containers are found, named and counted by themselves, by a ctmeterd that is not
# root and was there first.

# shellcheck source=tests/runtimes/node.sh
. "$(dirname "$0")/node.sh"
node_enter docker docker.io systemd -- "$@"

docker_answers() { docker version; }

dockerd_start() {
	dockerd >>"$LAB/dockerd.log" 2>&1 </dev/null &
	DOCKERD_PID=$!
	await 60 docker_answers || { tail "$LAB/dockerd.log"; cannot "dockerd does not start here"; }
}

run() { # NAME [OPTION...]
	local name=$1
	shift
	docker run -d --name "$name" "$@" bb /bin/sleep 10000 >/dev/null || fail "docker run $name"
}

pid_of() { docker inspect -f '{{.State.Pid}}' "$1"; }
id_of() { docker inspect -f '{{.Id}}' "$1"; }
ip_of() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1" | awk '{ print $1 }'; }

# Found, with the address that Docker gave it.
assert_counted() { # NAME
	assert_await "$1 is counted" 10 counts "$1" "$(ip_of "$1")"
	node_ns "$1" "$(pid_of "$1")"
}

step 'Docker is installed and does not run'
lab_set daemon.user daemon
lab_set inventory.source auto
lab_set ledger.path /var/lib/ctmeter/ledger.db
lab_set control.socket /run/ctmeter/control.sock
lab_ctmeterd_start
assert_await 'the source says so' 10 source_says docker '^not running: nothing listens'
assert_eq 'that is no failure' false "$(ctmeter --json status 2>/dev/null | jq '.sources[0].failing')"
assert_eq 'ctmeterd is not root' daemon "$(stat -c %U "/proc/$CTMETERD_PID")"

step 'two containers'
dockerd_start
node_image "$LAB/image"
tar -C "$LAB/image" -c . | docker import - bb >/dev/null
run web -p 8053:21053/udp --label ctmeter.name='Web server'
run db
assert_counted web
assert_counted db
assert_eq 'the source answers' ok "$(source_state docker)"
assert_eq 'its name' 'Web server' "$(of_container web name)"
assert_eq 'its runtime' docker "$(of_container web runtime)"
assert_eq 'its id there' "$(id_of web)" "$(of_container web runtime_id)"

step 'octets sent are octets served'
node_flow 'masqueraded' web outside 198.51.100.2 7001 7001 200 1000 web out
node_flow 'published' outside web 198.51.100.1 21053 8053 150 700 web in
node_flow 'another' db outside 198.51.100.2 7002 7002 100 333 db out

step 'a container that starts is counted from its start'
SENT=2000
has_sent() { [ "$(docker logs "$1")" = "$SENT $((SENT * 100))" ]; } # NAME
missed=() after=()
for i in 1 2 3 4 5 6 7 8 9; do # a packet a millisecond, from its own first moment on
	docker run -d --name "quick$i" -v "$B/tests/netns:/netns:ro" -v /lib:/lib:ro -v /lib64:/lib64:ro \
		-v /usr/lib:/usr/lib:ro bb /bin/sh -c "/netns/udpgen send --from 0.0.0.0 --to 198.51.100.2 --port 7000 \
		--count $SENT --size 100 --rate 1000 --duration 20; sleep 10000" >/dev/null || fail "docker run quick$i"
	answered=${EPOCHREALTIME/./}
	assert_await "quick$i has sent" 20 has_sent "quick$i"
	assert_await "quick$i is counted" 10 counts "quick$i" "$(ip_of "quick$i")"
	ctmeter refresh >/dev/null || fail 'ctmeter refresh'
	counted=$(of_container "quick$i" out_pkts)
	assert_ge "quick$i: counted while it sent" 1 "$counted"
	began=$(date -d "$(docker inspect -f '{{.State.StartedAt}}' "quick$i")" +%s%6N)
	missed+=($((SENT - counted)))
	after+=($((SENT - counted - (answered - began) / 1000)))
	docker rm -f "quick$i" >/dev/null
done
echo "measured: packets, one a ms, that preceded the count: ${missed[*]}; median $(median "${missed[@]}")"
echo "measured: ms from docker run's answer to the first that was counted: ${after[*]}; median $(median "${after[@]}")"

step 'restarted, recreated: the same row'
octets=$(of_container web out_octets)
docker restart -t 0 web >/dev/null
assert_counted web
node_flow 'after a restart' web outside 198.51.100.2 7003 7003 50 500 web out
docker rm -f web >/dev/null
assert_await 'it is gone' 10 is_of_container web state gone
run between # takes its address
run web -p 8053:21053/udp
assert_counted web
assert_await 'another id' 10 is_of_container web runtime_id "$(id_of web)"
assert_ge 'its totals go on' $((octets + 50 * 500)) "$(of_container web out_octets)"
node_flow 'after it was made anew' web outside 198.51.100.2 7004 7004 60 600 web out

step 'passing names make no row'
old=$(id_of db)
docker create --name "${old:0:12}_db" bb /bin/sleep 10000 >/dev/null
run witness
assert_counted witness
assert_eq 'no row' '' "$(of_container "${old:0:12}_db" id)"
octets=$(of_container db out_octets)
docker rm -f db >/dev/null
docker rename "${old:0:12}_db" db
docker start db >/dev/null
assert_counted db
assert_eq 'its row goes on' "$octets" "$(of_container db out_octets)"

step 'a name bills, and labels override it'
docker rename db store
assert_await 'another row' 10 counts store "$(ip_of store)"
assert_await 'the old one has retired' 10 is_of_container db state gone
run asked --label ctmeter.id=customer-7
assert_await 'its label' 10 counts customer-7 "$(ip_of asked)"
run hidden --label ctmeter.ignore=true
run witness2
assert_counted witness2
assert_eq 'one is left out' '' "$(of_container hidden id)"

step 'no network of its own: said, and not counted twice'
run hostnet --network host
run none --network none
run shared --network container:web
run witness3
assert_counted witness3
assert_eq 'the node' "node's network not-countable" \
	"$(of_container hostnet reason) $(of_container hostnet status)"
assert_eq 'none' 'no network of its own' "$(of_container none reason)"
assert_eq 'shared' 'shared network' "$(of_container shared reason)"
assert_eq 'no address of it' '' "$(addresses_of shared)"
node_flow 'a shared one is web' web outside 198.51.100.2 7005 7005 40 400 web out

step 'a second network'
docker network create back >/dev/null
docker network connect back store
assert_await 'two addresses' 10 eval '[ "$(addresses_of store | wc -l)" -eq 2 ]'
docker network disconnect back store
assert_await 'one address' 10 eval '[ "$(addresses_of store | wc -l)" -eq 1 ]'

step 'IPv6, two on one bridge, and moved to another network'
docker network create --ipv6 --subnet 10.20.0.0/24 --subnet 2001:db8:20::/64 six >/dev/null
v6_of() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.GlobalIPv6Address}}{{end}}' "$1"; }
run left --network six
run right --network six
assert_counted left
assert_counted right
assert_await 'its IPv6 address, too' 10 counts right "$(v6_of right)"
node_flow_between 'to a neighbour' left right "$(ip_of right)" 7010 80 500
node_ipv6 2001:db8:20::/64
node_flow 'IPv6 out' left outside 2001:db8:f::2 7011 7011 60 600 left out
node_flow 'IPv6 in' outside right "$(v6_of right)" 7012 7012 70 700 right in
octets=$(of_container left out_octets)
docker network connect back left
docker network disconnect six left
assert_counted left
node_flow 'in another network' left outside 198.51.100.2 7013 7013 50 300 left out
assert_eq 'its totals go on' $((octets + 50 * 300)) "$(of_container left out_octets)"
docker rm -f left right >/dev/null

assert_eq 'no look has failed' 0 "$(ctmeter --json status 2>/dev/null | jq .inventory_failures)"

step 'its rules in the firewall are removed, and made again by a restart'
iptables -t nat -F
iptables -F
stop_process "$DOCKERD_PID"
dockerd_start
docker start store web >/dev/null
assert_counted store
assert_counted web
node_flow 'after that' store outside 198.51.100.2 7014 7014 50 200 store out
node_flow 'published again' outside web 198.51.100.1 21053 8053 50 100 web in

step 'Docker is killed: what runs goes on, and nothing is retired'
pid=$(pid_of store)
node_ns store "$pid"
stop_process "$DOCKERD_PID" KILL
assert_await 'the source says so' 20 source_says docker '^not running: .*what it said last stays'
node_flow 'without Docker' store outside 198.51.100.2 7006 7006 70 300 store out
lab_ctmeterd_stop
lab_ctmeterd_start
ctmeter refresh || fail 'ctmeter refresh'
assert_eq 'nothing is gone after a restart' 0 "$(figures |
	jq '[.containers[] | select(.id == "web" or .id == "store") | select(.state == "gone")] | length')"
assert_eq 'what it is, is still known' docker "$(of_container store runtime)"
kill "$pid"
rm -f /run/docker.pid
dockerd_start
assert_await 'the source answers' 20 source_says docker '^ok$'
assert_await 'what has ended is stopped' 20 is_of_container store state stopped
docker start store >/dev/null
assert_counted store
node_flow 'with Docker again' store outside 198.51.100.2 7007 7007 80 900 store out

step 'nothing was missed'
# Those that stopped and came back with their address may have sent before their rules were back. The one that
# was moved ran without the link of its former network before Docker said that it had left it.
assert_eq 'discontinuities' '' "$(discontinuous | grep -v '^\(web\|db\|store\|left\) ')"

step 'what is installed later is found later'
lab_ctmeterd_stop
mkdir /etc/hidden
mv /usr/sbin/dockerd /etc/hidden
mv /run/docker.sock /run/hidden.sock
printf '#!/bin/sh\necho "[]"\n' >/usr/sbin/vzlist
chmod 755 /usr/sbin/vzlist
lab_ctmeterd_start
assert_eq 'one source' auto "$(ctmeter --json status 2>/dev/null | jq -r '.sources[].name')"
mv /etc/hidden/dockerd /usr/sbin
assert_await 'it is there, and does not run' 30 source_says docker '^not running'
mv /run/hidden.sock /run/docker.sock
assert_await 'it runs' 30 source_says docker '^ok$'

docker ps -q | xargs -r docker rm -f >/dev/null
stop_process "$DOCKERD_PID"
lab_end
