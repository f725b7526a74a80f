/* A text from anywhere in place of a list: it is judged without leaving it, and the names that are
 * counted are those that would be taken. */
#include "service/policy/judge.h"

#include "policy/build.h"

#include <stdlib.h>

enum { LINES_MAX = 1 << 20 };

static const struct policy_list_setup lists[] = {{.name = {(const uint8_t *)"list", 4}}};
static const struct policy_rule rules[] = {{.lists = {1}, .schedule = POLICY_ALWAYS}};
static const struct policy_setup setup = {
	.lists = lists, .lists_n = 1, .rules = rules, .rules_n = 1};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_build *b = NULL;
	struct policy_counts counts;
	struct policy_judged judged;
	struct span text = span_of(data, size);
	const char *why = policy_judge(text, 0, POLICY_SHRINKS_HALF, &judged);
	if (why)
		ASSERT(policy_judge(text, 0, POLICY_SHRINKS_TO_NOTHING, &judged) == why);
	else
		ASSERT(!policy_judge(text, judged.names, POLICY_SHRINKS_HALF, &judged));
	if (why && !judged.lines)
		return 0; /* its beginning was enough */
	enum err e = policy_build_new(&setup, LINES_MAX, &b);
	ASSERT(!e);
	e = policy_build_text(b, 0, text, &counts);
	ASSERT(!e);
	ASSERT(counts.lines == judged.lines && counts.kinds[POLICY_LINE_RULE] == judged.names);
	ASSERT(counts.kinds[POLICY_LINE_BAD] == judged.bad);
	policy_build_free(b);
	return 0;
}
