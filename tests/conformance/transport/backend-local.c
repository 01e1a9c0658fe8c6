/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/transport/util.h"

const bool backend_has_sent = false;

struct http_transport *backend_open(struct loop *l, struct apiserver *s)
{
	return apiserver_transport(s);
}

void backend_close(void)
{
}
