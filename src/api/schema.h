/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tables that tools/gen_schema.py makes of src/api/schema/, for the files of this room; others
 * go through api/kind.h.
 */

#include "api/kind.h"

extern const struct api_kind api_schema_kinds[]; /* in the order of discovery */
extern const size_t api_schema_n_kinds;
extern const struct api_type *const api_schema_types[]; /* sorted by name */
extern const size_t api_schema_n_types;
