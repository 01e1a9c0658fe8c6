/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/proxy.h"

void proxy_results_fini(struct proxy_results *r)
{
	vec_fini(&r->failed);
}

int proxy_sync(struct proxy_backend *b, const struct svc_view *v, struct proxy_results *res,
	       struct err *err)
{
	int r = b->ops->sync(b, v, res, err);

	b->is_established = r == 0;
	return r;
}

int proxy_apply(struct proxy_backend *b, const struct svc_diff *d, struct proxy_results *res,
		struct err *err)
{
	int r;

	if (!b->is_established || !d->before.table || d->is_config_changed)
		return proxy_sync(b, &d->after, res, err);
	r = b->ops->apply(b, d, res, err);
	b->is_established = r == 0;
	return r;
}

int proxy_dump(struct proxy_backend *b, struct svc_facts *ret, struct err *err)
{
	return b->ops->dump(b, ret, err);
}

int proxy_close(struct proxy_backend *b, enum proxy_close how, struct err *err)
{
	return b->ops->close(b, how, err);
}
