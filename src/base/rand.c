/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rand.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t rand_splitmix(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void rand_seed(struct rand *r, uint64_t seed)
{
	for (size_t i = 0; i < ARRAY_LEN(r->s); i++)
		r->s[i] = rand_splitmix(&seed);
}

void rand_seed_system(struct rand *r)
{
	uint64_t seed;

	rand_bytes(&seed, sizeof(seed));
	rand_seed(r, seed);
}

uint64_t rand_u64(struct rand *r)
{
	uint64_t *s = r->s;
	uint64_t x = s[1] * 5, t = s[1] << 17;
	uint64_t result = ((x << 7) | (x >> 57)) * 9;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

uint64_t rand_below(struct rand *r, uint64_t n)
{
	uint64_t limit, v;

	assert(n > 0);
	limit = UINT64_MAX - UINT64_MAX % n;
	do
		v = rand_u64(r);
	while (v >= limit);
	return v % n;
}

void rand_bytes(void *p, size_t n)
{
	char *at = p;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			perror("fairlead: getrandom");
			abort();
		}
		at += got;
		n -= (size_t)got;
	}
}

void rand_uuid(char ret[RAND_UUID_LEN + 1])
{
	uint8_t b[16];

	rand_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(ret, RAND_UUID_LEN + 1,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
}

static uint64_t rand_key[2];
static pthread_once_t rand_key_once = PTHREAD_ONCE_INIT;

static void rand_key_draw(void)
{
	rand_bytes(rand_key, sizeof(rand_key));
}

const uint64_t *rand_process_key(void)
{
	pthread_once(&rand_key_once, rand_key_draw);
	return rand_key;
}
