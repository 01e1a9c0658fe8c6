/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/transport/util.h"

const bool backend_has_sent = true;

struct http_transport *backend_open(struct loop *l, struct apiserver *s)
{
	return connection_open(l, s, true);
}

void backend_close(void)
{
	connection_close();
}
