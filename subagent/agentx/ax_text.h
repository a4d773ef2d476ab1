/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_TEXT_H
#define CTM_AX_TEXT_H

#include <stdint.h>

/* What to do about an error, for the log and `status`. Static text. Private to ax*.c. */

/* res.error of the response to a Register. */
const char *ax_text_refusal(uint16_t error);

/* errno of a connect to the master. Returns " (...)", or "" when there is nothing to suggest. */
const char *ax_text_hint(int error);

#endif
