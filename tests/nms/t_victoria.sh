#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# VictoriaMetrics polls the node through snmp_exporter, and vmalert records the octets of 30 days: those
# that were really sent, also of a container that is born meanwhile, and of one that another node had.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/nms/nms.sh
. "$(dirname "$0")/nms.sh"
# shellcheck source=tests/nms/prom.sh
. "$(dirname "$0")/prom.sh"
nms_needs victoria-metrics:victoria-metrics victoria-metrics:vmalert curl:curl jq:jq \
	iptables:iptables-legacy prometheus:prometheus prometheus-snmp-exporter:prometheus-snmp-exporter \
	python3:/usr/bin/python3
nms_enter "$@"
CONF=$LAB_TOP/conf/prometheus
PROM=127.0.0.1:8428 # prom_query asks this one

# At one second's pace, where a look back by default leaves out the newest half minute.
victoria_start() {
	sed 's/node1\.example/127.0.0.1/; s/scrape_interval: 1m/scrape_interval: 1s/
		s/scrape_timeout: 30s/scrape_timeout: 1s/; /^rule_files:/,/^$/d' "$CONF/prometheus.yml" |
		prom_install scrape.yml
	install -d -o prometheus "$NMS/victoria"
	nms_start victoria prometheus victoria-metrics -storageDataPath="$NMS/victoria" \
		-httpListenAddr="$PROM" -promscrape.config="$NMS/scrape.yml" -retentionPeriod=2y \
		-search.latencyOffset=1s -search.disableCache
	nms_await victoria 30 curl -sf "http://$PROM/health"
}

alert_start() {
	sed 's/interval: [0-9]*m$/interval: 1s/' "$CONF/victoriametrics.rules.yml" | prom_install victoria.rules.yml
	nms_start vmalert prometheus vmalert -rule="$NMS/victoria.rules.yml" -datasource.url="http://$PROM" \
		-remoteWrite.url="http://$PROM" -remoteWrite.flushInterval=1s -httpListenAddr=127.0.0.1:8880
	nms_await vmalert 30 curl -sf http://127.0.0.1:8880/health
}

# Readings of a node that is not there any more, 20 days ago: 102 was on it, from its birth.
other_node() {
	local at n
	at=$(($(date +%s) - 20 * 86400))
	for n in 0 1 2; do
		echo "ctmContainerInOctets{instance=\"gone.example\",ctmContainerId=\"102\",ctmContainerName=\"db.example\"}" \
			"$((n * 3000000019)) $(((at + 60 * n) * 1000))"
	done | curl -sf --data-binary @- "http://$PROM/api/v1/import/prometheus"
}

step 'the files'
assert_ok 'rules' vmalert -dryRun -rule="$CONF/victoriametrics.rules.yml" -datasource.url=http://127.0.0.1:1

step 'VictoriaMetrics'
nms_lab
prom_exporter_start
victoria_start
assert_await 'it polls' 20 prom_some 'ctmContainerInOctets'
assert_ok "another node's past" other_node
alert_start
nms_traffic 3
lab_inventory_usual '104 192.0.2.104 name=young.example'
assert_ok 'a container is born' ctmeter refresh
nms_traffic 2

step 'what was sent is what the rules record'
elsewhere=6000000038 # of 102, in
for ct in 101 102 103; do
	for way in in out; do
		sent=${BOOK["$ct - fwd-$way.octets"]}
		[ "$ct $way" != '102 in' ] || sent=$((sent + elsewhere))
		assert_await "30 days of $ct, $way: $sent" 30 prom_is "$sent" \
			"ctmeter:container_octets:30d{ctmContainerId=\"$ct\",direction=\"$way\"}"
	done
done
for a in "${LAB_ADDRESSES[@]}"; do
	ct=${LAB_OWNER[$a]}
	assert_await "30 days of $a" 30 prom_is "${BOOK["$ct $a fwd-in.octets"]}" \
		"ctmeter:address_octets:30d{ctmAddressText=\"$a\",direction=\"in\"}"
done
assert_await 'the young one' 20 prom_is 0 'ctmeter:container_octets:30d{ctmContainerId="104",direction="in"}'

nms_end
