/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libcurl's multi interface under our loop: it says which descriptor to watch for what, and when to
 * call it again. One multi handle for each request, so one connection, which is never reused. */
#include "inventory/http_unix.h"

#include "base/xalloc.h"

#include <errno.h>

#ifdef CTM_NO_CURL

void http_prepare(void)
{
}

int http_get_new(const struct http_ask *ask, struct loop *loop, struct http_get **ret_get,
		 struct err *e)
{
	(void)loop;
	(void)ret_get;
	err_set(e, "%s cannot be asked: built without libcurl", ask->socket);
	return -ENOTSUP;
}

void http_get_free(struct http_get *get)
{
	(void)get;
}

#else

#include "inventory/curl_load.h"
#include "inventory/inv.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAINT_OCTETS 160 /* of the body of a refusal */

struct http_get {
	const struct curl *curl;
	CURLM *multi;
	CURL *easy;
	struct loop *loop;
	struct loop_timer timer; /* when libcurl wants to be called */
	struct loop_timer deadline;
	int fd; /* that is watched; -1: none */
	char *out;
	size_t len, cap, max_octets;
	bool over; /* the answer is longer than max_octets */
	bool is_call; /* by gRPC */
	char grpc_status[16]; /* "": not said yet */
	struct curl_slist *headers;
	bool has_come; /* since `came` was last called */
	http_came_fn *came;
	http_done_fn *done; /* NULL: called already */
	void *arg;
	char trouble[CURL_ERROR_SIZE];
};

static long status_of(const struct http_get *g)
{
	long status = 0;

	g->curl->easy_getinfo(g->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* ---- called by libcurl ---- */

static void on_fd(void *arg, short revents, uint64_t now_ns);

static int watch_fd(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_fd)
{
	struct http_get *g = arg;
	short events = what == CURL_POLL_IN      ? POLLIN
		       : what == CURL_POLL_OUT   ? POLLOUT
		       : what == CURL_POLL_INOUT ? POLLIN | POLLOUT
						 : 0;

	(void)easy;
	(void)of_fd;
	if (g->fd >= 0 && (g->fd != fd || what == CURL_POLL_REMOVE)) {
		loop_unwatch(g->loop, g->fd);
		g->fd = -1;
	}
	if (what != CURL_POLL_REMOVE && g->done) {
		loop_watch(g->loop, fd, events, on_fd, g);
		g->fd = fd;
	}
	return 0;
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct http_get *g = arg;

	(void)multi;
	loop_timer_clear(g->loop, &g->timer);
	if (ms >= 0 && g->done)
		loop_timer_set(g->loop, &g->timer, loop_now_ns() + (uint64_t)ms * NS_PER_MS);
	return 0;
}

static size_t take_body(char *octets, size_t size, size_t n, void *arg)
{
	struct http_get *g = arg;
	size_t len = size * n;

	if (g->came && status_of(g) == 200) {
		g->has_come = true;
		return len;
	}
	if (len > g->max_octets - g->len) {
		g->over = true;
		return 0;
	}
	if (g->cap - g->len < len + 1) {
		g->cap = g->cap * 2 + len + 1;
		g->out = xreallocarray(g->out, g->cap, 1);
	}
	memcpy(g->out + g->len, octets, len);
	g->len += len;
	return len;
}

/* libcurl gives the trailer's lines like the header's. A refusal has no trailer: its status is in
 * the header. */
static void take_grpc_status(struct http_get *g, const char *line, size_t len)
{
	static const char name[] = "grpc-status:";
	size_t at = strlen(name), kept = 0;

	if (len <= at || strncasecmp(line, name, at) != 0)
		return;
	for (; at < len && kept < sizeof(g->grpc_status) - 1; at++)
		if (line[at] >= '0' && line[at] <= '9')
			g->grpc_status[kept++] = line[at];
	g->grpc_status[kept] = '\0';
}

/* An empty line ends the header. An answer that is followed has begun with it. */
static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_get *g = arg;

	if (g->is_call)
		take_grpc_status(g, line, n * size);
	if (g->came && n * size <= 2 && *line == '\r' && status_of(g) == 200) {
		g->has_come = true;
		loop_timer_clear(g->loop, &g->deadline);
	}
	return size * n;
}

/* ---- its end ---- */

static void release(struct http_get *g)
{
	g->done = NULL; /* the calls below must not watch anything anew */
	if (g->fd >= 0)
		loop_unwatch(g->loop, g->fd);
	g->fd = -1;
	loop_timer_clear(g->loop, &g->timer);
	loop_timer_clear(g->loop, &g->deadline);
	if (g->easy) {
		g->curl->multi_remove_handle(g->multi, g->easy);
		g->curl->easy_cleanup(g->easy);
	}
	if (g->multi)
		g->curl->multi_cleanup(g->multi);
	if (g->headers)
		g->curl->slist_free_all(g->headers);
	g->headers = NULL;
	g->easy = NULL;
	g->multi = NULL;
}

static void describe(const struct http_get *g, CURLcode code, struct http_end *end)
{
	char said[COMPLAINT_OCTETS];
	long status = status_of(g), error = 0;

	g->curl->easy_getinfo(g->easy, CURLINFO_OS_ERRNO, &error);
	if (code == CURLE_COULDNT_CONNECT && error)
		snprintf(end->text, sizeof(end->text), "its socket cannot be connected to: %s",
			 strerror((int)error));
	else if (g->over)
		snprintf(end->text, sizeof(end->text), "it answers with too much");
	else if (code != CURLE_OK)
		snprintf(end->text, sizeof(end->text), "%s",
			 *g->trouble ? g->trouble : g->curl->easy_strerror(code));
	else if (status != 200)
		snprintf(end->text, sizeof(end->text), "it answers with status %ld: %s", status,
			 inv_clean(g->out, said, sizeof(said)));
	else if (g->is_call && strcmp(g->grpc_status, "0") != 0)
		snprintf(end->text, sizeof(end->text), HTTP_GRPC_STATUS "%s",
			 *g->grpc_status ? g->grpc_status : "(none)");
}

/* g is not touched after done, which may free it. */
static void finish(struct http_get *g, struct http_end *end, uint64_t now_ns)
{
	http_done_fn *done = g->done;

	end->out = g->out;
	end->len = g->len;
	g->out[g->len] = '\0';
	release(g);
	done(g->arg, end, now_ns);
}

static void on_deadline(void *arg, uint64_t now_ns)
{
	struct http_end end = { .text = HTTP_LATE, .late = true };

	finish(arg, &end, now_ns);
}

/* libcurl has done what it could for now: tell our caller. */
static void look(struct http_get *g, uint64_t now_ns)
{
	struct http_end end = { .text = "" };
	const CURLMsg *message;
	int left;

	if (g->has_come) {
		g->has_come = false;
		g->came(g->arg, now_ns);
	}
	message = g->curl->multi_info_read(g->multi, &left);
	if (!message || message->msg != CURLMSG_DONE)
		return;
	g->out[g->len] = '\0';
	describe(g, message->data.result, &end);
	finish(g, &end, now_ns);
}

static void on_fd(void *arg, short revents, uint64_t now_ns)
{
	struct http_get *g = arg;
	int what = (revents & POLLIN ? CURL_CSELECT_IN : 0) |
		   (revents & POLLOUT ? CURL_CSELECT_OUT : 0) |
		   (revents & (POLLERR | POLLHUP) ? CURL_CSELECT_ERR | CURL_CSELECT_IN : 0);
	int running;

	g->curl->multi_socket_action(g->multi, g->fd, what, &running);
	look(g, now_ns);
}

static void on_timer(void *arg, uint64_t now_ns)
{
	struct http_get *g = arg;
	int running;

	g->curl->multi_socket_action(g->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	look(g, now_ns);
}

/* ---- its beginning ---- */

/* Without libcurl's HTTP/2 it cannot be made. */
static bool make_call(struct http_get *g, const struct http_ask *ask)
{
#if LIBCURL_VERSION_NUM >= 0x073100
	CURL *easy = g->easy;

	g->headers = g->curl->slist_append(NULL, "Content-Type: application/grpc");
	if (!g->headers || !g->curl->slist_append(g->headers, "TE: trailers"))
		return false;
	return !g->curl->easy_setopt(easy, CURLOPT_HTTP_VERSION,
				     (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE) &&
	       !g->curl->easy_setopt(easy, CURLOPT_POST, 1L) &&
	       !g->curl->easy_setopt(easy, CURLOPT_HTTPHEADER, g->headers) &&
	       !g->curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)ask->call_len) &&
	       !g->curl->easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, ask->call);
#else
	(void)g;
	(void)ask;
	return false;
#endif
}

static bool begin(struct http_get *g, const struct http_ask *ask)
{
	char *url = xasprintf("http://localhost%s", ask->request);
	const struct curl *curl = g->curl;
	CURL *easy = g->easy;
	bool good = (!g->is_call || make_call(g, ask)) &&
		    !curl->easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, ask->socket) &&
		    !curl->easy_setopt(easy, CURLOPT_URL, url) &&
		    !curl->easy_setopt(easy, CURLOPT_PROXY, "") && /* none from the environment */
		    !curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
		    !curl->easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) &&
		    !curl->easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) &&
		    !curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, g->trouble) &&
		    !curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) &&
		    !curl->easy_setopt(easy, CURLOPT_WRITEDATA, g) &&
		    !curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) &&
		    !curl->easy_setopt(easy, CURLOPT_HEADERDATA, g) &&
		    !curl->multi_setopt(g->multi, CURLMOPT_SOCKETFUNCTION, watch_fd) &&
		    !curl->multi_setopt(g->multi, CURLMOPT_SOCKETDATA, g) &&
		    !curl->multi_setopt(g->multi, CURLMOPT_TIMERFUNCTION, set_timer) &&
		    !curl->multi_setopt(g->multi, CURLMOPT_TIMERDATA, g) &&
		    !curl->multi_add_handle(g->multi, easy);

	free(url);
	return good;
}

void http_prepare(void)
{
	struct err e;

	curl_load(&e);
}

int http_get_new(const struct http_ask *ask, struct loop *loop, struct http_get **ret_get,
		 struct err *e)
{
	const struct curl *curl = curl_load(e);
	struct http_get *g;

	if (!curl)
		return -EIO;
	g = xcalloc(1, sizeof(*g));
	g->curl = curl;
	g->loop = loop;
	g->fd = -1;
	g->cap = 1;
	g->out = xcalloc(1, 1);
	g->max_octets = ask->max_octets;
	g->is_call = ask->call;
	g->came = ask->came;
	g->done = ask->done;
	g->arg = ask->arg;
	loop_timer_init(&g->timer, on_timer, g);
	loop_timer_init(&g->deadline, on_deadline, g);
	g->multi = g->curl->multi_init();
	g->easy = g->multi ? g->curl->easy_init() : NULL;
	if (!g->easy || !begin(g, ask)) {
		err_set(e, "libcurl cannot ask %s%s", ask->socket,
			g->is_call ? ": it needs HTTP/2 for that" : "");
		http_get_free(g);
		return -EIO;
	}
	loop_timer_set(loop, &g->deadline, ask->deadline_ns);
	*ret_get = g;
	return 0;
}

void http_get_free(struct http_get *get)
{
	if (!get)
		return;
	release(get);
	free(get->out);
	free(get);
}

#endif
