#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# First at the start, when there is nothing yet: no tables, no containers, no inventory, no snmpd; each is
# taken up when it comes. Where no source can ever be, it ends and lists the choices. Last at the end, when containers, network, snmpd, /run and the disk are gone or
# going: it ends within 5 s, and what was counted is stored as far as can be.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"

for lib in notable stuckdisk; do
	lab_cc -shared -fPIC -D_GNU_SOURCE -o "$LAB/$lib.so" \
		"$LAB_TOP/tests/netns/preload/$lib.c" -ldl 2>"$LAB/cc" ||
		skip "no C compiler here ($(head -n 1 "$LAB/cc"))"
done
status_says() { ctmeter status | grep -q -- "$1"; } # REGEX
has_rules() { iptables-legacy-save -t mangle | grep -q -- "-d $1/32 "; } # ADDR
traffic() {
	lab_flow 198.51.100.2 192.0.2.101 100 28-1500
	lab_flow 192.0.2.101 198.51.100.1 100 28-1500
}
lab_network

if [ -d /proc/vz ] || command -v vzlist prlctl >/dev/null; then skip 'this is an OpenVZ node'; fi
mount -t tmpfs tmpfs /usr/local/sbin || skip 'cannot mount a private /usr/local/sbin'

step 'auto, where there is no OpenVZ'
lab_write_conf
sed -i '/^source/d' "$LAB/ctmeter.conf"
assert_ok 'the file itself is good' "$B/ctmeterd" -t -c "$LAB/ctmeter.conf"
before=$(iptables-legacy-save -t mangle | grep -v '^#')
patiently "$B/ctmeterd" -c "$LAB/ctmeter.conf" </dev/null >"$LAB/said" 2>&1
assert_eq 'it ends, for a reason that no restart mends' 78 $?
patiently "$B/ctmeterd" --configured -c "$LAB/ctmeter.conf" </dev/null >"$LAB/unit" 2>&1
assert_eq 'its unit does not even begin' 1 $?
for command in status 'check daemon' refresh list; do
	# shellcheck disable=SC2086 # words
	said=$(ctmeter $command 2>&1)
	assert_eq "$command: exit status" 1 $?
	assert_match "$command: says so" "not configured yet: .*choose source = file:PATH.* of $LAB/ctmeter.conf, then: " "$said"
done
assert_match 'says what it looked for' 'source = auto found no OpenVZ, .*, no systemd-nspawn on this node;' "$(<"$LAB/said")"
assert_match 'what to choose' 'choose source = file:PATH, command:PATH ARG\.\.\.(, | or )vz' "$(<"$LAB/said")"
assert_eq 'no rule was made' "$before" "$(iptables-legacy-save -t mangle | grep -v '^#')"

echo nonsense >"$LAB/bad.conf"
for option in '78|' '1|-t' '0|--configured'; do
	# shellcheck disable=SC2086 # none or one word
	patiently "$B/ctmeterd" ${option#*|} -c "$LAB/bad.conf" </dev/null >"$LAB/bad" 2>&1
	assert_eq "a file that is wrong: exit status with '${option#*|}'" "${option%|*}" $?
done

step 'nothing is there'
FAKES=$LAB_TOP/tests/fixtures/vz
vz_has() { # CTID NAME ADDRESS: it runs
	mkdir -p "$LAB/vz/usr/sbin"
	cp "$FAKES/ovz6/usr/sbin/vzlist" "$LAB/vz/usr/sbin/vzlist"
	printf '[\n  {\n    "ctid": %s,\n    "status": "running",\n    "ip": ["%s"]\n  }\n]\n' "$1" "$3" \
		>"$LAB/vz/vzlist.json"
	printf '%10s %s\n' "$1" "$2" >"$LAB/vz/vzlist.names"
	printf '#!/bin/sh\nexec %s "$@"\n' "$LAB/vz/usr/sbin/vzlist" >/usr/local/sbin/vzlist.new
	chmod +x /usr/local/sbin/vzlist.new
	mv /usr/local/sbin/vzlist.new /usr/local/sbin/vzlist
}
cp "$FAKES/ovz6-empty/usr/sbin/vzlist" /usr/local/sbin/vzlist
: >"$LAB/notable"
lab_set inventory.source auto
lab_set inventory.interval 1
lab_set ledger.checkpoint 1
NOTABLE_FILE=$LAB/notable lab_ctmeterd_start env LD_PRELOAD="$LAB/notable.so"
assert_ok 'says which table is missing' status_says 'no legacy IPv4 table "mangle"'
assert_ok 'and how to get it' status_says 'modprobe iptable_mangle'
assert_ok 'that snmpd is not there' status_says 'snmpd: no'

step 'the tables come'
rm "$LAB/notable"
counts() { ! status_says 'no legacy'; }
assert_await 'taken up' 20 counts
assert_ok 'the log says so' grep -q 'the IPv4 table "mangle" exists now' "$LAB/ctmeterd.log"

step 'a container comes'
vz_has 101 web 192.0.2.101
assert_await 'taken up within its interval' 5 has_rules 192.0.2.101
traffic

step 'snmpd comes'
lab_snmpd_start
assert_await 'served' 40 snmp_serves
served() { snmp_is "$(oid_ct 101 "$1")" "${BOOK["101 - $1"]}"; } # PATH.UNIT
for what in fwd-in.octets fwd-in.pkts node-out.octets node-out.pkts; do
	assert_await "what was counted before it came: $what" 5 served $what
done

step 'a file comes'
lab_ctmeterd_stop
lab_set inventory.source "file:$LAB/inventory"
lab_ctmeterd_start
assert_await 'says that it is not there' 5 status_says 'cannot read .*inventory: No such file'
traffic
lab_inventory_usual
assert_await 'taken up within its interval' 5 has_rules 192.0.2.103
assert_await 'served' 40 snmp_serves
traffic
book_check 'what was counted before, with nobody to say whose, is its owner'"'"'s of before'

step 'everything goes, it is the last'
traffic
for ns in c1 c2 c3; do ip netns del $ns; done
ip link del vout
lab_snmpd_stop
rm -rf "$LAB/inventory" "$LAB"/*.sock "$LAB"/journal*
ended() { ! kill -0 "$CTMETERD_PID"; }
ends_within_5s() { # LABEL
	kill -TERM "$CTMETERD_PID"
	assert_await "$1: it ends" 5 ended
	wait "$CTMETERD_PID"
	assert_eq "$1: cleanly" 0 $?
	CTMETERD_PID=
}
ends_within_5s 'all gone but the disk'
totals() { "$B/ctmeter" -c "$LAB/ctmeter.conf" report --ct 101 --format csv --bytes | tail -n 1; }
carried=${BOOK['101 - fwd-in.octets']}
assert_match 'all is stored' "(^|,)$carried(,|$)" "$(totals)"

step 'the disk is read-only'
lab_ctmeterd_start
mount --bind "$LAB" "$LAB" && mount -o remount,ro,bind "$LAB"
ends_within_5s 'a read-only disk'
umount "$LAB"

step 'the disk does not answer'
STUCKDISK_FILE=$LAB/stuck lab_ctmeterd_start env LD_PRELOAD="$LAB/stuckdisk.so"
: >"$LAB/stuck"
assert_await 'somebody waits for it' 10 test -e "$LAB/stuck.waits"
ends_within_5s 'a stuck disk'
assert_ok 'and says so' grep -q 'its disk does not answer: exiting without' "$LAB/ctmeterd.log"
assert_match 'what was stored is there' "(^|,)$carried(,|$)" "$(totals)"
lab_end
