#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A pass_persist script as people write them, serving constants: pass_persist.py DUMP

DUMP holds "OID TYPE VALUE" lines in OID order. GET is a dictionary, GETNEXT a bisection of the
sorted names; snmpd asks one OID at a time through the script's standard input and output.
"""
import bisect
import sys

names, values = [], {}
with open(sys.argv[1], encoding="utf-8") as dump:
    for line in dump:
        oid, kind, value = line.rstrip("\n").split(" ", 2)
        name = tuple(map(int, oid[1:].split(".")))
        names.append(name)
        values[name] = f"{oid}\n{kind}\n{value}\n"


def find(command, name):
    if command == "get":
        return values.get(name, "NONE\n")
    place = bisect.bisect_right(names, name)
    return values[names[place]] if place < len(names) else "NONE\n"


for request in sys.stdin:
    request = request.strip()
    if request == "PING":
        answer = "PONG\n"
    elif request in ("get", "getnext"):
        oid = sys.stdin.readline().strip()
        answer = find(request, tuple(map(int, oid.strip(".").split("."))))
    else:  # set, with its two further lines
        sys.stdin.readline()
        sys.stdin.readline()
        answer = "not-writable\n"
    sys.stdout.write(answer)
    sys.stdout.flush()
