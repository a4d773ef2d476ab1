#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Without the privilege ctmeterd says which one it lacks and what to do, and ends.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
command -v setpriv >/dev/null || skip "the command 'setpriv' is not installed"
lab_network
lab_inventory_usual
lab_write_conf

refused() { # LABEL CAPABILITY
	patiently setpriv --bounding-set "-$2" --inh-caps "-$2" \
		"$B/ctmeterd" -c "$LAB/ctmeter.conf" </dev/null >"$LAB/refusal" 2>&1
	assert_eq "without $2: exit status" 1 $?
	assert_match "without $2: it is named" "CAP_${2^^}" "$(<"$LAB/refusal")"
	assert_match "without $2: what to do" '(run|give|grant|root|setcap|start)' "$(<"$LAB/refusal")"
	sed 's/^/   /' "$LAB/refusal"
}
refused 'network administration' net_admin
refused 'raw sockets' net_raw

step 'an unreadable configuration, an unknown key'
patiently "$B/ctmeterd" -c "$LAB/none.conf" >"$LAB/refusal" 2>&1
assert_eq 'no such file: exit status' 78 $?
assert_match 'no such file: it is named' 'none\.conf' "$(<"$LAB/refusal")"
printf '[netfilter]\nbackand = iptables\n' >"$LAB/bad.conf"
patiently "$B/ctmeterd" -t -c "$LAB/bad.conf" >"$LAB/refusal" 2>&1
assert_eq 'unknown key: exit status' 1 $?
assert_match 'unknown key: file, line and key' 'bad\.conf:2.*backand' "$(<"$LAB/refusal")"
assert_ok 'a good one passes -t' "$B/ctmeterd" -t -c "$LAB/ctmeter.conf"

step 'the control socket is there for root alone'
lab_ctmeterd_start
assert_eq 'its mode' 600 "$(stat -c %a "$LAB/control.sock")"

lab_end
