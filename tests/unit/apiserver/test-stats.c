/* SPDX-License-Identifier: Apache-2.0 */

/* What requests are counted under. */

#include "base/metrics.h"
#include "tests/unit/apiserver/server-fixture.h"

TEST(no_label_comes_from_the_peer)
{
	struct server_fixture f;
	struct buf b = BUF_INIT;

	server_init(&f);
	server_begin(&f);
	ASSERT_EQ(server_ask(&f, HTTP_GET,
			     "/api/v1/namespaces/default/services/kubernetes/invented", NULL),
		  404);
	ASSERT_EQ(server_ask(&f, HTTP_GET, "/api/v1/namespaces/default/services/kubernetes/status",
			     NULL),
		  200);
	metrics_print(&b);
	ASSERT_TRUE(strstr(b.ptr, "subresource=\"status\""));
	ASSERT_FALSE(strstr(b.ptr, "invented"));
	buf_fini(&b);
	server_fini(&f);
}
