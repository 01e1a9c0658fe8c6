/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include "apiserver/apiserver.h"
#include "base/fd.h"
#include "base/rand.h"
#include "base/trim.h"
#include "client/client.h"
#include "cmd/audit_log.h"
#include "cmd/credentials.h"
#include "cmd/identity.h"
#include "controller/controller.h"
#include "controller/leader.h"
#include "http/client.h"
#include "http/server.h"
#include "loop/loop.h"
#include "store/etcd/etcd.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_COMPONENT "server"
#include "base/log.h"

enum {
	STOP_GRACE_MS = 5000,     /* answers under way may take this long when the server stops */
	GIVE_BACK_MS = 10 * 1000, /* between looks at memory that is free */
	AGENT_PORT = 10250,       /* of an agent whose Node does not say it */
	ROOT_CA_MAX = 64 * 1024,  /* bytes of the CA's certificate */
	LISTEN_FDS_FIRST = 3,     /* sd_listen_fds(3) */
	LISTEN_FDS_MAX = 64,
};

static const struct options_entry entries[] = {
	{"data-dir", "DIR", NULL,
	 "Where the store, the certificates and the kubeconfigs are kept. It is "
	 "made when it is missing. Only one server at a time can use it.",
	 OPTIONS_REQUIRED},
	{"store", "KIND", "sqlite",
	 "Where objects are kept: sqlite (in DIR, durable), memory (gone "
	 "with the process; for tests and trials) or etcd (see --etcd-servers).",
	 0},
	{"etcd-servers", "URL[,URL…]", NULL,
	 "Keeps objects in etcd (3.4 or newer), which several servers may share: "
	 "http[s]://HOST:PORT of its members. The keys are Kubernetes', below /registry.",
	 0},
	{"etcd-cafile", "FILE", NULL,
	 "Certificate authority of etcd's members, PEM. Default: the system's.", 0},
	{"etcd-certfile", "FILE", NULL, "Client certificate for etcd, PEM.", 0},
	{"etcd-keyfile", "FILE", NULL, "Its key, PEM.", 0},
	{"bind-address", "ADDRESS", "0.0.0.0", "Address to listen on for HTTPS.", 0},
	{"secure-port", "PORT", "6443", "Port for HTTPS. 0 picks a free one.", 0},
	{"insecure-port", "PORT", "0",
	 "Port for plain HTTP without authentication, on the loopback "
	 "address only. 0: none.",
	 0},
	{"advertise-address", "ADDRESS", NULL,
	 "Address at which the others reach this server. Default: the "
	 "bind address, or the one from which this host reaches others.",
	 0},
	{"ca-file", "FILE", NULL,
	 "Certificate authority of the cluster, PEM. Default: DIR/pki/ca.crt, "
	 "made on the first start. Servers that share a store must share it.",
	 0},
	{"ca-key-file", "FILE", NULL, "Its key, PEM. Default: DIR/pki/ca.key.", 0},
	{"tls-san", "NAME", NULL, "Another host name or address for the server's certificate.",
	 OPTIONS_REPEAT},
	{"service-cluster-ip-range", "CIDR[,CIDR]", "10.96.0.0/16",
	 "Where Services get their cluster IPs: "
	 "one range, or one of each IP family, the preferred one first.",
	 0},
	{"service-node-port-range", "A-B", "30000-32767", "Where Services get their node ports.",
	 0},
	{"controllers", "WHICH", "all",
	 "Which controllers run in this server: all, or none (another one runs them, or none is "
	 "wanted). all,-accounts leaves out the one that gives namespaces their ServiceAccount "
	 "and the CA.",
	 0},
	{"service-repair-period", "SECONDS", "180",
	 "How often addresses and node ports are compared with the Services that have them.", 0},
	{"authorization-mode", "MODE", "Node,RBAC",
	 "One or more of: RBAC: who may do what is said by roles and bindings. Node: nodes may do "
	 "what the Pods that they run need. AlwaysAllow: whoever is let in may do everything.",
	 0},
	{"anonymous-auth", "BOOL", "true",
	 "Whether requests without certificate and token are served at all, as user "
	 "system:anonymous.",
	 0},
	{"token-auth-file", "FILE", NULL,
	 "Static bearer tokens: lines TOKEN,USER,UID,\"GROUP,GROUP\". Read again when it changes.",
	 0},
	{"service-account-issuer", "URL", NULL,
	 "Issuer of ServiceAccount tokens; further ones are accepted too. Default: "
	 "https://kubernetes.default.svc.cluster.local.",
	 OPTIONS_REPEAT},
	{"service-account-signing-key-file", "FILE", NULL,
	 "Private key (RSA or ECDSA P-256, PEM) that signs ServiceAccount tokens. Default: "
	 "DIR/pki/sa.key, made on the first start. Servers that share a store must share it.",
	 0},
	{"service-account-key-file", "FILE", NULL,
	 "Another key, private or public, whose ServiceAccount tokens are accepted.",
	 OPTIONS_REPEAT},
	{"api-audiences", "NAME[,NAME]", NULL,
	 "Whom ServiceAccount tokens must be for to be accepted here. Default: the issuer.", 0},
	{"disable-admission-plugins", "NAME", NULL,
	 "ServiceAccount: Pods get no account and no token by themselves.", 0},
	{"audit-log-path", "FILE", NULL,
	 "Where to write who asked for what, a line of JSON for each request. Default: nowhere.",
	 0},
	{"audit-log-maxsize", "MIB", "100",
	 "Size of the audit log at which a new file is begun. 0: never.", 0},
	{"audit-log-maxbackup", "N", "10", "How many older files of the audit log are kept.", 0},
	{"write-kubeconfig", "FILE", NULL,
	 "Where to write the administrator's kubeconfig, besides "
	 "DIR/pki/admin.kubeconfig.",
	 0},
	{"log-level", "LEVEL", "info", "error, warning, info or debug.", 0},
};

static const struct options_spec spec = {
	.command = "server",
	.summary = "runs the API server and the controllers",
	.description =
		"On its first start it makes a certificate authority, its own certificate, and one with a "
		"kubeconfig for each part that calls it, in DIR/pki.\n\n"
		"Sockets that a service manager hands over (LISTEN_FDS, sd_listen_fds(3)) are served as "
		"HTTPS listeners besides its own. SIGTERM and SIGINT stop it gracefully.",
	.entries = entries,
	.n_entries = ARRAY_LEN(entries),
};

struct server {
	const struct options *options;
	const char *data_dir;
	struct loop *loop;
	struct store *store;
	struct identity identity;
	bool has_identity;
	struct buf root_ca; /* the CA's certificate, for Pods */
	struct credentials *credentials;
	struct audit_log *audit;
	struct apiserver *api;
	struct apiserver_config config;
	struct client *own_calls;        /* the controllers' */
	struct controllers *controllers; /* NULL: not started, or not wanted */
	struct leader *leader;           /* NULL: no other server can have this store */
	bool wants_controllers, has_no_accounts;
	struct http_server *https, *http;
	struct loop_signal *signals[2];
	struct loop_timer *give_back;
	struct ip_addr bind, advertise;
	unsigned n_stopping; /* HTTP servers that have not ended */
	bool is_stopping;
	int64_t began_ms;
};

static void handle_secure(void *ctx, struct http_exchange *x)
{
	apiserver_handle(((struct server *)ctx)->api, x);
}

static void handle_insecure(void *ctx, struct http_exchange *x)
{
	apiserver_handle_insecure(((struct server *)ctx)->api, x);
}

static void on_audit(void *ctx, struct str line)
{
	audit_log_add(((struct server *)ctx)->audit, line);
}

static void on_tell(void *ctx, bool is_error, const char *text)
{
	if (is_error)
		log_error("%s", text);
	else
		log_warning("%s", text);
}

static void start_controllers(struct server *s)
{
	const struct controllers_config config = {
		.has_no_accounts = s->has_no_accounts,
		.root_ca = buf_str(&s->root_ca),
	};

	s->controllers = controllers_start(s->loop, s->own_calls, &config);
}

static void on_lead(void *ctx, bool leads)
{
	struct server *s = ctx;

	log_info(leads ? "leading: starting the controllers" : "leading no more: stopping them");
	controllers_stop(s->controllers);
	s->controllers = NULL;
	if (leads)
		start_controllers(s);
}

/* Several servers may share an etcd; the controllers run in one of them. */
static void elect(struct server *s)
{
	char host[256] = "", uid[RAND_UUID_LEN + 1], identity[sizeof(host) + sizeof(uid) + 1];
	struct leader_config config = {.name = "fairlead-controllers",
				       .identity = identity,
				       .on_change = on_lead,
				       .ctx = s};

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = 0;
	rand_uuid(uid);
	snprintf(identity, sizeof(identity), "%s_%s", host, uid);
	s->leader = leader_new(s->loop, s->own_calls, &config);
}

static void on_ready(void *ctx)
{
	struct server *s = ctx;

	if (s->wants_controllers) {
		s->own_calls =
			client_new(s->loop, apiserver_transport(s->api), "fairlead-controllers");
		if (options_is_given(s->options, "etcd-servers"))
			elect(s);
		else
			start_controllers(s);
	}
	log_info("ready port=%u took_ms=%lld", s->config.secure_port,
		 (long long)(clock_mono_ms(loop_clock(s->loop)) - s->began_ms));
}

static int agent_transport(void *ctx, struct str host, uint16_t port, struct http_transport **ret,
			   struct err *err)
{
	struct server *s = ctx;
	struct http_client_config config = {
		.host = host,
		.port = port ? port : AGENT_PORT,
		.is_tls = true,
		.ca_file = s->identity.ca_cert,
		.cert_file = s->identity.agent_cert,
		.key_file = s->identity.agent_key,
		.is_http1_only = true, /* a connection is for one call, which may upgrade it */
	};

	return http_client_new(s->loop, &config, ret, err);
}

/* Options */

/* The address from which this host reaches others: the kernel's choice; nothing is sent. */
static int find_own_addr(struct ip_addr *ret, struct err *err)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)}, own;
	socklen_t len = sizeof(own);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = 0;

	to.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1, RFC 5737 */
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&own, &len) < 0)
		r = err_set(err, ERR_USAGE,
			    "this host has no default route: say where others reach it with "
			    "--advertise-address");
	else
		*ret = ip_from_bytes(&own.sin_addr, IP_V4);
	if (fd >= 0)
		close(fd);
	return r;
}

static int parse_addrs(struct server *s, struct err *err)
{
	struct ip_addr loopback = ip_from_v4(0x7f000001);
	int r = options_addr(s->options, "bind-address", &s->bind, err);

	if (r < 0)
		return r;
	if (options_is_given(s->options, "advertise-address"))
		return options_addr(s->options, "advertise-address", &s->advertise, err);
	s->advertise = s->bind;
	if (!ip_is_unspecified(&s->bind))
		return 0;
	if (find_own_addr(&s->advertise, err) < 0)
		s->advertise = loopback;
	return 0;
}

static int parse_cidrs(struct server *s, struct err *err)
{
	struct str rest = str_of(options_get(s->options, "service-cluster-ip-range")), one;
	struct apiserver_config *c = &s->config;

	while (str_next(&rest, ',', &one)) {
		struct ip_prefix *p = &c->service_cidrs[c->n_service_cidrs];

		if (c->n_service_cidrs == ARRAY_LEN(c->service_cidrs))
			return err_set(err, ERR_USAGE,
				       "--service-cluster-ip-range: two ranges are the most");
		if (ip_prefix_parse(one, p, NULL) < 0)
			return err_set(err, ERR_USAGE,
				       "--service-cluster-ip-range: '%.*s' is not a CIDR",
				       STR_ARG(one));
		p->addr = ip_prefix_base(p);
		c->n_service_cidrs++;
	}
	return 0;
}

static int parse_controllers(struct server *s, struct err *err)
{
	const char *which = options_get(s->options, "controllers");

	s->has_no_accounts = str_eq_c(str_of(which), "all,-accounts");
	s->wants_controllers = s->has_no_accounts || str_eq_c(str_of(which), "all");
	if (!s->wants_controllers && !str_eq_c(str_of(which), "none"))
		return err_set(err, ERR_USAGE,
			       "--controllers: '%s' must be all, all,-accounts or none", which);
	return 0;
}

static int parse_options(struct server *s, struct err *err)
{
	enum log_level level;
	int64_t first, last, repair_s;
	int r = log_level_parse(options_get(s->options, "log-level"), &level, err);

	if (r < 0)
		return r;
	log_set_level(level);
	s->data_dir = options_get(s->options, "data-dir");
	r = parse_addrs(s, err);
	if (r == 0)
		r = parse_cidrs(s, err);
	if (r == 0)
		r = options_range(s->options, "service-node-port-range", 1, 65535, &first, &last,
				  err);
	if (r == 0)
		r = parse_controllers(s, err);
	if (r == 0)
		r = options_int(s->options, "service-repair-period", 1, 86400, &repair_s, err);
	if (r < 0)
		return r;
	s->config.repair_ms = repair_s * 1000;
	s->config.node_port_first = (uint16_t)first;
	s->config.node_port_last = (uint16_t)last;
	return 0;
}

/* Start */

static int open_etcd(struct server *s, struct err *err)
{
	struct etcd_config config = {
		.servers = options_get(s->options, "etcd-servers"),
		.ca_file = options_get(s->options, "etcd-cafile"),
		.cert_file = options_get(s->options, "etcd-certfile"),
		.key_file = options_get(s->options, "etcd-keyfile"),
		.prefix = STR("/registry/"),
		.tell = on_tell,
	};
	int r;

	if (!config.servers)
		return err_set(err, ERR_USAGE, "--store=etcd needs --etcd-servers");
	if (options_is_given(s->options, "store") &&
	    !str_eq_c(str_of(options_get(s->options, "store")), "etcd"))
		return err_set(err, ERR_USAGE, "--etcd-servers: --store must be etcd then");
	r = etcd_open(s->loop, &config, &s->store, err);
	return r < 0 ? err_wrap(err, r, "--etcd-servers") : 0;
}

static int open_store(struct server *s, struct err *err)
{
	const char *kind = options_get(s->options, "store");

	int r = fd_make_dir(s->data_dir, 0700, err);

	if (r < 0)
		return err_wrap(err, r, "--data-dir");
	if (options_is_given(s->options, "etcd-servers") || str_eq_c(str_of(kind), "etcd"))
		return open_etcd(s, err);
	if (str_eq_c(str_of(kind), "memory")) {
		s->store = store_memory_new(s->loop);
		return 0;
	}
	if (!str_eq_c(str_of(kind), "sqlite"))
		return err_set(err, ERR_USAGE, "--store: '%s' must be sqlite, memory or etcd",
			       kind);
	return store_sqlite_open(s->loop, s->data_dir, &s->store, err);
}

static int open_identity(struct server *s, struct err *err)
{
	VEC(const char *) dns = {0};
	VEC(struct ip_addr) addrs = {0};
	struct ip_addr first = ip_plus(&s->config.service_cidrs[0].addr, 1), extra;
	struct ip_addr v6_loopback = {.b = {[15] = 1}};
	const char *san;
	int r;

	*vec_push(&addrs) = ip_from_v4(0x7f000001);
	*vec_push(&addrs) = v6_loopback;
	*vec_push(&addrs) = first;
	*vec_push(&addrs) = s->advertise;
	if (!ip_is_unspecified(&s->bind))
		*vec_push(&addrs) = s->bind;
	for (size_t i = 0; (san = options_nth(s->options, "tls-san", i)); i++) {
		if (ip_parse(str_of(san), &extra, NULL) == 0)
			*vec_push(&addrs) = extra;
		else
			*vec_push(&dns) = san;
	}
	*vec_push(&dns) = NULL;
	r = identity_open(
		s->data_dir,
		&(struct identity_names){.dns = dns.ptr,
					 .addrs = addrs.ptr,
					 .n_addrs = addrs.len,
					 .ca_cert = options_get(s->options, "ca-file"),
					 .ca_key = options_get(s->options, "ca-key-file")},
		&s->identity, err);
	s->has_identity = r == 0;
	if (r == 0)
		r = fd_read_file(s->identity.ca_cert, ROOT_CA_MAX, &s->root_ca, err);
	vec_fini(&dns);
	vec_fini(&addrs);
	return r;
}

static int open_audit(struct server *s, struct err *err)
{
	struct audit_log_config config = {.path = options_get(s->options, "audit-log-path")};
	int r = options_int(s->options, "audit-log-maxsize", 0, 1024 * 1024, &config.max_bytes,
			    err);

	if (r == 0)
		r = options_int(s->options, "audit-log-maxbackup", 0, 1000, &config.max_backups,
				err);
	if (r < 0 || !config.path)
		return r;
	config.max_bytes *= 1024 * 1024;
	r = audit_log_open(s->loop, &config, &s->audit, err);
	if (r == 0)
		s->config.audit = on_audit;
	return r;
}

/* Sockets that the service manager opened for us. */
static int take_listen_fds(struct server *s, struct err *err)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	int64_t n;

	if (!pid || !count || str_to_i64(str_of(pid), 0, INT32_MAX, &n, NULL) < 0 || n != getpid())
		return 0;
	if (str_to_i64(str_of(count), 0, LISTEN_FDS_MAX, &n, NULL) < 0)
		return err_set(err, ERR_USAGE, "LISTEN_FDS: '%s' must be a number up to %d", count,
			       LISTEN_FDS_MAX);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	for (int i = 0; i < n; i++) {
		int r = http_server_listen_fd(s->https, LISTEN_FDS_FIRST + i, err);

		if (r < 0)
			return err_wrap(err, r, "socket %d of LISTEN_FDS", i);
	}
	return 0;
}

static int listen_insecure(struct server *s, struct err *err)
{
	struct ip_addr loopback = ip_from_v4(0x7f000001);
	int64_t port;
	uint16_t actual;
	int r = options_int(s->options, "insecure-port", 0, 65535, &port, err);

	if (r < 0 || port == 0)
		return r;
	r = http_server_new(s->loop, NULL, handle_insecure, s, &s->http, err);
	if (r == 0)
		http_server_refusals_by(s->http, apiserver_word_refusal);
	if (r == 0)
		r = http_server_listen(s->http, &loopback, (uint16_t)port, &actual, err);
	if (r == 0)
		log_warning("serving plain HTTP without authentication port=%u", actual);
	return r;
}

static int listen_secure(struct server *s, struct err *err)
{
	struct http_tls tls = {.cert_file = s->identity.server_cert,
			       .key_file = s->identity.server_key,
			       .client_ca_file = s->identity.ca_cert};
	int64_t port;
	int r = options_int(s->options, "secure-port", 0, 65535, &port, err);

	if (r == 0)
		r = http_server_new(s->loop, &tls, handle_secure, s, &s->https, err);
	if (r == 0)
		http_server_refusals_by(s->https, apiserver_word_refusal);
	if (r == 0)
		r = http_server_listen(s->https, &s->bind, (uint16_t)port, &s->config.secure_port,
				       err);
	if (r == 0)
		credentials_follow_tls(s->credentials, s->https, &tls);
	if (r == 0)
		r = take_listen_fds(s, err);
	return r;
}

static const char *url(struct arena *a, const struct ip_addr *addr, uint16_t port)
{
	char text[IP_TEXT_MAX];

	ip_format(addr, text);
	return str_printf(a, ip_family(addr) == IP_V6 ? "https://[%s]:%u" : "https://%s:%u", text,
			  port)
		.ptr;
}

/* The administrator is mostly on this machine; the parts may be anywhere. */
static int write_kubeconfigs(struct server *s, struct err *err)
{
	struct ip_addr local = ip_is_unspecified(&s->bind) ? ip_from_v4(0x7f000001) : s->bind;
	struct arena *a = &s->identity.arena;

	return identity_write_kubeconfigs(&s->identity, s->data_dir,
					  url(a, &s->advertise, s->config.secure_port),
					  options_get(s->options, "write-kubeconfig"),
					  url(a, &local, s->config.secure_port), err);
}

/* Stop */

static void stop_controllers(struct server *s)
{
	controllers_stop(s->controllers);
	s->controllers = NULL;
	leader_free(s->leader);
	s->leader = NULL;
	if (s->own_calls)
		client_free(s->own_calls);
	s->own_calls = NULL;
}

static void on_stopped(void *ctx)
{
	struct server *s = ctx;

	if (--s->n_stopping == 0)
		loop_stop(s->loop);
}

static void stop_serving(void *ctx)
{
	struct server *s = ctx;

	stop_controllers(s);
	apiserver_stop(s->api);
	s->n_stopping = s->http ? 2 : 1;
	http_server_stop(s->https, STOP_GRACE_MS, on_stopped, s);
	if (s->http)
		http_server_stop(s->http, STOP_GRACE_MS, on_stopped, s);
}

static void on_released(void *ctx)
{
	struct server *s = ctx;

	loop_post(s->loop, stop_serving, s); /* not from inside a callback of its client */
}

static void on_signal(void *ctx, int signo)
{
	struct server *s = ctx;

	if (s->is_stopping) {
		loop_stop(s->loop);
		return;
	}
	s->is_stopping = true;
	log_info("stopping signal=%d", signo);
	controllers_stop(s->controllers);
	s->controllers = NULL;
	if (s->leader) /* another server may lead at once */
		leader_release(s->leader, on_released, s);
	else
		stop_serving(s);
}

static void on_give_back(void *ctx _unused_)
{
	trim_heap();
}

/* Each connection is a descriptor, and a shell allows 1,024 unless asked for more. */
static void allow_connections(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur > HTTP_CONNECTIONS_MAX)
		return;
	l.rlim_cur = MIN(l.rlim_max, (rlim_t)2 * HTTP_CONNECTIONS_MAX);
	if (setrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur <= HTTP_CONNECTIONS_MAX)
		log_warning("the limit of open files is lower than that of connections files=%llu "
			    "connections=%d",
			    (unsigned long long)l.rlim_cur, HTTP_CONNECTIONS_MAX);
}

static int start(struct server *s, struct err *err)
{
	static const int signals[] = {SIGTERM, SIGINT};
	int r = parse_options(s, err);

	allow_connections();
	s->give_back = loop_timer_new(s->loop, on_give_back, s);
	loop_timer_start(s->give_back, GIVE_BACK_MS, GIVE_BACK_MS);

	if (r == 0)
		r = open_store(s, err);
	if (r == 0)
		r = open_identity(s, err);
	if (r == 0)
		r = open_audit(s, err);
	if (r == 0)
		r = credentials_open(s->loop, s->options, s->data_dir, &s->config, &s->credentials,
				     err);
	if (r == 0)
		r = listen_secure(s, err);
	if (r == 0)
		r = listen_insecure(s, err);
	if (r < 0)
		return r;
	s->config.store = s->store;
	s->config.advertise = s->advertise;
	s->config.agent_transport = agent_transport;
	s->config.tell = on_tell;
	s->config.on_ready = on_ready;
	s->config.ctx = s;
	r = apiserver_new(s->loop, &s->config, &s->api, err);
	if (r == 0)
		r = credentials_use(s->credentials, s->api, err);
	if (r == 0)
		r = write_kubeconfigs(s, err);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(signals); i++)
		r = loop_signal_new(s->loop, signals[i], on_signal, s, &s->signals[i], err);
	return r;
}

/* In this order: the exchanges end before the API server that answers them, and the store's last
 * callbacks find it still there. */
static void shut(struct server *s)
{
	stop_controllers(s);
	loop_timer_close(s->give_back);
	if (s->api)
		apiserver_stop(s->api);
	for (size_t i = 0; i < ARRAY_LEN(s->signals); i++)
		if (s->signals[i])
			loop_signal_close(s->signals[i]);
	if (s->https)
		http_server_free(s->https);
	if (s->http)
		http_server_free(s->http);
	if (s->store)
		store_close(s->store);
	credentials_free(s->credentials);
	audit_log_close(s->audit);
	apiserver_free(s->api);
	if (s->has_identity)
		identity_fini(&s->identity);
	buf_fini(&s->root_ca);
	loop_turn(s->loop, 0); /* what has been posted frees itself */
	loop_free(s->loop);
}

static int run(const struct options *o, struct err *err)
{
	struct server s = {.options = o, .root_ca = BUF_INIT, .loop = loop_new()};
	int r;

	s.began_ms = clock_mono_ms(loop_clock(s.loop));
	r = start(&s, err);
	if (r == 0) {
		loop_run(s.loop);
		log_info("stopped");
	}
	shut(&s);
	return r;
}

const struct cmd_verb cmd_server = {&spec, run};
