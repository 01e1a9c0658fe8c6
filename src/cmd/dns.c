/* SPDX-License-Identifier: Apache-2.0 */
/* fairlead dns: the cluster's DNS server, fed by the API. */
#define LOG_COMPONENT "dns"
#include "base/log.h"
#include "base/metrics.h"
#include "client/client.h"
#include "cmd/cmd.h"
#include "dns/server.h"
#include "dns/source.h"
#include "http/server.h"
#include "loop/loop.h"

#include <signal.h>
#include <stdlib.h>

enum {
	SERVERS_MAX = 16
};

static const struct options_entry dns_entries[] = {
	{"kubeconfig", "FILE", NULL,
	 "How to reach the API server. Without it, a Pod's service account is used.", 0},
	{"bind-address", "ADDRESS",
	 "::", "Address to answer on, UDP and TCP; may be repeated. '::' takes IPv4 too.",
	 OPTIONS_REPEAT},
	{"port", "PORT", "53", "Port to answer on.", 0},
	{"cluster-domain", "DOMAIN", "cluster.local",
	 "The domain that Services have their names in.", 0},
	{"ttl", "SECONDS", "5", "Time to live of answers, 0 to 3600.", 0},
	{"pods", "MODE", "insecure",
	 "Names of Pods (a-b-c-d.NAMESPACE.pod.DOMAIN): 'insecure' answers any address in a namespace that exists, "
	 "'disabled' none.",
	 0},
	{"health-bind-address", "ADDRESS", NULL,
	 "Address of /health, /ready and /metrics. Off by default.", 0},
	{"health-port", "PORT", "8080", "Port of /health, /ready and /metrics.", 0},
};

static const struct options_spec dns_spec = {
	.command = "dns",
	.summary = "answers the cluster's DNS names from the API",
	.description =
		"Names of Services, headless Services and their endpoints, ExternalNames, SRV and PTR records, by the "
		"Kubernetes DNS-based service discovery specification 1.1.0. Until Services, EndpointSlices and "
		"Namespaces have been listed once, names that are missing are answered SERVFAIL and /ready says 503.\n\n"
		"Names outside the cluster's domain are refused: forwarding is left to another resolver.",
	.entries = dns_entries,
	.n_entries = ARRAY_LEN(dns_entries),
};

struct dns_part {
	struct loop *loop;
	struct client *client;
	struct dns_zone zone;
	struct dns_source *source;
	struct dns_server *servers[SERVERS_MAX];
	struct ip_addr addrs[SERVERS_MAX];
	size_t n_servers;
	struct http_server *health;
	struct loop_signal *on_term, *on_int;
};

static struct metric dns_queries = {.name = "fairlead_dns_requests_total",
				    .help = "Queries answered, by protocol.",
				    .kind = METRIC_COUNTER,
				    .labels = {"proto"}};
static struct metric dns_answers = {.name = "fairlead_dns_responses_total",
				    .help = "Answers, by response code.",
				    .kind = METRIC_COUNTER,
				    .labels = {"rcode"}};
static struct metric dns_dropped = {
	.name = "fairlead_dns_dropped_total",
	.help = "Datagrams that were no query, or whose answer could not be sent.",
	.kind = METRIC_COUNTER};
static struct metric dns_revision = {.name = "fairlead_dns_revision",
				     .help = "Revision of EndpointSlices that answers reflect.",
				     .kind = METRIC_GAUGE};
static struct metric *const dns_metrics[] = {&dns_queries, &dns_answers, &dns_dropped,
					     &dns_revision};

static void dns_measure(const struct dns_part *p)
{
	static const char *const rcodes[16] = {"NOERROR",  "FORMERR", "SERVFAIL",
					       "NXDOMAIN", "NOTIMP",  "REFUSED"};
	struct dns_server_stats sum = {0};

	for (size_t i = 0; i < p->n_servers; i++) {
		struct dns_server_stats one;

		dns_server_stats(p->servers[i], &one);
		sum.udp_queries += one.udp_queries;
		sum.tcp_queries += one.tcp_queries;
		sum.dropped += one.dropped;
		for (size_t k = 0; k < ARRAY_LEN(one.by_rcode); k++)
			sum.by_rcode[k] += one.by_rcode[k];
	}
	metric_set(&dns_queries, (const char *[]){"udp"}, (double)sum.udp_queries);
	metric_set(&dns_queries, (const char *[]){"tcp"}, (double)sum.tcp_queries);
	metric_set(&dns_dropped, NULL, (double)sum.dropped);
	metric_set(&dns_revision, NULL, (double)dns_source_rev(p->source));
	for (size_t k = 0; k < ARRAY_LEN(rcodes) && rcodes[k]; k++)
		metric_set(&dns_answers, (const char *[]){rcodes[k]}, (double)sum.by_rcode[k]);
}

static void dns_health(void *ctx, struct http_exchange *x)
{
	struct dns_part *p = ctx;

	if (str_eq_c(x->req.path, "/health")) {
		http_reply_text(x, 200, "OK");
	} else if (str_eq_c(x->req.path, "/ready")) {
		if (p->zone.is_synced)
			http_reply_text(x, 200, "OK");
		else
			http_reply_text(x, 503, "kubernetes: not synced yet");
	} else if (str_eq_c(x->req.path, "/metrics")) {
		dns_measure(p);
		http_reply_metrics(x);
	} else {
		http_reply_text(x, 404, "not found: /health, /ready and /metrics are here");
	}
}

static void dns_stop(void *ctx, int signo)
{
	struct dns_part *p = ctx;

	log_info("stopping signal=%d", signo);
	loop_stop(p->loop);
}

static void dns_synced(void *ctx)
{
	struct dns_part *p = ctx;

	log_info("synced services=%zu namespaces=%zu revision=%llu", map_len(&p->zone.services),
		 map_len(&p->zone.namespaces), (unsigned long long)dns_source_rev(p->source));
}

/* The addresses to answer on; those that are no wildcards are the server's own. */
static int dns_addrs(const struct options *o, struct dns_part *p, struct err *err)
{
	const char *text;

	for (size_t i = 0; (text = options_nth(o, "bind-address", i)); i++) {
		int r;

		if (i == SERVERS_MAX)
			return err_set(err, ERR_USAGE, "--bind-address: at most %d", SERVERS_MAX);
		r = ip_parse(str_of(text), &p->addrs[i], err);
		if (r < 0)
			return err_wrap(err, r, "--bind-address");
		p->n_servers++;
	}
	return 0;
}

static int dns_zone_from(const struct options *o, struct dns_part *p, struct err *err)
{
	struct ip_addr self[SERVERS_MAX];
	struct dns_zone_config config = {.domain = str_of(options_get(o, "cluster-domain")),
					 .self = self};
	struct str pods = str_of(options_get(o, "pods"));
	int64_t ttl;
	int r = options_int(o, "ttl", 0, 3600, &ttl, err);

	if (r < 0)
		return r;
	config.ttl = (uint32_t)ttl;
	config.has_pod_names = str_eq_c(pods, "insecure");
	if (!config.has_pod_names && !str_eq_c(pods, "disabled"))
		return err_set(err, ERR_USAGE,
			       "--pods: must be 'insecure' or 'disabled', got '%.*s'",
			       STR_ARG(pods));
	for (size_t i = 0; i < p->n_servers; i++)
		if (!ip_is_unspecified(&p->addrs[i]))
			self[config.n_self++] = p->addrs[i];
	return dns_zone_init(&p->zone, &config, err);
}

static int dns_listen(const struct options *o, struct dns_part *p, struct err *err)
{
	struct ip_addr addr;
	int64_t port;
	int r = options_int(o, "port", 1, 65535, &port, err);

	for (size_t i = 0; r == 0 && i < p->n_servers; i++)
		r = dns_server_new(p->loop, &p->zone, &p->addrs[i], (uint16_t)port, &p->servers[i],
				   NULL, err);
	if (r < 0 || !options_is_given(o, "health-bind-address"))
		return r;
	r = options_addr(o, "health-bind-address", &addr, err);
	if (r == 0)
		r = options_int(o, "health-port", 1, 65535, &port, err);
	if (r == 0)
		r = http_server_new(p->loop, NULL, dns_health, p, &p->health, err);
	if (r == 0)
		r = http_server_listen(p->health, &addr, (uint16_t)port, NULL, err);
	return r;
}

static int dns_start(const struct options *o, struct dns_part *p, struct err *err)
{
	int r = dns_addrs(o, p, err);

	if (r == 0)
		r = dns_zone_from(o, p, err);
	if (r < 0)
		return r;
	r = client_kubeconfig_open(p->loop, options_get(o, "kubeconfig"),
				   "fairlead-dns/" FAIRLEAD_VERSION, &p->client, err);
	if (r == 0)
		r = dns_listen(o, p, err);
	if (r == 0)
		r = loop_signal_new(p->loop, SIGTERM, dns_stop, p, &p->on_term, err);
	if (r == 0)
		r = loop_signal_new(p->loop, SIGINT, dns_stop, p, &p->on_int, err);
	if (r == 0)
		p->source = dns_source_new(p->loop, p->client, &p->zone, dns_synced, p);
	return r;
}

static void dns_end(struct dns_part *p)
{
	for (size_t i = 0; i < p->n_servers; i++)
		dns_server_free(p->servers[i]);
	if (p->health)
		http_server_free(p->health);
	if (p->on_term)
		loop_signal_close(p->on_term);
	if (p->on_int)
		loop_signal_close(p->on_int);
	dns_source_free(p->source);
	if (p->client)
		client_free(p->client);
	dns_zone_fini(&p->zone);
	metrics_reset();
	loop_free(p->loop);
}

static int dns_run(const struct options *o, struct err *err)
{
	struct dns_part p = {.loop = loop_new()};
	int r;

	metrics_register(dns_metrics, ARRAY_LEN(dns_metrics));
	r = dns_start(o, &p, err);
	if (r == 0) {
		log_info("answering addresses=%zu port=%s domain=%s", p.n_servers,
			 options_get(o, "port"), options_get(o, "cluster-domain"));
		loop_run(p.loop);
	}
	dns_end(&p);
	return r;
}

const struct cmd_verb cmd_dns = {.spec = &dns_spec, .run = dns_run};
