# SPDX-License-Identifier: GPL-2.0-or-later
"""Module if_mib as the exporter's authors ship it for switches: both of IF-MIB's subtrees walked whole,
the columns that the switch view has as metrics, each labelled with ifAlias, ifDescr and ifName.

usage: if_mib.py COMMUNITY old|new     (the exporter's form up to 0.22, or since)
Written by hand, since their generator needs IF-MIB, which Debian does not package."""
import sys

import yaml

IF_TABLE = "1.3.6.1.2.1.2.2.1."
IF_X_TABLE = "1.3.6.1.2.1.31.1.1.1."
LABELS = {"ifAlias": IF_X_TABLE + "18", "ifDescr": IF_TABLE + "2", "ifName": IF_X_TABLE + "1"}
COLUMNS = {  # name: (OID, type)
    "ifIndex": (IF_TABLE + "1", "gauge"),
    "ifType": (IF_TABLE + "3", "gauge"),
    "ifMtu": (IF_TABLE + "4", "gauge"),
    "ifSpeed": (IF_TABLE + "5", "gauge"),
    "ifPhysAddress": (IF_TABLE + "6", "PhysAddress48"),
    "ifAdminStatus": (IF_TABLE + "7", "gauge"),
    "ifOperStatus": (IF_TABLE + "8", "gauge"),
    "ifLastChange": (IF_TABLE + "9", "gauge"),
    "ifInOctets": (IF_TABLE + "10", "counter"),
    "ifInUcastPkts": (IF_TABLE + "11", "counter"),
    "ifInDiscards": (IF_TABLE + "13", "counter"),
    "ifInErrors": (IF_TABLE + "14", "counter"),
    "ifOutOctets": (IF_TABLE + "16", "counter"),
    "ifOutUcastPkts": (IF_TABLE + "17", "counter"),
    "ifOutDiscards": (IF_TABLE + "19", "counter"),
    "ifOutErrors": (IF_TABLE + "20", "counter"),
    "ifHCInOctets": (IF_X_TABLE + "6", "counter"),
    "ifHCInUcastPkts": (IF_X_TABLE + "7", "counter"),
    "ifHCOutOctets": (IF_X_TABLE + "10", "counter"),
    "ifHCOutUcastPkts": (IF_X_TABLE + "11", "counter"),
    "ifLinkUpDownTrapEnable": (IF_X_TABLE + "14", "gauge"),
    "ifHighSpeed": (IF_X_TABLE + "15", "gauge"),
    "ifConnectorPresent": (IF_X_TABLE + "17", "gauge"),
    "ifCounterDiscontinuityTime": (IF_X_TABLE + "19", "gauge"),
}


def metric(name, oid, kind):
    return {"name": name, "oid": oid, "type": kind, "help": name,
            "indexes": [{"labelname": "ifIndex", "type": "gauge"}],
            "lookups": [{"labels": ["ifIndex"], "labelname": label, "oid": at, "type": "DisplayString"}
                        for label, at in LABELS.items()]}


def main(community, form):
    credentials = {"community": community}
    module = {"walk": ["1.3.6.1.2.1.2", "1.3.6.1.2.1.31.1.1"], "get": ["1.3.6.1.2.1.1.3.0"],
              "metrics": [{"name": "sysUpTime", "oid": "1.3.6.1.2.1.1.3", "type": "gauge", "help": "sysUpTime"},
                          {"name": "ifNumber", "oid": "1.3.6.1.2.1.2.1", "type": "gauge", "help": "ifNumber"}]
              + [metric(name, *what) for name, what in COLUMNS.items()]}
    if form == "old":
        made = {"if_mib": dict(module, version=2, auth=credentials)}
    else:
        made = {"auths": {"if_mib": dict(credentials, version=2)}, "modules": {"if_mib": module}}
    yaml.safe_dump(made, sys.stdout)


main(*sys.argv[1:])
