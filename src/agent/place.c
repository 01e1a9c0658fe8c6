/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/place.h"

#include "agent/pause-client.h"
#include "base/vec.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdio.h>

void agent_place_init(struct agent_place *p, struct agent *a,
		      void (*on_change)(struct agent_place *p))
{
	*p = (struct agent_place){.agent = a, .on_change = on_change};
	p->born_ms = clock_system.wall_ns(&clock_system) / 1000000;
	list_init(&p->errands);
	list_init(&p->sessions);
}

int64_t agent_place_now_ms(const struct agent_place *p)
{
	return clock_mono_ms(loop_clock(p->agent->loop));
}

const struct api_pod *agent_place_pod(const struct agent_place *p)
{
	return p->obj->view;
}

int agent_place_send(struct agent_place *p, const char *const *words, const int *fds,
		     struct err *err)
{
	if (!p->pause)
		return err_sys(err, EPIPE, "the Pod's first process is not there");
	return agent_pause_client_send(p->pause, words, fds, err);
}

/* ---- commands ------------------------------------------------------------------------------- */

int agent_errand_start(struct agent_errand *r, struct agent_place *p, const char *container,
		       const char *const *words, const int *fds, struct err *err)
{
	VEC(const char *) all = {0};
	int e;

	snprintf(r->id, sizeof(r->id), "%llx.%u", (unsigned long long)p->born_ms, ++p->n_errands);
	*vec_push(&all) = "exec";
	*vec_push(&all) = r->id;
	*vec_push(&all) = container;
	for (size_t i = 0; words[i]; i++)
		*vec_push(&all) = words[i];
	*vec_push(&all) = NULL;
	e = agent_place_send(p, all.ptr, fds, err);
	vec_fini(&all);
	if (e < 0)
		return e;
	r->place = p;
	list_append(&p->errands, &r->link);
	return 0;
}

static void forget(struct agent_errand *r)
{
	list_remove(&r->link);
	r->place = NULL;
}

void agent_errand_cancel(struct agent_errand *r)
{
	const char *words[] = {"cancel", r->id, NULL};

	if (!r->place)
		return;
	IGNORE(agent_place_send(r->place, words, NULL, NULL), "then the pause hangs or is gone");
	forget(r);
}

void agent_place_on_done(struct agent_place *p, struct str id, int exit_code, struct str failure)
{
	list_foreach(struct agent_errand, r, &p->errands, link) {
		if (!str_eq_c(id, r->id))
			continue;
		forget(r);
		r->on_done(r->ctx, exit_code, failure);
		return;
	}
}

void agent_place_end_errands(struct agent_place *p, const char *why)
{
	struct agent_errand *r;

	while ((r = list_first(struct agent_errand, &p->errands, link))) {
		forget(r);
		r->on_done(r->ctx, -1, str_of(why));
	}
}
