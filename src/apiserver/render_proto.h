/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The same as apiserver/render.h in Kubernetes' protobuf (api/proto.h). Stored objects are JSON, so
 * each is parsed once for every rendering. Only render.c and reply.c come here.
 */

#include "apiserver/render.h"

void render_proto_object(struct buf *b, const struct resource *res, struct object *o, uint64_t rev);
void render_proto_list(struct buf *b, const struct resource *res, const struct render_list *list);
void render_proto_event(struct buf *b, const struct resource *res, const char *type,
			struct object *o, uint64_t rev);
void render_proto_bookmark(struct buf *b, const struct resource *res, uint64_t rev,
			   bool is_end_of_initial);
/* Text of an object, of this type. */
void render_proto_tree(struct buf *b, const char *api_version, const char *kind, const char *type,
		       struct str json);
/* `json` is a Status that status_write has written: as an answer, as the last frame of a watch. */
void render_proto_status(struct buf *b, struct str json);
void render_proto_error(struct buf *b, struct str json);

/* The ListMeta that Tables and protobuf have. */
struct json *render_list_meta(struct arena *a, uint64_t rev, struct str token, int64_t remaining);
