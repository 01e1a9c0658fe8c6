/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A client that is inside a Pod: an exec, an attach, a port-forward. There are AGENT_SESSIONS_MAX
 * of all of them at a time, and each is told when what runs in its Pod's sandbox has ended; from
 * then on it has no Pod, and the Pod may be freed.
 */

#include "agent/place.h"

enum {
	AGENT_SESSIONS_MAX = 256, /* more are answered 429 */
};

struct agent_session {
	struct list_node link;
	struct agent *agent;
	struct agent_place *place;                /* NULL: it has ended */
	void (*on_lost)(struct agent_session *s); /* may end the session */
};

/* ERR_TOO_MANY, and the session not begun. */
int agent_session_begin(struct agent_session *s, struct agent_place *p,
			void (*on_lost)(struct agent_session *s), struct err *err) _nodiscard_;
void agent_session_end(struct agent_session *s);
/* What runs in the sandbox has ended. */
void agent_place_end_sessions(struct agent_place *p);
