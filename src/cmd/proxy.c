/* SPDX-License-Identifier: Apache-2.0 */
/* fairlead proxy: programs this node's kernel with the cluster's Services. */
#define LOG_COMPONENT "proxy"
#include "base/log.h"
#include "base/metrics.h"
#include "client/client.h"
#include "cmd/cmd.h"
#include "http/server.h"
#include "loop/loop.h"
#include "proxy/engine.h"
#include "proxy/nftables/nftables.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static const struct proxy_mode *const modes[] = {&nftables_mode};

static const struct options_entry proxy_entries[] = {
	{"kubeconfig", "FILE", NULL,
	 "How to reach the API server. Without it, a Pod's service account is used.", 0},
	{"hostname-override", "NODE", NULL,
	 "The name of this node in the API. Without it, the host's name.", 0},
	{"cluster-cidr", "CIDR[,CIDR]", NULL,
	 "Where Pods have their addresses, at most one range a family: traffic to a cluster IP from "
	 "elsewhere gets this node's address. Without it, none does.",
	 0},
	{"proxy-mode", "MODE", "nftables", "How the kernel is programmed: nftables.", 0},
	{"nodeport-addresses", "CIDR[,CIDR]|primary", "primary",
	 "Addresses on which node ports answer: 'primary' is this node's own address of each family, "
	 "a range takes the local addresses inside it. A family without a range is not restricted.",
	 0},
	{"masquerade-all", NULL, NULL, "Give every connection to a cluster IP this node's address.",
	 0},
	{"healthz-bind-address", "ADDRESS:PORT", "0.0.0.0:10256",
	 "Where /healthz and /livez answer; empty: nowhere.", 0},
	{"metrics-bind-address", "ADDRESS:PORT", "127.0.0.1:10249",
	 "Where /metrics, /healthz and /proxyMode answer; empty: nowhere.", 0},
	{"cleanup", NULL, NULL, "Remove everything from the kernel and exit.", 0},
	{"log-level", "LEVEL", "info", "error, warning, info or debug.", 0},
};

static const struct options_spec proxy_spec = {
	.command = "proxy",
	.summary = "programs this node's kernel with the Services",
	.description =
		"Takes kube-proxy's place: it watches Services, EndpointSlices and its Node, and keeps the kernel's "
		"rules equal to them, one transaction a change. When it stops, or is killed, forwarding goes on; on "
		"start it adopts what is there.\n\n"
		"It needs CAP_NET_ADMIN in its network namespace, and forwarding switched on there "
		"(net.ipv4.ip_forward, net.ipv6.conf.all.forwarding), which is left to whoever sets up the node.",
	.entries = proxy_entries,
	.n_entries = ARRAY_LEN(proxy_entries),
};

struct proxy_part {
	struct loop *loop;
	struct client *client;
	const struct proxy_mode *mode;
	struct proxy_backend *backend;
	struct proxy_engine *engine;
	struct http_server *health, *metrics;
	struct loop_signal *on_term, *on_int;
	struct arena arena;
};

static struct metric proxy_healthz = {.name = "kubeproxy_proxy_healthz_total",
				      .help = "Answers of /healthz.",
				      .kind = METRIC_COUNTER,
				      .labels = {"code"}};
static struct metric proxy_livez = {.name = "kubeproxy_proxy_livez_total",
				    .help = "Answers of /livez.",
				    .kind = METRIC_COUNTER,
				    .labels = {"code"}};
static struct metric *const proxy_metrics[] = {&proxy_healthz, &proxy_livez};

/* ---- HTTP ---- */

static void proxy_reply_health(struct proxy_part *p, struct http_exchange *x, bool is_livez)
{
	struct proxy_health h;
	struct buf b = BUF_INIT;
	char updated[CLOCK_RFC3339_MAX], now[CLOCK_RFC3339_MAX];
	const struct clock *c = loop_clock(p->loop);
	bool ok;

	proxy_engine_health(p->engine, &h);
	ok = h.is_healthy && (is_livez || h.is_eligible);
	buf_printf(&b, "{\"lastUpdated\": \"%.*s\",\"currentTime\": \"%.*s\"",
		   STR_ARG(clock_format(updated, h.updated_ns, 9)),
		   STR_ARG(clock_format(now, c->wall_ns(c), 9)));
	if (!is_livez)
		buf_printf(&b, ", \"nodeEligible\": %s", h.is_eligible ? "true" : "false");
	buf_printf(&b, ", \"healthy\": %s}", h.is_healthy ? "true" : "false");
	metric_add(is_livez ? &proxy_livez : &proxy_healthz, (const char *[]){ok ? "200" : "503"},
		   1);
	http_reply_buf(x, ok ? 200 : 503, "application/json", &b);
}

static void proxy_on_health(void *ctx, struct http_exchange *x)
{
	if (str_eq_c(x->req.path, "/healthz"))
		proxy_reply_health(ctx, x, false);
	else if (str_eq_c(x->req.path, "/livez"))
		proxy_reply_health(ctx, x, true);
	else
		http_reply_text(x, 404, "not found: /healthz and /livez are here");
}

static void proxy_on_metrics(void *ctx, struct http_exchange *x)
{
	struct proxy_part *p = ctx;

	if (str_eq_c(x->req.path, "/metrics")) {
		http_reply_metrics(x);
	} else if (str_eq_c(x->req.path, "/proxyMode")) {
		http_reply_text(x, 200, p->mode->name);
	} else if (str_eq_c(x->req.path, "/healthz")) {
		http_reply_text(x, 200, "ok");
	} else {
		http_reply_text(x, 404, "not found: /metrics, /healthz and /proxyMode are here");
	}
}

/* "address:port" or "[address]:port". */
static int proxy_listen(struct proxy_part *p, const struct options *o, const char *option,
			http_handler_fn fn, struct http_server **ret, struct err *err)
{
	struct str text = str_of(options_get(o, option)), host;
	ptrdiff_t colon = str_rfind(text, ':');
	struct ip_addr addr;
	uint64_t port;
	int r;

	if (text.len == 0)
		return 0;
	if (colon < 0)
		return err_set(err, ERR_USAGE, "--%s: '%.*s' must be ADDRESS:PORT", option,
			       STR_ARG(text));
	host = str_sub(text, 0, (size_t)colon);
	if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = str_sub(host, 1, host.len - 2);
	r = ip_parse(host, &addr, err);
	if (r == 0)
		r = str_to_u64(str_skip(text, (size_t)colon + 1), 1, 65535, &port, err);
	if (r == 0)
		r = http_server_new(p->loop, NULL, fn, p, ret, err);
	if (r == 0)
		r = http_server_listen(*ret, &addr, (uint16_t)port, NULL, err);
	return r < 0 ? err_wrap(err, r, "--%s", option) : 0;
}

/* ---- options ---- */

static int proxy_prefixes(struct str text, const char *option, struct ip_prefix *p, size_t max,
			  size_t *ret, struct err *err)
{
	struct str one;
	size_t n = 0;

	while (str_next(&text, ',', &one)) {
		int r;

		if (n == max)
			return err_set(err, ERR_USAGE, "--%s: at most %zu ranges", option, max);
		r = ip_prefix_parse(str_trim(one), &p[n++], err);
		if (r < 0)
			return err_wrap(err, r, "--%s", option);
	}
	*ret = n;
	return 0;
}

static int proxy_cluster_cidr(const struct options *o, struct svc_config *c, struct err *err)
{
	const char *text = options_get(o, "cluster-cidr");
	int r;

	if (!text || !*text)
		return 0;
	r = proxy_prefixes(str_of(text), "cluster-cidr", c->pod_cidrs, ARRAY_LEN(c->pod_cidrs),
			   &c->n_pod_cidrs, err);
	if (r < 0)
		return r;
	if (c->n_pod_cidrs == 2 &&
	    ip_family(&c->pod_cidrs[0].addr) == ip_family(&c->pod_cidrs[1].addr))
		return err_set(err, ERR_USAGE, "--cluster-cidr: '%s' has two ranges of one family",
			       text);
	c->detect = SVC_DETECT_CIDR;
	return 0;
}

static int proxy_config(const struct options *o, struct arena *a, struct svc_config *c,
			struct err *err)
{
	struct str ports = str_of(options_get(o, "nodeport-addresses"));
	struct ip_prefix *p = arena_array(a, SVC_PREFIXES_MAX, sizeof(*p));
	const char *name = options_get(o, "hostname-override");
	char host[256];
	int r;

	if (!name) {
		if (gethostname(host, sizeof(host)) < 0)
			return err_sys(err, errno, "asking for the host's name");
		host[sizeof(host) - 1] = '\0';
		name = arena_strdup(a, host);
	}
	*c = (struct svc_config){.node_name = str_of(name),
				 .masquerade_all = options_switch(o, "masquerade-all"),
				 .node_port_cidrs = p};
	r = proxy_cluster_cidr(o, c, err);
	c->node_ports_on_primary = str_eq_c(ports, "primary");
	if (r == 0 && !c->node_ports_on_primary && ports.len)
		r = proxy_prefixes(ports, "nodeport-addresses", p, SVC_PREFIXES_MAX,
				   &c->n_node_port_cidrs, err);
	return r;
}

static int proxy_mode_of(const struct options *o, const struct proxy_mode **ret, struct err *err)
{
	const char *name = options_get(o, "proxy-mode");

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (str_eq_c(str_of(name), modes[i]->name)) {
			*ret = modes[i];
			return 0;
		}
	return err_set(err, ERR_USAGE, "--proxy-mode: '%s' is not known; nftables is", name);
}

/* ---- life ---- */

static void proxy_stop(void *ctx, int signo)
{
	struct proxy_part *p = ctx;

	log_info("stopping signal=%d, the kernel goes on forwarding", signo);
	loop_stop(p->loop);
}

static int proxy_start(const struct options *o, struct proxy_part *p, struct err *err)
{
	struct svc_config config;
	int r = proxy_config(o, &p->arena, &config, err);

	if (r == 0)
		r = client_kubeconfig_open(p->loop, options_get(o, "kubeconfig"),
					   "fairlead-proxy/" FAIRLEAD_VERSION, &p->client, err);
	if (r == 0)
		r = loop_signal_new(p->loop, SIGTERM, proxy_stop, p, &p->on_term, err);
	if (r == 0)
		r = loop_signal_new(p->loop, SIGINT, proxy_stop, p, &p->on_int, err);
	if (r < 0)
		return r;
	p->engine = proxy_engine_new(p->loop, p->client, p->backend, &config);
	r = proxy_listen(p, o, "healthz-bind-address", proxy_on_health, &p->health, err);
	if (r == 0)
		r = proxy_listen(p, o, "metrics-bind-address", proxy_on_metrics, &p->metrics, err);
	if (r == 0)
		log_info("started node=%.*s mode=%s", STR_ARG(config.node_name), p->mode->name);
	return r;
}

static void proxy_end(struct proxy_part *p)
{
	if (p->health)
		http_server_free(p->health);
	if (p->metrics)
		http_server_free(p->metrics);
	proxy_engine_free(p->engine);
	if (p->on_term)
		loop_signal_close(p->on_term);
	if (p->on_int)
		loop_signal_close(p->on_int);
	if (p->client)
		client_free(p->client);
	arena_fini(&p->arena);
	metrics_reset();
	loop_free(p->loop);
}

static int proxy_run(const struct options *o, struct err *err)
{
	struct proxy_part p = {0};
	enum log_level level;
	int r = log_level_parse(options_get(o, "log-level"), &level, err);

	if (r == 0)
		r = proxy_mode_of(o, &p.mode, err);
	if (r == 0)
		r = p.mode->probe(err);
	if (r == 0)
		r = p.mode->open(&p.backend, err);
	if (r < 0)
		return r;
	log_set_level(level);
	if (options_switch(o, "cleanup"))
		return proxy_close(p.backend, PROXY_PURGE, err);
	p.loop = loop_new();
	arena_init(&p.arena, 0);
	metrics_register(proxy_metrics, ARRAY_LEN(proxy_metrics));
	r = proxy_start(o, &p, err);
	if (r == 0)
		loop_run(p.loop);
	proxy_end(&p);
	IGNORE(proxy_close(p.backend, PROXY_KEEP, NULL), "keeping cannot fail");
	return r;
}

const struct cmd_verb cmd_proxy = {.spec = &proxy_spec, .run = proxy_run};
