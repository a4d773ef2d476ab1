/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Docker, Podman, Incus and Kubernetes' runtimes answer; octet 0 chooses. Podman's two lists
 * are the same text, and so are the list and each status of Kubernetes'. */
#include "fuzz_inv.h"
#include "inventory/inv_cri.h"
#include "inventory/inv_docker.h"
#include "inventory/inv_incus.h"

/* Names of an odd length are left out, and those with an x go by another id. */
static const char *settle(void *arg, const char *runtime_id, const char *name)
{
	(void)arg;
	REQUIRE(*runtime_id);
	if (strchr(name, 'x'))
		return "other";
	return strlen(name) % 2 ? NULL : name;
}

static const struct cri_status *status_of(void *arg, const char *id)
{
	REQUIRE(cri_id_is_good(id));
	return arg;
}

static void count(void *arg, const char *id)
{
	REQUIRE(cri_id_is_good(id));
	++*(size_t *)arg;
}

static int parse_cri(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	struct cri_status status = { .addresses = NULL };
	bool known = cri_status_read(text, len, &status, e) == 0;
	size_t ready = 0;
	int ret = cri_each_ready(text, len, count, &ready, e);

	REQUIRE(known || *e->text);
	REQUIRE(inv_cri(part, text, len, status_of, known ? &status : NULL, e) == ret);
	cri_status_clear(&status);
	return ret;
}

static int parse(struct inv_part *part, uint8_t which, const char *text, size_t len, struct err *e)
{
	const struct inv_settle by = { .id = settle };

	switch (which) {
	case 'd':
		return inv_docker(part, text, len, NULL, e);
	case 'e':
		return inv_docker(part, text, len, &by, e);
	case 'p':
		return inv_podman(part, text, len, text, len, &by, e);
	case 'k':
		return parse_cri(part, text, len, e);
	default:
		return inv_incus(part, "incus", text, len, &by, e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t which = fuzz_choice(&data, &len);
	struct inv_part *part = inv_part_new("fuzz", NULL);
	char *text = fuzz_text(data, len);
	struct err e = { "" };
	int ret = parse(part, which, text, len, &e);

	REQUIRE(ret == 0 || *e.text);
	if (ret == 0)
		fuzz_inv_check(part);
	inv_part_free(part);
	free(text);
	return 0;
}
