/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/session.h"

int agent_session_begin(struct agent_session *s, struct agent_place *p,
			void (*on_lost)(struct agent_session *s), struct err *err)
{
	if (p->agent->n_sessions >= AGENT_SESSIONS_MAX)
		return err_set(err, ERR_TOO_MANY, "%d streams are open already",
			       AGENT_SESSIONS_MAX);
	*s = (struct agent_session){.agent = p->agent, .place = p, .on_lost = on_lost};
	list_append(&p->sessions, &s->link);
	p->agent->n_sessions++;
	return 0;
}

static void leave(struct agent_session *s)
{
	if (s->place)
		list_remove(&s->link);
	s->place = NULL;
}

void agent_session_end(struct agent_session *s)
{
	leave(s);
	s->agent->n_sessions--;
}

void agent_place_end_sessions(struct agent_place *p)
{
	struct agent_session *s;

	while ((s = list_first(struct agent_session, &p->sessions, link))) {
		leave(s);
		s->on_lost(s);
	}
}
