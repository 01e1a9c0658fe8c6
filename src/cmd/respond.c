/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include "agent/respond.h"
#include "loop/loop.h"

#include <signal.h>

static const struct options_entry entries[] = {
	{"port", "PORT[/tcp|/udp]", NULL,
	 "A port to answer on: HTTP on TCP, one line a datagram on UDP. May be repeated.",
	 OPTIONS_REPEAT},
};

static const struct options_spec spec = {
	.command = "respond",
	.summary = "answers on ports, saying who and where it is and whom it saw",
	.description =
		"What a container without a command runs in the lab. Any path answers one line: "
		"Pod, node, client and port; /json the same as JSON. /healthz answers 200, after "
		"/fail 500, after /ok 200 again. The names are those in POD_NAME and NODE_NAME, "
		"else the host's.",
	.entries = entries,
	.n_entries = ARRAY_LEN(entries),
};

static int parse_port(const char *text, struct respond_port *ret, struct err *err)
{
	struct str rest = str_of(text), number;
	uint64_t n;

	if (!str_next(&rest, '/', &number) || str_to_u64(number, 1, 65535, &n, NULL) < 0 ||
	    (rest.len && !str_eq_c(rest, "tcp") && !str_eq_c(rest, "udp")))
		return err_set(err, ERR_USAGE,
			       "--port '%s': must be 1 to 65535, then /tcp, /udp or nothing", text);
	*ret = (struct respond_port){.number = (uint16_t)n, .is_udp = str_eq_c(rest, "udp")};
	return 0;
}

static void stop(void *ctx, int signo)
{
	loop_stop(ctx);
}

static int serve(const struct respond_port *ports, size_t n, struct err *err)
{
	static const int signals[] = {SIGTERM, SIGINT};
	struct loop_signal *handles[ARRAY_LEN(signals)] = {NULL};
	struct loop *l = loop_new();
	struct respond *responder = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(signals); i++)
		r = loop_signal_new(l, signals[i], stop, l, &handles[i], err);
	if (r == 0)
		r = respond_new(l, ports, n, &responder, err);
	if (r == 0)
		loop_run(l);
	respond_free(responder);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (handles[i])
			loop_signal_close(handles[i]);
	loop_free(l);
	return r;
}

static int run(const struct options *o, struct err *err)
{
	VEC(struct respond_port) ports = {0};
	const char *text;
	int r = 0;

	for (size_t i = 0; r == 0 && (text = options_nth(o, "port", i)); i++) {
		if (i >= RESPOND_PORTS_MAX)
			r = err_set(err, ERR_USAGE, "--port: at most %d", RESPOND_PORTS_MAX);
		else
			r = parse_port(text, vec_push(&ports), err);
	}
	if (r == 0)
		r = serve(ports.ptr, ports.len, err);
	vec_fini(&ports);
	return r;
}

const struct cmd_verb cmd_respond = {.spec = &spec, .run = run};
