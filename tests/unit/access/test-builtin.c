/* SPDX-License-Identifier: Apache-2.0 */
#include "access/builtin.h"
#include "access/rbac.h"
#include "tests/harness/test.h"

static struct arena a;

static bool may(const struct access_rbac *rbac, const char *user, const char *verb,
		const char *group, const char *resource, const char *sub)
{
	static const struct str groups[] = {STR(ACCESS_GROUP_AUTHENTICATED)};
	const struct access_user u = {.name = str_of(user), .groups = groups, .n_groups = 1};
	const struct access_attrs at = {.verb = str_of(verb),
					.is_resource = true,
					.group = str_of(group),
					.resource = str_of(resource),
					.sub = str_of(sub)};

	return access_rbac_allows(rbac, &u, &at);
}

TEST(gives_each_part_what_it_needs)
{
	struct access_rbac *rbac = access_rbac_new();

	arena_init(&a, 0);
	for (size_t i = 0; i < access_builtin_count(); i++) {
		struct json *obj;
		struct access_builtin b = access_builtin_at(i, &a, &obj);

		ASSERT_STR(json_string(json_path(obj, "metadata.name")), str_of(b.name));
		ASSERT_STR(json_get_string(obj, "kind"), str_of(b.kind));
		access_rbac_put(rbac,
				strcmp(b.kind, "ClusterRole") == 0 ? ACCESS_CLUSTER_ROLE
								   : ACCESS_CLUSTER_ROLE_BINDING,
				(struct str){0}, str_of(b.name), obj);
	}
	ASSERT_TRUE(may(rbac, "system:kube-proxy", "watch", "discovery.k8s.io", "endpointslices",
			NULL));
	ASSERT_FALSE(may(rbac, "system:kube-proxy", "list", "", "secrets", NULL));
	ASSERT_TRUE(may(rbac, "system:cluster-dns", "list", "", "services", NULL));
	ASSERT_FALSE(may(rbac, "system:cluster-dns", "create", "", "events", NULL));
	ASSERT_TRUE(may(rbac, "system:load-balancer", "patch", "", "services", "status"));
	ASSERT_FALSE(may(rbac, "system:load-balancer", "create", "", "services", NULL));
	ASSERT_TRUE(may(rbac, "anyone", "create", "authorization.k8s.io",
			"selfsubjectaccessreviews", NULL));
	ASSERT_FALSE(may(rbac, "anyone", "get", "", "pods", NULL));
	access_rbac_free(rbac);
	arena_fini(&a);
}

TEST(gathers_the_roles_for_people)
{
	size_t n_view = 0, n_edit = 0, n_admin = 0;

	arena_init(&a, 0);
	for (size_t i = 0; i < access_builtin_count(); i++) {
		struct json *obj;
		struct access_builtin b = access_builtin_at(i, &a, &obj);
		const struct json *rules = json_get(obj, "rules");

		if (strcmp(b.kind, "ClusterRole") != 0)
			continue;
		ASSERT_TRUE(rules->count > 0);
		if (strcmp(b.name, "view") == 0)
			n_view = rules->count;
		if (strcmp(b.name, "edit") == 0)
			n_edit = rules->count;
		if (strcmp(b.name, "admin") == 0)
			n_admin = rules->count;
	}
	ASSERT_TRUE(0 < n_view && n_view < n_edit && n_edit < n_admin);
	arena_fini(&a);
}
