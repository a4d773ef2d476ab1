#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Rules of others that lead to our chains: somebody who insists is told by status and check, what was
# done while the daemon was away is told too, and teardown leaves nothing of ours in any of these
# states.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/foreign.sh
. "$(dirname "$0")/foreign.sh"
# shellcheck source=tests/netns/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/netns/told.sh
. "$(dirname "$0")/told.sh"
foreign_tools
lab_enter "$@"
# shellcheck source=tests/netns/doubled.sh
. "$(dirname "$0")/doubled.sh"
doubled_lab
step 'somebody insists'
THIS='rule 1 of PREROUTING leads to our chain ctm-d'
insist() {
	ipt 4 -C PREROUTING -j ctm-d || ipt 4 -I PREROUTING -j ctm-d
	disc_of 192.0.2.101 # a reading
}
told_by_status() { insist && ctmeter --json status | grep -q "rules disturbed: $THIS"; }
told_by_check() { insist && ctmeter check rules-ipv4 | grep -q "^fail .*$THIS"; }
assert_await 'status tells' 20 told_by_status
assert_await 'check fails' 20 told_by_check
assert_await 'peace' 40 in_place 4
exact_again 'after it' 4

step 'while the daemon is away'
disc_note
was=$(row_now 192.0.2.101)
lab_ctmeterd_stop
from_prerouting 4
lab_flow 198.51.100.2 192.0.2.101 500 1000
lab_ctmeterd_start
await 10 snmp_serves
assert_await 'away: in its place again' 30 in_place 4
now=$(row_now 192.0.2.101)
assert_ge 'away: not more than was sent' $((${now%% *} - ${was%% *})) 500000
disc_check 'away' 4 1
exact_again 'away' 4

step 'teardown'
lab_ctmeterd_stop
for kind in "${KINDS[@]}"; do
	lab_ctmeterd_start
	assert_ok "teardown, $kind: refresh" ctmeter refresh
	lab_ctmeterd_stop
	"$kind" 4 || fail "teardown, $kind: cannot"
	assert_ok "teardown, $kind" ctmeter teardown
	tidy 4 "$kind"
	unchanged "teardown, $kind" 4
	assert_eq "teardown, $kind: chains" 'shaping shaping-more' \
		"$(ipt 4 -S | sed -n 's/^-N //p' | paste -sd ' ')"
done
lab_ctmeterd_start
assert_ok 'refresh' ctmeter refresh
from_a_chain 4 && root_renamed 4
assert_ok "teardown by the daemon" ctmeter teardown
tidy 4 from_a_chain
unchanged 'teardown by the daemon' 4
lab_end
