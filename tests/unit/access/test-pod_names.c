/* SPDX-License-Identifier: Apache-2.0 */
#include "access/pod_names.h"
#include "tests/harness/test.h"

static void note(void *ctx, enum access_pod_name what, struct str name)
{
	buf_printf(ctx, "%d:%.*s ", what, STR_ARG(name));
}

TEST(tells_all_in_order)
{
	static const char pod[] =
		"{\"spec\":{\"serviceAccountName\":\"acc\",\"imagePullSecrets\":[{\"name\":\"pull\"}],"
		"\"containers\":[{\"env\":[{\"valueFrom\":{\"secretKeyRef\":{\"name\":\"env\"}}},"
		"{\"value\":\"x\"}],\"envFrom\":[{\"configMapRef\":{\"name\":\"from\"}}]}],"
		"\"ephemeralContainers\":[{\"envFrom\":[{\"secretRef\":{\"name\":\"late\"}}]}],"
		"\"volumes\":[{\"name\":\"v\",\"ephemeral\":{}},"
		"{\"azureFile\":{\"secretName\":\"azure\"}},{\"iscsi\":{\"secretRef\":{\"name\":"
		"\"iscsi\"}}},{\"projected\":{\"sources\":[{\"serviceAccountToken\":{}},"
		"{\"serviceAccountToken\":{\"audience\":\"vault\"}},{\"clusterTrustBundle\":{}}]}},"
		"{\"persistentVolumeClaim\":{\"claimName\":\"claim\"}}],"
		"\"resourceClaims\":[{\"name\":\"gpu\"}]}}";
	struct buf b = BUF_INIT;
	struct json *obj;
	struct arena a;
	struct err err;

	arena_init(&a, 0);
	ASSERT_OK(json_parse(&a, str_of(pod), 0, &obj, &err));
	access_pod_names(obj, note, &b);
	ASSERT_STREQ(b.ptr, "0:acc 1:pull 1:env 2:from 1:late 5:v 1:azure 1:iscsi 3: 3:vault 7: "
			    "4:claim 6:gpu ");
	buf_fini(&b);
	arena_fini(&a);
}
