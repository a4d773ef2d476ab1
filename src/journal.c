/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal.h"

#include "xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* No counter of a whole table can be this; the kernel overwrites it with the finals. */
#define UNTOUCHED UINT64_MAX
#define JOURNAL_MAGIC 0x63746d6a /* "ctmj" */

static size_t journal_size(uint32_t n_old, uint32_t n_new, uint32_t n_records)
{
	return sizeof(struct journal_head) + n_old * sizeof(struct xt_counters) +
	       n_records * sizeof(struct journal_record) + n_new * sizeof(uint32_t);
}

static void place(struct journal *j, void *map)
{
	const struct journal_head *h = j->head = map;

	j->finals = (void *)((uint8_t *)map + sizeof(*h));
	j->records = (void *)(j->finals + h->n_old);
	j->from = (void *)(j->records + h->n_records);
}

/* Every page is written here, so that the kernel's copy into it cannot fail after the swap. */
int journal_create(const char *path, const struct journal_head *head, struct journal *ret_j)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t size = journal_size(head->n_old, head->n_new, head->n_records);
	int ret = 0;
	void *map;

	if (fd < 0)
		return -errno;
	ret = -posix_fallocate(fd, 0, (off_t)size);
	if (ret < 0)
		goto cleanup;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED) {
		ret = -errno;
		goto cleanup;
	}
	memcpy(map, head, sizeof(*head));
	*ret_j = (struct journal) { .copied = false };
	place(ret_j, map);
	ret_j->head->size = (uint32_t)size;
	memset(ret_j->finals, 0xff, head->n_old * sizeof(*ret_j->finals));
	/* Killed before this line it is no journal; finals not yet marked untouched would look
	 * like the kernel's. */
	__sync_synchronize();
	ret_j->head->magic = JOURNAL_MAGIC;
cleanup:
	close(fd);
	if (ret < 0)
		unlink(path);
	return ret;
}

/* Whether every number in it points where it may. */
static bool is_sound(const struct journal *j)
{
	const struct journal_head *h = j->head;

	for (uint32_t i = 0; i < h->n_new; i++)
		if (j->from[i] > h->n_old)
			return false;
	for (uint32_t i = 0; i < h->n_records; i++) {
		const struct journal_record *r = &j->records[i];

		if (r->from > h->n_old || r->to > h->n_new || r->path >= PATHS ||
		    r->family != h->family)
			return false;
	}
	return h->table[sizeof(h->table) - 1] == '\0';
}

static int read_all(int fd, void *to, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(fd, (uint8_t *)to + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EINVAL;
		done += (size_t)n;
	}
	return 0;
}

int journal_map(const char *path, struct journal *ret_j)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct journal j = { .fd = fd, .copied = true };
	struct journal_head head = { .magic = 0 };
	struct stat st;
	int ret;

	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) < 0 ? -errno : read_all(fd, &head, sizeof(head));
	if (!ret && (head.magic != JOURNAL_MAGIC || st.st_size != (off_t)head.size ||
		     head.family >= ADDR_FAMILIES ||
		     head.size != journal_size(head.n_old, head.n_new, head.n_records)))
		ret = -EINVAL;
	if (!ret) {
		void *copy = xmalloc(head.size);

		ret = read_all(fd, copy, head.size);
		memcpy(copy, &head, sizeof(head)); /* as it was checked */
		place(&j, copy);
		if (!ret && !is_sound(&j))
			ret = -EINVAL;
	}
	if (ret < 0)
		journal_unmap(&j);
	else
		*ret_j = j;
	return ret;
}

void journal_unmap(struct journal *j)
{
	if (j->copied) {
		free(j->head);
		close(j->fd);
	} else if (j->head) {
		munmap(j->head, j->head->size);
	}
	memset(j, 0, sizeof(*j));
}

/* `flag` is in j->head. */
static void set_flag(struct journal *j, uint32_t *flag)
{
	off_t at = (off_t)((uint8_t *)flag - (uint8_t *)j->head);

	*flag = 1;
	while (j->copied && pwrite(j->fd, flag, sizeof(*flag), at) < 0 && errno == EINTR)
		;
}

void journal_set_replaced(struct journal *j)
{
	set_flag(j, &j->head->replaced);
}

void journal_set_added(struct journal *j)
{
	set_flag(j, &j->head->added);
}

void journal_set_refused(struct journal *j)
{
	set_flag(j, &j->head->refused);
}

bool journal_replaced(const struct journal *j)
{
	return j->head->replaced || (j->head->n_old && j->finals[0].pcnt != UNTOUCHED);
}

char *journal_path(const char *run_dir, enum addr_family family)
{
	return xasprintf("%s/commit.%s", run_dir, family == ADDR_V4 ? "ipv4" : "ipv6");
}

bool journal_settled(const struct journal *j)
{
	return j->head->added || j->head->refused || !journal_replaced(j);
}

bool journal_pending(const char *path)
{
	return access(path, F_OK) == 0;
}

void journal_forget(const char *path)
{
	unlink(path);
}

uint64_t journal_epoch(const struct journal *j)
{
	return journal_replaced(j) ? j->head->epoch : 0;
}

struct fw_final *journal_finals(const struct journal *j, size_t *ret_n)
{
	const struct journal_head *h = j->head;
	struct fw_final *finals = xcalloc(h->n_records, sizeof(*finals));
	size_t n = 0;

	for (uint32_t i = 0; journal_replaced(j) && i < h->n_records; i++) {
		const struct journal_record *r = &j->records[i];
		struct fw_final *f = &finals[n];

		if (r->from && r->to && !h->refused)
			continue; /* kept, with its counter */
		f->kind = !r->from ? FW_CREATED : r->to ? FW_RESTARTED : FW_REMOVED;
		f->path = r->path;
		f->addr.family = r->family;
		memcpy(f->addr.bytes, r->bytes, sizeof(r->bytes));
		if (r->from) {
			f->final.octets = j->finals[r->from - 1].bcnt;
			f->final.pkts = j->finals[r->from - 1].pcnt;
		}
		n++;
	}
	*ret_n = n;
	return finals;
}
