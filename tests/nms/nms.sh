# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of real monitoring systems share. A test does
#
#   . "$(dirname "$0")/../netns/lab.sh"
#   . "$(dirname "$0")/nms.sh"
#   nms_needs PACKAGE:COMMAND PACKAGE:/A/FILE ...   # or SKIP, saying which are missing
#   nms_enter "$@"                                  # in lab_enter's place
#   nms_cover /etc/PACKAGE                          # a copy to write to, in its place
#   nms_lab                                         # node, snmpd with both views, ctmeterd
#   nms_start NAME USER COMMAND...                  # a server, with a log and a pid
#   nms_await NAME SECONDS COMMAND...               # until COMMAND succeeds
#   nms_traffic A; nms_octets 101 - in              # known octets, and what a port must show
#   nms_screenshot URL FILE.png                     # into $B/nms/screenshots; and does it
#   nms_pixels FILE.png RRGGBB                      # show a curve of that colour?
#   nms_end
#
# 1. Everything lives in the lab's namespaces: any port is free, no packet leaves, and whatever
#    runs is gone when the test is. Files are below $NMS, on the lab's private tmpfs.
# 2. Servers run as the user they run as on a real machine, so this needs root itself.

NMS=             # scratch, open to every user
NMS_MISSING=()   # packages
NMS_NAMES=()     # servers, in the order of their start
declare -A NMS_PIDS=()
NMS_SHOTS=$B/nms/screenshots

# The SNMPv3 user of the lab: authPriv, SHA and AES, for both views.
NMS_V3_USER=labmon
NMS_V3_AUTH=lab-auth-$RANDOM$RANDOM
NMS_V3_PRIV=lab-priv-$RANDOM$RANDOM
# shellcheck disable=SC2034 # for the tests
NMS_V3=(-v3 -l authPriv -u "$NMS_V3_USER" -a SHA -A "$NMS_V3_AUTH" -x AES -X "$NMS_V3_PRIV")

# ---- entering -------------------------------------------------------------------------------

nms_needs() { # PACKAGE:COMMAND or PACKAGE:/A/FILE ...
	local need thing
	for need; do
		thing=${need#*:}
		case $thing in
		/*) [ -e "$thing" ] ;;
		*) command -v "$thing" >/dev/null ;;
		esac || NMS_MISSING+=("${need%%:*}")
	done
	[ ${#NMS_MISSING[@]} -eq 0 ] || skip "packages are missing: ${NMS_MISSING[*]}"
}

nms_enter() { # "$@"
	if [ -z "${LAB_INSIDE-}" ]; then
		[ "$EUID" -eq 0 ] || skip 'servers run as users of their own: this needs root'
		lab_probe || skip "$LAB_REFUSAL"
		[[ " ${LAB_UNSHARE[*]} " != *' --user '* ]] || skip 'this root may not make namespaces'
	fi
	lab_enter "$@"
	NMS=/run/nms
	mkdir -m 1777 "$NMS" "$NMS/home"
	export HOME=$NMS/home TMPDIR=$NMS LC_ALL=C.UTF-8 TZ=UTC
	unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY no_proxy NO_PROXY
}

# A writable twin of what a package has in DIRECTORY, in its place, for this test alone.
nms_cover() { # DIRECTORY...
	local dir twin
	for dir; do
		twin=$NMS/covers$dir
		mkdir -p "$twin"
		cp -a "$dir/." "$twin"
		chown --reference="$dir" "$twin"
		chmod --reference="$dir" "$twin"
		mount --bind "$twin" "$dir"
	done
}

# ---- the node -------------------------------------------------------------------------------

# snmpd with the v3 user too. It is told of the user in its configuration, since the lab's snmpd
# reads no other file.
nms_snmpd_start() { # [EXTRA CONFIGURATION LINE...]
	lab_snmpd_start "createUser $NMS_V3_USER SHA $NMS_V3_AUTH AES $NMS_V3_PRIV" \
		"group v3Group usm $NMS_V3_USER" \
		'access v3Group ""         usm priv exact ctmeter none none' \
		'access v3Group containers usm priv exact ctports none none' "$@"
}

nms_ports_serve() { COMMUNITY=$COMMUNITY-ct snmp_number .1.3.6.1.2.1.2.1.0; }

# Network, snmpd that grants $COMMUNITY the tables, $COMMUNITY-ct the switch view and the v3 user
# both, and ctmeterd with the usual inventory; returns when both views are served.
nms_lab() { # [EXTRA CONFIGURATION LINE FOR snmpd...]
	lab_network
	lab_inventory_usual
	nms_snmpd_start "$@"
	lab_ctmeterd_start
	await 10 snmp_serves || fail 'the tables are not served'
	await 10 nms_ports_serve || fail 'the switch view is not served'
	ctmeter refresh >/dev/null || fail 'ctmeter refresh'
}

# ---- servers --------------------------------------------------------------------------------

# Become COMMAND as USER, with that user's groups; for the background, so that its pid is the job's.
nms_exec() { # USER COMMAND...
	local user=$1
	shift
	exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups -- "$@"
}
nms_as() { (nms_exec "$@"); }

# A server in the background; its output goes to $NMS/NAME.log, which grows over restarts.
nms_start() { # NAME USER COMMAND...
	local name=$1
	shift
	nms_exec "$@" </dev/null >>"$NMS/$name.log" 2>&1 9>&- &
	NMS_PIDS[$name]=$!
	NMS_NAMES+=("$name")
}

nms_runs() { kill -0 "${NMS_PIDS[$1]}" 2>/dev/null; } # NAME

# Up, or dead and not worth waiting for.
nms_await() { # NAME SECONDS COMMAND...
	local name=$1 seconds=$2
	shift 2
	nms_settled() { "$@" || ! nms_runs "$name"; }
	if await "$seconds" nms_settled "$@" && nms_runs "$name"; then
		pass
		return 0
	fi
	if nms_runs "$name"; then fail "$name: not within $seconds s: $*"
	else fail "$name has ended"; fi
	nms_log "$name" 40
	return 1
}

nms_log() { # NAME [LINES]
	[ ! -s "$NMS/$1.log" ] || { echo "---- the end of $1.log"; tail -n "${2:-20}" "$NMS/$1.log"; }
}

# TERM, and KILL for what has not ended after 20 s.
nms_stop() { # NAME
	local pid=${NMS_PIDS[$1]-}
	[ -n "$pid" ] || return 0
	kill "$pid" 2>/dev/null
	nms_gone() { ! kill -0 "$pid"; }
	await 20 nms_gone || kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	unset "NMS_PIDS[$1]"
}

nms_end() {
	local i
	for ((i = ${#NMS_NAMES[@]} - 1; i >= 0; i--)); do
		[ "$FAILED" -eq 0 ] || nms_log "${NMS_NAMES[i]}"
		nms_stop "${NMS_NAMES[i]}"
	done
	lab_end
}

# Something listens on PORT of the loopback.
nms_listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); } # PORT

# ---- traffic --------------------------------------------------------------------------------

# Every address sends and receives, forwarded and with the node, and no two figures are the same.
# FACTOR makes more of it (about 2.6 MB each). Returns when all of it is served: an answer may be as
# old as half a second, so whoever polls at once after a lab_flow needs a book_check first.
nms_traffic() { # [FACTOR]
	local n=${1:-1} a out node i=1
	for a in "${LAB_ADDRESSES[@]}"; do
		out=198.51.100.2 node=198.51.100.1
		[[ $a != *:* ]] || out=2001:db8:f::2 node=2001:db8:f::1
		lab_flow "$out" "$a" $((n * (200 + 40 * i))) $((800 + i))
		lab_flow "$a" "$out" $((n * (100 + 10 * i))) $((300 + i))
		lab_flow "$node" "$a" $((n * (10 + i))) $((500 + i))
		lab_flow "$a" "$node" $((n * (5 + i))) $((200 + i))
		i=$((i + 1))
	done
	lab_flow 192.0.2.101 192.0.2.102 $((n * 50)) 1000
	book_check 'the traffic that was sent is served'
}

# Octets that must be served: of an address, or with "-" of the container; forwarded plus node, as
# the switch view's ports count. One path alone is ${BOOK["CTID ADDR fwd-in.octets"]}.
nms_octets() { # CTID ADDR in|out
	echo $((${BOOK["$1 $2 fwd-$3.octets"]:-0} + ${BOOK["$1 $2 node-$3.octets"]:-0}))
}
nms_pkts() { # CTID ADDR in|out
	echo $((${BOOK["$1 $2 fwd-$3.pkts"]:-0} + ${BOOK["$1 $2 node-$3.pkts"]:-0}))
}

# ---- screenshots ----------------------------------------------------------------------------

# A page in headless Chromium, as a PNG of some 10 kB in $NMS_SHOTS. Each has a profile of its own;
# scripts get up to MS milliseconds of their own clock (10,000) to draw.
nms_screenshot() { # URL FILE.png [WIDTH,HEIGHT [MS]]
	local profile=$NMS/chromium.$RANDOM$RANDOM shot=$NMS/shot.$RANDOM.png size=${3:-1200,900}
	mkdir -p "$profile" "$NMS_SHOTS"
	# The page gets less than the window's height; what is too much is cut off below.
	timeout -k 2 120 chromium --headless=new --no-sandbox --disable-gpu --disable-quic \
		--no-first-run --disable-background-networking --disable-component-update \
		--disable-sync --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$profile" \
		--window-size="${size%,*},$((${size#*,} + 200))" \
		--virtual-time-budget="${4:-10000}" --screenshot="$shot" "$1" \
		</dev/null >>"$NMS/chromium.log" 2>&1 9>&-
	rm -rf "$profile"
	if nms_crop "$shot" "$size" "$NMS_SHOTS/$2"; then
		pass
	else
		fail "no screenshot of $1"
		nms_log chromium
		return 1
	fi
}

# The upper part of a PNG, in 64 colours.
nms_crop() { # FILE WIDTH,HEIGHT RESULT
	php -r '
		[$width, $height] = explode(",", $argv[2]);
		$picture = @imagecreatefrompng($argv[1]) or exit(1);
		$part = imagecrop($picture,
			["x" => 0, "y" => 0, "width" => (int)$width, "height" => (int)$height]);
		imagetruecolortopalette($part, false, 64);
		exit(imagepng($part, $argv[3], 9) ? 0 : 1);' "$@"
}

# How many pixels of a screenshot have about this colour: whether a curve is there to be seen.
nms_pixels() { # FILE.png RRGGBB
	php -r '
		$picture = @imagecreatefrompng($argv[1]) or exit(1);
		imagepalettetotruecolor($picture);
		$count = 0;
		for ($x = 0; $x < imagesx($picture); $x++) {
			for ($y = 0; $y < imagesy($picture); $y++) {
				$colour = imagecolorat($picture, $x, $y);
				$far = 0;
				foreach ([16, 8, 0] as $bit) {
					$far = max($far,
						abs(($colour >> $bit & 255) - (hexdec($argv[2]) >> $bit & 255)));
				}
				$count += $far < 24;
			}
		}
		print $count;' "$NMS_SHOTS/$1" "$2"
}
