# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Prometheus and its SNMP exporter in the lab. Needs lab.sh, nms.sh, and CONF: conf/prometheus.
#
# Lines of figures here are "CTID ADDR PATH.UNIT VALUE" as in the lab's book, ADDR "-" for a
# container's own row.

PROM_EXPORTER=127.0.0.1:9116
PROM_EXPORTER_V3=127.0.0.1:9117
PROM_EXPORTER_STOCK=127.0.0.1:9118
PROM=127.0.0.1:9090

# The part of a metric's name for each of the lab's paths.
declare -A PROM_COLUMN=(
	[fwd-in.octets]=InOctets [fwd-out.octets]=OutOctets
	[fwd-in.pkts]=InPkts [fwd-out.pkts]=OutPkts
	[node-in.octets]=NodeInOctets [node-out.octets]=NodeOutOctets
	[node-in.pkts]=NodeInPkts [node-out.pkts]=NodeOutPkts
)

# ---- configuration --------------------------------------------------------------------------

# A file for the server to read, from stdin, secrets and all.
prom_install() { # FILE
	install -m 640 -g prometheus /dev/stdin "$NMS/$1"
}

# Up to 0.22 the exporter's modules are the file's top level and hold the credentials.
prom_is_old() {
	! /usr/bin/python3 -c 'import re, sys
version = re.search(r"version (\d+)\.(\d+)", sys.argv[1])
sys.exit((int(version[1]), int(version[2])) < (0, 23))' "$(prometheus-snmp-exporter --version 2>&1)"
}

prom_snmp_yml() { if prom_is_old; then echo snmp-0.22.yml; else echo snmp.yml; fi; }

# What the generator of this machine makes of generator.yml is module ctmeter of both ready files,
# and their other module is the same.
prom_generator_agrees() {
	mkdir -p "$NMS/generator"
	cp "$CONF/generator.yml" "$NMS/generator"
	(
		cd "$NMS/generator" || exit
		export MIBDIRS=$B/mibs/flat
		if prom_is_old; then prometheus-snmp-generator --fail-on-parse-errors generate
		else prometheus-snmp-generator --fail-on-parse-errors generate -m "$MIBDIRS"; fi
	) || return
	/usr/bin/python3 - "$NMS/generator/snmp.yml" "$B/conf/prometheus/snmp.yml" \
		"$B/conf/prometheus/snmp-0.22.yml" <<-'END'
		import sys, yaml
		made, new, old = (yaml.safe_load(open(name)) for name in sys.argv[1:])
		made = made.get("modules", made)
		for module in old.values():
		    assert module.pop("version") == 2 and list(module.pop("auth")) == ["community"]
		assert made["ctmeter"] == new["modules"]["ctmeter"], "snmp.yml differs"
		assert old == new["modules"], "snmp-0.22.yml differs from snmp.yml"
		assert set(new["auths"]) == set(old), "each module has credentials of its name"
		assert len(made["ctmeter"]["metrics"]) >= 30
	END
}

# ---- servers --------------------------------------------------------------------------------

prom_exporter_start() {
	local yml
	yml=$(prom_snmp_yml)
	# As docs/prometheus.md says it; the lab's community for the switch view has another end.
	sed "s/COMMUNITY/$COMMUNITY/" "$B/conf/prometheus/$yml" | sed "s/$COMMUNITY-ports/$COMMUNITY-ct/" |
		prom_install snmp.yml
	grep -q "community: $COMMUNITY$" "$NMS/snmp.yml" || fail "no community in $yml"
	nms_start exporter prometheus prometheus-snmp-exporter --config.file="$NMS/snmp.yml" \
		--no-snmp.wrap-large-counters --web.listen-address="$PROM_EXPORTER"
	nms_await exporter 20 nms_listens "${PROM_EXPORTER#*:}"
}

# The same modules over SNMPv3, as the comments in the file say, by an exporter of its own.
prom_exporter_v3_start() {
	local v3="security_level: authPriv\\n\\1username: $NMS_V3_USER\\n\\1auth_protocol: SHA"
	v3+="\\n\\1password: $NMS_V3_AUTH\\n\\1priv_protocol: AES\\n\\1priv_password: $NMS_V3_PRIV"
	sed -e 's/version: 2$/version: 3/' -e "s/^\( *\)community: $COMMUNITY$/\1$v3/" \
		-e "s/^\( *\)community: $COMMUNITY-ct$/\1$v3\\n\1context_name: containers/" \
		"$NMS/snmp.yml" | prom_install snmp-v3.yml
	nms_start exporter-v3 prometheus prometheus-snmp-exporter --config.file="$NMS/snmp-v3.yml" \
		--no-snmp.wrap-large-counters --web.listen-address="$PROM_EXPORTER_V3"
	nms_await exporter-v3 20 nms_listens "${PROM_EXPORTER_V3#*:}"
}

# With nothing of ours: upstream's module for switches, by an exporter of its own.
prom_exporter_stock_start() {
	/usr/bin/python3 "$LAB_TOP/tests/nms/if_mib.py" "$COMMUNITY-ct" "$(if prom_is_old; then echo old; else echo new; fi)" |
		prom_install snmp-stock.yml
	nms_start exporter-stock prometheus prometheus-snmp-exporter --config.file="$NMS/snmp-stock.yml" \
		--no-snmp.wrap-large-counters --web.listen-address="$PROM_EXPORTER_STOCK"
	nms_await exporter-stock 20 nms_listens "${PROM_EXPORTER_STOCK#*:}"
}

# Our configuration, but of this node and at one second's pace.
prom_start() {
	sed 's/node1\.example/127.0.0.1/; s/scrape_interval: 1m/scrape_interval: 1s/
		s/scrape_timeout: 30s/scrape_timeout: 1s/' "$CONF/prometheus.yml" | prom_install prometheus.yml
	sed 's/interval: [0-9]*m$/interval: 1s/' "$CONF/ctmeter.rules.yml" | prom_install ctmeter.rules.yml
	install -d -o prometheus "$NMS/tsdb"
	nms_start prometheus prometheus prometheus --config.file="$NMS/prometheus.yml" \
		--storage.tsdb.path="$NMS/tsdb" --web.listen-address="$PROM" --log.level=warn
	nms_await prometheus 30 curl -sf "$PROM/-/ready"
}

prom_reload() {
	local before
	prom_loaded() { curl -s "$PROM/metrics" | grep '^prometheus_config_last_reload_success_timestamp'; }
	before=$(prom_loaded)
	prom_reloaded() { [ "$(prom_loaded)" != "$before" ]; }
	kill -HUP "${NMS_PIDS[prometheus]}"
	assert_await 'reloads its rules' 20 prom_reloaded
}

# ---- asking ---------------------------------------------------------------------------------

# One line for each element of an instant query's result, of what the jq expressions say.
prom_query() { # PROMQL JQ...
	local query=$1 IFS=,
	shift
	curl -sG "$PROM/api/v1/query" --data-urlencode "query=$query" |
		jq -r ".data.result[] | [$*] | @tsv"
}
prom_is() { [ "$(prom_query "$2" '.value[1]')" = "$1" ]; } # VALUE PROMQL
prom_some() { [ -n "$(prom_query "$1" '.value[1]')" ]; } # PROMQL

# Wait for that many further polls.
prom_await_samples() { # COUNT
	local now
	now=$(date +%s)
	prom_polled() {
		[ "$(prom_query "count_over_time(ctmContainerCount[$(($(date +%s) - now + 1))s])" '.value[1]')" -ge "$1" ]
	}
	await 60 prom_polled "$1"
}

prom_metrics() { # MODULE [EXPORTER]: what it says
	curl -s "http://${2:-$PROM_EXPORTER}/snmp?target=127.0.0.1:$SNMP_PORT&module=$1&auth=$1"
}

# ---- comparing ------------------------------------------------------------------------------

# Metric lines of our tables as lines of figures, in whole numbers.
prom_lines() { # FILE
	awk '
	function label(name) {
		if (!match($0, "[{,]" name "=\"[^\"]*\"")) return "-"
		return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
	}
	/^ctm(Container|Address)(Node)?(In|Out)(Octets|Pkts)[{]/ {
		path = match($0, "^ctm[A-Za-z]*Node") ? "node" : "fwd"
		way = match($0, "^[A-Za-z]*In[OP]") ? "in" : "out"
		unit = match($0, "^[A-Za-z]*Octets") ? "octets" : "pkts"
		printf "%s %s %s-%s.%s %.0f\n", label("ctmContainerId"), label("ctmAddressText"), path, way, unit, $NF
	}' "$1"
}

# Metric lines of the switch view: "ctCTID in|out octets|pkts VALUE".
prom_port_lines() { # FILE
	sed -nE 's/^ifHC(In|Out)(Octets|UcastPkts)\{ifAlias="[a-z.]+",.*ifIndex="[0-9]+",ifName="(ct[0-9]+)"\} (.*)/\3 \1 \2 \4/p' "$1" |
		awk '{ printf "%s %s %s %.0f\n", $1, tolower($2), $3 == "Octets" ? "octets" : "pkts", $4 }'
}

prom_port_samples() {
	local way name
	for way in In Out; do
		for name in Octets UcastPkts; do
			prom_query "ifHC$way$name" ".metric.ifName, \"${way,,}\", \"$name\", .value[1]"
		done
	done | sed 's/Octets/octets/; s/UcastPkts/pkts/' | tr '\t' ' '
}

# Each port's figures are forwarded and node traffic together, and there is no other port.
prom_check_ports() { # LABEL FILE
	local ct way
	for ct in 101 102 103; do
		for way in in out; do
			echo "ct$ct $way octets $(nms_octets $ct - $way)"
			echo "ct$ct $way pkts $(nms_pkts $ct - $way)"
		done
	done | sort >"$NMS/ports.wanted"
	assert_eq "$1: ports" '' "$(sort "$2" | diff "$NMS/ports.wanted" -)"
}

# The same of what Prometheus has.
prom_samples() {
	local path name
	for path in "${!PROM_COLUMN[@]}"; do
		for name in Container Address; do
			prom_query "ctm$name${PROM_COLUMN[$path]}" \
				".metric.ctmContainerId, .metric.ctmAddressText // \"-\", \"$path\", .value[1]"
		done
	done | tr '\t' ' '
}

# A file of figures against the book: none missing, none too many, each the same.
prom_check_tables() { # LABEL FILE
	local ct a path wanted key value
	local -A got=()
	while read -r ct a path value; do got["$ct $a $path"]=$value; done <"$2"
	while read -r ct a path wanted _; do
		key="$ct $a $path"
		assert_eq "$1, $key" "$wanted" "${got[$key]-missing}"
	done < <(book_lines)
	assert_eq "$1: as many as the book has" "$(book_lines | wc -l)" "${#got[@]}"
}

prom_agrees() { # for await: what Prometheus has is the book's
	prom_samples >"$NMS/samples"
	prom_port_samples >"$NMS/port-samples"
	(
		FAILED=0
		prom_check_tables sample "$NMS/samples" >/dev/null
		prom_check_ports sample "$NMS/port-samples" >/dev/null
		[ "$FAILED" -eq 0 ]
	)
}

# ---- the dashboard --------------------------------------------------------------------------

# A query of the dashboard as Grafana would send it with everything chosen.
prom_unvary() { # PROMQL
	sed 's/\$__rate_interval/10s/g; s/\$__range_s/600/g; s/\$__range/10m/g; s/\$instance/.*/g; s/\$container/.*/g' <<<"$1"
}

# The greatest value a query had in the last minutes; nothing, where it had no data.
prom_greatest() { # PROMQL
	local now
	now=$(($(date +%s) + 1)) # whole seconds: what came in this one counts too
	curl -sG "$PROM/api/v1/query_range" --data-urlencode "query=$1" \
		-d "start=$((now - 300))" -d "end=$now" -d step=1 |
		jq -r '[.data.result[].values[][1] | tonumber] | max // empty'
}

# Each query has data, each graph's data is more than 0 somewhere, each variable has its values.
prom_dashboard() { # FILE
	local title ref kind expr label metric count=0
	while IFS=$'\t' read -r title ref kind expr; do
		count=$((count + 1))
		expr=$(prom_unvary "$expr")
		assert_eq "nothing of Grafana is left in $expr" "${expr//\$/}" "$expr"
		case $kind in
		now) assert_ok "$title $ref: $expr" prom_some "$expr" ;;
		*) assert_match "$title $ref: $expr" '^[0-9.e+-]*[1-9]' "$(prom_greatest "$expr")" ;;
		esac
	done < <(jq -r '
		(.panels[] | .title as $t | .targets[]? |
			[$t, .refId, if .instant then "now" else "graph" end, .expr]),
		(.annotations.list[] | [.name, "annotation", "graph", .expr]) | @tsv' "$1")
	assert_ge 'queries of the dashboard' 20 "$count"
	while IFS=$'\t' read -r title metric label; do
		assert_ge "values of the variable $title" 1 \
			"$(curl -sG "$PROM/api/v1/label/$label/values" --data-urlencode "match[]=$(prom_unvary "$metric")" |
				jq '.data | length')"
	done < <(jq -r '.templating.list[] | select(.type == "query") | .query.query |
		capture("label_values\\((?<m>.*), (?<l>[a-zA-Z]+)\\)") | [.l, .m, .l] | @tsv' "$1")
}
