/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal of a commit, found after a kill: nothing in the file is believed unchecked. */
#define FUZZ_INITIALIZE /* its own */
#include "fuzz.h"
#include "netfilter/iptables/journal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static char dir[] = "/dev/shm/ctmeter-fuzz-XXXXXX";
static char *path;

static void clean_up(void)
{
	unlink(path);
	rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	REQUIRE(mkdtemp(dir) != NULL);
	path = xasprintf("%s/commit.ipv4", dir);
	atexit(clean_up);
	return 0;
}

static void write_file(const uint8_t *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	REQUIRE(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct journal j = { .head = NULL };
	struct fw_final *finals;
	size_t n = 0;

	write_file(data, len);
	if (journal_map(path, &j) < 0) {
		REQUIRE(!j.head);
		return 0;
	}
	finals = journal_finals(&j, &n);
	/* Besides a final for a rule there may be one each for what was disturbed and doubled. */
	REQUIRE(n <= (size_t)j.head->n_records + 2 && journal_replaced(&j) >= (n > 0));
	REQUIRE(journal_settled(&j) || journal_replaced(&j));
	for (size_t i = 0; i < n; i++)
		REQUIRE(finals[i].kind >= FW_DISTURBED ||
			(finals[i].path < PATHS && finals[i].addr.family == j.head->family));
	for (uint32_t i = 0; i < j.head->n_new; i++)
		REQUIRE(j.from[i] <= j.head->n_old);
	free(finals);
	journal_unmap(&j);
	return 0;
}
