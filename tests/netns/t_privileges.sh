#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What ctmeterd may do, as its unit starts it and as root starts it: two capabilities, no new ones, few
# system calls. Counting, commits and kills go on all the same; inventory commands run as root, but
# only those that the configuration names; nobody else reads the ledger or zeroes a counter.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/unit.sh
. "$(dirname "$0")/unit.sh"
lab_enter "$@"
UID_=64207 # in a private /etc/passwd
UNIT=$LAB_TOP/conf/ctmeterd.service
HELPER=$LAB/inventory.sock

umask 022 # root's, usually: what it makes here is for other users too

# ---- a user of its own ----------------------------------------------------------------------

setpriv --reuid "$UID_" --regid "$UID_" --clear-groups true 2>/dev/null || skip 'this user cannot become another'
for file in passwd group; do
	grep -v '^ctmeter:' /etc/$file >"$LAB/$file"
	mount --bind "$LAB/$file" /etc/$file || skip "cannot mount a private /etc/$file"
done
add_user() {
	echo "ctmeter:x:$UID_:$UID_::/nonexistent:/usr/sbin/nologin" >>"$LAB/passwd"
	echo "ctmeter:x:$UID_:" >>"$LAB/group"
}
# This tree may lie where only root can go.
install -m 755 "$B/ctmeterd" "$B/ctmeter" "$B/tests/netns/unixio" "$LAB/"
chmod 755 "$LAB"

# What its unit makes of a ctmeterd.
as_unit() { exec_limited --reuid "$UID_" --regid "$UID_" --clear-groups "$LAB/ctmeterd" "${@:2}"; }
as_root() { exec "$LAB/ctmeterd" "${@:2}"; }
NOBODY=(setpriv --reuid 65534 --regid 65534 --clear-groups) # by itself for the background, where the pid is his
as_nobody() { "${NOBODY[@]}" "$@"; }

fact() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$CTMETERD_PID/status" | tr -s '\t' ' '; } # NAME
assert_limited() { # LABEL UID
	assert_eq "$1: who" "$2 $2 $2 $2" "$(fact Uid)"
	local set
	for set in CapPrm CapEff; do assert_eq "$1: $set" 0000000000003000 "$(fact $set)"; done
	for set in CapInh CapAmb; do assert_eq "$1: $set" 0000000000000000 "$(fact $set)"; done
	assert_eq "$1: CapBnd" 0000000000003000 "$(fact CapBnd)"
	assert_eq "$1: no new privileges" 1 "$(fact NoNewPrivs)"
	if "$LAB/ctmeterd" -V | grep -q 'with seccomp'; then
		assert_eq "$1: system calls are filtered" 2 "$(fact Seccomp)"
	else
		echo '   SKIP: built without seccomp'
	fi
}

# ---- the unit -------------------------------------------------------------------------------

step 'as the unit starts it'
assert_match 'a user of its own' '^ctmeter$' "$(of_unit User)"
assert_eq 'two capabilities' 'CAP_NET_ADMIN CAP_NET_RAW' "$(of_unit CapabilityBoundingSet)"
mkdir -p "$LAB/own/ctmeter" "$LAB/own/state" /run/ctmeter # its RuntimeDirectory
chown "$UID_:$UID_" "$LAB/own/ctmeter" "$LAB/own/state" /run/ctmeter
assert_eq 'a directory for its lock' ctmeter "$(of_unit RuntimeDirectory)"
chmod 750 "$LAB/own/state"
lab_set daemon.user ctmeter
lab_set control.socket "$LAB/own/ctmeter/control.sock"
lab_set ledger.path "$LAB/own/state/ledger.db"
lab_set inventory.helper "$HELPER"
lab_network
lab_inventory_usual
lab_write_conf
(umask 077 && : >/run/xtables.lock)
"$LAB/ctmeterd" --prepare -c "$LAB/ctmeter.conf" >"$LAB/said" 2>&1
assert_eq 'no such user: exit status' 1 $?
assert_match 'and how to make it' 'useradd .*ctmeter' "$(<"$LAB/said")"
add_user
lab_snmpd_start 'agentXPerms 0660 0755 root ctmeter'
said() { grep -qE "$1" "$LAB/ctmeterd.log"; } # REGEX
lab_ctmeterd_start as_unit
assert_await 'unprepared: which file, and what to do' 10 said '/run/xtables.lock.*--prepare'
ctmeter check privileges >"$LAB/said" 2>&1
assert_eq 'the doctor: exit status' 1 $?
assert_match 'finds it' 'fail +privileges .*xtables.lock' "$(<"$LAB/said")"
cure=$(sed -n 's/^      mend: //p' "$LAB/said")
assert_eq 'and its cure' "ctmeterd --prepare -c $LAB/ctmeter.conf" "$cure"
assert_ok 'prepared' eval "$LAB/$cure"
assert_eq 'the group opens the lock' '640 root ctmeter' "$(stat -c '%a %U %G' /run/xtables.lock)"
assert_match 'only root prepares' 'only root' "$(as_nobody "$LAB/ctmeterd" --prepare -c "$LAB/ctmeter.conf" 2>&1)"
iptables-legacy -t mangle -w -A POSTROUTING -j RETURN
assert_eq 'iptables leaves it so' '640 root ctmeter' "$(stat -c '%a %U %G' /run/xtables.lock)"

assert_await 'it finds that by itself, and serves' 20 snmp_serves
assert_ok 'the rules are in place' ctmeter refresh
assert_limited 'unit' "$UID_"
traffic() { # LABEL
	lab_flow 198.51.100.2 192.0.2.101 200 1000
	lab_flow 2001:db8:1::103 2001:db8:f::2 100 700
	lab_flow 192.0.2.102 198.51.100.1 50 300
	book_check "$1"
}
traffic 'counted'
lab_inventory_usual '104 192.0.2.104'
assert_ok 'a commit' ctmeter refresh
traffic 'after a commit'
lab_ctmeterd_kill9
lab_flow 198.51.100.2 192.0.2.101 30 500
lab_ctmeterd_start as_unit
assert_await 'it serves again' 10 snmp_serves
traffic 'after a kill'

step 'what a killed teardown of root left'
lab_ctmeterd_stop
own=$LAB/own/ctmeter
echo secret >"$LAB/secret"
(umask 077 && printf 'jmtc, cut off' >"$own/commit.ipv4" && echo none >"$own/commit.ipv6")
assert_ok 'prepared' "$LAB/ctmeterd" --prepare -c "$LAB/ctmeter.conf"
assert_eq 'the journal is the user'"'"'s' "600 $UID_ $UID_" "$(stat -c '%a %u %g' "$own/commit.ipv4")"
assert_ok 'what is none is gone' [ ! -e "$own/commit.ipv6" ]
rm "$own/commit.ipv4"
ln "$LAB/secret" "$own/commit.ipv4"
ln -s "$LAB/secret" "$own/commit.ipv6"
assert_match 'a link is none' 'commit.ipv4' "$("$LAB/ctmeterd" --prepare -c "$LAB/ctmeter.conf" 2>&1)"
rm "$own/commit.ipv4"
assert_match 'nor is a symbolic one' 'commit.ipv6' "$("$LAB/ctmeterd" --prepare -c "$LAB/ctmeter.conf" 2>&1)"
rm "$own/commit.ipv6"
assert_eq 'what they lead to stays root'"'"'s' '0 secret' "$(stat -c %u "$LAB/secret") $(<"$LAB/secret")"
(umask 077 && echo none >"$own/commit.ipv4")
assert_ok 'prepared again' "$LAB/ctmeterd" --prepare -c "$LAB/ctmeter.conf"
lab_ctmeterd_start as_unit
assert_await 'it serves' 10 snmp_serves
traffic 'all the same'

step 'a second one'
refuses_a_second() { # LABEL
	sed "s|^socket = $LAB/own/ctmeter/|socket = $LAB/second/|; s|^path = .*|path = $LAB/second.db|" \
		"$LAB/ctmeter.conf" >"$LAB/second.conf"
	patiently "$LAB/ctmeterd" -c "$LAB/second.conf" </dev/null >"$LAB/said" 2>&1
	assert_eq "$1, a second one: exit status" 1 $?
	assert_match "$1, and why" "another ctmeterd counts on this node already, process $CTMETERD_PID:" "$(<"$LAB/said")"
}
refuses_a_second 'another control socket and ledger'
for lock in /run/ctmeter/instance.*.lock; do
	assert_match 'the lock is for nobody else' '^600 ' "$(stat -c '%a %U' "$lock")"
	as_nobody flock -n "$lock" true 2>/dev/null
	assert_ge 'who cannot lock it either' 1 $?
done
assert_eq 'it has no name that anybody could connect to' '' "$(grep -a '@ctmeterd$' /proc/net/unix)"

step 'what others may'
assert_eq 'control socket' "600 $UID_" "$(stat -c '%a %u' "$LAB/own/ctmeter/control.sock")"
chmod 755 "$LAB/own/state" # even then
for file in "$LAB"/own/state/ledger.db*; do
	assert_match "${file##*/} is not for others" '^6[04]0 ' "$(stat -c '%a %U' "$file")"
	as_nobody head -c 1 "$file" >/dev/null 2>&1
	assert_eq "${file##*/} cannot be read" 1 $?
done
for command in 'zero 101' list status refresh teardown; do
	# shellcheck disable=SC2086 # a command and its argument
	as_nobody "$LAB/ctmeter" -c "$LAB/ctmeter.conf" $command >"$LAB/said" 2>&1
	assert_eq "nobody's $command: exit status" 1 $?
	assert_match "nobody's $command: why" '(run .*as root|only root|[Pp]ermission denied)' "$(<"$LAB/said")"
done
as_nobody "$LAB/ctmeter" -c "$LAB/ctmeter.conf" report >"$LAB/said" 2>&1
assert_eq "nobody's report: exit status" 1 $?
book_check 'nothing was zeroed'
assert_ok 'root may' ctmeter zero 103
assert_ok 'and report' ctmeter report
assert_ok 'and have the ledger looked at' ctmeter check ledger
mkdir -m 755 "$LAB/own/mine"
sqlite3 "$LAB/root.db" "VACUUM; PRAGMA user_version = 0" && chmod 600 "$LAB/root.db"
ln -s "$LAB/root.db" "$LAB/own/mine/ledger.db"
chown -h "$UID_:$UID_" "$LAB/own/mine" "$LAB/own/mine/ledger.db"
sed "s|^path = .*|path = $LAB/own/mine/ledger.db|" "$LAB/ctmeter.conf" >"$LAB/mine.conf"
for command in report 'check ledger'; do
	# shellcheck disable=SC2086 # a command and its argument
	assert_match "root's $command opens as the user that has the directory" 'Permission denied' \
		"$("$LAB/ctmeter" -c "$LAB/mine.conf" $command 2>&1)"
done

# ---- the helper -----------------------------------------------------------------------------

step 'commands that need root'
cat >"$LAB/who" <<-END
	#!/bin/sh
	cat "/proc/\$PPID/cmdline" >"$LAB/parent.\$\$" && mv "$LAB/parent.\$\$" "$LAB/parent"
	echo "101 192.0.2.101 2001:db8:1::101 name=uid-\$(id -u)"
	echo '102 192.0.2.102 192.0.2.112'
	echo '103 192.0.2.103 2001:db8:1::103'
END
chmod 700 "$LAB/who"
lab_set inventory.source "command:$LAB/who"
lab_write_conf
kill -HUP "$CTMETERD_PID"
why='Permission denied' # without the filter of system calls (under a sanitizer, say) it is root's alone
"$LAB/ctmeterd" -V | grep -q 'with seccomp' && why='start the inventory helper'
assert_await 'without the helper it cannot be run, and that is said' 10 said "who: .*$why"
"$LAB/unixio" listen "$HELPER" "$UID_" "$LAB/ctmeterd" --inventory-helper -c "$LAB/ctmeter.conf" \
	</dev/null >>"$LAB/helper.log" 2>&1 9>&- &
HELPER_PID=$!
named() { [ "$(snmp_get "$(oid_ct "$1" ct-name)")" = "$2" ]; } # CTID NAME
assert_await 'with it it runs as root' 15 named 101 uid-0
assert_eq 'ctmeterd does not' "$UID_ $UID_ $UID_ $UID_" "$(fact Uid)"
traffic 'with the helper'
ask() { setpriv --reuid "$UID_" --regid "$UID_" --clear-groups "$LAB/unixio" ask "$HELPER" "$1" | tr '\0' '\n'; } # JOB
assert_match 'what is configured is run' 'name=uid-0' "$(ask "command:$LAB/who")"
assert_match 'nothing else' 'not a source in its configuration' "$(ask 'command:/usr/bin/id')"
by_helper() { # LABEL [PATTERN]: root's check has the command run by the helper too
	rm -f "$LAB/parent"
	assert_match "$1: check" '^ok +inventory +3 containers' "$(ctmeter check inventory 2>&1)"
	assert_match "$1: by the helper" "${2:-ctmeterd --inventory-helper}" "$(tr '\0' ' ' <"$LAB/parent")"
}
by_helper 'as the unit starts it'
assert_match 'nor with more words' 'not a source in its configuration' "$(ask "command:$LAB/who x")"
assert_match 'nor OpenVZ, when it is no source' 'OpenVZ is not a source' "$(ask 'vz:veinfo')"
assert_match 'nor what nobody knows' 'unknown job' "$(ask 'file:/etc/shadow')"
assert_match 'nor an endless request' 'no request arrived' "$(ask "$(printf 'x%.0s' {1..300})")"
for _ in 1 2 3 4 5 6; do ask "command:$LAB/who" >"$LAB/many" & done
assert_match 'nor is it overrun' 'name=uid-0' "$(ask "command:$LAB/who")"
as_nobody "$LAB/unixio" ask "$HELPER" "command:$LAB/who" >"$LAB/said" 2>&1
assert_eq 'nobody else may ask' 1 $?
chmod 666 "$LAB/ctmeter.conf"
assert_match 'a file that others can write orders nothing' 'owned by root and writable by root alone' \
	"$(ask "command:$LAB/who")"
chmod 644 "$LAB/ctmeter.conf"

step 'OpenVZ by the helper'
mkdir "$LAB/tools"
mount --bind "$LAB/tools" /usr/local/sbin
cat >/usr/local/sbin/vzlist <<-END
	#!/bin/sh
	[ "\$(id -u)" = 0 ] || { echo 'only root' >&2; exit 1; }
	case "\$*" in
	*configured_ip*) echo 'Unknown field: configured_ip' >&2; exit 1 ;;
	*hostname*) echo '       101 vz.example'; exit ;;
	esac
	cat <<JSON
	[
	  {
	    "ctid": 101,
	    "status": "running",
	    "ip": ["192.0.2.101", "2001:db8:1::101"]
	  }
	]
	JSON
END
sed -i 's/^\t//' /usr/local/sbin/vzlist
chmod 755 /usr/local/sbin/vzlist
lab_set inventory.source vz
lab_write_conf
kill -HUP "$CTMETERD_PID"
assert_await 'vzlist is asked as root' 15 named 101 vz.example
lab_set inventory.source "file:$LAB/inventory"
lab_inventory_usual
lab_write_conf
kill -HUP "$CTMETERD_PID"
assert_await 'a file needs nobody' 15 named 101 web.example
kill "$HELPER_PID"
rm "$HELPER"

# ---- by root --------------------------------------------------------------------------------

step 'as root starts it: a ledger of before becomes the user'"'"'s'
lab_ctmeterd_stop
chown -R 0:0 "$LAB/own/ctmeter" "$LAB/own/state"
mv "$LAB/own/state" "$LAB/own/x" && mkdir "$LAB/own/var" && mv "$LAB/own/x" "$LAB/own/var/ctmeter"
lab_set ledger.path "$LAB/own/var/ctmeter/ledger.db"
lab_set inventory.source "command:$LAB/who"
lab_ctmeterd_start as_root
assert_await 'it serves' 10 snmp_serves
assert_limited 'by root' "$UID_"
assert_eq 'the directory is its own' "$UID_" "$(stat -c %u "$LAB/own/var/ctmeter")"
assert_await 'commands run as root' 15 named 101 uid-0
by_helper 'by root' '/ctmeterd '
assert_eq 'the helper is for the group' "660 0 $UID_" "$(stat -c '%a %u %g' "$HELPER.$CTMETERD_PID")"
traffic 'the totals go on'
gone() { ! compgen -G "$HELPER.*" >/dev/null; }
pkill -TERM -x ctmeter-helper
pkill -INT -x ctmeter-helper
rename_101() { sed -i "s/name=$1-/name=$2-/" "$LAB/who"; } # FROM TO
rename_101 uid still
assert_ok 'the helper lives as long as the daemon' ctmeter refresh
assert_await 'and works' 15 named 101 still-0
rename_101 still uid
lab_ctmeterd_kill9
assert_await 'the helper ends with it' 5 gone
lab_ctmeterd_start as_root
assert_await 'it serves again' 10 snmp_serves
traffic 'after a kill'
assert_ok 'the doctor finds nothing missing' ctmeter check privileges
assert_ok 'root tears down' ctmeter teardown
assert_eq 'no rule is left' 0 "$(iptables-legacy -t mangle -S | grep -c ctm)"
wait "$CTMETERD_PID"

step 'what stands in the way of a teardown'
for thing in 'mkfifo PLACE' 'mkdir PLACE' 'mkdir -p PLACE/inside' 'ln -s /dev/zero PLACE'; do
	lab_ctmeterd_start as_root
	assert_await 'it serves' 10 snmp_serves
	assert_ok 'rules are there' ctmeter refresh
	lab_ctmeterd_stop
	for family in ipv4 ipv6; do
		# shellcheck disable=SC2086 # a command's words
		setpriv --reuid "$UID_" --clear-groups ${thing/PLACE/$LAB/own/ctmeter/commit.$family}
	done
	patiently "$LAB/ctmeter" -c "$LAB/ctmeter.conf" teardown >"$LAB/said" 2>&1
	assert_eq "$thing: root tears down all the same" 0 $?
	assert_eq "$thing: no rule is left" 0 "$( (iptables-legacy -t mangle -S; ip6tables-legacy -t mangle -S) | grep -c ctm)"
	rm -rf "$LAB/own/ctmeter"/commit.*
done

step 'somebody has the name that it once had'
squatted() { grep -q '@ctmeterd$' /proc/net/unix; }
for queue in 0 2; do # refuses connections, or leaves them waiting
	"${NOBODY[@]}" "$LAB/unixio" squat '@ctmeterd' $queue </dev/null >/dev/null 2>&1 9>&- &
	squatter=$!
	await 5 squatted || fail 'the name is not taken'
	lab_ctmeterd_start as_root
	assert_await "that keeps nobody from counting, $queue" 15 snmp_serves
	refuses_a_second "nor lets it a second one start, $queue"
	lab_ctmeterd_stop
	stop_process "$squatter"
done

step 'a trap'
echo secret >"$LAB/secret"
mkdir -p "$LAB/trap/ctmeter"
ln -s "$LAB/secret" "$LAB/trap/ctmeter/ledger.db"
lab_set ledger.path "$LAB/trap/ctmeter/ledger.db"
lab_write_conf
timeout 5 "$LAB/ctmeterd" -c "$LAB/ctmeter.conf" </dev/null >"$LAB/said" 2>&1
assert_eq 'the directory is given' "$UID_" "$(stat -c %u "$LAB/trap/ctmeter")"
assert_eq 'what a link in it leads to is not' '0 secret' "$(stat -c %u "$LAB/secret") $(<"$LAB/secret")"

step "the configuration file's directory is given to nobody"
mkdir -p "$LAB/etc/ctmeter/sub"
for key in ledger.path=ledger.db control.socket=control.sock; do
	(
		lab_set ledger.path "$LAB/trap/ctmeter/none.db"
		lab_set "${key%=*}" "$LAB/etc/ctmeter/${key#*=}"
		lab_write_conf
		cp "$LAB/ctmeter.conf" "$LAB/etc/ctmeter/sub/ctmeter.conf"
	)
	patiently "$LAB/ctmeterd" -c "$LAB/etc/ctmeter/sub/ctmeter.conf" </dev/null >"$LAB/said" 2>&1
	assert_eq "${key%=*}: exit status" 1 $?
	name=${key%=*}
	assert_match 'and why' "\[${name%.*}\] ${name#*.}: .*configuration file.*such as /" "$(<"$LAB/said")"
	assert_eq 'it stays root'"'"'s' 0 "$(stat -c %u "$LAB/etc/ctmeter")"
done

step 'where there is no such user'
lab_set daemon.user nosuchuser
lab_set inventory.source "file:$LAB/inventory"
lab_inventory_usual
lab_snmpd_restart
lab_set control.socket "$LAB/control.sock"
lab_set ledger.path "$LAB/other.db"
lab_ctmeterd_start as_root
assert_await 'it serves' 10 snmp_serves
assert_limited 'root' 0
assert_ok 'and says what to do' said 'no user "nosuchuser".*useradd'

lab_end
