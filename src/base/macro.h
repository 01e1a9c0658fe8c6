/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The few macros that everybody uses: attributes, cleanup, hand-over, array size.
 *
 * Macros are for registration, cleanup, tables and type-safe containers only; anything else is
 * a function (docs/principles.md).
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define _cleanup_(f)         __attribute__((cleanup(f)))
#define _nodiscard_          __attribute__((warn_unused_result))
#define _unused_             __attribute__((unused))
#define _noreturn_           __attribute__((noreturn))
#define _printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _pure_               __attribute__((pure))

/* Number of elements of a real array (not a pointer). */
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Moves an owning pointer out of its variable: `return TAKE_PTR(x)`. */
#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__typeof__(p) *take_ptr_ = &(p);                                                   \
		__typeof__(p) take_val_ = *take_ptr_;                                              \
		*take_ptr_ = NULL;                                                                 \
		take_val_;                                                                         \
	})

/* Moves an owned descriptor out of its variable, which is left at -1. */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int *take_fd_ = &(fd);                                                             \
		int take_val_ = *take_fd_;                                                         \
		*take_fd_ = -1;                                                                    \
		take_val_;                                                                         \
	})

/* Drops the result of a fallible call on purpose; `why` is for the reader. */
#define IGNORE(call, why) ((void)!(call))

/* The struct that holds `member` at `ptr`. */
#define CONTAINER_OF(ptr, type, member)                                                            \
	({                                                                                         \
		__typeof__(((type *)0)->member) *container_of_ = (ptr);                            \
		(type *)(void *)((char *)container_of_ - offsetof(type, member));                  \
	})

#define MIN(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) min_a_ = (a);                                                        \
		__typeof__(b) min_b_ = (b);                                                        \
		min_a_ < min_b_ ? min_a_ : min_b_;                                                 \
	})
#define MAX(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) max_a_ = (a);                                                        \
		__typeof__(b) max_b_ = (b);                                                        \
		max_a_ > max_b_ ? max_a_ : max_b_;                                                 \
	})
