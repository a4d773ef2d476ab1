#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is served is what was sent, to the octet and the packet: IPv4 and IPv6, forwarded both
# ways, with the node itself, container to container, small and large; container sums too.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
lab_start

step 'nothing was sent: all zero'
book_check 'before any traffic'

step 'forwarded, in and out'
lab_flow 198.51.100.2 192.0.2.101 1000 1500
lab_flow 198.51.100.2 192.0.2.101 1000 28
lab_flow 192.0.2.101 198.51.100.2 700 576
lab_flow 198.51.100.2 192.0.2.112 400 29
lab_flow 192.0.2.102 198.51.100.2 300 1499
lab_flow 2001:db8:f::2 2001:db8:1::101 900 1500
lab_flow 2001:db8:f::2 2001:db8:1::101 100 48
lab_flow 2001:db8:1::103 2001:db8:f::2 600 49-1500
lab_flow 192.0.2.103 198.51.100.2 1 28
book_check forwarded

step 'with the node itself'
lab_flow 198.51.100.1 192.0.2.102 200 28-1500
lab_flow 192.0.2.112 198.51.100.1 210 28-1500
lab_flow 2001:db8:f::1 2001:db8:1::103 220 48-1500
lab_flow 2001:db8:1::101 2001:db8:f::1 230 48-1500
book_check node

step 'container to container'
lab_flow 192.0.2.101 192.0.2.112 310 28-1500
lab_flow 192.0.2.103 192.0.2.101 320 28-1500
lab_flow 2001:db8:1::101 2001:db8:1::103 330 48-1500
book_check 'container to container'

step 'a container with itself: that never reaches the node'
lab_flow 192.0.2.102 192.0.2.112 50 100
book_check 'within one container'

step 'a hundred thousand, at speed'
port=$((LAB_PORT++))
lab_sink_start 192.0.2.101 "$port"
sent=$(in_ns outside "$B/tests/netns/udpgen" send --from 198.51.100.2 --to 192.0.2.101 \
	--port "$port" --count 100000 --size 28-1500 --rate 60000 --duration 20 --seed 42)
# Read while it stands: whether the sink's own buffer took it all does not concern the node.
kill "$SINK_PID"
wait "$SINK_PID"
# shellcheck disable=SC2086 # two figures
book_flow 198.51.100.2 192.0.2.101 $sent
assert_eq 'packets sent at speed' 100000 "${sent% *}"
book_check 'at speed'

lab_end
