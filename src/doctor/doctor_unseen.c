/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traffic that never reaches this node's FORWARD: XDP or tc takes it away before, or it passes by
 * macvlan or ipvlan, whose containers are attached to the wire beside the node. */
#include "doctor/doctor_room.h"

#include "base/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool no_links(const struct doctor *d, const struct rtnl_link *links,
		     struct doctor_finding *f)
{
	if (links)
		return false;
	doctor_say(f, DOCTOR_SKIP, "cannot list the links of this node: %s",
		   strerror(d->links_rc < 0 ? -d->links_rc : ENODEV));
	return true;
}

/* ---- XDP ---- */

static const char *xdp_word(enum rtnl_xdp xdp)
{
	return xdp == RTNL_XDP_SKB ? "xdpgeneric" : xdp == RTNL_XDP_HW ? "xdpoffload" : "xdp";
}

void doctor_xdp(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct doctor_words words = { .n = 0 };
	const struct rtnl_link *links;
	size_t n;

	(void)family;
	links = doctor_links(d, &n);
	if (no_links(d, links, f))
		return;
	for (size_t i = 0; i < n; i++) {
		char *name;

		if (!links[i].xdp)
			continue;
		if (!words.n) {
			name = doctor_quote(links[i].name);
			doctor_cure(f, "ip link set dev %s %s off", name, xdp_word(links[i].xdp));
			free(name);
		}
		doctor_words_add(&words, "%s (program %u)", links[i].name, links[i].xdp_program);
	}
	if (words.n)
		doctor_say(f, DOCTOR_WARN,
			   "packets that an XDP program drops or redirects are not counted; its "
			   "owner must agree before you detach it: %s",
			   doctor_words_text(&words));
	else
		doctor_say(f, DOCTOR_OK, "no link has an XDP program");
	doctor_words_clear(&words);
}

/* ---- tc ---- */

static const char *filter_does(const struct rtnl_filter *t)
{
	return t->in_hardware ? "offloaded to hardware"
	       : t->redirects ? "redirects"
			      : "an eBPF program";
}

void doctor_tc(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct doctor_words words = { .n = 0 };
	struct rtnl_filter *filters = NULL;
	size_t n = 0;
	char *install;
	int fd, rc;

	(void)family;
	if (doctor_backend(d) == CFG_BACKEND_LINK) {
		doctor_say(f, DOCTOR_OK,
			   "what a tc filter redirects has passed our programs, or will: see "
			   "link-order and link-offload");
		return;
	}
	fd = rtnl_open();
	rc = fd < 0 ? fd : rtnl_filters(fd, &filters, &n);
	install = doctor_install(d, "tc", "iproute2", "iproute-tc");
	for (size_t i = 0; i < n; i++) {
		const struct rtnl_link *l = doctor_link(d, filters[i].link);
		const char *side = filters[i].egress ? "egress" : "ingress";
		char *name = doctor_quote(l ? l->name : "?");

		if (!words.n)
			doctor_cure(f, "%stc filter del dev %s %s pref %u", install, name, side,
				    filters[i].pref);
		doctor_words_add(&words, "%s %s %s (%s)", l ? l->name : "?", side, filters[i].kind,
				 filter_does(&filters[i]));
		free(name);
	}
	if (rc < 0)
		doctor_say(f, DOCTOR_SKIP, "cannot list the tc filters: %s", strerror(-rc));
	else if (words.n)
		doctor_say(f, DOCTOR_WARN,
			   "packets that a tc filter redirects bypass FORWARD and are not counted; "
			   "its owner must agree before you delete it: %s",
			   doctor_words_text(&words));
	else
		doctor_say(f, DOCTOR_OK, "no tc filter takes packets past FORWARD");
	doctor_words_clear(&words);
	free(install);
	free(filters);
	if (fd >= 0)
		close(fd);
}

/* ---- macvlan and ipvlan ---- */

/* A search through this network namespace, those of all processes, and those named by
 * ip-netns(8). */
struct search {
	struct doctor *d;
	ino_t *seen; /* namespaces */
	size_t n_seen, cap_seen;
	struct doctor_words ours, others; /* containers of the inventory; other interfaces */
	char where[320]; /* the namespace of the first one found; "": this one */
};

static bool hides_traffic(const struct rtnl_link *l)
{
	static const char *const kinds[] = { "macvlan", "macvtap", "ipvlan", "ipvtap" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(l->kind, kinds[i]))
			return true;
	return false;
}

static bool note_owner(struct search *s, const struct rtnl_link *l, const struct addr *addr)
{
	size_t n;
	const struct doctor_address *a = doctor_addresses(s->d, &n);
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < n; i++) {
		if (addr_cmp(&a[i].addr, addr) != 0)
			continue;
		if (a[i].counting && *a[i].link)
			return true; /* on a link that many share */
		doctor_words_add(&s->ours, "%s %s (%s %s)", a[i].id, addr_format(addr, text),
				 l->kind, l->name);
		return true;
	}
	return false;
}

static void note_link(struct search *s, int fd, const struct rtnl_link *l, const char *where)
{
	struct rtnl_address *a = NULL;
	bool ours = false;
	size_t n = 0;

	rtnl_addresses(fd, &a, &n);
	if (!s->ours.n && !s->others.n)
		snprintf(s->where, sizeof(s->where), "%s", where);
	for (size_t i = 0; i < n; i++)
		if (a[i].link == l->index)
			ours = note_owner(s, l, &a[i].addr) || ours;
	if (!ours)
		doctor_words_add(&s->others, "%s %s", l->kind, l->name);
	free(a);
}

/* In another namespace an interface matters only if its lower link is in yet another one. A macvlan
 * on the container's own link does not: its packets pass that link, and so the node. */
static void search_links(struct search *s, int fd, const char *where)
{
	struct rtnl_link *links = NULL;
	size_t n = 0;

	rtnl_links(fd, &links, &n);
	for (size_t i = 0; i < n; i++)
		if (hides_traffic(&links[i]) && (!*where || links[i].lower_elsewhere))
			note_link(s, fd, &links[i], where);
	free(links);
}

/* Open an rtnetlink socket in another namespace; a socket stays in the one it was opened in.
 * Returns a descriptor or -errno. */
static int open_in(int ns, int home)
{
	int fd;

	if (setns(ns, CLONE_NEWNET) < 0)
		return -errno;
	fd = rtnl_open();
	if (setns(home, CLONE_NEWNET) < 0)
		abort(); /* it worked before; all further checks would inspect a container */
	return fd;
}

static bool is_new(struct search *s, ino_t inode)
{
	for (size_t i = 0; i < s->n_seen; i++)
		if (s->seen[i] == inode)
			return false;
	s->seen = xgrow(s->seen, s->n_seen, &s->cap_seen, sizeof(*s->seen));
	s->seen[s->n_seen++] = inode;
	return true;
}

/* Returns 0, or -EPERM if the caller may not enter the namespace. */
static int search_namespace(struct search *s, const char *path, int home)
{
	struct stat st;
	int ns = open(path, O_RDONLY | O_CLOEXEC), fd;

	if (ns < 0)
		return errno == EACCES || errno == EPERM ? -EPERM : 0; /* 0: it has ended */
	if (fstat(ns, &st) < 0 || !is_new(s, st.st_ino)) {
		close(ns);
		return 0;
	}
	fd = open_in(ns, home);
	close(ns);
	if (fd < 0)
		return fd == -EPERM ? fd : 0; /* else a name without a namespace */
	search_links(s, fd, path);
	close(fd);
	return 0;
}

/* Search the namespaces at DIRECTORY/ENTRY followed by `below`, for entries that begin with one of
 * `letters` ("": with any). Returns 0 or the first failure. */
static int search_directory(struct search *s, const char *directory, const char *letters,
			    const char *below, int home)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int failure = 0, rc;
	char *path;

	while (dir && (entry = readdir(dir))) {
		if (*entry->d_name == '.' || (*letters && !strchr(letters, *entry->d_name)))
			continue;
		path = xasprintf("%s/%s%s", directory, entry->d_name, below);
		rc = search_namespace(s, path, home);
		failure = failure ? failure : rc;
		free(path);
	}
	if (dir)
		closedir(dir);
	return failure;
}

/* Returns 0 or the first failure. */
static int search_everywhere(struct search *s)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), failure, named;
	struct stat st;

	/* Leave this namespace only if the way back is known to work. */
	if (home < 0 || fstat(home, &st) < 0 || setns(home, CLONE_NEWNET) < 0) {
		failure = -errno;
	} else {
		is_new(s, st.st_ino);
		failure = search_directory(s, "/proc", "123456789", "/ns/net", home);
		named = search_directory(s, "/run/netns", "", "", home);
		failure = failure ? failure : named;
	}
	if (home >= 0)
		close(home);
	return failure;
}

static void judge_search(struct search *s, int rc, struct doctor_finding *f)
{
	const char *unseen = rc < 0 ? "; only root may search every network namespace" : "";
	char *where = doctor_quote(s->where);

	if (s->ours.n)
		doctor_say(f, DOCTOR_FAIL,
			   "these containers use macvlan or ipvlan, so the node neither sees nor "
			   "counts their packets; give them veth pairs%s: %s",
			   doctor_backend(s->d) == CFG_BACKEND_LINK
				   ? ", or name the link below a macvlan in [netfilter] link"
				   : "",
			   doctor_words_text(&s->ours));
	else if (s->others.n)
		doctor_say(f, DOCTOR_WARN,
			   "the node neither sees nor counts the packets of these interfaces: %s",
			   doctor_words_text(&s->others));
	else
		doctor_say(f, rc < 0 ? DOCTOR_SKIP : DOCTOR_OK, "no macvlan or ipvlan found%s",
			   unseen);
	if (s->ours.n || s->others.n)
		doctor_look(f, "%s%s%sip -d link", *s->where ? "nsenter --net=" : "",
			    *s->where ? where : "", *s->where ? " " : "");
	free(where);
}

void doctor_macvlan(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	struct search s = { .d = d };
	int fd = rtnl_open(), rc;

	(void)family;
	if (fd >= 0) {
		search_links(&s, fd, "");
		close(fd);
	}
	rc = search_everywhere(&s);
	judge_search(&s, rc, f);
	doctor_words_clear(&s.ours);
	doctor_words_clear(&s.others);
	free(s.seen);
}
