/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * struct str: a view of bytes, (pointer, length), that owns nothing and need not end in NUL.
 *
 * The pointer may be NULL only when the length is 0: `(struct str){0}` means "absent" where the
 * distinction matters (str_is_set), and is equal to "" everywhere else.
 */

#include "base/err.h"
#include "base/mem.h"

struct str {
	const char *ptr;
	size_t len;
};

#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) ((int)(s).len), ((s).ptr ? (s).ptr : "")

struct str str_of(const char *s); /* NULL gives the absent str */
static inline struct str str_n(const char *p, size_t n)
{
	return (struct str){p, n};
}
static inline bool str_is_set(struct str s)
{
	return s.ptr != NULL;
}

bool str_eq(struct str a, struct str b) _pure_;
bool str_eq_c(struct str a, const char *b) _pure_;
bool str_eq_nocase(struct str a, struct str b) _pure_; /* ASCII */
int str_cmp(struct str a, struct str b) _pure_;        /* bytewise, shorter first */
bool str_has_prefix(struct str s, struct str prefix) _pure_;
bool str_has_suffix(struct str s, struct str suffix) _pure_;

/* Index of the first (last) byte c, or -1. */
ptrdiff_t str_find(struct str s, char c) _pure_;
ptrdiff_t str_rfind(struct str s, char c) _pure_;

/* The part from `at` on, `len` bytes at most; both are clamped to s. */
struct str str_sub(struct str s, size_t at, size_t len);
struct str str_skip(struct str s, size_t n);
struct str str_trim(struct str s); /* without ASCII white space at both ends */

/* Cuts *rest at the first `sep`: the part before it is in *ret, *rest is what follows.
 * False when *rest is used up (an absent str); an empty last part is returned once. */
bool str_next(struct str *rest, char sep, struct str *ret);

struct str str_dup(struct arena *a, struct str s); /* the copy ends in NUL */
char *str_cstr(struct arena *a, struct str s);
struct str str_printf(struct arena *a, const char *fmt, ...) _printf_(2, 3);

/* The whole of s as a decimal number in [min, max]: digits only, with one '-' for negative ones,
 * no blanks, no '+'. ERR_INVALID otherwise, *ret untouched. */
int str_to_u64(struct str s, uint64_t min, uint64_t max, uint64_t *ret,
	       struct err *err) _nodiscard_;
int str_to_i64(struct str s, int64_t min, int64_t max, int64_t *ret, struct err *err) _nodiscard_;

/* A 64-bit hash keyed with a secret drawn at start (SipHash-1-3): safe for tables that a peer
 * fills. */
uint64_t str_hash(struct str s);
