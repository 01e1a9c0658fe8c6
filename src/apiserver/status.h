/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Failures as Kubernetes tells them: the Status object (service-api.md section 18.3).
 *
 * A struct status is filled where something fails and rendered once, when the request is answered.
 * The setters return the negative ERR_ code, so that a pipeline step reads
 * `return status_set(st, ERR_CONFLICT, "…")`. Strings live in the request's arena.
 */

#include "api/causes.h"
#include "api/kind.h"
#include "base/buf.h"
#include "base/vec.h"

struct resource;

struct status_cause {
	struct str reason, message, field;
};

struct status {
	struct arena *arena;
	int code;           /* HTTP; 0: nothing has failed */
	const char *reason; /* "NotFound" */
	struct str message;
	struct str name, group, kind, uid; /* details; kind is the plural, or the Kind for 422 */
	struct str continue_token;         /* metadata.continue of an expired list */
	const struct status_cause *causes;
	size_t n_causes;
	int retry_after_s; /* 0: none */
	bool has_details;  /* tells them even when there are none */
};

/* HTTP status and reason come from the code. */
int status_set(struct status *st, int code, const char *fmt, ...) _printf_(3, 4);
/* From an error of a lower room, its text as it is. */
int status_from_err(struct status *st, int r, const struct err *err);
/* Adds details about an object of this kind. */
void status_about(struct status *st, const struct resource *res, struct str name);
void status_add_cause(struct status *st, const char *reason, struct str field, struct str message);

/* `services "x" not found` and the like. */
int status_not_found(struct status *st, const struct resource *res, struct str name);
int status_conflict(struct status *st, const struct resource *res, struct str name,
		    const char *why);
/* 422 about the object, from causes that were added before: `Service "x" is invalid: …`. */
int status_invalid(struct status *st, const struct resource *res, struct str name);
/* The same from validation's causes. */
int status_from_causes(struct status *st, const struct resource *res, struct str name,
		       const struct api_causes *causes);
/* 422 about a patch whose result is no such object: `patch` is told as it was sent. */
int status_invalid_patch(struct status *st, struct str patch, struct str why);
/* 422 about options: `ListOptions.meta.k8s.io "" is invalid: …`. */
int status_invalid_options(struct status *st, const char *kind, const char *reason,
			   const char *field, struct str message);

/* The same about those for an object, from validation's causes: `PodLogOptions "x" is invalid: …`.
 */
int status_invalid_options_for(struct status *st, const char *kind, struct str name,
			       const struct api_causes *causes);

/* 504: a list or the first state of a watch is wanted at `rev`, which is still to come. */
int status_too_new(struct status *st, uint64_t rev, uint64_t current);

void status_write(struct buf *b, const struct status *st);
/* {"kind":"Status",…,"status":"Success","details":…}: the answer to some DELETEs. */
void status_write_success(struct buf *b, const struct resource *res, struct str name,
			  struct str uid);
