/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inv_helpers.h"

#ifndef CTM_NO_CURL

#include "inventory/inv_docker.h"

/* The answers in tests/fixtures/runtimes are those of real Dockers and Podmans. */

static char *docker_text(const char *text, size_t len, const struct inv_settle *settle)
{
	struct inv_part *part = inv_part_new("src", NULL);
	struct err e = { "" };
	char *said;

	if (inv_docker(part, text, len, settle, &e) == 0)
		said = part_text(part);
	else
		said = xasprintf("failed: %s", e.text);
	inv_part_free(part);
	return said;
}

static void expect(const char *text, const char *expected)
{
	char *said = docker_text(text, strlen(text), NULL);

	ck_assert_str_eq(said, expected);
	free(said);
}

/* A container's object, with these members more. */
#define CONTAINER(id, name, more)                                            \
	"{\"Id\":\"" id "\",\"Names\":[\"" name "\"],\"State\":\"running\"," \
	"\"Labels\":{},\"HostConfig\":{\"NetworkMode\":\"default\"}" more "}"
#define ADDRESS(a)                                                                 \
	",\"NetworkSettings\":{\"Networks\":{\"bridge\":{\"IPAddress\":\"" a "\"," \
	"\"GlobalIPv6Address\":\"\"}}}"

START_TEST(inv_docker_real_answer_read)
{
	size_t len;
	char *text = fixture_read("runtimes/docker-20.10.json", &len);
	struct inv_part *part = inv_part_new("src", NULL);
	struct inventory *inv;
	struct err e = { "" };

	ck_assert_msg(inv_docker(part, text, len, NULL, &e) == 0, "%s", e.text);
	expect_part(part, "web[Web server,running] 172.17.0.2 2001:db8:d::242:ac11:2; "
			  "done[done,stopped]; none[none,running]; "
			  "multi[multi,running] 172.18.0.2 172.19.0.2 2001:db8:e::2; "
			  "never[never,stopped]; shared[shared,running]; hostnet[hostnet,running]; "
			  "customer-7[asked,running] 172.17.0.3 2001:db8:d::242:ac11:3; "
			  "0123456789ab_old[0123456789ab_old,running] 172.17.0.5 "
			  "2001:db8:d::242:ac11:5");
	inv = inv_merge(&part, 1, 1000, NULL);
	ck_assert_str_eq(inv->containers[0].runtime, "docker");
	ck_assert_uint_eq(strlen(inv->containers[0].runtime_id), 64);
	ck_assert_str_eq(inv->containers[0].image, "bb");
	ck_assert_int_eq(inv->containers[0].net, INV_NET_OWN);
	ck_assert_int_eq(inv->containers[2].net, INV_NET_NONE);
	ck_assert_int_eq(inv->containers[5].net, INV_NET_SHARED);
	ck_assert_int_eq(inv->containers[6].net, INV_NET_NODE);
	inv_free(inv);
	inv_part_free(part);
	free(text);
}
END_TEST

START_TEST(inv_docker_labels_say_id_name_and_ignore)
{
	expect("[" CONTAINER("a1", "/web", ADDRESS("172.17.0.2")) "]",
	       "web[web,running] 172.17.0.2");
	expect("[{\"Id\":\"a1\",\"Names\":[\"/other/alias\",\"/web\"],\"State\":\"paused\","
	       "\"Labels\":{\"ctmeter.id\":\"7\",\"ctmeter.name\":\"Seven\"}}]",
	       "7[Seven,running]");
	expect("[{\"Id\":\"a1\",\"Names\":[\"/web\"],\"Labels\":{\"ctmeter.ignore\":\"true\"}},"
	       "{\"Id\":\"a2\",\"Names\":[\"/db\"],\"Labels\":{\"ctmeter.ignore\":\"false\"}},"
	       "{\"Id\":\"a3\",\"Names\":[\"/c\"],\"Labels\":null,\"State\":\"dead\"}]",
	       "c[c,stopped]; db[db,unknown]");
	expect("[{\"Id\":\"a1\",\"Names\":[\"/web\"],\"Labels\":{\"ctmeter.quota\":\"2TB\","
	       "\"ctmeter.quota-counts\":\"out\"}},"
	       "{\"Id\":\"a2\",\"Names\":[\"/db\"],\"Labels\":{\"ctmeter.quota\":\"much\","
	       "\"ctmeter.quota-counts\":\"all\"}}]",
	       "db[db,unknown]; web[web,unknown] quota=2000000000000/out");
}
END_TEST

START_TEST(inv_docker_stopped_has_no_address)
{
	expect("[{\"Id\":\"a1\",\"Names\":[\"/web\"],\"State\":\"exited\"" ADDRESS(
		       "172.17.0.2") "}]",
	       "web[web,stopped]");
}
END_TEST

START_TEST(inv_docker_empty_list_is_an_answer)
{
	expect("[]", "");
	expect(" [ ]\n", "");
}
END_TEST

START_TEST(inv_docker_broken_answers_fail_whole)
{
	static const char *const t[][2] = {
		{ "", "an empty answer" },
		{ "{\"message\":\"x\"}", "not a JSON list" },
		{ "[", "cut off after 0 objects" },
		{ "[1]", "it is no object" },
		{ "[{}]", "without an Id" },
		{ "[{\"Id\":\"a\"}]", "without a name" },
		{ "[{\"Id\":7,\"Names\":[\"/a\"]}]", "without an Id" },
		{ "[{\"Id\":\"a\",\"Names\":[\"/a\"]}", "cut off after 1 objects" },
		{ "[{\"Id\":\"a\",\"Names\":[\"/a\"]},", "cut off after 1 objects" },
		{ "[{\"Id\":\"a\",\"Names\":[\"/a\"]} {}]", "no comma" },
		{ "[{\"Id\":\"a\",\"Names\":[\"/a\"],\"Id\":\"b\"}]", "duplicate" },
		{ "[{\"Id\":\"a\",\"Names\":[\"/a\"]},{\"Id\":", "object 2 of the list" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char *said = docker_text(t[i][0], strlen(t[i][0]), NULL);

		ck_assert_msg(!strncmp(said, "failed: ", 8) && strstr(said, t[i][1]), "%s: %s",
			      t[i][0], said);
		free(said);
	}
}
END_TEST

/* Whoever may create containers chooses names, labels and, with some drivers, addresses. */
START_TEST(inv_docker_odd_values_refused_by_themselves)
{
	log_capture();
	expect("[" CONTAINER("a1", "/a b\\u0000c", "") "]", "failed: a container without a name");
	expect("[" CONTAINER("a1", "/web", ADDRESS("127.0.0.1")) "," CONTAINER(
		       "a2", "/db", ADDRESS("10.0.0.0/8")) "," CONTAINER("a3", "/x\\u200b", "") "]",
	       "(doubtful); db[db,running]; web[web,running]");
	expect("[" CONTAINER("a1", "/web", ",\"Extra\":{\"a\":\"\\u0000\"}") "]",
	       "web[web,running]");
}
END_TEST

/* Those whose name passes are left out, or go by another id. */
static const char *settle(void *arg, const char *runtime_id, const char *name)
{
	(void)arg;
	return !strcmp(runtime_id, "a2") ? NULL : !strcmp(runtime_id, "a3") ? "former" : name;
}

START_TEST(inv_docker_settle_decides_ids)
{
	static const char text[] =
		"[" CONTAINER("a1", "/web", "") "," CONTAINER("a2", "/db",
							      "") "," CONTAINER("a3", "/x", "") "]";
	const struct inv_settle by = { .id = settle };
	char *said = docker_text(text, strlen(text), &by);

	ck_assert_str_eq(said, "web[web,running]; former[x,running]");
	free(said);
}
END_TEST

/* Ten thousand containers: each is read by itself. */
START_TEST(inv_docker_many_read)
{
	struct inv_part *part = inv_part_new("src", NULL);
	char *text = xmalloc(10000 * 200);
	size_t len = 1;
	struct err e = { "" };

	text[0] = '[';
	for (int i = 0; i < 10000; i++)
		len += (size_t)sprintf(text + len,
				       "%s{\"Id\":\"%d\",\"Names\":[\"/c%d\"],\"NetworkSettings\":{"
				       "\"Networks\":{\"b\":{\"IPAddress\":\"10.%d.%d.1\"}}}}",
				       i ? "," : "", i, i, i / 256, i % 256);
	text[len++] = ']';
	ck_assert_msg(inv_docker(part, text, len, NULL, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(inv_part_containers(part), 10000);
	ck_assert_uint_eq(inv_part_addresses(part), 10000);
	inv_part_free(part);
	free(text);
}
END_TEST

START_TEST(inv_docker_random_damage_never_crashes)
{
	size_t len, cut_len;
	char *text = fixture_read("runtimes/docker-20.10.json", &len), *cut;

	log_capture();
	for (int i = 0; i < 500; i++) {
		char *said;

		cut = mutate(text, len, &cut_len);
		said = docker_text(cut, cut_len, NULL);
		free(said);
		free(cut);
	}
	free(text);
}
END_TEST

static void expect_podman(const char *text, size_t len, const char *pods, size_t pods_len,
			  const char *expected)
{
	struct inv_part *part = inv_part_new("src", NULL);
	struct err e = { "" };

	ck_assert_msg(inv_podman(part, text, len, pods, pods_len, NULL, &e) == 0, "%s", e.text);
	expect_part(part, expected);
	inv_part_free(part);
}

/* A pod is one; who shares another's network has none of its addresses. */
START_TEST(inv_podman_real_answer_read)
{
	size_t len, pods_len;
	char *text = fixture_read("runtimes/podman-4.3.json", &len);
	char *pods = fixture_read("runtimes/podman-4.3-pods.json", &pods_len);

	expect_podman(text, len, pods, pods_len,
		      "web[Web server,running] 10.88.0.2; both[both,running] 10.88.0.3 10.89.1.2 "
		      "fd00:89::2; done[done,stopped]; none[none,running]; shop[shop,running] "
		      "10.88.0.4; never[never,stopped]; shared[shared,running]; "
		      "hostnet[hostnet,running]; pausing[pausing,running] 10.88.0.6");
	free(text);
	free(pods);
}
END_TEST

START_TEST(inv_podman_pod_without_infra_is_its_containers)
{
	static const char text[] = "[" CONTAINER("a1", "/web", ADDRESS("10.88.0.2")) "]";
	static const char pods[] = "[{\"Id\":\"a1\",\"Pod\":\"p1\",\"PodName\":\"pod\","
				   "\"Networks\":[\"podman\"]}]";

	expect_podman(text, strlen(text), pods, strlen(pods), "web[web,running] 10.88.0.2");
}
END_TEST

START_TEST(inv_podman_process_is_of_its_own_list)
{
	static const char text[] = "[" CONTAINER("a1", "/web", ADDRESS("10.88.0.2")) "]";
	static const char pods[] = "[{\"Id\":\"a1\",\"Pid\":77,\"Networks\":[\"podman\"]}]";
	struct inv_part *part = inv_part_new("src", NULL);
	struct err e = { "" };

	ck_assert_int_eq(inv_podman(part, text, strlen(text), pods, strlen(pods), NULL, &e), 0);
	ck_assert_int_eq(inv_part_container_at(part, 0)->pid, 77);
	inv_part_free(part);
}
END_TEST

/* Otherwise one without a network of its own would seem to have another's addresses. */
START_TEST(inv_podman_that_came_between_two_answers_is_left_out)
{
	static const char text[] = "[" CONTAINER("a1", "/web", ADDRESS("10.88.0.2")) "]";

	expect_podman(text, strlen(text), "[]", 2, "");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("inv_docker");
	TCase *t = tcase_create("inv_docker");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, inv_docker_real_answer_read);
	tcase_add_test(t, inv_docker_labels_say_id_name_and_ignore);
	tcase_add_test(t, inv_docker_stopped_has_no_address);
	tcase_add_test(t, inv_docker_empty_list_is_an_answer);
	tcase_add_test(t, inv_docker_broken_answers_fail_whole);
	tcase_add_test(t, inv_docker_odd_values_refused_by_themselves);
	tcase_add_test(t, inv_docker_settle_decides_ids);
	tcase_add_test(t, inv_docker_many_read);
	tcase_add_test(t, inv_docker_random_damage_never_crashes);
	tcase_add_test(t, inv_podman_real_answer_read);
	tcase_add_test(t, inv_podman_pod_without_infra_is_its_containers);
	tcase_add_test(t, inv_podman_process_is_of_its_own_list);
	tcase_add_test(t, inv_podman_that_came_between_two_answers_is_left_out);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	seed_random();
	return run_suite(suite());
}

#else

int main(void)
{
	return 0;
}

#endif
