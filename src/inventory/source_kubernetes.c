/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source `kubernetes`: the pods of this node, from the container runtime that its kubelet uses,
 * by CRI. libcurl speaks the HTTP/2 that gRPC is made of, and the messages are few and small, so
 * neither a gRPC library nor crictl is needed.
 *
 * 1. A look asks for the list, and then once for each sandbox that is new. What a sandbox's status
 *    said holds as long as it is in the list, if it had an address.
 * 2. A sandbox that has ended since it was listed is left without addresses for this look. */
#include "base/log.h"
#include "base/xalloc.h"
#include "inventory/inv_cri.h"
#include "inventory/runtime.h"
#include "inventory/runtime_ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE "/runtime.v1.RuntimeService/"
#define LIST_WORD "pods"
#define STATUS_WORD "pod=" /* and the sandbox's id */
#define NOT_FOUND HTTP_GRPC_STATUS "5"
#define STARTING_NS (60 * NS_PER_S) /* as runtime.c */

/* A sandbox that is ready. */
struct sandbox {
	char id[CRI_ID_MAX + 1];
	bool known; /* status is set */
	struct cri_status status;
};

struct source_kubernetes {
	struct source base;
	char *place; /* the socket that is configured; NULL: the usual one */
	struct runtime_ask *ask;
	char *list; /* the answer of this look */
	size_t list_len;
	struct sandbox *sandboxes; /* sorted */
	size_t n, cap;
	size_t at; /* the one that is asked for */
	uint64_t late_ns; /* the first look that it did not answer while it started; 0: none */
	struct log_state idle_log;
};

static const char *usual_socket(void)
{
	static const char *const sockets[] = { "/run/k3s/containerd/containerd.sock",
					       "/run/crio/crio.sock", "/run/cri-dockerd.sock",
					       "/run/containerd/containerd.sock" };

	for (size_t i = 0; i < ARRAY_LEN(sockets); i++)
		if (!access(sockets[i], F_OK))
			return sockets[i];
	return sockets[ARRAY_LEN(sockets) - 1];
}

/* ---- what is known ---- */

static int cmp(const void *a, const void *b)
{
	return strcmp(((const struct sandbox *)a)->id, ((const struct sandbox *)b)->id);
}

static struct sandbox *find(struct sandbox *list, size_t n, const char *id)
{
	struct sandbox key = { .known = false };

	strncpy(key.id, id, CRI_ID_MAX);
	return n ? bsearch(&key, list, n, sizeof(*list), cmp) : NULL;
}

static void clear_sandboxes(struct sandbox *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cri_status_clear(&list[i].status);
	free(list);
}

static void add_sandbox(void *arg, const char *id)
{
	struct source_kubernetes *k = arg;

	k->sandboxes = xgrow(k->sandboxes, k->n, &k->cap, sizeof(*k->sandboxes));
	k->sandboxes[k->n] = (struct sandbox) { .known = false };
	strncpy(k->sandboxes[k->n++].id, id, CRI_ID_MAX);
}

/* Those of the list, with what was known of them. */
static int take_list(struct source_kubernetes *k, struct err *e)
{
	struct sandbox *old = k->sandboxes;
	size_t n_old = k->n;
	int ret;

	k->sandboxes = NULL;
	k->n = k->cap = 0;
	ret = cri_each_ready(k->list, k->list_len, add_sandbox, k, e);
	if (k->n)
		qsort(k->sandboxes, k->n, sizeof(*k->sandboxes), cmp);
	for (size_t i = 0; i < k->n; i++) {
		struct sandbox *one = find(old, n_old, k->sandboxes[i].id);

		if (!one || !one->known)
			continue;
		k->sandboxes[i] = *one;
		*one = (struct sandbox) { .known = false };
	}
	clear_sandboxes(old, n_old);
	return ret;
}

static const struct cri_status *status_of(void *arg, const char *id)
{
	struct source_kubernetes *k = arg;
	const struct sandbox *one = find(k->sandboxes, k->n, id);

	return one && one->known ? &one->status : NULL;
}

/* One without an address may get one yet. */
static void forget_unfinished(struct source_kubernetes *k)
{
	for (size_t i = 0; i < k->n; i++) {
		struct sandbox *one = &k->sandboxes[i];

		if (!one->known || *one->status.addresses || one->status.in_node)
			continue;
		cri_status_clear(&one->status);
		one->known = false;
	}
}

/* ---- a look ---- */

static void end_look(struct source_kubernetes *k, const struct err *why, uint64_t now_ns)
{
	struct inv_part *part = NULL;
	struct err e = *why;

	if (!*why->text) {
		part = source_part_new(&k->base, "kubernetes");
		if (inv_cri(part, k->list, k->list_len, status_of, k, &e) < 0) {
			inv_part_free(part);
			part = NULL;
		}
		forget_unfinished(k);
	}
	free(k->list);
	k->list = NULL;
	if (part) {
		k->late_ns = 0;
		log_good(&k->idle_log, now_ns, "inv", "%s runs", k->base.name);
	}
	source_end(&k->base, part, &e, now_ns);
}

static void end_idle(struct source_kubernetes *k, const char *why, uint64_t now_ns)
{
	free(k->list);
	k->list = NULL;
	log_bad(&k->idle_log, now_ns, LOG_LEVEL_INFO, "inv",
		"%s does not run: %s; its containers are asked for when it does", k->base.name,
		why);
	source_end_idle(&k->base, why, now_ns);
}

/* Has it begun to run, and not answered yet? */
static bool is_starting(struct source_kubernetes *k, const struct runtime_end *end, uint64_t now_ns)
{
	if (!end->late || (k->base.part && !k->base.idle))
		return false;
	if (!k->late_ns)
		k->late_ns = now_ns;
	return now_ns - k->late_ns < STARTING_NS;
}

static void ask_next(struct source_kubernetes *k, uint64_t now_ns);

/* Returns whether the look goes on. */
static bool take_status(struct source_kubernetes *k, const struct runtime_end *end, struct err *e)
{
	struct sandbox *one = &k->sandboxes[k->at++];

	if (strstr(end->text, NOT_FOUND))
		return true;
	if (*end->text)
		err_set(e, "%s", end->text);
	else if (cri_status_read(end->out, end->len, &one->status, e) == 0)
		one->known = true;
	return !*e->text;
}

static void on_answer(void *arg, const struct runtime_end *end, uint64_t now_ns)
{
	struct source_kubernetes *k = arg;
	struct err e = { "" };
	bool goes_on;

	if (end->idle || is_starting(k, end, now_ns)) {
		end_idle(k, end->text, now_ns);
		return;
	}
	if (k->list) {
		goes_on = take_status(k, end, &e);
	} else if (*end->text) {
		err_set(&e, "%s", end->text);
		goes_on = false;
	} else {
		k->list = xmalloc(end->len + 1);
		memcpy(k->list, end->out, end->len + 1);
		k->list_len = end->len;
		k->at = 0;
		goes_on = take_list(k, &e) == 0;
	}
	while (goes_on && k->at < k->n && k->sandboxes[k->at].known)
		k->at++;
	if (goes_on && k->at < k->n)
		ask_next(k, now_ns);
	else
		end_look(k, &e, now_ns);
}

/* The list, or the sandbox at k->at. */
static void ask_next(struct source_kubernetes *k, uint64_t now_ns)
{
	unsigned char call[CRI_REQUEST_MAX];
	const char *id = k->list ? k->sandboxes[k->at].id : NULL;
	char *word = id ? xasprintf(STATUS_WORD "%s", id) : xstrdup(LIST_WORD);
	struct runtime_door door = { .source = &k->base,
				     .word = word,
				     .socket = k->place ? k->place : usual_socket(),
				     .request = id ? SERVICE "PodSandboxStatus"
						   : SERVICE "ListPodSandbox",
				     .call = call };

	door.call_len = id ? cri_status_request(id, call) : cri_list_request(call);
	runtime_ask_free(k->ask);
	k->ask = NULL;
	runtime_ask_new(&door, on_answer, k, now_ns, &k->ask);
	free(word);
}

static void kubernetes_start(struct source *s, uint64_t now_ns)
{
	ask_next((struct source_kubernetes *)s, now_ns);
}

static void kubernetes_free(struct source *s)
{
	struct source_kubernetes *k = (struct source_kubernetes *)s;

	runtime_ask_free(k->ask);
	clear_sandboxes(k->sandboxes, k->n);
	free(k->list);
	free(k->place);
	free(k);
}

/* ---- the kind ---- */

static int kubernetes_new(const char *rest, const char *root, struct source **ret_source,
			  struct err *e)
{
	static const struct source_ops ops = { kubernetes_start, kubernetes_free };
	struct source_kubernetes *k = xcalloc(1, sizeof(*k));

	(void)root;
	(void)e;
	k->base.ops = &ops;
	k->place = *rest ? xstrdup(rest) : NULL;
	*ret_source = &k->base;
	return 0;
}

/* job: "WORD", or "SOCKET WORD". Of the word, only a sandbox's id is sent on, and only as that. */
static int kubernetes_job(const char *job, struct source_job *ret_job, struct err *e)
{
	const char *blank = strrchr(job, ' '), *word = blank ? blank + 1 : job;
	bool is_status = !strncmp(word, STATUS_WORD, strlen(STATUS_WORD));
	const char *id = word + (is_status ? strlen(STATUS_WORD) : 0);

	if (is_status ? !cri_id_is_good(id) : strcmp(word, LIST_WORD) != 0) {
		err_set(e, "it asks Kubernetes' runtime for no such thing");
		return -EPERM;
	}
	ret_job->text = blank ? xstrndup(job, (size_t)(blank - job)) : xstrdup(usual_socket());
	ret_job->socket = ret_job->text;
	ret_job->request = is_status ? SERVICE "PodSandboxStatus" : SERVICE "ListPodSandbox";
	ret_job->call = xmalloc(CRI_REQUEST_MAX);
	ret_job->call_len =
		is_status ? cri_status_request(id, ret_job->call) : cri_list_request(ret_job->call);
	return 0;
}

static const char *const signs[] = { "/usr/bin/kubelet", "/usr/local/bin/k3s",
				     "/var/lib/kubelet/config.yaml", "/run/crio/crio.sock", NULL };

const struct source_kind source_kind_kubernetes = {
	.prefix = "kubernetes",
	.has_place = true,
	.form = "kubernetes[:SOCKET]",
	.title = "Kubernetes",
	.check = runtime_check,
	.new = kubernetes_new,
	.sign_paths = signs,
	.helper_job = kubernetes_job,
};
