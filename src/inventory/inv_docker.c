/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats are those of the Docker Engine API (ContainerSummary) and of Podman's libpod API
 * (ListContainer). */
#include "inventory/inv_docker.h"

#include "base/xalloc.h"
#include "inventory/inv_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A pod of Podman, from its infra container. */
struct pod {
	char *infra; /* id of that container */
	char *id, *name;
};

/* What Podman's own list says of a container; pod: of which it is, "" if of none. */
struct member {
	char *id, *pod;
	pid_t pid;
	bool has_network; /* of its own; or it is a pod's infra container, with that of the pod */
};

struct reader {
	struct inv_part *part;
	const struct inv_settle *settle;
	const char *runtime;
	struct pod *pods; /* of Podman */
	size_t n_pods, cap_pods;
	struct member *members; /* of Podman: all containers, sorted */
	size_t n_members, cap_members;
	bool has_members; /* it is Podman */
};

static int fail(struct err *e, const char *what)
{
	err_set(e, "a container %s", what);
	return -EBADMSG;
}

/* "created", "restarting" and "removing" have no network, or soon another. */
static enum inv_run run_of(const char *state)
{
	static const char *const stopped[] = { "created",    "exited",      "dead",   "removing",
					       "configured", "initialized", "stopped" };

	if (!strcmp(state, "running") || !strcmp(state, "paused"))
		return INV_RUN_RUNNING;
	for (size_t i = 0; i < ARRAY_LEN(stopped); i++)
		if (!strcmp(state, stopped[i]))
			return INV_RUN_STOPPED;
	return INV_RUN_UNKNOWN;
}

static enum inv_net net_of_mode(const char *mode)
{
	if (!strcmp(mode, "host"))
		return INV_NET_NODE;
	if (!strcmp(mode, "none"))
		return INV_NET_NONE;
	return strncmp(mode, "container:", 10) ? INV_NET_OWN : INV_NET_SHARED;
}

static const char *label(const json_t *object, const char *key)
{
	return inv_json_text(json_object_get(object, "Labels"), key);
}

static bool is_ignored(const json_t *object)
{
	const char *value = label(object, "ctmeter.ignore");

	return *value && strcmp(value, "false") && strcmp(value, "no") && strcmp(value, "0");
}

/* The container's own name, without the slash before it. Names that links gave it have another
 * slash. */
static const char *name_of(const json_t *object)
{
	const json_t *names = json_object_get(object, "Names");

	for (size_t i = 0; i < json_array_size(names); i++) {
		const json_t *value = json_array_get(names, i);
		const char *name = json_string_value(value);

		if (!name || strlen(name) != json_string_length(value))
			continue;
		name += *name == '/';
		if (*name && !strchr(name, '/'))
			return name;
	}
	return "";
}

static void add_addresses(struct inv_part *part, const json_t *object)
{
	static const char *const keys[] = { "IPAddress", "GlobalIPv6Address" };
	const json_t *settings = json_object_get(object, "NetworkSettings");
	json_t *networks = json_object_get(settings, "Networks"), *network;
	const char *name;

	json_object_foreach(networks, name, network)
	{
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			const char *address = inv_json_text(network, keys[i]);

			if (*address)
				inv_part_address(part, 0, address);
		}
	}
}

static const struct pod *pod_of(const struct reader *r, const char *infra)
{
	for (size_t i = 0; i < r->n_pods; i++)
		if (!strcmp(r->pods[i].infra, infra))
			return &r->pods[i];
	return NULL;
}

static int cmp_member(const void *a, const void *b)
{
	return strcmp(((const struct member *)a)->id, ((const struct member *)b)->id);
}

static const struct member *member_of(const struct reader *r, const char *id)
{
	struct member key = { .id = (char *)(uintptr_t)id };

	return r->n_members ? bsearch(&key, r->members, r->n_members, sizeof(key), cmp_member)
			    : NULL;
}

/* Is its traffic that of a pod, which is a container by itself? (A pod may have no infra
 * container.) */
static bool is_in_pod(const struct reader *r, const struct member *member)
{
	if (!member || member->has_network || !*member->pod)
		return false;
	for (size_t i = 0; i < r->n_pods; i++)
		if (!strcmp(r->pods[i].id, member->pod))
			return true;
	return false;
}

/* Podman says nothing of a mode. One that shares another's network is said to be in networks. */
static enum inv_net net_of(const json_t *object, const struct member *member)
{
	const json_t *host = json_object_get(object, "HostConfig");
	const json_t *settings = json_object_get(object, "NetworkSettings");

	if (!member || member->has_network)
		return net_of_mode(inv_json_text(host, "NetworkMode"));
	return json_object_size(json_object_get(settings, "Networks")) ? INV_NET_SHARED
								       : INV_NET_NONE;
}

static pid_t pid_of(const struct reader *r, const struct member *member, const char *runtime_id)
{
	const struct inv_settle *settle = r->settle;

	if (member)
		return member->pid;
	return settle && settle->pid ? settle->pid(settle->arg, runtime_id) : 0;
}

static int read_container(void *arg, const json_t *object, struct err *e)
{
	const struct reader *r = arg;
	const char *runtime_id = inv_json_text(object, "Id"), *name = name_of(object), *id;
	const struct pod *pod = pod_of(r, runtime_id);
	const struct member *member = member_of(r, runtime_id);
	enum inv_run run;

	if (!*runtime_id)
		return fail(e, "without an Id");
	if (r->has_members && !member)
		return 0; /* it came between the two answers: the next look has it */
	if (!*name && !pod)
		return fail(e, "without a name");
	if (is_ignored(object) || is_in_pod(r, member))
		return 0;
	if (pod) {
		name = pod->name;
		runtime_id = pod->id;
	}
	id = label(object, "ctmeter.id");
	if (!*id)
		id = r->settle ? r->settle->id(r->settle->arg, runtime_id, name) : name;
	if (!id)
		return 0;
	if (*label(object, "ctmeter.name"))
		name = label(object, "ctmeter.name");
	run = run_of(inv_json_text(object, "State"));
	if (inv_part_container(r->part, 0, id, name, run) < 0)
		return 0;
	inv_part_runtime(r->part, r->runtime, runtime_id);
	if (!pod) /* that of a pod's infra container says nothing */
		inv_part_image(r->part, inv_json_text(object, "Image"));
	inv_part_net(r->part, net_of(object, member));
	inv_part_pid(r->part, pid_of(r, member, runtime_id));
	inv_part_quota_texts(r->part, label(object, "ctmeter.quota"),
			     label(object, "ctmeter.quota-counts"));
	/* After a crash of the runtime a stopped one still has the address that it had. */
	if ((!member || member->has_network) && run != INV_RUN_STOPPED)
		add_addresses(r->part, object);
	return 0;
}

int inv_docker(struct inv_part *part, const char *text, size_t len, const struct inv_settle *settle,
	       struct err *e)
{
	struct reader r = { .part = part, .settle = settle, .runtime = "docker" };

	return inv_json_each(text, len, read_container, &r, e);
}

/* ---- Docker's processes ---- */

struct starts {
	inv_docker_start_fn *fn;
	void *arg;
};

static int read_start(void *arg, const json_t *object, struct err *e)
{
	const struct starts *starts = arg;
	const json_t *settings = json_object_get(object, "NetworkSettings");
	json_t *networks = json_object_get(settings, "Networks"), *network;
	const char *name;
	char *mark;

	(void)e;
	if (run_of(inv_json_text(object, "State")) != INV_RUN_RUNNING || is_ignored(object) ||
	    net_of(object, NULL) != INV_NET_OWN)
		return 0;
	mark = xstrdup("");
	json_object_foreach(networks, name, network)
	{
		char *more = xasprintf("%s%s", mark, inv_json_text(network, "EndpointID"));

		free(mark);
		mark = more;
	}
	if (*mark)
		starts->fn(starts->arg, inv_json_text(object, "Id"), mark);
	free(mark);
	return 0;
}

int inv_docker_each_start(const char *text, size_t len, inv_docker_start_fn *fn, void *arg,
			  struct err *e)
{
	struct starts starts = { fn, arg };

	return inv_json_each(text, len, read_start, &starts, e);
}

pid_t inv_docker_pid(const char *text, size_t len)
{
	json_t *object = json_loadb(text, len, 0, NULL);
	pid_t pid = inv_json_pid(json_object_get(object, "State"), "Pid");

	json_decref(object);
	return pid;
}

char *inv_docker_only_pid(const char *text, size_t len)
{
	return xasprintf("{\"State\": {\"Pid\": %d}}", (int)inv_docker_pid(text, len));
}

/* ---- Podman ---- */

static int read_pod(void *arg, const json_t *object, struct err *e)
{
	struct reader *r = arg;
	const char *id = inv_json_text(object, "Id"), *pod = inv_json_text(object, "Pod");
	const char *name = inv_json_text(object, "PodName");
	bool is_infra = *pod && json_is_true(json_object_get(object, "IsInfra"));

	if (!*id)
		return fail(e, "without an Id");
	if (is_infra) {
		r->pods = xgrow(r->pods, r->n_pods, &r->cap_pods, sizeof(*r->pods));
		r->pods[r->n_pods++] =
			(struct pod) { xstrdup(id), xstrdup(pod), xstrdup(*name ? name : pod) };
	}
	r->members = xgrow(r->members, r->n_members, &r->cap_members, sizeof(*r->members));
	r->members[r->n_members++] =
		(struct member) { xstrdup(id), xstrdup(pod), inv_json_pid(object, "Pid"),
				  is_infra || json_array_size(json_object_get(object, "Networks")) >
						      0 };
	return 0;
}

static void clear(struct reader *r)
{
	for (size_t i = 0; i < r->n_pods; i++) {
		free(r->pods[i].infra);
		free(r->pods[i].id);
		free(r->pods[i].name);
	}
	for (size_t i = 0; i < r->n_members; i++) {
		free(r->members[i].id);
		free(r->members[i].pod);
	}
	free(r->pods);
	free(r->members);
}

int inv_podman(struct inv_part *part, const char *text, size_t len, const char *pods,
	       size_t pods_len, const struct inv_settle *settle, struct err *e)
{
	struct reader r = {
		.part = part, .settle = settle, .runtime = "podman", .has_members = true
	};
	int ret = inv_json_each(pods, pods_len, read_pod, &r, e);

	if (r.n_members)
		qsort(r.members, r.n_members, sizeof(*r.members), cmp_member);
	if (ret == 0)
		ret = inv_json_each(text, len, read_container, &r, e);
	clear(&r);
	return ret;
}
