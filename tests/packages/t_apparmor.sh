#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The AppArmor profile: its language, and whether it allows what the unit's daemon must have.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
PROFILE=$LAB_TOP/conf/apparmor/ctmeterd
UNIT=$LAB_TOP/conf/ctmeterd.service
command -v apparmor_parser >/dev/null || skip 'apparmor_parser is not installed'
rules=$(sed 's/#.*//' "$PROFILE")

step 'its language'
assert_ok 'it is parsed, without the kernel' apparmor_parser --skip-kernel-load --skip-cache "$PROFILE"
assert_eq 'one profile, which confines nothing by itself' 'profile ctmeterd flags=(attach_disconnected) {' \
	"$(grep ^profile <<<"$rules")"

step 'it allows what the unit does'
assert_eq 'the same capabilities' "$(sed -n 's/^AmbientCapabilities=//p' "$UNIT" | tr 'A-Z ' 'a-z\n' | sed 's/^cap_//' | sort)" \
	"$(sed -n 's/^ *capability \(.*\),/\1/p' <<<"$rules" | sort)"
assert_eq 'the same address families' "$(sed -n 's/^RestrictAddressFamilies=//p' "$UNIT" | tr 'A-Z ' 'a-z\n' | sed 's/^af_//' | sort)" \
	"$(sed -n 's/^ *network \([a-z0-9]*\) .*/\1/p' <<<"$rules" | sort -u)"
for place in /etc/ctmeter/ /var/lib/ctmeter/ '@{run}/ctmeter/' /sys/fs/bpf/ctmeter/; do
	assert_ok "$place" grep -qF " $place{,**} r" <<<"$rules"
done
test_end
