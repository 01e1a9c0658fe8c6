/* SPDX-License-Identifier: Apache-2.0 */
#include "http/pki.h"

#include "base/fd.h"
#include "tests/harness/test.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

static char ca[128], ca_key[128], crt[128], key[128];

static void files(void)
{
	snprintf(ca, sizeof(ca), "%s/ca.crt", test_tmpdir());
	snprintf(ca_key, sizeof(ca_key), "%s/ca.key", test_tmpdir());
	snprintf(crt, sizeof(crt), "%s/x.crt", test_tmpdir());
	snprintf(key, sizeof(key), "%s/x.key", test_tmpdir());
}

static X509 *load(const char *path)
{
	FILE *f = fopen(path, "r");
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);

	fclose(f);
	ASSERT_TRUE(x);
	return x;
}

static int verify(X509 *leaf, X509 *root, int purpose)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int r;

	X509_STORE_add_cert(store, root);
	X509_STORE_CTX_init(ctx, store, leaf, NULL);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	r = X509_verify_cert(ctx) == 1 ? 0 : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return r;
}

static struct buf text_of(const char *path)
{
	struct buf b = BUF_INIT;
	struct err err;

	ASSERT_OK(fd_read_file(path, 65536, &b, &err));
	return b;
}

static const char *const names[] = {"kubernetes", "kubernetes.default.svc", NULL};

static struct http_pki_leaf server_leaf(struct ip_addr *addrs)
{
	addrs[0] = ip_from_v4(0xcb007101);
	ASSERT_EQ(ip_parse(STR("2001:db8::1"), &addrs[1], NULL), 0);
	return (struct http_pki_leaf){.common_name = "kube-apiserver",
				      .dns_names = names,
				      .addrs = addrs,
				      .n_addrs = 2,
				      .is_server = true,
				      .days = 365};
}

TEST(a_leaf_verifies_for_its_purpose_and_names_only)
{
	struct ip_addr addrs[2];
	struct http_pki_leaf leaf = server_leaf(addrs);
	struct err err;
	X509 *root, *x;

	files();
	ASSERT_OK(http_pki_ca(ca, ca_key, "fairlead CA", &err));
	ASSERT_OK(http_pki_leaf(ca, ca_key, crt, key, &leaf, &err));
	root = load(ca);
	x = load(crt);
	ASSERT_EQ(verify(x, root, X509_PURPOSE_SSL_SERVER), 0);
	ASSERT_TRUE(verify(x, root, X509_PURPOSE_SSL_CLIENT) != 0);
	ASSERT_EQ(X509_check_host(x, "kubernetes.default.svc", 0, 0, NULL), 1);
	ASSERT_EQ(X509_check_host(x, "example.com", 0, 0, NULL), 0);
	ASSERT_EQ(X509_check_ip_asc(x, "203.0.113.1", 0), 1);
	ASSERT_EQ(X509_check_ip_asc(x, "2001:db8::1", 0), 1);
	ASSERT_EQ(X509_check_ip_asc(x, "203.0.113.2", 0), 0);
	X509_free(root);
	X509_free(x);
}

TEST(keys_are_private)
{
	struct err err;
	struct stat st;

	files();
	ASSERT_OK(http_pki_ca(ca, ca_key, "fairlead CA", &err));
	ASSERT_EQ(stat(ca_key, &st), 0);
	ASSERT_EQ(st.st_mode & 0777, 0600);
}

static bool is_remade(const struct http_pki_leaf *leaf)
{
	struct buf before = text_of(crt), after;
	struct err err;
	bool is_other;

	ASSERT_OK(http_pki_leaf(ca, ca_key, crt, key, leaf, &err));
	after = text_of(crt);
	is_other = !str_eq(buf_str(&before), buf_str(&after));
	buf_fini(&before);
	buf_fini(&after);
	return is_other;
}

TEST(what_fits_is_kept_and_what_differs_is_made_anew)
{
	static const char *const groups[] = {"system:masters", NULL};
	struct ip_addr addrs[2];
	struct http_pki_leaf leaf = server_leaf(addrs);
	struct err err;

	files();
	ASSERT_OK(http_pki_ca(ca, ca_key, "fairlead CA", &err));
	ASSERT_OK(http_pki_leaf(ca, ca_key, crt, key, &leaf, &err));
	ASSERT_FALSE(is_remade(&leaf));
	leaf.n_addrs = 1;
	ASSERT_TRUE(is_remade(&leaf));
	ASSERT_FALSE(is_remade(&leaf));
	leaf.dns_names = NULL;
	ASSERT_TRUE(is_remade(&leaf));
	leaf.is_server = false;
	ASSERT_TRUE(is_remade(&leaf));
	leaf.organizations = groups;
	ASSERT_TRUE(is_remade(&leaf));
	leaf.common_name = "other";
	ASSERT_TRUE(is_remade(&leaf));
	ASSERT_OK(fd_write_file(key, STR("rubbish"), 0600, &err));
	ASSERT_TRUE(is_remade(&leaf));
	ASSERT_OK(http_pki_ca(ca, ca_key, "fairlead CA", &err));
	ASSERT_FALSE(is_remade(&leaf));
	ASSERT_EQ(remove(ca_key), 0);
	ASSERT_OK(http_pki_ca(ca, ca_key, "fairlead CA", &err));
	ASSERT_TRUE(is_remade(&leaf)); /* another CA */
}

TEST(one_that_ends_soon_is_made_anew)
{
	struct ip_addr addrs[2];
	struct http_pki_leaf leaf = server_leaf(addrs);
	struct err err;

	files();
	ASSERT_OK(http_pki_ca(ca, ca_key, "fairlead CA", &err));
	leaf.days = 20;
	ASSERT_OK(http_pki_leaf(ca, ca_key, crt, key, &leaf, &err));
	leaf.days = 365;
	ASSERT_TRUE(is_remade(&leaf));
	ASSERT_FALSE(is_remade(&leaf));
}

TEST(a_missing_ca_is_an_error)
{
	struct http_pki_leaf leaf = {.common_name = "x", .days = 10};
	struct err err;

	files();
	ASSERT_ERR(http_pki_leaf(ca, ca_key, crt, key, &leaf, &err), ERR_INVALID);
}
