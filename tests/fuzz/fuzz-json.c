/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever is read can be written and read again, equal. Where jansson is installed, it accepts and
 * refuses the same texts and finds the same values; it is loaded at run time, since some of its
 * symbols have the names of ours.
 */
#include "json/json.h"

#include <dlfcn.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	JANSSON_DECODE_ANY = 0x4,
	JANSSON_ALLOW_NUL = 0x10,
	JANSSON_COMPACT = 0x20,
	JANSSON_ENCODE_ANY = 0x200,
};

static struct {
	void *(*loadb)(const char *text, size_t len, size_t flags, void *error);
	char *(*dumps)(const void *n, size_t flags);
	void (*delete)(void *n);
} jansson;

static bool fuzz_has_jansson(void)
{
	static bool is_tried;
	void *lib;

	if (is_tried)
		return jansson.delete != NULL;
	is_tried = true;
	lib = dlopen("libjansson.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return false;
	*(void **)&jansson.loadb = dlsym(lib, "json_loadb");
	*(void **)&jansson.dumps = dlsym(lib, "json_dumps");
	*(void **)&jansson.delete = dlsym(lib, "json_delete");
	return jansson.delete != NULL;
}

/* What jansson refuses and we do not: integers beyond 64 bits, NUL in a key. */
static bool fuzz_is_beyond_jansson(const struct json *n)
{
	if (n->type == JSON_NUMBER && !memchr(n->text.ptr, '.', n->text.len) &&
	    !memchr(n->text.ptr, 'e', n->text.len) && !memchr(n->text.ptr, 'E', n->text.len))
		return true;
	if (n->type != JSON_ARRAY && n->type != JSON_OBJECT)
		return false;
	for (const struct json *c = n->first; c; c = c->next)
		if (str_find(c->key, '\0') >= 0 || fuzz_is_beyond_jansson(c))
			return true;
	return false;
}

static void fuzz_round_trip(struct arena *a, const struct json *n)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT, again = BUF_INIT;
	struct json *back;

	json_write(&b, n);
	if (json_parse(a, buf_str(&b), JSON_BORROW, &back, NULL) < 0 || !json_eq(n, back))
		abort();
	json_write(&again, back);
	if (!str_eq(buf_str(&b), buf_str(&again)))
		abort();
	buf_clear(&again);
	json_write_pretty(&again, json_clone(a, back));
	if (json_parse(a, buf_str(&again), 0, &back, NULL) < 0 || !json_eq(n, back))
		abort();
}

static void fuzz_compare(struct arena *a, struct str text, const struct json *n, int r)
{
	void *other =
		jansson.loadb(text.ptr, text.len, JANSSON_DECODE_ANY | JANSSON_ALLOW_NUL, NULL);
	struct json *back;
	struct str path;
	char *dump;

	if (!other) {
		if (r == 0 && !fuzz_is_beyond_jansson(n))
			abort();
		return;
	}
	if (r < 0 && r != ERR_TOO_LARGE)
		abort();
	if (r == 0 && !json_duplicate(a, n, &path)) {
		dump = jansson.dumps(other, JANSSON_COMPACT | JANSSON_ENCODE_ANY);
		if (json_parse(a, str_of(dump), 0, &back, NULL) < 0 || !json_eq(n, back))
			abort();
		free(dump);
	}
	jansson.delete(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n((const char *)data, size);
	struct json *n = NULL, *borrowed = NULL;
	struct arena a;
	int r;

	arena_init(&a, 0);
	r = json_parse(&a, text, 0, &n, NULL);
	if (json_parse(&a, text, JSON_BORROW, &borrowed, NULL) != r)
		abort();
	if (r == 0) {
		if (!json_eq(n, borrowed))
			abort();
		fuzz_round_trip(&a, n);
	}
	/* jansson reads over some NUL bytes between values. */
	if (size > 0 && !memchr(data, 0, size) && fuzz_has_jansson())
		fuzz_compare(&a, text, n, r);
	arena_fini(&a);
	return 0;
}
