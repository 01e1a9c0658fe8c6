/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"

#include "tests/harness/test.h"

static const double bounds[] = {0.1, 1};
static struct metric requests = {.name = "requests_total",
				 .help = "Requests.",
				 .kind = METRIC_COUNTER,
				 .labels = {"verb", "code"}};
static struct metric seconds = {.name = "seconds",
				.help = "Time.",
				.kind = METRIC_HISTOGRAM,
				.buckets = bounds,
				.n_buckets = ARRAY_LEN(bounds)};

TEST(prints_the_text_format)
{
	struct metric *all[] = {&requests, &seconds};
	struct buf b = BUF_INIT;

	metrics_register(all, ARRAY_LEN(all));
	metric_add(&requests, (const char *[]){"GET", "200"}, 2);
	metric_add(&requests, (const char *[]){"a\"b", "200"}, 1);
	metric_observe(&seconds, NULL, 0.5);
	metric_observe(&seconds, NULL, 5);
	metrics_print(&b);
	ASSERT_STREQ(b.ptr, "# HELP requests_total Requests.\n"
			    "# TYPE requests_total counter\n"
			    "requests_total{verb=\"GET\",code=\"200\"} 2\n"
			    "requests_total{verb=\"a\\\"b\",code=\"200\"} 1\n"
			    "# HELP seconds Time.\n"
			    "# TYPE seconds histogram\n"
			    "seconds_bucket{le=\"0.1\"} 0\n"
			    "seconds_bucket{le=\"1\"} 1\n"
			    "seconds_bucket{le=\"+Inf\"} 2\n"
			    "seconds_sum 5.5\n"
			    "seconds_count 2\n");
	ASSERT_EQ(metric_get(&requests, (const char *[]){"GET", "200"}), 2);
	buf_fini(&b);
	metrics_reset();
}
