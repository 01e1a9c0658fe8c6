/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include <stdio.h>

/* In the order in which help shows them; a NULL ends the table. */
/* clang-format off */
static const struct cmd_verb *const verbs[] = {
	&cmd_server,
	&cmd_proxy,
	&cmd_dns,
	&cmd_agent,
	&cmd_enroll,
	&cmd_lab,
	&cmd_respond,
	&cmd_pause,
	NULL,
};
/* clang-format on */

static const struct cmd_verb *verb_find(struct str name)
{
	for (size_t i = 0; verbs[i]; i++)
		if (str_eq_c(name, verbs[i]->spec->command))
			return verbs[i];
	return NULL;
}

static void show(struct buf *b)
{
	IGNORE(fwrite(b->ptr, 1, b->len, stdout), "nobody to tell when stdout is closed");
	buf_fini(b);
}

static int help(void)
{
	struct buf b = BUF_INIT;

	buf_add_c(&b, "usage: fairlead VERB [OPTIONS]\n\n"
		      "Fairlead is Kubernetes Services as one system.\n\nVerbs:\n");
	for (size_t i = 0; verbs[i]; i++)
		buf_printf(&b, "  %-10s %s\n", verbs[i]->spec->command, verbs[i]->spec->summary);
	buf_add_c(&b, "  help       shows the options of a verb ('fairlead help VERB'),\n"
		      "             or its manual page in mdoc ('fairlead help --man VERB')\n"
		      "  version    shows the version\n");
	show(&b);
	return 0;
}

static int help_verb(int argc, char **argv)
{
	bool is_man = argc > 0 && str_eq_c(str_of(argv[0]), "--man");
	const struct cmd_verb *v;
	struct buf b = BUF_INIT;

	if (is_man)
		argc--, argv++;
	if (argc == 0)
		return help();
	v = verb_find(str_of(argv[0]));
	if (!v) {
		fprintf(stderr, "fairlead: unknown verb '%s'; see 'fairlead help'\n", argv[0]);
		return err_exit_status(ERR_USAGE);
	}
	if (is_man)
		options_man(v->spec, &b);
	else
		options_help(v->spec, &b);
	show(&b);
	return 0;
}

static int run(const struct cmd_verb *v, int argc, char **argv)
{
	struct options o;
	struct err err;
	int r = options_parse(v->spec, argc, argv, &o, &err);

	if (r == 0 && o.is_help) {
		options_fini(&o);
		return help_verb(1, argv);
	}
	if (r == 0) {
		r = v->run(&o, &err);
		options_fini(&o);
	}
	if (r >= 0)
		return r;
	fprintf(stderr, "fairlead %s: %s\n", v->spec->command, err.msg);
	return err_exit_status(r);
}

int main(int argc, char **argv)
{
	struct str name = argc > 1 ? str_of(argv[1]) : STR("help");
	const struct cmd_verb *v = verb_find(name);

	if (v)
		return run(v, argc - 1, argv + 1);
	if (str_eq_c(name, "version") || str_eq_c(name, "--version")) {
		puts("fairlead " FAIRLEAD_VERSION);
		return 0;
	}
	if (str_eq_c(name, "help") || str_eq_c(name, "--help") || str_eq_c(name, "-h"))
		return help_verb(argc > 1 ? argc - 2 : 0, argv + 2);
	fprintf(stderr, "fairlead: unknown verb '%s'; see 'fairlead help'\n", argv[1]);
	return err_exit_status(ERR_USAGE);
}
