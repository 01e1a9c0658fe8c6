/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a value stands in an object, as Kubernetes writes it: spec.ports[0].targetPort,
 * metadata.annotations[example.com/x]. A path is a chain through the C stack and is turned into
 * text only when something is wrong there, so that walking a sound object costs nothing.
 *
 *	struct api_path spec = api_path("spec"), ports = api_path_child(&spec, "ports");
 *	struct api_path port = api_path_at(&ports, i);
 */

#include "base/buf.h"

struct api_path {
	const struct api_path *up;
	const char *name; /* NULL: an index or a key */
	size_t index;
	struct str key; /* set: [key] */
};

static inline struct api_path api_path(const char *name)
{
	return (struct api_path){.name = name};
}
static inline struct api_path api_path_child(const struct api_path *up, const char *name)
{
	return (struct api_path){.up = up, .name = name};
}
static inline struct api_path api_path_at(const struct api_path *up, size_t index)
{
	return (struct api_path){.up = up, .index = index};
}
static inline struct api_path api_path_key(const struct api_path *up, struct str key)
{
	return (struct api_path){.up = up, .key = key};
}

void api_path_write(struct buf *b, const struct api_path *p); /* NULL writes nothing */
