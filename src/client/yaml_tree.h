/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The YAML of a configuration file as a tree: mappings, sequences, and every scalar as a string
 * (plain null and ~ as null). libyaml does the parsing; aliases, several documents and keys that
 * are not scalars are refused, since no kubeconfig needs them.
 */

#include "json/json.h"

enum {
	CLIENT_YAML_MAX = 4 * 1024 * 1024, /* bytes of one file */
	CLIENT_YAML_DEPTH_MAX = 32,
};

/* Strings are copied into the arena. ERR_INVALID with "line N: reason". */
int client_yaml_parse(struct arena *a, struct str text, struct json **ret,
		      struct err *err) _nodiscard_;
