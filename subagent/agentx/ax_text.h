/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AX_TEXT_H
#define CTM_AX_TEXT_H

#include <stdint.h>

/* What to do about an error, in words for the log and `status`. Private to ax*.c. Static text. */

/* res.error of the answer to a Register. */
const char *ax_text_refusal(uint16_t error);

/* errno of a connect to the master: " (...)", or "" where nothing is known. */
const char *ax_text_hint(int error);

#endif
