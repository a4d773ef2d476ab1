#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real LXD.

# shellcheck source=tests/runtimes/node.sh
. "$(dirname "$0")/node.sh"
node_enter lxd lxd -- "$@"
# shellcheck disable=SC2034 # for instances.sh
RUNTIME=lxd TITLE=LXD CLI=lxc DAEMON=lxd
# shellcheck source=tests/runtimes/instances.sh
. "$LAB_TOP/tests/runtimes/instances.sh"
