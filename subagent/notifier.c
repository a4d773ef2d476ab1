/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notifier.h"

#include "base/log_state.h"
#include "base/xalloc.h"
#include "mib/notice.h"

#include <stdlib.h>

struct notifier {
	struct ax *ax;
	struct loop *loop;
	notifier_present_fn *present;
	void *arg;
	struct notices *notices;
	struct loop_timer timer;
	bool on;
	bool held_back; /* some rows are, and that was logged */
	uint64_t logged_ns; /* last time; at most once a minute */
	struct log_state refused;
};

/* For a row, log its text column; for other notifications the number is enough. */
static void log_sending(const struct mib_notification *m, const struct notice *what)
{
	const struct smi_value *v = &m->vars[0].value;

	if (v->type == SMI_OCTETS)
		log_debug("notify", "sending notification %d about %.*s", what->kind,
			  (int)v->u.octets.len, (const char *)v->u.octets.data);
	else
		log_debug("notify", "sending notification %d", what->kind);
}

static void note_held_back(struct notifier *n, uint64_t now_ns)
{
	size_t rows = notices_held_back(n->notices);

	if (!rows)
		n->held_back = false;
	if (!rows || n->held_back || (n->logged_ns && now_ns - n->logged_ns < NOTICE_MINUTE_NS))
		return;
	log_warning("notify",
		    "conflicts began or ended for %zu more addresses: sending at most %d "
		    "notifications a minute of each kind (ctmeter list shows all conflicts)",
		    rows, NOTICE_BURST);
	n->held_back = true;
	n->logged_ns = now_ns;
}

static void turn(void *arg, uint64_t now_ns)
{
	struct notifier *n = arg;
	struct mib_notification m;
	struct mib_data data;
	struct notice what;
	uint64_t at_ns;

	if (!n->on || !ax_can_notify(n->ax))
		return;
	n->present(n->arg, now_ns, &data);
	if (notices_next(n->notices, data.snap, now_ns, &what, &at_ns)) {
		mib_ctm_notification(&data, &what, &m);
		log_sending(&m, &what);
		ax_notify(n->ax, &m.oid, m.vars, m.n_vars, now_ns);
		return;
	}
	note_held_back(n, now_ns);
	if (at_ns)
		loop_timer_set(n->loop, &n->timer, at_ns);
}

struct notifier *notifier_new(struct ax *ax, struct loop *loop, notifier_present_fn *present,
			      void *arg)
{
	struct notifier *n = xcalloc(1, sizeof(*n));

	n->ax = ax;
	n->loop = loop;
	n->present = present;
	n->arg = arg;
	n->notices = notices_new();
	loop_timer_init(&n->timer, turn, n);
	return n;
}

void notifier_free(struct notifier *n)
{
	if (!n)
		return;
	loop_timer_clear(n->loop, &n->timer);
	notices_free(n->notices);
	free(n);
}

void notifier_switch(struct notifier *n, bool on)
{
	n->on = on;
	notifier_wake(n);
}

void notifier_wake(struct notifier *n)
{
	loop_timer_set(n->loop, &n->timer, loop_now_ns());
}

/* A refused notification counts as sent: it would be refused again. */
void notifier_sent(struct notifier *n, uint16_t error, uint64_t now_ns)
{
	if (error)
		log_bad(&n->refused, now_ns, LOG_LEVEL_WARNING, "notify",
			"snmpd refused a notification (error %u, see RFC 2741 s6.2.16)", error);
	else
		log_good(&n->refused, now_ns, "notify", "snmpd accepts notifications again");
	notices_told(n->notices, now_ns);
	notifier_wake(n);
}
