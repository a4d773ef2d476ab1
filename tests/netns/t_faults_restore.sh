#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Others restore whole tables: no counter falls, nothing is counted twice, and what the kernel threw
# away is bounded and told.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/foreign.sh
. "$(dirname "$0")/foreign.sh"
# shellcheck source=tests/netns/watch.sh
. "$(dirname "$0")/watch.sh"
# shellcheck source=tests/netns/faults.sh
. "$(dirname "$0")/faults.sh"
# shellcheck source=tests/netns/damage.sh
. "$(dirname "$0")/damage.sh"
foreign_tools
lab_enter "$@"
damage_lab

traffic
lab_flow 192.0.2.103 198.51.100.2 100 28-1500
book_check 'to begin with'
save ours
quiet 'restore of a table of ours, no counters' restore ours
busy 'restore of a table of ours, no counters' restore ours
quiet 'restore of a table before ours, with counters' restore before -c
busy 'restore of a table before ours, no counters' restore before
printf '*mangle\n-A FORWARD -s 203.0.113.9\nCOMMIT\n' >"$LAB/more.4"
printf '*mangle\n-A FORWARD -s 2001:db8:99::9\nCOMMIT\n' >"$LAB/more.6"

step 'restore --noflush takes nothing away'
streams_start 192.0.2.101
for i in {1..20}; do
	assert_ok "restore $i" restore more --noflush
	assert_ok "restore $i, with counters" restore more --noflush -c
done
streams_stop 192.0.2.101
stream_exact 'restore --noflush' 192.0.2.101

watch_check
lab_end
