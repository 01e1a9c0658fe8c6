/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * services/ID/proxy, pods/ID/proxy and nodes/ID/proxy: any request that reaches what an ID names
 * (service-api.md section 16), with the path behind "proxy" and the query as they were sent.
 *
 * ID is NAME, NAME:PORT or SCHEME:NAME:PORT with SCHEME http or https (certificates are not
 * verified: nobody could have issued one for an address). A Service is reached at one of the ready
 * addresses of its Endpoints, drawn at random, that belong to a Pod of the same namespace; a Pod at
 * its own address; a node at its agent, or at any other port of its address. Addresses that only
 * mean this machine or this wire (loopback, link-local) are never called.
 *
 * Credentials of the client (Authorization, client certificate headers) stay here; X-Forwarded-For
 * and X-Forwarded-Uri are added; a Location in the answer is led back through the proxy. Upgrades
 * go through. A request's body is read whole first, within HTTP_BODY_MAX; answers are streamed.
 */

#include "apiserver/request.h"

enum {
	PROXY_SILENCE_MS = 5 * 60 * 1000, /* before an answer begins; then 504 */
	/* Bytes of Pods that are read for one request, to see whose an address is. */
	PROXY_PODS_READ_MAX = 4 * 1024 * 1024,
};

/* Negative with req->st set, exchange untouched; else the answer follows. */
int proxy_start(struct request *req) _nodiscard_;
