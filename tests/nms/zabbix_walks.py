# SPDX-License-Identifier: GPL-2.0-or-later
"""The template for Zabbix 7.0 against the one for 6.0, which the server here runs: each figure is cut out
of a walk that fetches it, and is the OID that the other template asks for.

usage: zabbix_walks.py TEMPLATE-6.0 TEMPLATE-7.0; prints what is wrong, and how many were compared."""
import sys

import yaml


def template(path):
    with open(path) as f:
        return yaml.safe_load(f)["zabbix_export"]["templates"][0]


def prototypes(rules):
    return {p["key"]: p for rule in rules for p in rule.get("item_prototypes", [])}


def oids_of(walk):
    assert walk.startswith("walk[") and walk.endswith("]"), walk
    return walk[5:-1].split(",")


def macros_of(discovery):
    assert discovery.startswith("discovery[") and discovery.endswith("]"), discovery
    words = discovery[10:-1].split(",")
    return list(zip(words[0::2], words[1::2]))


def steps(item, kind):
    return [step["parameters"] for step in item.get("preprocessing", []) if step["type"] == kind]


def main(old_path, new_path):
    old, new = template(old_path), template(new_path)
    walks = {i["key"]: oids_of(i["snmp_oid"]) for i in new["items"] if i.get("snmp_oid", "").startswith("walk[")}
    asked = {key: p["snmp_oid"] for key, p in prototypes(old["discovery_rules"]).items() if "snmp_oid" in p}
    discovered = {r["key"]: macros_of(r["snmp_oid"]) for r in old["discovery_rules"]}
    compared = 0

    def master(item):
        return walks[item["master_item"]["key"]]

    for rule in new["discovery_rules"]:
        for parameters in steps(rule, "SNMP_WALK_TO_JSON"):
            pairs = list(zip(parameters[0::3], parameters[1::3]))
            for macro, oid in pairs:
                compared += 1
                if oid not in master(rule):
                    print(f"{rule['key']} discovers {oid}, which {rule['master_item']['key']} does not walk")
            if pairs != discovered.get(rule["key"]):
                print(f"{rule['key']} discovers {pairs}, not what the template for 6.0 does")
    for key, item in prototypes(new["discovery_rules"]).items():
        for oid, *_ in steps(item, "SNMP_WALK_VALUE"):
            compared += 1
            column = oid.replace(".{#SNMPINDEX}", "")
            if column == oid or column not in master(item):
                print(f"{key} takes {oid}, which {item['master_item']['key']} does not walk")
            if asked.pop(key, None) != oid:
                print(f"{key} takes {oid}, not what the template for 6.0 does")
    for key, oid in asked.items():
        if prototypes(new["discovery_rules"])[key].get("snmp_oid") != oid:
            print(f"{key} ({oid}) is asked for by the template for 6.0 alone")
    print(f"{compared} compared")


main(*sys.argv[1:])
