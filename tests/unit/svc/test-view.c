/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/view.h"

#include "objects.h"
#include "tests/harness/test.h"

static struct svc_entry *with_external(struct objects *o, struct svc_config *c, const char *name,
				       const char *cluster_ip, const char *external,
				       const char *endpoints)
{
	struct api_service *s = object_service(o, name, cluster_ip);
	struct str *ip = arena_new(&o->a, struct str);

	*ip = str_of(external);
	s->external_ips = (struct api_strs){ip, 1};
	return object_entry(c, s, object_slice(o, endpoints));
}

static void move(struct svc_state *s, struct svc_config *c, struct svc_entry *const *e, size_t n,
		 struct svc_diff *ret)
{
	struct svc_table *t = svc_table_new(c, e, n);

	svc_state_move(s, t, ret);
	svc_table_unref(t);
}

TEST(an_entry_that_wins_by_the_change_of_another_is_a_change)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct svc_state s = {0};
	struct svc_losses losses = {0};
	struct svc_entry *e[2];
	struct svc_diff d;
	struct buf b = BUF_INIT;

	objects_init(&o);
	e[0] = with_external(&o, c, "a", "10.96.0.1", "198.51.100.7", "10.64.1.1@n1");
	e[1] = with_external(&o, c, "b", "10.96.0.2", "198.51.100.7", "10.64.1.2@n1");
	move(&s, c, e, 2, &d);
	ASSERT_EQ(d.changes.len, 2);
	svc_view_losses(&d.after, e[0], &losses);
	ASSERT_EQ(losses.len, 0);
	svc_view_losses(&d.after, e[1], &losses);
	ASSERT_EQ(losses.len, 1);
	svc_loss_add(&b, &losses.ptr[0]);
	ASSERT_STREQ(b.ptr, "external-ip 198.51.100.7 port 80/TCP belongs to another Service; "
			    "not programmed");
	svc_diff_fini(&d);
	move(&s, c, &e[1], 1, &d);
	ASSERT_EQ(d.changes.len, 2);
	ASSERT_TRUE(d.changes.ptr[1].before == e[1] && d.changes.ptr[1].after == e[1]);
	ASSERT_FALSE(svc_view_owns(&d.before, e[1], &e[1]->ports[0], &e[1]->ports[0].frontends[1]));
	ASSERT_TRUE(svc_view_owns(&d.after, e[1], &e[1]->ports[0], &e[1]->ports[0].frontends[1]));
	svc_diff_fini(&d);
	buf_fini(&b);
	vec_fini(&losses);
	svc_state_fini(&s);
	svc_entry_unref(e[0]);
	svc_entry_unref(e[1]);
	svc_config_unref(c);
	objects_fini(&o);
}

TEST(hairpins_are_counted)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct svc_state s = {0};
	struct svc_addrs there = {0};
	struct svc_entry *e[3];
	struct svc_view v;
	struct svc_diff d;

	objects_init(&o);
	e[0] = object_entry(c, object_service(&o, "a", "10.96.0.1"),
			    object_slice(&o, "10.64.1.1@n1 10.64.2.1@n2"));
	e[1] = object_entry(c, object_service(&o, "b", "10.96.0.2"),
			    object_slice(&o, "10.64.1.1@n1 10.64.1.2@n1"));
	e[2] = object_entry(c, object_service(&o, "b", "10.96.0.2"), object_slice(&o, ""));
	move(&s, c, e, 2, &d);
	ASSERT_EQ(d.hairpins_come.len, 2);
	svc_diff_fini(&d);
	move(&s, c, (struct svc_entry *[]){e[0], e[2]}, 2, &d);
	ASSERT_EQ(d.hairpins_come.len, 0);
	ASSERT_EQ(d.hairpins_gone.len, 1);
	ASSERT_EQ(ip_to_v4(&d.hairpins_gone.ptr[0]), 0x0a400102);
	v = svc_state_view(&s);
	svc_view_hairpins(&v, &there);
	ASSERT_EQ(there.len, 1);
	svc_diff_fini(&d);
	vec_fini(&there);
	svc_state_fini(&s);
	for (int i = 0; i < 3; i++)
		svc_entry_unref(e[i]);
	svc_config_unref(c);
	objects_fini(&o);
}
