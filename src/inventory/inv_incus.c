/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats are those of shared/api InstanceFull of LXD and Incus. */
#include "inventory/inv_incus.h"

#include "base/xalloc.h"
#include "inventory/inv_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct inv_part *part;
	const struct inv_settle *settle;
	const char *runtime;
};

/* "Starting", "Stopping" and "Error" are unknown. */
static enum inv_run run_of(const char *status)
{
	if (!strcmp(status, "Running") || !strcmp(status, "Frozen") || !strcmp(status, "Ready"))
		return INV_RUN_RUNNING;
	return strcmp(status, "Stopped") ? INV_RUN_UNKNOWN : INV_RUN_STOPPED;
}

static bool is_ignored(const json_t *config)
{
	const char *value = inv_json_text(config, "user.ctmeter.ignore");

	return *value && strcmp(value, "false") && strcmp(value, "no") && strcmp(value, "0");
}

/* What the container sends is limited by an ingress qdisc on the host's end of its link; what it
 * receives (limits.ingress), by a root qdisc, which is in nobody's way. */
static bool needs_ingress(const json_t *device)
{
	return *inv_json_text(device, "limits.egress") || *inv_json_text(device, "limits.max");
}

/* A device's name inside the instance: as configured, or else as the runtime has noted it, or else
 * that of the device. */
static bool is_called(const json_t *instance, const char *device_name, const json_t *device,
		      const char *name)
{
	char *key = xasprintf("volatile.%s.name", device_name);
	const char *set = inv_json_text(device, "name");
	const char *noted = inv_json_text(json_object_get(instance, "config"), key);
	bool same = !strcmp(*set ? set : *noted ? noted : device_name, name);

	free(key);
	return same;
}

/* Is the rate of what leaves by this link of the instance limited? If no device is called so (a
 * bridge inside has the address, say): is that of any device? */
static bool is_limited(const json_t *instance, const char *name)
{
	json_t *devices = json_object_get(instance, "expanded_devices"), *device;
	const char *device_name;
	bool any = false;

	json_object_foreach(devices, device_name, device)
	{
		if (strcmp(inv_json_text(device, "type"), "nic"))
			continue;
		if (is_called(instance, device_name, device, name))
			return needs_ingress(device);
		any = any || needs_ingress(device);
	}
	return any;
}

/* What the instance itself says that it has. */
static void add_found(struct inv_part *part, const json_t *instance)
{
	json_t *networks = json_object_get(json_object_get(instance, "state"), "network"), *link;
	const char *name;

	inv_part_rank(part, INV_FOUND);
	json_object_foreach(networks, name, link)
	{
		const json_t *list = json_object_get(link, "addresses");

		inv_part_limited(part, is_limited(instance, name));
		for (size_t i = 0; strcmp(name, "lo") && i < json_array_size(list); i++) {
			const json_t *a = json_array_get(list, i);

			if (!strcmp(inv_json_text(a, "scope"), "global"))
				inv_part_address(part, 0, inv_json_text(a, "address"));
		}
	}
}

/* The addresses of a device that are configured: one, several with commas (nictype=routed), "none"
 * or "auto". */
static void add_assigned(struct inv_part *part, const json_t *device, const char *key)
{
	char *list = xstrdup(inv_json_text(device, key)), *rest = list, *one;

	while ((one = strsep(&rest, ", ")))
		if (strpbrk(one, ".:"))
			inv_part_address(part, 0, one);
	free(list);
}

static void add_addresses(struct inv_part *part, const json_t *instance)
{
	json_t *devices = json_object_get(instance, "expanded_devices"), *device;
	const char *name;

	inv_part_rank(part, INV_ASSIGNED);
	json_object_foreach(devices, name, device)
	{
		if (strcmp(inv_json_text(device, "type"), "nic") != 0)
			continue;
		add_assigned(part, device, "ipv4.address");
		add_assigned(part, device, "ipv6.address");
	}
	add_found(part, instance);
}

/* Does it have a network? One without a link of its own has none. */
static enum inv_net net_of(const json_t *instance)
{
	json_t *devices = json_object_get(instance, "expanded_devices"), *device;
	const char *name;

	json_object_foreach(devices, name, device)
	{
		if (!strcmp(inv_json_text(device, "type"), "nic"))
			return INV_NET_OWN;
	}
	return INV_NET_NONE;
}

/* That of a virtual machine is its emulator's, which is in the node's network. */
static pid_t pid_of(const json_t *instance)
{
	if (!strcmp(inv_json_text(instance, "type"), "virtual-machine"))
		return 0;
	return inv_json_pid(json_object_get(instance, "state"), "pid");
}

static int read_instance(void *arg, const json_t *instance, struct err *e)
{
	const struct reader *r = arg;
	const json_t *config = json_object_get(instance, "config");
	const char *name = inv_json_text(instance, "name");
	const char *project = inv_json_text(instance, "project");
	const char *uuid = inv_json_text(config, "volatile.uuid");
	const char *id = inv_json_text(config, "user.ctmeter.id");
	const char *shown = inv_json_text(config, "user.ctmeter.name");
	bool is_default = !*project || !strcmp(project, "default");
	char *path;

	if (!*name) {
		err_set(e, "an instance without a name");
		return -EBADMSG;
	}
	if (is_ignored(config))
		return 0;
	path = is_default ? xstrdup(name) : xasprintf("%s/%s", project, name);
	if (!*id)
		id = r->settle && *uuid ? r->settle->id(r->settle->arg, uuid, path) : path;
	if (id && inv_part_container(r->part, 0, id, *shown ? shown : path,
				     run_of(inv_json_text(instance, "status"))) == 0) {
		inv_part_runtime(r->part, r->runtime, uuid);
		inv_part_image(r->part, inv_json_text(config, "image.description"));
		inv_part_net(r->part, net_of(instance));
		inv_part_pid(r->part, pid_of(instance));
		inv_part_quota_texts(r->part, inv_json_text(config, "user.ctmeter.quota"),
				     inv_json_text(config, "user.ctmeter.quota-counts"));
		if (run_of(inv_json_text(instance, "status")) != INV_RUN_STOPPED)
			add_addresses(r->part, instance);
	}
	free(path);
	return 0;
}

int inv_incus(struct inv_part *part, const char *runtime, const char *text, size_t len,
	      const struct inv_settle *settle, struct err *e)
{
	static const char head[] = "\"metadata\":";
	struct reader r = { .part = part, .settle = settle, .runtime = runtime };
	const char *list = len ? memmem(text, len, head, strlen(head)) : NULL;

	if (!list) {
		err_set(e, len ? "no list of instances in the answer" : "an empty answer");
		return -EBADMSG;
	}
	list += strlen(head);
	return inv_json_each(list, len - (size_t)(list - text), read_instance, &r, e);
}
