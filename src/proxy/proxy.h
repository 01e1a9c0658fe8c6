/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The contract between the proxy's engine and its modes (nftables, iptables, ipvs, userspace,
 * ebpf).
 *
 * A mode puts a service table into the kernel and nothing else: it sees svc and its own kernel
 * interface, never the API. Only the engine retries, logs and reports. Calls are synchronous and on
 * one thread; a mode that must wait says so in its header.
 *
 * Laws, checked by one conformance suite for every mode (tests/conformance/proxy):
 *  - sync(T) makes the kernel equal T whatever it held before, and no packet sees a state between
 *    the old one and T for its Service;
 *  - after sync(A), apply(diff(A, B)) leaves the same kernel state as sync(B);
 *  - a failed call leaves the kernel with the old or the new state of each Service, and the next
 *    sync mends it;
 *  - closing with PROXY_KEEP leaves everything in force: forwarding does not depend on this
 * process;
 *  - dump after sync(T) or apply gives the facts of T (svc/fact.h).
 */

#include "svc/fact.h"
#include "svc/view.h"

struct proxy_backend;

/* What went wrong with one Service while the rest was programmed. */
struct proxy_result {
	struct str key; /* "namespace/name", borrowed from the table */
	struct err err;
};
struct proxy_results {
	VEC(struct proxy_result) failed;
};
void proxy_results_fini(struct proxy_results *r);

struct proxy_stats {
	uint64_t transactions, failures; /* of the kernel interface */
	uint64_t elements_added, elements_removed;
};

enum proxy_close {
	PROXY_KEEP,  /* leave the kernel as it is */
	PROXY_PURGE, /* remove everything this mode ever put there */
};

struct proxy_mode {
	const char *name; /* "nftables" */
	/* Whether this kernel and these privileges can do it; the error says what is missing. */
	int (*probe)(struct err *err);
	/* Touches nothing in the kernel yet. */
	int (*open)(struct proxy_backend **ret, struct err *err);
};

struct proxy_backend {
	const struct proxy_ops *ops;
	bool is_established; /* private: the last call succeeded, so that apply may build on it */
};

struct proxy_ops {
	/* Negative: nothing or only a part was done. Objects that this mode cannot program are
	 * left out and told in *res (may be NULL); they are no failure of the call. What the view
	 * says nobody gets (svc_view_losses) is not told again. */
	int (*sync)(struct proxy_backend *b, const struct svc_view *v, struct proxy_results *res,
		    struct err *err);
	/* Only after a success, which established d->before, and with the same configuration:
	 * proxy_apply sees to that. */
	int (*apply)(struct proxy_backend *b, const struct svc_diff *d, struct proxy_results *res,
		     struct err *err);
	/* Sorted facts of what the kernel holds. */
	int (*dump)(struct proxy_backend *b, struct svc_facts *ret, struct err *err);
	void (*stats)(struct proxy_backend *b, struct proxy_stats *ret);
	/* Frees the back end in any case. */
	int (*close)(struct proxy_backend *b, enum proxy_close how, struct err *err);
};

int proxy_sync(struct proxy_backend *b, const struct svc_view *v, struct proxy_results *res,
	       struct err *err) _nodiscard_;
/* Applies the difference, or syncs where that is not enough: at first, after a failure, with
 * another configuration. */
int proxy_apply(struct proxy_backend *b, const struct svc_diff *d, struct proxy_results *res,
		struct err *err) _nodiscard_;
int proxy_dump(struct proxy_backend *b, struct svc_facts *ret, struct err *err) _nodiscard_;
int proxy_close(struct proxy_backend *b, enum proxy_close how, struct err *err) _nodiscard_;
