/* SPDX-License-Identifier: Apache-2.0 */
#include "api/managed/managed.h"

#include "api/kind.h"
#include "api/managed/managed-internal.h"

/* kubectl keeps what it applied from the client in this annotation. */
static const char last_applied[] = "kubectl.kubernetes.io/last-applied-configuration";
static const char kubectl[] = "kubectl";

enum {
	ANNOTATIONS_MAX = 256 * 1024, /* bytes of all of an object's annotations */
};

/* Conflicts */

struct conflict {
	const struct managed_entry *entry;
	struct api_field_set set;
};

struct apply {
	const struct api_managed_write *w;
	const struct json *old, *config;
	struct managed managed; /* in: as stored; out: as it is to be stored */
	bool is_forced;
	struct json *result;
	struct conflict *conflicts;
	size_t n_conflicts;
};

/* `"kubectl" with subresource "status" using v1` */
static struct str manager_text(struct arena *a, const struct managed_entry *e)
{
	struct buf b = BUF_INIT;
	struct str ret;

	json_write_string(&b, e->manager);
	if (e->subresource.len) {
		buf_add_c(&b, " with subresource ");
		json_write_string(&b, e->subresource);
	}
	if (!e->is_apply)
		buf_printf(&b, " using %.*s", STR_ARG(e->api_version));
	ret = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

struct listing {
	struct arena *a;
	struct str manager;
	struct api_managed_conflicts *to;
};

static void list_conflict(void *ctx, const struct api_field_path *p)
{
	struct listing *l = ctx;
	struct buf b = BUF_INIT;

	if (l->to->n == API_MANAGED_CONFLICTS_MAX)
		return;
	api_field_path_write(&b, p);
	l->to->ptr[l->to->n++] =
		(struct api_managed_conflict){l->manager, str_dup(l->a, buf_str(&b))};
	buf_fini(&b);
}

static int tell_conflicts(const struct apply *p, struct api_managed_conflicts *ret, struct err *err)
{
	struct arena *a = p->w->a;
	struct buf b = BUF_INIT;
	int r;

	*ret = (struct api_managed_conflicts){
		.ptr = arena_array(a, API_MANAGED_CONFLICTS_MAX, sizeof(*ret->ptr))};
	for (size_t i = 0; i < p->n_conflicts; i++) {
		struct listing l = {a, manager_text(a, p->conflicts[i].entry), ret};

		api_field_set_walk(&p->conflicts[i].set, list_conflict, &l);
	}
	if (ret->n == 1)
		buf_printf(&b, "1 conflict: conflict with %.*s: %.*s", STR_ARG(ret->ptr[0].manager),
			   STR_ARG(ret->ptr[0].path));
	else
		buf_printf(&b, "%zu conflicts: ", ret->n);
	for (size_t i = 0; i < ret->n && ret->n > 1; i++) {
		if (i == 0 || !str_eq(ret->ptr[i].manager, ret->ptr[i - 1].manager))
			buf_printf(&b, "%sconflicts with %.*s:", i ? "\n" : "",
				   STR_ARG(ret->ptr[i].manager));
		buf_printf(&b, "\n- %.*s", STR_ARG(ret->ptr[i].path));
	}
	r = err_set(err, ERR_CONFLICT, "Apply failed with %s", b.ptr);
	buf_fini(&b);
	return r;
}

/* Pruning */

/* The fields that owners of this version have. */
static struct api_field_set owned(const struct apply *p)
{
	struct managed_entry **list =
		arena_array(p->w->a, p->managed.n, sizeof(struct managed_entry *));

	for (size_t i = 0; i < p->managed.n; i++)
		list[i] = &p->managed.ptr[i];
	return api_managed_union(p->w->a, list, p->managed.n);
}

static struct api_field_set fields_of(const struct apply *p, const struct json *obj)
{
	const struct api_type *type = p->w->kind->type;
	struct api_field_set s = api_fields_of(p->w->a, type, obj);

	return api_field_set_with_fields(p->w->a, &s, type);
}

/*
 * Takes out of `merged` what the manager applied the time before (`last`), does not apply now and
 * nobody else owns. An item or object goes with all that is in it, unless an owner has a part of
 * it; what goes that way without having been applied comes back.
 */
static struct json *prune(const struct apply *p, struct json *merged,
			  const struct api_field_set *last)
{
	struct arena *a = p->w->a;
	const struct api_type *type = p->w->kind->type;
	struct api_field_set was = api_field_set_with_fields(a, last, type);
	struct api_field_set of_merged = fields_of(p, merged), of_pruned, all, kept, gone;
	struct json *pruned;

	if (api_field_set_is_empty(last))
		return merged;
	pruned = api_fields_remove(a, type, merged, &was);
	of_pruned = fields_of(p, pruned);
	all = owned(p);
	all = api_field_set_with_fields(a, &all, type);
	kept = api_field_set_union(a, &of_pruned, &all);
	gone = api_field_set_subtract(a, &of_merged, &kept);
	pruned = api_fields_remove(a, type, merged, &gone);
	of_pruned = fields_of(p, pruned);
	gone = api_field_set_subtract(a, &of_merged, &of_pruned);
	gone = api_field_set_intersect(a, &gone, &was);
	return api_fields_remove(a, type, merged, &gone);
}

/* Applying */

static int cmp_conflicts(const void *x, const void *y)
{
	const struct conflict *p = x, *q = y;
	int r = str_cmp(p->entry->manager, q->entry->manager);

	if (r == 0)
		r = p->entry->is_apply != q->entry->is_apply ? (p->entry->is_apply ? -1 : 1) : 0;
	return r != 0 ? r : str_cmp(p->entry->subresource, q->entry->subresource);
}

static void find_conflicts(struct apply *p, const struct managed_entry *self,
			   const struct api_field_diff *diff)
{
	p->n_conflicts = 0;
	p->conflicts = arena_array(p->w->a, p->managed.n, sizeof(*p->conflicts));
	for (size_t i = 0; i < p->managed.n; i++) {
		const struct managed_entry *e = &p->managed.ptr[i];
		struct api_field_set s = api_field_set_intersect(p->w->a, &e->set, &diff->changed);

		if (e != self && !api_field_set_is_empty(&s))
			p->conflicts[p->n_conflicts++] = (struct conflict){e, s};
	}
	if (p->n_conflicts > 1)
		qsort(p->conflicts, p->n_conflicts, sizeof(*p->conflicts), cmp_conflicts);
}

static void take_over(struct apply *p, const struct managed_entry *self,
		      const struct api_field_diff *diff)
{
	struct arena *a = p->w->a;
	struct api_field_set lost = api_field_set_union(a, &diff->changed, &diff->removed);

	for (size_t i = 0; i < p->managed.n; i++) {
		struct managed_entry *e = &p->managed.ptr[i];
		struct api_field_set s = api_field_set_intersect(a, &e->set, &lost);

		if (e != self && !api_field_set_is_empty(&s))
			api_managed_set(e, api_field_set_subtract(a, &e->set, &lost));
	}
	api_managed_drop_empty(&p->managed);
}

/* Fills result and managed, or conflicts: then nothing has changed but those. */
static bool attempt(struct apply *p)
{
	const struct api_managed_write *w = p->w;
	const struct api_field_set *not_ours = api_managed_ignored(w);
	struct api_field_set set = api_fields_of(w->a, w->kind->type, p->config);
	struct managed_entry *self, was;
	struct api_field_diff diff;

	api_managed_drop_versions(w, &p->managed);
	self = api_managed_find(w, &p->managed, true);
	if (!self)
		self = api_managed_add(w, &p->managed, true);
	was = *self;
	api_managed_set(self, api_field_set_exclude(w->a, &set, not_ours));
	p->result = api_fields_merge(w->a, w->kind->type, p->old, p->config);
	p->result = prune(p, p->result, &was.set);
	diff = api_managed_diff(w, p->old, p->result);
	find_conflicts(p, self, &diff);
	if (p->n_conflicts && !p->is_forced) {
		*self = was;
		return false;
	}
	if (!json_eq(p->old, p->result))
		self->time = w->time;
	take_over(p, self, &diff);
	return true;
}

/* What kubectl has applied from the client */

/* The fields that the annotation sets to what they are: kubectl may take them without a conflict.
 */
static bool applied_from_client(const struct apply *p, struct api_field_set *ret)
{
	struct arena *a = p->w->a;
	const struct api_type *type = p->w->kind->type;
	struct str text = json_get_string(json_path(p->old, "metadata.annotations"), last_applied);
	struct api_field_diff diff;
	struct api_field_set s;
	struct json *was;

	if (!text.len || json_parse(a, text, JSON_BORROW, &was, NULL) < 0 ||
	    !str_eq(json_get_string(was, "apiVersion"), api_kind_api_version(a, p->w->kind)) ||
	    api_fields_check(type, was, NULL) < 0)
		return false;
	s = api_fields_of(a, type, was);
	api_fields_compare(a, type, was, p->old, &diff);
	s = api_field_set_subtract(a, &s, &diff.changed);
	*ret = api_field_set_subtract(a, &s, &diff.removed);
	return true;
}

/* True: no conflict is left, and the apply may be forced. */
static bool drop_allowed(struct apply *p, const struct api_field_set *allowed)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_conflicts; i++) {
		struct conflict c = p->conflicts[i];

		c.set = api_field_set_subtract(p->w->a, &c.set, allowed);
		if (!api_field_set_is_empty(&c.set))
			p->conflicts[n++] = c;
	}
	p->n_conflicts = n;
	return n == 0;
}

static int cmp_keys(const void *x, const void *y)
{
	const struct json *const *p = x, *const *q = y;

	return str_cmp((*p)->key, (*q)->key);
}

/* Members in the order of their names, all the way down, as Go writes a map. */
static void sort_members(struct arena *a, struct json *n)
{
	struct json **members;
	size_t i = 0, count;

	if (n->type != JSON_OBJECT && n->type != JSON_ARRAY)
		return;
	count = n->count;
	members = arena_array(a, count + 1, sizeof(struct json *));
	json_foreach(m, n) {
		members[i++] = m;
		sort_members(a, m);
	}
	if (n->type == JSON_ARRAY || count < 2)
		return;
	qsort(members, count, sizeof(struct json *), cmp_keys);
	n->first = n->last = NULL;
	n->count = 0;
	for (i = 0; i < count; i++) {
		members[i]->next = NULL;
		json_append(n, members[i]);
	}
}

/* The annotation that is there follows what kubectl applies now. */
static void refresh_annotation(struct apply *p)
{
	struct arena *a = p->w->a;
	struct json *annotations = json_path(p->result, "metadata.annotations");
	struct json *config;
	struct buf b = BUF_INIT;
	size_t size = 0;

	if (!str_eq_c(p->w->manager, kubectl) || !json_get_string(annotations, last_applied).len)
		return;
	config = json_clone(a, p->config);
	if (json_path(config, "metadata.annotations"))
		json_remove(json_path(config, "metadata.annotations"), last_applied);
	sort_members(a, config);
	json_write(&b, config);
	buf_add_byte(&b, '\n');
	json_set(annotations, last_applied, json_new_string(a, str_dup(a, buf_str(&b))));
	buf_fini(&b);
	json_foreach(m, annotations)
		size += m->key.len + json_string(m).len;
	if (size > ANNOTATIONS_MAX)
		json_remove(annotations, last_applied);
}

/* An object without entries: all that it has was set by someone before. */
static int decode_old(struct apply *p, struct err *err)
{
	struct api_managed_write before = *p->w;
	const struct json *list = json_path(p->old, "metadata.managedFields");
	int r = api_managed_decode(p->w->a, list, &p->managed, err);

	if (r < 0)
		return err_wrap(err, ERR_INTERNAL, "failed to decode managed fields");
	if (p->managed.n)
		return 0;
	before.manager = STR("before-first-apply");
	api_managed_record(&before, &p->managed, api_managed_blank(p->w), p->old);
	return 0;
}

int api_managed_apply(const struct api_managed_write *w, const struct json *old,
		      const struct json *config, bool is_forced, struct json **ret,
		      struct api_managed_conflicts *ret_conflicts, struct err *err)
{
	struct apply p = {.w = w, .config = config, .is_forced = is_forced};
	struct api_field_set allowed;
	bool is_done;
	int r;

	p.old = old ? old : api_managed_blank(w);
	if (!json_is_null(json_path(config, "metadata.managedFields")))
		return err_set(err, ERR_BAD_REQUEST, "metadata.managedFields must be nil");
	r = api_fields_check(w->kind->type, config, err);
	if (r == 0)
		r = decode_old(&p, err);
	if (r < 0)
		return r;
	if (p.managed.n >= API_MANAGED_ENTRIES_MAX && !api_managed_find(w, &p.managed, true))
		return err_set(err, ERR_BAD_REQUEST,
			       "metadata.managedFields: has %zu entries, %d are the limit: "
			       "apply as one of its managers, or take some out",
			       p.managed.n, API_MANAGED_ENTRIES_MAX);
	is_done = attempt(&p);
	if (!is_done && str_eq_c(w->manager, kubectl) && applied_from_client(&p, &allowed)) {
		if (!drop_allowed(&p, &allowed))
			return tell_conflicts(&p, ret_conflicts, err);
		p.is_forced = true;
		is_done = attempt(&p);
	}
	if (!is_done)
		return tell_conflicts(&p, ret_conflicts, err);
	refresh_annotation(&p);
	api_managed_store(w, &p.managed, p.result);
	*ret = p.result;
	return 0;
}
