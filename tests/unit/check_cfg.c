/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cfg.h"

#include "base/xalloc.h"
#include "inventory/source_kind.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cfg *parse_ok(const char *text)
{
	struct cfg *cfg = NULL;
	struct err e = { "" };
	int rc = cfg_parse(text, "t.conf", source_check, &cfg, &e);

	ck_assert_msg(rc == 0, "%s", e.text);
	return cfg;
}

/* The text must be refused with a message that holds each of the n parts. */
static void refuse(const char *text, const char *const *parts, size_t n)
{
	struct cfg *cfg = NULL;
	struct err e = { "" };

	ck_assert_int_eq(cfg_parse(text, "t.conf", source_check, &cfg, &e), -EINVAL);
	ck_assert_ptr_null(cfg);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(strstr(e.text, parts[i]), "'%s' is not in '%s'", parts[i], e.text);
}

#define ck_assert_refused(text, ...)                     \
	do {                                             \
		const char *parts_[] = { __VA_ARGS__ };  \
		refuse(text, parts_, ARRAY_LEN(parts_)); \
	} while (0)

static void assert_defaults(const struct cfg *c)
{
	char host[256], name[300];

	ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
	snprintf(name, sizeof(name), "containers@%s", host);
	ck_assert_str_eq(c->agentx.socket, "/var/agentx/master");
	ck_assert_str_eq(c->agentx.context, "containers");
	ck_assert(c->agentx.notifications);
	ck_assert_int_eq(c->netfilter.backend, CFG_BACKEND_AUTO);
	ck_assert_str_eq(c->netfilter.table, "mangle");
	ck_assert(c->netfilter.node_traffic);
	ck_assert_uint_eq(c->inventory.n_sources, 1);
	ck_assert_str_eq(c->inventory.sources[0], "auto");
	ck_assert_uint_eq(c->inventory.interval_s, 10);
	ck_assert_uint_eq(c->inventory.retire_after_s, 86400);
	ck_assert_uint_eq(c->inventory.max_rows, 100000);
	ck_assert_uint_eq(c->inventory.max_addresses, 1024);
	ck_assert_str_eq(c->ledger.path, "/var/lib/ctmeter/ledger.db");
	ck_assert_uint_eq(c->ledger.checkpoint_s, 10);
	ck_assert_str_eq(c->ports.name, name);
	ck_assert_int_eq(c->ports.direction, CFG_DIRECTION_CONTAINER);
	ck_assert_uint_eq(c->ports.speed_mbits, 0);
	ck_assert_ptr_null(c->ports.location);
	ck_assert_ptr_null(c->ports.contact);
	ck_assert_uint_eq(c->ports.framing_octets, 0);
	ck_assert_ptr_null(c->ship.database);
	ck_assert_uint_eq(c->ship.rate, 5000);
	ck_assert_str_eq(c->ship.node, host);
	ck_assert_uint_eq(c->billing.start_day, 1);
	ck_assert_str_eq(zone_name_of(c->billing.zone), "UTC");
	ck_assert_uint_eq(c->billing.quota.octets, BILLING_NO_QUOTA);
	ck_assert_int_eq((int)c->billing.quota.counts, BILLING_COUNTS_BOTH);
	ck_assert_uint_eq(c->billing.thresholds.n, 3);
	ck_assert_uint_eq(c->billing.thresholds.percent[2], 100);
	ck_assert_ptr_null(c->billing.hook);
	ck_assert_str_eq(c->control.socket, "/run/ctmeter/control.sock");
}

START_TEST(cfg_parse_empty_gives_defaults)
{
	static const char *const texts[] = {
		"", "\n\n", "# nothing\n; here\n", "\xef\xbb\xbf", "[agentx]\n[agentx]\n", "\r\n"
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct cfg *c = parse_ok(texts[i]);

		assert_defaults(c);
		cfg_free(c);
	}
}
END_TEST

static void assert_links(const struct cfg *c, const char *expected)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < c->netfilter.n_links; i++) {
		const struct cfg_link *l = &c->netfilter.links[i];
		char *more = xasprintf("%s%s %s; ", text, l->name,
				       l->side == CFG_SIDE_UPLINK ? "up" : "ct");

		free(text);
		text = more;
	}
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(cfg_parse_every_key_is_taken)
{
	struct cfg *c =
		parse_ok("[agentx]\nsocket = tcp:localhost:705 ; inline comment\n"
			 "context=\nnotifications = no\n"
			 "[netfilter]\nbackend = fake\ntable = filter\nnode-traffic = no\n"
			 "link = eth0\nlink = venet0\nlink = br.7@a \tcontainers ; x\n"
			 "link = venet1 uplink\n"
			 "[inventory]\nsource = vz\n\tsource = file:/etc/c;t/list\n"
			 "source=command:/bin/x -a \"b c\" ; x\n"
			 "source=command:\"/opt/my script\" a\n"
			 "source=file:/etc/my list\n"
			 "interval = 1\nretire-after = 0\nmax-rows = 1000000\n"
			 "max-addresses = 1\n"
			 "[ledger]\npath = /l\ncheckpoint = 3600\n"
			 "[ports]\nname = a-HOSTNAME-b\ndirection = port\nspeed = 400000\n"
			 "framing = 18\n"
			 "[ship]\ndatabase = host=a sslmode=verify-full\nnode = b\nrate = 1\n"
			 "[billing]\nstart-day = 31\ntime-zone = UTC\nquota = 1.5 TiB\n"
			 "quota-counts = larger\nthresholds = 100% 50\n"
			 "hook = /bin/x \"a b\"\n"
			 "[control]\nsocket = /c\r\n");
	char host[256], name[300];

	ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
	snprintf(name, sizeof(name), "a-%s-b", host);
	ck_assert_str_eq(c->agentx.socket, "tcp:localhost:705");
	ck_assert_str_eq(c->agentx.context, "");
	ck_assert(!c->agentx.notifications);
	ck_assert_int_eq(c->netfilter.backend, CFG_BACKEND_FAKE);
	ck_assert_str_eq(c->netfilter.table, "filter");
	ck_assert(!c->netfilter.node_traffic);
	assert_links(c, "eth0 up; venet0 ct; br.7@a ct; venet1 up; ");
	ck_assert_uint_eq(c->inventory.n_sources, 5);
	ck_assert_str_eq(c->inventory.sources[0], "vz");
	ck_assert_str_eq(c->inventory.sources[1], "file:/etc/c;t/list");
	ck_assert_str_eq(c->inventory.sources[2], "command:/bin/x -a \"b c\"");
	ck_assert_str_eq(c->inventory.sources[3], "command:\"/opt/my script\" a");
	ck_assert_str_eq(c->inventory.sources[4], "file:/etc/my list");
	ck_assert_uint_eq(c->inventory.interval_s, 1);
	ck_assert_uint_eq(c->inventory.retire_after_s, 0);
	ck_assert_uint_eq(c->inventory.max_rows, 1000000);
	ck_assert_uint_eq(c->inventory.max_addresses, 1);
	ck_assert_str_eq(c->ledger.path, "/l");
	ck_assert_uint_eq(c->ledger.checkpoint_s, 3600);
	ck_assert_str_eq(c->ports.name, name);
	ck_assert_int_eq(c->ports.direction, CFG_DIRECTION_PORT);
	ck_assert_uint_eq(c->ports.speed_mbits, 400000);
	ck_assert_uint_eq(c->ports.framing_octets, 18);
	ck_assert_str_eq(c->ship.database, "host=a sslmode=verify-full");
	ck_assert_str_eq(c->ship.node, "b");
	ck_assert_uint_eq(c->ship.rate, 1);
	ck_assert_uint_eq(c->billing.start_day, 31);
	ck_assert_uint_eq(c->billing.quota.octets, 1649267441664);
	ck_assert_int_eq((int)c->billing.quota.counts, BILLING_COUNTS_LARGER);
	ck_assert_uint_eq(c->billing.thresholds.n, 2);
	ck_assert_uint_eq(c->billing.thresholds.percent[0], 50);
	ck_assert_str_eq(c->billing.hook, "/bin/x \"a b\"");
	ck_assert_str_eq(c->control.socket, "/c");
	cfg_free(c);
}
END_TEST

/* A default must not stay in the way of the one source that was named. */
START_TEST(cfg_parse_one_source_replaces_auto)
{
	struct cfg *c = parse_ok("[inventory]\nsource = vz\n");

	ck_assert_uint_eq(c->inventory.n_sources, 1);
	ck_assert_str_eq(c->inventory.sources[0], "vz");
	cfg_free(c);
}
END_TEST

START_TEST(cfg_parse_empty_is_off)
{
	struct cfg *c = parse_ok("[agentx]\ncontext = ; switched off\n[ship]\ndatabase =\n");

	ck_assert_str_eq(c->agentx.context, "");
	ck_assert_ptr_null(c->ship.database);
	cfg_free(c);
}
END_TEST

START_TEST(cfg_parse_unknown_names_list_choices)
{
	ck_assert_refused("\n[netfliter]\n", "t.conf:2", "[netfliter]", "[netfilter]", "[control]");
	ck_assert_refused("[ledger]\n\nchekpoint = 3\n", "t.conf:3", "chekpoint",
			  "path, checkpoint");
	ck_assert_refused("interval = 3\n", "t.conf:1", "interval", "[SECTION]");
	ck_assert_refused("[Ledger]\n", "t.conf:1", "unknown section");
	ck_assert_refused("[inventory]\ninterval = 3\n[ledger]\ninterval = 3\n", "t.conf:4");
}
END_TEST

START_TEST(cfg_parse_bad_numbers_are_refused)
{
	static const char *const bad[] = {
		"abc",  "-1",  "0",  "3601", "1.5",         "10s",
		"0x10", "1 0", "+5", "1e3",  "99999999999", "4294967297"
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *text = xasprintf("[inventory]\ninterval = %s\n", bad[i]);

		ck_assert_refused(text, "t.conf:2: [inventory] interval = ", bad[i],
				  "from 1 to 3600");
		free(text);
	}
	ck_assert_refused("[inventory]\nretire-after = 31536001\n", "t.conf:2", "31536000");
	ck_assert_refused("[inventory]\nmax-rows = 1000001\n", "t.conf:2", "1000000");
	ck_assert_refused("[ledger]\ncheckpoint = 0\n", "t.conf:2", "3600");
	ck_assert_refused("[ports]\nspeed = 400001\n", "t.conf:2", "400000");
	ck_assert_refused("[ports]\nspeed = fast\n", "t.conf:2", "auto or a number");
}
END_TEST

START_TEST(cfg_parse_bad_words_list_choices)
{
	ck_assert_refused("[ports]\nframing = 4\n", "t.conf:2: [ports] framing = 4", "0, 14, 18");
	ck_assert_refused("[ports]\nframing = 018\n", "t.conf:2", "0, 14, 18");
	ck_assert_refused("[netfilter]\nbackend = nftables\n", "t.conf:2", "nftables",
			  "auto, link, iptables, fake");
	ck_assert_refused("[netfilter]\ntable = nat\n", "nat", "mangle, filter");
	ck_assert_refused("[netfilter]\nnode-traffic = maybe\n", "maybe", "yes, no");
	ck_assert_refused("[netfilter]\nlink =\n", "t.conf:2", "must not be empty");
	ck_assert_refused("[netfilter]\nlink = sixteen-letters!\n", "t.conf:2", "at most 15");
	ck_assert_refused("[netfilter]\nlink = a/b\n", "interface");
	ck_assert_refused("[netfilter]\nlink = ..\n", "interface");
	ck_assert_refused("[netfilter]\nlink = eth0 both\n", "eth0 both", "uplink or containers");
	ck_assert_refused("[netfilter]\nlink = eth0\nlink = eth0 containers\n", "t.conf:3",
			  "already named");
	ck_assert_refused("[ports]\ndirection = in\n", "container, port");
	ck_assert_refused("[billing]\nstart-day = 32\n", "t.conf:2", "from 1 to 31");
	ck_assert_refused("[billing]\ntime-zone = Mars/Olympus\n", "Mars/Olympus", "tzdata");
	ck_assert_refused("[billing]\ntime-zone = ../../etc/passwd\n", "t.conf:2", "Europe/Berlin");
	ck_assert_refused("[billing]\nquota = 2 furlongs\n", "t.conf:2", "2TB (10^12)");
	ck_assert_refused("[billing]\nquota-counts = all\n", "t.conf:2", "in, out, both, larger");
	ck_assert_refused("[billing]\nthresholds = 80,90\n", "t.conf:2", "80 90 100");
	ck_assert_refused("[billing]\nhook = relative\n", "t.conf:2: [billing] hook", "absolute");
	ck_assert_refused("[inventory]\nsource = lxcfs\n", "lxcfs", "file:PATH", "command:PATH",
			  "vz");
	ck_assert_refused("[inventory]\nsource = file:\n", "file:PATH");
	ck_assert_refused("[inventory]\nsource = command:\n", "command:PATH");
	ck_assert_refused("[inventory]\nsource = command:vzlist -a\n", "vzlist -a", "absolute");
	ck_assert_refused("[inventory]\nsource = command:\"my script\" a\n", "absolute");
	ck_assert_refused("[inventory]\nsource = command:\"/opt/my script a\n",
			  "quote is not closed");
	ck_assert_refused("[inventory]\nsource = command:/bin/x 'a\n", "quote is not closed");
	ck_assert_refused("[inventory]\nsource = command:\"\" /bin/x\n", "absolute");
	/* The daemon's directory is / : a relative path would never be what was meant. */
	ck_assert_refused("[inventory]\nsource = file:containers\n", "absolute path",
			  "file:/etc/ctmeter/containers");
	ck_assert_refused("[inventory]\nsource = file: /etc/list\n", "absolute path");
	ck_assert_refused("[inventory]\nsource = file:/etc/\n", "absolute path");
	ck_assert_refused("[inventory]\nsource = file:\"/etc/my list\"\n", "without quotes");
}
END_TEST

START_TEST(cfg_parse_bad_texts_are_refused)
{
	char *text;

	ck_assert_refused("[agentx]\nsocket = var/agentx\n", "var/agentx", "tcp:HOST:PORT");
	ck_assert_refused("[agentx]\nsocket = tcp:localhost\n", "tcp:HOST:PORT");
	ck_assert_refused("[agentx]\nsocket = tcp::705\n", "tcp:HOST:PORT");
	ck_assert_refused("[agentx]\nsocket = tcp:192.0.2.1:65536\n", "tcp:HOST:PORT");
	ck_assert_refused("[agentx]\nsocket = tcp:192.0.2.1:0\n", "tcp:HOST:PORT");
	ck_assert_refused("[agentx]\nsocket = tcp:snmp.example:705\n", "an address or localhost");
	ck_assert_refused("[agentx]\nsocket = tcp:[]:705\n", "an address or localhost");
	cfg_free(parse_ok("[agentx]\nsocket = tcp:192.0.2.1:705\n"));
	cfg_free(parse_ok("[agentx]\nsocket = tcp:[2001:db8::1]:705\n"));
	ck_assert_refused("[agentx]\ncontext = caf\xc3\xa9\n", "printable ASCII");
	ck_assert_refused("[agentx]\ncontext = 123456789012345678901234567890123\n", "at most 32");
	ck_assert_refused("[ledger]\npath = ledger.db\n", "absolute path");
	ck_assert_refused("[ledger]\npath = /var/lib/\n", "absolute path");
	text = xasprintf("[control]\nsocket = /%0108d\n", 0);
	ck_assert_refused(text, "t.conf:2", "108 octets");
	free(text);
}
END_TEST

START_TEST(cfg_parse_empty_values_are_refused)
{
	ck_assert_refused("[agentx]\nsocket =\n", "t.conf:2", "empty", "/var/agentx/master");
	ck_assert_refused("[inventory]\ninterval = ; none\n", "t.conf:2", "empty");
	ck_assert_refused("[inventory]\nsource =\n", "t.conf:2", "empty");
	ck_assert_refused("[ports]\nname =\n", "t.conf:2", "empty");
}
END_TEST

START_TEST(cfg_parse_duplicates_are_refused)
{
	ck_assert_refused("[ledger]\ncheckpoint = 3\n[ports]\n[ledger]\ncheckpoint = 3\n",
			  "t.conf:5", "already set in line", "line 2");
}
END_TEST

/* What a lenient reader would accept, cut or join silently. */
START_TEST(cfg_parse_malformed_lines_are_refused)
{
	char *text;

	ck_assert_refused("[inventory]\n\ninterval 3 ; x\n", "t.conf:3: 'interval 3'", "=");
	ck_assert_refused("[inventory]\nsource = vz\n    interval 3\n", "t.conf:3");
	ck_assert_refused("[inventory\n", "t.conf:1", "[inventory");
	ck_assert_refused("[inventory] interval = 3\n", "t.conf:1");
	ck_assert_refused("[]\n", "t.conf:1");
	ck_assert_refused("= 3\n", "t.conf:1");
	ck_assert_refused("[ledger]\npath = /a\033[2Jb\n", "t.conf:2", "octet 27", "column 10");
	ck_assert_refused("[ledger]\rpath = /a\n", "t.conf:1", "octet 13");
	text = xasprintf("[agentx]\n[%0300d]\n", 0);
	ck_assert_refused(text, "t.conf:2");
	free(text);
}
END_TEST

START_TEST(cfg_parse_long_line_is_whole)
{
	char *path = xasprintf("/%02000d", 0);
	char *text = xasprintf("[ledger]\npath = %s ; a comment, however long it may be %0300d\n"
			       "checkpoint = 7",
			       path, 0);
	struct cfg *c = parse_ok(text);

	ck_assert_str_eq(c->ledger.path, path);
	ck_assert_uint_eq(c->ledger.checkpoint_s, 7); /* the last line needs no end */
	cfg_free(c);
	free(text);
	free(path);
}
END_TEST

START_TEST(cfg_parse_several_errors_reports_first)
{
	ck_assert_refused("[inventory]\ninterval = x\nnonsense\nmax-rows = y\n", "t.conf:2");
	ck_assert_refused("[inventory]\nnonsense\ninterval = x\n", "t.conf:2", "nonsense");
	ck_assert_refused("[inventory]\nnonsense\n[no]\n", "t.conf:2", "nonsense");
	ck_assert_refused("[no]\n[inventory]\nnonsense\n", "t.conf:1", "[no]");
}
END_TEST

START_TEST(cfg_parse_null_err_is_fine)
{
	struct cfg *cfg = NULL;

	ck_assert_int_eq(cfg_parse("x\n", "t.conf", source_check, &cfg, NULL), -EINVAL);
	cfg_free(NULL);
}
END_TEST

/* ---- files ---- */

static char *write_file(const void *data, size_t len)
{
	char *path = xstrdup("/tmp/check_cfg.XXXXXX");
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
	return path;
}

static void assert_load_fails(const char *path, int rc, const char *part)
{
	struct cfg *cfg = NULL;
	struct err e = { "" };

	ck_assert_int_eq(cfg_load(path, source_check, &cfg, &e), rc);
	ck_assert_msg(strstr(e.text, part) && strstr(e.text, path), "%s", e.text);
}

START_TEST(cfg_load_good_file_is_read)
{
	static const char text[] = "[ports]\nspeed = 7";
	char *path = write_file(text, strlen(text));
	struct cfg *cfg = NULL;
	struct err e = { "" };

	ck_assert_msg(cfg_load(path, source_check, &cfg, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(cfg->ports.speed_mbits, 7);
	cfg_free(cfg);
	unlink(path);
	free(path);
}
END_TEST

START_TEST(cfg_load_bad_files_are_refused)
{
	static const char nul[] = "[ports]\nspeed = 7\0\n";
	size_t huge = 1024 * 1024 + 1;
	char *path = write_file(nul, sizeof(nul)), *comment = xmalloc(huge);

	assert_load_fails(path, -EINVAL, ":2: NUL");
	unlink(path);
	assert_load_fails(path, -ENOENT, "-c");
	free(path);
	assert_load_fails("/tmp", -EISDIR, "directory");
	memset(comment, '#', huge);
	path = write_file(comment, huge);
	assert_load_fails(path, -EFBIG, "1048576");
	unlink(path);
	free(path);
	free(comment);
}
END_TEST

/* conf/ctmeter.conf shows each key commented out, with its default. */
START_TEST(cfg_load_example_is_the_defaults)
{
	static const char *const keys[] = {
		"user",       "socket",        "context",   "notifications", "backend",
		"table",      "node-traffic",  "source",    "interval",      "retire-after",
		"max-rows",   "max-addresses", "helper",    "path",          "checkpoint",
		"name",       "direction",     "speed",     "framing",       "node",
		"rate",       "start-day",     "time-zone", "quota",         "quota-counts",
		"thresholds", "socket"
	};
	FILE *file = fopen("conf/ctmeter.conf", "r");
	char line[256], name[32], *text = xstrdup("");
	struct cfg *cfg = NULL;
	struct err e = { "" };
	size_t n = 0;

	ck_assert_msg(file, "conf/ctmeter.conf: run the tests from the top of the tree");
	while (fgets(line, sizeof(line), file)) {
		bool shows_key = line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';
		char *more = xasprintf("%s%s", text, line + shows_key);

		free(text);
		text = more;
		if (!shows_key)
			continue;
		ck_assert_int_eq(sscanf(line + 1, "%31s =", name), 1);
		ck_assert_uint_lt(n, ARRAY_LEN(keys));
		ck_assert_str_eq(name, keys[n++]);
	}
	fclose(file);
	ck_assert_uint_eq(n, ARRAY_LEN(keys));
	ck_assert_msg(cfg_parse(text, "example", source_check, &cfg, &e) == 0, "%s", e.text);
	assert_defaults(cfg);
	cfg_free(cfg);
	free(text);
}
END_TEST

START_TEST(cfg_parse_allow_prefixes_taken)
{
	static const char *const bad[] = { "192.0.2.0/33",   "192.0.2.0/",
					   "192.0.2.0/2x",   "x/24",
					   "2001:db8::/129", "192.0.2.0/255.255.255.0" };
	struct cfg *c = parse_ok("[inventory]\nallow = 192.0.2.9/24\nallow = 2001:db8::/32\n"
				 "allow = 198.51.100.7\nallow = ::/0\n");
	char text[ADDR_TEXT_SIZE];

	ck_assert_uint_eq(c->inventory.n_allow, 4);
	ck_assert_str_eq(addr_format(&c->inventory.allow[0].first, text), "192.0.2.0");
	ck_assert_uint_eq(c->inventory.allow[0].len, 24);
	ck_assert_uint_eq(c->inventory.allow[1].len, 32);
	ck_assert_uint_eq(c->inventory.allow[2].len, 32);
	ck_assert_uint_eq(c->inventory.allow[3].len, 0);
	cfg_free(c);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *text_of = xasprintf("[inventory]\nallow = %s\n", bad[i]);

		ck_assert_refused(text_of, "t.conf:2", "must be a prefix");
		free(text_of);
	}
}
END_TEST

START_TEST(cfg_hold_fixed_links_stay_and_are_named)
{
	static const char *const others[] = { "link = eth0 containers\n", "", "link = eth1\n",
					      "link = eth0\nlink = eth1\n" };
	struct cfg *running = parse_ok("[netfilter]\nlink = eth0\n");
	char what[256];

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		char *text = xasprintf("[netfilter]\n%s", others[i]);
		struct cfg *now = parse_ok(text);

		cfg_hold_fixed(now, running, what, sizeof(what));
		ck_assert_str_eq(what, "[netfilter] link");
		assert_links(now, "eth0 up; ");
		cfg_hold_fixed(now, running, what, sizeof(what));
		ck_assert_str_eq(what, "");
		cfg_free(now);
		free(text);
	}
	cfg_free(running);
}
END_TEST

/* Any octets: an answer or an error with a line, never a crash. */
START_TEST(cfg_parse_random_text_never_crashes)
{
	static const char *const words[] = {
		"[",          "]",           "=",         "\n",           ";",
		"#",          " ",           "inventory", "source",       "auto",
		"interval",   "10",          "\t",        "\r\n",         "\xff",
		"[ledger]\n", "path = /x\n", ":",         "[inventory]\n"
	};
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)getpid();
	char text[512];

	printf("check_cfg: SEED=%u\n", seed);
	for (int round = 0; round < 20000; round++) {
		struct cfg *cfg = NULL;
		struct err e = { "" };
		size_t len = 0;

		for (int n = rand_r(&seed) % 30; n > 0; n--)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s",
						words[(size_t)rand_r(&seed) % ARRAY_LEN(words)]);
		text[len] = '\0';
		if (cfg_parse(text, "t.conf", source_check, &cfg, &e) < 0)
			ck_assert_msg(strstr(e.text, "t.conf:"), "%s", e.text);
		cfg_free(cfg);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cfg");
	TCase *tc = tcase_create("cfg");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, cfg_parse_empty_gives_defaults);
	tcase_add_test(tc, cfg_parse_every_key_is_taken);
	tcase_add_test(tc, cfg_parse_one_source_replaces_auto);
	tcase_add_test(tc, cfg_parse_empty_is_off);
	tcase_add_test(tc, cfg_parse_unknown_names_list_choices);
	tcase_add_test(tc, cfg_parse_bad_numbers_are_refused);
	tcase_add_test(tc, cfg_parse_bad_words_list_choices);
	tcase_add_test(tc, cfg_parse_bad_texts_are_refused);
	tcase_add_test(tc, cfg_parse_empty_values_are_refused);
	tcase_add_test(tc, cfg_parse_duplicates_are_refused);
	tcase_add_test(tc, cfg_parse_malformed_lines_are_refused);
	tcase_add_test(tc, cfg_parse_long_line_is_whole);
	tcase_add_test(tc, cfg_parse_several_errors_reports_first);
	tcase_add_test(tc, cfg_parse_null_err_is_fine);
	tcase_add_test(tc, cfg_load_good_file_is_read);
	tcase_add_test(tc, cfg_load_bad_files_are_refused);
	tcase_add_test(tc, cfg_load_example_is_the_defaults);
	tcase_add_test(tc, cfg_parse_allow_prefixes_taken);
	tcase_add_test(tc, cfg_hold_fixed_links_stay_and_are_named);
	tcase_add_test(tc, cfg_parse_random_text_never_crashes);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
