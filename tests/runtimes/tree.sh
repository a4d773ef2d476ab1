# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034 # its results are for those who source it
# Debian trees with the real runtimes, kept for the next run in $CTMETER_TREES (outside this
# repository). Sourced.

TREES=${CTMETER_TREES:-${XDG_CACHE_HOME:-/var/cache}/ctmeter-trees}
TREE_RELEASE=bookworm

# shellcheck source=tests/packages/enter.sh
. "$(dirname "${BASH_SOURCE[0]}")/../packages/enter.sh"

# Where this machine's own apt has the release, "" if nowhere.
tree_mirror() {
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		awk -v release="$TREE_RELEASE" '$1 == release { print $2; exit }'
}

tree_build() { # DIR PACKAGE...
	local dir=$1 part
	shift
	rm -rf "$dir.new" "$dir"
	nice -n 5 debootstrap --variant=minbase "$TREE_RELEASE" "$dir.new" "$(tree_mirror)" &&
		rm -f "$dir.new/etc/apt/sources.list" || return 1
	for part in sources.list sources.list.d apt.conf.d auth.conf.d keyrings trusted.gpg trusted.gpg.d; do
		[ ! -e "/etc/apt/$part" ] || cp -a "/etc/apt/$part" "$dir.new/etc/apt/" || return 1
	done
	printf '#!/bin/sh\nexit 101\n' >"$dir.new/usr/sbin/policy-rc.d"
	chmod 755 "$dir.new/usr/sbin/policy-rc.d"
	enter "$dir.new" apt-get update &&
		nice -n 5 bash -c "$(declare -f enter); enter \"\$@\"" - "$dir.new" \
			apt-get install -y --no-install-recommends "$@" || return 1
	rm -rf "$dir.new/var/cache/apt/archives"
	mkdir -p "$dir.new/var/cache/apt/archives/partial"
	mv "$dir.new" "$dir"
}

# Print the directory of the tree NAME, which is made if this machine can. Returns 1, with the
# reason in TREE_REFUSAL, if it cannot.
tree_get() { # NAME PACKAGE...
	local dir=$TREES/$1 log
	log=$TREES/$1.log
	shift
	TREE_DIR=$dir
	if [ "$(cat "$dir/.packages" 2>/dev/null)" = "$*" ]; then
		return 0
	elif [ "$(id -u)" -ne 0 ]; then
		TREE_REFUSAL="only root can make a tree of Debian"
	elif ! command -v debootstrap >/dev/null; then
		TREE_REFUSAL="debootstrap is not installed (tests/deps.sh runtimes)"
	elif [ -z "$(tree_mirror)" ]; then
		TREE_REFUSAL="this machine's apt has no source of $TREE_RELEASE"
	elif ! mkdir -p "$TREES" || ! tree_build "$dir" "$@" >"$log" 2>&1; then
		TREE_REFUSAL="no tree of Debian could be made: see $log"
	else
		echo "$*" >"$dir/.packages"
		return 0
	fi
	return 1
}
