/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sources that a child gathers for: real files in a directory of this test's own, and monitors
 * of LXC that this test plays. */
#include "source_bench.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

struct place {
	char *dir, *spec;
	struct bench bench;
};

static void open_place(struct place *p, const char *kind)
{
	p->dir = make_dir();
	p->spec = spec_of(kind, p->dir, "");
	open_bench(&p->bench, "", p->spec, NULL);
}

static void close_place(struct place *p)
{
	close_bench(&p->bench);
	remove_dir(p->dir);
	free(p->spec);
}

static void put_file(const struct place *p, const char *name, const char *text)
{
	free(write_file(p->dir, name, 0640, text));
}

/* ---- a monitor ---- */

enum manner { ANSWERS, SILENT, HALF, TOO_MUCH };

struct request {
	int command, len;
	const void *data;
};
struct response {
	int ret, len;
	void *data;
};

static void answer_item(int fd, const char *key)
{
	static const char *const items[][2] = { { "lxc.uts.name", "www" },
						{ "lxc.net.0.type", "veth" },
						{ "lxc.net.0.veth.pair", "vethX1" },
						{ "lxc.net.0.ipv4.address",
						  "192.0.2.5/24\n192.0.2.6/24" } };
	struct response r = { .ret = -1 };
	const char *value = "";

	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		if (!strcmp(key, items[i][0]))
			value = items[i][1];
	if (*value)
		r = (struct response) { .len = (int)strlen(value) + 1 };
	send(fd, &r, sizeof(r), MSG_NOSIGNAL);
	if (*value)
		send(fd, value, (size_t)r.len, MSG_NOSIGNAL);
}

static void serve_one(int fd, enum manner manner)
{
	struct response r = { .data = (void *)(intptr_t)4711 };
	struct request request;
	char key[256] = "";

	if (recv(fd, &request, sizeof(request), MSG_WAITALL) != sizeof(request))
		return;
	if (request.len > 0 && request.len < (int)sizeof(key))
		ck_assert(recv(fd, key, (size_t)request.len, MSG_WAITALL) == request.len);
	/* Anything else might stop a container. */
	ck_assert(request.command == 4 || request.command == 7);
	if (manner == HALF && request.command == 7) {
		send(fd, &r, sizeof(r) / 2, MSG_NOSIGNAL);
	} else if (manner == TOO_MUCH && request.command == 7) {
		r.len = 1 << 30;
		send(fd, &r, sizeof(r), MSG_NOSIGNAL);
	} else if (request.command == 4) {
		send(fd, &r, sizeof(r), MSG_NOSIGNAL);
	} else {
		answer_item(fd, key);
	}
}

/* Returns the monitor's process. uid: whose it is. */
static pid_t monitor_start(const struct place *p, const char *name, enum manner manner, uid_t uid)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int ready[2], fd;
	char octet;
	pid_t pid;
	int len =
		snprintf(sun.sun_path + 1, sizeof(sun.sun_path) - 1, "%s/%s/command", p->dir, name);

	ck_assert(pipe(ready) == 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if ((uid && setuid(uid) < 0) ||
		    bind(fd, (struct sockaddr *)&sun,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) <
			    0 ||
		    listen(fd, 8) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		while (manner == SILENT)
			pause();
		for (;;) {
			int one = accept(fd, NULL, NULL);

			serve_one(one, manner);
			if (manner == ANSWERS)
				close(one);
		}
	}
	close(ready[1]);
	ck_assert(read(ready[0], &octet, 1) == 1);
	close(ready[0]);
	return pid;
}

static void monitor_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#define CONFIG "lxc.net.0.type = veth\nlxc.net.0.ipv4.address = 192.0.2.50/24\n"

START_TEST(source_lxc_running_and_stopped)
{
	struct place p;
	pid_t monitor;

	open_place(&p, "lxc");
	put_file(&p, "web/config", CONFIG);
	put_file(&p, "db/config", "lxc.uts.name = db1\n");
	put_file(&p, "no-container/rootfs", "");
	put_file(&p, "lxc-monitord.log", "");
	expect_look(&p.bench, "db[db1,stopped]; web[web,stopped] 192.0.2.50");
	monitor = monitor_start(&p, "web", ANSWERS, 0);
	expect_look(&p.bench,
		    "db[db1,stopped]; web[www,running] 192.0.2.5@vethX1 192.0.2.6@vethX1");
	monitor_stop(monitor);
	expect_look(&p.bench, "db[db1,stopped]; web[web,stopped] 192.0.2.50");
	close_place(&p);
}
END_TEST

/* One that hangs costs the others nothing, and half of an answer passes for no answer. */
START_TEST(source_lxc_monitors_that_do_not_answer)
{
	struct place p;
	pid_t silent, half, much;

	log_capture();
	open_place(&p, "lxc");
	put_file(&p, "a/config", CONFIG);
	put_file(&p, "b/config", "");
	silent = monitor_start(&p, "a", SILENT, 0);
	expect_look(&p.bench, "a[a,unknown] 192.0.2.50; b[b,stopped]");
	monitor_stop(silent);
	half = monitor_start(&p, "a", HALF, 0);
	expect_failure(&p.bench, "its monitor does not answer all that it is asked",
		       "(doubtful); a[a,running] 192.0.2.50; b[b,stopped]");
	monitor_stop(half);
	much = monitor_start(&p, "a", TOO_MUCH, 0);
	expect_failure(&p.bench, "its monitor does not answer all that it is asked",
		       "(doubtful); a[a,running] 192.0.2.50; b[b,stopped]");
	monitor_stop(much);
	expect_look(&p.bench, "a[a,stopped] 192.0.2.50; b[b,stopped]");
	close_place(&p);
}
END_TEST

/* Anybody may take an abstract name. */
START_TEST(source_lxc_monitor_of_another_user_is_not_asked)
{
	struct place p;
	pid_t monitor;

	if (getuid() != 0)
		return; /* only root can be two users */
	open_place(&p, "lxc");
	put_file(&p, "web/config", CONFIG);
	monitor = monitor_start(&p, "web", ANSWERS, 65534);
	expect_look(&p.bench, "web[web,unknown] 192.0.2.50");
	monitor_stop(monitor);
	close_place(&p);
}
END_TEST

/* Whoever owns the directory must not have root read other files for them. */
START_TEST(source_lxc_files_of_others_are_not_read)
{
	struct place p;
	char *command;

	if (getuid() != 0)
		return; /* only root can be two users */
	log_capture();
	open_place(&p, "lxc");
	put_file(&p, "good/config", CONFIG);
	put_file(&p, "theirs/config", "");
	command = xasprintf("cd %s && mkdir link && echo 'lxc.uts.name = secret' >secret && "
			    "ln -s ../secret link/config && ln -s good other && "
			    "chown 65534 . link theirs theirs/config",
			    p.dir);
	ck_assert(system(command) == 0);
	look(&p.bench);
	ck_assert_str_eq(p.bench.text,
			 "(doubtful); good[good,stopped] 192.0.2.50; theirs[theirs,stopped]");
	EXPECT_LOG(2, "link: it belongs to another user than its directory");
	free(command);
	close_place(&p);
}
END_TEST

START_TEST(source_lxc_ten_thousand_containers)
{
	struct place p;

	open_place(&p, "lxc");
	for (int i = 0; i < 10000; i++) {
		char name[64];

		snprintf(name, sizeof(name), "c%d/config", i);
		put_file(&p, name, "");
	}
	expect_failure(&p.bench, "far over max-rows = 1000", "(incomplete)");
	close_place(&p);
}
END_TEST

START_TEST(source_lxc_odd_names)
{
	struct place p;

	log_capture();
	open_place(&p, "lxc");
	put_file(&p, "with blank/config", "");
	put_file(&p, "-n/config", "");
	put_file(&p, "$(reboot)/config", "");
	put_file(&p, "caf\xc3\xa9/config", "");
	expect_look(&p.bench, "-n[-n,stopped]; caf\xc3\xa9[caf\xc3\xa9,stopped]; "
			      "$(reboot)[$(reboot),stopped]; with blank[with blank,stopped]");
	put_file(&p, "bad\xff/config", "");
	put_file(&p, "line\nbreak/config", "");
	look(&p.bench);
	ck_assert_str_eq(p.bench.text,
			 "(doubtful); -n[-n,stopped]; caf\xc3\xa9[caf\xc3\xa9,stopped]; "
			 "$(reboot)[$(reboot),stopped]; with blank[with blank,stopped]");
	close_place(&p);
}
END_TEST

/* A place that is not there, and one that comes and goes. */
START_TEST(source_gathered_place_missing_is_idle)
{
	struct place p;
	char *away;

	open_place(&p, "pve");
	look(&p.bench);
	ck_assert(!p.bench.failed && !p.bench.failure);
	ck_assert_str_eq(p.bench.text, "");
	ck_assert_msg(strstr(sources_state(p.bench.sources, 0), "not running: "), "%s",
		      sources_state(p.bench.sources, 0));
	put_file(&p, "lxc/100.conf", "hostname: web\nnet0: name=eth0,ip=192.0.2.5/24\n");
	put_file(&p, "lxc/100.conf.tmp.1", "hostname: x\n");
	put_file(&p, "lxc/x100.conf", "hostname: x\n");
	put_file(&p, "qemu-server/101.conf",
		 "name: db\nnet0: virtio=x\nipconfig0: ip=192.0.2.6/24\n");
	expect_look(&p.bench, "100[web,stopped] 192.0.2.5@veth100i0; 101[db,stopped] "
			      "192.0.2.6@tap101i0");
	away = xasprintf("mv %s/lxc %s/away", p.dir, p.dir);
	ck_assert(system(away) == 0);
	look(&p.bench);
	ck_assert(!p.bench.failed);
	ck_assert_str_eq(p.bench.text, "100[web,stopped] 192.0.2.5@veth100i0; 101[db,stopped] "
				       "192.0.2.6@tap101i0");
	ck_assert(strstr(sources_state(p.bench.sources, 0), "what it said last stays"));
	free(away);
	close_place(&p);
}
END_TEST

START_TEST(source_gathered_odd_files_are_doubted)
{
	struct place p;
	char *command;

	log_capture();
	open_place(&p, "pve");
	put_file(&p, "lxc/100.conf", "hostname: web\nnet0: name=eth0,ip=192.0.2.5/24\n");
	put_file(&p, "qemu-server/1.conf", "name: db\n");
	command = xasprintf("cd %s/lxc && mkfifo 102.conf && mkdir 103.conf && "
			    "head -c 300000 /dev/zero >104.conf && ln -s /nowhere 105.conf",
			    p.dir);
	ck_assert(system(command) == 0);
	look(&p.bench);
	ck_assert_str_eq(p.bench.text,
			 "(doubtful); 1[db,stopped]; 100[web,stopped] 192.0.2.5@veth100i0");
	EXPECT_LOG(4, "102: it is no regular file", "103: it is no regular file",
		   "104: it is larger than 256 KiB", "nothing is removed");
	free(command);
	close_place(&p);
}
END_TEST

START_TEST(source_nspawn_machines_of_living_leaders)
{
	struct place p;
	char *text =
		xasprintf("NAME=deb\nSERVICE=systemd-nspawn\nID=5b\nLEADER=%d\n", (int)getpid());
	pid_t gone = fork();
	char *dead;

	if (gone == 0)
		_exit(0);
	ck_assert(waitpid(gone, NULL, 0) == gone);
	dead = xasprintf("NAME=old\nSERVICE=systemd-nspawn\nID=5c\nLEADER=%d\n", (int)gone);
	open_place(&p, "nspawn");
	put_file(&p, "deb", text);
	put_file(&p, "old", dead);
	put_file(&p, "unit:machine-deb.scope", text);
	put_file(&p, ".host", text);
	expect_look(&p.bench, "deb[deb,running]");
	free(text);
	free(dead);
	close_place(&p);
}
END_TEST

START_TEST(source_check_places_of_gathered)
{
	static const char *const good[] = { "lxc", "pve", "nspawn", "lxc:/srv/lxc",
					    "pve:/etc/pve" };
	static const char *const bad[] = { "lxc:", "lxc:srv", "lxc:/", "lxc:/srv/", "lxcx" };
	struct err e = { "" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(source_check(good[i], &e) == 0, "%s: %s", good[i], e.text);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(source_check(bad[i], &e) == -EINVAL, "%s", bad[i]);
}
END_TEST

/* The helper takes no path that is not configured, and no other word. */
START_TEST(source_job_of_gathered_is_what_is_configured)
{
	struct source_job job = { .argv = NULL };
	struct err e = { "" };
	const char *name;
	const struct source_kind *kind = source_kind_of_request("lxc:/srv/lxc files", &name);

	ck_assert_ptr_nonnull(kind);
	ck_assert(source_wants_job("lxc:/srv/lxc", kind, "lxc:/srv/lxc files"));
	ck_assert(!source_wants_job("lxc:/srv/lxc", kind, "lxc:/root files"));
	ck_assert(!source_wants_job("lxc", kind, "lxc:/root files"));
	ck_assert(source_wants_job("auto", kind, "lxc files"));
	ck_assert_int_eq(kind->helper_job(name, &job, &e), 0);
	ck_assert_str_eq(job.text, "/srv/lxc");
	ck_assert(job.work && !job.argv && !job.file && !job.socket);
	source_job_clear(&job);
	ck_assert_int_eq(kind->helper_job("shadow", &job, &e), -EPERM);
	ck_assert_int_eq(kind->helper_job("files", &job, &e), 0);
	ck_assert_str_eq(job.text, "/var/lib/lxc");
	source_job_clear(&job);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gathered");
	TCase *tc = tcase_create("sources");

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 300); /* ten thousand files on a slow disk */
	tcase_add_test(tc, source_lxc_running_and_stopped);
	tcase_add_test(tc, source_lxc_monitors_that_do_not_answer);
	tcase_add_test(tc, source_lxc_monitor_of_another_user_is_not_asked);
	tcase_add_test(tc, source_lxc_files_of_others_are_not_read);
	tcase_add_test(tc, source_lxc_ten_thousand_containers);
	tcase_add_test(tc, source_lxc_odd_names);
	tcase_add_test(tc, source_gathered_place_missing_is_idle);
	tcase_add_test(tc, source_gathered_odd_files_are_doubted);
	tcase_add_test(tc, source_nspawn_machines_of_living_leaders);
	tcase_add_test(tc, source_check_places_of_gathered);
	tcase_add_test(tc, source_job_of_gathered_is_what_is_configured);
	return run_suite(suite);
}
