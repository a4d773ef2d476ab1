# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A test of a release of Debian: in the tree where check.sh has built ctmeter (/src, with the packages
# beside it), on a node of its own that boots with systemd as process 1. A test sources this file and
# calls release_boot "$@" first; what follows runs inside, as root, with the documents' commands at hand.

# shellcheck source=tests/runtimes/node.sh
. "$(dirname "${BASH_SOURCE[0]}")/../runtimes/node.sh"

node_install() { node_service "$1" "/ctmeter/tests/release/$2"; } # ROOT TEST

release_boot() { # "$@"
	if [ -n "${NODE_INSIDE-}" ]; then
		release_inside
		return
	fi
	[ "$EUID" -eq 0 ] || skip "only root boots a tree"
	NODE_BOOT=$(mktemp -d "${TMPDIR:-/tmp}/ctmeter-boot.XXXXXX")
	mkdir "$NODE_BOOT/node"
	export NODE_BOOT NODE_ENVIRONMENT="NEXT=$NEXT HOME=/root CI=true"
	unshare --net --mount --pid --uts --ipc --cgroup --fork --kill-child --propagation private \
		"$BASH" -c '. "$1/tests/release/release.sh"; shift; node_pivot "$@"' - \
		"$LAB_TOP" "$OUT/upper:$TREE_DIR" "$NODE_BOOT/node" "${0##*/}" "$@" >"$NODE_BOOT/log" 2>&1
	cat "$NODE_BOOT/out" 2>/dev/null || cat "$NODE_BOOT/log"
	set -- "$(cat "$NODE_BOOT/rc" 2>/dev/null)"
	rm -rf --one-file-system "$NODE_BOOT"
	exit "${1:-1}"
}

release_inside() {
	LAB=/run/lab
	mkdir -m 755 "$LAB" /run/netns
	rm -f /usr/sbin/policy-rc.d # here packages start their services
	# shellcheck source=tests/docs/places.sh
	. "$LAB_TOP/tests/docs/places.sh"
	unset -f ctmeter systemctl apt-get unit_start unit_stop # the real ones
	cd /src || exit
	LAB_TOP=/src B=/src/build
	export -n B # make there has its own, and nothing is built again
	export DEBIAN_FRONTEND=noninteractive
	lab_network
	# The README's inventory has these alone.
	LAB_ADDRESSES=(192.0.2.101 2001:db8:1::101 192.0.2.102 192.0.2.112) LAB_CONTAINERS=(101 102)
}

# The README's blocks from the one with this text in it to the one with that.
readme() { # FROM TO
	local line block='' where='' on='' last='' from=$1 to=$2
	while IFS= read -r line <&6; do
		case $line in
		'@ '*)
			readme_run
			line=${line#@ }
			where=${line%% *} block=''
			;;
		*) block+=${line#?}$'\n' ;;
		esac
	done 6< <(docs_blocks README.md)
	readme_run
	[ -n "$last" ] || fail "README: nothing from '$from' to '$to'"
}
readme_run() {
	[[ $block != *"$from"* ]] || on=1
	[ -n "$on" ] && [ -z "$last" ] || return 0
	docs_block "$where" <<<"${block%$'\n'}" || cat "$LAB/said"
	[[ $block != *"$to"* ]] || last=1
}

traffic() { # LABEL
	lab_flow 198.51.100.2 192.0.2.101 200 1000
	lab_flow 2001:db8:1::101 2001:db8:f::2 100 700
	lab_flow 192.0.2.102 198.51.100.1 50 300
	lab_flow 192.0.2.112 192.0.2.101 20 900
	[ -z "${1-}" ] || book_check "$1"
}
served() { snmp_serves && ctmeter refresh >/dev/null; }
rules() { { iptables-legacy-save -t mangle; ip6tables-legacy-save -t mangle; } | grep -c ctm; }
is() { systemctl show --value -p "$1" "$2"; } # PROPERTY UNIT
log_of() { journalctl -q --no-pager -u "$1" | tail -n 20; } # UNIT

# Before it is configured: on a node without OpenVZ and without a runtime.
unconfigured() {
	assert_eq 'the unit is enabled' enabled "$(systemctl is-enabled ctmeterd 2>&1)"
	assert_eq 'and does not run' inactive "$(systemctl is-active ctmeterd)"
	assert_eq 'which is no failure' '' "$(systemctl list-units --state=failed --no-legend --plain 'ctmeter*')"
	ctmeter status >"$LAB/status" 2>&1
	assert_eq 'status says so' 1 $?
	assert_match 'and names the choices' 'docker.*file:PATH' "$(tr '\n' ' ' <"$LAB/status")"
}

# After the README's first answers: traffic is counted, and served under its community.
answers() {
	COMMUNITY=${community:?}
	assert_eq 'ctmeterd runs' active "$(systemctl is-active ctmeterd)"
	assert_eq 'as its own user' ctmeter "$(ps -o user= -p "$(is MainPID ctmeterd)")"
	assert_eq 'it has never failed' 0 "$(is NRestarts ctmeterd)"
	assert_await 'it serves' 20 served || log_of ctmeterd
	traffic 'counted and served'
	ctmeter check >"$LAB/check" 2>&1
	assert_eq 'the doctor finds no failure' '' "$(grep -w fail "$LAB/check")"
}
