/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mibs/CTMETER-MIB.txt against what is served: every accessible object of the text stands at its
 * number with its type and the value its name says, and nothing else is served. The text is
 * found from the environment's TEST_SRCDIR, or else from the current directory. */
#include "base/xalloc.h"
#include "mib/mib.h"
#include "smi_text.h"
#include "version.h"

#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_SIZE 64

struct text {
	char (*tokens)[TOKEN_SIZE]; /* comments left out, a quoted string is one token: " */
	size_t n;
};

/* One OBJECT-TYPE. */
struct object {
	const char *name, *syntax, *access, *parent;
	unsigned number;
};

static char *read_file(void)
{
	const char *dir = getenv("TEST_SRCDIR");
	char *path = xasprintf("%s/mibs/CTMETER-MIB.txt", dir ? dir : ".");
	FILE *f = fopen(path, "r");
	char *buf = xcalloc(1, 1 << 20);

	ck_assert_msg(f != NULL, "%s cannot be read (set TEST_SRCDIR)", path);
	ck_assert_uint_gt(fread(buf, 1, (1 << 20) - 1, f), 0);
	fclose(f);
	free(path);
	return buf;
}

static const char *skip_blank(const char *s)
{
	for (;;) {
		s += strspn(s, " \t\n");
		if (strncmp(s, "--", 2) != 0)
			return s;
		s += strcspn(s, "\n");
	}
}

static size_t token_length(const char *s)
{
	size_t n = 0;

	if (*s == '"')
		return (size_t)(strchr(s + 1, '"') - s) + 1;
	while (isalnum((unsigned char)s[n]) || s[n] == '-')
		n++;
	if (n == 0 && !strncmp(s, "::=", 3))
		n = 3;
	return n ? n : 1;
}

static struct text read_text(void)
{
	struct text t = { NULL, 0 };
	size_t cap = 0;
	char *buf = read_file();

	for (const char *s = skip_blank(buf); *s; s = skip_blank(s)) {
		size_t n = token_length(s), keep = *s == '"' ? 1 : n;

		t.tokens = xgrow(t.tokens, t.n, &cap, TOKEN_SIZE);
		ck_assert_uint_lt(keep, TOKEN_SIZE);
		memcpy(t.tokens[t.n], s, keep);
		t.tokens[t.n++][keep] = '\0';
		s += n;
	}
	free(buf);
	return t;
}

static bool token_is(const struct text *t, size_t i, const char *word)
{
	return i < t->n && !strcmp(t->tokens[i], word);
}

/* Index of the next `word` from i on; it must be there. */
static size_t find_token(const struct text *t, size_t i, const char *word)
{
	while (i < t->n && !token_is(t, i, word))
		i++;
	ck_assert_msg(i < t->n, "no more %s in the text", word);
	return i;
}

/* Read the next OBJECT-TYPE from *i on, moving *i past it. */
static bool next_object(const struct text *t, size_t *i, struct object *ret)
{
	size_t at;

	for (; *i < t->n; ++*i) {
		if (token_is(t, *i, "OBJECT-TYPE") && token_is(t, *i + 1, "SYNTAX"))
			break;
	}
	if (*i >= t->n)
		return false;
	ret->name = t->tokens[*i - 1];
	ret->syntax = t->tokens[*i + 2];
	ret->access = t->tokens[find_token(t, *i, "MAX-ACCESS") + 1];
	at = find_token(t, *i, "::=");
	ck_assert(token_is(t, at + 1, "{") && token_is(t, at + 4, "}"));
	ret->parent = t->tokens[at + 2];
	ret->number = (unsigned)strtoul(t->tokens[at + 3], NULL, 10);
	*i = at;
	return true;
}

static enum smi_type type_of(const char *syntax)
{
	static const struct {
		const char *syntax;
		enum smi_type type;
	} types[] = {
		{ "SnmpAdminString", SMI_OCTETS },    { "DateAndTime", SMI_OCTETS },
		{ "INTEGER", SMI_INTEGER },           { "Integer32", SMI_INTEGER },
		{ "CtmCountingStatus", SMI_INTEGER }, { "CtmRunState", SMI_INTEGER },
		{ "Counter32", SMI_COUNTER32 },       { "Gauge32", SMI_GAUGE32 },
		{ "TimeStamp", SMI_TIMETICKS },       { "Counter64", SMI_COUNTER64 },
		{ "CtmQuotaState", SMI_INTEGER },     { "CounterBasedGauge64", SMI_COUNTER64 },
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (!strcmp(syntax, types[i].syntax))
			return types[i].type;
	}
	ck_abort_msg("a type this test does not know: %s", syntax);
	return 0;
}

/* A row of each table with a value of its own in every cell. */
static struct snap *distinct_snap(void)
{
	const struct snap_totals totals = {
		.path = { { 11, 12 }, { 21, 22 }, { 31, 32 }, { 41, 42 } },
		.status = ROW_CONFLICT,
		.since_wall_s = 951868799,
		.discontinuity_ns = 3000000000,
		.discontinuities = 51,
		.discontinuity_wall_s = 1,
	};
	struct snap *s = snap_new();

	s->containers = xcalloc(1, sizeof(*s->containers));
	s->containers[s->n_containers++] = (struct snap_container) {
		.id = snap_text(s, "7"),
		.name = snap_text(s, "web"),
		.run = INV_RUN_STOPPED,
		.ifindex = 61,
		.n_addresses = 62,
		.runtime = snap_text(s, "docker"),
		.runtime_id = snap_text(s, "0f1e2d"),
		.totals = totals,
		.bill = { .used = { 91, 92 },
			  .quota = { 93, BILLING_COUNTS_IN },
			  .state = BILLING_NEAR },
	};
	s->period_begin_s = 951868799;
	s->addresses = xcalloc(2, sizeof(*s->addresses));
	s->addresses[0].totals = s->addresses[1].totals = totals;
	s->addresses[0].link = s->addresses[1].link = "veth7";
	s->addresses[0].reason = s->addresses[1].reason = "why";
	ck_assert_int_eq(addr_parse("192.0.2.1", &s->addresses[0].addr), 0);
	ck_assert_int_eq(addr_parse("192.0.2.2", &s->addresses[1].addr), 0);
	s->n_addresses = 2;
	s->taken_ns = 8929000000;
	s->last_change_ns = 2000000000;
	s->rules = 72;
	s->rule_repairs = 73;
	s->inventory_failures = 74;
	s->stale_answers = 75;
	s->store_failing = true;
	s->ship = SNAP_SHIP_FAILING;
	strcpy(s->problem, "IPv6: not counted");
	s->backend = "fake";
	return s;
}

/* The value that an object's name says, of distinct_snap. "*" stands for a table's prefix. */
static const struct {
	const char *name, *value;
} values[] = {
	{ "ctmVersion", CTM_VERSION },
	{ "ctmBackend", "fake" },
	{ "ctmContainerCount", "1" },
	{ "ctmAddressCount", "2" },
	{ "ctmTableLastChange", "100" },
	{ "ctmRuleCount", "72" },
	{ "ctmSampleAge", "71" },
	{ "ctmRuleRepairs", "73" },
	{ "ctmInventoryFailures", "74" },
	{ "ctmStaleAnswers", "75" },
	{ "ctmStoreState", "2" },
	{ "ctmAccountingProblem", "IPv6: not counted" },
	{ "ctmShipState", "2" },
	{ "ctmContainerIdText", "7" },
	{ "ctmContainerName", "web" },
	{ "ctmContainerIfIndex", "61" },
	{ "ctmContainerAddressCount", "62" },
	{ "ctmContainerRunState", "3" },
	{ "ctmContainerRuntime", "docker" },
	{ "ctmContainerRuntimeId", "0f1e2d" },
	{ "ctmContainerPeriodStart", "0x07d0021d173b3b002b0000" },
	{ "ctmContainerPeriodInOctets", "91" },
	{ "ctmContainerPeriodOutOctets", "92" },
	{ "ctmContainerQuotaOctets", "93" },
	{ "ctmContainerQuotaState", "3" },
	{ "ctmAddressLabel", "7 192.0.2.1" },
	{ "ctmAddressText", "192.0.2.1" },
	{ "ctmAddressContainerText", "7" },
	{ "*InOctets", "11" },
	{ "*InPkts", "12" },
	{ "*OutOctets", "21" },
	{ "*OutPkts", "22" },
	{ "*NodeInOctets", "31" },
	{ "*NodeInPkts", "32" },
	{ "*NodeOutOctets", "41" },
	{ "*NodeOutPkts", "42" },
	{ "*Status", "5" },
	{ "*CountingSince", "0x07d0021d173b3b002b0000" },
	{ "*DiscontinuityTime", "200" },
	{ "*Discontinuities", "51" },
	{ "*LastDiscontinuity", "0x07b20101000001002b0000" },
	{ "ctmAddressLinkName", "veth7" },
	{ "ctmAddressStatusReason", "why" },
};

/* The tables, by the node above their objects in the text. */
static const struct {
	const struct oidtab *tab;
	const char *parent, *prefix;
} tables[] = {
	{ &mib_ctm_scalars, "ctmScalars", "ctm" },
	{ &mib_ctm_containers, "ctmContainerEntry", "ctmContainer" },
	{ &mib_ctm_addresses, "ctmAddressEntry", "ctmAddress" },
};

static const char *value_of(const char *name, const char *prefix)
{
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		if (!strcmp(values[i].name, name) ||
		    (*values[i].name == '*' && !strcmp(values[i].name + 1, name + strlen(prefix))))
			return values[i].value;
	}
	ck_abort_msg("an object this test does not know: %s", name);
	return NULL;
}

static void expect_served(const struct mib_data *d, const struct object *o)
{
	char text[SMI_TEXT_SIZE];
	struct smi_value v;
	size_t t = 0;

	while (t < ARRAY_LEN(tables) && strcmp(tables[t].parent, o->parent) != 0)
		t++;
	ck_assert_msg(t < ARRAY_LEN(tables), "%s: no table under %s", o->name, o->parent);
	ck_assert_msg(tables[t].tab->cell(d, 0, o->number, &v), "%s(%u) is not served", o->name,
		      o->number);
	ck_assert_msg(v.type == type_of(o->syntax), "%s: %s served as type %d", o->name, o->syntax,
		      v.type);
	ck_assert_msg(!strcmp(smi_text(&v, text), value_of(o->name, tables[t].prefix)),
		      "%s is served as %s", o->name, text);
}

START_TEST(mib_text_each_object_is_served)
{
	struct snap *s = distinct_snap();
	const struct mib_data d = {
		.snap = s,
		.now_ns = 9000000000,
		.uptime = { 600, 7000000000 },
		.stamps = { 600, 7000000000 },
	};
	struct text t = read_text();
	size_t n = 0, columns = 0;
	struct object o;

	for (size_t i = 0; next_object(&t, &i, &o);) {
		if (!strcmp(o.access, "not-accessible"))
			continue;
		ck_assert_str_eq(o.access, "read-only");
		expect_served(&d, &o);
		n++;
	}
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		columns += tables[i].tab->n_columns;
	ck_assert_uint_eq(n, columns);
	free(t.tokens);
	snap_unref(s);
}
END_TEST

/* The number of the object `name`, and its table. */
static uint32_t find_object(const struct text *t, const char *name, const struct oidtab **ret_tab)
{
	struct object o;

	for (size_t i = 0; next_object(t, &i, &o);) {
		for (size_t k = 0; !strcmp(o.name, name) && k < ARRAY_LEN(tables); k++) {
			if (strcmp(tables[k].parent, o.parent) != 0)
				continue;
			*ret_tab = tables[k].tab;
			return o.number;
		}
	}
	ck_abort_msg("%s is no object of a table", name);
	return 0;
}

/* The varbind is that object's instance, of the second row in the address table, with the value
 * that a GET gets. */
static void expect_varbind(const struct text *t, const struct mib_data *d, const char *name,
			   const struct oidtab_varbind *var)
{
	char text[SMI_TEXT_SIZE], got_text[SMI_TEXT_SIZE];
	const struct oidtab *tab;
	uint32_t number = find_object(t, name, &tab);
	size_t row = tab == &mib_ctm_addresses, n = tab->prefix_len;
	struct smi_value got;
	struct oid want;

	memcpy(want.sub, tab->prefix, n * sizeof(*want.sub));
	want.sub[n++] = number;
	n += tab->index(d, row, want.sub + n);
	ck_assert_msg(!oid_cmp(var->name.sub, var->name.len, want.sub, n), "%s is misnamed", name);
	ck_assert_int_eq(oidtab_view_get(&mib_ctm_view, d, want.sub, n, &got), OIDTAB_FOUND);
	ck_assert_int_eq(var->value.type, got.type);
	ck_assert_str_eq(smi_text(&var->value, text), smi_text(&got, got_text));
}

/* The NOTIFICATION-TYPE at i against what is sent for it; returns its number. */
static unsigned expect_notification(const struct text *t, const struct mib_data *d, size_t i)
{
	size_t at = find_token(t, i, "::=");
	unsigned number = (unsigned)strtoul(t->tokens[at + 3], NULL, 10);
	/* The second address, or the only container. */
	const struct notice what = { number, number != NOTICE_QUOTA_THRESHOLD };
	static const uint32_t base[] = { CTM_BASE_OID, 0 };
	struct mib_notification m;
	size_t n = 0;

	ck_assert(token_is(t, at + 2, "ctmNotifications"));
	ck_assert_uint_lt(number, NOTICE_KINDS);
	mib_ctm_notification(d, &what, &m);
	ck_assert_uint_eq(m.oid.len, ARRAY_LEN(base) + 1);
	ck_assert_mem_eq(m.oid.sub, base, sizeof(base));
	ck_assert_uint_eq(m.oid.sub[ARRAY_LEN(base)], number);
	ck_assert(token_is(t, i + 1, "OBJECTS") && token_is(t, i + 2, "{"));
	for (i += 3; !token_is(t, i, "}"); i++) {
		if (token_is(t, i, ","))
			continue;
		ck_assert_uint_lt(n, m.n_vars);
		expect_varbind(t, d, t->tokens[i], &m.vars[n++]);
	}
	ck_assert_uint_eq(n, m.n_vars);
	return number;
}

START_TEST(mib_text_each_notification_carries_its_objects)
{
	struct snap *s = distinct_snap();
	const struct mib_data d = { .snap = s, .now_ns = 9000000000 };
	struct text t = read_text();
	unsigned seen = 0;

	for (size_t i = 0; i < t.n; i++) {
		if (token_is(&t, i, "NOTIFICATION-TYPE") && !token_is(&t, i + 1, ","))
			seen += 1u << expect_notification(&t, &d, i);
	}
	ck_assert_uint_eq(seen, (1u << NOTICE_KINDS) - 2);
	free(t.tokens);
	snap_unref(s);
}
END_TEST

static void expect_node(const struct text *t, const char *name, const char *parent, const char *at)
{
	size_t i = 0;

	for (; i < t->n; i++) {
		if (!strcmp(t->tokens[i], name) && !token_is(t, i + 1, ",") &&
		    (token_is(t, i + 1, "OBJECT") || token_is(t, i + 1, "OBJECT-TYPE") ||
		     token_is(t, i + 1, "NOTIFICATION-TYPE")))
			break;
	}
	i = find_token(t, i, "::=");
	ck_assert_msg(token_is(t, i + 2, parent) && token_is(t, i + 3, at), "%s is not { %s %s }",
		      name, parent, at);
}

START_TEST(mib_text_nodes_stand_where_promised)
{
	static const char *const notifications[] = {
		"ctmAddressConflict", "ctmAddressConflictCleared", "ctmRulesRepaired",
		"ctmInventoryFailed", "ctmInventoryRecovered",     "ctmStoreFailed",
		"ctmStoreRecovered",  "ctmQuotaThreshold",         "ctmPeriodBegan",
		"ctmShipFailed",      "ctmShipRecovered",
	};
	struct text t = read_text();
	char number[8];

	expect_node(&t, "ctmNotifications", "ctmeterMIB", "0");
	expect_node(&t, "ctmObjects", "ctmeterMIB", "1");
	expect_node(&t, "ctmConformance", "ctmeterMIB", "2");
	expect_node(&t, "ctmScalars", "ctmObjects", "1");
	expect_node(&t, "ctmContainerTable", "ctmObjects", "2");
	expect_node(&t, "ctmContainerEntry", "ctmContainerTable", "1");
	expect_node(&t, "ctmContainerId", "ctmContainerEntry", "1");
	expect_node(&t, "ctmAddressTable", "ctmObjects", "3");
	expect_node(&t, "ctmAddressEntry", "ctmAddressTable", "1");
	expect_node(&t, "ctmAddressType", "ctmAddressEntry", "1");
	expect_node(&t, "ctmAddress", "ctmAddressEntry", "2");
	for (size_t i = 0; i < ARRAY_LEN(notifications); i++) {
		snprintf(number, sizeof(number), "%zu", i + 1);
		expect_node(&t, notifications[i], "ctmNotifications", number);
	}
	free(t.tokens);
}
END_TEST

/* Every "name(number)" of an enumeration, wherever it stands in the text. */
START_TEST(mib_text_enumerations_are_the_codes)
{
	static const struct {
		const char *name;
		int number;
	} enums[] = {
		{ "other", ROW_OTHER },
		{ "counting", ROW_COUNTING },
		{ "pending", ROW_PENDING },
		{ "notCountable", ROW_NOT_COUNTABLE },
		{ "conflict", ROW_CONFLICT },
		{ "retired", ROW_RETIRED },
		{ "unknown", INV_RUN_UNKNOWN },
		{ "running", INV_RUN_RUNNING },
		{ "stopped", INV_RUN_STOPPED },
		{ "gone", INV_RUN_GONE },
		{ "ok", 1 },
		{ "failing", 2 },
		{ "ok", 1 }, /* of the store, and of shipping */
		{ "failing", 2 },
		{ "off", 3 },
	};
	struct text t = read_text();
	size_t seen = 0;

	for (size_t i = 0; i + 2 < t.n; i++) {
		for (size_t k = 0; k < ARRAY_LEN(enums); k++) {
			if (!token_is(&t, i, enums[k].name) || !token_is(&t, i + 1, "("))
				continue;
			ck_assert_int_eq(atoi(t.tokens[i + 2]), enums[k].number);
			seen++;
			break;
		}
	}
	ck_assert_uint_eq(seen, ARRAY_LEN(enums));
	free(t.tokens);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mib_text");
	TCase *t = tcase_create("mib_text");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, mib_text_each_object_is_served);
	tcase_add_test(t, mib_text_each_notification_carries_its_objects);
	tcase_add_test(t, mib_text_nodes_stand_where_promised);
	tcase_add_test(t, mib_text_enumerations_are_the_codes);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
