/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What api/patch/patch.c (objects) and api/patch/list.c (lists with a merge key) need of each
 * other. */

#include "api/kind.h"
#include "json/json.h"

struct patch_merge {
	struct arena *a;
	bool is_strategic;
	struct err *err;
};

/* Merges `patch` into the node `to`, which is of the field `f` (NULL: of none that we know). */
int api_patch_value(struct patch_merge *m, const struct api_field *f, struct json *to,
		    const struct json *patch);

/* Merges an object into an object: a struct of `type`, or with `map` the values of that field. */
int api_patch_object(struct patch_merge *m, const struct api_field *map,
		     const struct api_type *type, struct json *to, const struct json *patch);

/* Merges the list `patch` (NULL: nothing to merge) into `to`, then puts the elements in order: as
 * in `order` ($setElementOrder) or, when that is NULL, as in the patch. */
int api_patch_list(struct patch_merge *m, const struct api_field *f, struct json *to,
		   const struct json *patch, const struct json *order);

/* Refuses a patch of a list whose elements stand in another order than `order` wants. */
int api_patch_list_check(struct patch_merge *m, const struct api_field *f, const struct json *patch,
			 const struct json *order);

/* Removes the values that `gone` lists. */
int api_patch_list_delete(struct patch_merge *m, struct json *list, const struct json *gone);

/* The value of `from` at the place of `to`. */
void api_patch_assign(struct json *to, const struct json *from);
