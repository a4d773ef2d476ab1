/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_VZ_FORM_H
#define CTM_VZ_FORM_H

#include "base/err.h"
#include "inventory/inv.h"

#include <stdbool.h>
#include <stddef.h>

/* The forms in which an OpenVZ node can be queried for the addresses of its containers: the
 * tool, its arguments, its output, and where the tools are. Tables and pure functions, except
 * the search for a tool. For source_vz.c, which decides what to query when. */

enum vz_syntax { VZLIST_JSON, VZLIST_COLUMNS, PRLCTL_JSON };
/* Forms of one dialect agree on ids and on which addresses a container has. */
enum vz_dialect { OPENVZ7, OPENVZ6, PRLCTL, PRLCTL_OLD };

struct vz_form {
	enum vz_dialect dialect;
	enum vz_syntax syntax;
	const char *tool; /* one of vz_tools */
	const char *ip_key; /* the key of the addresses in its JSON */
	const char *args[6];
};

/* In the order in which they are tried. The addresses are the last column of each: in any other,
 * vzlist prints only the first address, and cuts it. */
#define VZ_FORMS 6
extern const struct vz_form vz_forms[VZ_FORMS];

/* The form that queries the names, where this form answers for the addresses. */
const struct vz_form *vz_form_of_names(const struct vz_form *form);

/* "vzlist -a -j -o ...", for free(). */
char *vz_form_name(const struct vz_form *form);

/* The form, of addresses or of names, with this name; NULL: none. */
const struct vz_form *vz_form_find(const char *name);

/* Its command. argv borrows from the form and from path, the path of the tool. Ends with NULL. */
#define VZ_FORM_WORDS 8
void vz_form_words(const struct vz_form *form, char *path, char *argv[VZ_FORM_WORDS]);

/* Parse its output into part. Returns 0 or -errno with e filled. */
int vz_form_parse(const struct vz_form *form, struct inv_part *part, const char *text, size_t len,
		  struct err *e);

#define VZ_TOOLS 2
#define VZ_PLACES 6 /* directories in the search path */
extern const char *const vz_tools[VZ_TOOLS];
extern const char *const vz_search_path[VZ_PLACES];

/* Path (for free()) of an executable in the search path below root, NULL if there is none. */
char *vz_tool_find(const char *root, const char *tool);

#endif
