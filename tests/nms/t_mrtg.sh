#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# MRTG polls containers as ports: cfgmaker finds them, with what it brings and with our template,
# and the newest line of each log has what was sent.
# MRTG_ROUNDS=8 polls as often, every 5 minutes as MRTG does, for a picture with a curve.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/nms/nms.sh
. "$(dirname "$0")/nms.sh"
nms_needs mrtg:cfgmaker mrtg:/etc/mrtg chromium:chromium php-cli:php php-gd:/usr/share/doc/php-gd
nms_enter "$@"
OURS=/etc/mrtg/mrtg.cfg STOCK=/etc/mrtg/stock.cfg

# cfgmaker into FILE; its pages and logs go to $NMS/NAME.
configure() { # FILE NAME OPTION...
	local file=$1 dir=$NMS/$2
	shift 2
	install -d -o mrtg -g www-data -m 750 "$dir"
	cfgmaker --global "WorkDir: $dir" --global 'Options[_]: growright, bits' --no-down \
		--snmp-options=:::::2 "$@" "$COMMUNITY-ct@127.0.0.1" >"$file" 2>"$NMS/cfgmaker.log"
	chown mrtg "$file"
	assert_eq "$file: a target for each container" \
		'127.0.0.1_ct101 127.0.0.1_ct102 127.0.0.1_ct103' \
		"$(sed -n 's/^Target\[\(.*\)\]:.*/\1/p' "$file" | xargs)"
	assert_eq "$file: with 64-bit counters" '' "$(grep '^noHC' "$file")"
}

# The newest line of a log: "IN OUT", the raw counters.
newest() { head -n 1 "$NMS/$1/127.0.0.1_ct$2.log" | cut -d ' ' -f 2-; } # NAME CTID

assert_polled() { # LABEL FILE NAME
	local ct
	assert_ok "$1: mrtg" nms_as mrtg env LANG=C mrtg --logging="$NMS/home/$3.log" "$2"
	for ct in 101 102 103; do
		assert_eq "$1: ct$ct" "$(nms_octets $ct - in) $(nms_octets $ct - out)" \
			"$(newest "$3" $ct)"
	done
}

nms_lab
nms_cover /etc/mrtg

step 'cfgmaker with our template, while one container is stopped and nothing was sent yet'
sed -i '/^102/s/running/stopped/' "$LAB/inventory"
assert_ok refresh ctmeter refresh
port=$(snmp_get "$(oid_ct 102 ct-ifindex)")
assert_eq 'ct102 is down' 2 "$(COMMUNITY=$COMMUNITY-ct snmp_get ".1.3.6.1.2.1.2.2.1.8.$port")"
narrow=(--global 'XSize[_]: 40')
[ -n "${MRTG_ROUNDS-}" ] || narrow=()
configure "$OURS" pages "${narrow[@]}" --if-template="$LAB_TOP/conf/mrtg/ports.cfgmaker"
assert_match 'named as its owner names it' \
	'Title\[127\.0\.0\.1_ct101\]: web\.example \(ct101\) -- ' "$(grep '^Title' "$OURS")"
lab_inventory_usual

step 'polls'
assert_polled 'nothing was sent' "$OURS" pages
nms_traffic
assert_polled 'after some traffic' "$OURS" pages
nms_traffic 3
assert_polled 'after more' "$OURS" pages
assert_polled 'and no more' "$OURS" pages

step 'cfgmaker by itself'
configure "$STOCK" stock --ifref=name --ifdesc=alias
assert_polled 'stock, the first poll' "$STOCK" stock
nms_traffic 2
assert_polled 'stock, after more traffic' "$STOCK" stock

step 'pages'
for ((i = 0; i < ${MRTG_ROUNDS:-0}; i++)); do
	nms_traffic $((10 + 15 * (i * 3 % 4)))
	assert_polled "round $i" "$OURS" pages
	sleep $((300 - $(date +%s) % 300)) # what is drawn is one figure in 5 minutes
done
indexmaker "$OURS" >"$NMS/pages/index.html"
assert_match 'the index names the container' 'web\.example' "$(<"$NMS/pages/index.html")"
nms_start web www-data php -S 127.0.0.1:8080 -t "$NMS/pages"
nms_await web 10 nms_listens 8080
nms_screenshot http://127.0.0.1:8080/127.0.0.1_ct101.html mrtg-port.png 700,520
nms_screenshot http://127.0.0.1:8080/ mrtg-index.png 900,420

nms_end
