/* Rules of a list out of a policy that was made before, for who has lost its text. */
#include "policy/build_inner.h"
#include "policy/inner.h"

static void line_of(const struct policy_match *m, struct policy_line *ret)
{
	bool widened = m->form != POLICY_FORM_ADBLOCK && m->scope == POLICY_SUBTREE;
	*ret = (struct policy_line){.scope = widened ? POLICY_EXACT : m->scope, /* `subdomains` */
				    .form = m->form,
				    .exception = m->exception,
				    .important = m->important,
				    .pattern = m->pattern,
				    .path = m->path};
	ret->name.len = (uint8_t)(m->name.len + 1);
	memcpy(ret->name.wire, m->name.data, m->name.len);
}

/* Lines of one name stay in their order. */
static enum err carry_record(struct policy_build *b, unsigned list, const uint8_t *record,
			     unsigned from_list, struct policy_counts *c)
{
	struct policy_match m = {.name = span_of(record + 1, record[0])};
	const uint8_t *at = record + 1 + record[0];
	if (policy_path_is_labelled(m.name)) /* its anchor makes the label anew */
		m.name = span_sub(m.name, POLICY_PATH_LABEL_LEN, m.name.len);
	for (unsigned n = *at++; n; n--) {
		struct policy_line l;
		at = policy_record_line(at, &m);
		if (m.list != from_list)
			continue;
		line_of(&m, &l);
		TRY(policy_build_rule(b, list, m.line, &l, c));
	}
	return OK;
}

enum err policy_build_carry(struct policy_build *b, unsigned list, const struct policy *from,
			    unsigned from_list, struct policy_counts *ret)
{
	const struct policy_names *n = &from->names;
	size_t slots_n = (size_t)n->buckets * POLICY_BUCKET;
	struct policy_counts c = {0};
	enum err e = OK;
	for (size_t i = 0; !e && i < slots_n; i++)
		if (n->tags[i])
			e = carry_record(b, list, n->records + policy_load_u32(n->slots + i * 4),
					 from_list, &c);
	c.lines = c.kinds[POLICY_LINE_RULE];
	*ret = c;
	return e;
}
