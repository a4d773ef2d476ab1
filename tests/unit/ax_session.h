/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TEST_AX_SESSION_H
#define CTM_TEST_AX_SESSION_H

/* For tests: a session and its master in one thread, on a unix socket of their own. */

#include "agentx/ax.h"
#include "agentx/ax_timing.h"
#include "ax_master.h"
#include "base/log.h"
#include "base/xalloc.h"

#include <check.h>
#include <stdio.h>

#define PATIENCE_S 20 /* of these tests: longer means it will never come */
#define ROWS 1200
#define TEXT_OCTETS 600

/* A table of OCTET STRINGs at 1.3.6.1.4.1.99.1.2.ROW; and the session under test, in one thread
 * with its master. */
struct fixture {
	struct loop *loop;
	struct ax *ax;
	struct master master;
	char dir[64], path[96];
	unsigned pins, unpins, before_reads, uptimes, ups, notified;
	uint16_t notify_error; /* of the answer to the last notification */
	uint32_t uptime;
	uint32_t packet; /* the master's */
};

static const uint32_t prefix[] = { 1, 3, 6, 1, 4, 1, 99, 1 };
static const uint32_t columns[] = { 2 };
static const struct ax_registration regs[] = {
	{ prefix, ARRAY_LEN(prefix), NULL },
	{ prefix, ARRAY_LEN(prefix), "other" },
};

static inline size_t rows(const void *data)
{
	(void)data;
	return ROWS;
}

static inline size_t row_index(const void *data, size_t row, uint32_t *sub)
{
	(void)data;
	sub[0] = (uint32_t)row;
	return 1;
}

/* Only rows from 1000 on are long. */
static inline bool cell(const void *data, size_t row, uint32_t column, struct smi_value *ret)
{
	static const uint8_t text[TEXT_OCTETS];

	(void)data;
	(void)column;
	ret->type = SMI_OCTETS;
	ret->u.octets.data = text;
	ret->u.octets.len = row < 1000 ? row % 5 : TEXT_OCTETS;
	return true;
}

static const struct oidtab table = { prefix, ARRAY_LEN(prefix), columns, ARRAY_LEN(columns),
				     rows,   row_index,         cell };
static const struct oidtab *const tables[] = { &table };
static const struct oidtab_view view = { tables, 1 };

static inline void before_read(void *arg, uint64_t now_ns)
{
	(void)now_ns;
	((struct fixture *)arg)->before_reads++;
}

static inline bool pin(void *arg, const char *context, uint64_t now_ns,
		       const struct oidtab_view **ret_view, const void **ret_data)
{
	struct fixture *f = arg;

	(void)now_ns;
	if (context && strcmp(context, "other") != 0)
		return false;
	f->pins++;
	*ret_view = &view;
	*ret_data = f;
	return true;
}

static inline void unpin(void *arg, const void *data)
{
	(void)data;
	((struct fixture *)arg)->unpins++;
}

static inline void uptime(void *arg, uint32_t sysuptime_cs, uint64_t now_ns)
{
	struct fixture *f = arg;

	(void)now_ns;
	f->uptime = sysuptime_cs;
	f->uptimes++;
}

static inline void up(void *arg, uint64_t now_ns)
{
	(void)now_ns;
	((struct fixture *)arg)->ups++;
}

static inline void notified(void *arg, uint16_t error, uint64_t now_ns)
{
	struct fixture *f = arg;

	(void)now_ns;
	f->notified++;
	f->notify_error = error;
}

static const struct ax_timing quick = {
	.retry_min_ns = 5 * NS_PER_MS,
	.retry_max_ns = 20 * NS_PER_MS,
	.connect_ns = 5 * NS_PER_S,
	.quiet_ns = 30 * NS_PER_MS,
	.patience_ns = 3600 * NS_PER_S,
	.ping_ns = 3600 * NS_PER_S,
	.register_ns = 20 * NS_PER_MS,
};

static inline struct fixture *setup_for(const char *socket)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const struct ax_hooks hooks = { .before_read = before_read,
					.pin = pin,
					.unpin = unpin,
					.uptime = uptime,
					.up = up,
					.notified = notified,
					.arg = f };
	struct err e = { "" };

	log_set_level(LOG_LEVEL_ERROR);
	strcpy(f->dir, "/tmp/check_ax.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/master", f->dir);
	f->loop = loop_new();
	master_init(&f->master);
	ck_assert_msg(ax_new(socket ? socket : f->path, "check", regs, ARRAY_LEN(regs), &hooks,
			     f->loop, &f->ax, &e) == 0,
		      "%s", e.text);
	ax_set_timing(f->ax, &quick);
	return f;
}

static inline struct fixture *setup(void)
{
	return setup_for(NULL);
}

static inline void teardown(struct fixture *f)
{
	ax_free(f->ax);
	ck_assert_uint_eq(f->pins, f->unpins);
	master_fini(&f->master);
	loop_free(f->loop);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
}

#define AWAIT(f, condition)                                                           \
	do {                                                                          \
		uint64_t end_ns_ = loop_now_ns() + PATIENCE_S * NS_PER_S;             \
		while (!(condition)) {                                                \
			ck_assert_msg(loop_now_ns() < end_ns_, "never: " #condition); \
			loop_run_once((f)->loop, 1);                                  \
		}                                                                     \
	} while (0)

/* The next PDU of the session's, of this type. */
static inline netsnmp_pdu *receive(struct fixture *f, enum ax_type type)
{
	netsnmp_pdu *pdu = NULL;

	AWAIT(f, (pdu = master_receive(&f->master)) || f->master.ended);
	ck_assert_msg(pdu != NULL, "the session has closed");
	ck_assert_int_eq(pdu->command, type);
	return pdu;
}

static inline void receive_and_answer(struct fixture *f, enum ax_type type, enum ax_error error)
{
	netsnmp_pdu *pdu = receive(f, type);

	master_answer(&f->master, pdu, error, 4000000000u);
	snmp_free_pdu(pdu);
}

static inline void accept_session(struct fixture *f)
{
	AWAIT(f, master_accept(&f->master));
	receive_and_answer(f, AX_OPEN, AX_NO_ERROR);
}

static inline void come_up(struct fixture *f)
{
	accept_session(f);
	receive_and_answer(f, AX_REGISTER, AX_NO_ERROR);
	receive_and_answer(f, AX_REGISTER, AX_NO_ERROR);
	AWAIT(f, ax_get_state(f->ax) == AX_UP);
	f->packet = 0; /* a master that has started anew counts anew */
}

static inline struct fixture *setup_up(void)
{
	struct fixture *f = setup();

	master_listen(&f->master, f->path);
	ax_start(f->ax);
	come_up(f);
	return f;
}

static inline netsnmp_pdu *get_nothing(struct fixture *f)
{
	f->packet++;
	return request_new(AX_GET, f->packet, f->packet, NULL);
}

static inline netsnmp_pdu *get_row(struct fixture *f, unsigned row)
{
	netsnmp_pdu *r = get_nothing(f);
	char name[64];

	snprintf(name, sizeof(name), "1.3.6.1.4.1.99.1.2.%u", row);
	request_add(r, name, false, "");
	return r;
}

static inline void expect_answer(struct fixture *f, uint32_t packet, enum ax_error error,
				 long index)
{
	netsnmp_pdu *r = receive(f, AX_RESPONSE);

	ck_assert_uint_eq((uint32_t)r->reqid, packet);
	ck_assert_int_eq(r->errstat, error);
	ck_assert_int_eq(r->errindex, index);
	snmp_free_pdu(r);
}

/* The session is whole: a request is answered, and nothing else came before the answer. */
static inline void assert_serving(struct fixture *f)
{
	master_send(&f->master, get_row(f, 3));
	expect_answer(f, f->packet, AX_NO_ERROR, 0);
}

/* It closes, connects again and registers everything anew. */
static inline void assert_comes_back(struct fixture *f)
{
	netsnmp_pdu *pdu;

	while (f->master.fd >= 0 && !f->master.ended) {
		AWAIT(f, (pdu = master_receive(&f->master)) || f->master.ended);
		snmp_free_pdu(pdu);
	}
	master_hang_up(&f->master);
	come_up(f);
	assert_serving(f);
}

#endif
