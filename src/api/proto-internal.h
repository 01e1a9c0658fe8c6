/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What reading and writing protobuf share (api/proto.h). */

#include "base/str.h"

/* Protobuf's encoding guide, "Message Structure". */
enum proto_wire_type {
	PROTO_VARINT = 0,
	PROTO_FIXED64 = 1,
	PROTO_BYTES = 2,
	PROTO_FIXED32 = 5,
	PROTO_NONE = 8, /* ends a list of wire types */
};

enum {
	PROTO_NUMBER_MAX = (1 << 29) - 1,
};

#define PROTO_MAGIC STR("k8s\0")
#define PROTO_NS    ((int64_t)1000000000)
