/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's checks from the daemon to the poller: the AgentX socket, and who is blamed when
 * snmpd does not answer. */
#include "doctor_world.h"

#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>

static const char *const none = "";

#define PART "/etc/snmp/snmpd.conf.d/ctmeter.conf"

/* ---- AgentX ---- */

static void set_socket(struct world *w, const char *path)
{
	free(w->cfg->agentx.socket);
	w->cfg->agentx.socket = xstrdup(path);
}

/* As whom this test runs: who the socket belongs to. */
static const char *own_name(void)
{
	static char number[16];
	const struct passwd *pw = getpwuid(geteuid());

	snprintf(number, sizeof(number), "%u", (unsigned)geteuid());
	return pw ? pw->pw_name : number;
}

START_TEST(doctor_agentx_no_socket)
{
	struct world *w = world_new("{'pid':77,'agentx':{'state':'down','problem':''}}");

	set_socket(w, "/nonexistent/master");
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_FAIL, "snmpd is not installed",
		       "service snmpd restart");
	install_tool(w, "yum");
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_FAIL, "snmpd is not installed",
		       "yum install -y net-snmp && service snmpd restart");
	install_tool(w, "snmpd");
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_FAIL, "lacks \"master agentx\"",
		       "service snmpd restart");
	put(w, "/etc/snmp/snmpd.conf", "# master agentx\nview x\n");
	if (geteuid() == 0)
		assert_finding(
			w, doctor_agentx, ADDR_V4, DOCTOR_FAIL, "lacks",
			"echo 'master agentx' >>/etc/snmp/snmpd.conf && service snmpd restart");
	put(w, PART, "master agentx\n");
	put(w, "/run/systemd/system/x", "");
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_FAIL, "lacks", "systemctl restart snmpd");
	world_free(w);
}
END_TEST

START_TEST(doctor_agentx_socket_that_the_daemon_may_not_use)
{
	struct world *w = world_new("{'pid':77,'agentx':{'state':'down','problem':'why'}}");
	char *path = xasprintf("%s/master", w->root), *cure;

	set_socket(w, path);
	put(w, "/master", "");
	chmod(path, 0660);
	chmod(w->root, 0711);
	put(w, "/proc/77/status", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0\n");
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_FAIL, "why", "service snmpd restart");
	put(w, "/proc/77/status",
	    "Name:\tx\nUid:\t9\t64206\t9\t9\nGid:\t9\t64207\t9\t9\nGroups:\t \nX:\t0\n");
	/* snmpd makes it anew at each start: its configuration has to say so too. */
	cure = xasprintf(
		"chgrp 64207 %s && chmod g+rw %s && chmod a+x %s && echo 'agentXPerms 0660 "
		"0755 %s 64207' >>/etc/snmp/snmpd.conf",
		path, path, w->root, own_name());
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_FAIL, "runs as 64206 and may not connect",
		       cure);
	free(cure);
	put(w, PART, "master agentx\nagentXPerms 0600 0755 x y\n");
	cure = xasprintf("chgrp 64207 %s && chmod g+rw %s && chmod a+x %s && sed -i "
			 "'s/^[[:space:]]*agentXPerms.*/agentXPerms 0660 0755 %s 64207/' " PART,
			 path, path, w->root, own_name());
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_FAIL, "may not connect", cure);
	free(cure);
	cure = xasprintf("master agentx\nagentXPerms 0660 0755 %s 64207\n", own_name());
	put(w, PART, cure);
	free(cure);
	cure = xasprintf("chgrp 64207 %s && chmod g+rw %s && chmod a+x %s", path, path, w->root);
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_FAIL, "may not connect", cure);
	free(cure);
	free(path);
	world_free(w);
}
END_TEST

START_TEST(doctor_agentx_socket_of_everybody)
{
	struct world *w = world_new("{'pid':77,'agentx':{'state':'up','problem':''}}");
	char *path = xasprintf("%s/master", w->root), *cure;
	const struct group *gr = getgrgid(getegid());

	set_socket(w, path);
	put(w, "/master", "");
	chmod(path, 0660);
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_OK, "mode 660", none);
	chmod(path, 0777);
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_OK, "mode 777",
		       none); /* the way is closed */
	chmod(w->root, 0711);
	put(w, PART, "agentXPerms 0666\n");
	cure = xasprintf(
		"chmod o-rwx %s && sed -i 's/^[[:space:]]*agentXPerms.*/agentXPerms 0660 0755 "
		"%s %s/' " PART,
		path, own_name(), gr ? gr->gr_name : "?");
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_WARN, "is open to every user", cure);
	free(cure);
	free(path);
	world_free(w);
}
END_TEST

START_TEST(doctor_agentx_group_lets_in)
{
	struct world *w = world_new("{'pid':77,'agentx':{'state':'down','problem':'why'}}");
	char *path = xasprintf("%s/master", w->root), *status;

	put(w, "/master", "");
	chmod(path, 0660);
	set_socket(w, path);
	free(path);
	chmod(w->root, 0711);
	status = xasprintf("Name:\tx\nUid:\t9\t64206\t9\t9\nGid:\t9\t64207\t9\t9\n"
			   "Groups:\t5 %u 7 \n",
			   (unsigned)getegid());
	put(w, "/proc/77/status", status);
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_FAIL, "why", "service snmpd restart");
	free(status);
	set_socket(w, "tcp:localhost:705");
	assert_finding(w, doctor_agentx, ADDR_V4, DOCTOR_FAIL, "why", "service snmpd restart");
	world_free(w);
}
END_TEST

/* ---- asking ---- */

START_TEST(doctor_snmp_without_a_community_is_not_asked)
{
	struct world *w = world_new(NULL);

	assert_finding(w, doctor_snmp_tables, ADDR_V4, DOCTOR_SKIP, "No such file", none);
	w->d.communities_known = false;
	free(w->d.community_source);
	put(w, "/etc/snmp/snmpd.conf.d/ctmeter.conf", "#com2sec x 127.0.0.1 COMMUNITY\n");
	assert_finding(w, doctor_snmp_switch, ADDR_V4, DOCTOR_SKIP, "has no com2sec", none);
	*w->cfg->agentx.context = '\0';
	assert_finding(w, doctor_snmp_switch, ADDR_V4, DOCTOR_OK, "switched off", none);
	world_free(w);
}
END_TEST

START_TEST(doctor_snmp_nobody_listens)
{
	struct world *w = world_new(NULL);

	w->d.o.community = "c";
	w->d.o.agent = "127.0.0.1:1"; /* tcpmux, which is no UDP service */
	assert_finding(w, doctor_snmp_tables, ADDR_V4, DOCTOR_FAIL, "no snmpd listens",
		       "service snmpd restart");
	ck_assert_str_eq(w->d.ports_community, "c-ports");
	world_free(w);
}
END_TEST

/* A port on which somebody hears and says nothing: a community or a context that snmpd does not
 * know. */
static int silent_agent(char ret_agent[32])
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(ret_agent, 32, "127.0.0.1:%u", ntohs(at.sin_port));
	return fd;
}

START_TEST(doctor_snmp_silence_is_not_always_the_communitys_fault)
{
	struct world *w = world_new(NULL);
	char agent[32];
	int fd = silent_agent(agent);

	w->d.o.community = "c";
	w->d.o.agent = agent;
	assert_finding(w, doctor_snmp_switch, ADDR_V4, DOCTOR_FAIL,
		       "no ctmeterd runs to register it", "ctmeterd -c /etc/ctmeter/ctmeter.conf");
	ck_assert_ptr_null(strstr(w->f.text, "community"));
	/* The tables are in the default context. */
	assert_finding(w, doctor_snmp_tables, ADDR_V4, DOCTOR_FAIL, "the community is wrong", none);
	w->d.status_rc = -EACCES;
	assert_finding(w, doctor_snmp_switch, ADDR_V4, DOCTOR_FAIL,
		       "hangs, or ctmeterd does not run (only root can tell)", none);
	w->d.status_rc = 0;
	w->d.status = quoted_json("{'agentx':{'state':'connecting'}}");
	assert_finding(w, doctor_snmp_switch, ADDR_V4, DOCTOR_FAIL,
		       "ctmeterd has no session to register it (see agentx)", none);
	json_object_set_new(w->d.status, "agentx", quoted_json("{'state':'up'}"));
	put(w, PART, "com2sec\n");
	assert_finding(w, doctor_snmp_switch, ADDR_V4, DOCTOR_FAIL,
		       "the community is wrong or not for this host, or snmpd hangs", none);
	ck_assert_str_eq(w->f.look, "grep com2sec " PART);
	close(fd);
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor_snmp");
	TCase *tc = tcase_create("doctor_snmp");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, doctor_agentx_no_socket);
	tcase_add_test(tc, doctor_agentx_socket_that_the_daemon_may_not_use);
	tcase_add_test(tc, doctor_agentx_socket_of_everybody);
	tcase_add_test(tc, doctor_agentx_group_lets_in);
	tcase_add_test(tc, doctor_snmp_without_a_community_is_not_asked);
	tcase_add_test(tc, doctor_snmp_nobody_listens);
	tcase_add_test(tc, doctor_snmp_silence_is_not_always_the_communitys_fault);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
