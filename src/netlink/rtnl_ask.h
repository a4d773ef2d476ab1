/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_RTNL_ASK_H
#define CTM_RTNL_ASK_H

#include "netlink/rtnl.h"

/* How rtnl.h's queries are made, for rtnl.c and netns.c alone. */

struct nlmsghdr;

#define RTNL_QUESTION_SIZE 128 /* enough for every request */

/* A message of the answer, with its nlmsghdr. */
typedef void rtnl_answer_fn(void *arg, const void *msg, size_t len);

/* Start a request in buf (RTNL_QUESTION_SIZE octets); *ret_body is its body, body_len zeros. */
struct nlmsghdr *rtnl_question(void *buf, uint16_t type, uint16_t flags, size_t body_len,
			       void **ret_body);

/* Send it, and give each message of the answer to fn. Returns 0, or the kernel's or our own
 * -errno. */
int rtnl_ask(int fd, const struct nlmsghdr *q, rtnl_answer_fn *fn, void *arg);

/* The same, but read no more of the answer when fn has set *enough. Returns 1 then, and fd is to be
 * closed: the rest is still in it. */
int rtnl_ask_until(int fd, const struct nlmsghdr *q, rtnl_answer_fn *fn, void *arg,
		   const bool *enough);

#endif
