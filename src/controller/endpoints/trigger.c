/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/trigger.h"

#include <stdlib.h>

static void earliest(int64_t *at, int64_t t)
{
	if (!*at || t < *at)
		*at = t;
}

int64_t controller_trigger_next(struct controller_trigger *t, const struct api_service *svc,
				const struct api_pod *const *pods, size_t n)
{
	struct map seen = {0};
	int64_t at = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t *last = map_remove(&t->pods, pods[i]->meta.name);

		if (!pods[i]->ready_transition_ns) {
			free(last);
			continue;
		}
		if (!last)
			last = mem_xnew(int64_t);
		if (pods[i]->ready_transition_ns > *last)
			earliest(&at, pods[i]->ready_transition_ns);
		*last = pods[i]->ready_transition_ns;
		free(map_put(&seen, pods[i]->meta.name, last));
	}
	map_fini_values(&t->pods, free);
	t->pods = seen;
	if (svc->meta.created_ns > t->service_ns) {
		earliest(&at, svc->meta.created_ns);
		t->service_ns = svc->meta.created_ns;
	}
	if (!t->is_known) {
		t->is_known = true;
		return svc->meta.created_ns;
	}
	return at;
}

void controller_trigger_fini(struct controller_trigger *t)
{
	map_fini_values(&t->pods, free);
	*t = (struct controller_trigger){0};
}
