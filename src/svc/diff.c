/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/diff.h"

static void note(struct svc_diff *d, struct svc_entry *before, struct svc_entry *after)
{
	if (!svc_entry_eq(before, after))
		*vec_push(&d->changes) = (struct svc_change){before, after};
}

void svc_diff_init(struct svc_diff *d, const struct svc_table *before,
		   const struct svc_table *after)
{
	size_t i = 0, j = 0;

	*d = (struct svc_diff){.before = before, .after = after};
	d->is_config_changed =
		before->config != after->config && !svc_config_eq(before->config, after->config);
	while (i < before->n || j < after->n) {
		struct svc_entry *b = i < before->n ? before->entries[i] : NULL;
		struct svc_entry *a = j < after->n ? after->entries[j] : NULL;
		int c = !b ? 1 : !a ? -1 : a == b ? 0 : str_cmp(b->key, a->key);

		if (c < 0)
			note(d, b, NULL);
		else if (c > 0)
			note(d, NULL, a);
		else
			note(d, b, a);
		i += c <= 0;
		j += c >= 0;
	}
}

void svc_diff_fini(struct svc_diff *d)
{
	vec_fini(&d->changes);
}

static struct str change_key(const struct svc_change *c)
{
	return c->after ? c->after->key : c->before->key;
}

struct svc_table *svc_table_change(const struct svc_table *t, const struct svc_change *changes,
				   size_t n)
{
	struct svc_table *r = mem_xzalloc(sizeof(*r) + (t->n + n) * sizeof(r->entries[0]));
	size_t i = 0, j = 0;

	r->refs = 1;
	r->config = svc_config_ref(t->config);
	while (i < t->n || j < n) {
		int c = j == n      ? -1
			: i == t->n ? 1
				    : str_cmp(t->entries[i]->key, change_key(&changes[j]));
		struct svc_entry *e = c < 0 ? t->entries[i] : changes[j].after;

		if (e)
			r->entries[r->n++] = svc_entry_ref(e);
		i += c <= 0;
		j += c >= 0;
	}
	return r;
}
