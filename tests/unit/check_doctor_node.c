/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's checks of the node and of what is at both ends of the daemon: modules, memory,
 * clock, ledger, inventory, AgentX socket, communities. */
#include "doctor_world.h"
#include "report_ledger.h"
#include "store/report_db.h"

#include <fcntl.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>

static const char *const none = "";

#define MIB *1024 * 1024

/* ---- modules ---- */

static void put_modules(struct world *w, const char *list, const char *text)
{
	struct utsname u;
	char *path;

	uname(&u);
	path = xasprintf("/lib/modules/%s/%s", u.release, list);
	put(w, path, text);
	free(path);
}

START_TEST(doctor_modules_are_loaded_at_boot_or_not)
{
	static const char dep[] = "kernel/net/ipv4/netfilter/iptable_mangle.ko.xz: x\n"
				  "kernel/net/ipv6/netfilter/ip6table_mangle.ko.xz: y\n";
	struct world *w = world_new(NULL);

	assert_finding(w, doctor_modules, ADDR_V4, DOCTOR_OK, "needs no module", none);
	put(w, "/proc/modules", "x_tables 1 2 - Live 0x0\n");
	assert_finding(w, doctor_modules, ADDR_V4, DOCTOR_SKIP,
		       "cannot tell whether this kernel needs", none);
	put(w, "/proc/modules", "iptable_mangle 1 2 - Live 0x0\nip6table_mangle 1 1 - Live 0x0\n");
	assert_finding(w, doctor_modules, ADDR_V4, DOCTOR_WARN, "iptable_mangle, ip6table_mangle",
		       "printf '%s\\n' iptable_mangle ip6table_mangle "
		       ">>/etc/modules-load.d/ctmeter.conf");
	put(w, "/proc/modules", "");
	put_modules(w, "modules.dep", dep);
	assert_finding(w, doctor_modules, ADDR_V4, DOCTOR_WARN, "iptable_mangle, ip6table_mangle",
		       "printf '%s\\n' iptable_mangle ip6table_mangle "
		       ">>/etc/modules-load.d/ctmeter.conf");
	put(w, "/etc/modules-load.d/a.conf", "# iptable_mangle\n; ip6table-mangle\n");
	put(w, "/etc/modules-load.d/b.conf~", "iptable_mangle\nip6table_mangle\n");
	assert_finding(w, doctor_modules, ADDR_V4, DOCTOR_WARN, "iptable_mangle, ip6table_mangle",
		       "printf '%s\\n' iptable_mangle ip6table_mangle "
		       ">>/etc/modules-load.d/ctmeter.conf");
	put(w, "/usr/lib/modules-load.d/c.conf", "x\n  ip6table-mangle # ours\n");
	assert_finding(w, doctor_modules, ADDR_V4, DOCTOR_WARN, "iptable_mangle will",
		       "printf '%s\\n' iptable_mangle >>/etc/modules-load.d/ctmeter.conf");
	put(w, "/etc/modules", "loop\niptable_mangle");
	assert_finding(w, doctor_modules, ADDR_V4, DOCTOR_OK, "loaded at each boot", none);
	put_modules(w, "modules.builtin", dep);
	assert_finding(w, doctor_modules, ADDR_V4, DOCTOR_OK, "needs no module", none);
	world_free(w);
}
END_TEST

/* ---- memory ---- */

static void assert_memory(struct world *w, uint64_t need, enum doctor_level level, const char *part,
			  const char *cure)
{
	doctor_finding_clear(&w->f);
	doctor_memory_judge(&w->d, need, &w->f);
	ck_assert_msg(w->f.level == level, "level %s, wanted %s: %s", doctor_level_name(w->f.level),
		      doctor_level_name(level), w->f.text);
	ck_assert_msg(strstr(w->f.text, part) != NULL, "'%s' lacks '%s'", w->f.text, part);
	ck_assert_str_eq(w->f.cure ? w->f.cure : "", cure);
}

START_TEST(doctor_memory_v2_the_tightest_group_counts)
{
	struct world *w = world_new("{'pid':77}");

	assert_memory(w, 1, DOCTOR_OK, "no memory cgroup", none);
	put(w, "/proc/77/cgroup", "0::/a.slice/b.service\n");
	assert_memory(w, 1, DOCTOR_OK, "no memory limit", none);
	put(w, "/sys/fs/cgroup/a.slice/b.service/memory.max", "max\n");
	assert_memory(w, 1, DOCTOR_OK, "no memory limit", none);
	/* 100 MiB, of 90 used ones 60 are page cache. */
	put(w, "/sys/fs/cgroup/a.slice/b.service/memory.max", "104857600\n");
	put(w, "/sys/fs/cgroup/a.slice/b.service/memory.current", "94371840\n");
	put(w, "/sys/fs/cgroup/a.slice/b.service/memory.stat",
	    "anon 1\ninactive_file 41943040\nactive_file 20971520\nx_active_file 7\n");
	assert_memory(w, 30 MIB, DOCTOR_OK, "73.4 MB of the memory limit of 105 MB", none);
	assert_memory(w, 50 MIB, DOCTOR_WARN, "52.4 MB",
		      "echo 201326592 >/sys/fs/cgroup/a.slice/b.service/memory.max");
	assert_memory(w, 71 MIB, DOCTOR_FAIL, "74.4 MB",
		      "echo 268435456 >/sys/fs/cgroup/a.slice/b.service/memory.max");
	put(w, "/run/systemd/system/x", "");
	assert_memory(w, 71 MIB, DOCTOR_FAIL, "74.4 MB",
		      "systemctl set-property b.service MemoryMax=256M");
	put(w, "/sys/fs/cgroup/a.slice/memory.max", "4194304\n");
	put(w, "/sys/fs/cgroup/a.slice/memory.current", "0\n");
	assert_memory(w, 3 MIB, DOCTOR_WARN, "4.19 MB of the memory limit of 4.19 MB",
		      "systemctl set-property a.slice MemoryMax=16M");
	world_free(w);
}
END_TEST

START_TEST(doctor_memory_v1_beside_others)
{
	struct world *w = world_new("{'pid':77}");

	put(w, "/proc/77/cgroup",
	    "5:cpu,cpuacct:/x\n4:hugetlb,memory:/g\n1:name=systemd:/s\n0::/\n");
	put(w, "/sys/fs/cgroup/memory/g/memory.limit_in_bytes", "9223372036854771712\n");
	assert_memory(w, 1, DOCTOR_OK, "no memory limit", none);
	put(w, "/sys/fs/cgroup/memory/g/memory.limit_in_bytes", "20971520\n");
	put(w, "/sys/fs/cgroup/memory/g/memory.usage_in_bytes", "20971520\n");
	put(w, "/sys/fs/cgroup/memory/g/memory.stat", "total_inactive_file 1048576\n");
	assert_memory(w, 1 MIB + 1, DOCTOR_FAIL, "1.05 MB of the memory limit of 21.0 MB",
		      "echo 33554432 >/sys/fs/cgroup/memory/g/memory.limit_in_bytes");
	world_free(w);
}
END_TEST

/* ---- clock, ledger ---- */

START_TEST(doctor_clock_jumps_told_for_a_day)
{
	static const struct {
		const char *status;
		bool quick;
		const char *wanted; /* NULL: nothing */
	} cases[] = {
		{ "{}", false, NULL },
		{ "{'clock':{'state':'ok','jumps':0,'last_jump':null}}", false, NULL },
		{ "{'clock':{'state':'it is 1970','jumps':0,'last_jump':null}}", false,
		  "it is 1970" },
		{ "{'clock':{'state':'it is 1970','jumps':0,'last_jump':null}}", true, NULL },
		{ "{'clock':{'state':'ok','jumps':1,'last_jump':'D','last_jump_s':-60,"
		  "'last_jump_ago_s':86399}}",
		  true, "was set by -60 s to D" },
		{ "{'clock':{'state':'ok','jumps':1,'last_jump':'D','last_jump_s':-60,"
		  "'last_jump_ago_s':86400}}",
		  true, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = xstrdup(cases[i].status);
		struct doctor_finding f = { .level = DOCTOR_OK };
		json_t *status;

		for (char *c = text; *c; c++)
			if (*c == '\'')
				*c = '"';
		status = json_loads(text, 0, NULL);
		ck_assert_ptr_nonnull(status);
		doctor_clock_jumps(status, cases[i].quick, &f);
		ck_assert_int_eq(f.level, cases[i].wanted ? DOCTOR_WARN : DOCTOR_OK);
		if (cases[i].wanted)
			ck_assert_msg(strstr(f.text, cases[i].wanted) != NULL, "%s", f.text);
		doctor_finding_clear(&f);
		json_decref(status);
		free(text);
	}
}
END_TEST

START_TEST(doctor_clock_judge_levels)
{
	struct world *w = world_new(NULL);
	struct doctor_finding *f = &w->f;

	doctor_clock_judge(&w->d, TIME_OK, 0, f);
	ck_assert_int_eq(f->level, DOCTOR_OK);
	doctor_clock_judge(&w->d, TIME_OK, STA_UNSYNC, f);
	ck_assert_int_eq(f->level, DOCTOR_WARN);
	ck_assert_ptr_null(f->cure); /* what installs one here is not known */
	install_tool(w, "apt-get");
	install_tool(w, "timedatectl");
	put(w, "/run/systemd/system/x", "");
	doctor_clock_judge(&w->d, TIME_ERROR, 0, f);
	ck_assert_int_eq(f->level, DOCTOR_WARN);
	ck_assert_str_eq(f->cure, "apt-get install -y chrony");
	put(w, "/lib/systemd/system/systemd-timesyncd.service", "");
	doctor_clock_judge(&w->d, TIME_ERROR, 0, f);
	ck_assert_str_eq(f->cure, "timedatectl set-ntp true");
	world_free(w);
}
END_TEST

static char *make_ledger(struct world *w)
{
	char *path = xasprintf("%s/l.db", w->root);
	sqlite3 *db = ledger_create(path);

	for (int i = 1; i <= 200; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		ledger_container(db, i, name, "", 0, 1);
	}
	sqlite3_close(db);
	return path;
}

/* A page of the file that is neither the first nor free becomes rubbish. */
static void damage(const char *path)
{
	static const char rubbish[4096] = "rubbish";
	FILE *f = fopen(path, "r+");
	struct stat st;

	ck_assert(f && fstat(fileno(f), &st) == 0);
	ck_assert_int_gt(st.st_size, 4 * 4096);
	for (long at = 4096; at < st.st_size; at += 4096) {
		ck_assert_int_eq(fseek(f, at, SEEK_SET), 0);
		ck_assert_uint_eq(fwrite(rubbish, sizeof(rubbish), 1, f), 1);
	}
	fclose(f);
}

START_TEST(doctor_ledger_sound_damaged_missing)
{
	struct world *w = world_new("{'store':'ok'}");
	char *path = make_ledger(w);
	char *cure =
		xasprintf("mkdir %s.damaged && mv %s-* %s %s.damaged/", path, path, path, path);

	free(w->cfg->ledger.path);
	w->cfg->ledger.path = path;
	assert_finding(w, doctor_ledger, ADDR_V4, DOCTOR_OK, "is sound", none);
	json_object_set_new(w->d.status, "store", json_string("no room"));
	assert_finding(w, doctor_ledger, ADDR_V4, DOCTOR_FAIL, "no room", none);
	json_object_set_new(w->d.status, "store", json_string("ok"));
	damage(path);
	assert_finding(w, doctor_ledger, ADDR_V4, DOCTOR_FAIL, "is damaged", cure);
	/* One that was moved there before stays. */
	put(w, "/l.db.damaged/x", "");
	free(cure);
	cure = xasprintf("mkdir %s.damaged-2 && mv %s-* %s %s.damaged-2/", path, path, path, path);
	assert_finding(w, doctor_ledger, ADDR_V4, DOCTOR_FAIL, "is damaged", cure);
	ck_assert_ptr_null(strchr(w->f.text, '\n'));
	unlink(path);
	assert_finding(w, doctor_ledger, ADDR_V4, DOCTOR_FAIL, "there is no ledger",
		       "ctmeterd -c /etc/ctmeter/ctmeter.conf");
	free(cure);
	world_free(w);
}
END_TEST

START_TEST(doctor_disk_of_the_ledger)
{
	struct world *w = world_new(NULL);

	assert_finding(w, doctor_disk, ADDR_V4, DOCTOR_WARN, "/nonexistent: No such file", none);
	world_free(w);
}
END_TEST

/* ---- the inventory ---- */

static void set_inventory(struct world *w, const char *const *lines, size_t n)
{
	struct inv_part *part = inv_part_new("test", NULL);

	for (size_t i = 0; i < n; i += 2) {
		inv_part_container(part, 0, lines[i], "", INV_RUN_RUNNING);
		if (*lines[i + 1])
			inv_part_address(part, 0, lines[i + 1]);
	}
	inv_free(w->d.inventory);
	w->d.inventory = inv_merge(&part, 1, 100, NULL);
	inv_part_free(part);
}

START_TEST(doctor_inventory_against_what_is_counted)
{
	static const char *const said[] = { "101", "192.0.2.1", "102", "192.0.2.2",
					    "104", "192.0.2.4", "103", "192.0.2.3" };
	struct world *w = world_new("{'sources':[{'name':'vz','state':'ok'}]}");

	/* In another order than by address. */
	add_address(w, "103", "192.0.2.3", 1);
	add_address(w, "102", "192.0.2.2", 1);
	add_address(w, "101", "192.0.2.1", 1);
	set_inventory(w, said, 4);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_WARN,
		       "still counted, but no longer in the inventory: 103 192.0.2.3",
		       "ctmeter refresh");
	set_inventory(w, said, 8);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_WARN, "not counted yet: 104 192.0.2.4",
		       "ctmeter refresh");
	add_address(w, "104", "192.0.2.4", 1);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_OK, "4 containers with 4 addresses",
		       none);
	/* It moved to another container. */
	snprintf(w->d.addresses[3].id, sizeof(w->d.addresses[3].id), "999");
	assert_finding(
		w, doctor_inventory, ADDR_V4, DOCTOR_WARN,
		"not counted yet: 104 192.0.2.4; still counted, but no longer in the inventory: "
		"999 192.0.2.4",
		"ctmeter refresh");
	set_inventory(w, said, 0);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_WARN, "no longer in the inventory",
		       "ctmeter refresh");
	world_free(w);
}
END_TEST

/* The inventory has the shorter id first, strcmp(3) would have it last. */
START_TEST(doctor_inventory_ids_of_other_lengths_that_claim_one_address)
{
	static const char *const said[] = { "9",  "192.0.2.1", "10", "192.0.2.1",
					    "1a", "192.0.2.1", "zz", "192.0.2.1" };
	struct world *w = world_new("{'sources':[{'name':'vz','state':'ok'}]}");

	for (size_t i = 0; i < 8; i += 2)
		add_address(w, said[i], said[i + 1], 1)->conflict = true;
	set_inventory(w, said, 8);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_OK, "4 containers", none);
	set_inventory(w, said, 2);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_WARN,
		       "still counted, but no longer in the inventory: 10 192.0.2.1, 1a 192.0.2.1, "
		       "zz 192.0.2.1",
		       "ctmeter refresh");
	ck_assert_ptr_null(strstr(w->f.text, "not counted yet"));
	world_free(w);
}
END_TEST

START_TEST(doctor_inventory_containers_without_an_address_are_named)
{
	static const char *const said[] = { "101", "192.0.2.1", "102", "", "vm", "" };
	struct world *w = world_new("{'sources':[{'name':'vz','state':'ok'}]}");

	add_address(w, "101", "192.0.2.1", 1);
	set_inventory(w, said, 6);
	assert_finding(
		w, doctor_inventory, ADDR_V4, DOCTOR_OK,
		"3 containers with 1 addresses, as the sources now list them; without an address, "
		"so not counted: vm, 102",
		none);
	world_free(w);
}
END_TEST

START_TEST(doctor_inventory_failures_come_first)
{
	struct world *w = world_new("{'sources':[{'name':'vz','state':'ok'},"
				    "{'name':'file:/x','state':'gone'}]}");

	w->d.n_complaints = 2;
	snprintf(w->d.complaint, sizeof(w->d.complaint), "/x:7: what?");
	json_object_set_new(w->d.status, "refused_addresses", json_integer(5));
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_FAIL, "file:/x: gone", none);
	json_object_set_new(w->d.status, "sources", json_array());
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_FAIL, "0 containers and 5 addresses",
		       none);
	json_object_del(w->d.status, "refused_addresses");
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_WARN, "/x:7: what? (and more)", none);
	snprintf(w->d.look_text, sizeof(w->d.look_text), "cannot read");
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_WARN, "cannot read", none);
	json_decref(w->d.status);
	w->d.status = NULL;
	w->d.status_rc = -ENOENT;
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_FAIL, "cannot read", none);
	w->d.status_rc = -EACCES;
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_SKIP, "cannot read", none);
	world_free(w);
}
END_TEST

static void set_age(const char *path, time_t age_s)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = time(NULL) - age_s } };

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(doctor_inventory_tells_of_files_a_day_old)
{
	struct world *w = world_new(NULL);
	char *path = xasprintf("%s/ct", w->root);
	char *conf = xasprintf("[inventory]\nsource = file:%s\n", path);
	struct err e = { "" };

	put(w, "/ct", "");
	cfg_free(w->cfg);
	ck_assert_int_eq(cfg_parse(conf, "conf", source_check, &w->cfg, &e), 0);
	w->d.o.cfg = w->cfg;
	set_age(path, 86000);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_OK, "0 addresses", none);
	ck_assert_ptr_null(strstr(w->f.text, "written"));
	set_age(path, 3 * 86400 + 60);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_OK, "/ct was last written 3 d", none);
	free(conf);
	free(path);
	world_free(w);
}
END_TEST

static void set_sources(struct world *w, const char *path)
{
	char *conf = xasprintf("[inventory]\nsource = file:%s\n[daemon]\nuser = nobody\n", path);
	struct err e = { "" };

	cfg_free(w->cfg);
	ck_assert_int_eq(cfg_parse(conf, "conf", source_check, &w->cfg, &e), 0);
	w->d.o.cfg = w->cfg;
	free(conf);
}

START_TEST(doctor_inventory_file_that_the_daemon_may_not_read)
{
	struct world *w =
		world_new("{'pid':77,'sources':[{'name':'file','state':'cannot read it'}]}");
	char *dir = xasprintf("%s/in ventory", w->root), *path = xasprintf("%s/ct", dir), *cure;

	put(w, "/in ventory/ct", "");
	set_sources(w, path);
	chmod(w->root, 0755);
	chmod(dir, 0755); /* whatever the umask is */
	put(w, "/proc/77/status",
	    "Name:\tx\nUid:\t64206\t64206\t64206\t64206\nGid:\t64207\t64207\t64207\t64207\n"
	    "Groups:\t5 \n");
	chmod(path, 0644);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_FAIL, "file: cannot read it", none);
	chmod(path, 0600);
	cure = xasprintf("chgrp 64207 '%s' && chmod g+r '%s'", path, path);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_FAIL,
		       "ctmeterd runs as 64206 and may not read /", cure);
	free(cure);
	/* Nobody's group but ours is let in; nor is one thrown out. */
	chmod(dir, 0700);
	cure = xasprintf("chgrp 64207 '%s' && chmod g+x '%s' && chgrp 64207 '%s' && chmod g+r '%s'",
			 dir, dir, path, path);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_FAIL, "may not read", cure);
	free(cure);
	chmod(path, 0644);
	chmod(dir, 0750);
	cure = xasprintf("chmod o+x '%s'", dir);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_FAIL, "may not read", cure);
	ck_assert_int_eq(system(cure), 0);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_FAIL, "file: cannot read it", none);
	free(cure);
	free(dir);
	free(path);
	world_free(w);
}
END_TEST

START_TEST(doctor_inventory_file_that_a_daemon_will_not_be_let_read)
{
	struct world *w = world_new(NULL);
	char *path = xasprintf("%s/ct", w->root);

	put(w, "/ct", "");
	set_sources(w, path);
	chmod(w->root, 0755);
	chmod(path, 0644);
	assert_finding(w, doctor_inventory, ADDR_V4, DOCTOR_OK, "0 containers", none);
	if (geteuid() == 0) {
		chmod(path, 0600);
		doctor_finding_clear(&w->f);
		doctor_inventory(&w->d, ADDR_V4, &w->f);
		ck_assert_int_eq(w->f.level, DOCTOR_FAIL);
		ck_assert_ptr_nonnull(strstr(w->f.text, "runs as nobody"));
	}
	free(path);
	world_free(w);
}
END_TEST

START_TEST(doctor_conflicts_are_named)
{
	struct world *w = world_new(NULL);

	add_address(w, "101", "192.0.2.1", 1);
	add_address(w, "102", "192.0.2.2", 1)->conflict = true;
	add_address(w, "103", "192.0.2.3", 1);
	assert_finding(w, doctor_conflicts, ADDR_V4, DOCTOR_OK, "no address", none);
	add_address(w, "104", "192.0.2.2", 1)->conflict = true;
	assert_finding(w, doctor_conflicts, ADDR_V4, DOCTOR_WARN, ": 192.0.2.2 (102, 104)", none);
	world_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor_node");
	TCase *tc = tcase_create("doctor_node");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, doctor_modules_are_loaded_at_boot_or_not);
	tcase_add_test(tc, doctor_memory_v2_the_tightest_group_counts);
	tcase_add_test(tc, doctor_memory_v1_beside_others);
	tcase_add_test(tc, doctor_clock_judge_levels);
	tcase_add_test(tc, doctor_clock_jumps_told_for_a_day);
	tcase_add_test(tc, doctor_ledger_sound_damaged_missing);
	tcase_add_test(tc, doctor_disk_of_the_ledger);
	tcase_add_test(tc, doctor_inventory_against_what_is_counted);
	tcase_add_test(tc, doctor_inventory_ids_of_other_lengths_that_claim_one_address);
	tcase_add_test(tc, doctor_inventory_containers_without_an_address_are_named);
	tcase_add_test(tc, doctor_inventory_failures_come_first);
	tcase_add_test(tc, doctor_inventory_tells_of_files_a_day_old);
	tcase_add_test(tc, doctor_inventory_file_that_the_daemon_may_not_read);
	tcase_add_test(tc, doctor_inventory_file_that_a_daemon_will_not_be_let_read);
	tcase_add_test(tc, doctor_conflicts_are_named);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
