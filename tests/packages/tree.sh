# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034 # its results are for those who source it
# Debian trees, kept for the next run in $CTMETER_TREES (outside this repository). Sourced. They come
# from where this machine's own apt has its packages, with the settings that reach it, and nothing
# else of this machine. TREE_RELEASE may be another one than the machine's, if that mirror has it.

TREES=${CTMETER_TREES:-${XDG_CACHE_HOME:-/var/cache}/ctmeter-trees}
# shellcheck source=/dev/null
TREE_OWN=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
TREE_RELEASE=${TREE_RELEASE:-$TREE_OWN}

# shellcheck source=tests/packages/enter.sh
. "$(dirname "${BASH_SOURCE[0]}")/enter.sh"

# "URI CODENAME COMPONENT" of each index of this machine's release, its updates and security updates.
tree_indexes() {
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
		awk -v own="$TREE_OWN" 'own != "" && ($2 == own || $2 == own "-updates" || $2 == own "-security")' |
		awk '!seen[$0]++'
}

tree_mirror() { tree_indexes | awk -v own="$TREE_OWN" '$2 == own { print $1; exit }'; }

# The same for the tree's release, as apt reads it.
tree_sources() {
	tree_indexes | awk -v own="$TREE_OWN" -v release="$TREE_RELEASE" '
		{ print "deb", $1, release substr($2, length(own) + 1), $3 }'
}

tree_apt() { # DIR: how to reach the mirror
	local part
	tree_sources >"$1/etc/apt/sources.list"
	apt-config dump --no-empty --format '%f "%v";%n' Acquire::http Acquire::https Acquire::Check-Valid-Until \
		Acquire::Check-Date Acquire::ForceIPv4 Acquire::ForceIPv6 >"$1/etc/apt/apt.conf.d/90as-the-machine"
	for part in auth.conf auth.conf.d trusted.gpg trusted.gpg.d; do
		[ ! -e "/etc/apt/$part" ] || cp -a "/etc/apt/$part" "$1/etc/apt/" || return 1
	done
}

tree_install() { # DIR PACKAGE...
	enter "$1" apt-get update &&
		nice -n 5 bash -c "$(declare -f enter); enter \"\$@\"" - "$1" \
			apt-get install -y --no-install-recommends "${@:2}" &&
		enter "$1" apt-get clean
}

tree_build() { # DIR PACKAGE...
	local dir=$1
	shift
	rm -rf --one-file-system "$dir.new" "$dir"
	nice -n 5 debootstrap --variant=minbase "$TREE_RELEASE" "$dir.new" "$(tree_mirror)" || return 1
	printf '#!/bin/sh\nexit 101\n' >"$dir.new/usr/sbin/policy-rc.d"
	chmod 755 "$dir.new/usr/sbin/policy-rc.d"
	tree_apt "$dir.new" && tree_install "$dir.new" "$@" && mv "$dir.new" "$dir"
}

# Add packages to a tree, if it lacks nothing but these. (One that has others may hide that they are needed.)
tree_add() { # DIR PACKAGE...
	local dir=$1 had
	shift
	[ -s "$dir/.packages" ] || return 1
	for had in $(<"$dir/.packages"); do [[ " $* " == *" $had "* ]] || return 1; done
	tree_apt "$dir" && tree_install "$dir" "$@"
}

# Make the tree NAME, if it is not there with just these packages: TREE_DIR is its directory. Returns 1,
# with the reason in TREE_REFUSAL, if this machine cannot.
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
		TREE_REFUSAL="this machine's apt has no source of its own release, '$TREE_OWN', or needs apt-get update"
	elif ! mkdir -p "$TREES" || ! { tree_add "$dir" "$@" || tree_build "$dir" "$@"; } >"$log" 2>&1; then
		TREE_REFUSAL="no tree of $TREE_RELEASE could be made: see $log"
	else
		echo "$*" >"$dir/.packages"
		return 0
	fi
	return 1
}
