/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The token of ?continue=: where the next page of a list begins, and of which revision it is.
 * To clients it is opaque; like Kubernetes' it is base64url of a small JSON object.
 */

#include "base/buf.h"

enum {
	CONTINUATION_MAX = 4096, /* bytes of a token */
};

struct continuation {
	uint64_t rev;     /* 0: whatever is newest */
	struct str after; /* key of the last object of the page before */
};

struct str continuation_encode(struct arena *a, const struct continuation *c);
int continuation_decode(struct arena *a, struct str token, struct continuation *ret,
			struct err *err) _nodiscard_;
