/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2.h"

#include <stdio.h>
#include <string.h>

void http_h2_field(struct http_h2_fields *f, const char *name, struct str value)
{
	if (f->n >= ARRAY_LEN(f->nv))
		return;
	/* nghttp2 copies both; its struct lacks const. */
	f->nv[f->n++] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
				     .namelen = strlen(name),
				     .value = (uint8_t *)(uintptr_t)value.ptr,
				     .valuelen = value.len};
}

void http_h2_number(struct http_h2_fields *f, const char *name, uint64_t value)
{
	char *at = f->text + f->text_len;
	int n = snprintf(at, sizeof(f->text) - f->text_len, "%llu", (unsigned long long)value);

	f->text_len += (size_t)n + 1;
	http_h2_field(f, name, str_n(at, (size_t)n));
}

void http_h2_fields(struct http_h2_fields *f, const struct http_header *headers, size_t n)
{
	static const char *const forbidden[] = {"connection", "keep-alive", "proxy-connection",
						"transfer-encoding", "upgrade"};

	for (size_t i = 0; i < n && f->n < ARRAY_LEN(f->nv); i++) {
		bool is_forbidden = false;

		for (size_t k = 0; k < ARRAY_LEN(forbidden); k++)
			is_forbidden |= str_eq_c(headers[i].name, forbidden[k]);
		if (is_forbidden)
			continue;
		f->nv[f->n++] = (nghttp2_nv){
			.name = (uint8_t *)(uintptr_t)headers[i].name.ptr,
			.namelen = headers[i].name.len,
			.value = (uint8_t *)(uintptr_t)headers[i].value.ptr,
			.valuelen = headers[i].value.len,
		};
	}
}

int http_h2_pump(struct http_conn *c, nghttp2_session *ng)
{
	while (c->queued < HTTP_CONN_QUEUE) {
		const uint8_t *p;
		ssize_t n = nghttp2_session_mem_send(ng, &p);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		http_conn_add(c, p, (size_t)n);
	}
	return 0;
}
