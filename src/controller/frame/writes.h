/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A run of writes for one key, one after the other: creates, updates, deletes as they were added.
 * It ends at the first that fails. A delete of what is gone is a success; a create in a namespace
 * that is gone or going ends the run without being a failure.
 */
#include "controller/frame/state.h"

struct controller_writes;
struct controller_written {
	int r;                 /* 0, or of the write that failed */
	const struct err *err; /* r < 0 */
	enum http_method method;
	uint64_t rev; /* the newest revision that our writes made, 0: none */
};
typedef void (*controller_written_fn)(void *ctx, const struct controller_written *w);

struct controller_writes *controller_writes_new(struct controllers *c, const struct api_kind *kind,
						struct str ns);
/* Body and strings are copied. */
void controller_writes_add(struct controller_writes *w, enum http_method method, struct str name,
			   const char *content_type, const struct json *body);
/* A strategic merge patch of the status; a POST to a subresource of an object. */
void controller_writes_patch_status(struct controller_writes *w, struct str name,
				    const struct json *patch);
void controller_writes_post(struct controller_writes *w, struct str name, const char *subresource,
			    const struct json *body);
/* A deletion of this very object, not of one that has its name by then; at once: without grace. */
void controller_writes_delete(struct controller_writes *w, const struct api_meta *meta,
			      bool is_at_once);
/* … and only as long as nobody has changed it since `meta` was read; else the run fails. */
void controller_writes_delete_as_read(struct controller_writes *w, const struct api_meta *meta);
/* The write that was added last is of another kind; its revision does not count. */
void controller_writes_kind(struct controller_writes *w, const struct api_kind *kind);
/* A JSON merge patch of an object of any kind, or of its status. */
void controller_writes_merge(struct controller_writes *w, const struct api_kind *kind,
			     struct str name, const char *subresource, const struct json *patch);
/* When the write that was added last has succeeded this Event tells so. */
void controller_writes_tell(struct controller_writes *w, struct client_events *events,
			    const struct api_kind *kind, const struct api_meta *about,
			    const char *reason, struct str message);
/* Memory that lives until fn has returned, or the run is cancelled. */
void *controller_writes_alloc(struct controller_writes *w, size_t size);
/* Starts; frees itself when it is over. fn is not called from inside, except for an empty run. */
void controller_writes_run(struct controller_writes *w, controller_written_fn fn, void *ctx);
void controller_writes_cancel_all(struct controllers *c);
