/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to the master's requests.
 * 1. A request's varbinds become those of its Response in place; only a GetBulk adds new ones.
 * 2. Requests of one transaction and context share a pinned view while it is fresh, so the rows of
 *    one SNMP response agree (snmpd sends a GetNext for each repetition of a GETBULK).
 * 3. An answer lies inside its search range: before its end (RFC 2741 s5.2).
 * 4. Nothing is writable: TestSet is refused, so there is never anything to commit or undo. */
#include "agentx/ax_serve.h"

#include "agentx/ax_response.h"
#include "base/xalloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PINS 4 /* more than the SNMP requests that snmpd handles at once */
#define REPEATS 64 /* requests remembered, at packet id modulo this: masters count ids up */

struct pin {
	bool used;
	uint32_t transaction;
	char *context; /* NULL: the default one */
	const struct oidtab_view *view;
	const void *data;
	uint64_t since_ns;
};

struct seen {
	uint8_t type; /* 0: none */
	uint32_t session;
	uint32_t transaction;
	uint32_t packet;
};

struct ax_serve {
	struct ax_hooks hooks;
	struct pin pins[PINS];
	struct seen seen[REPEATS];
	size_t near; /* the row that the last GetNext found */
	uint64_t requests;
	uint64_t varbinds;
};

struct ax_serve *ax_serve_new(const struct ax_hooks *hooks)
{
	struct ax_serve *s = xcalloc(1, sizeof(*s));

	s->hooks = *hooks;
	return s;
}

void ax_serve_free(struct ax_serve *s)
{
	if (!s)
		return;
	ax_serve_reset(s);
	free(s);
}

static void unpin(struct ax_serve *s, struct pin *pin)
{
	if (!pin->used)
		return;
	s->hooks.unpin(s->hooks.arg, pin->data);
	free(pin->context);
	memset(pin, 0, sizeof(*pin));
}

void ax_serve_reset(struct ax_serve *s)
{
	for (size_t i = 0; i < PINS; i++)
		unpin(s, &s->pins[i]);
	memset(s->seen, 0, sizeof(s->seen));
}

uint64_t ax_serve_sweep(struct ax_serve *s, uint64_t now_ns)
{
	uint64_t next_ns = 0;

	for (size_t i = 0; i < PINS; i++) {
		uint64_t end_ns = s->pins[i].since_ns + AX_PIN_KEEP_NS;

		if (s->pins[i].used && end_ns <= now_ns)
			unpin(s, &s->pins[i]);
		else if (s->pins[i].used && (!next_ns || end_ns < next_ns))
			next_ns = end_ns;
	}
	return next_ns;
}

void ax_serve_get_counts(const struct ax_serve *s, uint64_t *ret_requests, uint64_t *ret_varbinds)
{
	*ret_requests = s->requests;
	*ret_varbinds = s->varbinds;
}

bool ax_serve_is_repeat(struct ax_serve *s, const struct ax_header *h)
{
	struct seen *e = &s->seen[h->packet % REPEATS];

	if (e->type == h->type && e->packet == h->packet && e->transaction == h->transaction &&
	    e->session == h->session)
		return true;
	*e = (struct seen) { h->type, h->session, h->transaction, h->packet };
	return false;
}

static bool same_context(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The pin of this transaction, or else one to use for it: a free one, or the oldest. */
static struct pin *find_pin(struct ax_serve *s, uint32_t transaction, const char *context)
{
	struct pin *best = &s->pins[0];

	for (size_t i = 0; i < PINS; i++) {
		struct pin *p = &s->pins[i];

		if (p->used && p->transaction == transaction && same_context(p->context, context))
			return p;
		if (best->used && (!p->used || p->since_ns < best->since_ns))
			best = p;
	}
	unpin(s, best);
	return best;
}

/* Returns NULL for an unknown context. */
static const struct pin *pin_view(struct ax_serve *s, uint32_t transaction, const char *context,
				  uint64_t now_ns)
{
	struct pin *p = find_pin(s, transaction, context);

	if (p->used && now_ns - p->since_ns <= AX_PIN_USE_NS)
		return p;
	unpin(s, p);
	if (!s->hooks.pin(s->hooks.arg, context, now_ns, &p->view, &p->data))
		return NULL;
	p->used = true;
	p->transaction = transaction;
	p->context = context ? xstrdup(context) : NULL;
	p->since_ns = now_ns;
	return p;
}

static void get_one(const struct pin *pin, netsnmp_variable_list *var, const struct oid *name)
{
	struct smi_value value;
	enum oidtab_result result =
		oidtab_view_get(pin->view, pin->data, name->sub, name->len, &value);

	if (result == OIDTAB_FOUND)
		ax_var_set_value(var, &value);
	else
		ax_var_set_exception(var, result);
}

/* Set var to the first instance after `name` (or at it, if `include`) and before `end`, and name to
 * that instance's name. If there is none, set var to endOfMibView at name (RFC 2741 s7.2.3.2) and
 * return false. */
static bool next_one(struct ax_serve *s, const struct pin *pin, netsnmp_variable_list *var,
		     struct oid *name, const struct oid *end, bool include)
{
	struct smi_value value;
	struct oid found;

	if (oidtab_view_next(pin->view, pin->data, name->sub, name->len, include, &found, &value,
			     &s->near) != OIDTAB_FOUND ||
	    (end->len && oid_cmp(found.sub, found.len, end->sub, end->len) >= 0)) {
		ax_var_set_name(var, name);
		ax_var_set_exception(var, OIDTAB_END);
		return false;
	}
	*name = found;
	ax_var_set_name(var, &found);
	ax_var_set_value(var, &value);
	return true;
}

static bool is_inclusive(const netsnmp_variable_list *var)
{
	return var->type == ASN_PRIV_INCL_RANGE;
}

static enum ax_error answer_get(struct ax_serve *s, const struct pin *pin, netsnmp_pdu *pdu)
{
	struct oid name;

	for (netsnmp_variable_list *var = pdu->variables; var; var = var->next_variable) {
		if (!ax_var_name(var, &name))
			return AX_PARSE_FAILED;
		get_one(pin, var, &name);
		s->varbinds++;
	}
	return AX_NO_ERROR;
}

static enum ax_error answer_next(struct ax_serve *s, const struct pin *pin, netsnmp_pdu *pdu)
{
	struct oid name, end;

	for (netsnmp_variable_list *var = pdu->variables; var; var = var->next_variable) {
		if (!ax_var_name(var, &name) || !ax_var_end(var, &end))
			return AX_PARSE_FAILED;
		next_one(s, pin, var, &name, &end, is_inclusive(var));
		s->varbinds++;
	}
	return AX_NO_ERROR;
}

/* One repeating varbind of a GetBulk, and how far it has got. */
struct repeater {
	struct oid name;
	struct oid end;
};

/* Answer each of the request's own varbinds as a GetNext would. Fills the repeaters after the first
 * non_repeaters, adds to *ret_octets, and leaves the last varbind in *ret_last. */
static enum ax_error first_repetition(struct ax_serve *s, const struct pin *pin, netsnmp_pdu *pdu,
				      size_t non_repeaters, struct repeater *repeaters,
				      size_t *ret_octets, netsnmp_variable_list **ret_last)
{
	struct repeater single = { .name.len = 0 };
	size_t i = 0;

	for (netsnmp_variable_list *var = pdu->variables; var; var = var->next_variable, i++) {
		struct repeater *r = i < non_repeaters ? &single : &repeaters[i - non_repeaters];

		if (!ax_var_name(var, &r->name) || !ax_var_end(var, &r->end))
			return AX_PARSE_FAILED;
		next_one(s, pin, var, &r->name, &r->end, is_inclusive(var));
		*ret_octets += ax_var_octets(var);
		*ret_last = var;
		s->varbinds++;
	}
	return AX_NO_ERROR;
}

/* Append one more repetition after *last. Returns false to stop: the repetition does not fit and
 * was removed, or it found nothing in any column and stays as the last one. */
static bool repeat_once(struct ax_serve *s, const struct pin *pin, struct repeater *repeaters,
			size_t n, size_t *octets, netsnmp_variable_list **last)
{
	netsnmp_variable_list *before = *last, *var = before;
	size_t sum = *octets;
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		var = ax_var_append(var);
		if (next_one(s, pin, var, &repeaters[i].name, &repeaters[i].end, false))
			found = true;
		sum += ax_var_octets(var);
	}
	if (sum > AX_PDU_MAX) {
		snmp_free_varbind(before->next_variable);
		before->next_variable = NULL;
		return false;
	}
	s->varbinds += n;
	*octets = sum;
	*last = var;
	return found;
}

/* Free all varbinds after the first `keep`. */
static void keep_first(netsnmp_pdu *pdu, size_t keep)
{
	netsnmp_variable_list **p = &pdu->variables;

	while (*p && keep--)
		p = &(*p)->next_variable;
	snmp_free_varbind(*p);
	*p = NULL;
}

/* RFC 2741 s7.2.3.3. snmpd never sends a GetBulk, but other masters may. Repetitions that do not
 * fit are left out whole, as RFC 3416 s4.2.3 allows. */
static enum ax_error answer_bulk(struct ax_serve *s, const struct pin *pin, netsnmp_pdu *pdu)
{
	size_t n = 0, non_repeaters = (size_t)pdu->non_repeaters;
	size_t octets = AX_RESPONSE_FIXED_OCTETS;
	netsnmp_variable_list *last = NULL;
	struct repeater *repeaters;
	enum ax_error error;

	for (const netsnmp_variable_list *var = pdu->variables; var; var = var->next_variable)
		n++;
	if (non_repeaters > n)
		non_repeaters = n;
	if (pdu->max_repetitions < 1) {
		keep_first(pdu, non_repeaters);
		n = non_repeaters;
	}
	n -= non_repeaters;
	repeaters = xcalloc(n, sizeof(*repeaters));
	error = first_repetition(s, pin, pdu, non_repeaters, repeaters, &octets, &last);
	for (long i = 1; !error && n && i < pdu->max_repetitions; i++) {
		if (!repeat_once(s, pin, repeaters, n, &octets, &last))
			break;
	}
	free(repeaters);
	return error;
}

static enum ax_error answer_read(struct ax_serve *s, netsnmp_pdu *pdu, uint64_t now_ns)
{
	const struct pin *pin = NULL;
	const char *context;

	if (ax_pdu_context(pdu, &context))
		pin = pin_view(s, (uint32_t)pdu->transid, context, now_ns);
	if (!pin)
		return AX_UNSUPPORTED_CONTEXT;
	switch (pdu->command) {
	case AX_GET:
		return answer_get(s, pin, pdu);
	case AX_GETNEXT:
		return answer_next(s, pin, pdu);
	default:
		return answer_bulk(s, pin, pdu);
	}
}

/* An error about one varbind has that varbind's index. An AgentX-specific error has index 0, which
 * makes snmpd report a plain genErr (RFC 2741 s7.2.5.2) instead of an error-status that SNMP does
 * not have. */
bool ax_serve_answer(struct ax_serve *s, netsnmp_pdu *pdu, uint64_t now_ns)
{
	s->requests++;
	switch (pdu->command) {
	case AX_GET:
	case AX_GETNEXT:
	case AX_GETBULK:
		ax_pdu_respond(pdu, answer_read(s, pdu, now_ns), 0);
		return true;
	case AX_TESTSET:
		ax_pdu_respond(pdu, AX_NOT_WRITABLE, 1);
		return true;
	case AX_COMMITSET:
		ax_pdu_respond(pdu, AX_COMMIT_FAILED, 1);
		return true;
	case AX_UNDOSET:
		ax_pdu_respond(pdu, AX_NO_ERROR, 0);
		return true;
	case AX_CLEANUPSET:
		return false;
	default:
		ax_pdu_respond(pdu, AX_PARSE_FAILED, 0);
		return true;
	}
}
