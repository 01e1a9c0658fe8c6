/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Command-line options from one table: parsing, --help and the manual page come from it, so that
 * they cannot disagree.
 *
 * A command declares a static struct options_spec. Options are written "--name value",
 * "--name=value" or, as Go programs allow, with one dash ("-conf FILE"); an option without an
 * argument is a switch and takes "=true" or "=false". "--" ends the options. Arguments that are
 * not options are kept in order; with is_wrapper, the first of them ends the options (what follows
 * belongs to another program). An option that is given twice has its last value, unless it is
 * OPTIONS_REPEAT, where all count. "--help" is always known: options_parse reports it in
 * options.is_help and checks nothing else.
 *
 * Values are strings; the options_… readers turn them into what is wanted and name the option and
 * the value in their errors (ERR_USAGE). Asking for an option that is not in the table is a bug and
 * asserts.
 */

#include "base/ip.h"
#include "base/vec.h"

enum {
	OPTIONS_REPEAT = 1,   /* may be given more than once; all values count */
	OPTIONS_REQUIRED = 2, /* must be given */
};

struct options_entry {
	const char *name;     /* without dashes */
	const char *argument; /* "DIR" as shown in help; NULL: a switch */
	const char *fallback; /* value when it is not given; NULL: none (switches: false) */
	const char *help;     /* one or more sentences, no line breaks */
	unsigned flags;
};

struct options_spec {
	const char *command;   /* "server" */
	const char *arguments; /* what follows the options: "[COMMAND...]"; NULL: nothing may */
	const char *summary; /* one line, no full stop: "runs the API server and the controllers" */
	const char
		*description; /* paragraphs for help and manual, separated by "\n\n"; may be NULL */
	const struct options_entry *entries;
	size_t n_entries;
	bool is_wrapper;
};

struct options {
	const struct options_spec *spec;
	VEC(struct options_value {
		const struct options_entry *entry;
		const char *text;
	})
	values; /* in the order given */
	VEC(const char *) arguments;
	bool is_help;
};

/* argv[0] is the command's name and is skipped; strings are borrowed from argv. ERR_USAGE for an
 * unknown option (with the nearest known one), a missing or surplus value or argument. */
int options_parse(const struct options_spec *spec, int argc, char **argv, struct options *ret,
		  struct err *err) _nodiscard_;
void options_fini(struct options *o);

bool options_is_given(const struct options *o, const char *name);
const char *options_get(const struct options *o, const char *name); /* or the fallback, or NULL */
bool options_switch(const struct options *o, const char *name);
/* The nth value of an OPTIONS_REPEAT option, NULL after the last. The fallback is the only value
 * when none was given. */
const char *options_nth(const struct options *o, const char *name, size_t nth);

int options_int(const struct options *o, const char *name, int64_t min, int64_t max, int64_t *ret,
		struct err *err) _nodiscard_;
int options_addr(const struct options *o, const char *name, struct ip_addr *ret,
		 struct err *err) _nodiscard_;
/* "A-B" with min <= A <= B <= max; a single number is A-A. */
int options_range(const struct options *o, const char *name, int64_t min, int64_t max,
		  int64_t *ret_first, int64_t *ret_last, struct err *err) _nodiscard_;
/* "30s", "1m30s", "500ms", "2h", as Go writes durations; a bare number is seconds. */
int options_duration_ms(const struct options *o, const char *name, int64_t *ret,
			struct err *err) _nodiscard_;

/* For people, 80 columns. */
void options_help(const struct options_spec *spec, struct buf *b);
/* The manual page fairlead-COMMAND(1) in mdoc(7). */
void options_man(const struct options_spec *spec, struct buf *b);
