/* SPDX-License-Identifier: Apache-2.0 */
/* What a Deployment's status says: the counts of its sets, and the conditions. */
#include "controller/workload/rollout.h"

struct teller {
	struct arena *a;
	const struct controller_rollout_input *in;
	const struct api_deployment *d;
	struct controller_rollout_plan *plan;
	struct controller_rollout_status *st;
};

static void count(struct teller *t)
{
	const struct api_replica_set *set = t->plan->new_set;
	int32_t wanted = 0;

	for (size_t i = 0; i < t->in->n_sets; i++) {
		const struct api_replica_set *it = t->in->sets[i];

		t->st->pods += it->n_pods;
		t->st->ready += it->n_ready;
		t->st->available += it->n_available;
		t->st->terminating += it->n_terminating;
		wanted += it->replicas;
	}
	t->st->updated = set ? set->n_pods : 0;
	t->st->unavailable = MAX(wanted - t->st->available, 0);
	t->st->collisions = t->d->collisions;
}

/* Conditions */

static struct api_condition *find(struct teller *t, const char *type)
{
	for (size_t i = 0; i < t->st->n_conditions; i++)
		if (str_eq_c(t->st->conditions[i].type, type))
			return &t->st->conditions[i];
	return NULL;
}

static void drop(struct teller *t, const char *type)
{
	struct api_condition *c = find(t, type);

	if (c)
		*c = t->st->conditions[--t->st->n_conditions];
}

static void put(struct teller *t, const char *type, const char *status, const char *reason,
		struct str message)
{
	struct api_condition *c = find(t, type);
	int64_t since = t->in->now_ns;

	if (c && str_eq_c(c->status, status))
		since = c->transition_ns;
	if (!c && t->st->n_conditions == ROLLOUT_CONDITIONS_MAX)
		return;
	if (!c)
		c = &t->st->conditions[t->st->n_conditions++];
	*c = (struct api_condition){
		.type = str_of(type),
		.status = str_of(status),
		.reason = str_of(reason),
		.message = message,
		.transition_ns = since,
		.updated_ns = t->in->now_ns,
	};
}

/* Only when its status or reason is another one. */
static void put_once(struct teller *t, const char *type, const char *status, const char *reason,
		     struct str message)
{
	const struct api_condition *c = find(t, type);

	if (!c || !str_eq_c(c->status, status) || !str_eq_c(c->reason, reason))
		put(t, type, status, reason, message);
}

static bool has_reason(struct teller *t, const char *reason)
{
	const struct api_condition *c = find(t, "Progressing");

	return c && str_eq_c(c->reason, reason);
}

/* 'ReplicaSet "x" …' or, when there is none, 'Deployment "y" …'. */
static struct str about(const struct teller *t, const char *what)
{
	const struct api_replica_set *set = t->plan->new_set;

	if (set)
		return str_printf(t->a, "ReplicaSet \"%.*s\" %s", STR_ARG(set->meta.name), what);
	return str_printf(t->a, "Deployment \"%.*s\" %s", STR_ARG(t->d->meta.name), what);
}

static void tell_available(struct teller *t)
{
	int32_t surge, unavailable;

	controller_rollout_bounds(t->d, &surge, &unavailable);
	if (t->st->available >= t->d->replicas - unavailable)
		put_once(t, "Available", "True", "MinimumReplicasAvailable",
			 STR("Deployment has minimum availability."));
	else
		put_once(t, "Available", "False", "MinimumReplicasUnavailable",
			 STR("Deployment does not have minimum availability."));
}

static void tell_paused(struct teller *t)
{
	const struct api_condition *c = find(t, "Progressing");
	bool was = c && str_eq_c(c->reason, "DeploymentPaused");

	/* That time is up is told until the template changes. */
	if (c && str_eq_c(c->reason, "ProgressDeadlineExceeded"))
		return;
	if (t->d->is_paused && !was)
		put_once(t, "Progressing", "Unknown", "DeploymentPaused",
			 STR("Deployment is paused"));
	else if (!t->d->is_paused && was)
		put_once(t, "Progressing", "Unknown", "DeploymentResumed",
			 STR("Deployment is resumed"));
}

static bool is_complete(const struct teller *t)
{
	return t->st->updated == t->d->replicas && t->st->pods == t->d->replicas &&
	       t->st->available == t->d->replicas;
}

static bool has_progressed(const struct teller *t)
{
	return t->st->updated > t->d->n_updated ||
	       t->st->pods - t->st->updated < t->d->n_pods - t->d->n_updated ||
	       t->st->ready > t->d->n_ready || t->st->available > t->d->n_available;
}

static int64_t deadline(struct teller *t)
{
	const struct api_condition *c = find(t, "Progressing");

	if (!c || t->d->deadline_s == INT32_MAX || has_reason(t, "NewReplicaSetAvailable") ||
	    has_reason(t, "ProgressDeadlineExceeded"))
		return 0;
	return c->updated_ns + (int64_t)t->d->deadline_s * 1000000000;
}

static void tell_progress(struct teller *t)
{
	const struct api_replica_set *set = t->plan->new_set;

	if (t->d->deadline_s == INT32_MAX) {
		drop(t, "Progressing");
		return;
	}
	if (t->plan->makes_set) {
		put_once(t, "Progressing", "True", "NewReplicaSetCreated",
			 str_printf(t->a, "Created new replica set \"%.*s\"",
				    STR_ARG(t->plan->name)));
		return;
	}
	if (set && !find(t, "Progressing"))
		put_once(t, "Progressing", "True", "FoundNewReplicaSet",
			 str_printf(t->a, "Found new replica set \"%.*s\"",
				    STR_ARG(set->meta.name)));
	if (t->d->is_paused ||
	    (t->st->pods == t->st->updated && has_reason(t, "NewReplicaSetAvailable")))
		return;
	if (is_complete(t))
		put_once(t, "Progressing", "True", "NewReplicaSetAvailable",
			 about(t, "has successfully progressed."));
	else if (has_progressed(t))
		put(t, "Progressing", "True", "ReplicaSetUpdated", about(t, "is progressing."));
	else if (deadline(t) && deadline(t) < t->in->now_ns)
		put_once(t, "Progressing", "False", "ProgressDeadlineExceeded",
			 about(t, "has timed out progressing."));
	if (deadline(t))
		t->plan->again_ns = deadline(t) + 1000000000;
}

static const struct api_condition *failure_of(const struct api_replica_set *set)
{
	return set ? api_condition_find(set->conditions, set->n_conditions, "ReplicaFailure")
		   : NULL;
}

/* What keeps the new set from its Pods, or else an old one. */
static void tell_failure(struct teller *t)
{
	const struct api_condition *f = failure_of(t->plan->new_set);

	for (size_t i = 0; !f && i < t->in->n_sets; i++)
		f = failure_of(t->in->sets[i]);
	if (!f) {
		drop(t, "ReplicaFailure");
		return;
	}
	put_once(t, "ReplicaFailure", str_printf(t->a, "%.*s", STR_ARG(f->status)).ptr,
		 str_printf(t->a, "%.*s", STR_ARG(f->reason)).ptr, f->message);
}

void controller_rollout_tell(struct arena *a, const struct controller_rollout_input *in,
			     struct controller_rollout_plan *ret)
{
	const struct api_deployment *d = in->deployment;
	struct teller t = {.a = a, .in = in, .d = d, .plan = ret, .st = &ret->status};

	count(&t);
	for (size_t i = 0; i < d->n_conditions && i < ROLLOUT_CONDITIONS_MAX; i++)
		t.st->conditions[t.st->n_conditions++] = d->conditions[i];
	tell_paused(&t);
	tell_progress(&t);
	tell_available(&t);
	tell_failure(&t);
}
