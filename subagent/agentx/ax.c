/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AgentX session with the node's snmpd.
 *
 *   DOWN -> CONNECTING -> OPENING -> REGISTERING -> UP, and from any state back to DOWN
 *
 * 1. In DOWN the timer is always set: the next connect is at most retry_max_ns away.
 * 2. While a response to one of our PDUs is awaited (n_awaited > 0), patience counts from the last
 *    such response. It is long on purpose. A stopped or busy snmpd answers when it resumes, and a
 *    connection that waits in its backlog then comes up by itself. Giving up early would fill that
 *    backlog with dead connections and never get through to a slow snmpd. When snmpd dies, the
 *    connection ends at once.
 * 3. A refused registration stays refused until it is retried; the others are served meanwhile.
 * 4. Each problem is logged once when it begins and once when it ends.
 * 5. A session that ends before its first Ping does not reset the pause: a master that accepts us
 *    and then drops us is retried no more often than one that is not running. */
#include "agentx/ax.h"

#include "agentx/ax_codec.h"
#include "agentx/ax_conn.h"
#include "agentx/ax_serve.h"
#include "agentx/ax_text.h"
#include "agentx/ax_timing.h"
#include "base/log_state.h"
#include "base/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum reg_state { REG_IDLE, REG_ASKED, REG_SERVED, REG_REFUSED };

struct reg {
	struct ax_registration what;
	enum reg_state state;
	uint32_t packet; /* of the Register PDU sent last */
	uint16_t error; /* why refused */
	uint16_t logged; /* the last refusal logged, 0 once served */
};

struct ax {
	struct loop *loop;
	struct ax_conn *conn;
	struct ax_codec *codec;
	struct ax_serve *serve;
	struct ax_hooks hooks;
	struct ax_timing timing;
	char *where;
	char *description;
	struct reg *regs;
	size_t n_regs;

	enum ax_state state;
	uint32_t session; /* id, known once the master has answered the Open */
	uint32_t last_packet; /* ids are never 0 */
	uint32_t open_packet, ping_packet, notify_packet; /* awaited, 0: none */
	unsigned n_awaited;
	uint64_t awaited_ns; /* no awaited response has come since */
	uint64_t answered_ns; /* last response of the master */
	bool quiet; /* quiet_ns has passed, and it was logged */
	struct log_budget oversized; /* refused requests in the log */
	uint64_t pause_ns; /* before the next connect */

	struct loop_timer timer; /* DOWN: connect; CONNECTING: give up; else: watch and ping */
	struct loop_timer reg_timer; /* set while a registration is refused */
	struct loop_timer pin_timer; /* set while a view is pinned */
	struct err problem; /* "" when there is none */
	struct log_state outage, silence;
};

static void drop(struct ax *ax, const char *why, uint64_t now_ns);

struct ax_timing ax_timing_usual(void)
{
	return (struct ax_timing) {
		.retry_min_ns = 200 * NS_PER_MS,
		.retry_max_ns = 2 * NS_PER_S,
		.connect_ns = 3 * NS_PER_S,
		.quiet_ns = 10 * NS_PER_S,
		.patience_ns = 60 * NS_PER_S,
		.ping_ns = 5 * NS_PER_S,
		.register_ns = 5 * NS_PER_S,
	};
}

void ax_set_timing(struct ax *ax, const struct ax_timing *timing)
{
	ax->timing = *timing;
	ax->pause_ns = timing->retry_min_ns;
}

/* Sending */

static uint32_t new_packet(struct ax *ax)
{
	if (++ax->last_packet == 0)
		ax->last_packet = 1;
	return ax->last_packet;
}

/* Encode, send, free. A response that is too long becomes tooBig: snmpd cannot parse a longer one,
 * and would close the session when it gets no response at all. */
static void send_pdu(struct ax *ax, netsnmp_pdu *pdu)
{
	const uint8_t *octets;
	size_t len;
	int rc = ax_codec_build(ax->codec, pdu, &octets, &len);

	if (rc && pdu->command == AX_RESPONSE) {
		ax_pdu_respond(pdu, rc == -EMSGSIZE ? AX_TOO_BIG : AX_GEN_ERR, 1);
		rc = ax_codec_build(ax->codec, pdu, &octets, &len);
	}
	if (rc == 0)
		ax_conn_send(ax->conn, octets, len);
	ax_codec_release(ax->codec, pdu);
}

static void watch_answers(struct ax *ax)
{
	uint64_t at_ns = ax->answered_ns + ax->timing.ping_ns;

	if (ax->n_awaited)
		at_ns = ax->awaited_ns + (ax->quiet ? ax->timing.patience_ns : ax->timing.quiet_ns);
	loop_timer_set(ax->loop, &ax->timer, at_ns);
}

static void send_and_await(struct ax *ax, netsnmp_pdu *pdu, uint64_t now_ns)
{
	send_pdu(ax, pdu);
	if (ax->n_awaited++ == 0)
		ax->awaited_ns = now_ns;
	watch_answers(ax);
}

static void send_close(struct ax *ax, enum ax_reason reason)
{
	if (ax->state >= AX_REGISTERING)
		send_pdu(ax, ax_pdu_close(ax->session, new_packet(ax), reason));
}

/* Registrations */

static const char *reg_text(const struct reg *reg, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < reg->what.len && at < size; i++)
		at += (size_t)snprintf(buf + at, size - at, i ? ".%u" : "%u", reg->what.oid[i]);
	if (reg->what.context && at < size)
		snprintf(buf + at, size - at, " in context \"%s\"", reg->what.context);
	return buf;
}

static void send_register(struct ax *ax, struct reg *reg, uint64_t now_ns)
{
	reg->packet = new_packet(ax);
	reg->state = REG_ASKED;
	send_and_await(ax,
		       ax_pdu_register(ax->session, reg->packet, reg->what.oid, reg->what.len,
				       reg->what.context),
		       now_ns);
}

static size_t count_regs(const struct ax *ax, enum reg_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < ax->n_regs; i++)
		n += ax->regs[i].state == state;
	return n;
}

/* The first refusal is reported, with the number of all. */
static void tell_refusals(struct ax *ax)
{
	size_t refused = count_regs(ax, REG_REFUSED);
	const struct reg *reg = ax->regs;
	char text[256];

	ax->problem.text[0] = '\0';
	if (!refused)
		return;
	while (reg->state != REG_REFUSED)
		reg++;
	err_set(&ax->problem, "snmpd refused %zu of %zu tables; OID %s (error %u): %s", refused,
		ax->n_regs, reg_text(reg, text, sizeof(text)), reg->error,
		ax_text_refusal(reg->error));
}

static void all_answered(struct ax *ax, uint64_t now_ns)
{
	size_t refused = count_regs(ax, REG_REFUSED);

	if (ax->state == AX_REGISTERING) {
		ax->state = AX_UP;
		if (!log_is_bad(&ax->outage))
			log_info("ax", "serving %zu of %zu tables through snmpd at %s",
				 ax->n_regs - refused, ax->n_regs, ax->where);
		log_good(&ax->outage, now_ns, "ax", "serving %zu of %zu tables through snmpd at %s",
			 ax->n_regs - refused, ax->n_regs, ax->where);
		if (ax->hooks.up)
			ax->hooks.up(ax->hooks.arg, now_ns);
	}
	tell_refusals(ax);
	if (refused)
		loop_timer_set(ax->loop, &ax->reg_timer, now_ns + ax->timing.register_ns);
}

static void on_reg_timer(void *arg, uint64_t now_ns)
{
	struct ax *ax = arg;

	for (size_t i = 0; i < ax->n_regs; i++) {
		if (ax->regs[i].state == REG_REFUSED)
			send_register(ax, &ax->regs[i], now_ns);
	}
}

static void note_refusal(struct reg *reg, uint16_t error)
{
	char text[256];

	reg->error = error;
	if (reg->logged == error)
		return;
	reg->logged = error;
	log_warning("ax", "snmpd refused OID %s (error %u): %s; retrying",
		    reg_text(reg, text, sizeof(text)), error, ax_text_refusal(error));
}

static void on_registered(struct ax *ax, struct reg *reg, uint16_t error, uint64_t now_ns)
{
	char text[256];

	if (error == AX_NOT_OPEN) {
		drop(ax, "it no longer knows the session", now_ns);
		return;
	}
	reg->state = error ? REG_REFUSED : REG_SERVED;
	if (error) {
		note_refusal(reg, error);
	} else if (reg->logged) {
		reg->logged = 0;
		log_info("ax", "snmpd now accepts OID %s", reg_text(reg, text, sizeof(text)));
	}
	if (count_regs(ax, REG_ASKED) == 0)
		all_answered(ax, now_ns);
}

/* The master's answers */

static void on_opened(struct ax *ax, const struct ax_header *h, uint16_t error, uint64_t now_ns)
{
	ax->open_packet = 0;
	if (error) {
		drop(ax, "it refused to open a session", now_ns);
		return;
	}
	ax->session = h->session;
	ax->state = AX_REGISTERING;
	for (size_t i = 0; i < ax->n_regs; i++)
		send_register(ax, &ax->regs[i], now_ns);
	if (!ax->n_regs)
		all_answered(ax, now_ns);
}

static void on_notified(struct ax *ax, uint16_t error, uint64_t now_ns)
{
	ax->notify_packet = 0;
	if (error == AX_NOT_OPEN)
		drop(ax, "it no longer knows the session", now_ns);
	else if (ax->hooks.notified)
		ax->hooks.notified(ax->hooks.arg, error, now_ns);
}

static struct reg *find_asked(struct ax *ax, uint32_t packet)
{
	for (size_t i = 0; i < ax->n_regs; i++) {
		if (ax->regs[i].state == REG_ASKED && ax->regs[i].packet == packet)
			return &ax->regs[i];
	}
	return NULL;
}

static void note_answer(struct ax *ax, uint64_t now_ns)
{
	ax->n_awaited--;
	ax->awaited_ns = ax->answered_ns = now_ns;
	if (ax->quiet && ax->state == AX_UP) {
		log_good(&ax->silence, now_ns, "ax", "snmpd at %s answers again", ax->where);
		tell_refusals(ax);
	}
	ax->quiet = false;
	watch_answers(ax);
}

static void on_response(struct ax *ax, const struct ax_header *h, const netsnmp_pdu *pdu,
			uint64_t now_ns)
{
	struct reg *reg = find_asked(ax, h->packet);
	bool opened = h->packet == ax->open_packet, ponged = h->packet == ax->ping_packet;
	bool notified = h->packet == ax->notify_packet;
	uint16_t error = (uint16_t)pdu->errstat;

	if (h->packet == 0 ||
	    (!opened && (h->session != ax->session || (!ponged && !notified && !reg)))) {
		log_debug("ax", "dropped a response that answers no PDU of ours (packet %u)",
			  h->packet);
		return;
	}
	note_answer(ax, now_ns);
	if (!error && ax->hooks.uptime)
		ax->hooks.uptime(ax->hooks.arg, (uint32_t)pdu->time, now_ns);
	if (opened) {
		on_opened(ax, h, error, now_ns);
	} else if (reg) {
		on_registered(ax, reg, error, now_ns);
	} else if (notified) {
		on_notified(ax, error, now_ns);
	} else {
		ax->ping_packet = 0;
		if (error)
			drop(ax, "it no longer knows the session", now_ns);
	}
}

/* The master's requests */

static void answer_request(struct ax *ax, const struct ax_header *h, uint8_t *octets, size_t len,
			   uint64_t now_ns)
{
	netsnmp_pdu *pdu;

	if (ax->hooks.before_read)
		ax->hooks.before_read(ax->hooks.arg, now_ns);
	pdu = ax_codec_parse(ax->codec, octets, len);
	if (!pdu)
		send_pdu(ax, ax_pdu_error(h, AX_PARSE_FAILED, 0));
	else if (ax_serve_answer(ax->serve, pdu, now_ns))
		send_pdu(ax, pdu);
	else
		snmp_free_pdu(pdu);
	if (!ax->pin_timer.at_ns)
		loop_timer_set(ax->loop, &ax->pin_timer, now_ns + AX_PIN_KEEP_NS);
}

static void on_request(struct ax *ax, const struct ax_header *h, uint8_t *octets, size_t len,
		       uint64_t now_ns)
{
	if (ax->state < AX_REGISTERING || h->session != ax->session) {
		if (h->type != AX_CLEANUPSET)
			send_pdu(ax, ax_pdu_error(h, AX_NOT_OPEN, 0));
	} else if (ax_serve_is_repeat(ax->serve, h)) {
		log_debug("ax", "dropped a repeated request (packet %u)", h->packet);
	} else if (!octets) {
		if (log_may(&ax->oversized, now_ns, "ax"))
			log_warning("ax", "refused a request of %u octets: too long", h->payload);
		send_pdu(ax, ax_pdu_error(h, AX_TOO_BIG, 1));
	} else {
		answer_request(ax, h, octets, len, now_ns);
	}
}

static void on_pdu(void *arg, const struct ax_header *h, uint8_t *octets, size_t len,
		   uint64_t now_ns)
{
	struct ax *ax = arg;
	netsnmp_pdu *pdu;

	if (h->type == AX_CLOSE) {
		drop(ax, "it closed the session", now_ns);
	} else if (h->type != AX_RESPONSE) {
		on_request(ax, h, octets, len, now_ns);
	} else if (octets && (pdu = ax_codec_parse(ax->codec, octets, len))) {
		on_response(ax, h, pdu, now_ns);
		snmp_free_pdu(pdu);
	}
}

static void on_pin_timer(void *arg, uint64_t now_ns)
{
	struct ax *ax = arg;
	uint64_t next_ns = ax_serve_sweep(ax->serve, now_ns);

	if (next_ns)
		loop_timer_set(ax->loop, &ax->pin_timer, next_ns);
}

/* Connecting, and the end of it */

static void note_outage(struct ax *ax, const char *why, const char *more, uint64_t now_ns)
{
	err_set(&ax->problem, "no session with snmpd at %s: %s%s", ax->where, why, more);
	log_bad(&ax->outage, now_ns, LOG_LEVEL_WARNING, "ax", "%s; reconnecting until it is back",
		ax->problem.text);
}

/* Back to DOWN, with the next connect scheduled. */
static void go_down(struct ax *ax, const char *why, const char *more, uint64_t now_ns)
{
	ax_conn_close(ax->conn);
	ax_serve_reset(ax->serve);
	loop_timer_clear(ax->loop, &ax->reg_timer);
	loop_timer_clear(ax->loop, &ax->pin_timer);
	for (size_t i = 0; i < ax->n_regs; i++)
		ax->regs[i].state = REG_IDLE;
	ax->state = AX_DOWN;
	ax->session = ax->open_packet = ax->ping_packet = ax->notify_packet = 0;
	ax->n_awaited = 0;
	ax->quiet = false;
	note_outage(ax, why, more, now_ns);
	loop_timer_set(ax->loop, &ax->timer, now_ns + ax->pause_ns);
	ax->pause_ns *= 2;
	if (ax->pause_ns > ax->timing.retry_max_ns)
		ax->pause_ns = ax->timing.retry_max_ns;
}

static void drop(struct ax *ax, const char *why, uint64_t now_ns)
{
	go_down(ax, why, "", now_ns);
}

static void on_closed(void *arg, const char *why, uint64_t now_ns)
{
	drop(arg, why, now_ns);
}

static void on_connected(void *arg, uint64_t now_ns)
{
	struct ax *ax = arg;

	ax->state = AX_OPENING;
	ax->answered_ns = now_ns;
	ax->open_packet = new_packet(ax);
	send_and_await(ax, ax_pdu_open(ax->open_packet, ax->description), now_ns);
}

static void begin_connect(struct ax *ax, uint64_t now_ns)
{
	int rc = ax_conn_open(ax->conn);

	if (rc == 0) {
		on_connected(ax, now_ns);
	} else if (rc == -EINPROGRESS) {
		ax->state = AX_CONNECTING;
		loop_timer_set(ax->loop, &ax->timer, now_ns + ax->timing.connect_ns);
	} else {
		go_down(ax, strerror(-rc), ax_text_hint(-rc), now_ns);
	}
}

/* There is a session, or one is opening: is the master alive? */
static void check_answers(struct ax *ax, uint64_t now_ns)
{
	if (!ax->n_awaited && ax->state == AX_UP) {
		ax->pause_ns = ax->timing.retry_min_ns;
		ax->ping_packet = new_packet(ax);
		send_and_await(ax, ax_pdu_ping(ax->session, ax->ping_packet), now_ns);
		return;
	}
	if (now_ns >= ax->awaited_ns + ax->timing.patience_ns) {
		send_close(ax, AX_REASON_TIMEOUTS);
		drop(ax, "it does not answer", now_ns);
		return;
	}
	err_set(&ax->problem, "snmpd at %s does not answer (stopped, or busy?)", ax->where);
	if (!log_is_bad(&ax->outage) && !ax->quiet)
		log_bad(&ax->silence, now_ns, LOG_LEVEL_WARNING, "ax", "%s; waiting for it",
			ax->problem.text);
	ax->quiet = true;
	watch_answers(ax);
}

static void on_timer(void *arg, uint64_t now_ns)
{
	struct ax *ax = arg;

	if (ax->state == AX_DOWN)
		begin_connect(ax, now_ns);
	else if (ax->state == AX_CONNECTING)
		drop(ax, "its host does not answer", now_ns);
	else
		check_answers(ax, now_ns);
}

/* For the owner */

int ax_new(const char *socket, const char *description, const struct ax_registration *regs,
	   size_t n_regs, const struct ax_hooks *hooks, struct loop *loop, struct ax **ret_ax,
	   struct err *e)
{
	struct ax *ax = xcalloc(1, sizeof(*ax));
	const struct ax_conn_hooks conn_hooks = { on_connected, on_closed, on_pdu, ax };
	int rc = ax_conn_new(socket, &conn_hooks, loop, &ax->conn, e);

	if (rc) {
		free(ax);
		return rc;
	}
	ax->loop = loop;
	ax->codec = ax_codec_new();
	ax->serve = ax_serve_new(hooks);
	ax->hooks = *hooks;
	ax->where = xstrdup(socket);
	ax->description = xstrdup(description);
	ax->regs = xcalloc(n_regs, sizeof(*ax->regs));
	ax->n_regs = n_regs;
	for (size_t i = 0; i < n_regs; i++)
		ax->regs[i].what = regs[i];
	loop_timer_init(&ax->timer, on_timer, ax);
	loop_timer_init(&ax->reg_timer, on_reg_timer, ax);
	loop_timer_init(&ax->pin_timer, on_pin_timer, ax);
	err_set(&ax->problem, "not started");
	ax->timing = ax_timing_usual();
	ax->pause_ns = ax->timing.retry_min_ns;
	*ret_ax = ax;
	return 0;
}

void ax_start(struct ax *ax)
{
	assert(ax->state == AX_DOWN && !ax->timer.at_ns);
	err_set(&ax->problem, "waiting for snmpd at %s to answer", ax->where);
	begin_connect(ax, loop_now_ns());
}

void ax_free(struct ax *ax)
{
	if (!ax)
		return;
	send_close(ax, AX_REASON_SHUTDOWN);
	loop_timer_clear(ax->loop, &ax->timer);
	loop_timer_clear(ax->loop, &ax->reg_timer);
	loop_timer_clear(ax->loop, &ax->pin_timer);
	ax_conn_free(ax->conn);
	ax_serve_free(ax->serve);
	ax_codec_free(ax->codec);
	free(ax->where);
	free(ax->description);
	free(ax->regs);
	free(ax);
}

enum ax_state ax_get_state(const struct ax *ax)
{
	return ax->state;
}

bool ax_can_notify(const struct ax *ax)
{
	return ax->state == AX_UP && !ax->notify_packet;
}

void ax_notify(struct ax *ax, const struct oid *trap, const struct oidtab_varbind *vars,
	       size_t n_vars, uint64_t now_ns)
{
	assert(ax_can_notify(ax));
	ax->notify_packet = new_packet(ax);
	send_and_await(ax, ax_pdu_notify(ax->session, ax->notify_packet, trap, vars, n_vars),
		       now_ns);
}

const char *ax_get_problem(const struct ax *ax)
{
	return ax->problem.text;
}

void ax_get_counts(const struct ax *ax, uint64_t *ret_requests, uint64_t *ret_varbinds)
{
	ax_serve_get_counts(ax->serve, ret_requests, ret_varbinds);
}
