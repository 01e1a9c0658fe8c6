/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"

#include "base/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct metric_series {
	double value; /* counter and gauge: the value; histogram: the sum */
	uint64_t count;
	uint64_t in_bucket[]; /* histogram: not cumulative */
};

static VEC(struct metric *) metrics_all;

static const char *const metric_kind_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};

static void metric_escape(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '\\' || *s == '"')
			buf_add_byte(b, '\\');
		if (*s == '\n')
			buf_add_c(b, "\\n");
		else
			buf_add_byte(b, *s);
	}
}

/* The key of a series is its label part as printed, without the braces: a="x",b="y". */
static void metric_key(struct buf *b, const struct metric *m, const char *const *values)
{
	for (size_t i = 0; i < METRIC_LABELS_MAX && m->labels[i]; i++) {
		buf_printf(b, "%s%s=\"", i ? "," : "", m->labels[i]);
		metric_escape(b, values ? values[i] : "other");
		buf_add_byte(b, '"');
	}
}

static struct metric_series *metric_series(struct metric *m, const char *const *values)
{
	struct buf key = BUF_INIT;
	struct metric_series *s;

	metric_key(&key, m, values);
	s = map_get(&m->series, buf_str(&key));
	if (!s && map_len(&m->series) >= METRIC_SERIES_MAX && values) {
		buf_fini(&key);
		return metric_series(m, NULL);
	}
	if (!s) {
		s = mem_xzalloc(sizeof(*s) + m->n_buckets * sizeof(s->in_bucket[0]));
		map_put(&m->series, buf_str(&key), s);
	}
	buf_fini(&key);
	return s;
}

void metric_add(struct metric *m, const char *const *values, double by)
{
	metric_series(m, values)->value += by;
}

void metric_set(struct metric *m, const char *const *values, double to)
{
	metric_series(m, values)->value = to;
}

void metric_observe(struct metric *m, const char *const *values, double value)
{
	struct metric_series *s = metric_series(m, values);

	assert(m->kind == METRIC_HISTOGRAM);
	s->value += value;
	s->count++;
	for (size_t i = 0; i < m->n_buckets; i++) {
		if (value <= m->buckets[i]) {
			s->in_bucket[i]++;
			return;
		}
	}
}

double metric_get(const struct metric *m, const char *const *values)
{
	struct buf key = BUF_INIT;
	const struct metric_series *s;

	metric_key(&key, m, values);
	s = map_get(&m->series, buf_str(&key));
	buf_fini(&key);
	return s ? s->value : 0;
}

static bool is_registered(const struct metric *m)
{
	vec_foreach(it, &metrics_all)
		if (*it == m)
			return true;
	return false;
}

void metrics_register(struct metric *const *metrics, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_registered(metrics[i]))
			*vec_push(&metrics_all) = metrics[i];
}

static void metric_print_value(struct buf *b, double v)
{
	if (fabs(v - trunc(v)) <= 0 && fabs(v) < 1e15)
		buf_printf(b, "%.0f\n", v);
	else
		buf_printf(b, "%.17g\n", v);
}

static void metric_print_line(struct buf *b, const char *name, const char *suffix,
			      struct str labels)
{
	buf_printf(b, "%s%s", name, suffix);
	if (labels.len)
		buf_printf(b, "{%.*s}", STR_ARG(labels));
	buf_add_byte(b, ' ');
}

static void metric_print_histogram(struct buf *b, const struct metric *m, struct str labels,
				   const struct metric_series *s)
{
	const char *comma = labels.len ? "," : "";
	uint64_t sum = 0;

	for (size_t i = 0; i < m->n_buckets; i++) {
		sum += s->in_bucket[i];
		buf_printf(b, "%s_bucket{%.*s%sle=\"%g\"} %llu\n", m->name, STR_ARG(labels), comma,
			   m->buckets[i], (unsigned long long)sum);
	}
	buf_printf(b, "%s_bucket{%.*s%sle=\"+Inf\"} %llu\n", m->name, STR_ARG(labels), comma,
		   (unsigned long long)s->count);
	metric_print_line(b, m->name, "_sum", labels);
	metric_print_value(b, s->value);
	metric_print_line(b, m->name, "_count", labels);
	buf_printf(b, "%llu\n", (unsigned long long)s->count);
}

void metrics_print(struct buf *b)
{
	vec_foreach(m, &metrics_all) {
		buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", (*m)->name, (*m)->help, (*m)->name,
			   metric_kind_names[(*m)->kind]);
		map_foreach(e, &(*m)->series) {
			const struct metric_series *s = e->value;

			if ((*m)->kind == METRIC_HISTOGRAM) {
				metric_print_histogram(b, *m, map_key(e), s);
			} else {
				metric_print_line(b, (*m)->name, "", map_key(e));
				metric_print_value(b, s->value);
			}
		}
	}
}

void metrics_reset(void)
{
	vec_foreach(m, &metrics_all)
		map_fini_values(&(*m)->series, free);
	vec_fini(&metrics_all);
}
