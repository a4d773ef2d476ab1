#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: telegraf_poll.py CONFIG SECONDS

Poll what Telegraf's SNMP input would by CONFIG, with net-snmp's tools, and print what it would
write: InfluxDB line protocol, at the time SECONDS. Every OID must answer; a key that the input does
not have is an error.
"""
import re
import subprocess
import sys
import tomllib

INPUT_KEYS = {"agents", "version", "community", "interval", "timeout", "retries", "name",
              "max_repetitions", "agent_host_tag", "sec_level", "sec_name", "auth_protocol",
              "auth_password", "priv_protocol", "priv_password", "context_name", "field", "table"}
TABLE_KEYS = {"name", "field"}
FIELD_KEYS = {"name", "oid", "is_tag"}


def snmp(tool, plugin, oid):
    """(OID, value) pairs below an OID; text is str, numbers are int."""
    agent = plugin["agents"][0].removeprefix("udp://")
    run = subprocess.run(
        [tool, f"-v{plugin['version']}c", "-c", plugin["community"], "-Onqte", "-m", "", "-M", "",
         agent, oid], capture_output=True, text=True, check=False)
    for line in run.stdout.splitlines():
        where, _, value = line.partition(" ")
        if value.startswith('"') and value.endswith('"'):
            yield where, value[1:-1]
        elif re.fullmatch(r"\d+", value):
            yield where, int(value)


def known(what, keys):
    """Telegraf refuses keys it does not know."""
    assert set(what) <= keys, f"no such key: {set(what) - keys}"


def line(name, tags, fields, seconds):
    """One point. Tags with an empty value are left out, as Telegraf does."""
    def tag(text):
        return re.sub(r"([,= ])", r"\\\1", text)
    tags = "".join(f",{tag(k)}={tag(str(v))}" for k, v in sorted(tags.items()) if v != "")
    fields = ",".join(f'{k}={v}i' if isinstance(v, int) else f'{k}="{v}"'
                      for k, v in sorted(fields.items()))
    return f"{tag(name)}{tags} {fields} {seconds}"


def poll_table(plugin, table, seconds, host):
    """Rows are what has the same index, whatever the column."""
    known(table, TABLE_KEYS)
    rows = {}
    for field in table["field"]:
        known(field, FIELD_KEYS)
        column = field["oid"] + "."
        found = [(oid[len(column):], value) for oid, value in
                 snmp("snmpbulkwalk", plugin, field["oid"]) if oid.startswith(column)]
        assert found, f"{table['name']} {field['name']}: {field['oid']} has no value"
        for index, value in found:
            tags, fields = rows.setdefault(index, ({plugin["agent_host_tag"]: host}, {}))
            (tags if field.get("is_tag") else fields)[field["name"]] = value
    columns = {f["name"] for f in table["field"] if not f.get("is_tag")}
    for tags, fields in rows.values():
        assert set(fields) == columns, f"{table['name']} {tags}: {columns - set(fields)} missing"
        assert len(tags) > 1, f"a row without tags: {fields}"
        yield line(table["name"], tags, fields, seconds)


def poll(plugin, seconds):
    """All points of one [[inputs.snmp]]."""
    known(plugin, INPUT_KEYS)
    host = re.sub(r"^udp://|:\d+$", "", plugin["agents"][0])
    fields = {}
    for field in plugin.get("field", []):
        known(field, FIELD_KEYS)
        values = [value for _, value in snmp("snmpget", plugin, field["oid"])]
        assert len(values) == 1, f"{field['name']}: {field['oid']} has no value"
        fields[field["name"]] = values[0]
    if fields:
        yield line(plugin["name"], {plugin["agent_host_tag"]: host}, fields, seconds)
    for table in plugin.get("table", []):
        yield from poll_table(plugin, table, seconds, host)


def main():
    """Print the points of every input."""
    with open(sys.argv[1], "rb") as file:
        config = tomllib.load(file)
    assert list(config) == ["inputs"] and list(config["inputs"]) == ["snmp"]
    for plugin in config["inputs"]["snmp"]:
        for point in poll(plugin, sys.argv[2]):
            print(point)


main()
