/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/select.h"

#include "objects.h"
#include "tests/harness/test.h"

/* Section 2.2: which endpoints are in which set. */
static void check(const char *slice, bool internal_local, const char *cluster, const char *local,
		  bool has_any)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct api_service *s;
	struct svc_entry *e;

	objects_init(&o);
	s = object_service(&o, "web", "10.96.0.10");
	s->internal_policy = internal_local ? API_POLICY_LOCAL : API_POLICY_CLUSTER;
	e = object_entry(c, s, object_slice(&o, slice));
	ASSERT_EQ(e->n_ports, 1);
	ASSERT_STR(object_set(&o, &e->ports[0], SVC_IN_CLUSTER), str_of(cluster));
	ASSERT_STR(object_set(&o, &e->ports[0], SVC_IN_LOCAL), str_of(local));
	ASSERT_EQ(e->ports[0].has_any, has_any);
	svc_entry_unref(e);
	svc_config_unref(c);
	objects_fini(&o);
}

TEST(ready_endpoints_serve_in_stable_order)
{
	check("10.64.2.9@n2 10.64.1.2@n1", false, "10.64.1.2:8080 10.64.2.9:8080", "", true);
	check("10.64.2.9@n2,unready 10.64.1.2@n1", false, "10.64.1.2:8080", "", true);
	check("", false, "", "", false);
	check("10.64.1.2@n1,unready", false, "", "", false);
}

TEST(terminating_endpoints_are_the_last_resort)
{
	check("10.64.1.2@n1,terminating 10.64.1.3@n1", false, "10.64.1.3:8080", "", true);
	check("10.64.1.2@n1,terminating 10.64.1.3@n1,unready", false, "10.64.1.2:8080", "", true);
	check("10.64.1.2@n1,terminating,deaf", false, "", "", false);
}

TEST(the_local_set_has_its_own_last_resort)
{
	check("10.64.1.2@n1 10.64.2.2@n2", true, "", "10.64.1.2:8080", true);
	check("10.64.1.2@n1,terminating 10.64.2.2@n2", true, "", "10.64.1.2:8080", true);
	check("10.64.2.2@n2", true, "", "", true);
}

TEST(hints_narrow_the_cluster_set_only_when_all_ready_ones_have_them)
{
	check("10.64.1.2@n1,z=z1 10.64.2.2@n2,z=z2", false, "10.64.1.2:8080", "", true);
	check("10.64.1.2@n1,z=z1 10.64.2.2@n2", false, "10.64.1.2:8080 10.64.2.2:8080", "", true);
	check("10.64.1.2@n1,z=z3 10.64.2.2@n2,z=z2", false, "10.64.1.2:8080 10.64.2.2:8080", "",
	      true);
	check("10.64.1.2@n1,h=n1,z=z2 10.64.2.2@n2,h=n2,z=z1", false, "10.64.1.2:8080", "", true);
	/* An unready one without a hint does not count; the terminating fall-back has no topology.
	 */
	check("10.64.1.2@n1,z=z1 10.64.2.2@n2,unready", false, "10.64.1.2:8080", "", true);
	check("10.64.1.2@n1,z=z2,terminating", false, "10.64.1.2:8080", "", true);
}

TEST(a_node_without_a_zone_ignores_zone_hints)
{
	struct objects o;
	struct svc_config *with = object_config(), plain = *with, *c;
	struct svc_entry *e;

	objects_init(&o);
	plain.zone = (struct str){0};
	c = svc_config_new(&plain);
	e = object_entry(c, object_service(&o, "web", "10.96.0.10"),
			 object_slice(&o, "10.64.1.2@n1,z=z1 10.64.2.2@n2,z=z2"));
	ASSERT_EQ(e->ports[0].n_cluster, 2);
	svc_entry_unref(e);
	svc_config_unref(c);
	svc_config_unref(with);
	objects_fini(&o);
}

TEST(one_target_in_two_slices_counts_once_and_the_living_copy_wins)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct api_service *s;
	struct svc_entry *a, *b;

	objects_init(&o);
	s = object_service(&o, "web", "10.96.0.10");
	{
		const struct api_endpoint_slice *x =
			object_slice(&o, "10.64.1.2@n1,terminating 10.64.1.3@n1");
		const struct api_endpoint_slice *y = object_slice(&o, "10.64.1.2@n1");
		const struct api_endpoint_slice *const xy[] = {x, y}, *const yx[] = {y, x};

		a = svc_build_entry(c, s, xy, 2);
		b = svc_build_entry(c, s, yx, 2);
	}
	ASSERT_EQ(a->ports[0].n_backends, 2);
	ASSERT_EQ(a->ports[0].n_cluster, 2);
	ASSERT_TRUE(svc_entry_eq(a, b));
	svc_entry_unref(a);
	svc_entry_unref(b);
	svc_config_unref(c);
	objects_fini(&o);
}
