/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/handover.h"

#include "base/log.h"
#include "netfilter/fw_admin.h"

#include <stdio.h>

#define LEAVES_MAX 4 /* by one process: backends, each with two tables at most */

/* Another backend that has rules here. False: none. */
static bool find_other(const struct handover *h, enum cfg_backend chosen,
		       enum cfg_backend *ret_other, struct fw_config *ret_config)
{
	enum cfg_backend other;

	if (chosen == CFG_BACKEND_FAKE || h->left >= LEAVES_MAX)
		return false; /* a dry run changes nothing */
	for (size_t i = 0; fw_real_backend(i, &other); i++) {
		*ret_config = h->config;
		*ret_other = other;
		if (other != chosen && fw_has_rules(other, ret_config))
			return true;
	}
	return false;
}

static bool is_by_auto(const struct handover *h)
{
	return h->cfg->netfilter.backend == CFG_BACKEND_AUTO;
}

static void take_reason(struct handover *h, const struct fw *fw)
{
	const char *was = fw_backend_name(h->was), *reason = fw_get_reason(fw);

	if (is_by_auto(h) && h->left)
		snprintf(h->reason, sizeof(h->reason),
			 "%s; %s counted here before, \"backend = %s\" takes it again", reason, was,
			 was);
	else
		snprintf(h->reason, sizeof(h->reason), "%s", reason);
}

const char *handover_reason(const struct handover *h)
{
	return h->reason;
}

static void log_choice(const struct handover *h, const struct fw *fw)
{
	log_info("fw", "counting with %s%s%s%s", fw_name(fw), *h->reason ? " (" : "", h->reason,
		 *h->reason ? ")" : "");
}

static void log_change(const struct handover *h, const struct fw *fw, enum cfg_backend other)
{
	const char *was = fw_backend_name(other);

	log_info("fw",
		 "counting with %s from now on: what the rules of %s have counted is booked first, "
		 "and they are removed, with one discontinuity of each row",
		 fw_name(fw), was);
	if (is_by_auto(h))
		log_info("fw",
			 "this is backend = auto: to stay with %s, write \"backend = %s\" in "
			 "[netfilter] and restart ctmeterd",
			 was, was);
}

int handover_open(struct handover *h, struct fw **ret_fw, struct err *e)
{
	struct fw_config config;
	enum cfg_backend other;
	struct fw *fw, *old;
	struct err no = { "" };
	int ret = fw_open(h->cfg->netfilter.backend, &h->config, h->loop, h->done, h->arg, &fw, e);

	if (ret < 0)
		return ret;
	h->leaving = CFG_BACKEND_AUTO;
	take_reason(h, fw);
	if (!find_other(h, fw_get_backend(fw), &other, &config)) {
		log_choice(h, fw);
		*ret_fw = fw;
		return 0;
	}
	/* Opened again later, it learns the number of the old one's last commit. */
	log_change(h, fw, other);
	h->left++;
	h->was = other;
	ret = fw_open(other, &config, h->loop, h->done, h->arg, &old, &no);
	if (ret < 0) {
		log_error("fw",
			  "the rules of %s stay in place, and what they counted since the last "
			  "reading is lost: %s: remove them with ctmeter teardown",
			  fw_backend_name(other), no.text);
		*ret_fw = fw;
		return 0;
	}
	fw_close(fw);
	h->leaving = other;
	h->table = config.table;
	*ret_fw = old;
	return 0;
}

const char *handover_place(const struct handover *h, const struct fw *fw, enum addr_family family,
			   char *buf, size_t size)
{
	const char *name = family == ADDR_V4 ? "IPv4" : "IPv6";

	if (fw_counts_on_links(fw))
		snprintf(buf, size, "%s links", name);
	else
		snprintf(buf, size, "%s table %s", name,
			 handover_is_leaving(h) ? h->table : h->config.table);
	return buf;
}
