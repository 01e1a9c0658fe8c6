/* SPDX-License-Identifier: Apache-2.0 */
#include "base/trim.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

/* Bytes of the process that are in memory. */
static size_t trim_resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

bool trim_heap(void)
{
	struct mallinfo2 m = mallinfo2();

	/* What is free may be with the kernel already: only what is resident tells. */
	if (m.fordblks < TRIM_KEPT_MAX || trim_resident() < m.uordblks + m.hblkhd + TRIM_KEPT_MAX)
		return false;
	malloc_trim(0);
	return true;
}
