/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/part.h"

#include "tests/harness/test.h"

static void end(struct lab_part *p, int64_t at_ms, int64_t ran_ms, int exit_code)
{
	p->pid = 1;
	p->started_ms = at_ms - ran_ms;
	lab_part_ended(p, exit_code << 8, at_ms);
}

TEST(the_pause_doubles_and_is_forgiven)
{
	struct lab_part p = {0};

	ASSERT_TRUE(lab_part_is_due(&p, 0));
	end(&p, 1000, 5, 1);
	ASSERT_FALSE(lab_part_is_due(&p, 1099));
	ASSERT_TRUE(lab_part_is_due(&p, 1100));
	end(&p, 2000, 5, 1);
	ASSERT_EQ(p.due_ms, 2200);
	for (int i = 0; i < 10; i++)
		end(&p, 3000, 5, 1);
	ASSERT_EQ(p.due_ms, 3000 + LAB_PART_BACKOFF_MAX_MS);
	end(&p, 50000, LAB_PART_FORGIVE_MS, 0);
	ASSERT_EQ(p.due_ms, 50000 + LAB_PART_BACKOFF_MS);
	ASSERT_EQ(p.restarts, 13);
	p.backoff_max_ms = 150;
	for (int i = 0; i < 3; i++)
		end(&p, 60000, 5, 1);
	ASSERT_EQ(p.due_ms, 60150);
}

TEST(once_is_once)
{
	struct lab_part p = {.is_once = true};

	end(&p, 1000, 5, 1);
	ASSERT_FALSE(p.is_done);
	end(&p, 2000, 5, 0);
	ASSERT_TRUE(p.is_done);
	ASSERT_FALSE(lab_part_is_due(&p, 100000));
}

TEST(waits_for_its_file)
{
	struct lab_part p = {.wait_for = "/nonexistent/kubeconfig"};

	ASSERT_FALSE(lab_part_is_due(&p, 0));
	p.wait_for = "/dev/null";
	ASSERT_TRUE(lab_part_is_due(&p, 0));
}
