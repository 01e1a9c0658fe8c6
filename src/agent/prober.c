/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "agent"
#include "agent/prober.h"

#include "agent/ask.h"
#include "base/log.h"
#include "loop/loop.h"

#include <stdlib.h>

struct agent_prober {
	struct agent_prober_config config;
	struct agent_probe state;
	struct loop_timer *timer; /* the next run */
	struct agent_ask *ask;    /* the run under way */
	bool is_told;             /* why the last run could not be asked */
};

static void plan(struct agent_prober *p)
{
	int64_t now = agent_place_now_ms(p->config.place);

	loop_timer_start(p->timer, MAX(p->state.due_ms - now, 0), 0);
}

/* May free the prober: nothing of it may be used afterwards. */
static void on_answer(void *ctx, bool is_ok, const char *why)
{
	struct agent_prober *p = ctx;
	const struct agent_sandbox *box = p->config.place->box;
	bool is_new;

	is_new = agent_probe_end(&p->state, is_ok);
	if (!is_ok && (is_new || !p->is_told))
		log_info("a probe fails pod=%s/%s container=%s probe=%s error=%s", box->ns,
			 box->name, p->config.name, agent_probe_type_name(p->config.type), why);
	agent_ask_free(TAKE_PTR(p->ask)); /* only now: it has `why` */
	p->is_told = !is_ok;
	/* A startup probe that has passed is over. */
	if (p->config.type == AGENT_STARTUP && p->state.verdict == AGENT_PASS)
		loop_timer_stop(p->timer);
	else
		plan(p);
	if (is_new)
		p->config.on_verdict(p->config.ctx, p->config.type, p->state.verdict);
}

static void on_due(void *ctx)
{
	struct agent_prober *p = ctx;
	const struct agent_prober_config *c = &p->config;
	int64_t now = agent_place_now_ms(c->place);

	if (!agent_probe_is_due(&p->state, now)) {
		/* When the run under way is answered. */
		if (!p->state.is_running)
			plan(p);
		return;
	}
	agent_probe_begin(&p->state, now);
	p->ask = agent_ask_new(
		&(struct agent_ask_config){.place = c->place,
					   .container = c->container,
					   .name = c->name,
					   .how = agent_prober_spec(c->container, c->type),
					   .agent_name = "fairlead-probe/1",
					   .timeout_ms = p->state.timeout_ms,
					   .on_answer = on_answer,
					   .ctx = p});
}

const char *agent_probe_type_name(enum agent_probe_type type)
{
	static const char *const names[] = {"readiness", "liveness", "startup"};

	return names[type];
}

const struct api_probe *agent_prober_spec(const struct api_container *c, enum agent_probe_type type)
{
	return type == AGENT_READINESS  ? &c->readiness
	       : type == AGENT_LIVENESS ? &c->liveness
					: &c->startup;
}

struct agent_prober *agent_prober_new(const struct agent_prober_config *config)
{
	struct agent_prober *p = mem_xnew(struct agent_prober);
	const struct api_probe *spec = agent_prober_spec(config->container, config->type);
	const struct agent_sandbox *box = config->place->box;

	p->config = *config;
	p->timer = loop_timer_new(config->place->agent->loop, on_due, p);
	agent_probe_init(&p->state, spec, config->initial, agent_place_now_ms(config->place));
	if (spec->kind == API_PROBE_GRPC)
		log_warning("a grpc probe is checked as a TCP connection only pod=%s/%s "
			    "container=%s",
			    box->ns, box->name, config->name);
	plan(p);
	return p;
}

void agent_prober_free(struct agent_prober *p)
{
	if (!p)
		return;
	agent_ask_free(p->ask);
	loop_timer_close(p->timer);
	free(p);
}
