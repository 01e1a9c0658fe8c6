/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"
#include "http/server.h"
#include "tests/conformance/transport/util.h"

static struct http_server *server;

struct http_transport *connection_open(struct loop *l, struct apiserver *s, bool is_h2)
{
	struct ip_addr lo = ip_from_v4(0x7f000001);
	struct http_client_config config = {
		.host = STR("127.0.0.1"), .is_http1_only = !is_h2, .is_h2_only = is_h2};
	struct http_transport *t;
	struct err err;

	ASSERT_OK(http_server_new(l, NULL, apiserver_handle_insecure, s, &server, &err));
	ASSERT_OK(http_server_listen(server, &lo, 0, &config.port, &err));
	ASSERT_OK(http_client_new(l, &config, &t, &err));
	return t;
}

void connection_close(void)
{
	http_server_free(TAKE_PTR(server));
}
