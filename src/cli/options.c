/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

enum {
	HELP_COLUMNS = 80,
	HELP_INDENT = 6,
};

static const struct options_entry *entry_find(const struct options_spec *spec, struct str name)
{
	for (size_t i = 0; i < spec->n_entries; i++)
		if (str_eq_c(name, spec->entries[i].name))
			return &spec->entries[i];
	return NULL;
}

static const struct options_entry *entry_of(const struct options *o, const char *name)
{
	const struct options_entry *e = entry_find(o->spec, str_of(name));

	assert(e);
	return e;
}

/* Letters that both names begin with, or a full match of one inside the other: enough to guess what
 * a person meant. */
static const char *nearest(const struct options_spec *spec, struct str name)
{
	const char *best = NULL;
	size_t best_len = 2;

	for (size_t i = 0; i < spec->n_entries; i++) {
		struct str known = str_of(spec->entries[i].name);
		size_t n = 0;

		while (n < known.len && n < name.len && known.ptr[n] == name.ptr[n])
			n++;
		if (n > best_len) {
			best_len = n;
			best = spec->entries[i].name;
		}
	}
	return best;
}

static int unknown(const struct options_spec *spec, struct str name, struct err *err)
{
	const char *guess = nearest(spec, name);

	if (guess)
		return err_set(err, ERR_USAGE,
			       "unknown option '--%.*s' (is it --%s?); see 'fairlead %s --help'",
			       STR_ARG(name), guess, spec->command);
	return err_set(err, ERR_USAGE, "unknown option '--%.*s'; see 'fairlead %s --help'",
		       STR_ARG(name), spec->command);
}

static int switch_value(const struct options_entry *e, const char *text, struct err *err)
{
	struct str s = str_of(text);

	if (str_eq_c(s, "true") || str_eq_c(s, "false"))
		return 0;
	return err_set(err, ERR_USAGE, "--%s: must be 'true' or 'false', not '%s'", e->name, text);
}

/* Takes the option at argv[*at], and its value if that is a word of its own. */
static int parse_one(struct options *o, int argc, char **argv, int *at, struct err *err)
{
	char *word = argv[*at];
	const char *text = word + (word[1] == '-' ? 2 : 1);
	char *equals = strchr(word, '=');
	struct str name = equals ? str_n(text, equals - text) : str_of(text);
	const struct options_entry *e;
	const char *value = equals ? equals + 1 : NULL;

	if (str_eq_c(name, "help") || str_eq_c(name, "h")) {
		o->is_help = true;
		return 0;
	}
	e = entry_find(o->spec, name);
	if (!e)
		return unknown(o->spec, name, err);
	if (!e->argument) {
		if (value && switch_value(e, value, err) < 0)
			return ERR_USAGE;
		value = value ? value : "true";
	} else if (!value) {
		if (*at + 1 >= argc)
			return err_set(err, ERR_USAGE, "--%s: needs a value (%s)", e->name,
				       e->argument);
		value = argv[++*at];
	}
	*vec_push(&o->values) = (struct options_value){e, value};
	return 0;
}

static int check_required(const struct options *o, struct err *err)
{
	for (size_t i = 0; i < o->spec->n_entries; i++) {
		const struct options_entry *e = &o->spec->entries[i];

		if ((e->flags & OPTIONS_REQUIRED) && !options_is_given(o, e->name))
			return err_set(err, ERR_USAGE,
				       "--%s %s is required; see 'fairlead %s --help'", e->name,
				       e->argument, o->spec->command);
	}
	return 0;
}

static int parse_all(struct options *o, int argc, char **argv, struct err *err)
{
	bool is_over = false;
	int r;

	for (int i = 1; i < argc && !o->is_help; i++) {
		if (!is_over && str_eq_c(str_of(argv[i]), "--")) {
			is_over = true;
			continue;
		}
		if (!is_over && argv[i][0] == '-' && argv[i][1] != '\0') {
			r = parse_one(o, argc, argv, &i, err);
			if (r < 0)
				return r;
			continue;
		}
		if (!o->spec->arguments)
			return err_set(err, ERR_USAGE,
				       "'%s' is not an option; see 'fairlead %s --help'", argv[i],
				       o->spec->command);
		*vec_push(&o->arguments) = argv[i];
		is_over = is_over || o->spec->is_wrapper;
	}
	return o->is_help ? 0 : check_required(o, err);
}

int options_parse(const struct options_spec *spec, int argc, char **argv, struct options *ret,
		  struct err *err)
{
	struct options o = {.spec = spec};
	int r = parse_all(&o, argc, argv, err);

	if (r < 0) {
		options_fini(&o);
		return r;
	}
	*ret = o;
	return 0;
}

void options_fini(struct options *o)
{
	vec_fini(&o->values);
	vec_fini(&o->arguments);
}

bool options_is_given(const struct options *o, const char *name)
{
	const struct options_entry *e = entry_of(o, name);

	vec_foreach(v, &o->values)
		if (v->entry == e)
			return true;
	return false;
}

const char *options_get(const struct options *o, const char *name)
{
	const struct options_entry *e = entry_of(o, name);
	const char *text = e->fallback;

	vec_foreach(v, &o->values)
		if (v->entry == e)
			text = v->text;
	return text;
}

bool options_switch(const struct options *o, const char *name)
{
	const char *text = options_get(o, name);

	return text && str_eq_c(str_of(text), "true");
}

const char *options_nth(const struct options *o, const char *name, size_t nth)
{
	const struct options_entry *e = entry_of(o, name);
	bool has_any = false;

	vec_foreach(v, &o->values) {
		if (v->entry != e)
			continue;
		has_any = true;
		if (nth-- == 0)
			return v->text;
	}
	return !has_any && nth == 0 ? e->fallback : NULL;
}

static int value_of(const struct options *o, const char *name, struct str *ret, struct err *err)
{
	const char *text = options_get(o, name);

	if (!text)
		return err_set(err, ERR_USAGE, "--%s %s is required", name,
			       entry_of(o, name)->argument);
	*ret = str_of(text);
	return 0;
}

static int int_of(const char *name, struct str s, int64_t min, int64_t max, int64_t *ret,
		  struct err *err)
{
	if (str_to_i64(s, min, max, ret, NULL) < 0)
		return err_set(err, ERR_USAGE, "--%s: '%.*s' must be a number from %lld to %lld",
			       name, STR_ARG(s), (long long)min, (long long)max);
	return 0;
}

int options_int(const struct options *o, const char *name, int64_t min, int64_t max, int64_t *ret,
		struct err *err)
{
	struct str s;
	int r = value_of(o, name, &s, err);

	return r < 0 ? r : int_of(name, s, min, max, ret, err);
}

int options_addr(const struct options *o, const char *name, struct ip_addr *ret, struct err *err)
{
	struct str s;
	int r = value_of(o, name, &s, err);

	if (r < 0)
		return r;
	if (ip_parse(s, ret, NULL) < 0)
		return err_set(err, ERR_USAGE, "--%s: '%.*s' is not an IP address", name,
			       STR_ARG(s));
	return 0;
}

int options_range(const struct options *o, const char *name, int64_t min, int64_t max,
		  int64_t *ret_first, int64_t *ret_last, struct err *err)
{
	struct str s, first;
	int64_t a, b;
	int r = value_of(o, name, &s, err);

	if (r < 0)
		return r;
	first = s;
	if (str_find(s, '-') > 0) {
		first = str_sub(s, 0, str_find(s, '-'));
		s = str_skip(s, first.len + 1);
	}
	r = int_of(name, first, min, max, &a, err);
	if (r == 0)
		r = int_of(name, s, min, max, &b, err);
	if (r == 0 && a > b)
		r = err_set(err, ERR_USAGE, "--%s: the range %lld-%lld is empty", name,
			    (long long)a, (long long)b);
	if (r < 0)
		return r;
	*ret_first = a;
	*ret_last = b;
	return 0;
}

static int64_t unit_ms(struct str *s)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (str_has_prefix(*s, str_of(units[i].name))) {
			*s = str_skip(*s, str_of(units[i].name).len);
			return units[i].ms;
		}
	}
	return 0;
}

static int duration_of(struct str s, int64_t *ret)
{
	const int64_t max = 1000000000;
	int64_t sum = 0, n;

	if (str_to_i64(s, 0, max, &n, NULL) == 0) {
		*ret = n * 1000;
		return 0;
	}
	while (s.len) {
		size_t digits = 0;
		int64_t unit;

		while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9')
			digits++;
		if (str_to_i64(str_sub(s, 0, digits), 0, max, &n, NULL) < 0)
			return ERR_USAGE;
		s = str_skip(s, digits);
		unit = unit_ms(&s);
		if (!unit)
			return ERR_USAGE;
		sum += n * unit;
	}
	*ret = sum;
	return 0;
}

int options_duration_ms(const struct options *o, const char *name, int64_t *ret, struct err *err)
{
	struct str s;
	int r = value_of(o, name, &s, err);

	if (r < 0)
		return r;
	if (!s.len || duration_of(s, ret) < 0)
		return err_set(err, ERR_USAGE,
			       "--%s: '%.*s' is not a duration such as 30s or 1m30s", name,
			       STR_ARG(s));
	return 0;
}

/* Words of `text`, wrapped and indented. */
static void add_wrapped(struct buf *b, const char *text, size_t indent)
{
	struct str rest = str_of(text), word;
	size_t at = 0;

	while (str_next(&rest, ' ', &word)) {
		if (!word.len)
			continue;
		if (at && at + 1 + word.len > HELP_COLUMNS) {
			buf_add_byte(b, '\n');
			at = 0;
		}
		if (!at) {
			buf_printf(b, "%*s", (int)indent, "");
			at = indent;
		} else {
			buf_add_byte(b, ' ');
			at++;
		}
		buf_add_str(b, word);
		at += word.len;
	}
	buf_add_byte(b, '\n');
}

static void add_paragraphs(struct buf *b, const char *text,
			   void (*add)(struct buf *b, const char *paragraph))
{
	struct str rest = str_of(text), line;

	while (str_next(&rest, '\n', &line)) {
		_cleanup_(mem_freep) char *copy = mem_xstrndup(line.ptr, line.len);

		if (line.len)
			add(b, copy);
	}
}

static void help_paragraph(struct buf *b, const char *paragraph)
{
	buf_add_byte(b, '\n');
	add_wrapped(b, paragraph, 0);
}

void options_help(const struct options_spec *spec, struct buf *b)
{
	buf_printf(b, "usage: fairlead %s [OPTIONS]%s%s\n\nfairlead %s %s.\n", spec->command,
		   spec->arguments ? " " : "", spec->arguments ? spec->arguments : "",
		   spec->command, spec->summary);
	if (spec->description)
		add_paragraphs(b, spec->description, help_paragraph);
	if (spec->n_entries)
		buf_add_c(b, "\nOptions:\n");
	for (size_t i = 0; i < spec->n_entries; i++) {
		const struct options_entry *e = &spec->entries[i];

		buf_printf(b, "  --%s%s%s", e->name, e->argument ? " " : "",
			   e->argument ? e->argument : "");
		if (e->flags & OPTIONS_REQUIRED)
			buf_add_c(b, "  (required)");
		else if (e->fallback && e->fallback[0])
			buf_printf(b, "  (default %s)", e->fallback);
		if (e->flags & OPTIONS_REPEAT)
			buf_add_c(b, "  (may be repeated)");
		buf_add_byte(b, '\n');
		add_wrapped(b, e->help, HELP_INDENT);
	}
}

/* Text of a page: every sentence on a line of its own (mdoc(7)); a line that begins with a control
 * character, and backslashes, are quoted. */
static void man_text(struct buf *b, const char *text)
{
	bool is_line_start = true;

	for (; *text; text++) {
		if (is_line_start && (*text == '.' || *text == '\''))
			buf_add_c(b, "\\&");
		is_line_start = (*text == '.' || *text == '?') && text[1] == ' ';
		if (*text == '\\')
			buf_add_c(b, "\\e");
		else
			buf_add_byte(b, *text);
		if (is_line_start) {
			buf_add_byte(b, '\n');
			while (text[1] == ' ')
				text++;
		}
	}
	buf_add_byte(b, '\n');
}

static void man_paragraph(struct buf *b, const char *paragraph)
{
	buf_add_c(b, ".Pp\n");
	man_text(b, paragraph);
}

static void man_options(const struct options_spec *spec, struct buf *b)
{
	buf_add_c(b, ".Sh OPTIONS\n.Bl -tag -width indent\n");
	for (size_t i = 0; i < spec->n_entries; i++) {
		const struct options_entry *e = &spec->entries[i];

		buf_printf(b, ".It Fl -%s", e->name);
		if (e->argument)
			buf_printf(b, " Ar %s", e->argument);
		buf_add_byte(b, '\n');
		man_text(b, e->help);
		if (e->flags & OPTIONS_REQUIRED)
			buf_add_c(b, "Required.\n");
		if (e->fallback && e->fallback[0])
			buf_printf(b, "Default:\n.Ql %s .\n", e->fallback);
		if (e->flags & OPTIONS_REPEAT)
			buf_add_c(b, "May be repeated.\n");
	}
	buf_add_c(b, ".El\n");
}

void options_man(const struct options_spec *spec, struct buf *b)
{
	buf_printf(b,
		   ".Dd $Mdocdate$\n.Dt FAIRLEAD-%s 1\n.Os\n.Sh NAME\n.Nm fairlead-%s\n.Nd %s\n"
		   ".Sh SYNOPSIS\n.Nm fairlead %s\n.Op Ar OPTIONS\n",
		   spec->command, spec->command, spec->summary, spec->command);
	if (spec->arguments)
		buf_printf(b, ".Ar %s\n", spec->arguments);
	buf_add_c(b, ".Sh DESCRIPTION\n.Nm\n");
	man_text(b, spec->summary);
	if (spec->description)
		add_paragraphs(b, spec->description, man_paragraph);
	if (spec->n_entries)
		man_options(spec, b);
	buf_add_c(
		b,
		".Sh EXIT STATUS\n0 on success; 64 when the command line is wrong; otherwise a status of\n"
		".In sysexits.h\nthat tells the kind of failure, with its reason on standard error.\n");
}
