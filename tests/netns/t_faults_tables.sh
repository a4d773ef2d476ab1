#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Others replace our rules by themselves, or restore whole tables: no counter falls, nothing is
# counted twice, and what the kernel threw away is bounded and told.

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
save older
traffic
quiet '-R of a counting rule' replace_both
busy '-R of a counting rule' replace_both
quiet 'restore of an older table of ours, with counters' restore older -c
save older
busy 'restore of an older table of ours, with counters' restore older -c
watch_check
lab_end
