/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Metrics in the Prometheus text format (version 0.0.4), declared as tables.
 *
 * A metric is a static struct metric with a name, a help text, a kind and its label names; series
 * are found by label values. A room lists its metrics in one array and registers it before
 * it uses it (again does nothing); `/metrics` prints every registered array. Not safe among
 * threads: a worker keeps plain counters and its owner adds them up.
 */

#include "base/buf.h"
#include "base/map.h"

enum metric_kind {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
};

enum {
	METRIC_LABELS_MAX = 4,
	METRIC_SERIES_MAX = 100000, /* per metric; more fall into one series with "other" values */
};

struct metric {
	const char *name;
	const char *help;
	enum metric_kind kind;
	const char *labels[METRIC_LABELS_MAX]; /* names; unused ones NULL */
	const double *buckets;                 /* histograms: rising upper bounds, without +Inf */
	size_t n_buckets;
	struct map series; /* private */
};

/* `values` has one string for each label name. */
void metric_add(struct metric *m, const char *const *values, double by);
void metric_set(struct metric *m, const char *const *values, double to);
void metric_observe(struct metric *m, const char *const *values, double value);
double metric_get(const struct metric *m, const char *const *values); /* 0 when absent */

/* The array must live as long as the process. */
void metrics_register(struct metric *const *metrics, size_t n);
void metrics_print(struct buf *b);
void metrics_reset(void); /* frees all series and forgets the registrations: tests, exit */
