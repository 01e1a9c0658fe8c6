/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a server under test (LD_PRELOAD): its wall clock, its disk's slowness and its
 * disk's room are what the file $FAULTS says, at every moment. The file is struct faults; the test
 * writes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct faults {
	int64_t clock_s; /* added to CLOCK_REALTIME */
	int64_t sync_ms; /* that fdatasync and fsync take longer */
	int64_t is_full; /* pwrite gives ENOSPC */
};

static struct faults none;
static volatile struct faults *now = &none;

__attribute__((constructor)) static void faults_open(void)
{
	const char *path = getenv("FAULTS");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(none), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		now = p;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);

	if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += now->clock_s;
	return r;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;
	int r = clock_gettime(CLOCK_REALTIME, &ts);

	(void)zone;
	*tv = (struct timeval){.tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000};
	return r;
}

time_t time(time_t *ret)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

static void slow_down(void)
{
	struct timespec ts = {.tv_sec = now->sync_ms / 1000,
			      .tv_nsec = now->sync_ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

int fdatasync(int fd)
{
	slow_down();
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	slow_down();
	return (int)syscall(SYS_fsync, fd);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at)
{
	if (now->is_full) {
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, from, n, at);
}
