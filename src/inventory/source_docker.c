/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sources `docker` and `podman`. Podman speaks Docker's API, and its own for its pods. */
#include "inventory/inv_docker.h"
#include "inventory/runtime.h"

/* Without a version in its path a request is for the newest that the runtime has. These fields are
 * in all of them, and newer runtimes refuse old versions.
 * Asked in URL encoding: filters={"type":["container","network"],"event":[..]}: what changes who
 * has which address. Health checks and exec, which may happen every second, are not among them. */
#define LIST "/containers/json?all=1"
#define EVENTS(list)                                                                              \
	"/events?filters=%7B%22type%22%3A%5B%22container%22%2C%22network%22%5D%2C%22event%22%3A%" \
	"5B" list "%5D%7D"
#define AND "%22%2C%22"
#define DOCKER_EVENTS                                                                  \
	"%22create" AND "start" AND "die" AND "destroy" AND "rename" AND "connect" AND \
	"disconnect" AND "pause" AND "unpause%22"
#define PODMAN_EVENTS                                                                  \
	"%22create" AND "start" AND "died" AND "remove" AND "rename" AND "connect" AND \
	"disconnect" AND "init" AND "cleanup%22"

static int parse_docker(struct inv_part *part, const char *const text[RUNTIME_LISTS],
			const size_t len[RUNTIME_LISTS], const struct inv_settle *settle,
			struct err *e)
{
	return inv_docker(part, text[0], len[0], settle, e);
}

static int parse_podman(struct inv_part *part, const char *const text[RUNTIME_LISTS],
			const size_t len[RUNTIME_LISTS], const struct inv_settle *settle,
			struct err *e)
{
	return inv_podman(part, text[1], len[1], text[0], len[0], settle, e);
}

static const char *const docker_sockets[] = { "/run/docker.sock", "/var/run/docker.sock", NULL };
static const char *const docker_signs[] = { "/run/docker.sock",       "/var/run/docker.sock",
					    "/usr/bin/dockerd",       "/usr/sbin/dockerd",
					    "/usr/local/bin/dockerd", NULL };
static const struct runtime docker = { .name = "docker",
				       .sockets = docker_sockets,
				       .lists = { { "containers", LIST } },
				       .pid_request = { "/containers/", "/json" },
				       .each_start = inv_docker_each_start,
				       .read_pid = inv_docker_pid,
				       .only_pid = inv_docker_only_pid,
				       .events = EVENTS(DOCKER_EVENTS),
				       .parse = parse_docker };

static const char *const podman_sockets[] = { "/run/podman/podman.sock", NULL };
static const char *const podman_signs[] = { "/run/podman/podman.sock", "/usr/bin/podman", NULL };
/* The pods first: of a pod that comes in between, the infra container is not known for one, and is
 * a container without a name, for one look. */
static const struct runtime podman = { .name = "podman",
				       .sockets = podman_sockets,
				       .lists = { { "pods", "/v4.0.0/libpod" LIST },
						  { "containers", LIST } },
				       .events = EVENTS(PODMAN_EVENTS),
				       .worker = "conmon",
				       .parse = parse_podman };

static int docker_new(const char *rest, const char *root, struct source **ret_source, struct err *e)
{
	(void)root;
	return runtime_new(&docker, rest, ret_source, e);
}

static int docker_job(const char *job, struct source_job *ret_job, struct err *e)
{
	return runtime_job(&docker, job, ret_job, e);
}

const struct source_kind source_kind_docker = {
	.prefix = "docker",
	.has_place = true,
	.form = "docker[:SOCKET]",
	.title = "Docker",
	.check = runtime_check,
	.new = docker_new,
	.sign_paths = docker_signs,
	.helper_job = docker_job,
};

static int podman_new(const char *rest, const char *root, struct source **ret_source, struct err *e)
{
	(void)root;
	return runtime_new(&podman, rest, ret_source, e);
}

static int podman_job(const char *job, struct source_job *ret_job, struct err *e)
{
	return runtime_job(&podman, job, ret_job, e);
}

const struct source_kind source_kind_podman = {
	.prefix = "podman",
	.has_place = true,
	.form = "podman[:SOCKET]",
	.title = "Podman",
	.check = runtime_check,
	.new = podman_new,
	.sign_paths = podman_signs,
	.helper_job = podman_job,
};
