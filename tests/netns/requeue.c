/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program at NFQUEUE that has each packet begin its table anew (NF_REPEAT), as an IPS may:
 *   requeue QUEUE COUNT MARK READY
 * gives COUNT packets of a queue back with MARK, by which a rule knows not to queue them again. The
 * file READY is made when it listens. Exit status 0 when all have come, 1 after 10 s, 77: no such
 * queues. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct msg {
	_Alignas(struct nlmsghdr) char at[256];
};

static void begin(struct msg *m, uint16_t type, uint16_t queue, uint16_t flags)
{
	struct nlmsghdr *h = (void *)m->at;
	struct nfgenmsg *g = NLMSG_DATA(h);

	memset(m, 0, sizeof(*m));
	h->nlmsg_len = NLMSG_LENGTH(sizeof(*g));
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	g->version = NFNETLINK_V0;
	g->res_id = htons(queue);
}

static void put(struct msg *m, uint16_t type, const void *data, size_t len)
{
	struct nlmsghdr *h = (void *)m->at;
	struct nlattr *a = (void *)(m->at + NLMSG_ALIGN(h->nlmsg_len));

	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((char *)a + NLA_HDRLEN, data, len);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + NLA_ALIGN(a->nla_len);
}

static int tell(int fd, const struct msg *m)
{
	const struct nlmsghdr *h = (const void *)m->at;

	return send(fd, m->at, h->nlmsg_len, 0) == (ssize_t)h->nlmsg_len ? 0 : -errno;
}

/* Returns 0 or the kernel's -errno. */
static int told(int fd, const struct msg *m)
{
	_Alignas(struct nlmsghdr) char answer[4096];
	const struct nlmsghdr *h = (const void *)answer;
	int rc = tell(fd, m);

	if (rc < 0 || recv(fd, answer, sizeof(answer), 0) < 0)
		return rc < 0 ? rc : -errno;
	return h->nlmsg_type == NLMSG_ERROR ? ((const struct nlmsgerr *)NLMSG_DATA(h))->error : 0;
}

/* Bind to the queue; packets come without their octets. */
static int listen_to(int fd, uint16_t queue)
{
	struct nfqnl_msg_config_cmd command = { .command = NFQNL_CFG_CMD_BIND,
						.pf = htons(AF_INET) };
	struct nfqnl_msg_config_params params = { .copy_mode = NFQNL_COPY_META };
	struct msg m;
	int rc;

	begin(&m, NFQNL_MSG_CONFIG, queue, NLM_F_ACK);
	put(&m, NFQA_CFG_CMD, &command, sizeof(command));
	rc = told(fd, &m);
	if (rc)
		return rc;
	begin(&m, NFQNL_MSG_CONFIG, queue, NLM_F_ACK);
	put(&m, NFQA_CFG_PARAMS, &params, sizeof(params));
	return told(fd, &m);
}

static int repeat(int fd, uint16_t queue, uint32_t id, uint32_t mark)
{
	struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_REPEAT), .id = id };
	struct msg m;

	mark = htonl(mark);
	begin(&m, NFQNL_MSG_VERDICT, queue, 0);
	put(&m, NFQA_VERDICT_HDR, &verdict, sizeof(verdict));
	put(&m, NFQA_MARK, &mark, sizeof(mark));
	return tell(fd, &m);
}

/* The id of the packet that a message tells of, in network order; 0: of none. */
static uint32_t packet_id(const struct nlmsghdr *h)
{
	size_t at = NLMSG_ALIGN(NLMSG_LENGTH(sizeof(struct nfgenmsg)));

	while (at + NLA_HDRLEN <= h->nlmsg_len) {
		const struct nlattr *a = (const void *)((const char *)h + at);

		if ((a->nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR)
			return ((const struct nfqnl_msg_packet_hdr *)(const void *)((const char *)
											    a +
										    NLA_HDRLEN))
				->packet_id;
		if (a->nla_len < NLA_HDRLEN)
			break;
		at += NLA_ALIGN(a->nla_len);
	}
	return 0;
}

int main(int argc, char **argv)
{
	_Alignas(struct nlmsghdr) char packet[4096];
	uint16_t queue = argc == 5 ? (uint16_t)atoi(argv[1]) : 0;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), rc;
	long left = argc == 5 ? atol(argv[2]) : 0;
	FILE *ready;

	if (!left)
		return 2;
	rc = fd < 0 ? -errno : listen_to(fd, queue);
	if (rc < 0) {
		fprintf(stderr, "requeue: %s\n", strerror(-rc));
		return 77;
	}
	alarm(10);
	ready = fopen(argv[4], "w");
	if (!ready || fclose(ready))
		return 1;
	while (left) {
		ssize_t n = recv(fd, packet, sizeof(packet), 0);
		uint32_t id = n > 0 ? packet_id((const void *)packet) : 0;

		if (n < 0 && errno != EINTR)
			return 1;
		if (id && repeat(fd, queue, id, (uint32_t)atoi(argv[3])) == 0)
			left--;
	}
	return 0;
}
