#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# snmptrapd's traphandle for Zabbix: appends a notification to FILE in the form that zabbix_server
# reads (SNMPTrapperFile). In snmptrapd.conf:
#
#   traphandle default /usr/local/sbin/zabbix-traphandle.sh FILE
#
# On stdin are the sender's name, "UDP: [ADDRESS]:PORT->...", and a line for each object. Zabbix
# assigns the notification to the host with an SNMP interface at ADDRESS.
set -eu

read -r _
read -r transport
address=${transport#*\[}
address=${address%%\]*}

# One write for all of it, so that two concurrent notifications do not mix.
text=$(cat)
printf '%s ZBXTRAP %s\n%s\n\n' "$(date +%Y-%m-%dT%H:%M:%S%z)" "$address" "$text" >>"$1"
