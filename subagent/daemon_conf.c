/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file while the daemon runs. It is read again for a reload, and for `status`,
 * which reports whether the file is what is in force. Only one read is in progress at a time. A
 * read that hangs is abandoned, and no other begins until its child is gone. `status` is answered
 * after ANSWER_NS; a reload waits for RELOAD_NS, since a refused one is not tried again. */
#include "daemon_room.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "inventory/source_kind.h"

#include <errno.h>
#include <stdlib.h>

#define ANSWER_NS NS_PER_S
#define RELOAD_NS (10 * NS_PER_S)

static void take_over(struct daemon *d, const char *text, size_t len)
{
	struct err e = d->conf.unread;
	struct cfg *cfg = NULL;
	int ret = text ? cfg_load_text(text, len, d->config_path, source_check, &cfg, &e) : -EIO;

	if (!ret)
		ret = daemon_take_config(d, cfg, &e);
	if (ret < 0) {
		d->refused = e;
		log_error("cfg", "%s; the configuration in force stays", e.text);
		cfg_free(cfg);
		return;
	}
	d->refused = (struct err) { "" };
	log_info("cfg", "reloaded %s", d->config_path);
	if (*d->fixed)
		log_warning("cfg", "restart ctmeterd to apply the changed %s", d->fixed);
}

static void answer(struct daemon *d)
{
	struct conf *c = &d->conf;
	size_t n = c->n_asked;

	for (size_t i = 0; i < n; i++)
		ctl_reply(c->waiting[i], daemon_status(d));
	for (size_t i = n; i < c->n_waiting; i++)
		c->waiting[i - n] = c->waiting[i];
	c->n_waiting -= n;
	c->n_asked = 0;
}

/* text: NULL if the file could not be read. */
static void finish(struct daemon *d, const char *text, size_t len)
{
	struct conf *c = &d->conf;
	bool reloading = c->reloading;

	c->looking = true; /* the calls below must not begin the next read yet */
	c->reloading = c->slow = false;
	loop_timer_clear(d->loop, &c->answer);
	if (reloading)
		take_over(d, text, len);
	c->differs = text && cfg_text_differs(d->cfg, text);
	if (reloading)
		service_reloaded(d->service);
	answer(d);
	c->looking = false;
}

static void on_read(void *arg, const struct child_result *r, uint64_t now_ns)
{
	struct daemon *d = arg;
	struct conf *c = &d->conf;

	(void)now_ns;
	c->unread = (struct err) { "" };
	finish(d, pour_ended(&c->pour, r, &c->unread) == 0 ? r->out : NULL, r->len);
	if (child_gone(c->child)) {
		child_free(c->child);
		c->child = NULL;
	}
	if (c->reload || c->n_waiting)
		conf_look(d);
}

static void on_slow(void *arg, uint64_t now_ns)
{
	struct daemon *d = arg;
	struct conf *c = &d->conf;

	(void)now_ns;
	err_set(&c->unread, POUR_HANGS, d->config_path);
	c->slow = true;
	c->n_asked = c->n_waiting;
	answer(d);
}

static void begin(struct daemon *d)
{
	struct conf *c = &d->conf;
	uint64_t now_ns = loop_now_ns();

	c->reloading = c->reload;
	c->reload = false;
	c->n_asked = c->n_waiting;
	if (c->reloading)
		service_reloading(d->service);
	c->unread = (struct err) { "" };
	c->pour = (struct pour) { .path = d->config_path, .max_octets = CFG_FILE_MAX_OCTETS + 1 };
	if (c->child && !child_gone(c->child)) {
		err_set(&c->unread, POUR_HANGS, d->config_path);
		finish(d, NULL, 0);
		return;
	}
	child_free(c->child);
	c->child = NULL;
	if (pour_new(&c->pour, now_ns + (c->reloading ? RELOAD_NS : ANSWER_NS), d->loop, on_read, d,
		     &c->child, &c->unread) < 0) {
		finish(d, NULL, 0);
		return;
	}
	c->looking = true;
	loop_timer_init(&c->answer, on_slow, d);
	loop_timer_set(d->loop, &c->answer, now_ns + ANSWER_NS);
}

void conf_look(struct daemon *d)
{
	if (!d->conf.looking)
		begin(d);
}

void conf_reload(struct daemon *d)
{
	d->conf.reload = true;
	conf_look(d);
}

void conf_status(struct daemon *d, struct ctl_request *req)
{
	struct conf *c = &d->conf;

	c->waiting = xgrow(c->waiting, c->n_waiting, &c->cap, sizeof(*c->waiting));
	c->waiting[c->n_waiting++] = req;
	conf_look(d);
	if (c->slow) {
		c->n_asked = c->n_waiting;
		answer(d);
	}
}

void conf_free(struct daemon *d)
{
	struct conf *c = &d->conf;

	for (size_t i = 0; i < c->n_waiting; i++)
		ctl_reply_error(c->waiting[i], "ctmeterd is exiting");
	c->n_waiting = 0;
	loop_timer_clear(d->loop, &c->answer);
	child_free(c->child);
	c->child = NULL;
	free(c->waiting);
}
