/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/iptables/journal.h"

#include "base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Counters of a real table never reach this; the kernel overwrites it with the finals. */
#define UNTOUCHED UINT64_MAX
#define JOURNAL_MAGIC 0x63746d6a /* "ctmj" */
#define CREATE_TRIES 10

static size_t journal_size(uint32_t n_old, uint32_t n_new, uint32_t n_records)
{
	return sizeof(struct journal_head) + n_old * sizeof(struct xt_counters) +
	       n_records * sizeof(struct journal_record) + n_new * sizeof(uint32_t);
}

/* The head is our own copy: the sizes taken from it stay as they were checked. */
static void place(struct journal *j, void *room, const struct journal_head *head)
{
	j->head = xmalloc(sizeof(*head));
	*j->head = *head;
	j->room = room;
	j->finals = (void *)((uint8_t *)room + sizeof(*head));
	j->records = (void *)(j->finals + head->n_old);
	j->from = (void *)(j->records + head->n_records);
}

/* Make a new file that belongs to this process's user and is closed to all others. In a directory
 * of another user, that user could otherwise take the name first and own what is mapped here. */
static int make_file(const char *path)
{
	int fd = -1;

	for (int i = 0; i < CREATE_TRIES && fd < 0; i++) {
		journal_remove(path);
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd < 0 ? -errno : fd;
}

/* Writes every page, so that the kernel's copy into it cannot fail after the swap. */
int journal_create(const char *path, const struct journal_head *head, struct journal *ret_j)
{
	struct journal_head own = *head, *in_file;
	size_t size = journal_size(own.n_old, own.n_new, own.n_records);
	int fd = make_file(path), ret;
	void *map;

	if (fd < 0)
		return fd;
	ret = -posix_fallocate(fd, 0, (off_t)size);
	if (ret < 0)
		goto cleanup;
	map = in_file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED) {
		ret = -errno;
		goto cleanup;
	}
	own.magic = 0;
	own.size = (uint32_t)size;
	*ret_j = (struct journal) { .copied = false };
	place(ret_j, map, &own);
	memset(ret_j->finals, 0xff, own.n_old * sizeof(*ret_j->finals));
	*in_file = own;
	/* Until this line it is not a valid journal: after a kill, finals not yet marked untouched
	 * would look like the kernel's. */
	__sync_synchronize();
	in_file->magic = JOURNAL_MAGIC;
cleanup:
	close(fd);
	if (ret < 0)
		unlink(path);
	return ret;
}

/* Whether every number in the journal is within its range. */
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

	if (fd < 0) /* a directory, a link, a socket: not our file */
		return errno == EISDIR || errno == ELOOP || errno == ENXIO ? -EINVAL : -errno;
	ret = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (!ret)
		ret = read_all(fd, &head, sizeof(head));
	if (!ret && (head.magic != JOURNAL_MAGIC || st.st_size != (off_t)head.size ||
		     head.family >= ADDR_FAMILIES ||
		     head.size != journal_size(head.n_old, head.n_new, head.n_records)))
		ret = -EINVAL;
	if (!ret) {
		void *copy = xmalloc(head.size);

		ret = read_all(fd, copy, head.size);
		place(&j, copy, &head); /* with the head that was checked */
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
		free(j->room);
		close(j->fd);
	} else if (j->head) {
		munmap(j->room, j->head->size);
	}
	free(j->head);
	memset(j, 0, sizeof(*j));
}

/* Set a flag in j->head and in the file; `flag` points into j->head. */
static void set_flag(struct journal *j, uint32_t *flag, uint32_t value)
{
	off_t at = (off_t)((uint8_t *)flag - (uint8_t *)j->head);

	*flag = value;
	if (!j->copied)
		*(uint32_t *)((uint8_t *)j->room + at) = value;
	while (j->copied && pwrite(j->fd, flag, sizeof(*flag), at) < 0 && errno == EINTR)
		;
}

void journal_set_replaced(struct journal *j)
{
	set_flag(j, &j->head->replaced, 1);
}

void journal_set_added(struct journal *j)
{
	set_flag(j, &j->head->added, 1);
}

void journal_set_refused(struct journal *j)
{
	set_flag(j, &j->head->refused, 1);
}

void journal_set_disturbed(struct journal *j)
{
	set_flag(j, &j->head->found, j->head->found | JOURNAL_DISTURBED);
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

int journal_remove(const char *path)
{
	char *aside;
	int ret = 0;

	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM) /* Linux's and POSIX's error for a directory */
		return -errno;
	if (rmdir(path) == 0)
		return 0;
	aside = xasprintf("%s.moved-%ld", path, (long)getpid());
	if (rename(path, aside) < 0)
		ret = -errno;
	free(aside);
	return ret;
}

int journal_hand_over(const char *path, uid_t uid, gid_t gid)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), ret = 0;
	struct stat st = { .st_mode = 0 };
	uint32_t magic = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
		ret = -EINVAL;
	} else if (st.st_uid == geteuid()) {
		bool sound = read_all(fd, &magic, sizeof(magic)) == 0 && magic == JOURNAL_MAGIC;

		if ((sound ? fchown(fd, uid, gid) : unlink(path)) < 0)
			ret = -errno;
	}
	close(fd);
	return ret;
}

uint64_t journal_epoch(const struct journal *j)
{
	return journal_replaced(j) ? j->head->epoch : 0;
}

struct fw_final *journal_finals(const struct journal *j, size_t *ret_n)
{
	const struct journal_head *h = j->head;
	struct fw_final *finals = xcalloc((size_t)h->n_records + 2, sizeof(*finals));
	size_t n = 0;

	if (journal_replaced(j) && h->found & JOURNAL_DISTURBED)
		finals[n++].kind = FW_DISTURBED;
	if (journal_replaced(j) && h->found & JOURNAL_DOUBLED)
		finals[n++].kind = FW_DOUBLED;
	for (uint32_t i = 0; journal_replaced(j) && i < h->n_records; i++) {
		const struct journal_record *r = &j->records[i];
		struct fw_final *f = &finals[n];

		if (r->from && r->to && !h->refused)
			continue; /* kept with its counter: no final */
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
