/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Making cached objects: a view (api/types.h) copied into one block of exactly its size.
 *
 * A decoded view points into the tree and the text that it came from, several times its own size.
 * A cache of 10,000 Services cannot afford that, so the reflector decodes into scratch memory and
 * keeps a deep copy: structures first, then every different string once (names, uids and label
 * keys repeat within an object), in one allocation. Where the strings and arrays of a view are is
 * said by tables in object.c, one for each struct of api/types.h; a field added there without a
 * line here would dangle, so a unit test copies every kind with the source poisoned afterwards.
 *
 * Not kept: the annotation kubectl.kubernetes.io/last-applied-configuration, which nobody but its
 * author reads and which is as large as the object.
 */

#include "client/reflector.h"

/* One reference; `view` as from api_object_decode for that kind. */
struct client_object *client_object_new(const struct api_kind *kind, const void *view);
/* Bytes on the heap. */
size_t client_object_size(const struct client_object *o);
