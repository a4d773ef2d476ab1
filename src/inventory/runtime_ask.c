/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/runtime_ask.h"

#include "base/xalloc.h"
#include "inventory/awake.h"
#include "inventory/child.h"
#include "inventory/runtime.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct runtime_ask {
	struct child *child; /* the helper's job */
	struct http_get *http; /* or our own */
	runtime_done_fn *done;
	void *arg;
};

struct runtime_follow {
	struct loop *loop;
	int fd; /* to the helper; -1: none */
	struct http_get *http;
	runtime_came_fn *came, *ended;
	void *arg;
};

static char *job_of(const struct runtime_door *door)
{
	return xasprintf("%s %s", door->source->name, door->word);
}

/* ---- asking ---- */

static void on_child(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct runtime_ask *ask = arg;
	struct runtime_end end = { .out = r->out, .len = r->len };

	end.idle = !r->error && r->status == RUNTIME_IDLE;
	end.late = r->error == -ETIMEDOUT || (!r->error && r->status == RUNTIME_LATE);
	snprintf(end.text, sizeof(end.text), "%s",
		 end.idle   ? r->complaint
		 : end.late ? HTTP_LATE
			    : r->text);
	ask->done(ask->arg, &end, now_ns);
}

static void on_http(void *arg, const struct http_end *from, uint64_t now_ns)
{
	struct runtime_ask *ask = arg;
	struct runtime_end end = { .late = from->late, .out = from->out, .len = from->len };

	snprintf(end.text, sizeof(end.text), "%s", from->text);
	ask->done(ask->arg, &end, now_ns);
}

static void ask_here(const struct runtime_door *door, struct runtime_ask *ask, uint64_t now_ns)
{
	struct http_ask http = { .socket = door->socket,
				 .request = door->request,
				 .call = door->call,
				 .call_len = door->call_len,
				 .deadline_ns = now_ns + SOURCE_DEADLINE_NS,
				 .max_octets = source_octets_http((uint32_t)door->source->max_rows),
				 .done = on_http,
				 .arg = ask };
	struct runtime_end end = { .text = "" };
	char why[AWAKE_WHY];
	struct err e = { "" };

	if (!awake_is(door->socket, door->worker, why)) {
		end.idle = true;
		snprintf(end.text, sizeof(end.text), "%s", why);
		ask->done(ask->arg, &end, now_ns);
	} else if (http_get_new(&http, door->source->loop, &ask->http, &e) < 0) {
		snprintf(end.text, sizeof(end.text), "%s", e.text);
		ask->done(ask->arg, &end, now_ns);
	}
}

void runtime_ask_new(const struct runtime_door *door, runtime_done_fn *done, void *arg,
		     uint64_t now_ns, struct runtime_ask **ret_ask)
{
	struct runtime_ask *ask = xcalloc(1, sizeof(*ask));
	struct runtime_end end = { .text = "" };
	struct err e = { "" };
	char *job;

	*ret_ask = ask;
	ask->done = done;
	ask->arg = arg;
	if (!source_has_helper(door->source)) {
		ask_here(door, ask, now_ns);
		return;
	}
	job = job_of(door);
	if (child_new_remote(door->source->helper, job, now_ns + SOURCE_DEADLINE_NS,
			     source_octets_http((uint32_t)door->source->max_rows),
			     door->source->loop, on_child, ask, &ask->child, &e) < 0) {
		snprintf(end.text, sizeof(end.text), "%s", e.text);
		done(arg, &end, now_ns);
	}
	free(job);
}

void runtime_ask_free(struct runtime_ask *ask)
{
	if (!ask)
		return;
	child_free(ask->child);
	http_get_free(ask->http);
	free(ask);
}

/* ---- following ---- */

/* The helper sends a newline for each event, and something else at the end. */
static void on_fd(void *arg, short revents, uint64_t now_ns)
{
	struct runtime_follow *f = arg;
	char octets[512];
	ssize_t n = recv(f->fd, octets, sizeof(octets), MSG_DONTWAIT);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && *octets == '\n') {
		f->came(f->arg, now_ns);
		return;
	}
	loop_unwatch(f->loop, f->fd);
	close(f->fd);
	f->fd = -1;
	f->ended(f->arg, now_ns);
}

static void on_came(void *arg, uint64_t now_ns)
{
	struct runtime_follow *f = arg;

	f->came(f->arg, now_ns);
}

static void on_stream_end(void *arg, const struct http_end *end, uint64_t now_ns)
{
	struct runtime_follow *f = arg;

	(void)end; /* the next look says what is wrong */
	f->ended(f->arg, now_ns);
}

static bool follow_remote(const struct runtime_door *door, struct runtime_follow *f)
{
	char *job = job_of(door);

	f->fd = child_call_helper(door->source->helper, job);
	free(job);
	if (f->fd >= 0)
		loop_watch(f->loop, f->fd, POLLIN, on_fd, f);
	return f->fd >= 0;
}

static bool follow_here(const struct runtime_door *door, struct runtime_follow *f, uint64_t now_ns)
{
	struct http_ask http = { .socket = door->socket,
				 .request = door->request,
				 .deadline_ns = now_ns + SOURCE_DEADLINE_NS,
				 .max_octets = 4096,
				 .came = on_came,
				 .done = on_stream_end,
				 .arg = f };
	char why[AWAKE_WHY];

	return awake_is(door->socket, door->worker, why) &&
	       http_get_new(&http, f->loop, &f->http, NULL) == 0;
}

struct runtime_follow *runtime_follow_new(const struct runtime_door *door, runtime_came_fn *came,
					  runtime_came_fn *ended, void *arg, uint64_t now_ns)
{
	struct runtime_follow *f = xcalloc(1, sizeof(*f));
	bool begun;

	*f = (struct runtime_follow) {
		.loop = door->source->loop, .fd = -1, .came = came, .ended = ended, .arg = arg
	};
	begun = source_has_helper(door->source) ? follow_remote(door, f)
						: follow_here(door, f, now_ns);
	if (begun)
		return f;
	free(f);
	return NULL;
}

void runtime_follow_free(struct runtime_follow *follow)
{
	if (!follow)
		return;
	if (follow->fd >= 0) {
		loop_unwatch(follow->loop, follow->fd);
		close(follow->fd);
	}
	http_get_free(follow->http);
	free(follow);
}
