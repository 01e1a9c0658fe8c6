/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/fact.h"

#include "objects.h"
#include "tests/harness/test.h"

TEST(facts_say_where_packets_go)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct svc_facts f = {0};
	struct api_service *s;
	struct api_service_port port;
	struct svc_entry *e;
	struct svc_table *t;
	struct buf b = BUF_INIT;

	objects_init(&o);
	s = object_service(&o, "web", "10.96.0.10");
	port = s->ports[0];
	port.node_port = 30080;
	s->ports = &port;
	s->type = API_NODE_PORT;
	s->external_policy = API_POLICY_LOCAL;
	e = object_entry(c, s, object_slice(&o, "10.64.1.2@n1 10.64.2.2@n2"));
	t = svc_table_new(c, &e, 1);
	svc_facts_of(t, &f);
	ASSERT_EQ(f.lines.len, 3);
	ASSERT_STREQ(f.lines.ptr[0],
		     "10.96.0.10 80/tcp inside affinity=0 to=10.64.1.2:8080,10.64.2.2:8080");
	ASSERT_STREQ(f.lines.ptr[1], "hairpin 10.64.1.2");
	ASSERT_STREQ(f.lines.ptr[2],
		     "node-v4 30080/tcp outside-local affinity=0 to=10.64.1.2:8080,10.64.2.2:8080 "
		     "here=10.64.1.2:8080");
	ASSERT_TRUE(svc_facts_compare(&f, &f, 5, NULL));
	{
		struct svc_facts none = {0};

		ASSERT_FALSE(svc_facts_compare(&none, &f, 1, &b));
		ASSERT_TRUE(str_has_prefix(buf_str(&b), STR("+ 10.96.0.10 80/tcp")));
	}
	buf_fini(&b);
	svc_facts_fini(&f);
	svc_table_unref(t);
	svc_entry_unref(e);
	svc_config_unref(c);
	objects_fini(&o);
}
