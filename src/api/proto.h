/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Objects in Kubernetes' protobuf (application/vnd.kubernetes.protobuf), which Go clients send when
 * they use typed objects: `kubectl create service` since 1.32, for one.
 *
 * A body is four bytes of magic and an envelope (runtime.Unknown) with apiVersion, kind and the
 * object's own message. The schema has the field numbers, so a message becomes the JSON tree that
 * the same object has in JSON; everything after that is as for JSON. Numbers that the schema does
 * not know are skipped, as protobuf has it. The zero of a field that is no pointer stands for its
 * absence.
 */

#include "json/json.h"

#define API_PROTO "application/vnd.kubernetes.protobuf"

struct api_type;

struct api_proto_envelope {
	struct str api_version, kind, message; /* into the body */
};

/* ERR_BAD_REQUEST with the reason. */
int api_proto_open(struct str body, struct api_proto_envelope *ret, struct err *err) _nodiscard_;
/* The message of an object of that type. ERR_BAD_REQUEST with the reason and the offset;
 * ERR_TOO_LARGE when it is nested too deeply. Strings are copied to the arena. */
int api_proto_parse(struct arena *a, const struct api_type *type, struct str message,
		    struct json **ret, struct err *err) _nodiscard_;
