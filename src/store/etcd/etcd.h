/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The store in etcd (3.4 or newer), shared by several servers.
 *
 * Revisions are etcd's, so one revision counts the changes of all servers (and of whoever else
 * uses that etcd: then there are revisions without an event). All calls go to one member at a time
 * over one HTTP/2 connection, many at once; when it fails, falls silent or has no leader, the next
 * of the list is tried, with a pause that grows once all have failed.
 *
 * One watch on `prefix` feeds all watches of this store. A transaction's callback waits until that
 * watch has brought its events, or those of what it conflicted with. A watch that breaks goes on
 * after the last revision that was seen. When etcd has compacted that meanwhile, or has another
 * history (it was put back from a backup), all watches end: ERR_GONE or ERR_UNAVAILABLE.
 *
 * A transaction whose answer was lost is found again by its events: they are compared byte by byte.
 * If they have not come it is sent once more, when it compares a key that it changes with a
 * revision (it cannot be applied twice then, however late). For what makes new keys, and if neither
 * helps in time, ERR_TIMEOUT says that its outcome is unknown. What the key holds now would tell
 * nothing more: the lost one may come to it late, or another may have made the same. Only a key of
 * its own in each transaction could, and that would double the writes. (A stock server does not
 * look: it answers 500, 422 or 504 to whatever it got no answer to.) An etcd without room refuses
 * some transactions that it has made all the same: what it refuses is looked for, too.
 *
 * What differs from store.h: transactions that change a common key are applied in the order of
 * submission, others side by side. etcd refuses requests above 1.5 MiB unless it runs with
 * --max-request-bytes.
 */

#include "store/store.h"

struct loop;

struct etcd_config {
	const char *servers;              /* "http://HOST:PORT,https://…" */
	const char *ca_file;              /* https: PEM; NULL: the system's */
	const char *cert_file, *key_file; /* https: client certificate, PEM; NULL: none */
	struct str prefix;                /* all keys begin with it, "/registry/" */
	/* What the operator should know: a member was lost, etcd is there again. May be NULL. */
	void (*tell)(void *ctx, bool is_error, const char *text);
	void *ctx;
};

/* Returns at once and connects by itself; calls wait for that, some seconds at most. Errors: a bad
 * list of servers, certificates that cannot be used. */
int etcd_open(struct loop *l, const struct etcd_config *config, struct store **ret,
	      struct err *err) _nodiscard_;
