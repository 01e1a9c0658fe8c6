/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/fact.h"

#include "objects.h"
#include "tests/harness/test.h"

TEST(facts_say_where_packets_go)
{
	static const char *const lines[] = {
		"10.96.0.10 80/tcp from node masqueraded to 10.64.1.2:8080,10.64.2.2:8080",
		"10.96.0.10 80/tcp from outside masqueraded to 10.64.1.2:8080,10.64.2.2:8080",
		"10.96.0.10 80/tcp from pod to 10.64.1.2:8080,10.64.2.2:8080",
		"config pods in 10.64.0.0/16,fd64::/32, mark 0x4000, node ports on all",
		"hairpin 10.64.1.2",
		"node-v4 30080/tcp from node masqueraded to 10.64.1.2:8080,10.64.2.2:8080",
		"node-v4 30080/tcp from outside to 10.64.1.2:8080",
		"node-v4 30080/tcp from pod to 10.64.1.2:8080,10.64.2.2:8080",
	};
	struct objects o;
	struct svc_config *c = object_config();
	struct svc_facts f = {0};
	struct api_service *s;
	struct api_service_port port;
	struct svc_entry *e;
	struct svc_table *t;
	struct svc_state state = {0};
	struct svc_view v;
	struct svc_diff d;
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
	svc_state_move(&state, t, &d);
	svc_diff_fini(&d);
	v = svc_state_view(&state);
	svc_facts_of(&v, &f);
	ASSERT_EQ(f.lines.len, ARRAY_LEN(lines));
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		ASSERT_STREQ(f.lines.ptr[i], lines[i]);
	ASSERT_TRUE(svc_facts_compare(&f, &f, 5, NULL));
	{
		struct svc_facts none = {0};

		ASSERT_FALSE(svc_facts_compare(&none, &f, 1, &b));
		ASSERT_TRUE(str_has_prefix(buf_str(&b),
					   STR("+ 10.96.0.10 80/tcp from node masqueraded")));
	}
	buf_fini(&b);
	svc_facts_fini(&f);
	svc_state_fini(&state);
	svc_table_unref(t);
	svc_entry_unref(e);
	svc_config_unref(c);
	objects_fini(&o);
}
