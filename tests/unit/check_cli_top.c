/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include "base/loop.h"
#include "base/xalloc.h"
#include "control/ctl.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* ---- text ---- */

#define CONTAINER(id, octets, status)                                                           \
	"{\"id\":\"" id "\",\"name\":\"web\",\"status\":\"" status "\",\"in_octets\":" #octets  \
	",\"in_pkts\":" #octets ",\"addresses\":[{\"address\":\"192.0.2." id "\",\"status\":\"" \
	"counting\",\"out_octets\":" #octets "}]}"

static struct rates *rates_of(const char *older, const char *newer, bool by_address)
{
	json_t *a = json_loads(older, 0, NULL), *b = json_loads(newer, 0, NULL);
	struct rates *r;

	ck_assert(a && b);
	r = rates_new(a, b, by_address, RATES_BY_TOTAL);
	json_decref(a);
	json_decref(b);
	return r;
}

static void assert_print(struct rates *take, bool by_address, const char *note, size_t max_rows,
			 const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	cli_top_print(take, by_address, RATES_BY_TOTAL, note, max_rows, out);
	fclose(out);
	ck_assert_str_eq(text, expected);
	free(text);
	rates_free(take);
}

static const char older[] =
	"{\"sampled_ms\":1000,\"containers\":[" CONTAINER("1", 1000, "counting") "," CONTAINER(
		"2", 9, "counting") "," CONTAINER("4", 7, "counting") "]}";
static const char newer[] =
	"{\"sampled_ms\":2000,\"containers\":[" CONTAINER("1", 2500, "counting") "," CONTAINER(
		"2", 4, "counting") "," CONTAINER("3", 500, "conflict") "]}";

START_TEST(cli_top_print_all_kinds_of_rows)
{
	assert_print(rates_of(older, newer, false), false, NULL, 9,
		     "3 containers   in 12.0 kbit/s, 1.50 k packets/s   out 0 bit/s, 0 packets/s\n"
		     "over 1.0 s, by total, 1 new, 1 gone, 1 counted anew\n"
		     "IN bit/s  OUT bit/s  IN pkt/s  OUT pkt/s  CTID  STATUS     NAME\n"
		     "  12.0 k        0      1.50 k        0    1     counting   web\n"
		     "     -          -         -          -    2     restarted  web\n"
		     "     -          -         -          -    3     new        web\n"
		     "     -          -         -          -    4     gone       web\n");
}
END_TEST

START_TEST(cli_top_print_addresses_note_and_limit)
{
	assert_print(rates_of(older, newer, true), true, "look here", 1,
		     "3 containers   in 12.0 kbit/s, 1.50 k packets/s   out 0 bit/s, 0 packets/s\n"
		     "over 1.0 s, by total, 1 new, 1 gone, 1 counted anew; look here\n"
		     "IN bit/s  OUT bit/s  IN pkt/s  OUT pkt/s  CTID  ADDRESS    STATUS    NAME\n"
		     "     0       12.0 k       0          0    1     192.0.2.1  counting  web\n");
}
END_TEST

START_TEST(cli_top_print_one_answer_is_no_rate)
{
	assert_print(rates_of(older, older, false), false, NULL, 1,
		     "3 containers\n"
		     "measuring\n"
		     "IN bit/s  OUT bit/s  IN pkt/s  OUT pkt/s  CTID  STATUS    NAME\n"
		     "     -          -         -          -    1     counting  web\n");
}
END_TEST

/* ---- the display ---- */

/* A daemon here, whose container 1 gets 1 Mbit/s by its own clock, and `ctmeter top` in a child on
 * a terminal of its own. */
struct world {
	char dir[32];
	char *config, *socket;
	struct loop *loop;
	struct ctl *ctl;
	unsigned answers;
	bool too_old, stands_still;
	int master, slave;
	struct termios usual;
	pid_t pid;
	char screen[1 << 16]; /* all that the child wrote since it was last looked at */
	size_t len;
};

static void serve(void *arg, struct ctl_request *req)
{
	struct world *w = arg;
	unsigned n = w->stands_still ? 1 : ++w->answers;
	char text[512];

	snprintf(text, sizeof(text),
		 "{%s:%u,\"containers\":[{\"id\":\"1\",\"name\":\"web\",\"status\":\"counting\","
		 "\"in_octets\":%u,\"addresses\":[{\"address\":\"192.0.2.1\"}]}]}",
		 w->too_old ? "\"other\"" : "\"sampled_ms\"", 1000 * n, 125000 * n);
	ctl_reply(req, json_loads(text, 0, NULL));
}

static void daemon_begins(struct world *w)
{
	struct err e = { "" };

	ck_assert_msg(ctl_new(w->socket, w->loop, serve, w, &w->ctl, &e) == 0, "%s", e.text);
}

static void daemon_ends(struct world *w)
{
	ctl_free(w->ctl);
	w->ctl = NULL;
}

static void open_terminal(struct world *w)
{
	struct winsize size = { .ws_row = 10, .ws_col = 70 };

	w->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	ck_assert_int_ge(w->master, 0);
	ck_assert_int_eq(grantpt(w->master), 0);
	ck_assert_int_eq(unlockpt(w->master), 0);
	/* Held open, so that the master never sees an end. */
	w->slave = open(ptsname(w->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(w->slave, 0);
	ck_assert_int_eq(ioctl(w->master, TIOCSWINSZ, &size), 0);
	ck_assert_int_eq(tcgetattr(w->slave, &w->usual), 0);
}

static struct world *world_new(void)
{
	struct world *w = xcalloc(1, sizeof(*w));
	FILE *config;

	snprintf(w->dir, sizeof(w->dir), "/tmp/check_cli_top.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(w->dir));
	w->config = xasprintf("%s/conf", w->dir);
	w->socket = xasprintf("%s/sock", w->dir);
	config = fopen(w->config, "w");
	fprintf(config, "[inventory]\nsource = file:/nowhere\n[control]\nsocket = %s\n", w->socket);
	fclose(config);
	w->loop = loop_new();
	daemon_begins(w);
	open_terminal(w);
	return w;
}

static void world_free(struct world *w)
{
	ctl_free(w->ctl);
	loop_free(w->loop);
	close(w->master);
	close(w->slave);
	unlink(w->config);
	ck_assert_int_eq(rmdir(w->dir), 0);
	free(w->config);
	free(w->socket);
	free(w);
}

/* In the child: never returns. */
static void become_ctmeter(struct world *w, const char *const options[], const char *term)
{
	char *argv[12] = { (char *)"ctmeter", (char *)"-c",         w->config,
			   (char *)"top",     (char *)"--interval", (char *)"0.5" };
	size_t n = 6;

	while (*options)
		argv[n++] = (char *)(uintptr_t)*options++;
	setsid();
	ioctl(w->slave, TIOCSCTTY, 0);
	for (int fd = 0; fd < 3; fd++)
		dup2(w->slave, fd);
	setenv("TERM", term, 1);
	_exit(cli_main((int)n, argv));
}

static void start(struct world *w, const char *term, const char *const options[])
{
	fflush(NULL);
	w->len = 0;
	w->screen[0] = '\0';
	w->pid = fork();
	ck_assert_int_ge(w->pid, 0);
	if (!w->pid)
		become_ctmeter(w, options, term);
}

/* Serve, and take what the child writes. */
static void turn(struct world *w)
{
	ssize_t n;

	loop_run_once(w->loop, 5);
	n = read(w->master, w->screen + w->len, sizeof(w->screen) - w->len - 1);
	if (n > 0)
		w->len += (size_t)n;
	w->screen[w->len] = '\0';
}

/* Await `text` on the screen, and forget what came up to now. The case's timeout is the limit. */
static void await(struct world *w, const char *text)
{
	while (!strstr(w->screen, text)) {
		ck_assert_msg(waitpid(w->pid, NULL, WNOHANG) == 0, "ended before '%s': %s", text,
			      w->screen);
		turn(w);
	}
	w->len = 0;
	w->screen[0] = '\0';
}

/* Await the child's end; its exit status. */
static int await_end(struct world *w)
{
	int status;

	while (waitpid(w->pid, &status, WNOHANG) == 0)
		turn(w);
	for (size_t before = w->len + 1; before != w->len;) {
		before = w->len;
		turn(w);
	}
	ck_assert_msg(WIFEXITED(status), "died of signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void assert_terminal_is_back(const struct world *w)
{
	struct termios now;

	ck_assert_int_eq(tcgetattr(w->slave, &now), 0);
	ck_assert_uint_eq(now.c_lflag, w->usual.c_lflag);
	ck_assert_uint_eq(now.c_iflag, w->usual.c_iflag);
	ck_assert_uint_eq(now.c_oflag, w->usual.c_oflag);
	ck_assert_msg(strstr(w->screen, "\033[?25h\033[?1049l"), "no way back in: %s", w->screen);
}

static void press(struct world *w, const char *keys)
{
	ck_assert_int_eq(write(w->master, keys, strlen(keys)), (ssize_t)strlen(keys));
}

static const char *const no_options[] = { NULL };

START_TEST(cli_top_keys_size_and_quit)
{
	struct world *w = world_new();
	struct winsize small = { .ws_row = 5, .ws_col = 30 };
	struct termios now;

	start(w, "xterm", no_options);
	await(w, "\033[?1049h\033[?25l");
	await(w, "in 1.00 Mbit/s");
	ck_assert_int_eq(tcgetattr(w->slave, &now), 0);
	ck_assert_uint_eq(now.c_lflag & (ICANON | ECHO), 0);
	press(w, "a");
	await(w, "192.0.2.1");
	press(w, "p");
	await(w, "by pkts");
	ck_assert_int_eq(ioctl(w->master, TIOCSWINSZ, &small), 0);
	await(w, "1 container   in 1.00 Mbit/..."); /* 30 columns */
	press(w, "xq");
	ck_assert_int_eq(await_end(w), 0);
	assert_terminal_is_back(w);
	world_free(w);
}
END_TEST

START_TEST(cli_top_daemon_restarted_goes_on)
{
	struct world *w = world_new();

	start(w, "xterm", no_options);
	await(w, "in 1.00 Mbit/s");
	daemon_ends(w);
	await(w, "no answer for 0 s: cannot reach ctmeterd");
	daemon_begins(w);
	await(w, "ctmeterd was away for ");
	await(w, "keys:");
	press(w, "q");
	ck_assert_int_eq(await_end(w), 0);
	world_free(w);
}
END_TEST

START_TEST(cli_top_signals_give_the_terminal_back)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct world *w = world_new();

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		start(w, "xterm", no_options);
		await(w, "measuring");
		ck_assert_int_eq(kill(w->pid, signals[i]), 0);
		ck_assert_int_eq(await_end(w), 0);
		assert_terminal_is_back(w);
	}
	/* From the keyboard. */
	start(w, "xterm", no_options);
	await(w, "measuring");
	press(w, "\003");
	ck_assert_int_eq(await_end(w), 0);
	assert_terminal_is_back(w);
	world_free(w);
}
END_TEST

START_TEST(cli_top_stopped_gives_the_terminal_back)
{
	struct world *w = world_new();
	int status = 0;

	start(w, "xterm", no_options);
	await(w, "measuring");
	ck_assert_int_eq(kill(w->pid, SIGTSTP), 0);
	while (waitpid(w->pid, &status, WUNTRACED | WNOHANG) == 0)
		turn(w);
	ck_assert(WIFSTOPPED(status));
	turn(w);
	assert_terminal_is_back(w);
	ck_assert_int_eq(kill(w->pid, SIGCONT), 0);
	await(w, "\033[?1049h\033[?25l");
	press(w, "q");
	ck_assert_int_eq(await_end(w), 0);
	assert_terminal_is_back(w);
	world_free(w);
}
END_TEST

START_TEST(cli_top_once_is_one_plain_table)
{
	static const char *const once[] = { "--once", NULL };
	static const char *const limited[] = { "--once", "--count", "1", "--addresses", NULL };
	struct world *w = world_new();

	start(w, "xterm", once);
	ck_assert_int_eq(await_end(w), 0);
	ck_assert_ptr_nonnull(strstr(w->screen, "in 1.00 Mbit/s"));
	ck_assert_ptr_null(strchr(w->screen, '\033'));
	/* A terminal that knows no control sequences. */
	start(w, "dumb", no_options);
	ck_assert_int_eq(await_end(w), 0);
	ck_assert_ptr_nonnull(strstr(w->screen, "in 1.00 Mbit/s"));
	ck_assert_ptr_null(strchr(w->screen, '\033'));
	start(w, "xterm", limited);
	ck_assert_int_eq(await_end(w), 0);
	ck_assert_ptr_nonnull(strstr(w->screen, "192.0.2.1"));
	world_free(w);
}
END_TEST

START_TEST(cli_top_once_json_has_rates)
{
	static const char *const options[] = { "--json", NULL };
	struct world *w = world_new();
	json_t *j;

	start(w, "xterm", options);
	ck_assert_int_eq(await_end(w), 0);
	j = json_loads(w->screen, 0, NULL);
	ck_assert_msg(j, "%s", w->screen);
	ck_assert_int_eq(json_integer_value(
				 json_object_get(json_object_get(j, "total"), "in_bits_per_s")),
			 1000000);
	json_decref(j);
	world_free(w);
}
END_TEST

START_TEST(cli_top_failures_exit_1)
{
	static const char *const once[] = { "--once", NULL };
	struct world *w = world_new();

	w->too_old = true;
	start(w, "xterm", no_options);
	ck_assert_int_eq(await_end(w), 1);
	ck_assert_ptr_nonnull(strstr(w->screen, "ctmeterd is older than ctmeter"));
	w->too_old = false;
	w->stands_still = true;
	start(w, "xterm", once);
	ck_assert_int_eq(await_end(w), 1);
	ck_assert_ptr_nonnull(strstr(w->screen, "ctmeterd has not read the counters again"));
	daemon_ends(w);
	start(w, "xterm", no_options);
	ck_assert_int_eq(await_end(w), 1);
	ck_assert_ptr_nonnull(strstr(w->screen, "is it running?"));
	ck_assert_ptr_null(strchr(w->screen, '\033'));
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cli_top");
	TCase *tc = tcase_create("cli_top");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, cli_top_print_all_kinds_of_rows);
	tcase_add_test(tc, cli_top_print_addresses_note_and_limit);
	tcase_add_test(tc, cli_top_print_one_answer_is_no_rate);
	tcase_add_test(tc, cli_top_keys_size_and_quit);
	tcase_add_test(tc, cli_top_daemon_restarted_goes_on);
	tcase_add_test(tc, cli_top_signals_give_the_terminal_back);
	tcase_add_test(tc, cli_top_stopped_gives_the_terminal_back);
	tcase_add_test(tc, cli_top_once_is_one_plain_table);
	tcase_add_test(tc, cli_top_once_json_has_rates);
	tcase_add_test(tc, cli_top_failures_exit_1);
	suite_add_tcase(s, tc);
	setlocale(LC_CTYPE, "C");
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
