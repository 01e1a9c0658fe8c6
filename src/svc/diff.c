/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/diff.h"

static void note(struct svc_changes *c, struct svc_entry *before, struct svc_entry *after)
{
	if (!svc_entry_eq(before, after))
		*vec_push(c) = (struct svc_change){before, after};
}

void svc_changes_of(const struct svc_table *before, const struct svc_table *after,
		    struct svc_changes *ret)
{
	size_t i = 0, j = 0, n = before ? before->n : 0;

	while (i < n || j < after->n) {
		struct svc_entry *b = i < n ? before->entries[i] : NULL;
		struct svc_entry *a = j < after->n ? after->entries[j] : NULL;
		int c = !b ? 1 : !a ? -1 : a == b ? 0 : str_cmp(b->key, a->key);

		if (c < 0)
			note(ret, b, NULL);
		else if (c > 0)
			note(ret, NULL, a);
		else
			note(ret, b, a);
		i += c <= 0;
		j += c >= 0;
	}
}

static int change_cmp(const void *a, const void *b)
{
	return str_cmp(svc_change_key(a), svc_change_key(b));
}

void svc_changes_sort(struct svc_changes *c)
{
	vec_sort(c, change_cmp);
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
				    : str_cmp(t->entries[i]->key, svc_change_key(&changes[j]));
		struct svc_entry *e = c < 0 ? t->entries[i] : changes[j].after;

		if (e)
			r->entries[r->n++] = svc_entry_ref(e);
		i += c <= 0;
		j += c >= 0;
	}
	return r;
}
