#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Rules of others that lead to our chains, and chains of ours that somebody renamed: nothing is billed
# twice, every row is told once, and the rules that led to ours go, these alone.

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
step_kind() { # 4|6 KIND
	told "$2" "$1" 1 "$2" "$1"
	tidy "$1" "$2"
	unchanged "$2, IPv$1" "$1"
}
for kind in "${KINDS[@]:7}"; do step_kind 4 "$kind"; done
for kind in from_a_chain root_renamed; do step_kind 6 "$kind"; done
lab_end
