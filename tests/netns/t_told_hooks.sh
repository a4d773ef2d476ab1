#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever others do to our place in the hooks by which a packet may pass uncounted: every row concerned has one
# discontinuity more for it, no more is served than was sent, and what comes then is exact.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/foreign.sh
. "$(dirname "$0")/foreign.sh"
# shellcheck source=tests/netns/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/netns/told.sh
. "$(dirname "$0")/told.sh"
# shellcheck source=tests/netns/told_kinds.sh
. "$(dirname "$0")/told_kinds.sh"
foreign_tools
lab_enter "$@"
lab_start
stream_sinks

for v in 4 6; do
	told 'our jump deleted' $v 1 delete_jump $v FORWARD
	told 'an ACCEPT before our jump' $v 1 accept_first $v FORWARD
	ipt $v -D FORWARD -j ACCEPT
done
told 'the hook flushed' 6 1 ipt 6 -F FORWARD
told 'our jump into INPUT deleted' 4 1 delete_jump 4 INPUT
told 'an ACCEPT before our jump into OUTPUT' 6 1 accept_first 6 OUTPUT
ipt 6 -D OUTPUT -j ACCEPT

step 'the same in the table filter'
lab_ctmeterd_stop
assert_ok teardown ctmeter teardown
lab_set netfilter.table filter
TABLE=filter
lab_ctmeterd_start
await 10 snmp_serves || fail 'filter: the tables are not served'
told 'filter: an ACCEPT before our jump' 4 1 accept_first 4 FORWARD
ipt 4 -D FORWARD -j ACCEPT
told 'filter: a RETURN first in a tree' 6 1 ipt 6 -I ctm-d -j RETURN
echo "took $SECONDS s"
lab_end
