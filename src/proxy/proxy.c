/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/proxy.h"

void proxy_results_fini(struct proxy_results *r)
{
	vec_fini(&r->failed);
}

int proxy_sync(struct proxy_backend *b, const struct svc_table *t, struct proxy_results *res,
	       struct err *err)
{
	return b->ops->sync(b, t, res, err);
}

int proxy_apply(struct proxy_backend *b, const struct svc_diff *d, struct proxy_results *res,
		struct err *err)
{
	return b->ops->apply(b, d, res, err);
}

int proxy_dump(struct proxy_backend *b, struct svc_facts *ret, struct err *err)
{
	return b->ops->dump(b, ret, err);
}

int proxy_close(struct proxy_backend *b, enum proxy_close how, struct err *err)
{
	return b->ops->close(b, how, err);
}
