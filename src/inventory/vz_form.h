/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_VZ_FORM_H
#define CTM_VZ_FORM_H

#include "base/err.h"
#include "inventory/inv.h"

#include <stdbool.h>
#include <stddef.h>

/* The forms in which an OpenVZ node can be asked who has which address: which tool with which words, what
 * it prints, and where the tools are. Tables and pure functions, but for the search for a tool. For
 * source_vz.c, which decides what is asked when. */

enum vz_syntax { VZLIST_JSON, VZLIST_COLUMNS, PRLCTL_JSON };
/* Forms of one dialect agree on ids and on what a container's addresses are. */
enum vz_dialect { OPENVZ7, OPENVZ6, PRLCTL, PRLCTL_OLD };

struct vz_form {
	enum vz_dialect dialect;
	enum vz_syntax syntax;
	const char *tool; /* one of vz_tools */
	const char *ip_key; /* where the addresses are in its JSON */
	const char *args[6];
};

/* In the order in which they are tried. The addresses stand last in each: another column has only the
 * first one, and that cut. */
#define VZ_FORMS 6
extern const struct vz_form vz_forms[VZ_FORMS];

/* How the names are asked for where this form answers for the addresses. */
const struct vz_form *vz_form_of_names(const struct vz_form *form);

/* "vzlist -a -j -o ...", for free(). */
char *vz_form_name(const struct vz_form *form);

/* The form, of addresses or of names, that has this name; NULL: none. */
const struct vz_form *vz_form_find(const char *name);

/* Its command: argv borrows from the form and from path, where the tool is. Ends with NULL. */
#define VZ_FORM_WORDS 8
void vz_form_words(const struct vz_form *form, char *path, char *argv[VZ_FORM_WORDS]);

/* What it printed, into part. Returns 0 or -errno with e filled. */
int vz_form_parse(const struct vz_form *form, struct inv_part *part, const char *text, size_t len,
		  struct err *e);

#define VZ_TOOLS 2
#define VZ_PLACES 6 /* directories of the search path */
extern const char *const vz_tools[VZ_TOOLS];
extern const char *const vz_search_path[VZ_PLACES];

/* Path (for free()) of an executable in the search path below root, NULL when there is none. */
char *vz_tool_find(const char *root, const char *tool);

#endif
