# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Rules of other programs, for the tests that we leave them alone. Needs the iptables-legacy
# commands.

foreign_tools() {
	local tool
	for tool in iptables-legacy ip6tables-legacy iptables-legacy-save ip6tables-legacy-save \
		iptables-legacy-restore ip6tables-legacy-restore; do
		command -v "$tool" >/dev/null || skip "the command '$tool' is not installed"
	done
}

# User chains with jumps and gotos, stateful matches, marks, a policy, and counters that are not 0:
# what a node may have before we come.
foreign_rules() { # 4|6
	local restore=iptables-legacy-restore net=203.0.113.0/24
	[ "$1" = 4 ] || { restore=ip6tables-legacy-restore; net=2001:db8:99::/48; }
	"$restore" -c <<-END
		*mangle
		:PREROUTING ACCEPT [11:1111]
		:INPUT ACCEPT [12:1212]
		:FORWARD ACCEPT [13:1313]
		:OUTPUT ACCEPT [14:1414]
		:POSTROUTING ACCEPT [15:1515]
		:shaping - [0:0]
		:shaping-more - [0:0]
		[101:10100] -A PREROUTING -s $net -j MARK --set-xmark 0x1/0xff
		[102:10200] -A FORWARD -s $net -j shaping
		[103:10300] -A FORWARD -d $net -g shaping-more
		[104:10400] -A FORWARD -d $net -m limit --limit 5/sec --limit-burst 9 -j ACCEPT
		[105:10500] -A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
		[106:10600] -A INPUT -s $net -m comment --comment "hello, \"world\"" -j ACCEPT
		[107:10700] -A OUTPUT -d $net -m quota --quota 123456 -j ACCEPT
		[108:10800] -A shaping -p udp -m udp --dport 53 -j shaping-more
		[109:10900] -A shaping -m statistic --mode nth --every 3 --packet 0 -j RETURN
		[110:11000] -A shaping-more -m multiport -p tcp --dports 80,443 -j DSCP --set-dscp 0x0a
		COMMIT
		*filter
		:INPUT ACCEPT [21:2121]
		:FORWARD ACCEPT [22:2222]
		:OUTPUT ACCEPT [23:2323]
		:tenants - [0:0]
		[201:20100] -A FORWARD -s $net -j tenants
		[202:20200] -A INPUT -p tcp -m tcp --dport 25 -j REJECT
		[203:20300] -A tenants -p udp -m udp --sport 1:1023 -j DROP
		COMMIT
	END
}

# Both tables of a family as text with counters, without the comments that contain the time, and on
# request without our chains and the jumps to them. The counters of policies that the loopback
# traffic of our SNMP requests changes are removed.
foreign_save() { # 4|6 [without-ours]
	local save=iptables-legacy-save drop='^#'
	[ "$1" = 4 ] || save=ip6tables-legacy-save
	[ $# -eq 1 ] || drop+='|ctm'
	{ "$save" -c -t mangle && "$save" -c -t filter; } | grep -vE "$drop" |
		sed -E 's/^(:(INPUT|OUTPUT|PREROUTING|POSTROUTING) [A-Z]+) \[.*/\1/'
}
