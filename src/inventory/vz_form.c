/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/vz_form.h"

#include "base/xalloc.h"
#include "inventory/inv_vz.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const vz_tools[VZ_TOOLS] = { "vzlist", "prlctl" };

const char *const vz_search_path[VZ_PLACES] = { "/usr/sbin", "/usr/bin",        "/sbin",
						"/bin",      "/usr/local/sbin", "/usr/local/bin" };

const struct vz_form vz_forms[VZ_FORMS] = {
	{ OPENVZ7,
	  VZLIST_JSON,
	  "vzlist",
	  "configured_ip",
	  { "-a", "-j", "-o", "ctid,status,configured_ip" } },
	{ OPENVZ7,
	  VZLIST_COLUMNS,
	  "vzlist",
	  "configured_ip",
	  { "-a", "-H", "-o", "ctid,status,configured_ip" } },
	{ OPENVZ6, VZLIST_JSON, "vzlist", "ip", { "-a", "-j", "-o", "ctid,status,ip" } },
	{ OPENVZ6, VZLIST_COLUMNS, "vzlist", "ip", { "-a", "-H", "-o", "ctid,status,ip" } },
	{ PRLCTL,
	  PRLCTL_JSON,
	  "prlctl",
	  "ip_configured",
	  { "list", "-a", "-o", "uuid,status,ip_configured", "-j" } },
	{ PRLCTL_OLD, PRLCTL_JSON, "prlctl", "ip", { "list", "-a", "-o", "uuid,status,ip", "-j" } },
};

/* The names, for every dialect of a tool. vzlist prints them as columns: in its JSON a name
 * could forge another container's. */
static const struct vz_form vzlist_names = {
	OPENVZ6, VZLIST_COLUMNS, "vzlist", NULL, { "-a", "-H", "-o", "ctid,hostname" }
};
static const struct vz_form prlctl_names = {
	PRLCTL, PRLCTL_JSON, "prlctl", NULL, { "list", "-a", "-o", "uuid,name", "-j" }
};

const struct vz_form *vz_form_of_names(const struct vz_form *form)
{
	return form->syntax == PRLCTL_JSON ? &prlctl_names : &vzlist_names;
}

char *vz_form_name(const struct vz_form *form)
{
	char *name = xstrdup(form->tool);

	for (size_t i = 0; i < ARRAY_LEN(form->args) && form->args[i]; i++) {
		char *longer = xasprintf("%s %s", name, form->args[i]);

		free(name);
		name = longer;
	}
	return name;
}

static bool has_name(const struct vz_form *form, const char *name)
{
	char *its = vz_form_name(form);
	bool same = !strcmp(its, name);

	free(its);
	return same;
}

const struct vz_form *vz_form_find(const char *name)
{
	for (size_t i = 0; i < VZ_FORMS; i++)
		if (has_name(&vz_forms[i], name))
			return &vz_forms[i];
	if (has_name(&vzlist_names, name))
		return &vzlist_names;
	return has_name(&prlctl_names, name) ? &prlctl_names : NULL;
}

/* execve(2) never writes to argv; its type predates const. */
void vz_form_words(const struct vz_form *form, char *path, char *argv[VZ_FORM_WORDS])
{
	memset(argv, 0, VZ_FORM_WORDS * sizeof(*argv));
	argv[0] = path;
	for (size_t i = 0; i < ARRAY_LEN(form->args); i++)
		argv[i + 1] = (char *)(uintptr_t)form->args[i];
}

int vz_form_parse(const struct vz_form *form, struct inv_part *part, const char *text, size_t len,
		  struct err *e)
{
	switch (form->syntax) {
	case VZLIST_JSON:
		return inv_vz_json(part, text, len, form->ip_key, e);
	case VZLIST_COLUMNS:
		return inv_vz_columns(part, text, len, e);
	case PRLCTL_JSON:
		return inv_vz_prlctl(part, text, len, form->ip_key, e);
	}
	return -EINVAL;
}

char *vz_tool_find(const char *root, const char *tool)
{
	for (size_t i = 0; i < VZ_PLACES; i++) {
		char *path = xasprintf("%s%s/%s", root, vz_search_path[i], tool);
		struct stat st;

		/* Any execute bit counts: where this process may not run it, the helper can. */
		if (!stat(path, &st) && S_ISREG(st.st_mode) && st.st_mode & 0111)
			return path;
		free(path);
	}
	return NULL;
}
