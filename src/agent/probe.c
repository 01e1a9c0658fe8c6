/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probe.h"

static int at_least(int32_t v, int32_t fallback)
{
	return v > 0 ? v : fallback;
}

void agent_probe_init(struct agent_probe *p, const struct api_probe *spec,
		      enum agent_verdict initial, int64_t started_ms)
{
	*p = (struct agent_probe){
		.period_ms = at_least(spec->period_s, 10) * 1000LL,
		.timeout_ms = at_least(spec->timeout_s, 1) * 1000LL,
		.pass_threshold = at_least(spec->success_threshold, 1),
		.fail_threshold = at_least(spec->failure_threshold, 3),
		.verdict = initial,
		.due_ms = started_ms + MAX(spec->initial_delay_s, 0) * 1000LL,
		.is_eager = initial == AGENT_FAIL,
	};
	if (initial == AGENT_PASS && spec->initial_delay_s <= 0)
		p->due_ms += AGENT_PROBE_LIVENESS_MS;
}

bool agent_probe_is_due(const struct agent_probe *p, int64_t now_ms)
{
	return !p->is_running && now_ms >= p->due_ms;
}

void agent_probe_begin(struct agent_probe *p, int64_t now_ms)
{
	assert(!p->is_running);
	p->is_running = true;
	p->due_ms = now_ms + (p->is_eager ? MIN(p->period_ms, AGENT_PROBE_EAGER_MS) : p->period_ms);
}

bool agent_probe_end(struct agent_probe *p, bool is_pass)
{
	enum agent_verdict to = is_pass ? AGENT_PASS : AGENT_FAIL;

	assert(p->is_running);
	p->is_running = false;
	if (p->in_a_row == 0 || p->was_pass != is_pass)
		p->in_a_row = 0;
	p->was_pass = is_pass;
	p->in_a_row++;
	if (p->verdict == to || p->in_a_row < (is_pass ? p->pass_threshold : p->fail_threshold))
		return false;
	p->verdict = to;
	p->is_eager = false;
	return true;
}
