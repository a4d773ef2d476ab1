/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source `kubernetes`, against a runtime that this test plays: as much of HTTP/2 and gRPC as it
 * needs. */
#include "source_bench.h"

#ifndef CTM_NO_CURL

#include "inventory/inv_cri.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* ---- messages ---- */

struct octets {
	uint8_t at[1 << 20];
	size_t len;
};

static void put(struct octets *o, const void *octets, size_t len)
{
	ck_assert(o->len + len <= sizeof(o->at));
	memcpy(o->at + o->len, octets, len);
	o->len += len;
}

static void put_varint(struct octets *o, uint64_t value)
{
	do {
		uint8_t octet = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

		put(o, &octet, 1);
		value >>= 7;
	} while (value);
}

static void put_number(struct octets *o, unsigned field, uint64_t value)
{
	put_varint(o, field << 3);
	put_varint(o, value);
}

static void put_octets(struct octets *o, unsigned field, const void *octets, size_t len)
{
	put_varint(o, field << 3 | 2);
	put_varint(o, len);
	put(o, octets, len);
}

static void put_text(struct octets *o, unsigned field, const char *text)
{
	put_octets(o, field, text, strlen(text));
}

static void put_message(struct octets *o, unsigned field, const struct octets *message)
{
	put_octets(o, field, message->at, message->len);
}

/* An entry of a list of pods. label: "ctmeter.id=7", NULL: none. */
static void put_pod(struct octets *list, const char *id, const char *space, const char *name,
		    bool ready, const char *label)
{
	static struct octets pod, metadata, entry;

	pod.len = metadata.len = entry.len = 0;
	put_text(&pod, 1, id);
	put_text(&metadata, 1, name);
	put_text(&metadata, 2, "uid-1");
	put_text(&metadata, 3, space);
	put_message(&pod, 2, &metadata);
	if (!ready)
		put_number(&pod, 3, 1);
	put_number(&pod, 4, 1700000000000000000ull);
	if (label) {
		put_octets(&entry, 1, label, strcspn(label, "="));
		put_text(&entry, 2, strchr(label, '=') + 1);
		put_message(&pod, 5, &entry);
	}
	put_message(list, 1, &pod);
}

static void put_status(struct octets *answer, const char *ip, const char *more, unsigned mode,
		       const char *info)
{
	static struct octets status, one, two, three;

	status.len = one.len = two.len = three.len = 0;
	put_text(&status, 1, "irrelevant");
	put_text(&one, 1, ip);
	if (more) {
		put_text(&two, 1, more);
		put_message(&one, 2, &two);
	}
	put_message(&status, 5, &one);
	one.len = two.len = 0;
	put_number(&three, 1, mode);
	put_message(&two, 2, &three);
	put_message(&one, 1, &two);
	put_message(&status, 6, &one);
	put_message(answer, 1, &status);
	one.len = 0;
	put_text(&one, 1, "info");
	put_text(&one, 2, info);
	put_message(answer, 2, &one);
}

/* The message in its frame. */
static char *framed(const struct octets *message, size_t *ret_len)
{
	char *text = xmalloc(message->len + 6);

	text[0] = 0;
	for (int i = 0; i < 4; i++)
		text[1 + i] = (char)(message->len >> (24 - 8 * i));
	memcpy(text + 5, message->at, message->len);
	*ret_len = message->len + 5;
	return text;
}

static struct octets a, b; /* messages being made */

/* ---- parsing ---- */

static const struct cri_status *only_first(void *arg, const char *id)
{
	return *id == 'a' ? arg : NULL;
}

static char *text_of(struct cri_status *status, struct inv_part **ret_part)
{
	struct inv_part *part = inv_part_new("src", NULL);
	struct err e = { "" };
	size_t len;
	char *text = framed(&a, &len), *said;

	ck_assert_msg(inv_cri(part, text, len, only_first, status, &e) == 0, "%s", e.text);
	said = part_text(part);
	free(text);
	*ret_part = part;
	return said;
}

START_TEST(inv_cri_pods_read)
{
	struct cri_status status;
	struct inv_part *part;
	struct err e = { "" };
	size_t len;
	char *text, *said;

	b.len = 0;
	put_status(&b, "10.244.0.5", "2001:db8::5", 0, "{\"pid\":4711,\"x\":[1]}");
	text = framed(&b, &len);
	ck_assert_int_eq(cri_status_read(text, len, &status, &e), 0);
	ck_assert_str_eq(status.addresses, "10.244.0.5 2001:db8::5");
	ck_assert_int_eq(status.pid, 4711);
	a.len = 0;
	put_pod(&a, "a1", "default", "web", true, NULL);
	put_pod(&a, "d1", "default", "web", false, NULL); /* its last sandbox */
	put_pod(&a, "d2", "shop", "done", false, NULL);
	put_pod(&a, "a2", "shop", "asked", true, "ctmeter.id=customer-7");
	put_pod(&a, "a3", "shop", "hidden", true, "ctmeter.ignore=true");
	put_pod(&a, "b4", "shop", "ends", true, NULL);
	said = text_of(&status, &part);
	ck_assert_str_eq(said, "shop/done[shop/done,stopped]; shop/ends[shop/ends,stopped]; "
			       "customer-7[shop/asked,running] 10.244.0.5! 2001:db8::5!; "
			       "default/web[default/web,running] 10.244.0.5! 2001:db8::5!");
	ck_assert_str_eq(inv_part_container_at(part, 0)->runtime, "kubernetes");
	ck_assert_str_eq(inv_part_container_at(part, 0)->runtime_id, "uid-1");
	ck_assert_int_eq(inv_part_container_at(part, 0)->pid, 4711);
	free(said);
	inv_part_free(part);
	cri_status_clear(&status);
	free(text);
}
END_TEST

START_TEST(inv_cri_pod_of_the_node_has_no_address)
{
	struct cri_status status;
	struct inv_part *part;
	struct err e = { "" };
	size_t len;
	char *text, *said;

	b.len = 0;
	put_status(&b, "192.0.2.1", NULL, 2, "nonsense");
	text = framed(&b, &len);
	ck_assert_int_eq(cri_status_read(text, len, &status, &e), 0);
	ck_assert(status.in_node && !status.pid);
	a.len = 0;
	put_pod(&a, "a1", "kube-system", "kube-proxy-x", true, NULL);
	said = text_of(&status, &part);
	ck_assert_str_eq(said, "kube-system/kube-proxy-x[kube-system/kube-proxy-x,running]");
	ck_assert_int_eq(inv_part_container_at(part, 0)->net, INV_NET_NODE);
	free(said);
	inv_part_free(part);
	cri_status_clear(&status);
	free(text);
}
END_TEST

START_TEST(inv_cri_damaged_answers_do_no_harm)
{
	struct cri_status status = { .addresses = (char *)"10.244.0.5" };
	struct err e = { "" };
	size_t list_len, len;
	char *list, *text;

	seed_random();
	log_capture();
	a.len = b.len = 0;
	put_pod(&a, "a1", "default", "web", true, "ctmeter.name=Web");
	put_pod(&a, "b2", "shop", "done", false, NULL);
	put_status(&b, "10.244.0.5", "2001:db8::5", 0, "{\"pid\":4711}");
	list = framed(&a, &list_len);
	text = framed(&b, &len);
	for (size_t i = 0; i < list_len; i++) { /* cut off anywhere */
		struct inv_part *part = inv_part_new("src", NULL);

		ck_assert_int_eq(inv_cri(part, list, i, only_first, &status, &e), -EBADMSG);
		inv_part_free(part);
	}
	for (int i = 0; i < 5000; i++) {
		struct inv_part *part = inv_part_new("src", NULL);
		struct cri_status read;
		size_t n;
		char *bad = mutate(list, list_len, &n);

		if (n > 5 && i % 2) { /* a good frame around it */
			memset(bad, 0, 5);
			bad[3] = (char)((n - 5) >> 8);
			bad[4] = (char)(n - 5);
		}
		if (inv_cri(part, bad, n, only_first, &status, &e) == 0)
			free(part_text(part));
		inv_part_free(part);
		free(bad);
		bad = mutate(text, len, &n);
		if (n > 5 && i % 2) {
			memset(bad, 0, 5);
			bad[3] = (char)((n - 5) >> 8);
			bad[4] = (char)(n - 5);
		}
		if (cri_status_read(bad, n, &read, &e) == 0)
			cri_status_clear(&read);
		free(bad);
	}
	free(list);
	free(text);
}
END_TEST

/* ---- a runtime ---- */

/* How it answers: as it should; not at all; with half of the frame; with a refusal. */
enum manner { ANSWERS, SILENT, HALF, REFUSES };

struct server {
	char *dir, *socket, *spec;
	enum manner manner;
	pid_t pid;
};

enum { DATA = 0, HEADERS = 1, SETTINGS = 4, GOAWAY = 7 };
enum { END_STREAM = 1, END_HEADERS = 4, ACK = 1 };

static void send_frame(int fd, unsigned type, unsigned flags, uint32_t stream, const void *octets,
		       size_t len)
{
	uint8_t head[9] = { (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, (uint8_t)type,
			    (uint8_t)flags };

	head[7] = (uint8_t)(stream >> 8);
	head[8] = (uint8_t)stream;
	send(fd, head, sizeof(head), MSG_NOSIGNAL);
	if (len)
		send(fd, octets, len, MSG_NOSIGNAL);
}

/* In HPACK without compression: ":status: 200", and "grpc-status: N". */
static void send_answer(int fd, uint32_t stream, const char *text, size_t len, char status)
{
	static const uint8_t ok[] = { 0x88 };
	uint8_t trailer[] = "\0\vgrpc-status\1N";

	trailer[sizeof(trailer) - 2] = (uint8_t)status;
	send_frame(fd, HEADERS, END_HEADERS, stream, ok, sizeof(ok));
	for (size_t at = 0; at < len; at += 16384)
		send_frame(fd, DATA, 0, stream, text + at, len - at < 16384 ? len - at : 16384);
	send_frame(fd, HEADERS, END_HEADERS | END_STREAM, stream, trailer, sizeof(trailer) - 1);
}

static void note_call(const struct server *s)
{
	char *path = xasprintf("%s/calls", s->dir);
	FILE *f = fopen(path, "a");

	fputs("x", f);
	fclose(f);
	free(path);
}

/* The call's message has come: DIR/list is for an empty one, DIR/ID for a sandbox's. */
static void answer(const struct server *s, int fd, uint32_t stream, const uint8_t *call, size_t len)
{
	static char text[1 << 20];
	char path[256];
	size_t n = 0;
	FILE *f;

	note_call(s);
	if (len <= 5)
		snprintf(path, sizeof(path), "%s/list", s->dir);
	else
		snprintf(path, sizeof(path), "%s/%.*s", s->dir, call[6], (const char *)call + 7);
	f = fopen(path, "r");
	if (f) {
		n = fread(text, 1, sizeof(text), f);
		fclose(f);
	}
	if (s->manner == SILENT)
		pause();
	else if (s->manner == REFUSES || !f)
		send_answer(fd, stream, "", 0, f ? '7' : '5');
	else
		send_answer(fd, stream, text, s->manner == HALF ? n / 2 : n, '0');
}

static void serve_one(const struct server *s, int fd)
{
	uint8_t head[24], body[16384];

	recv(fd, head, 24, MSG_WAITALL); /* the preface */
	send_frame(fd, SETTINGS, 0, 0, NULL, 0);
	while (recv(fd, head, 9, MSG_WAITALL) == 9) {
		size_t len = (size_t)head[1] << 8 | head[2];

		if (len && recv(fd, body, len, MSG_WAITALL) != (ssize_t)len)
			break;
		if (head[3] == SETTINGS && !(head[4] & ACK))
			send_frame(fd, SETTINGS, ACK, 0, NULL, 0);
		else if (head[3] == DATA && len)
			answer(s, fd, (uint32_t)head[7] << 8 | head[8], body, len);
		else if (head[3] == GOAWAY)
			break;
	}
	close(fd);
}

static void server_start(struct server *s, enum manner manner)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	s->manner = manner;
	strcpy(sun.sun_path, s->socket);
	unlink(s->socket);
	ck_assert(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 && listen(fd, 8) == 0);
	s->pid = fork();
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			serve_one(s, accept(fd, NULL, NULL));
	}
	close(fd);
}

static void server_stop(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

static void open_server(struct server *s)
{
	s->dir = make_dir();
	s->socket = xasprintf("%s/socket", s->dir);
	s->spec = spec_of("kubernetes", s->socket, "");
	server_start(s, ANSWERS);
}

static void close_server(struct server *s)
{
	server_stop(s);
	remove_dir(s->dir);
	free(s->socket);
	free(s->spec);
}

/* Let DIR/name hold this message. */
static void serve(const struct server *s, const char *name, const struct octets *message)
{
	char *path = xasprintf("%s/%s", s->dir, name);
	size_t len;
	char *text = framed(message, &len);
	FILE *f = fopen(path, "w");

	ck_assert(f && fwrite(text, 1, len, f) == len && fclose(f) == 0);
	free(text);
	free(path);
}

/* The calls since this was last asked. */
static size_t calls(const struct server *s)
{
	char *path = xasprintf("%s/calls", s->dir);
	struct stat st = { .st_size = 0 };

	stat(path, &st);
	unlink(path);
	free(path);
	return (size_t)st.st_size;
}

static void serve_two(const struct server *s)
{
	a.len = b.len = 0;
	put_pod(&a, "a1", "default", "web", true, NULL);
	put_pod(&a, "b2", "shop", "db", true, NULL);
	serve(s, "list", &a);
	put_status(&b, "10.244.0.5", "2001:db8::5", 0, "{\"pid\":1}");
	serve(s, "a1", &b);
	b.len = 0;
	put_status(&b, "10.244.0.6", NULL, 0, "{}");
	serve(s, "b2", &b);
}

#define WEB "default/web[default/web,running] 10.244.0.5 2001:db8::5"
#define DB "shop/db[shop/db,running] 10.244.0.6"

START_TEST(source_kubernetes_asks_once_for_each_sandbox)
{
	struct server s;
	struct bench bench;

	open_server(&s);
	serve_two(&s);
	open_bench(&bench, "", s.spec, NULL);
	expect_look(&bench, DB "; " WEB);
	ck_assert_uint_eq(calls(&s), 3);
	expect_look(&bench, DB "; " WEB);
	ck_assert_uint_eq(calls(&s), 1);
	put_pod(&a, "c3", "shop", "new", true, NULL);
	serve(&s, "list", &a);
	expect_look(&bench, DB "; shop/new[shop/new,stopped]; " WEB); /* ended since */
	ck_assert_uint_eq(calls(&s), 2);
	b.len = 0;
	put_status(&b, "", NULL, 0, "{}");
	serve(&s, "c3", &b);
	expect_look(&bench, DB "; shop/new[shop/new,running]; " WEB); /* no address yet */
	b.len = 0;
	put_status(&b, "10.244.0.7", NULL, 0, "{}");
	serve(&s, "c3", &b);
	expect_look(&bench, DB "; shop/new[shop/new,running] 10.244.0.7; " WEB);
	a.len = 0;
	serve(&s, "list", &a);
	expect_look(&bench, "");
	close_bench(&bench);
	close_server(&s);
}
END_TEST

START_TEST(source_kubernetes_failures_delete_nothing)
{
	struct server s;
	struct bench bench;

	log_capture();
	open_server(&s);
	serve_two(&s);
	open_bench(&bench, "", s.spec, NULL);
	expect_look(&bench, DB "; " WEB);
	server_stop(&s);
	server_start(&s, HALF);
	expect_failure(&bench, "cut off or of another form", DB "; " WEB);
	server_stop(&s);
	server_start(&s, REFUSES);
	expect_failure(&bench, "it answers with gRPC status 7", DB "; " WEB);
	server_stop(&s);
	look(&bench);
	ck_assert(!bench.failed);
	ck_assert_str_eq(bench.text, DB "; " WEB);
	ck_assert(strstr(sources_state(bench.sources, 0), "nothing listens at "));
	server_start(&s, ANSWERS);
	expect_look(&bench, DB "; " WEB);
	close_bench(&bench);
	close_server(&s);
}
END_TEST

/* It has 10 s, and the loop has all of them for others. */
START_TEST(source_kubernetes_silent_one_is_late)
{
	struct server s;
	struct bench bench;

	log_capture();
	open_server(&s);
	serve_two(&s);
	open_bench(&bench, "", s.spec, NULL);
	expect_look(&bench, DB "; " WEB);
	server_stop(&s);
	server_start(&s, SILENT);
	expect_failure(&bench, "it does not answer in time", DB "; " WEB);
	close_bench(&bench);
	close_server(&s);
}
END_TEST

START_TEST(source_kubernetes_ten_thousand_pods)
{
	struct server s;
	struct bench bench;

	log_capture();
	open_server(&s);
	a.len = 0;
	for (int i = 0; i < 10000; i++) {
		char id[32], name[32];

		snprintf(id, sizeof(id), "%x", i);
		snprintf(name, sizeof(name), "p%d", i);
		put_pod(&a, id, "d", name, false, NULL);
	}
	serve(&s, "list", &a);
	open_bench(&bench, "", s.spec, NULL);
	expect_failure(&bench, "far over max-rows = 1000", "(incomplete)");
	ck_assert_uint_eq(calls(&s), 1);
	close_bench(&bench);
	close_server(&s);
}
END_TEST

/* Of the helper's request, only an id of hexadecimal digits is sent on. */
START_TEST(source_kubernetes_job_sends_ids_only)
{
	static const char *const bad[] = { "pod=",
					   "pod=xyz",
					   "pod=A1",
					   "pods2",
					   "pod=a1/b",
					   ("pod=000000000000000000000000000000000000000000000000"
					    "00000000000000000") };
	struct source_job job = { .argv = NULL };
	struct err e = { "" };
	const char *name;
	const struct source_kind *kind = source_kind_of_request("kubernetes:/run/x pod=a1", &name);

	ck_assert_ptr_nonnull(kind);
	ck_assert(source_wants_job("kubernetes:/run/x", kind, "kubernetes:/run/x pod=a1"));
	ck_assert(!source_wants_job("kubernetes:/run/y", kind, "kubernetes:/run/x pod=a1"));
	ck_assert_int_eq(kind->helper_job(name, &job, &e), 0);
	ck_assert_str_eq(job.socket, "/run/x");
	ck_assert_uint_eq(job.call_len, 11);
	ck_assert(!memcmp(job.call, "\0\0\0\0\6\n\2a1\20\1", 11));
	source_job_clear(&job);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(kind->helper_job(bad[i], &job, &e), -EPERM);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, inv_cri_pods_read);
	tcase_add_test(tc, inv_cri_pod_of_the_node_has_no_address);
	tcase_add_test(tc, inv_cri_damaged_answers_do_no_harm);
	tcase_add_test(tc, source_kubernetes_asks_once_for_each_sandbox);
	tcase_add_test(tc, source_kubernetes_failures_delete_nothing);
	tcase_add_test(tc, source_kubernetes_silent_one_is_late);
	tcase_add_test(tc, source_kubernetes_ten_thousand_pods);
	tcase_add_test(tc, source_kubernetes_job_sends_ids_only);
}

#else

static void add_tests(TCase *tc)
{
	(void)tc;
	printf("SKIP kubernetes: built without libcurl\n");
}

#endif

int main(void)
{
	Suite *suite = suite_create("kubernetes");
	TCase *tc = tcase_create("kubernetes");

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	return run_suite(suite);
}
