/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ctmeter top`: rates, live on a terminal or once for a script.
 * 1. Numbers come first in a line and names last, so that a narrow terminal cuts names.
 * 2. While the daemon does not answer or has no new counters, the last table stays, with a note
 *    why.
 * 3. However the display ends, the terminal is restored: signals arrive through a descriptor. */
#include "cli/cli.h"

#include "base/display.h"
#include "base/loop.h"
#include "base/xalloc.h"
#include "cli/rates.h"
#include "cli/table.h"
#include "cli/term.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DEFAULT_INTERVAL_S 2
#define MIN_INTERVAL_S 0.5 /* the daemon does not read the counters more often */
#define MAX_INTERVAL_S 3600
#define ONCE_TIMEOUT_S 10
#define LIVE_TIMEOUT_S 3 /* keys do not work meanwhile */
#define FRESH_WAIT_MS 5000 /* --once: for a newer reading than the first */
#define FRESH_RETRY_MS 100
#define STALE_AFTER_MS 5000
#define NAME_MAX_WIDTH 40
#define TITLE_LINE 2 /* it follows two lines of header */

static const char key_help[] = "keys: i o t p sort, a addresses, q quit";

struct options {
	uint64_t interval_ns;
	enum rates_key key;
	size_t max_rows; /* SIZE_MAX: all */
};

struct top {
	const struct cli *cli;
	struct options options;
	bool by_address;
	struct loop *loop;
	struct loop_timer tick;
	struct term *term;
	int signals;
	json_t *older, *newer; /* answers; older NULL: only one so far */
	char *note; /* shown in the header, NULL: none */
	uint64_t away_ns; /* when the daemon stopped answering, 0: it answers */
	int result;
	struct err *e;
};

/* ---- options ---- */

static int parse_interval(const char *text, uint64_t *ret_ns, struct err *e)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= MIN_INTERVAL_S && s <= MAX_INTERVAL_S)) {
		err_set(e, "--interval takes %.1f to %d seconds, not %s", MIN_INTERVAL_S,
			MAX_INTERVAL_S, text);
		return -EINVAL;
	}
	*ret_ns = (uint64_t)(s * (double)NS_PER_S);
	return 0;
}

static int parse_count(const char *text, size_t *ret_count, struct err *e)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n == 0) {
		err_set(e, "--count takes a number of rows, at least 1, not %s", text);
		return -EINVAL;
	}
	*ret_count = n;
	return 0;
}

static int parse_options(const struct cli *cli, struct options *ret_options, struct err *e)
{
	struct options o = { .interval_ns = DEFAULT_INTERVAL_S * NS_PER_S,
			     .key = RATES_BY_TOTAL,
			     .max_rows = SIZE_MAX };
	int rc = 0;

	if (cli->top.interval)
		rc = parse_interval(cli->top.interval, &o.interval_ns, e);
	if (!rc && cli->top.count)
		rc = parse_count(cli->top.count, &o.max_rows, e);
	if (!rc && cli->top.sort && !rates_key_parse(cli->top.sort, &o.key)) {
		err_set(e, "--sort takes in, out, total or pkts, not %s", cli->top.sort);
		rc = -EINVAL;
	}
	if (!rc)
		*ret_options = o;
	return rc;
}

int cli_top_check(const struct cli *cli, struct err *e)
{
	struct options unused;

	return parse_options(cli, &unused, e);
}

/* ---- text ---- */

static uint64_t whole(double rate)
{
	return rate < 1e19 ? (uint64_t)(rate + 0.5) : UINT64_MAX;
}

/* "12.3 Mbit/s", "7 packets/s", "1.20 k packets/s". */
static void print_rates(const struct rates_flow *flow, FILE *out)
{
	char buf[DISPLAY_NUMBER_SIZE];
	const char *text = display_count(whole(flow->bits_s), buf);
	int digits = (int)strcspn(text, " ");
	char prefix = text[digits + 1];

	fprintf(out, "%.*s %.*sbit/s, ", digits, text, prefix != ' ', &prefix);
	text = display_count(whole(flow->pkts_s), buf);
	digits = (int)strcspn(text, " ");
	prefix = text[digits + 1];
	fprintf(out, "%.*s%s%.*s packets/s", digits, text, prefix != ' ' ? " " : "", prefix != ' ',
		&prefix);
}

static void print_header(const struct rates *r, enum rates_key key, const char *note, FILE *out)
{
	fprintf(out, "%zu container%s", r->n_containers, r->n_containers == 1 ? "" : "s");
	for (size_t i = 0; i < RATES_DIRECTIONS && r->elapsed_ms; i++) {
		fputs(i == RATES_IN ? "   in " : "   out ", out);
		print_rates(&r->total[i], out);
	}
	if (r->elapsed_ms)
		fprintf(out, "\nover %.1f s, by %s", (double)r->elapsed_ms / 1000,
			rates_key_word(key));
	else
		fputs("\nmeasuring", out);
	if (r->n_came)
		fprintf(out, ", %zu new", r->n_came);
	if (r->n_went)
		fprintf(out, ", %zu gone", r->n_went);
	if (r->n_fell)
		fprintf(out, ", %zu counted anew", r->n_fell);
	fprintf(out, "%s%s\n", note ? "; " : "", note ? note : "");
}

static const char *status_of(const struct rates_row *row)
{
	static const char *const words[] = {
		[RATES_CAME] = "new", [RATES_WENT] = "gone", [RATES_FELL] = "restarted"
	};

	return words[row->state] ? words[row->state] : row->status;
}

static void put_row(struct table *table, const struct rates_row *row, bool by_address)
{
	const struct rates_flow *in = &row->flow[RATES_IN], *out = &row->flow[RATES_OUT];
	const double cells[] = { in->bits_s, out->bits_s, in->pkts_s, out->pkts_s };
	char *name = display_cut(*row->name ? row->name : "-", NAME_MAX_WIDTH);
	char buf[DISPLAY_NUMBER_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		table_cell(table, row->known ? display_count(whole(cells[i]), buf) : "-  ",
			   TABLE_PLAIN);
	table_cell(table, row->id, TABLE_PLAIN);
	if (by_address)
		table_cell(table, row->address, TABLE_PLAIN);
	table_cell(table, status_of(row), TABLE_PLAIN);
	table_cell(table, name, TABLE_PLAIN);
	free(name);
}

void cli_top_print(const struct rates *r, bool by_address, enum rates_key key, const char *note,
		   size_t max_rows, FILE *out)
{
	static const struct table_column sums[] = {
		{ "IN bit/s", TABLE_RIGHT }, { "OUT bit/s", TABLE_RIGHT },
		{ "IN pkt/s", TABLE_RIGHT }, { "OUT pkt/s", TABLE_RIGHT },
		{ "CTID", TABLE_LEFT },      { "STATUS", TABLE_LEFT },
		{ "NAME", TABLE_LEFT },
	};
	static const struct table_column addresses[] = {
		{ "IN bit/s", TABLE_RIGHT }, { "OUT bit/s", TABLE_RIGHT },
		{ "IN pkt/s", TABLE_RIGHT }, { "OUT pkt/s", TABLE_RIGHT },
		{ "CTID", TABLE_LEFT },      { "ADDRESS", TABLE_LEFT },
		{ "STATUS", TABLE_LEFT },    { "NAME", TABLE_LEFT },
	};
	struct table *table = table_new(by_address ? addresses : sums,
					by_address ? ARRAY_LEN(addresses) : ARRAY_LEN(sums));

	for (size_t i = 0; i < r->n_rows && i < max_rows; i++)
		put_row(table, &r->rows[i], by_address);
	print_header(r, key, note, out);
	table_print(table, false, out);
	table_free(table);
}

/* ---- asking ---- */

static int ask(const struct cli *cli, int timeout_s, json_t **ret_answer, struct err *e)
{
	json_t *answer;
	int rc = cli_ask(cli, "list", timeout_s, NULL, &answer, e);

	if (rc < 0)
		return rc;
	if (!json_object_get(answer, "sampled_ms")) {
		err_set(e, "ctmeterd is older than ctmeter and sends no sample times: restart it");
		json_decref(answer);
		return -EPROTO;
	}
	*ret_answer = answer;
	return 0;
}

/* ---- once ---- */

static void sleep_ms(uint64_t ms)
{
	poll(NULL, 0, (int)ms);
}

/* Get a second answer, whose counters were read after those of the first. */
static int ask_newer(const struct cli *cli, const json_t *first, json_t **ret_answer, struct err *e)
{
	json_t *answer;
	int rc;

	for (int waited_ms = 0; waited_ms < FRESH_WAIT_MS; waited_ms += FRESH_RETRY_MS) {
		rc = ask(cli, ONCE_TIMEOUT_S, &answer, e);
		if (rc < 0)
			return rc;
		if (rates_sampled_ms(first) && rates_sampled_ms(answer) > rates_sampled_ms(first)) {
			*ret_answer = answer;
			return 0;
		}
		json_decref(answer);
		sleep_ms(FRESH_RETRY_MS);
	}
	err_set(e, "ctmeterd has not read the counters again: ctmeter status may show why");
	return -ETIMEDOUT;
}

static int run_once(const struct cli *cli, const struct options *o, struct err *e)
{
	json_t *older = NULL, *newer = NULL, *object;
	struct rates *r = NULL;
	int rc = ask(cli, ONCE_TIMEOUT_S, &older, e);

	if (rc < 0)
		return rc;
	sleep_ms(o->interval_ns / NS_PER_MS);
	rc = ask_newer(cli, older, &newer, e);
	if (rc < 0)
		goto cleanup;
	r = rates_new(older, newer, cli->top.by_address, o->key);
	if (cli->json) {
		object = rates_json(r, o->max_rows);
		cli_print_json(cli, object);
		json_decref(object);
	} else {
		cli_top_print(r, cli->top.by_address, o->key, NULL, o->max_rows, cli->out);
	}
cleanup:
	rates_free(r);
	json_decref(newer);
	json_decref(older);
	return rc;
}

/* ---- live ---- */

static void finish(struct top *top, int result)
{
	top->result = result;
	loop_stop(top->loop);
}

static char *frame_text(struct top *top, size_t lines)
{
	struct rates *r = rates_new(top->older ? top->older : top->newer, top->newer,
				    top->by_address, top->options.key);
	size_t room = lines > TITLE_LINE + 1 ? lines - TITLE_LINE - 1 : 0, len = 0;
	char *text = NULL;
	FILE *out = xopen_memstream(&text, &len);

	cli_top_print(r, top->by_address, top->options.key, top->note ? top->note : key_help,
		      room < top->options.max_rows ? room : top->options.max_rows, out);
	fclose(out);
	rates_free(r);
	return text;
}

static void draw(struct top *top)
{
	size_t lines, columns;
	char *text;
	int rc;

	term_size(top->term, &lines, &columns);
	text = frame_text(top, lines);
	rc = term_draw(top->term, text, TITLE_LINE);
	if (rc < 0) {
		err_set(top->e, "cannot write to the terminal: %s", strerror(-rc));
		finish(top, rc);
	}
	free(text);
}

static void set_note(struct top *top, char *take)
{
	free(top->note);
	top->note = take;
}

/* Take a new answer. The table shows the change since the last one, which may be old when the
 * daemon was away; the header states the time between them. */
static void take_answer(struct top *top, json_t *take, uint64_t now_ns)
{
	uint64_t sampled_ms = rates_sampled_ms(take), before_ms = rates_sampled_ms(top->newer);
	uint64_t age_ms = cli_number(take, "sample_age_ms");
	char buf[DISPLAY_NUMBER_SIZE * 2];

	if (top->away_ns)
		set_note(top, xasprintf("ctmeterd was away for %s and is back",
					display_duration((now_ns - top->away_ns) / NS_PER_S, buf)));
	else if (!sampled_ms)
		set_note(top, xstrdup("ctmeterd has read no counters yet"));
	else if (age_ms > STALE_AFTER_MS)
		set_note(top, xasprintf("the counters were read %s ago",
					display_duration(age_ms / 1000, buf)));
	else
		set_note(top, NULL);
	top->away_ns = 0;
	if (!sampled_ms || sampled_ms == before_ms) {
		json_decref(take);
		return;
	}
	json_decref(top->older);
	top->older = top->newer;
	top->newer = take;
}

static void on_tick(void *arg, uint64_t now_ns)
{
	struct top *top = arg;
	struct err e = { "" };
	char buf[DISPLAY_NUMBER_SIZE * 2];
	json_t *answer;

	loop_timer_set(top->loop, &top->tick, now_ns + top->options.interval_ns);
	if (!ask(top->cli, LIVE_TIMEOUT_S, &answer, &e)) {
		take_answer(top, answer, loop_now_ns());
	} else {
		if (!top->away_ns)
			top->away_ns = now_ns;
		set_note(top, xasprintf("no answer for %s: %s",
					display_duration((now_ns - top->away_ns) / NS_PER_S, buf),
					e.text));
	}
	draw(top);
}

static void on_key(void *arg, short revents, uint64_t now_ns)
{
	struct top *top = arg;
	char key = 0;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	(void)revents;
	(void)now_ns;
	if (n <= 0) {
		loop_unwatch(top->loop, STDIN_FILENO);
		return;
	}
	switch (key) {
	case 'q':
		finish(top, 0);
		return;
	case 'a':
		top->by_address = !top->by_address;
		break;
	case 'i':
		top->options.key = RATES_BY_IN;
		break;
	case 'o':
		top->options.key = RATES_BY_OUT;
		break;
	case 't':
		top->options.key = RATES_BY_TOTAL;
		break;
	case 'p':
		top->options.key = RATES_BY_PKTS;
		break;
	default:
		return;
	}
	draw(top);
}

static void on_signal(void *arg, short revents, uint64_t now_ns)
{
	struct top *top = arg;
	struct signalfd_siginfo info;

	(void)revents;
	(void)now_ns;
	while (read(top->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTSTP) {
			term_leave(top->term);
			raise(SIGSTOP); /* until SIGCONT */
			term_enter(top->term);
		} else if (info.ssi_signo != SIGWINCH) {
			finish(top, 0);
			return;
		}
		draw(top);
	}
}

static int open_signals(struct top *top, struct err *e)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	top->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (top->signals < 0) {
		err_set(e, "cannot receive signals: signalfd: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

static void show(struct top *top)
{
	top->loop = loop_new();
	top->term = term_new(top->cli->out, STDIN_FILENO);
	loop_timer_init(&top->tick, on_tick, top);
	loop_timer_set(top->loop, &top->tick, loop_now_ns() + top->options.interval_ns);
	loop_watch(top->loop, top->signals, POLLIN, on_signal, top);
	if (isatty(STDIN_FILENO))
		loop_watch(top->loop, STDIN_FILENO, POLLIN, on_key, top);
	draw(top);
	if (!top->result)
		loop_run(top->loop);
	term_free(top->term);
	loop_free(top->loop);
}

static int run_live(const struct cli *cli, const struct options *o, struct err *e)
{
	struct top top = {
		.cli = cli, .options = *o, .by_address = cli->top.by_address, .signals = -1, .e = e
	};
	int rc = ask(cli, ONCE_TIMEOUT_S, &top.newer, e);

	if (!rc)
		rc = open_signals(&top, e);
	if (!rc) {
		show(&top);
		rc = top.result;
	}
	if (top.signals >= 0)
		close(top.signals);
	json_decref(top.older);
	json_decref(top.newer);
	free(top.note);
	return rc;
}

static bool can_show(const struct cli *cli)
{
	const char *term = getenv("TERM");

	return isatty(fileno(cli->out)) && term && *term && strcmp(term, "dumb") != 0;
}

int cli_top(const struct cli *cli, struct err *e)
{
	struct options o;
	int rc = parse_options(cli, &o, e);

	if (rc < 0)
		return rc;
	if (cli->json || cli->top.once || !can_show(cli))
		return run_once(cli, &o, e);
	return run_live(cli, &o, e);
}
