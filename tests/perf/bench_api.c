/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load on an API server, ours or a stock one, from one process on one thread:
 *
 *   bench_api [OPTION…] VERB N
 *
 * VERB: create, update, delete, get (N of Services FIRST…, by --clients connections, each with one
 * request under way), list (N lists of all Services, one after another), watch (--clients watches
 * of all Services from --revision on, then N updates one after another, each timed until the last
 * watch has its event). Prints one line: requests a second, CPU µs of the --pid processes a request
 * (watch: an event), p50 and p99 of a request in ms, bytes of one answer.
 *
 * The Services have no selector: a kube-apiserver has no controllers, ours has them in the process.
 *
 * Options: --port P, --token T | --cert FILE --key FILE, --clients N, --first N, --protobuf (list),
 * --revision R (watch),
 * --pid P (may be repeated). TLS without verification: it is a benchmark against 127.0.0.1.
 */
#include "base/str.h"
#include "base/vec.h"
#include "http/client.h"
#include "loop/loop.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	DEADLINE_MS = 600 * 1000,
	CONNECTING_MAX = 64, /* at a time: a server gives each handshake its 10 s */
	PIDS_MAX = 8
};

struct bench;

struct client {
	struct bench *b;
	struct http_transport *transport;
	struct http_call *call;
	size_t index; /* of the Service under way */
	int64_t sent_ns;
	bool is_connected;
};

struct bench {
	struct loop *loop;
	struct arena arena;
	struct client *clients;
	struct client writer; /* of the watch benchmark */
	const struct http_client_config *config;
	size_t n_started;
	size_t n_clients, n_connected, n, first, next, n_done, n_events, answer_bytes;
	const char *verb, *token;
	struct str watch;
	bool is_protobuf, has_ended;
	int64_t *took_ns;
	int64_t begun_ns, ended_ns, cpu_begun_ns, cpu_ended_ns;
	clockid_t clocks[PIDS_MAX];
	size_t n_clocks;
};

static void send_next(struct client *c);
static void connect_one(struct client *c, struct bench *b);

static int64_t now_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t cpu_ns(const struct bench *b)
{
	int64_t sum = 0;

	for (size_t i = 0; i < b->n_clocks; i++)
		sum += now_ns(b->clocks[i]);
	return sum;
}

static _noreturn_ void die(const char *what)
{
	fprintf(stderr, "bench_api: %s\n", what);
	exit(1);
}

static bool is_verb(const struct bench *b, const char *verb)
{
	return str_eq(str_of(b->verb), str_of(verb));
}

static void begin(struct bench *b)
{
	b->begun_ns = now_ns(CLOCK_MONOTONIC);
	b->cpu_begun_ns = cpu_ns(b);
	if (is_verb(b, "watch"))
		send_next(&b->writer);
	for (size_t i = 0; i < b->n_clients && !is_verb(b, "watch"); i++)
		send_next(&b->clients[i]);
}

static void end(struct bench *b)
{
	b->ended_ns = now_ns(CLOCK_MONOTONIC);
	b->cpu_ended_ns = cpu_ns(b);
	b->has_ended = true;
	loop_stop(b->loop);
}

static void connected(struct bench *b)
{
	if (b->n_started < b->n_clients)
		connect_one(&b->clients[b->n_started++], b);
	if (++b->n_connected == b->n_clients)
		begin(b);
}

static void done_one(struct client *c)
{
	struct bench *b = c->b;

	b->took_ns[b->n_done++] = now_ns(CLOCK_MONOTONIC) - c->sent_ns;
	if (b->n_done == b->n)
		end(b);
	else if (b->next < b->n)
		send_next(c);
}

static void on_head(void *ctx, int status, const struct http_header *headers, size_t n)
{
	struct client *c = ctx;

	if (status >= 300) {
		fprintf(stderr, "bench_api: %s: status %d\n", c->b->verb, status);
		exit(1);
	}
}

static void on_answer(void *ctx, struct str data)
{
	struct client *c = ctx;

	if (c->b->n_done == 0)
		c->b->answer_bytes += data.len;
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct client *c = ctx;

	if (r < 0)
		die(err->msg);
	c->call = NULL;
	if (c->is_connected) {
		if (!is_verb(c->b, "watch"))
			done_one(c);
		return;
	}
	c->is_connected = true;
	c->b->answer_bytes = 0;
	connected(c->b);
}

/* Counts frames by the newline that ends each. */
static void on_event(void *ctx, struct str data)
{
	struct client *c = ctx;
	struct bench *b = c->b;

	for (size_t i = 0; i < data.len; i++)
		if (data.ptr[i] == '\n')
			b->n_events++;
	if (b->n_events == (b->n_done + 1) * b->n_clients)
		done_one(&b->writer);
}

static void on_watching(void *ctx, int status, const struct http_header *headers, size_t n)
{
	struct client *c = ctx;

	on_head(ctx, status, headers, n);
	connected(c->b);
}

static void on_watch_done(void *ctx, int r, const struct err *err)
{
	die("a watch has ended");
}

static void call(struct client *c, enum http_method method, struct str target, const char *body,
		 const char *accept, const struct http_call_events *events)
{
	char auth[512];
	struct http_header headers[3];
	size_t n = 0;

	headers[n++] = (struct http_header){str_of("accept"), str_of(accept)};
	if (body)
		headers[n++] =
			(struct http_header){str_of("content-type"), str_of("application/json")};
	if (c->b->token) {
		snprintf(auth, sizeof(auth), "Bearer %s", c->b->token);
		headers[n++] = (struct http_header){str_of("authorization"), str_of(auth)};
	}
	struct bytes *bytes = body ? bytes_dup(str_of(body)) : NULL;
	struct http_call_request req = {
		.method = method,
		.target = target,
		.headers = headers,
		.n_headers = n,
		.body = bytes,
	};
	c->call = c->transport->ops->send(c->transport, &req, events, c);
	bytes_unref(bytes);
}

static const struct http_call_events answer_events = {on_head, on_answer, on_done};
static const struct http_call_events watch_events = {on_watching, on_event, on_watch_done};

#define COLLECTION "/api/v1/namespaces/default/services"

static void send_next(struct client *c)
{
	struct bench *b = c->b;
	char target[128], body[512];
	size_t i = b->next++;

	if (i >= b->n)
		return;
	c->index = b->first + (is_verb(b, "get") || is_verb(b, "update") ? (i * 7919) % b->n : i);
	c->sent_ns = now_ns(CLOCK_MONOTONIC);
	snprintf(target, sizeof(target), COLLECTION "/bench-%zu", c->index);
	snprintf(body, sizeof(body),
		 "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"bench-%zu\","
		 "\"labels\":{\"app\":\"bench\"},\"annotations\":{\"example.com/at\":\"%lld\"}},"
		 "\"spec\":{"
		 "\"ports\":[{\"name\":\"http\",\"port\":80,\"targetPort\":8080}]}}",
		 c->index, (long long)c->sent_ns);
	if (is_verb(b, "create"))
		call(c, HTTP_POST, str_of(COLLECTION), body, "application/json", &answer_events);
	else if (is_verb(b, "delete"))
		call(c, HTTP_DELETE, str_of(target), NULL, "application/json", &answer_events);
	else if (is_verb(b, "get"))
		call(c, HTTP_GET, str_of(target), NULL, "application/json", &answer_events);
	else if (is_verb(b, "list"))
		call(c, HTTP_GET, str_of("/api/v1/services"), NULL,
		     b->is_protobuf ? "application/vnd.kubernetes.protobuf" : "application/json",
		     &answer_events);
	else /* update, watch */
		call(c, HTTP_PUT, str_of(target), body, "application/json", &answer_events);
}

static void connect_one(struct client *c, struct bench *b)
{
	struct err err = {0};

	c->b = b;
	if (http_client_new(b->loop, b->config, &c->transport, &err) < 0)
		die(err.msg);
	if (is_verb(b, "watch") && c != &b->writer)
		call(c, HTTP_GET, b->watch, NULL, "application/json", &watch_events);
	else if (c == &b->writer)
		c->is_connected = true;
	else
		call(c, HTTP_GET, str_of("/version"), NULL, "application/json", &answer_events);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void tell(struct bench *b)
{
	double s = (double)(b->ended_ns - b->begun_ns) / 1e9;
	double per = (double)(is_verb(b, "watch") ? b->n_events : b->n);

	qsort(b->took_ns, b->n, sizeof(*b->took_ns), by_value);
	printf("%.0f %.2f %.3f %.3f %zu\n", per / s,
	       (double)(b->cpu_ended_ns - b->cpu_begun_ns) / 1e3 / per,
	       (double)b->took_ns[b->n / 2] / 1e6, (double)b->took_ns[b->n * 99 / 100] / 1e6,
	       b->answer_bytes);
}

static size_t number(const char *text)
{
	struct err err = {0};
	uint64_t v;

	if (str_to_u64(str_of(text), 0, 10000000, &v, &err) < 0)
		die(err.msg);
	return v;
}

static void parse(struct bench *b, struct http_client_config *config, int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'},     {"token", required_argument, NULL, 't'},
		{"cert", required_argument, NULL, 'c'},     {"key", required_argument, NULL, 'k'},
		{"clients", required_argument, NULL, 'n'},  {"first", required_argument, NULL, 'f'},
		{"protobuf", no_argument, NULL, 'b'},       {"pid", required_argument, NULL, 'i'},
		{"revision", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'p')
			config->port = (uint16_t)number(optarg);
		else if (o == 't')
			b->token = optarg;
		else if (o == 'c')
			config->cert_file = optarg;
		else if (o == 'k')
			config->key_file = optarg;
		else if (o == 'n')
			b->n_clients = number(optarg);
		else if (o == 'f')
			b->first = number(optarg);
		else if (o == 'r')
			b->watch = str_printf(
				&b->arena,
				"/api/v1/services?watch=1&timeoutSeconds=900&resourceVersion=%s",
				optarg);
		else if (o == 'b')
			b->is_protobuf = true;
		else if (o == 'i' && b->n_clocks < PIDS_MAX &&
			 clock_getcpuclockid((pid_t)number(optarg), &b->clocks[b->n_clocks]) == 0)
			b->n_clocks++;
		else
			die("usage: see the head of bench_api.c");
	}
	if (argc - optind != 2 || !number(argv[optind + 1]) || !b->n_clients)
		die("usage: bench_api [OPTION...] create|update|delete|get|list|watch N");
	b->verb = argv[optind];
	b->n = number(argv[optind + 1]);
}

int main(int argc, char **argv)
{
	struct bench b = {.n_clients = 1};
	struct http_client_config config = {
		.host = str_of("127.0.0.1"),
		.is_tls = true,
		.is_insecure = true,
		.connect_timeout_ms = 60000,
	};

	parse(&b, &config, argc, argv);
	b.loop = loop_new();
	b.took_ns = mem_xarray(b.n, sizeof(*b.took_ns));
	b.clients = mem_xarray(b.n_clients, sizeof(*b.clients));
	b.config = &config;
	connect_one(&b.writer, &b);
	while (b.n_started < b.n_clients && b.n_started < CONNECTING_MAX)
		connect_one(&b.clients[b.n_started++], &b);
	int64_t until = now_ns(CLOCK_MONOTONIC) + (int64_t)DEADLINE_MS * 1000000;

	while (!b.has_ended && now_ns(CLOCK_MONOTONIC) < until)
		loop_turn(b.loop, 1000);
	if (!b.has_ended)
		die("not within the deadline");
	tell(&b);
	return 0;
}
