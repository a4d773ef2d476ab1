/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sources of runtimes, against a server of this test's own on a unix socket. */
#include "source_bench.h"

#ifndef CTM_NO_CURL

#include "inventory/curl_load.h"
#include "inventory/source_kind.h"

#include <errno.h>

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* A runtime: a process that answers each request for containers or instances with the file
 * DIR/answer, as it is now and HTTP's header included, one for a container with DIR/one, whose id
 * it adds to DIR/asked, and keeps each connection for events open,
 * sending a line on it whenever the file DIR/event is there. */
struct server {
	char *dir, *socket, *spec;
	pid_t pid;
};

static int listen_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sun.sun_path, path);
	unlink(path);
	ck_assert(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 && listen(fd, 8) == 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	ck_assert(send(fd, text, strlen(text), MSG_NOSIGNAL) >= 0);
}

static void send_file(int fd, const char *dir, const char *name)
{
	char path[256], buf[65536];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	while (f && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		if (send(fd, buf, n, MSG_NOSIGNAL) < 0)
			break;
	if (f)
		fclose(f);
}

/* Returns whether the request is for one container. */
static bool note_one(const char *dir, const char *request)
{
	char path[256], id[65];
	FILE *f;

	if (sscanf(request, "GET /containers/%64[0-9a-f]/json HTTP", id) != 1)
		return false;
	snprintf(path, sizeof(path), "%s/asked", dir);
	f = fopen(path, "a");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "%s ", id);
	fclose(f);
	return true;
}

#define EVENTS_MAX 8

static void serve(int listener, const char *dir)
{
	int events[EVENTS_MAX], n_events = 0;
	char path[256], request[4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/event", dir);
	for (;;) {
		struct pollfd pfd = { .fd = listener, .events = POLLIN };
		ssize_t n;
		int fd;

		if (poll(&pfd, 1, 5) <= 0) {
			if (unlink(path) == 0)
				for (int i = 0; i < n_events; i++)
					send(events[i], "3\r\n{}\n\r\n", 8, MSG_NOSIGNAL);
			continue;
		}
		fd = accept(listener, NULL, NULL);
		n = recv(fd, request, sizeof(request) - 1, 0);
		request[n < 0 ? 0 : n] = '\0';
		if (strstr(request, "/events") && n_events < EVENTS_MAX) {
			send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
			events[n_events++] = fd;
			continue;
		}
		send_file(fd, dir, note_one(dir, request) ? "one" : "answer");
		close(fd);
	}
}

static void server_start(struct server *s)
{
	int listener = listen_at(s->socket);

	s->pid = fork();
	if (s->pid == 0)
		serve(listener, s->dir);
	close(listener);
}

static void server_stop(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

/* Answer with this from now on: one step, so that no request sees half of it. */
static void answer_with(const struct server *s, const char *name, const char *text)
{
	char *path = write_file(s->dir, "answer.new", 0644, text);
	char *to = xasprintf("%s/%s", s->dir, name);

	ck_assert(rename(path, to) == 0);
	free(path);
	free(to);
}

static void answer_raw(const struct server *s, const char *text)
{
	answer_with(s, "answer", text);
}

static void answer_json(const struct server *s, const char *name, const char *json)
{
	char *text =
		xasprintf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(json), json);

	answer_with(s, name, text);
	free(text);
}

static void answer(const struct server *s, const char *json)
{
	answer_json(s, "answer", json);
}

static void open_server(struct server *s, const char *kind)
{
	s->dir = make_dir();
	s->socket = xasprintf("%s/socket", s->dir);
	s->spec = spec_of(kind, s->socket, "");
	server_start(s);
}

static void close_server(struct server *s)
{
	server_stop(s);
	remove_dir(s->dir);
	free(s->socket);
	free(s->spec);
}

#define C(id, name, address)                                                  \
	"{\"Id\":\"" id "\",\"Names\":[\"/" name "\"],\"State\":\"running\"," \
	"\"NetworkSettings\":{\"Networks\":{\"b\":{\"IPAddress\":\"" address "\"}}}}"

#define OLD "0123456789ab_"

static bool has_libcurl(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	bool has = false;

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps))
		has = has || strstr(line, "/libcurl");
	fclose(maps);
	return has;
}

START_TEST(curl_load_only_when_needed)
{
	struct err e = { "" };
	const struct curl *curl;

	ck_assert(!has_libcurl());
	curl = curl_load(&e);
	ck_assert_msg(curl != NULL, "%s", e.text);
	ck_assert(has_libcurl());
	ck_assert_ptr_nonnull(curl->multi_socket_action);
	ck_assert_ptr_eq(curl_load(&e), curl);
}
END_TEST

START_TEST(sources_look_docker_asked_at_each_look)
{
	struct server s;
	struct bench b;

	open_server(&s, "docker");
	answer(&s, "[" C("a1", "web", "172.17.0.2") "]");
	open_bench(&b, "", s.spec, NULL);
	expect_look(&b, "web[web,running] 172.17.0.2");
	answer(&s, "[" C("a2", "web", "172.17.0.3") "," C("a3", "db", "") "]");
	expect_look(&b, "db[db,running]; web[web,running] 172.17.0.3");
	answer(&s, "[]");
	expect_look(&b, "");
	close_bench(&b);
	close_server(&s);
}
END_TEST

/* An address that passes for the old one while it is replaced makes no row, and costs none. */
START_TEST(sources_look_docker_passing_names_make_no_row)
{
	struct server s;
	struct bench b;

	open_server(&s, "docker");
	answer(&s, "[" C("a1", "web", "172.17.0.2") "]");
	open_bench(&b, "", s.spec, NULL);
	expect_look(&b, "web[web,running] 172.17.0.2");
	/* The new one has the passing name .. */
	answer(&s, "[" C("a1", "web", "172.17.0.2") "," C("a2", OLD "web", "") "]");
	expect_look(&b, "web[web,running] 172.17.0.2");
	/* .. or the old one. */
	answer(&s, "[" C("a1", OLD "web", "172.17.0.2") "," C("a2", "web", "") "]");
	expect_look(&b, "web[" OLD "web,running] 172.17.0.2");
	answer(&s, "[" C("a2", "web", "172.17.0.2") "]");
	expect_look(&b, "web[web,running] 172.17.0.2");
	close_bench(&b);
	close_server(&s);
}
END_TEST

START_TEST(sources_look_docker_broken_answers_keep_what_it_said)
{
	static const char *const t[][2] = {
		{ "", "Empty reply" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", "transfer closed" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n[", "cut off" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "an empty answer" },
		{ "HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nno\033!", "status 500: no?!" },
		{ "HTTP/1.1 302 Go\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n",
		  "status 302" },
		{ "rubbish\r\n\r\n", "HTTP/0.9" },
	};
	struct server s;
	struct bench b;

	open_server(&s, "docker");
	answer(&s, "[" C("a1", "web", "172.17.0.2") "]");
	open_bench(&b, "", s.spec, NULL);
	expect_look(&b, "web[web,running] 172.17.0.2");
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		answer_raw(&s, t[i][0]);
		expect_failure(&b, t[i][1], "web[web,running] 172.17.0.2");
	}
	close_bench(&b);
	close_server(&s);
}
END_TEST

START_TEST(sources_look_docker_over_cap_fails)
{
	size_t len = source_octets_http(1000) + 1000;
	char *text = xcalloc(len + 1, 1);
	struct server s;
	struct bench b;

	memset(text, ' ', len);
	open_server(&s, "docker");
	open_bench(&b, "", s.spec, NULL);
	answer(&s, text);
	expect_failure(&b, "too much", "(incomplete)");
	close_bench(&b);
	close_server(&s);
	free(text);
}
END_TEST

/* A runtime that does not run is no failure, and nothing of it is gone. */
START_TEST(sources_look_docker_that_does_not_run_is_idle)
{
	char *dir = make_dir(), *list = write_file(dir, "list", 0644, "101 192.0.2.1\n");
	char *file = spec_of("file", list, "");
	struct server s;
	struct bench b;

	open_server(&s, "docker");
	server_stop(&s);
	open_bench(&b, "", s.spec, file);
	look(&b);
	ck_assert_uint_eq(b.failed, 0);
	ck_assert(!sources_is_failing(b.sources, 0));
	ck_assert_msg(strstr(sources_state(b.sources, 0), "not running: nothing listens"), "%s",
		      sources_state(b.sources, 0));
	ck_assert_str_eq(b.text, "101[-,unknown] 192.0.2.1");
	server_start(&s);
	answer(&s, "[" C("a1", "web", "172.17.0.2") "]");
	look(&b);
	ck_assert_str_eq(b.text, "101[-,unknown] 192.0.2.1; web[web,running] 172.17.0.2");
	server_stop(&s);
	look(&b);
	ck_assert_uint_eq(b.failed, 0);
	ck_assert_str_eq(b.text, "101[-,unknown] 192.0.2.1; web[web,running] 172.17.0.2");
	close_bench(&b);
	close_server(&s);
	remove_dir(dir);
	free(list);
	free(file);
}
END_TEST

/* Run the loop until a look that nobody here asked for gives this. */
static void await_text(struct bench *b, const char *text)
{
	uint64_t until = loop_now_ns() + 20 * NS_PER_S;

	while (strcmp(b->text, text) != 0 && loop_now_ns() < until)
		loop_run_once(b->loop, 100);
	ck_assert_str_eq(b->text, text);
}

START_TEST(sources_look_docker_events_ask_for_looks)
{
	struct server s;
	struct bench b;
	char *event;

	open_server(&s, "docker");
	answer(&s, "[]");
	open_bench(&b, "", s.spec, NULL);
	expect_look(&b, "");
	for (int i = 0; i < 3; i++) {
		answer(&s, i % 2 ? "[]" : "[" C("a1", "web", "172.17.0.2") "]");
		event = write_file(s.dir, "event", 0644, "");
		await_text(&b, i % 2 ? "" : "web[web,running] 172.17.0.2");
		free(event);
	}
	/* Its end is no end: the stream is opened anew when the runtime runs again. */
	server_stop(&s);
	answer(&s, "[" C("a4", "later", "172.17.0.4") "]");
	server_start(&s);
	await_text(&b, "later[later,running] 172.17.0.4");
	close_bench(&b);
	close_server(&s);
}
END_TEST

#define E(id, name, endpoint)                                                 \
	"{\"Id\":\"" id "\",\"Names\":[\"/" name "\"],\"State\":\"running\"," \
	"\"NetworkSettings\":{\"Networks\":{\"b\":{\"EndpointID\":\"" endpoint "\"}}}}"

static void expect_pids(const struct bench *b, pid_t first, pid_t second)
{
	struct inventory *inv = sources_inventory(b->sources);

	ck_assert_uint_eq(inv->n_containers, 2);
	ck_assert_int_eq(inv->containers[0].pid, first);
	ck_assert_int_eq(inv->containers[1].pid, second);
	inv_free(inv);
}

static void expect_asked(const struct server *s, const char *ids)
{
	char *path = xasprintf("%s/asked", s->dir), said[4096] = "";
	FILE *f = fopen(path, "r");

	if (f) {
		said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
		fclose(f);
	}
	ck_assert_str_eq(said, ids);
	unlink(path);
	free(path);
}

START_TEST(sources_look_docker_asks_for_a_process_once_a_start)
{
	static const char both[] = "db[db,running]; web[web,running]";
	struct server s;
	struct bench b;

	open_server(&s, "docker");
	answer(&s, "[" E("a1", "web", "e1") "," E("a2", "db", "e2") "]");
	answer_json(&s, "one", "{\"Config\":{\"Env\":[]},\"State\":{\"Pid\":41}}");
	open_bench(&b, "", s.spec, NULL);
	expect_look(&b, both);
	expect_asked(&s, "a1 a2 ");
	expect_pids(&b, 41, 41);
	expect_look(&b, both);
	expect_asked(&s, "");
	/* One is started again, and its process cannot be had yet. */
	answer(&s, "[" E("a1", "web", "e3") "," E("a2", "db", "e2") "]");
	answer_with(&s, "one", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	expect_look(&b, both);
	expect_asked(&s, "a1 ");
	expect_pids(&b, 41, 0);
	answer_json(&s, "one", "{\"State\":{\"Pid\":42}}");
	expect_look(&b, both);
	expect_asked(&s, "a1 ");
	expect_pids(&b, 41, 42);
	close_bench(&b);
	close_server(&s);
}
END_TEST

/* Of the helper's request, only an id of hexadecimal digits is sent on, and of the answer only the
 * process comes back. */
START_TEST(source_docker_job_sends_ids_only)
{
	static const char *const bad[] = { "pid=", "pid=a1/top", "pid=A1", "pid=../x", "pid" };
	static const char full[] = "{\"Config\":{\"Env\":[\"X=secret\"]},\"State\":{\"Pid\":7}}";
	struct source_job job = { .argv = NULL };
	struct err e = { "" };
	const char *name;
	const struct source_kind *kind = source_kind_of_request("docker:/run/x pid=a1", &name);
	char *excerpt;

	ck_assert_ptr_nonnull(kind);
	ck_assert_int_eq(kind->helper_job(name, &job, &e), 0);
	ck_assert_str_eq(job.socket, "/run/x");
	ck_assert_str_eq(job.request, "/containers/a1/json");
	excerpt = job.excerpt(full, strlen(full));
	ck_assert_str_eq(excerpt, "{\"State\": {\"Pid\": 7}}");
	free(excerpt);
	source_job_clear(&job);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(kind->helper_job(bad[i], &job, &e), -EPERM);
	kind = source_kind_of_request("podman pid=a1", &name);
	ck_assert_int_eq(kind->helper_job(name, &job, &e), -EPERM);
}
END_TEST

#define I(uuid, project, name)                                                       \
	"{\"name\":\"" name "\",\"project\":\"" project "\",\"status\":\"Running\"," \
	"\"config\":{\"volatile.uuid\":\"" uuid "\"}}"
#define U1 "11111111-2222-4333-8444-555555555555"
#define U2 "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
#define LIST(more) "{\"type\":\"sync\",\"metadata\":[" more "]}"

START_TEST(sources_look_incus_renames_followed)
{
	struct server s;
	struct bench b;

	open_server(&s, "incus");
	answer(&s, LIST(I(U1, "default", "web")));
	open_bench(&b, "", s.spec, NULL);
	expect_look(&b, "web[web,running]");
	answer(&s, LIST(I(U1, "default", "www")));
	expect_look(&b, "web[www,running]");
	/* Another one with the name that it had. */
	answer(&s, LIST(I(U2, "default", "web") "," I(U1, "default", "www")));
	expect_look(&b, "web[www,running]; web~aaaaaaaa[web,running]");
	answer(&s, LIST(I(U1, "shop", "www") "," I(U2, "default", "web")));
	expect_look(&b, "web[shop/www,running]; web~aaaaaaaa[web,running]");
	/* It is gone: a new one with its name goes on with its row. */
	answer(&s, LIST(I("u3", "default", "web")));
	expect_look(&b, "web[web,running]");
	close_bench(&b);
	close_server(&s);
}
END_TEST

/* What the ledger knows outlives the source. */
START_TEST(sources_know_incus_renames_followed_after_restart)
{
	struct server s;
	struct bench b;

	open_server(&s, "incus");
	answer(&s, LIST(I(U1, "default", "www") "," I(U2, "default", "web")));
	open_bench(&b, "", s.spec, NULL);
	sources_know(b.sources, "incus", U1, "web");
	sources_know(b.sources, "docker", U2, "other");
	expect_look(&b, "web[www,running]; web~aaaaaaaa[web,running]");
	close_bench(&b);
	close_server(&s);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("runtime");
	TCase *t = tcase_create("runtime");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, curl_load_only_when_needed);
	tcase_add_test(t, sources_look_docker_asked_at_each_look);
	tcase_add_test(t, sources_look_docker_passing_names_make_no_row);
	tcase_add_test(t, sources_look_docker_broken_answers_keep_what_it_said);
	tcase_add_test(t, sources_look_docker_over_cap_fails);
	tcase_add_test(t, sources_look_docker_that_does_not_run_is_idle);
	tcase_add_test(t, sources_look_docker_events_ask_for_looks);
	tcase_add_test(t, sources_look_docker_asks_for_a_process_once_a_start);
	tcase_add_test(t, source_docker_job_sends_ids_only);
	tcase_add_test(t, sources_look_incus_renames_followed);
	tcase_add_test(t, sources_know_incus_renames_followed_after_restart);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return run_suite(suite());
}

#else

int main(void)
{
	return 0;
}

#endif
