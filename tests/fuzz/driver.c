/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target where the compiler has no libFuzzer (gcc):
 *
 *	fuzz-json tests/fuzz/seeds/json            replays the files, or those of a folder
 *	fuzz-json -n 100000 -s 7 tests/fuzz/seeds/json   then runs 100,000 random changes of them
 *	fuzz-json -t 60 tests/fuzz/seeds/json      … or as many as 60 s allow
 *
 * A failing input is the one that is in ./crash-<program> afterwards: each is written there (to a
 * file that is mapped, so it survives a crash) before it runs, and the file goes when all is well.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/rand.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	DRIVER_INPUT_MAX = 1 << 20,
};

struct driver_seed {
	struct buf text;
};

static VEC(struct driver_seed) seeds;
static char crash_path[256];
static char *crash_copy;
static int crash_fd = -1;

static void driver_load(const char *path)
{
	struct err err;
	struct stat st;
	struct dirent *e;
	DIR *dir;

	if (stat(path, &st) < 0) {
		fprintf(stderr, "%s: %m\n", path);
		exit(2);
	}
	if (!S_ISDIR(st.st_mode)) {
		struct driver_seed *s = vec_push(&seeds);

		buf_init(&s->text);
		if (fd_read_file(path, DRIVER_INPUT_MAX, &s->text, &err) < 0) {
			fprintf(stderr, "%s\n", err.msg);
			exit(2);
		}
		return;
	}
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		char *sub;

		if (e->d_name[0] == '.')
			continue;
		sub = mem_xprintf("%s/%s", path, e->d_name);
		driver_load(sub);
		free(sub);
	}
	if (dir)
		closedir(dir);
}

static void driver_open_crash_file(void)
{
	snprintf(crash_path, sizeof(crash_path), "crash-%s", program_invocation_short_name);
	crash_fd = open(crash_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (crash_fd < 0 || ftruncate(crash_fd, DRIVER_INPUT_MAX) < 0)
		return;
	crash_copy = mmap(NULL, DRIVER_INPUT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, crash_fd, 0);
	if (crash_copy == MAP_FAILED)
		crash_copy = NULL;
}

/* The target gets a block of exactly its size, so that a sanitizer sees reads past the end. */
static void driver_run(struct str input)
{
	uint8_t *copy = mem_xalloc(input.len ? input.len : 1);

	if (input.len)
		memcpy(copy, input.ptr, input.len);
	if (crash_copy) {
		memcpy(crash_copy, copy, input.len);
		IGNORE(ftruncate(crash_fd, (off_t)MAX(input.len, (size_t)1)), "only a diagnosis");
	}
	LLVMFuzzerTestOneInput(copy, input.len);
	if (crash_copy)
		IGNORE(ftruncate(crash_fd, DRIVER_INPUT_MAX), "only a diagnosis");
	free(copy);
}

/* One change: flip a bit, set, insert, drop or repeat bytes, or put in a piece of another seed. */
static void driver_mutate(struct rand *r, struct buf *b)
{
	static const char odd[] = {0, (char)0xff, '\n', '\r', ' ', '"', '%', '0', '9', (char)0x80};
	size_t at = rand_below(r, b->len + 1), n = rand_below(r, MIN(b->len - at, (size_t)64) + 1);
	struct str from;

	switch (rand_below(r, 6)) {
	case 0:
		if (at < b->len)
			b->ptr[at] = (char)(b->ptr[at] ^ (1 << rand_below(r, 8)));
		return;
	case 1:
		if (at < b->len)
			b->ptr[at] = odd[rand_below(r, sizeof(odd))];
		return;
	case 2:
		memmove(b->ptr + at, b->ptr + at + n, b->len - at - n);
		buf_set_len(b, b->len - n);
		return;
	case 3:
		from = buf_str(&seeds.ptr[rand_below(r, seeds.len)].text);
		from = str_sub(from, rand_below(r, from.len + 1), rand_below(r, 64));
		break;
	case 4:
		from = str_n(b->ptr + at, n);
		break;
	default:
		from = str_n(odd, 1 + rand_below(r, sizeof(odd)));
		break;
	}
	if (!from.len || b->len + from.len > DRIVER_INPUT_MAX)
		return;
	n = from.len;
	at = MIN(at, b->len);
	{
		char piece[64];

		memcpy(piece, from.ptr, n); /* it may lie in b itself */
		buf_reserve(b, n);
		memmove(b->ptr + at + n, b->ptr + at, b->len - at);
		memcpy(b->ptr + at, piece, n);
		buf_set_len(b, b->len + n);
	}
}

static void driver_mutations(uint64_t n, uint64_t seconds, uint64_t seed)
{
	int64_t until = clock_mono_ms(&clock_system) + (int64_t)seconds * 1000;
	struct buf b = BUF_INIT;
	uint64_t done = 0;
	struct rand r;

	rand_seed(&r, seed);
	while (done < n || (seconds && clock_mono_ms(&clock_system) < until)) {
		size_t changes = 1 + rand_below(&r, 8);

		buf_clear(&b);
		buf_add_str(&b, buf_str(&seeds.ptr[rand_below(&r, seeds.len)].text));
		while (changes--)
			driver_mutate(&r, &b);
		driver_run(buf_str(&b));
		done++;
	}
	fprintf(stderr, "%llu inputs, seed %llu\n", (unsigned long long)done,
		(unsigned long long)seed);
	buf_fini(&b);
}

static uint64_t driver_number(const char *s)
{
	uint64_t v = 0;
	struct err err;

	if (str_to_u64(str_of(s), 0, UINT64_MAX, &v, &err) < 0) {
		fprintf(stderr, "'%s': %s\n", s ? s : "", err.msg);
		exit(2);
	}
	return v;
}

int main(int argc, char **argv)
{
	uint64_t n = 0, seconds = 0, seed = 1;
	int opt;

	while ((opt = getopt(argc, argv, "n:t:s:")) != -1) {
		if (opt == 'n')
			n = driver_number(optarg);
		else if (opt == 't')
			seconds = driver_number(optarg);
		else if (opt == 's')
			seed = driver_number(optarg);
		else
			return 2;
	}
	for (int i = optind; i < argc; i++)
		driver_load(argv[i]);
	if (!seeds.len)
		buf_init(&vec_push(&seeds)->text);
	driver_open_crash_file();
	vec_foreach(s, &seeds)
		driver_run(buf_str(&s->text));
	driver_mutations(n, seconds, seed);
	vec_foreach(s, &seeds)
		buf_fini(&s->text);
	vec_fini(&seeds);
	if (crash_fd >= 0) {
		close(crash_fd);
		unlink(crash_path);
	}
	return 0;
}
