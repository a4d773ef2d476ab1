# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node's own places for what the documents tell an operator to do, and the commands that cannot
# run here.
#
# 1. /etc, /usr and /var are this machine's with a layer of ours above, in a private mount namespace:
#    `make install PREFIX=/usr` and the like are done for real, and are gone with the lab.
# 2. /etc/snmp is as Debian's package ships it; of ctmeter there is nothing.
# 3. systemctl does what the unit says, apt-get looks whether there are such packages. What they are
#    not known to do fails.

places_packaged_is_unchanged() {
	local conf=/etc/snmp/snmpd.conf sum
	sum=$(dpkg-query -W -f '${Conffiles}\n' snmpd 2>/dev/null | awk -v f=$conf '$1 == f { print $2 }')
	[ -n "$sum" ] && [ "$(md5sum <$conf | cut -d ' ' -f 1)" = "$sum" ]
}

places_enter() {
	local dir own
	umask 022 # root's where nobody changed it, and what a unit gets
	places_packaged_is_unchanged || skip '/etc/snmp/snmpd.conf is not here, or not as its package ships it'
	for dir in etc usr var; do
		mkdir -p "$LAB/layers/$dir" "$LAB/layers/$dir.work"
		own=lowerdir=/$dir,upperdir=$LAB/layers/$dir,workdir=$LAB/layers/$dir.work
		mount -t overlay -o "$own" overlay "/$dir" 2>/dev/null || skip "cannot lay a private /$dir over this one"
	done
	# What ours, and what an snmpd that ran here, may have left.
	rm -rf /etc/ctmeter /usr/share/ctmeter /usr/share/doc/ctmeter /var/lib/ctmeter /var/agentx \
		/var/lib/snmp /etc/snmp/snmpd.conf.d /etc/systemd/system/snmpd.service* \
		/usr/{bin/ctmeter,sbin/ctmeterd,lib/systemd/system/ctmeterd.service}
	install -d /etc/snmp/snmpd.conf.d
	install -d -o Debian-snmp -g Debian-snmp /var/lib/snmp 2>/dev/null || skip 'only root can run snmpd as Debian does'
	sed -i '/^ctmeter:/d' /etc/group /etc/passwd
	mkdir -p "$LAB/units"
	unset SUITE LIMIT_S MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES # of who runs this, no operator's
	# An operator's make has its own default, which a path with a blank is not fit for.
	[ "$B" != "$LAB_TOP/build" ] || export -n B
}

# ---- what systemd would have done -----------------------------------------------------------

unit_file() { # NAME[.socket]
	local dir name=$1
	[[ $name == *.* ]] || name+=.service
	for dir in /etc /usr/local/lib /usr/lib /lib; do
		[ ! -f "$dir/systemd/system/$name" ] || { echo "$dir/systemd/system/$name"; return; }
	done
	return 1
}

unit_value() { sed -n "s/^$2=//p" "$1"; } # FILE KEY

unit_pid() { cat "$LAB/units/$1" 2>/dev/null; } # NAME
unit_runs() { kill -0 "$(unit_pid "$1")" 2>/dev/null; } # NAME

# Up, as far as those who follow need it.
unit_is_up() { # NAME
	case $1 in
	snmpd) grep -q ' 0100007F:00A1 \| 00000000:00A1 ' /proc/net/udp ;;
	ctmeterd) [ -S /run/ctmeter/control.sock ] ;;
	*) unit_runs "$1" ;;
	esac
}

# Make a unit's directory, its user's.
unit_directory() { # FILE KEY PARENT
	local dir mode user
	mode=$(unit_value "$1" "$2Mode")
	user=$(unit_value "$1" User)
	for dir in $(unit_value "$1" "$2"); do
		install -d -m "${mode:-755}" ${user:+-o "$user" -g "$user"} "$3/$dir" || return
	done
}

# Run a unit's command, or become it: as its user, with its capabilities, unless a "+" stands before it.
unit_exec() { # FILE COMMAND
	local user caps prefix as=()
	prefix=${2%%[!@:+!-]*}
	user=$(unit_value "$1" User)
	if [ -n "$user" ] && [[ $prefix != *+* ]]; then
		caps=$(unit_value "$1" AmbientCapabilities | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
		as=(setpriv --reuid "$user" --regid "$user" --init-groups
			${caps:+--inh-caps "$caps" --ambient-caps "$caps"})
	fi
	# shellcheck disable=SC2086 # a command line
	exec "${as[@]}" ${2#"$prefix"}
}

unit_start() { # NAME
	local file before
	unit_runs "$1" && return
	file=$(unit_file "$1") || { echo "there is no unit $1"; return 1; }
	unit_directory "$file" RuntimeDirectory /run && unit_directory "$file" StateDirectory /var/lib || return
	while read -r before; do
		(unit_exec "$file" "$before") </dev/null >>"$LAB/$1.log" 2>&1 || { tail -n 5 "$LAB/$1.log"; return 1; }
	done < <(unit_value "$file" ExecStartPre)
	unit_exec "$file" "$(unit_value "$file" ExecStart)" </dev/null >>"$LAB/$1.log" 2>&1 7>&- 8>&- 9>&- &
	echo $! >"$LAB/units/$1"
	await 10 unit_is_up "$1" || { tail -n 5 "$LAB/$1.log"; return 1; }
}

unit_is_down() { ! unit_runs "$1"; }
unit_stop() { # NAME
	unit_runs "$1" || return 0
	kill "$(unit_pid "$1")"
	await 10 unit_is_down "$1"
}

systemctl() { # [enable] [--now] start|stop|restart|reload UNIT...
	local verb=$1 unit
	shift
	[ "$verb" != enable ] || { verb=nothing; [ "$1" != --now ] || { verb=start; shift; }; }
	for unit; do
		unit=${unit%.service}
		unit_file "$unit" >/dev/null || { echo "systemctl: there is no unit $unit"; return 1; }
		[[ $unit != *.socket ]] || verb=nothing # nothing here connects to it
		case $verb in
		nothing) ;;
		start | stop) "unit_$verb" "$unit" ;;
		restart) unit_stop "$unit" && unit_start "$unit" ;;
		reload) kill -HUP "$(unit_pid "$unit")" ;;
		*) echo "systemctl: '$verb' is not known here"; false ;;
		esac || return
	done
}

# ---- other commands that documents call -----------------------------------------------------

apt-get() { # install PACKAGE...
	local package
	[ "$1" = install ] || { echo "apt-get: '$1' is not known here"; return 1; }
	for package in "${@:2}"; do
		apt-cache show "$package" >/dev/null 2>&1 || dpkg-query -W "$package" >/dev/null 2>&1 ||
			{ echo "there is no package $package"; return 1; }
	done
}

# Pauses for people: what comes after them is awaited.
sleep() { case ${FUNCNAME[1]-} in await_within) command sleep "$@" ;; esac; }

# A question to snmpd is asked until there is an answer.
places_answer() { # COMMAND...
	command "$@" >"$LAB/answer" 2>&1 && [ -s "$LAB/answer" ] &&
		! head -n 1 "$LAB/answer" | grep -qE 'No Such|No more variables|No entries|Timeout|Was that a table'
}
places_ask() {
	await 10 places_answer "$@"
	local rc=$?
	cat "$LAB/answer"
	return $rc
}
snmpwalk() { places_ask snmpwalk "$@"; }
snmpbulkwalk() { places_ask snmpbulkwalk "$@"; }
snmpget() { places_ask snmpget "$@"; }
snmptable() { places_ask snmptable "$@"; }

# ---- documents ------------------------------------------------------------------------------

# Is this text a whole command, or the beginning of one?
docs_is_complete() { [ "${1: -1}" != \\ ] && [ -z "$("$BASH" -n <<<"$1" 2>&1)" ]; } # TEXT

# Run one command as it stands, in this shell; where the build directory or the base OID is another,
# the documents mean that one.
docs_run() { # WHERE COMMAND
	local rc text=$2
	[ "$B" = "$LAB_TOP/build" ] || text=${text//build\//$B/}
	cd "$LAB_TOP" || return
	set -o pipefail
	eval "${text//1.3.6.1.4.1.8072.9999.9999.1206/$BASE}" >"$LAB/said" 2>&1 </dev/null
	rc=$?
	set +o pipefail
	if [ $rc -eq 0 ]; then pass; else fail "$1: '$2' exited $rc: $(tail -n 5 "$LAB/said")"; fi
	return $rc
}

# The blocks of a document: "@ FILE:LINE run|skip REASON", then lines with a tab before each.
docs_blocks() { # FILE...
	(cd "$LAB_TOP" && awk -f tests/docs/extract.awk "$@" | sed 's/\.@OID@/.1.3.6.1.4.1.8072.9999.9999.1206/g')
}

# Run a block's lines from stdin, one command after the other.
docs_block() { # WHERE
	local line text=
	while IFS= read -r line <&8; do
		text+=${text:+$'\n'}$line
		docs_is_complete "$text" || continue
		[[ $text =~ ^[[:space:]]*(#.*)?$ ]] || docs_run "$1" "$text" || return
		text=
	done 8<&0
	[ -z "$text" ] || fail "$1: is no whole command: $text"
}
