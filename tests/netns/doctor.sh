# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of `ctmeter check` share: look at a check, break what it looks at, run its cure. After
# lab_enter; the caller sets ASK, the options of each `ctmeter check`.

# In a user namespace the kernel does not tell which tables are in use, and a mount made read-only
# stays so for remount.
# shellcheck disable=SC2034 # for the tests
[ -r /proc/net/ip_tables_names ] && REAL_ROOT=1 || REAL_ROOT=
ASK=(--community "$COMMUNITY" --ports-community "$COMMUNITY-ct")

# Cures write there; not in this machine's.
doctor_private_etc() {
	mount -t tmpfs tmpfs /etc/sysctl.d || skip 'no private /etc/sysctl.d can be mounted here'
	mkdir -p "$LAB/etc-snmp/snmpd.conf.d"
	cp /etc/snmp/snmpd.conf "$LAB/etc-snmp/" 2>/dev/null
	mount --bind "$LAB/etc-snmp" /etc/snmp || skip 'no private /etc/snmp can be mounted here'
}

# ---- looking --------------------------------------------------------------------------------

look() { # CHECK: sets LEVEL TEXT CURE LOOK
	local said
	said=$(ctmeter check "${ASK[@]}" "$1" 2>/dev/null)
	LEVEL=${said%% *}
	TEXT=$(sed -n "1s/^[a-z]* *$1 *//p" <<<"$said")
	CURE=$(sed -n 's/^      mend: //p' <<<"$said")
	LOOK=$(sed -n 's/^      look: //p' <<<"$said")
}
is() { look "$2" && [ "$LEVEL" = "$1" ]; } # LEVEL CHECK
status_says() { [[ $(ctmeter status) =~ $1 ]]; } # REGEX

# What the printed commands call, here: no service manager runs.
service() { # snmpd start|restart
	lab_snmpd_stop
	lab_snmpd_start && await 10 snmp_serves
}
ctmeterd() { lab_ctmeterd_start; }

# Found: LEVEL, its text has REGEX.
found() { # LABEL CHECK LEVEL REGEX
	await 10 is "$3" "$2"
	assert_eq "$1: level of $2" "$3" "$LEVEL"
	assert_match "$1: text of $2" "$4" "$TEXT"
	printf '   %s %s: %s\n' "$LEVEL" "$2" "$TEXT"
}

# Run what was printed to mend it, and see that it is mended.
cured() { # LABEL CHECK
	printf '   mend: %s\n' "$CURE"
	if [ -z "$CURE" ]; then fail "$1: no cure is printed"; return; fi
	eval "$CURE" >"$LAB/cure" 2>&1 || fail "$1: the cure '$CURE' failed: $(<"$LAB/cure")"
	assert_await "$1: ok again" 20 is ok "$2"
}

# Break it, see it, mend it by the printed command.
provoke() { # LABEL CHECK LEVEL REGEX BREAK
	step "$1"
	assert_await "$1: ok before" 10 is ok "$2"
	eval "$5" || fail "$1: cannot: $5"
	found "${@:1:4}"
	cured "$1" "$2"
}

# The same where no command is offered that mends it, at most one that shows it; MEND does.
provoke_only() { # LABEL CHECK LEVEL REGEX BREAK MEND
	step "$1"
	assert_await "$1: ok before" 10 is ok "$2"
	eval "$5" || fail "$1: cannot: $5"
	found "${@:1:4}"
	assert_eq "$1: no cure" '' "$CURE"
	if [ -n "$LOOK" ]; then
		printf '   look: %s\n' "$LOOK"
		eval "$LOOK" >"$LAB/look" 2>&1 || fail "$1: '$LOOK' failed: $(<"$LAB/look")"
	fi
	eval "$6" || fail "$1: cannot: $6"
	assert_await "$1: ok again" 20 is ok "$2"
}
