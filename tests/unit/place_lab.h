/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TESTS_PLACE_LAB_H
#define CTM_TESTS_PLACE_LAB_H

/* The finder on real links, routes and bridges, in network namespaces of the test's own. A
 * container is a process in another namespace. */
#include "addrs.h"
#include "base/xalloc.h"
#include "net_lab.h"
#include "netlink/place.h"

#include <check.h>
#include <stdbool.h>
#include <string.h>

#define WAIT_NS (20 * NS_PER_S) /* far more than it takes */

static struct loop *loop;
static struct place *place;
static unsigned changes;

/* One packet from the container to the node, which makes both know each other's MAC. */
static inline void speak(pid_t pid, const char *to)
{
	RUN("nsenter -n -t %d bash -c 'ip neigh flush dev eth0; echo x >/dev/udp/%s/9'", pid, to);
}

static inline void on_changed(void *arg, uint64_t now_ns)
{
	(void)arg;
	(void)now_ns;
	changes++;
}

static inline void open_place(const struct cfg_link *shared, size_t n)
{
	struct err e = { "" };

	loop = loop_new();
	ck_assert_msg(place_new(loop, shared, n, on_changed, NULL, &place, &e) == 0, "%s", e.text);
}

static inline void close_place(void)
{
	place_free(place);
	loop_free(loop);
	net_lab_end();
}

static inline struct place_want want(const char *addr, const char *owner)
{
	return (struct place_want) { .addr = addr_of(addr), .owner = owner, .netns = -1 };
}

static inline void set(const struct place_want *wants, size_t n)
{
	place_set(place, wants, n, loop_now_ns());
}

static inline const struct place_spot *spot(const char *addr)
{
	struct addr a = addr_of(addr);
	const struct place_spot *s = place_find(place, &a);

	ck_assert_ptr_nonnull(s);
	return s;
}

/* Run the loop until the address is on the link of this name ("": on none). */
static inline void await(const char *addr, const char *name, const char *reason)
{
	uint64_t until = loop_now_ns() + WAIT_NS;

	for (;;) {
		const struct place_spot *s = spot(addr);
		const char *on = s->link ? place_link_name(place, s->link) : "";

		if (s->looked && !strcmp(on, name) && strstr(s->reason, reason))
			return;
		ck_assert_msg(loop_now_ns() < until, "%s is on \"%s\": %s", addr, on, s->reason);
		loop_run_once(loop, 50);
	}
}

/* Whatever the kernel still has to say has been heard. */
static inline void settle(void)
{
	for (int i = 0; i < 20; i++)
		loop_run_once(loop, 20);
}

static inline void bridge(const char *name, const char *address)
{
	RUN("ip link add %s type bridge && ip link set %s up && "
	    "{ [ -z '%s' ] || ip addr add '%s' dev %s; }",
	    name, name, address, address, name);
}

static inline bool enter_bridges(const char *test)
{
	if (!enter(test))
		return false;
	if (run("ip link add probe type bridge 2>/dev/null && ip link del probe"))
		return true;
	printf("SKIP %s: this kernel has no bridges\n", test);
	return false;
}

#endif
