/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The environment of a container: the variables of the Services that are active when it starts
 * (service-api.md section 16), then the container's own, which win. Pure.
 *
 * A Service counts when it has an address (not headless, not ExternalName) and is in the Pod's
 * namespace, or is default/kubernetes. In a Pod with enableServiceLinks false only the latter
 * counts. Where both have one name, the Pod's namespace wins.
 */

#include "api/types.h"
#include "base/map.h"
#include "base/vec.h"

struct agent_env {
	struct arena *arena; /* where names and values live */
	VEC(struct api_pair) vars;
	struct map index; /* private: name -> place in vars + 1 */
};

void agent_env_init(struct agent_env *e, struct arena *a);
void agent_env_fini(struct agent_env *e);
/* Sets or replaces. Strings are borrowed: they must live as long as the arena. */
void agent_env_set(struct agent_env *e, struct str name, struct str value);
struct str agent_env_get(const struct agent_env *e, struct str name); /* absent when missing */

void agent_env_add_services(struct agent_env *e, const struct api_service *const *services,
			    size_t n, struct str pod_ns, bool has_links);

/* What fieldRef may ask for besides the Pod's own metadata and spec. */
struct agent_env_facts {
	const struct api_pod *pod;
	const struct ip_addr *pod_addrs, *host_addrs;
	size_t n_pod_addrs, n_host_addrs;
};
/* env of the container: $(NAME) in a value is replaced by what was set before it. ERR_INVALID for
 * a fieldRef that does not exist. */
int agent_env_add_container(struct agent_env *e, const struct agent_env_facts *f,
			    const struct api_container *c, struct err *err) _nodiscard_;

/* "$(NAME)" becomes the variable's value, "$$" a "$"; unknown names stay as they are. */
struct str agent_env_expand(const struct agent_env *e, struct str text);
