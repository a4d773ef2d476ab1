# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a service manager would read in the unit file $UNIT, and make of it.

of_unit() { sed -n "s/^$1=//p" "$UNIT"; } # KEY: its values

caps_of_unit() { # KEY: as setpriv writes them
	local cap list=-all
	for cap in $(of_unit "$1"); do
		cap=${cap#CAP_}
		list+=",+${cap,,}"
	done
	echo "$list"
}

# In this process's place: no more privileges than the unit gives, and no way to get them.
exec_limited() { # SETPRIV-OPTION... COMMAND...
	exec setpriv --no-new-privs --bounding-set "$(caps_of_unit CapabilityBoundingSet)" \
		--inh-caps "$(caps_of_unit AmbientCapabilities)" \
		--ambient-caps "$(caps_of_unit AmbientCapabilities)" "$@"
}
