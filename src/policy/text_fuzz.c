/* A list's text of a stranger: every line is judged, what is kept goes into a policy that is opened
 * again, and each name of it is found as its line says. */
#include "policy/build_test.h"

static const struct policy_list_setup lists[] = {{.name = {(const uint8_t *)"list", 4}}};
static const struct policy_rule rules[] = {{.lists = {1}, .schedule = POLICY_ALWAYS}};
static const struct policy_setup setup = {
	.lists = lists, .lists_n = 1, .rules = rules, .rules_n = 1};

/* A line of the simplest kind must say what the whole says of its name, or be overruled. */
static void look(const struct policy *p, const struct policy_view *v, struct span line)
{
	struct policy_line l;
	struct policy_match m;
	char text[POLICY_LINE_TEXT_MAX];
	if (policy_line_read(line, &l) != POLICY_LINE_RULE)
		return;
	policy_look(p, v, &l.name, &m);
	(void)policy_line_format(&m, text);
	/* A line about paths says nothing of the name alone. */
	if ((l.scope == POLICY_SUBTREE || l.scope == POLICY_EXACT) && l.important && l.exception &&
	    !l.path.len)
		ASSERT(m.verdict != POLICY_SAYS_BLOCK);
	if (m.verdict == POLICY_SAYS_BLOCK)
		ASSERT(!m.exception && m.rule == 0 && m.list == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[16] = "seventeen octets";
	struct policy_build *b = NULL;
	struct policy_built built;
	struct policy_counts counts;
	struct policy *p = NULL;
	struct policy_view view;
	struct span text = span_of(data, size), line;
	enum err e = policy_build_new(&setup, 1000, &b);
	ASSERT(!e);
	e = policy_build_text(b, 0, text, &counts);
	ASSERT(!e);
	e = policy_build_finish(b, seed, &built);
	ASSERT(!e);
	policy_build_free(b);
	e = policy_open(span_of(built.bytes, built.len), &p);
	ASSERT(!e);
	policy_view(p, 0, 0, NULL, &view);
	for (unsigned n = 0; n < 64 && policy_text_next(&text, &line); n++)
		look(p, &view, line);
	policy_free(p);
	free(built.bytes);
	return 0;
}
