/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * YAML as a tree. libyaml does the parsing; what a plain scalar means is decided as Kubernetes'
 * tools do (YAML 1.1 as Go reads it): yes and on are true, 0x10 and 010 are numbers, a timestamp is
 * a string. Keys become strings. The first document counts. JSON is YAML, but a reader of both does
 * better to try json_parse first: it is faster and keeps numbers exact.
 *
 * Duplicate keys are kept, as json_parse keeps them. Refused: aliases with more values than
 * JSON_YAML_VALUES_MAX in all, an alias to something that is not closed yet, merge keys (<<), keys
 * that are no scalars, numbers that JSON does not have (.inf, .nan), tags other than those of the
 * core schema.
 */

#include "json/json.h"

enum {
	JSON_YAML_MAX = 4 * 1024 * 1024,      /* bytes of one text */
	JSON_YAML_DEPTH_MAX = JSON_DEPTH_MAX, /* nested mappings and sequences */
	JSON_YAML_VALUES_MAX = 1024 * 1024,   /* of one tree: bounds what aliases can make */
	JSON_YAML_ANCHORS_MAX = 1000,
};

enum json_yaml_flags {
	JSON_YAML_STRINGS = 1, /* for configuration: every scalar is a string but null and ~, there
				  is one document and no alias; of duplicate keys the last stays */
};

/* Strings are copied into the arena. ERR_INVALID with "line N: reason"; ERR_TOO_LARGE. An empty
 * text is null. */
int json_yaml_parse(struct arena *a, struct str text, unsigned flags, struct json **ret,
		    struct err *err) _nodiscard_;
