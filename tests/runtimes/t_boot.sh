#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node that boots with systemd: ctmeterd starts before Docker and does not make it wait, and a Docker
# that sleeps behind its socket is not woken.

# shellcheck source=tests/runtimes/node.sh
. "$(dirname "$0")/node.sh"
node_boot docker docker.io systemd -- "$@"

ctmeter() { /usr/bin/ctmeter "$@"; }
is_active() { systemctl is-active --quiet "$1"; }
began() { systemctl show --value -p InactiveExitTimestampMonotonic "$1"; }

step 'the boot'
systemctl enable --now ctmeterd 2>/dev/null # also what a boot would have done, in the unit's order
assert_await 'ctmeterd is up' 60 is_active ctmeterd
systemctl stop ctmeterd docker.service docker.socket
systemctl start --no-block ctmeterd docker.socket docker.service
assert_await 'Docker is up' 60 is_active docker
assert_ok 'so is ctmeterd' is_active ctmeterd
assert_ge 'ctmeterd began first' "$(began ctmeterd)" "$(began docker)"
echo "Docker began $((($(began docker) - $(began ctmeterd)) / 1000)) ms after ctmeterd"
assert_await 'it answers' 30 source_says docker '^ok$'
assert_eq 'ctmeterd is its own user' ctmeter "$(ps -o user= -p "$(systemctl show --value -p MainPID ctmeterd)")"
assert_eq 'who is not in the group docker' '' "$(id -nG ctmeter | tr ' ' '\n' | grep -x docker)"

step 'Docker sleeps behind its socket'
systemctl stop docker.service
assert_ok 'systemd listens for it' is_active docker.socket
systemctl restart ctmeterd
assert_await 'it is seen to sleep' 30 source_says docker 'sleeps behind /run/docker.sock'
for _ in 1 2 3; do ctmeter refresh >/dev/null; done
assert_eq 'it is not woken' inactive "$(systemctl is-active docker.service)"
docker version >/dev/null # this wakes it
assert_await 'it answers' 30 source_says docker '^ok$'
test_end
