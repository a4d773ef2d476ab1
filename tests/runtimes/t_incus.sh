#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real Incus, which Debian has since 13.

: "${TREE_RELEASE:=trixie}"
# shellcheck source=tests/runtimes/node.sh
. "$(dirname "$0")/node.sh"
node_enter incus incus uidmap -- "$@"
# shellcheck disable=SC2034 # for instances.sh
RUNTIME=incus TITLE=Incus CLI=incus DAEMON=/usr/libexec/incus/incusd
# shellcheck source=tests/runtimes/instances.sh
. "$LAB_TOP/tests/runtimes/instances.sh"
