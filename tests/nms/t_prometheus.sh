#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# snmp_exporter and Prometheus poll the node with our configuration, at one second's pace: metric
# lines and samples are the octets really sent, rules and the dashboard's queries give data, the
# quota alarm goes off.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/nms/nms.sh
. "$(dirname "$0")/nms.sh"
# shellcheck source=tests/nms/prom.sh
. "$(dirname "$0")/prom.sh"
nms_needs prometheus:prometheus prometheus:promtool curl:curl jq:jq iptables:iptables-legacy \
	prometheus-snmp-exporter:prometheus-snmp-exporter \
	prometheus-snmp-exporter:prometheus-snmp-generator python3:/usr/bin/python3 \
	python3-yaml:/usr/lib/python3/dist-packages/yaml/__init__.py \
	chromium:chromium php-cli:php php-gd:/usr/share/doc/php-gd
nms_enter "$@"
CONF=$LAB_TOP/conf/prometheus

step 'the files'
assert_ok 'rules' promtool check rules "$CONF/ctmeter.rules.yml"
assert_ok 'configuration' promtool check config "$CONF/prometheus.yml"
assert_ok 'rules over simulated months' promtool test rules prometheus_rules_test.yml
assert_ok 'the generator makes what is ready' prom_generator_agrees

step "the exporter: $(prometheus-snmp-exporter --version 2>&1 | head -n 1), $(prom_snmp_yml)"
nms_lab
prom_exporter_start
nms_traffic
prom_metrics ctmeter >"$NMS/metrics"
prom_lines "$NMS/metrics" >"$NMS/lines"
prom_check_tables 'metric line' "$NMS/lines"
assert_match 'name' 'ctmContainerInOctets\{ctmContainerId="101",ctmContainerName="web.example"\}' \
	"$(<"$NMS/metrics")"
assert_match 'address' 'ctmAddress="192.0.2.101",ctmAddressText="192.0.2.101"' "$(<"$NMS/metrics")"
assert_match 'version' 'ctmVersion\{ctmVersion="[0-9.]+"\} 1' "$(<"$NMS/metrics")"

step 'the exporter, switch view'
prom_metrics ctmeter_ports >"$NMS/metrics"
prom_port_lines "$NMS/metrics" >"$NMS/port-lines"
prom_check_ports 'metric line' "$NMS/port-lines"
assert_match 'speed' 'ifHighSpeed\{ifAlias="db.example",ifIndex="[0-9]+",ifName="ct102"\} 1000' \
	"$(<"$NMS/metrics")"
assert_match 'state' 'ifOperStatus\{ifAlias="db.example",ifIndex="[0-9]+",ifName="ct102"\} 1' \
	"$(<"$NMS/metrics")"

step "the exporter with nothing of ours: upstream's module for switches"
prom_exporter_stock_start
prom_metrics if_mib "$PROM_EXPORTER_STOCK" >"$NMS/metrics"
prom_port_lines "$NMS/metrics" >"$NMS/port-lines"
prom_check_ports 'metric line, if_mib' "$NMS/port-lines"
assert_match 'as many as there are' 'ifNumber 3' "$(<"$NMS/metrics")"
assert_match 'the 32-bit ones too' 'ifInOctets\{ifAlias="web.example",ifDescr="ct101",ifIndex="[0-9]+",ifName="ct101"\} [0-9]' \
	"$(<"$NMS/metrics")"
assert_match 'its clock' 'sysUpTime [0-9]' "$(<"$NMS/metrics")"
assert_eq 'each column for each port' $((3 * 24)) "$(grep -c '^if[A-Z][A-Za-z]*{' "$NMS/metrics")"

step 'the exporter, SNMPv3'
prom_exporter_v3_start
prom_metrics ctmeter $PROM_EXPORTER_V3 >"$NMS/metrics"
prom_lines "$NMS/metrics" >"$NMS/lines"
prom_check_tables 'metric line, v3' "$NMS/lines"
prom_metrics ctmeter_ports $PROM_EXPORTER_V3 >"$NMS/metrics"
prom_port_lines "$NMS/metrics" >"$NMS/port-lines"
prom_check_ports 'metric line, v3' "$NMS/port-lines"

step 'Prometheus'
began=$(date +%s)
prom_start
assert_await 'polls both views' 20 prom_is 2 'sum(up)'
assert_await 'has counters' 20 prom_some 'ctmContainerInOctets'
assert_await 'has what a month counts from' 20 prom_some 'ctmeter:container_octets:month'
# Some bursts, so that there is something to see.
for factor in 1 4 2 5 3; do
	nms_traffic "$factor"
	prom_await_samples 4
done
assert_await 'samples come to what was sent' 20 prom_agrees
prom_check_tables 'sample' "$NMS/samples"
prom_check_ports 'sample' "$NMS/port-samples"

step 'a picture'
graph='8 * sum by (ctmContainerId, ctmContainerName) (rate(ctmContainerInOctets[5s]))'
nms_screenshot "http://$PROM/graph?g0.expr=$(jq -rn --arg q "$graph" '$q | @uri')&g0.tab=0&g0.range_input=$(($(date +%s) - began))s" \
	prometheus.png 1000,880
# Three curves; if all were flat they would hide each other.
for colour in cb513a 73c03a 65b9ac; do
	assert_ge "points of the curve of colour $colour" 500 "$(nms_pixels prometheus.png $colour)"
done

step 'rules'
for ct in 101 102 103; do
	for way in in out; do
		key="$ct - fwd-$way.octets"
		month="ctmeter:container_octets:month{ctmContainerId=\"$ct\",direction=\"$way\"}"
		sent=${BOOK[$key]} # all: the rows are newer than the month
		assert_await "month's octets, $ct $way: $sent" 20 prom_is "$sent" "$month"
		assert_eq "month, $ct $way" "$(date -u +%Y%m)" "$(prom_query "$month" .metric.month)"
		assert_await "95th percentile, $ct $way" 20 \
			prom_some "ctmeter:container_bits:p95_30d{ctmContainerId=\"$ct\",direction=\"$way\"} > 0"
	done
done

step 'what docs/prometheus.md queries'
assert_eq 'the query of any period is the one that is tested' \
	"$(sed -n '/^          sum by (ctmContainerId)/,/^          )$/{s/^ *//;s/{.*}//;p}' prometheus_rules_test.yml)" \
	"$(sed -n '/^sum by (ctmContainerId)/,/^)$/{s/^ *//;p}' "$LAB_TOP/docs/prometheus.md")"
query=$(sed -n '/^sum by (ctmContainerId)/,/^)$/p' "$LAB_TOP/docs/prometheus.md")
for ct in 101 102 103; do
	assert_eq "30 days of $ct" "${BOOK["$ct - fwd-in.octets"]}" "$(prom_query "($query) and on (ctmContainerId)
		ctmContainerInOctets{ctmContainerId=\"$ct\"}" '.value[1]')"
done
while read -r query; do
	assert_match "$query" '^[0-9.]*[1-9]' "$(prom_query "max($query)" '.value[1]')"
	queries=$((${queries-0} + 1))
done < <(sed -n '/^```$/,/^```$/p' "$LAB_TOP/docs/prometheus.md" | grep '^max')
assert_eq 'queries' 1 "$queries"

step 'quota'
used() { prom_query "sum(ctmeter:container_octets:month{ctmContainerId=\"$1\"})" '.value[1]'; }
firing() {
	curl -s 127.0.0.1:9090/api/v1/alerts | jq -r '.data.alerts[] |
		select(.labels.alertname == "CtmeterQuotaExceeded" and .state == "firing") |
		.labels.ctmContainerId' | sort | xargs
}
fires() { [ "$(firing)" = "$1" ]; }
assert_eq 'under 1 TB: no alarm' '' "$(firing)"
# The default is between the uses of the first and the second container; then 102 gets its own.
mapfile -t uses < <(for ct in 101 102 103; do echo "$(used $ct) $ct"; done | sort -rn)
most=${uses[0]} second=${uses[1]}
sed -i "s/> 1e12/> $(((${most% *} + ${second% *}) / 2))/" "$NMS/ctmeter.rules.yml"
prom_reload
assert_await "the alarm of ${most#* } alone (${uses[*]})" 20 fires "${most#* }"
sed -i -e "s/^      #- record/      - record/; s/^      #  \(expr: \)5e12/        \11/" \
	-e "s/^      #  \(labels: .*\)101/        \1${second#* }/" "$NMS/ctmeter.rules.yml"
assert_ok 'rules with a quota of its own' promtool check rules "$NMS/ctmeter.rules.yml"
prom_reload
assert_await "the alarm of ${second#* } too" 20 fires \
	"$(printf '%s\n' "${most#* }" "${second#* }" | sort | xargs)"

step 'a discontinuity'
disc=$(snmp_get "$(oid_ct 101 disc-count)")
iptables-legacy -t mangle -Z
zeroed() { [ "$(snmp_get "$(oid_ct 101 disc-count)")" -gt "$disc" ]; }
lab_flow 198.51.100.2 192.0.2.101 50 500
assert_await 'is known' 20 zeroed
assert_await 'is known to Prometheus' 20 prom_some 'changes(ctmContainerDiscontinuities[5m]) > 0'

step 'the dashboard'
prom_dashboard "$LAB_TOP/conf/grafana/ctmeter-dashboard.json"

nms_end
