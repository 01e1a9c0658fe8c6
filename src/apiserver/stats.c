/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/stats.h"

#include "base/metrics.h"

#include <stdio.h>

static const double seconds[] = {0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5};

static struct metric requests = {
	.name = "apiserver_request_total",
	.help = "Requests about objects that have been answered.",
	.kind = METRIC_COUNTER,
	.labels = {"verb", "resource", "subresource", "code"},
};
static struct metric durations = {
	.name = "apiserver_request_duration_seconds",
	.help = "Time from a whole request to its answer; watches until they begin.",
	.kind = METRIC_HISTOGRAM,
	.labels = {"verb", "resource"},
	.buckets = seconds,
	.n_buckets = ARRAY_LEN(seconds),
};
static struct metric objects = {
	.name = "apiserver_storage_objects",
	.help = "Objects that are stored, by kind.",
	.kind = METRIC_GAUGE,
	.labels = {"resource"},
};
static struct metric watches = {
	.name = "apiserver_longrunning_requests",
	.help = "Watches that are open.",
	.kind = METRIC_GAUGE,
};
static struct metric revision = {
	.name = "fairlead_apiserver_revision",
	.help = "Newest revision that reads and watches have reached.",
	.kind = METRIC_GAUGE,
};
static struct metric *const all[] = {&requests, &durations, &objects, &watches, &revision};

void stats_register(void)
{
	metrics_register(all, ARRAY_LEN(all));
}

void stats_request(const struct request *req, int status)
{
	const struct clock *clock = req->s->clock;
	char code[12];
	const char *verb = request_verb_name(req->verb);
	const char *plural = req->res ? req->res->kind->plural : "";
	/* Labels come from the kind's table, never from the peer: each new one is kept for good. */
	const char *sub = req->subresource ? req->subresource->name : "";

	snprintf(code, sizeof(code), "%d", status);
	metric_add(&requests, (const char *const[]){verb, plural, sub, code}, 1);
	metric_observe(&durations, (const char *const[]){verb, plural},
		       (double)(clock->mono_ns(clock) - req->began_ns) / 1e9);
}

void stats_update(const struct apiserver *s)
{
	vec_foreach(c, &s->caches)
		metric_set(&objects, (const char *const[]){(*c)->res->kind->plural},
			   (double)(*c)->objects.len);
	metric_set(&watches, (const char *const[]){NULL}, (double)s->n_watches);
	metric_set(&revision, (const char *const[]){NULL}, (double)s->rev);
}
