#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever others do to our chains by which a packet may pass uncounted: every row concerned has one
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
	told 'a RETURN first in a tree' $v 1 ipt $v -I ctm-d -j RETURN
	told 'the whole table flushed' $v 1 flush_all $v
done
told 'a chain flushed' 4 1 ipt 4 -F ctm-s
told 'the whole table flushed, chains deleted' 4 1 flush_and_delete 4
told 'one rule deleted' 4 1 delete_rule 4 192.0.2.101
told 'one rule zeroed that fell' 6 1 zero_rule 6 2001:db8:1::101
told 'the tree zeroed' 4 1 ipt 4 -Z ctm-d
told 'another tree zeroed' 4 1 ipt 4 -Z ctm-o
told 'the table zeroed' 6 1 ipt 6 -Z
save_now 4
told 'an older save of this epoch restored with its counters' 4 1 restore_older 4

step 'zeroed, and past the old count before the next reading'
lab_flow 198.51.100.2 192.0.2.112 1 100
await 5 in_place 4
disc_note
was=$(row_now 192.0.2.112)
ipt 4 -Z ctm-d
lab_flow 198.51.100.2 192.0.2.112 500 1000
assert_await 'zeroed: in its place again' 10 in_place 4
assert_await 'zeroed: what came since is counted' 3 row_is 192.0.2.112 $((${was%% *} + 500000))
disc_check 'zeroed and past the old count' 4 1

echo "took $SECONDS s"
lab_end
