/* SPDX-License-Identifier: Apache-2.0 */
#include "access/token_file.h"

#include "base/buf.h"
#include "base/map.h"

struct access_tokens {
	struct arena arena;
	struct map users; /* by token */
};

enum {
	FIELDS_MAX = 4,
};

/* One field of a line, unquoted; *rest is what follows its comma (absent: it was the last). */
static bool next_field(struct arena *a, struct str *rest, struct str *ret)
{
	struct buf b = BUF_INIT;
	size_t i = 1;

	if (!rest->len || rest->ptr[0] != '"') {
		IGNORE(str_next(rest, ',', ret), "an empty field is one");
		*ret = str_trim(*ret);
		return str_find(*ret, '"') < 0;
	}
	for (; i < rest->len; i++) {
		if (rest->ptr[i] == '"') {
			if (i + 1 == rest->len || rest->ptr[i + 1] != '"')
				break;
			i++;
		}
		buf_add_byte(&b, rest->ptr[i]);
	}
	*ret = str_dup(a, buf_str(&b));
	buf_fini(&b);
	if (i >= rest->len) /* no closing quote */
		return false;
	*rest = str_skip(*rest, i + 1);
	if (!rest->len) {
		*rest = (struct str){0};
		return true;
	}
	if (rest->ptr[0] != ',')
		return false;
	*rest = str_skip(*rest, 1);
	return true;
}

static void set_groups(struct arena *a, struct access_user *u, struct str text)
{
	struct str *groups, group;
	size_t most = 1;

	for (size_t i = 0; i < text.len; i++)
		most += text.ptr[i] == ',';
	groups = arena_array(a, most, sizeof(*groups));
	u->groups = groups;
	while (str_next(&text, ',', &group)) {
		group = str_trim(group);
		if (group.len)
			groups[u->n_groups++] = str_dup(a, group);
	}
}

static int parse_line(struct access_tokens *t, struct str line, unsigned number, struct err *err)
{
	struct access_user *u = arena_new(&t->arena, struct access_user);
	struct str field[FIELDS_MAX] = {0}, rest = line;
	size_t n = 0;

	while (str_is_set(rest) && n < FIELDS_MAX)
		if (!next_field(&t->arena, &rest, &field[n++]))
			return err_set(err, ERR_INVALID, "line %u: a quote is missing", number);
	if (n < 3)
		return err_set(err, ERR_INVALID, "line %u: TOKEN,USER,UID are needed", number);
	if (!field[0].len)
		return err_set(err, ERR_INVALID, "line %u: the token is empty", number);
	if (!field[1].len)
		return err_set(err, ERR_INVALID, "line %u: the user is empty", number);
	u->name = str_dup(&t->arena, field[1]);
	u->uid = str_dup(&t->arena, field[2]);
	set_groups(&t->arena, u, field[3]);
	map_put(&t->users, field[0], u);
	return 0;
}

int access_tokens_parse(struct str text, struct access_tokens **ret, struct err *err)
{
	struct access_tokens *t = mem_xnew(struct access_tokens);
	struct str line;
	unsigned number = 0;
	int r = 0;

	arena_init(&t->arena, 0);
	while (r == 0 && str_next(&text, '\n', &line)) {
		number++;
		line = str_trim(line);
		if (line.len)
			r = parse_line(t, line, number, err);
	}
	if (r < 0) {
		access_tokens_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void access_tokens_free(struct access_tokens *t)
{
	if (!t)
		return;
	map_fini(&t->users);
	arena_fini(&t->arena);
	free(t);
}

const struct access_user *access_tokens_find(const struct access_tokens *t, struct str token)
{
	return map_get(&t->users, token);
}
