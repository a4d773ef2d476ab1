/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counting on links stands on: the kernel's BPF, its file system, and what root has pinned
 * there for the daemon. And how to choose that backend. */
#include "doctor/doctor_access.h"
#include "doctor/doctor_room.h"

#include "base/xalloc.h"
#include "netfilter/fw.h"
#include "netfilter/fw_admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* ---- facts ---- */

const struct fw_look_ground *doctor_ground(struct doctor *d)
{
	struct fw_config config = fw_config_of(d->o.cfg, "");

	if (!d->ground_known) {
		d->ground_known = true;
		d->ground_rc = fw_look_ground(CFG_BACKEND_LINK, &config, doctor_daemon_user(d).uid,
					      &d->ground);
	}
	return d->ground_rc < 0 ? NULL : &d->ground;
}

const struct fw_look_link *doctor_seen(struct doctor *d, size_t *ret_n)
{
	struct fw_config config = fw_config_of(d->o.cfg, "");

	if (!d->seen_known) {
		d->seen_known = true;
		d->seen_rc = fw_look_links(CFG_BACKEND_LINK, &config, &d->seen, &d->n_seen);
	}
	*ret_n = d->n_seen;
	return d->seen;
}

/* ---- choosing it ---- */

/* The first Linux that can run the programs. */
static bool kernel_is_new_enough(void)
{
	unsigned major = 0, minor = 0;
	struct utsname u;

	uname(&u);
	return sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 5 || (major == 5 && minor >= 7));
}

static bool can_link(struct doctor *d)
{
	const struct fw_look_ground *g = doctor_ground(d);

	if (!g)
		return false;
	return g->ground == FW_GROUND_GOOD || g->ground == FW_GROUND_ANOTHERS ||
	       (g->ground == FW_GROUND_UNPREPARED && kernel_is_new_enough());
}

/* Does the configuration have this section, and in it this key? */
static void find_key(const struct doctor *d, const char *section, const char *key,
		     bool *ret_section, bool *ret_key)
{
	char *text = doctor_read(d, "%s", d->o.config_path), *rest = text;
	bool here = false;

	*ret_section = *ret_key = false;
	for (char *line; rest && (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		if (*line == '[') {
			here = !strncmp(line + 1, section, strlen(section)) &&
			       line[1 + strlen(section)] == ']';
			*ret_section = *ret_section || here;
		} else if (here && !strncmp(line, key, strlen(key)) &&
			   line[strlen(key) + strspn(line + strlen(key), " \t")] == '=') {
			*ret_key = true;
		}
	}
	free(text);
}

char *doctor_choose_links(struct doctor *d)
{
	char *conf, *restart, *command;
	bool section, key;

	if (doctor_backend(d) == CFG_BACKEND_LINK || !can_link(d))
		return NULL;
	find_key(d, "netfilter", "backend", &section, &key);
	conf = doctor_quote(d->o.config_path);
	restart = doctor_service_command(d, "restart", "ctmeterd");
	if (key)
		command =
			xasprintf("sed -i '/^[[:blank:]]*\\[netfilter]/,/^[[:blank:]]*\\[/"
				  "s/^[[:blank:]]*backend[[:blank:]]*=.*/backend = link/' %s && %s",
				  conf, restart);
	else if (section)
		command =
			xasprintf("sed -i '/^[[:blank:]]*\\[netfilter]/a backend = link' %s && %s",
				  conf, restart);
	else
		command = xasprintf("printf '\\n[netfilter]\\nbackend = link\\n' >>%s && %s", conf,
				    restart);
	free(conf);
	free(restart);
	return command;
}

/* ---- the check ---- */

/* Is anything counted now, by programs that a running daemon has opened? */
static bool goes_on(const struct doctor *d)
{
	const char *v4 = json_string_value(json_object_get(d->status, "ipv4"));
	const char *v6 = json_string_value(json_object_get(d->status, "ipv6"));

	return (v4 && !strchr(v4, ':')) || (v6 && !strchr(v6, ':'));
}

/* systemd mounts a bpffs at each boot. */
static void cure_mount(const struct doctor *d, const char *mount, struct doctor_finding *f)
{
	char *at = doctor_quote(mount);
	char *start = doctor_service_command(d, d->status ? "restart" : "start", "ctmeterd");

	if (doctor_exists(d, "/run/systemd/system"))
		doctor_cure(f, "mount -t bpf bpf %s && %s", at, start);
	else
		doctor_cure(f,
			    "mount -t bpf bpf %s && echo bpf %s bpf defaults 0 0 >>/etc/fstab && "
			    "%s",
			    at, at, start);
	free(at);
	free(start);
}

static void cure_layout(const struct doctor *d, struct doctor_finding *f)
{
	char *stop = doctor_service_command(d, "stop", "ctmeterd");
	char *start = doctor_service_command(d, "start", "ctmeterd");
	char *teardown = doctor_ctmeter_command(d, "teardown");

	if (doctor_exists(d, "/run/systemd/system"))
		doctor_cure(f, "%s && %s && %s", stop, teardown, start);
	free(stop);
	free(start);
	free(teardown);
}

static void say_ground(struct doctor *d, const struct fw_look_ground *g, struct doctor_finding *f)
{
	enum doctor_level level = goes_on(d) ? DOCTOR_WARN : DOCTOR_FAIL;
	const char *until = goes_on(d) ? ": counting ends with this ctmeterd" : "";
	char *start = doctor_service_command(d, d->status ? "restart" : "start", "ctmeterd");
	char *prepare = doctor_prepare_command(d);

	switch (g->ground) {
	case FW_GROUND_GOOD:
		doctor_say(f, DOCTOR_OK,
			   "the programs and maps are pinned for %s, with room for %u addresses; "
			   "they are attached by %s",
			   doctor_daemon_user(d).name, g->slots / 2,
			   g->tcx ? "tcx"
				  : "qdiscs (this kernel has no tcx, which is of Linux 6.6)");
		break;
	case FW_GROUND_NO_BPFFS:
		doctor_say(f, level, "no bpffs is mounted at %s, where the programs are pinned%s",
			   g->mount, until);
		cure_mount(d, g->mount, f);
		break;
	case FW_GROUND_UNPREPARED:
		doctor_say(f, level, "%s%s", g->text, until);
		doctor_cure(f, "%s", start);
		break;
	case FW_GROUND_ANOTHERS:
		doctor_say(f, level, "%s does not belong to %s, as whom ctmeterd opens it%s",
			   g->text, doctor_daemon_user(d).name, until);
		doctor_cure(f, "%s", prepare);
		break;
	case FW_GROUND_OTHER_LAYOUT:
		doctor_say(f, level, "%s%s", g->text, until);
		cure_layout(d, f);
		break;
	case FW_GROUND_NO_BPF:
	case FW_GROUND_BROKEN:
		doctor_say(f, level, "%s", g->text);
		break;
	}
	free(start);
	free(prepare);
}

void doctor_link_kernel(struct doctor *d, enum addr_family family, struct doctor_finding *f)
{
	const struct fw_look_ground *g;

	(void)family;
	if (doctor_dry_run(d, f) || doctor_not_on_links(d, f))
		return;
	g = doctor_ground(d);
	if (g)
		say_ground(d, g, f);
	else if (d->ground_rc == -ENOTSUP)
		doctor_say(f, DOCTOR_FAIL,
			   "ctmeter was built without the link backend, so it cannot count");
	else
		doctor_say(f, DOCTOR_SKIP, "only root may look at the programs: %s",
			   strerror(-d->ground_rc));
}
