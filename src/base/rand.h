/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Randomness. Pure code takes a `struct rand *` so that a test can seed it; what must be
 * unguessable (uids, secrets, DNS ids) comes from rand_bytes.
 */

#include "base/macro.h"

struct rand {
	uint64_t s[4]; /* xoshiro256**: fast, not for secrets */
};

void rand_seed(struct rand *r, uint64_t seed);
void rand_seed_system(struct rand *r);
uint64_t rand_u64(struct rand *r);
uint64_t rand_below(struct rand *r, uint64_t n); /* uniform in [0, n); n > 0 */

/* n bytes from the kernel's generator; aborts where the kernel has none. */
void rand_bytes(void *p, size_t n);

enum {
	RAND_UUID_LEN = 36
};
void rand_uuid(char ret[RAND_UUID_LEN + 1]); /* a version 4 UUID, lower case (RFC 9562) */

/* Two words drawn once per process: the key of str_hash. */
const uint64_t *rand_process_key(void);
