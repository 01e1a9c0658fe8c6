/* SPDX-License-Identifier: Apache-2.0 */
#include "client/kubeconfig.h"

#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

#define HEAD                                                                                       \
	"apiVersion: v1\nkind: Config\ncurrent-context: lab\ncontexts:\n- name: other\n  "         \
	"context: {cluster: x, user: y}\n- context:\n    cluster: lab\n    user: admin\n  "        \
	"name: lab\n"

struct fixture {
	struct arena a;
	struct client_kubeconfig k;
	struct err err;
};

static int parse(struct fixture *f, const char *text)
{
	arena_init(&f->a, 0);
	f->err.msg[0] = '\0';
	return client_kubeconfig_parse(&f->a, str_of(text), "/etc/fairlead", &f->k, &f->err);
}

TEST(reads_inline_certificates)
{
	struct fixture f;
	struct err err;

	ASSERT_OK((parse(&f, HEAD "clusters:\n- name: lab\n  cluster:\n"
				  "    server: https://192.0.2.1:6443\n"
				  "    certificate-authority-data: Q0EtUEVN\n"
				  "    tls-server-name: kubernetes\n"
				  "users:\n- name: admin\n  user:\n"
				  "    client-certificate-data: Q0VSVA==\n"
				  "    client-key-data: >-\n      S0V\n      Z\n"),
		   err = f.err, 0));
	ASSERT_STREQ(f.err.msg, "");
	ASSERT_STR(f.k.http.host, STR("192.0.2.1"));
	ASSERT_EQ(f.k.http.port, 6443);
	ASSERT_TRUE(f.k.http.is_tls);
	ASSERT_FALSE(f.k.http.is_insecure);
	ASSERT_STR(f.k.http.ca_pem, STR("CA-PEM"));
	ASSERT_STR(f.k.http.cert_pem, STR("CERT"));
	ASSERT_STR(f.k.http.key_pem, STR("KEY"));
	ASSERT_STR(f.k.http.server_name, STR("kubernetes"));
	arena_fini(&f.a);
}

TEST(reads_files_and_tokens)
{
	struct fixture f;

	ASSERT_EQ(parse(&f,
			HEAD "clusters: [{name: lab, cluster: {server: 'https://[2001:db8::1]', "
			     "certificate-authority: ca.crt, insecure-skip-tls-verify: true}}]\n"
			     "users: [{name: admin, user: {client-certificate: /a/c.crt, "
			     "client-key: c.key, tokenFile: tok}}]\n"),
		  0);
	ASSERT_STR(f.k.http.host, STR("2001:db8::1"));
	ASSERT_EQ(f.k.http.port, 443);
	ASSERT_TRUE(f.k.http.is_insecure);
	ASSERT_STREQ(f.k.http.ca_file, "/etc/fairlead/ca.crt");
	ASSERT_STREQ(f.k.http.cert_file, "/a/c.crt");
	ASSERT_STREQ(f.k.http.key_file, "/etc/fairlead/c.key");
	ASSERT_STREQ(f.k.token_file, "/etc/fairlead/tok");
	arena_fini(&f.a);
	ASSERT_EQ(parse(&f, HEAD
			"clusters: [{name: lab, cluster: {server: 'http://localhost:8080/'}}]\n"
			"users: [{name: admin, user: {token: abc, tokenFile: tok}}]\n"),
		  0);
	ASSERT_STR(f.k.token, STR("abc"));
	ASSERT_TRUE(!f.k.token_file && !f.k.http.is_tls);
	ASSERT_EQ(f.k.http.port, 8080);
	arena_fini(&f.a);
}

TEST(says_what_is_wrong)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"", "current-context: missing"},
		{"current-context: lab\n", "contexts: there is none named \"lab\""},
		{HEAD, "clusters: there is none named \"lab\""},
		{HEAD "clusters: [{name: lab, cluster: {}}]\n", "cluster \"lab\": server: missing"},
		{HEAD "clusters: [{name: lab, cluster: {server: 'https://h:0'}}]\n",
		 "cluster \"lab\": server: the port"},
		{HEAD "clusters: [{name: lab, cluster: {server: 'https://h/k8s'}}]\n",
		 "a path in the URL is not supported"},
		{HEAD "clusters: [{name: lab, cluster: {server: 'https://h', "
		      "certificate-authority-data: '*'}}]\n",
		 "certificate-authority-data: not base64"},
		{HEAD "clusters: [{name: lab, cluster: {server: h}}]\n",
		 "users: there is none named \"admin\""},
		{HEAD "clusters: [{name: lab, cluster: {server: h}}]\n"
		      "users: [{name: admin, user: {exec: {command: x}}}]\n",
		 "user \"admin\": exec: not supported"},
		{HEAD "clusters: [{name: lab, cluster: {server: h}}]\n"
		      "users: [{name: admin, user: {client-certificate: x}}]\n",
		 "one of them is missing"},
		{"a: &x 1\nb: *x\n", "line 2: an alias"},
		{"a: [1\n", "line 2: "},
		{"---\na: 1\n---\nb: 1\n", "line 3: a second document"},
		{"? [a]\n: b\n", "line 1: a key that is not a string"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture f;

		ASSERT_TRUE(parse(&f, cases[i].text) < 0);
		if (!strstr(f.err.msg, cases[i].said))
			test_fail(__FILE__, __LINE__, "case %zu: \"%s\", wanted \"%s\"", i,
				  f.err.msg, cases[i].said);
		arena_fini(&f.a);
	}
}

TEST(reads_the_service_account)
{
	struct fixture f;

	arena_init(&f.a, 0);
	unsetenv("KUBERNETES_SERVICE_HOST");
	ASSERT_ERR(client_kubeconfig_in_cluster(&f.a, "/sa", &f.k, &f.err), ERR_USAGE);
	setenv("KUBERNETES_SERVICE_HOST", "198.51.100.1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	ASSERT_EQ(client_kubeconfig_in_cluster(&f.a, "/sa", &f.k, &f.err), 0);
	ASSERT_STR(f.k.http.host, STR("198.51.100.1"));
	ASSERT_STREQ(f.k.http.ca_file, "/sa/ca.crt");
	ASSERT_STREQ(f.k.token_file, "/sa/token");
	arena_fini(&f.a);
}
