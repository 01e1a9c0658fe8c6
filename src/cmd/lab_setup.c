/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/lab.h"

#include "base/fd.h"
#include "client/client.h"
#include "cmd/identity.h"
#include "lab/plan.h"
#include "lab/state.h"
#include "loop/loop.h"
#include "netlink/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SETUP_PAUSE_MS = 20,     /* between looks at what is not there yet */
	SETUP_DNS_WAIT_MS = 300, /* for one answer */
	SETUP_KUBECONFIG_MAX = 65536,
};

static const struct options_entry entries[] = {
	{"state-dir", "DIR", NULL, "Folder of the lab.", OPTIONS_REQUIRED},
	{"api-port", "PORT", NULL, "Of the server on the host's loopback.", OPTIONS_REQUIRED},
	{"nodes", "N", NULL, "How many nodes.", OPTIONS_REQUIRED},
	{"resolver", "IP", LAB_DNS_VIP, "Where every node must get an answer from.", 0},
};

const struct options_spec cmd_lab_setup_spec = {
	.command = "lab setup",
	.summary = "inside the lab: makes what the cluster needs and waits until it works",
	.entries = entries,
	.n_entries = ARRAY_LEN(entries),
};

struct setup {
	const char *dir;
	unsigned nodes;
	uint16_t api_port;
	struct ip_addr resolver;
	struct loop *loop;
	struct client *client;
};

static void rest(void)
{
	struct pollfd none = {.fd = -1};

	poll(&none, 1, SETUP_PAUSE_MS);
}

/* ---- one call at a time -------------------------------------------------------------------- */

struct answer {
	bool is_done;
	int r;
	struct arena arena;
	struct json *obj;
	struct err err;
};

static void on_answer(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct answer *a = ctx;

	a->is_done = true;
	a->r = r;
	a->obj = obj ? json_clone(&a->arena, obj) : NULL;
	if (r < 0)
		a->err = *err;
}

static void ask(struct setup *s, const struct client_call *call, struct answer *ret)
{
	*ret = (struct answer){0};
	arena_init(&ret->arena, 0);
	client_send(s->client, call, on_answer, ret);
	while (!ret->is_done)
		loop_turn(s->loop, 1000);
}

/* Creates the object; that it is there already is fine. Waits for a server that is not ready. */
static int create(struct setup *s, const char *kind, const char *ns, const char *text,
		  struct err *err)
{
	struct client_call call = {
		.method = HTTP_POST, .kind = api_kind_of(kind), .ns = str_of(ns)};
	struct json *body;
	struct answer a;
	struct arena arena;
	int r;

	arena_init(&arena, 0);
	r = json_parse(&arena, str_of(text), 0, &body, err);
	call.body = r == 0 ? body : NULL;
	while (r == 0) {
		ask(s, &call, &a);
		r = a.r == ERR_EXISTS ? 0 : a.r;
		if (r < 0)
			*err = a.err;
		arena_fini(&a.arena);
		/* The namespace may not be there yet, the server may still load. */
		if (r != ERR_UNAVAILABLE && r != ERR_NOT_FOUND && r != ERR_FORBIDDEN)
			break;
		rest();
		r = 0;
	}
	arena_fini(&arena);
	return r < 0 ? err_wrap(err, r, "create %s", kind) : 0;
}

/* ---- the steps ----------------------------------------------------------------------------- */

static int enroll(struct setup *s, unsigned n, struct err *err)
{
	_cleanup_(mem_freep) char *data = mem_xprintf("%s/data", s->dir);
	struct ip_addr addrs[] = {lab_plan_addr(LAB_INTERNAL, IP_V4, LAB_NODE0 + n).addr,
				  lab_plan_addr(LAB_INTERNAL, IP_V6, LAB_NODE0 + n).addr};
	char name[LAB_NAME_MAX];
	struct identity_node node = {.name = name, .addrs = addrs, .n_addrs = ARRAY_LEN(addrs)};

	snprintf(name, sizeof(name), "node%u", n);
	return identity_enroll(data, &node, NULL, err);
}

/* The host's kubeconfig: the lab's own with the loopback listener as the server. */
static int write_kubeconfig(struct setup *s, struct err *err)
{
	_cleanup_(mem_freep) char *from = mem_xprintf("%s/admin.kubeconfig", s->dir);
	_cleanup_(mem_freep) char *to = mem_xprintf("%s/kubeconfig", s->dir);
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct str text, line;
	int r = fd_read_file(from, SETUP_KUBECONFIG_MAX, &in, err);

	text = buf_str(&in);
	while (r == 0 && str_next(&text, '\n', &line)) {
		struct str trimmed = str_trim(line);

		if (!str_is_set(text) && !line.len)
			break;
		if (str_has_prefix(trimmed, STR("server:")))
			buf_printf(&out, "%.*sserver: https://127.0.0.1:%u\n",
				   (int)(trimmed.ptr - line.ptr), line.ptr, s->api_port);
		else
			buf_printf(&out, "%.*s\n", STR_ARG(line));
	}
	if (r == 0)
		r = fd_write_file(to, buf_str(&out), 0600, err);
	buf_fini(&in);
	buf_fini(&out);
	return r;
}

static int make_dns(struct setup *s, struct err *err)
{
	static const char service[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"kube-dns\","
		"\"namespace\":\"kube-system\",\"labels\":{\"k8s-app\":\"kube-dns\"}},\"spec\":{"
		"\"clusterIP\":\"" LAB_DNS_VIP
		"\",\"ports\":[{\"name\":\"dns\",\"port\":53,\"protocol\":\"UDP\"},"
		"{\"name\":\"dns-tcp\",\"port\":53,\"protocol\":\"TCP\"}]}}";
	static const char slice[] =
		"{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":{"
		"\"name\":\"kube-dns-lab\",\"namespace\":\"kube-system\",\"labels\":{"
		"\"kubernetes.io/service-name\":\"kube-dns\"}},\"addressType\":\"IPv4\","
		"\"endpoints\":[{\"addresses\":[\"%.*s\"],\"conditions\":{\"ready\":true}}],"
		"\"ports\":[{\"name\":\"dns\",\"port\":53,\"protocol\":\"UDP\"},"
		"{\"name\":\"dns-tcp\",\"port\":53,\"protocol\":\"TCP\"}]}";
	struct ip_prefix addr = lab_plan_addr(LAB_INTERNAL, IP_V4, LAB_GUEST);
	char text[IP_TEXT_MAX];
	_cleanup_(mem_freep) char *filled =
		mem_xprintf(slice, STR_ARG(ip_format(&addr.addr, text)));
	int r = create(s, "Service", "kube-system", service, err);

	return r < 0 ? r : create(s, "EndpointSlice", "kube-system", filled, err);
}

static bool is_node_ready(const struct json *node)
{
	json_foreach(c, json_path(node, "status.conditions"))
		if (str_eq_c(json_get_string(c, "type"), "Ready"))
			return str_eq_c(json_get_string(c, "status"), "True");
	return false;
}

static void wait_nodes(struct setup *s)
{
	struct client_call call = {.method = HTTP_GET, .kind = api_kind_of("Node")};

	for (unsigned ready = 0; ready < s->nodes; rest()) {
		struct answer a;

		ready = 0;
		ask(s, &call, &a);
		if (a.r == 0 && json_is(json_get(a.obj, "items"), JSON_ARRAY))
			json_foreach(n, json_get(a.obj, "items"))
				ready += json_is(json_path(n, "status.conditions"), JSON_ARRAY) &&
					 is_node_ready(n);
		arena_fini(&a.arena);
	}
}

/* ---- does a name resolve ------------------------------------------------------------------- */

static int open_udp(void *ctx, struct err *err)
{
	*(int *)ctx = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return *(int *)ctx < 0 ? err_sys(err, errno, "make a socket") : 0;
}

/* kubernetes.default.svc.cluster.local. A IN (RFC 1035); the resolver is the DNS Service's address,
 * so that the node's proxy is proved as well. */
static bool resolves(const struct setup *s, int sock)
{
	static const char query[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
				    "\x0akubernetes\x07"
				    "default\x03svc\x07"
				    "cluster\x05local\x00\x00\x01\x00\x01";
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct pollfd p = {.fd = sock, .events = POLLIN};
	unsigned char in[512];

	to.sin_addr.s_addr = htonl(ip_to_v4(&s->resolver));
	if (connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    send(sock, query, sizeof(query) - 1, MSG_NOSIGNAL) < 0)
		return false;
	/* NOERROR with an answer. */
	return poll(&p, 1, SETUP_DNS_WAIT_MS) == 1 && recv(sock, in, sizeof(in), 0) > 12 &&
	       (in[3] & 15) == 0 && in[7] > 0;
}

static int wait_dns(struct setup *s, const char *node, struct err *err)
{
	struct json *lab;
	struct arena a;
	int64_t pid = 0;
	int r, is_ok = 0;

	arena_init(&a, 0);
	r = lab_state_read(&a, s->dir, &lab, err);
	if (r == 0)
		json_foreach(sp, json_get(lab, "spaces"))
			if (str_eq_c(json_get_string(sp, "name"), node))
				pid = json_get_int(sp, "pid", 0);
	while (r == 0 && !is_ok) {
		_cleanup_(mem_freep) char *path = mem_xprintf("/proc/%lld/ns/net", (long long)pid);
		_cleanup_(fd_closep) int netns = open(path, O_RDONLY | O_CLOEXEC), sock = -1;

		if (netns < 0)
			r = err_sys(err, errno, "open '%s'", path);
		else
			r = link_in_netns(netns, open_udp, &sock, err);
		is_ok = r == 0 && resolves(s, sock);
		if (r == 0 && !is_ok)
			rest();
	}
	arena_fini(&a);
	return r;
}

static int steps(struct setup *s, struct err *err)
{
	int r = write_kubeconfig(s, err);

	for (unsigned n = 1; r == 0 && n <= s->nodes; n++)
		r = enroll(s, n, err);
	if (r == 0)
		r = make_dns(s, err);
	if (r == 0)
		wait_nodes(s);
	for (unsigned n = 1; r == 0 && n <= s->nodes; n++) {
		char name[LAB_NAME_MAX];

		snprintf(name, sizeof(name), "node%u", n);
		r = wait_dns(s, name, err);
	}
	return r;
}

int cmd_lab_setup(const struct options *o, struct err *err)
{
	struct setup s = {.dir = options_get(o, "state-dir")};
	_cleanup_(mem_freep) char *config = mem_xprintf("%s/admin.kubeconfig", s.dir);
	int64_t nodes, port;
	int r;

	if ((r = options_int(o, "nodes", 1, 1000, &nodes, err)) < 0 ||
	    (r = options_int(o, "api-port", 1, 65535, &port, err)) < 0 ||
	    (r = options_addr(o, "resolver", &s.resolver, err)) < 0)
		return r;
	s.nodes = (unsigned)nodes;
	s.api_port = (uint16_t)port;
	s.loop = loop_new();
	r = client_kubeconfig_open(s.loop, config, "fairlead-lab", &s.client, err);
	if (r == 0) {
		r = steps(&s, err);
		client_free(s.client);
	}
	loop_free(s.loop);
	return r;
}
