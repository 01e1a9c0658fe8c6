/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How objects are shown: as they are, as rows of a Table, or as their metadata alone
 * (service-api.md sections 17 and 18.2), in single answers, lists and watch events. Objects as they
 * are and metadata are spliced from stored bytes; Tables and protobuf decode.
 */

#include "apiserver/request.h"

struct render_list {
	struct object *const *objects;
	size_t n;
	uint64_t rev;              /* resourceVersion of the list */
	struct str continue_token; /* absent: no more */
	int64_t remaining;         /* -1: not known */
};

/* What of a request decides how its objects look. Equal styles give equal bytes. */
struct render_style {
	enum request_format format;
	enum api_include include;
	bool is_beta;
};
enum {
	RENDER_STYLES =
		12, /* JSON, Table with three includes, metadata, protobuf; each also beta */
};
unsigned render_style_index(struct render_style style); /* below RENDER_STYLES */

void render_object(struct buf *b, const struct request *req, struct object *o, uint64_t rev);
void render_list(struct buf *b, const struct request *req, const struct render_list *list);
/* One frame of a watch: a line of JSON, or a frame as api/proto.h tells. `rev` is the
 * resourceVersion that the object shows. is_first: a Table has its columns in the first frame only.
 */
void render_event(struct buf *b, const struct resource *res, struct render_style style,
		  int64_t now_ns, const char *type, struct object *o, uint64_t rev, bool is_first);
/* is_end_of_initial: with the annotation that ends the initial events. */
void render_bookmark(struct buf *b, const struct resource *res, struct render_style style,
		     uint64_t rev, bool is_end_of_initial);
/* The last frame of a watch that has failed. */
void render_error(struct buf *b, struct render_style style, const struct status *st);
