/* SPDX-License-Identifier: Apache-2.0 */
#include "api/managed/managed.h"

#include "api/kind.h"
#include "api/managed/managed-internal.h"
#include "api/strict.h"
#include "base/vec.h"

/* Entries */

bool api_managed_is_reset(const struct json *list)
{
	return json_is(list, JSON_ARRAY) &&
	       (list->count == 0 ||
		(list->count == 1 && list->first->type == JSON_OBJECT && list->first->count == 0));
}

static struct managed_entry *add(struct arena *a, struct managed *m)
{
	if (m->n == m->cap) {
		struct managed_entry *more = arena_array(a, m->n * 2 + 4, sizeof(*more));

		if (m->n)
			memcpy(more, m->ptr, m->n * sizeof(*more));
		m->ptr = more;
		m->cap = m->n * 2 + 4;
	}
	m->ptr[m->n] = (struct managed_entry){0};
	return &m->ptr[m->n++];
}

static bool is_same(const struct managed_entry *x, const struct managed_entry *y)
{
	return x->is_apply == y->is_apply && str_eq(x->manager, y->manager) &&
	       str_eq(x->subresource, y->subresource) &&
	       (x->is_apply || str_eq(x->api_version, y->api_version));
}

static struct managed_entry *find(const struct managed *m, const struct managed_entry *like)
{
	for (size_t i = 0; i < m->n; i++)
		if (is_same(&m->ptr[i], like))
			return &m->ptr[i];
	return NULL;
}

static bool has_null(const struct json *n)
{
	if (n->type == JSON_OBJECT)
		json_foreach(c, n)
			if (has_null(c))
				return true;
	return n->type == JSON_NULL;
}

static int decode_entry(struct arena *a, const struct json *n, struct managed_entry *e,
			struct err *err)
{
	struct str operation = json_get_string(n, "operation");
	int r;

	*e = (struct managed_entry){
		.manager = json_get_string(n, "manager"),
		.api_version = json_get_string(n, "apiVersion"),
		.subresource = json_get_string(n, "subresource"),
		.time = json_get_string(n, "time"),
		.is_apply = str_eq_c(operation, "Apply"),
		.fields = json_get(n, "fieldsV1"),
	};
	if (!e->is_apply && !str_eq_c(operation, "Update"))
		return err_set(err, ERR_INVALID, "operation must be `Apply` or `Update`");
	if (!e->api_version.len)
		return err_set(err, ERR_INVALID, "apiVersion must not be empty");
	if (!str_eq_c(json_get_string(n, "fieldsType"), "FieldsV1"))
		return err_set(err, ERR_INVALID, "fieldsType must be FieldsV1");
	if (json_is_null(e->fields))
		return 0;
	r = api_field_set_parse(a, e->fields, &e->set, err);
	if (r == 0 && has_null(e->fields))
		e->fields = NULL; /* it is written anew */
	return r;
}

int api_managed_decode(struct arena *a, const struct json *list, struct managed *ret,
		       struct err *err)
{
	struct managed m = {0};

	if (!json_is(list, JSON_ARRAY)) {
		*ret = m;
		return 0;
	}
	json_foreach(n, list) {
		struct managed_entry e, *was;
		int r = decode_entry(a, n, &e, err);

		if (r < 0)
			return r;
		was = find(&m, &e);
		if (!was)
			was = add(a, &m);
		*was = e;
	}
	*ret = m;
	return 0;
}

static int cmp_entries(const void *x, const void *y)
{
	const struct managed_entry *p = x, *q = y;
	int r;

	if (p->is_apply != q->is_apply)
		return p->is_apply ? -1 : 1;
	r = str_cmp(p->time, q->time);
	if (r == 0)
		r = str_cmp(p->manager, q->manager);
	if (r == 0)
		r = str_cmp(p->api_version, q->api_version);
	return r != 0 ? r : str_cmp(p->subresource, q->subresource);
}

static void set_string(struct arena *a, struct json *obj, const char *key, struct str s)
{
	if (!s.len)
		return;
	struct json *n = json_new_string(a, s);

	n->key = str_of(key);
	json_append(obj, n);
}

static struct json *encode_entry(struct arena *a, const struct managed_entry *e)
{
	struct json *n = json_new(a, JSON_OBJECT);
	struct json *fields = e->fields ? json_clone(a, e->fields) : api_field_set_tree(a, &e->set);

	set_string(a, n, "manager", e->manager);
	set_string(a, n, "operation", e->is_apply ? STR("Apply") : STR("Update"));
	set_string(a, n, "apiVersion", e->api_version);
	set_string(a, n, "time", e->time);
	set_string(a, n, "fieldsType", STR("FieldsV1"));
	fields->key = STR("fieldsV1");
	json_append(n, fields);
	set_string(a, n, "subresource", e->subresource);
	return n;
}

void api_managed_store(const struct api_managed_write *w, struct managed *m, struct json *obj)
{
	struct json *meta = json_object_at(w->a, obj, "metadata");
	struct json *list;

	json_remove(meta, "managedFields");
	if (!m->n)
		return;
	list = json_new(w->a, JSON_ARRAY);
	qsort(m->ptr, m->n, sizeof(*m->ptr), cmp_entries);
	for (size_t i = 0; i < m->n; i++)
		json_append(list, encode_entry(w->a, &m->ptr[i]));
	list->key = STR("managedFields");
	json_append(meta, list);
}

static struct managed_entry own(const struct api_managed_write *w, bool is_apply)
{
	return (struct managed_entry){
		.manager = w->manager.len ? w->manager : STR("unknown"),
		.api_version = api_kind_api_version(w->a, w->kind),
		.subresource = w->sub,
		.is_apply = is_apply,
	};
}

struct managed_entry *api_managed_find(const struct api_managed_write *w, const struct managed *m,
				       bool is_apply)
{
	struct managed_entry like = own(w, is_apply);

	return find(m, &like);
}

struct managed_entry *api_managed_add(const struct api_managed_write *w, struct managed *m,
				      bool is_apply)
{
	struct managed_entry *e = add(w->a, m);

	*e = own(w, is_apply);
	return e;
}

void api_managed_set(struct managed_entry *e, struct api_field_set set)
{
	e->set = set;
	e->fields = NULL;
}

struct api_field_set api_managed_union(struct arena *a, struct managed_entry *const *list, size_t n)
{
	struct api_field_set x, y;

	if (n < 2)
		return n ? list[0]->set : (struct api_field_set){0};
	x = api_managed_union(a, list, n / 2);
	y = api_managed_union(a, list + n / 2, n - n / 2);
	return api_field_set_union(a, &x, &y);
}

static void keep_if(struct managed *m, bool (*is_kept)(const struct managed_entry *, void *),
		    void *ctx)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		if (is_kept(&m->ptr[i], ctx))
			m->ptr[n++] = m->ptr[i];
	m->n = n;
}

static bool is_of_version(const struct managed_entry *e, void *ctx)
{
	const struct str *version = ctx;

	return str_eq(e->api_version, *version);
}

void api_managed_drop_versions(const struct api_managed_write *w, struct managed *m)
{
	struct str version = api_kind_api_version(w->a, w->kind);

	keep_if(m, is_of_version, &version);
}

static bool is_owner(const struct managed_entry *e, void *ctx)
{
	return !api_field_set_is_empty(&e->set);
}

void api_managed_drop_empty(struct managed *m)
{
	keep_if(m, is_owner, NULL);
}

/* What a write can change */

#define LEAF(name)                                                                                 \
	{                                                                                          \
		.elem = STR("f:" name), .is_member = true                                          \
	}
#define SET(nodes_)                                                                                \
	{                                                                                          \
		.nodes = (nodes_), .n = ARRAY_LEN(nodes_)                                          \
	}

static struct api_field_node status_only[] = {LEAF("status")};
static struct api_field_node spec_only[] = {LEAF("spec")};
static struct api_field_node all_but_status[] = {LEAF("metadata"), LEAF("spec")};
static struct api_field_node pod_meta[] = {LEAF("deletionTimestamp"), LEAF("ownerReferences")};
static struct api_field_node pod_status[] = {
	{.elem = STR("f:metadata"), .below = SET(pod_meta)},
	LEAF("spec"),
};
static struct api_field_node labels[] = {LEAF("labels")};
static struct api_field_node deployment_status[] = {
	{.elem = STR("f:metadata"), .below = SET(labels)},
	LEAF("spec"),
};

static const struct {
	const char *kind; /* NULL: any other */
	struct api_field_set fields;
} kept_in_status[] = {
	{"Deployment", SET(deployment_status)},
	{"Pod", SET(pod_status)},
	{"ServiceCIDR", SET(all_but_status)},
	{NULL, SET(spec_only)},
};

static bool has_status(const struct api_kind *kind)
{
	for (size_t i = 0; i < kind->n_subresources; i++)
		if (str_eq_c(str_of(kind->subresources[i].name), "status"))
			return true;
	return false;
}

const struct api_field_set *api_managed_kept_in_status(const struct api_kind *kind)
{
	size_t i = 0;

	while (kept_in_status[i].kind && !str_eq_c(str_of(kind->kind), kept_in_status[i].kind))
		i++;
	return &kept_in_status[i].fields;
}

const struct api_field_set *api_managed_ignored(const struct api_managed_write *w)
{
	static const struct api_field_set status = SET(status_only), nothing;

	if (str_eq_c(w->sub, "status"))
		return api_managed_kept_in_status(w->kind);
	return has_status(w->kind) ? &status : &nothing;
}

struct api_field_diff api_managed_diff(const struct api_managed_write *w, const struct json *old,
				       const struct json *obj)
{
	const struct api_field_set *not_ours = api_managed_ignored(w);
	struct api_field_diff diff;

	api_fields_compare(w->a, w->kind->type, old, obj, &diff);
	diff.changed = api_field_set_exclude(w->a, &diff.changed, not_ours);
	diff.removed = api_field_set_exclude(w->a, &diff.removed, not_ours);
	return diff;
}

/* Updates */

static int cmp_ages(const void *x, const void *y)
{
	const struct managed_entry *const *p = x, *const *q = y;
	int r = str_cmp((*p)->time, (*q)->time);

	if (r == 0)
		r = str_cmp((*p)->manager, (*q)->manager);
	return r != 0 ? r : str_cmp((*p)->subresource, (*q)->subresource);
}

/* Makes one entry of the oldest updates, so that there are not too many. */
static void cap_updates(const struct api_managed_write *w, struct managed *m)
{
	struct managed_entry **updates = arena_array(w->a, m->n, sizeof(struct managed_entry *));
	struct managed_entry *bucket;
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		if (!m->ptr[i].is_apply)
			updates[n++] = &m->ptr[i];
	if (n <= API_MANAGED_UPDATES_MAX)
		return;
	qsort(updates, n, sizeof(struct managed_entry *), cmp_ages);
	bucket = updates[0];
	bucket->manager = STR("ancient-changes");
	bucket->subresource = (struct str){0};
	n -= API_MANAGED_UPDATES_MAX;
	api_managed_set(bucket, api_managed_union(w->a, updates, n + 1));
	bucket->time = updates[n]->time;
	for (size_t i = 1; i <= n; i++)
		api_managed_set(updates[i], (struct api_field_set){0});
	api_managed_drop_empty(m);
}

void api_managed_record(const struct api_managed_write *w, struct managed *m,
			const struct json *old, const struct json *obj)
{
	struct api_field_diff diff = api_managed_diff(w, old, obj);
	struct api_field_set lost = api_field_set_union(w->a, &diff.changed, &diff.removed);
	struct managed_entry *self;

	api_managed_drop_versions(w, m);
	for (size_t i = 0; i < m->n; i++) {
		struct managed_entry *e = &m->ptr[i];
		struct api_field_set common = api_field_set_intersect(w->a, &e->set, &lost);

		if (!api_field_set_is_empty(&common))
			api_managed_set(e, api_field_set_subtract(w->a, &e->set, &lost));
	}
	if (!api_field_set_is_empty(&diff.changed)) {
		self = api_managed_find(w, m, false);
		if (!self)
			self = api_managed_add(w, m, false);
		api_managed_set(self, api_field_set_union(w->a, &self->set, &diff.changed));
		self->time = w->time;
	}
	api_managed_drop_empty(m);
	cap_updates(w, m);
}

struct json *api_managed_blank(const struct api_managed_write *w)
{
	struct json *n = json_new(w->a, JSON_OBJECT);
	struct api_strs issues;

	IGNORE(api_strict(w->a, w->kind, n, &issues, NULL), "nothing in it can be wrong");
	return n;
}

/* The list that the write begins with; a broken or missing one is the stored one. */
static void decode_old_or_new(const struct api_managed_write *w, const struct json *old,
			      const struct json *obj, struct managed *m)
{
	const struct json *own_list = json_path(obj, "metadata.managedFields");

	if (!str_is_set(w->sub) && json_is(own_list, JSON_ARRAY) &&
	    own_list->count <= API_MANAGED_ENTRIES_MAX &&
	    api_managed_decode(w->a, own_list, m, NULL) == 0 && m->n)
		return;
	if (!old || api_managed_decode(w->a, json_path(old, "metadata.managedFields"), m, NULL) < 0)
		*m = (struct managed){0};
}

/* Who scales an object whose replicas nobody owns is not recorded: a Scale shows the owners of the
 * replicas only, and to its writer the object seems to have none. */
static bool has_owner_of_scale(const struct api_managed_write *w, const struct managed *m)
{
	struct api_field_path spec = {.elem = STR("f:spec")};
	struct api_field_path replicas = {&spec, STR("f:replicas")};

	if (!str_eq_c(w->sub, "scale"))
		return true;
	for (size_t i = 0; i < m->n; i++)
		if (api_field_set_has(&m->ptr[i].set, &replicas))
			return true;
	return false;
}

void api_managed_update(const struct api_managed_write *w, const struct json *old, struct json *obj,
			bool is_reset)
{
	struct managed m = {0};

	if (!is_reset || str_is_set(w->sub))
		decode_old_or_new(w, old, obj, &m);
	if ((m.n && has_owner_of_scale(w, &m)) || !old)
		api_managed_record(w, &m, old ? old : api_managed_blank(w), obj);
	api_managed_store(w, &m, obj);
}

static bool eq_but_time(const struct json *x, const struct json *y)
{
	size_t n = 0;

	if (x->type != JSON_OBJECT || y->type != JSON_OBJECT)
		return json_eq(x, y);
	json_foreach(m, x) {
		const struct json *other = json_get_str(y, m->key);

		if (str_eq_c(m->key, "time"))
			continue;
		if (!other || !json_eq(m, other))
			return false;
		n++;
	}
	return n == y->count - (json_get(y, "time") ? 1 : 0);
}

bool api_managed_eq_but_times(const struct json *x, const struct json *y)
{
	const struct json *b;

	if (!x || !y)
		return !x == !y;
	if (x->count != y->count)
		return false;
	b = y->first;
	json_foreach(m, x) {
		if (!eq_but_time(m, b))
			return false;
		b = b->next;
	}
	return true;
}
