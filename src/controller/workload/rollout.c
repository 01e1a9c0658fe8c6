/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/workload/rollout.h"

#include "json/json.h"

#include <stdlib.h>

/* Templates */

static struct json *template_tree(struct arena *a, struct str text)
{
	struct json *tree, *labels;

	if (json_parse(a, text, JSON_BORROW, &tree, NULL) < 0)
		return json_new(a, JSON_NULL);
	labels = json_path(tree, "metadata.labels");
	if (json_is(labels, JSON_OBJECT))
		json_remove(labels, ROLLOUT_HASH_LABEL);
	return tree;
}

bool controller_template_eq(struct str x, struct str y)
{
	struct arena a;
	bool ret;

	if (str_eq(x, y))
		return true;
	arena_init(&a, 16 * 1024);
	ret = json_eq(template_tree(&a, x), template_tree(&a, y));
	arena_fini(&a);
	return ret;
}

/* FNV-1a, written with the letters that names of Pods are drawn from. */
struct str controller_template_hash(struct arena *a, struct str template, int32_t collisions)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	struct str salt = collisions ? str_printf(a, "%d", collisions) : STR("");
	uint32_t h = 2166136261u;
	char out[16];
	size_t n = 0;

	for (size_t i = 0; i < template.len; i++)
		h = (h ^ (unsigned char)template.ptr[i]) * 16777619u;
	for (size_t i = 0; i < salt.len; i++)
		h = (h ^ (unsigned char)salt.ptr[i]) * 16777619u;
	for (; h || !n; h /= 27)
		out[n++] = letters[h % 27];
	return str_dup(a, str_n(out, n));
}

/* Amounts */

static int32_t amount(const struct api_int_or_str *v, int32_t of, bool is_up)
{
	struct str digits = str_sub(v->name, 0, v->name.len ? v->name.len - 1 : 0);
	int64_t percent;

	if (!v->is_str)
		return v->number;
	if (str_to_i64(digits, 0, INT32_MAX, &percent, NULL) < 0)
		return 0;
	percent = percent * of;
	return (int32_t)MIN(is_up ? (percent + 99) / 100 : percent / 100, (int64_t)INT32_MAX / 2);
}

void controller_rollout_bounds(const struct api_deployment *d, int32_t *ret_surge,
			       int32_t *ret_unavailable)
{
	*ret_surge = *ret_unavailable = 0;
	if (d->is_recreate || d->replicas == 0)
		return;
	*ret_surge = amount(&d->max_surge, d->replicas, true);
	*ret_unavailable = amount(&d->max_unavailable, d->replicas, false);
	if (!*ret_surge && !*ret_unavailable)
		*ret_unavailable = 1;
	*ret_unavailable = MIN(*ret_unavailable, d->replicas);
}

int64_t controller_annotation_int(const struct api_meta *meta, const char *key, int64_t fallback)
{
	int64_t v;

	if (str_to_i64(api_pairs_get(&meta->annotations, key), INT32_MIN, INT64_MAX / 2, &v, NULL) <
	    0)
		return fallback;
	return v;
}

/* The step under way. */
struct step {
	const struct controller_rollout_input *in;
	const struct api_deployment *d;
	const struct api_replica_set **old; /* oldest first */
	size_t n_old;
	int32_t surge, unavailable;
	struct controller_rollout_plan *plan;
};

static int by_age(const void *x, const void *y)
{
	const struct api_replica_set *const *a = x, *const *b = y;

	if ((*a)->meta.created_ns != (*b)->meta.created_ns)
		return (*a)->meta.created_ns < (*b)->meta.created_ns ? -1 : 1;
	return str_cmp((*a)->meta.name, (*b)->meta.name);
}

static void split(struct arena *a, struct step *s)
{
	const struct controller_rollout_input *in = s->in;
	const struct api_replica_set **sets = arena_array(a, in->n_sets, sizeof(*sets));

	for (size_t i = 0; i < in->n_sets; i++)
		sets[i] = in->sets[i];
	if (in->n_sets > 1)
		qsort(sets, in->n_sets, sizeof(*sets), by_age);
	s->old = arena_array(a, in->n_sets, sizeof(*s->old));
	for (size_t i = 0; i < in->n_sets; i++) {
		if (!s->plan->new_set && controller_template_eq(sets[i]->template, s->d->template))
			s->plan->new_set = sets[i];
		else
			s->old[s->n_old++] = sets[i];
	}
}

static int64_t revision_of(const struct api_replica_set *set)
{
	return controller_annotation_int(&set->meta, ROLLOUT_REVISION, 0);
}

/* The new set's revision is above those of all old ones. */
static void number(struct step *s)
{
	int64_t most = 0;

	for (size_t i = 0; i < s->n_old; i++)
		most = MAX(most, revision_of(s->old[i]));
	s->plan->revision = most + 1;
	if (s->plan->new_set)
		s->plan->revision = MAX(s->plan->revision, revision_of(s->plan->new_set));
}

static void scale_to(struct step *s, const struct api_replica_set *set, int32_t replicas)
{
	s->plan->scale[s->plan->n_scale++] =
		(struct controller_rollout_scale){set, MAX(replicas, 0)};
}

/* Wanted Pods of all sets. */
static int32_t wanted_sum(const struct step *s)
{
	int32_t sum = s->plan->new_set ? s->plan->new_set->replicas : 0;

	for (size_t i = 0; i < s->n_old; i++)
		sum += s->old[i]->replicas;
	return sum;
}

static int32_t available_sum(const struct step *s)
{
	int32_t sum = s->plan->new_set ? s->plan->new_set->n_available : 0;

	for (size_t i = 0; i < s->n_old; i++)
		sum += s->old[i]->n_available;
	return sum;
}

/* How large the new set may be now. */
static int32_t new_size(const struct step *s)
{
	int32_t has = s->plan->new_set ? s->plan->new_set->replicas : 0;
	int32_t sum = wanted_sum(s), most = s->d->replicas + s->surge;

	if (s->d->is_recreate)
		return s->d->replicas;
	if (has > s->d->replicas)
		return s->d->replicas;
	if (sum >= most)
		return has;
	return has + MIN(most - sum, s->d->replicas - has);
}

static void make_new(struct arena *a, struct step *s)
{
	struct controller_rollout_plan *p = s->plan;

	p->makes_set = true;
	p->make_replicas = new_size(s);
	p->hash = controller_template_hash(a, s->d->template, s->d->collisions);
	p->name = str_printf(a, "%.*s-%.*s", STR_ARG(s->d->meta.name), STR_ARG(p->hash));
}

/* RollingUpdate */

/* Takes Pods that are not available from old sets; returns how many. */
static int32_t drop_unhealthy(struct step *s, int32_t *left, int32_t most)
{
	int32_t dropped = 0;

	for (size_t i = 0; i < s->n_old && dropped < most; i++) {
		int32_t n = MIN(most - dropped, left[i] - s->old[i]->n_available);

		if (left[i] == 0 || n <= 0)
			continue;
		left[i] -= n;
		dropped += n;
	}
	return dropped;
}

static void drop_available(struct step *s, int32_t *left, int32_t most)
{
	for (size_t i = 0; i < s->n_old && most > 0; i++) {
		int32_t n = MIN(most, left[i]);

		left[i] -= n;
		most -= n;
	}
}

static void shrink_old(struct arena *a, struct step *s)
{
	const struct api_replica_set *set = s->plan->new_set;
	int32_t least = s->d->replicas - s->unavailable;
	int32_t most = wanted_sum(s) - least - (set->replicas - set->n_available);
	int32_t *left = arena_array(a, s->n_old, sizeof(*left));

	if (most <= 0)
		return;
	for (size_t i = 0; i < s->n_old; i++)
		left[i] = s->old[i]->replicas;
	/* What is available must stay at `least`, whatever is told of the new set. */
	drop_unhealthy(s, left, most);
	drop_available(s, left, available_sum(s) - least);
	for (size_t i = 0; i < s->n_old; i++)
		if (left[i] != s->old[i]->replicas)
			scale_to(s, s->old[i], left[i]);
}

static void roll(struct arena *a, struct step *s)
{
	int32_t size = new_size(s);

	if (!s->plan->new_set)
		make_new(a, s);
	else if (size != s->plan->new_set->replicas)
		scale_to(s, s->plan->new_set, size);
	else
		shrink_old(a, s);
}

/* Recreate */

static bool has_old_pods(const struct step *s)
{
	for (size_t i = 0; i < s->in->n_sets; i++)
		if (s->in->sets[i] != s->plan->new_set && s->in->n_live[i])
			return true;
	return false;
}

static void recreate(struct arena *a, struct step *s)
{
	for (size_t i = 0; i < s->n_old; i++)
		if (s->old[i]->replicas)
			scale_to(s, s->old[i], 0);
	if (s->plan->n_scale || has_old_pods(s))
		return;
	if (!s->plan->new_set)
		make_new(a, s);
	else if (s->plan->new_set->replicas != s->d->replicas)
		scale_to(s, s->plan->new_set, s->d->replicas);
}

/* Another size */

static bool is_resized(const struct step *s)
{
	for (size_t i = 0; i < s->in->n_sets; i++) {
		const struct api_replica_set *set = s->in->sets[i];

		if (set->replicas > 0 &&
		    controller_annotation_int(&set->meta, ROLLOUT_DESIRED, s->d->replicas) !=
			    s->d->replicas)
			return true;
	}
	return false;
}

/* The one set that has Pods, or the newest when none has; NULL: several have. */
static const struct api_replica_set *only_set(const struct step *s)
{
	const struct api_replica_set *ret = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->in->n_sets; i++) {
		if (s->in->sets[i]->replicas > 0) {
			ret = s->in->sets[i];
			n++;
		}
	}
	if (n > 1)
		return NULL;
	if (n == 1)
		return ret;
	if (s->plan->new_set)
		return s->plan->new_set;
	return s->n_old ? s->old[s->n_old - 1] : NULL;
}

static bool is_saturated(const struct step *s)
{
	const struct api_replica_set *set = s->plan->new_set;

	return set && set->replicas == s->d->replicas && set->n_available == s->d->replicas &&
	       controller_annotation_int(&set->meta, ROLLOUT_DESIRED, -1) == s->d->replicas;
}

/* What a set of that size has to gain or lose of `to_add`, of which `added` is spent. */
static int32_t proportion(const struct step *s, const struct api_replica_set *set, int32_t to_add,
			  int32_t added)
{
	int64_t before = controller_annotation_int(&set->meta, ROLLOUT_MAX, s->d->n_pods);
	int64_t now = s->d->replicas + s->surge, part;

	if (!set->replicas || to_add == added)
		return 0;
	if (!s->d->replicas || before <= 0)
		part = s->d->replicas ? 0 : -set->replicas;
	else
		part = (2 * set->replicas * now + before) / (2 * before) - set->replicas;
	return (int32_t)(to_add > 0 ? MIN(part, (int64_t)to_add - added)
				    : MAX(part, (int64_t)to_add - added));
}

static int larger_newer(const void *x, const void *y)
{
	const struct api_replica_set *const *a = x, *const *b = y;

	if ((*a)->replicas != (*b)->replicas)
		return (*a)->replicas > (*b)->replicas ? -1 : 1;
	return -by_age(x, y);
}

static int larger_older(const void *x, const void *y)
{
	const struct api_replica_set *const *a = x, *const *b = y;

	if ((*a)->replicas != (*b)->replicas)
		return (*a)->replicas > (*b)->replicas ? -1 : 1;
	return by_age(x, y);
}

static void spread(struct arena *a, struct step *s)
{
	const struct api_replica_set **sets = arena_array(a, s->in->n_sets, sizeof(*sets));
	int32_t *add = arena_array(a, s->in->n_sets, sizeof(*add));
	int32_t to_add = (s->d->replicas ? s->d->replicas + s->surge : 0) - wanted_sum(s),
		added = 0;
	size_t n = 0;

	for (size_t i = 0; i < s->in->n_sets; i++)
		if (s->in->sets[i]->replicas > 0)
			sets[n++] = s->in->sets[i];
	if (n > 1)
		qsort(sets, n, sizeof(*sets), to_add > 0 ? larger_newer : larger_older);
	for (size_t i = 0; i < n && to_add; i++) {
		add[i] = proportion(s, sets[i], to_add, added);
		added += add[i];
	}
	if (n)
		add[0] += to_add - added;
	/* Also those that keep their size: their annotations say for what. */
	for (size_t i = 0; i < n; i++)
		scale_to(s, sets[i], sets[i]->replicas + add[i]);
}

static void resize(struct arena *a, struct step *s)
{
	const struct api_replica_set *only = only_set(s);

	if (only) {
		scale_to(s, only, s->d->replicas);
	} else if (is_saturated(s)) {
		for (size_t i = 0; i < s->n_old; i++)
			if (s->old[i]->replicas)
				scale_to(s, s->old[i], 0);
	} else if (!s->d->is_recreate) {
		spread(a, s);
	}
}

/* History */

static int by_revision(const void *x, const void *y)
{
	const struct api_replica_set *const *a = x, *const *b = y;
	int64_t p = revision_of(*a), q = revision_of(*b);

	return p != q ? (p < q ? -1 : 1) : by_age(x, y);
}

static void forget(struct arena *a, struct step *s)
{
	const struct api_replica_set **old = arena_array(a, s->n_old, sizeof(*old));
	size_t n = 0, limit = (size_t)MAX(s->d->history_limit, 0);

	for (size_t i = 0; i < s->n_old; i++)
		if (!s->old[i]->meta.deleted_ns)
			old[n++] = s->old[i];
	if (n <= limit || s->d->history_limit == INT32_MAX)
		return;
	qsort(old, n, sizeof(*old), by_revision);
	s->plan->forget = arena_array(a, n, sizeof(*old));
	for (size_t i = 0; i < n - limit; i++)
		if (!old[i]->replicas && !old[i]->n_pods &&
		    old[i]->meta.generation <= old[i]->observed_generation)
			s->plan->forget[s->plan->n_forget++] = old[i];
}

static bool is_complete(const struct step *s)
{
	const struct controller_rollout_status *st = &s->plan->status;

	return st->updated == s->d->replicas && st->pods == s->d->replicas &&
	       st->available == s->d->replicas;
}

void controller_rollout_plan(struct arena *a, const struct controller_rollout_input *in,
			     struct controller_rollout_plan *ret)
{
	struct step s = {.in = in, .d = in->deployment, .plan = ret};

	*ret = (struct controller_rollout_plan){
		.scale = arena_array(a, in->n_sets + 1, sizeof(*ret->scale)),
	};
	controller_rollout_bounds(s.d, &s.surge, &s.unavailable);
	split(a, &s);
	number(&s);
	ret->desired = s.d->replicas;
	ret->max = s.d->replicas + s.surge;
	if (!s.d->meta.deleted_ns) {
		if (s.d->is_paused || is_resized(&s))
			resize(a, &s);
		else if (s.d->is_recreate)
			recreate(a, &s);
		else
			roll(a, &s);
	}
	if (!ret->new_set && !ret->makes_set)
		ret->revision = 0;
	controller_rollout_tell(a, in, ret);
	if (!s.d->meta.deleted_ns && (s.d->is_paused || (ret->new_set && is_complete(&s))))
		forget(a, &s);
}
