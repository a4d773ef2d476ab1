#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: odd.sh [CIRCUMSTANCE...]
# Some tests again as they may run on somebody else's machine: other uptimes, umasks, time zones, hours,
# languages, paths, limits, users. A line for each circumstance and kind of test; a failing one shows what it
# printed. Circumstances go together to save time: to part them, edit the arrays below. What this machine
# cannot give is a SKIP with its reason. Exit 1 if any failed. B is the build directory, JOBS (2) how many
# unit programs run at a time.

unset CDPATH
cd -P "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export B=${B:-build} JOBS=${JOBS:-2}
failed=0
dir=$(mktemp -d /tmp/ctmeter-odd.XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$dir"

# make check has the others: they take seconds each (kills, a period's end, every prefix).
long='^(ax_request_parse|cli_top|commit|engine|keep|keep_age|rule|store_damage)$'
unit=()
for program in tests/unit/check_*.c; do
	program=${program##*/check_} program=${program%.c}
	[[ $program =~ $long ]] || unit+=("$B/tests/check_$program")
done

# ---- what circumstances are made of: the words before a command -------------------------------

up=$(cut -d . -f 1 /proc/uptime)
uptime_plus() { AS+=(unshare --time --monotonic "$1" --boottime "$1" --); } # SECONDS
with_umask() { AS+=("$BASH" -c "umask $1 && exec \"\$@\"" umask); } # MODE
with_env() { AS+=(env "$@"); } # NAME=VALUE...

# For all processes it is now such a date and time (UTC), and goes on from there.
wall_clock() { # DATE
	# shellcheck disable=SC2086 # a command's words
	${CC:-cc} -shared -fPIC -D_GNU_SOURCE -o "$dir/stepclock.so" tests/netns/preload/stepclock.c || exit 1
	with_env STEPCLOCK_S=$(($(date -u -d "$1" +%s) - $(date +%s))) LD_PRELOAD="$dir/stepclock.so"
}

# The tree lies there, and so does what programs keep in TMPDIR.
in_directory() { # NAME
	mkdir -p "$dir/$1" "$dir/tmp $1"
	# shellcheck disable=SC2016 # that shell's own
	AS+=(env TMPDIR="$dir/tmp $1" unshare --mount --
		"$BASH" -c 'mount --bind . "$0" && cd "$0" && exec "$@"' "$dir/$1")
}

# A language with a decimal comma, where its source is installed.
decimal_comma() {
	mkdir -p "$dir/locale"
	localedef -i de_DE -f UTF-8 "$dir/locale/de_DE.UTF-8" 2>/dev/null || return 0
	with_env LOCPATH="$dir/locale" LC_ALL=de_DE.UTF-8
}

# ---- the circumstances, and the kernel tests for each ------------------------------------------

# A user of Debian 13, far east. Check's messages hold microseconds in 32 bits: of two uptimes 2147 s apart
# (make check has the other) one shows a test that ends by another clock than it began by.
odd_later() {
	netns=(t_exact.sh t_inventory.sh)
	uptime_plus 2147
	with_umask 0002
	with_env TZ=Pacific/Kiritimati
}

# Just booted, and nothing that is made is for others.
odd_boot() {
	netns=(t_exact.sh)
	uptime_plus $((2 - up))
	with_umask 0077
	with_env TZ=America/St_Johns
}

# Up for longer than 2^32 hundredths of a second, below a path that a shell would take apart.
odd_years() {
	netns=(t_exact.sh)
	uptime_plus 52000000
	in_directory "it's a \"check\" \$HOME"
	decimal_comma
	with_env TZ=Asia/Kathmandu CDPATH=/:/tmp POSIXLY_CORRECT=1
}

# A year, a month, a day and an hour end; summer time ends. (Not for what compares the clock with a file's
# time, which the kernel writes, nor for what takes long with links, which have no hours.)
with_the_hour_in_it() {
	netns=()
	programs=()
	for program in "${unit[@]}"; do
		[[ $program =~ /check_(source|place|link.*)$ ]] || programs+=("$program")
	done
}
odd_midnight() {
	with_the_hour_in_it
	wall_clock '2026-12-31 23:59:58'
	with_env TZ=Europe/London
}
odd_summer() {
	with_the_hour_in_it
	wall_clock '2026-10-25 00:59:58'
	with_env TZ=Europe/Berlin
}

# Nobody's, as a cron job: few variables, few descriptors, no input, signals ignored.
odd_nobody() {
	netns=(t_exact.sh)
	AS+=(setpriv --reuid 65534 --regid 65534 --clear-groups --
		env -i PATH="$PATH" B="$B" JOBS="$JOBS" CTMETER_OID="${CTMETER_OID-}"
		"$BASH" -c 'trap "" HUP PIPE QUIT; ulimit -n 128; exec "$@" <&-' cron)
}

# Root of a container of Docker without privileges: its capabilities, and no namespaces. The kernel tests are
# skipped, each by its name.
odd_container() {
	local caps='-all' cap
	netns=(t_exact.sh t_link_wire.sh)
	for cap in audit_write chown dac_override fowner fsetid kill mknod net_bind_service net_raw setfcap setgid \
		setpcap setuid sys_chroot; do caps+=",+$cap"; done
	# shellcheck disable=SC2086 # a command's words
	${CC:-cc} -shared -fPIC -D_GNU_SOURCE -o "$dir/nonamespaces.so" tests/netns/preload/nonamespaces.c || exit 1
	AS+=(setpriv --bounding-set "$caps" --inh-caps "$caps" --)
	with_env LD_PRELOAD="$dir/nonamespaces.so"
}

# ---- running them ------------------------------------------------------------------------------

try() { # LABEL COMMAND...
	local log=$dir/log
	if "${AS[@]}" "${@:2}" >"$log" 2>&1; then
		printf 'PASS  %-18s %s\n' "$1" "$(tail -n 1 "$log")"
		grep '^SKIP' "$log"
	else
		printf 'FAIL  %s\n' "$1"
		grep -v '^PASS' "$log" | sed 's/^/      /'
		failed=1
	fi
}

[ $# -gt 0 ] || set -- later boot years midnight summer nobody container
for name; do
	AS=() programs=("${unit[@]}")
	"odd_$name" || exit 1
	if ! why=$("${AS[@]}" test -x "$B/ctmeterd" 2>&1); then
		printf 'SKIP  %-18s %s\n' "$name" "${why:-the build directory $B is out of reach}"
		continue
	fi
	try "$name, unit" sh tests/unit/run.sh "${programs[@]}"
	[ "${#netns[@]}" -eq 0 ] || try "$name, kernel" "$BASH" tests/netns/run.sh "${netns[@]}"
done
exit "$failed"
