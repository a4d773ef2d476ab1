/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_AWAKE_H
#define CTM_AWAKE_H

#include <stdbool.h>
#include <stddef.h>

/* Does a runtime run behind its socket? systemd may listen there for it and start it when anybody
 * connects, so this has to be known before. Nothing is connected to: /proc tells who listens. */

/* Is a process other than the service manager behind the socket? worker: the name of a process of
 * root's that shows that the runtime has work even while nobody serves its socket; NULL: none.
 * Returns false with the reason in why, "nothing listens at /run/docker.sock".
 *
 * 1. If the service manager (process 1) does not hold the listening socket, whoever made it
 *    listens: connecting starts nothing.
 * 2. If it does, a runtime that runs holds the socket, too: it has been passed on. Only processes
 *    with the name of a runtime's daemon are looked at, since a node has many others.
 * 3. What this process may not look into counts as behind the socket if it has such a name. If
 *    that is the service manager, any process that it may look into will do. */
#define AWAKE_WHY 200
bool awake_is(const char *socket, const char *worker, char why[AWAKE_WHY]);

#endif
