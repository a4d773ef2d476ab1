/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The numbers of the fields are those of k8s.io/cri-api's runtime/v1/api.proto. */
#include "inventory/inv_cri.h"

#include "base/xalloc.h"
#include "inventory/inv_json.h"
#include "inventory/inv_known.h"
#include "inventory/proto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_ITEMS = 1 };
enum { SANDBOX_ID = 1, SANDBOX_METADATA = 2, SANDBOX_STATE = 3, SANDBOX_LABELS = 5 };
enum { METADATA_NAME = 1, METADATA_UID = 2, METADATA_NAMESPACE = 3 };
enum { ANSWER_STATUS = 1, ANSWER_INFO = 2 };
enum { STATUS_NETWORK = 5, STATUS_LINUX = 6 };
enum { NETWORK_IP = 1, NETWORK_MORE = 2, MORE_IP = 1 };
enum { LINUX_NAMESPACES = 1, NAMESPACES_OPTIONS = 2, OPTIONS_NETWORK = 1 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { STATE_READY = 0, MODE_NODE = 2 };

#define TEXT_MAX 300 /* Kubernetes' names have up to 253 octets */

struct pod {
	char id[CRI_ID_MAX + 1];
	char name[TEXT_MAX], space[TEXT_MAX], uid[TEXT_MAX];
	char as[TEXT_MAX], shown[TEXT_MAX]; /* its labels ctmeter.id and ctmeter.name */
	bool ready, ignored;
};

bool cri_id_is_good(const char *id)
{
	size_t len = strlen(id);

	return len && len <= CRI_ID_MAX && strspn(id, "0123456789abcdef") == len;
}

/* ---- the list ---- */

static void read_label(struct proto entry, struct pod *pod)
{
	char key[TEXT_MAX] = "", value[TEXT_MAX] = "";
	struct proto_field f;

	while (proto_next(&entry, &f))
		if (f.number == ENTRY_KEY)
			proto_text(&f, key, sizeof(key));
		else if (f.number == ENTRY_VALUE)
			proto_text(&f, value, sizeof(value));
	if (!strcmp(key, "ctmeter.id"))
		snprintf(pod->as, sizeof(pod->as), "%s", value);
	else if (!strcmp(key, "ctmeter.name"))
		snprintf(pod->shown, sizeof(pod->shown), "%s", value);
	else if (!strcmp(key, "ctmeter.ignore"))
		pod->ignored = *value && strcmp(value, "false") && strcmp(value, "no") &&
			       strcmp(value, "0");
}

static bool read_metadata(struct proto metadata, struct pod *pod)
{
	struct proto_field f;

	while (proto_next(&metadata, &f))
		if (f.number == METADATA_NAME)
			proto_text(&f, pod->name, sizeof(pod->name));
		else if (f.number == METADATA_UID)
			proto_text(&f, pod->uid, sizeof(pod->uid));
		else if (f.number == METADATA_NAMESPACE)
			proto_text(&f, pod->space, sizeof(pod->space));
	return !metadata.broken;
}

/* A number that is 0 is not sent: READY is the default. */
static int read_pod(struct proto sandbox, struct pod *ret_pod, struct err *e)
{
	struct pod pod = { .ready = true };
	struct proto_field f;

	while (proto_next(&sandbox, &f)) {
		if (f.number == SANDBOX_ID)
			proto_text(&f, pod.id, sizeof(pod.id));
		else if (f.number == SANDBOX_METADATA)
			sandbox.broken = !read_metadata(f.octets, &pod) || sandbox.broken;
		else if (f.number == SANDBOX_STATE && f.is_number)
			pod.ready = f.value == STATE_READY;
		else if (f.number == SANDBOX_LABELS)
			read_label(f.octets, &pod);
	}
	*ret_pod = pod;
	if (!sandbox.broken && cri_id_is_good(pod.id) && *pod.name && *pod.space)
		return 0;
	err_set(e, sandbox.broken ? "a pod that cannot be read" : "a pod without an id or a name");
	return -EBADMSG;
}

typedef int pod_fn(void *arg, const struct pod *pod);

static int each_pod(const char *list, size_t len, pod_fn *fn, void *arg, struct err *e)
{
	struct proto answer;
	struct proto_field f;
	struct pod pod;
	int ret = proto_of_grpc(list, len, &answer);

	while (!ret && proto_next(&answer, &f)) {
		if (f.number != LIST_ITEMS || f.is_number)
			continue;
		ret = read_pod(f.octets, &pod, e);
		if (ret)
			return ret;
		ret = fn(arg, &pod);
	}
	if (!ret && !answer.broken)
		return 0;
	err_set(e, "the list of pods is cut off or of another form");
	return -EBADMSG;
}

struct each {
	cri_each_fn *fn;
	void *arg;
};

static int call_if_ready(void *arg, const struct pod *pod)
{
	const struct each *each = arg;

	if (pod->ready && !pod->ignored)
		each->fn(each->arg, pod->id);
	return 0;
}

int cri_each_ready(const char *list, size_t len, cri_each_fn *fn, void *arg, struct err *e)
{
	struct each each = { fn, arg };

	return each_pod(list, len, call_if_ready, &each, e);
}

/* ---- a status ---- */

static void add_text(char **text, const struct proto_field *f)
{
	char address[64], *more;

	if (!proto_text(f, address, sizeof(address)) || !*address || strchr(address, ' '))
		return;
	more = xasprintf("%s%s%s", *text, **text ? " " : "", address);
	free(*text);
	*text = more;
}

static void read_network(struct proto network, struct cri_status *status)
{
	struct proto_field f, ip;

	while (proto_next(&network, &f)) {
		struct proto more = f.octets;

		if (f.number == NETWORK_IP)
			add_text(&status->addresses, &f);
		while (f.number == NETWORK_MORE && !f.is_number && proto_next(&more, &ip))
			if (ip.number == MORE_IP)
				add_text(&status->addresses, &ip);
	}
}

/* The message in the last of this field; empty: there is none. */
static struct proto member(struct proto message, uint32_t number)
{
	struct proto found = { .len = 0 };
	struct proto_field f;

	while (proto_next(&message, &f))
		if (f.number == number && !f.is_number)
			found = f.octets;
	return found;
}

static bool is_in_node(struct proto linux_status)
{
	struct proto options = member(member(linux_status, LINUX_NAMESPACES), NAMESPACES_OPTIONS);
	struct proto_field f;
	bool node = false;

	while (proto_next(&options, &f))
		if (f.number == OPTIONS_NETWORK && f.is_number)
			node = f.value == MODE_NODE;
	return node;
}

/* Runtimes add what they like, in JSON: containerd and CRI-O have the pid in "info". */
static pid_t pid_in(struct proto entry)
{
	struct proto key = member(entry, ENTRY_KEY), value = member(entry, ENTRY_VALUE);
	json_t *info;
	pid_t pid;

	if (key.len != 4 || memcmp(key.at, "info", 4) != 0 || !value.len)
		return 0;
	info = json_loadb((const char *)value.at, value.len, 0, NULL);
	pid = inv_json_pid(info, "pid");
	json_decref(info);
	return pid;
}

static void read_status(struct proto message, struct cri_status *status)
{
	read_network(member(message, STATUS_NETWORK), status);
	status->in_node = is_in_node(member(message, STATUS_LINUX));
}

int cri_status_read(const char *text, size_t len, struct cri_status *ret_status, struct err *e)
{
	struct cri_status status = { .addresses = xstrdup("") };
	struct proto answer = { .len = 0 };
	struct proto_field f;
	int ret = proto_of_grpc(text, len, &answer);
	bool any = false;

	while (!ret && proto_next(&answer, &f)) {
		if (f.number == ANSWER_STATUS && !f.is_number && !any) {
			read_status(f.octets, &status);
			any = true;
		} else if (f.number == ANSWER_INFO && !f.is_number && !status.pid) {
			status.pid = pid_in(f.octets);
		}
	}
	if (!ret && !answer.broken && any) {
		*ret_status = status;
		return 0;
	}
	err_set(e, "the status of a pod is cut off or of another form");
	cri_status_clear(&status);
	return -EBADMSG;
}

void cri_status_clear(struct cri_status *status)
{
	free(status->addresses);
	status->addresses = NULL;
}

/* ---- the inventory ---- */

struct reader {
	struct inv_part *part;
	cri_status_fn *status;
	void *arg;
	struct inv_known ready; /* the pods that have a sandbox that is */
	bool is_ready; /* which ones are to be added */
};

static void add_addresses(struct inv_part *part, const char *addresses)
{
	char *list = xstrdup(addresses), *rest = list, *one;

	while ((one = strsep(&rest, " ")))
		if (*one)
			inv_part_address(part, 0, one);
	free(list);
}

static void add_pod(struct reader *r, const struct pod *pod, const char *path,
		    const struct cri_status *status)
{
	const char *id = *pod->as ? pod->as : path;

	if (inv_part_container(r->part, 0, id, *pod->shown ? pod->shown : path,
			       status ? INV_RUN_RUNNING : INV_RUN_STOPPED) < 0)
		return;
	inv_part_runtime(r->part, "kubernetes", pod->uid);
	inv_part_net(r->part, status && status->in_node ? INV_NET_NODE : INV_NET_OWN);
	if (!status || status->in_node)
		return;
	inv_part_pid(r->part, status->pid);
	add_addresses(r->part, status->addresses);
}

static int take_pod(void *arg, const struct pod *pod)
{
	struct reader *r = arg;
	const struct cri_status *status = NULL;
	char path[2 * TEXT_MAX + 1];

	if (pod->ignored || pod->ready != r->is_ready)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", pod->space, pod->name);
	if (pod->ready) {
		inv_known_add(&r->ready, path, "");
		status = r->status(r->arg, pod->id);
	} else if (inv_known_find(&r->ready, path)) {
		return 0;
	}
	add_pod(r, pod, path, status);
	return 0;
}

int inv_cri(struct inv_part *part, const char *list, size_t len, cri_status_fn *status, void *arg,
	    struct err *e)
{
	struct reader r = { .part = part, .status = status, .arg = arg, .is_ready = true };
	int ret = each_pod(list, len, take_pod, &r, e);

	r.is_ready = false;
	if (!ret)
		ret = each_pod(list, len, take_pod, &r, e);
	inv_known_clear(&r.ready);
	return ret;
}

/* ---- requests ---- */

static size_t frame(size_t len, unsigned char ret[CRI_REQUEST_MAX])
{
	memset(ret, 0, 5);
	ret[4] = (unsigned char)len;
	return 5 + len;
}

size_t cri_list_request(unsigned char ret[CRI_REQUEST_MAX])
{
	return frame(0, ret);
}

/* PodSandboxStatusRequest: 1 the id, 2 verbose. */
size_t cri_status_request(const char *id, unsigned char ret[CRI_REQUEST_MAX])
{
	size_t len = strnlen(id, CRI_ID_MAX);

	ret[5] = 1 << 3 | 2;
	ret[6] = (unsigned char)len;
	memcpy(ret + 7, id, len);
	ret[7 + len] = 2 << 3;
	ret[8 + len] = 1;
	return frame(len + 4, ret);
}
