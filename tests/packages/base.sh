#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A minimal Debian of this machine's release with snmpd and systemd, which is kept (tree.sh) and brought up
# to date once a day. Prints its directory.
set -euo pipefail
# shellcheck source=tests/packages/tree.sh
. "$(dirname "$0")/tree.sh"
tree_get "packages-$TREE_RELEASE" systemd snmpd snmp iptables iproute2 nftables procps sqlite3 ||
	{ echo "$TREE_REFUSAL" >&2; exit 1; }
if [ -z "$(find "$TREE_DIR/.packages" -mmin -1440)" ]; then
	{ enter "$TREE_DIR" apt-get update && enter "$TREE_DIR" apt-get upgrade -y; } >"$TREE_DIR.log" 2>&1
	touch "$TREE_DIR/.packages"
fi
echo "$TREE_DIR"
