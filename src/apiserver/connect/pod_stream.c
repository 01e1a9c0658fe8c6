/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/connect/pod_stream.h"

#include "apiserver/access/authorize.h"
#include "apiserver/connect/pod_container.h"
#include "apiserver/connect/relay.h"

/* The client's names of the streams, and the agent's. */
static const char *const switches[][2] = {
	{"stdin", "input"}, {"stdout", "output"}, {"stderr", "error"}, {"tty", "tty"}};

static bool is_on(struct str s)
{
	return str_eq_c(s, "1") || str_eq_nocase(s, STR("true")) || str_eq_nocase(s, STR("t"));
}

static void add_escaped(struct buf *b, const char *before, struct str s)
{
	buf_add_c(b, before);
	http_escape(b, s);
}

static struct str query(struct request *req, const char *name, size_t nth)
{
	return http_query(req->arena, req->x->req.query, name, nth);
}

/* Those that are to be open, and what to run. */
static void add_streams(struct request *req, struct buf *b)
{
	struct str arg;

	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		if (is_on(query(req, switches[i][0], 0)))
			buf_printf(b, "&%s=1", switches[i][1]);
	for (size_t i = 0; str_is_set(arg = query(req, "command", i)); i++)
		add_escaped(b, "&command=", arg);
}

/* The old WebSocket protocol names its ports in the query, the others in their streams. */
static int read_ports(struct request *req, struct buf *b)
{
	struct str port, one;
	uint64_t number;

	for (size_t i = 0; str_is_set(port = query(req, "ports", i)); i++)
		while (str_next(&port, ',', &one)) {
			if (str_to_u64(one, 0, INT32_MAX, &number, NULL) < 0)
				return status_set(&req->st, ERR_BAD_REQUEST,
						  "cannot convert to []int32: strconv.ParseUint: "
						  "parsing \"%.*s\": invalid syntax",
						  STR_ARG(one));
			add_escaped(b, "&port=", one);
		}
	return 0;
}

/* "/exec/NS/POD/CONTAINER?&input=1…" */
static struct str make_target(struct request *req, struct str container, const struct buf *ports)
{
	bool is_forward = str_eq_c(req->sub, "portforward");
	struct buf b = BUF_INIT;
	struct str ret;

	buf_add_c(&b, is_forward                   ? "/portForward"
		      : str_eq_c(req->sub, "exec") ? "/exec"
						   : "/attach");
	add_escaped(&b, "/", req->ns);
	add_escaped(&b, "/", req->name);
	if (!is_forward)
		add_escaped(&b, "/", container);
	buf_add_byte(&b, '?');
	buf_add_str(&b, buf_str(ports));
	if (!is_forward)
		add_streams(req, &b);
	ret = str_dup(req->arena, buf_str(&b));
	buf_fini(&b);
	return ret;
}

/* What the agreement on a protocol needs, and nothing else of the client's. */
static void fill_headers(struct request *req, struct http_call_request *call)
{
	static const char *const passed[] = {"upgrade", "x-stream-protocol-version", "origin"};
	const struct http_request *in = &req->x->req;
	struct http_header *h = arena_array(req->arena, in->n_headers + 1, sizeof(*h));
	size_t n = 0;

	h[n++] = (struct http_header){STR("connection"), STR("Upgrade")};
	for (size_t i = 0; i < in->n_headers; i++) {
		struct str name = in->headers[i].name;
		bool is_passed = str_has_prefix(name, STR("sec-websocket-"));

		for (size_t k = 0; k < ARRAY_LEN(passed); k++)
			is_passed |= str_eq_c(name, passed[k]);
		if (is_passed)
			h[n++] = in->headers[i];
	}
	call->headers = h;
	call->n_headers = n;
}

static int find_pod(struct request *req, struct str *ret_node, struct str *ret_container)
{
	struct json *pod;
	int r;

	r = pod_container_find_pod(req, &pod);
	if (r < 0)
		return r;
	if (!str_eq_c(req->sub, "portforward"))
		r = pod_container(req, pod, ret_container);
	if (r < 0)
		return r;
	*ret_node = json_get_string(json_get(pod, "spec"), "nodeName");
	if (!ret_node->len)
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "pod %.*s does not have a host assigned", STR_ARG(req->name));
	return 0;
}

/* A WebSocket begins with a GET; what it does is what a POST does, so it needs the same right. The
 * Forbidden of a stock server says no more than that. */
static int check_create(struct request *req)
{
	const struct api_kind *kind = req->res->kind;
	const struct access_attrs at = {.verb = STR("create"),
					.is_resource = true,
					.group = str_of(kind->group),
					.version = str_of(kind->version),
					.resource = str_of(kind->plural),
					.ns = req->ns,
					.name = req->name,
					.sub = req->sub};

	if (req->x->req.method == HTTP_POST || authorize(req->s, req->user, &at))
		return 0;
	status_about(&req->st, req->res, req->name);
	return status_set(&req->st, ERR_FORBIDDEN,
			  "pods \"%.*s\" is forbidden: ", STR_ARG(req->name));
}

int pod_stream_start(struct request *req)
{
	static const struct relay_way way = {.failure = "the node's agent does not answer",
					     .has_own_headers = true};
	struct http_call_request call = {.method = req->x->req.method, .is_upgrade = true};
	struct str node, container = {0};
	struct buf ports = BUF_INIT;
	struct http_transport *t;
	struct err err;
	int r = check_create(req);

	if (r == 0)
		r = read_ports(req, &ports);
	if (r == 0)
		r = find_pod(req, &node, &container);
	if (r == 0)
		call.target = make_target(req, container, &ports);
	buf_fini(&ports);
	if (r < 0)
		return r;
	if (!str_is_set(http_upgrade_offer(req->x)))
		return status_set(&req->st, ERR_BAD_REQUEST, "Upgrade request required");
	r = relay_open(req, node, &t, &err);
	if (r < 0)
		return status_from_err(&req->st, r, &err);
	fill_headers(req, &call);
	relay_run(req, t, &call, &way);
	return 0;
}
