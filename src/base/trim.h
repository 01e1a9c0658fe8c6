/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory that the process does not use any more, given back to the kernel.
 *
 * The allocator keeps what a crowd (thousands of watchers, a long list) has left behind, because
 * between the holes something lives on. Programs that run for ever ask from a timer, seconds apart;
 * a look costs microseconds, giving back some milliseconds. Never from a library room.
 */

#include <stdbool.h>

enum {
	TRIM_KEPT_MAX = 32 * 1024 * 1024, /* bytes that are free and may stay */
};

/* False: there was little to give back, and nothing was done. */
bool trim_heap(void);
