#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# From the source, under systemd, on a node without OpenVZ: the README's commands from the first to the
# switch's, and those that undo them.

# shellcheck source=tests/release/release.sh
. "$(dirname "$0")/release.sh"
release_boot "$@"

step 'built and installed'
readme 'make deps' 'make deps'
systemctl enable ctmeterd 2>/dev/null
systemctl start ctmeterd
unconfigured

step 'the first answers'
readme '[inventory]' 'snmpwalk -v2c'
answers
readme 'createUser' 'createUser'

step 'undone'
ctmeter teardown >"$LAB/said" 2>&1
readme 'make uninstall' 'make uninstall'
assert_eq 'no rule is left' 0 "$(rules)"
assert_eq 'the daemon is gone' '' "$(pgrep ctmeterd)"
assert_eq 'left: configuration and totals' '/etc/ctmeter /var/lib/ctmeter ' \
	"$(find /etc /usr /var/lib -xdev -name '*ctmeter*' -prune ! -path '/etc/snmp/*' | sort | tr '\n' ' ')"
test_end
