#include "service/policy/judge.h"

#include "policy/text.h"

enum { BEGINNING = 4096 };

/* What a captive portal, an error page or an archive sends in place of a list. */
static const char *judge_beginning(struct span text)
{
	struct span begin = span_sub(text, 0, BEGINNING);
	size_t at = 0;
	while (at < begin.len && (begin.data[at] == ' ' || begin.data[at] == '\t' ||
				  begin.data[at] == '\r' || begin.data[at] == '\n'))
		at++;
	if (at < begin.len && begin.data[at] == '<')
		return "it is HTML or XML, no list";
	if (at < begin.len && begin.data[at] == '{')
		return "it is JSON, no list";
	if (span_find(begin, '\0') < begin.len)
		return "it is no text";
	return NULL;
}

/* As build.h takes it: of a hosts file's line each name, also behind one that is none. */
static void count_line(struct span line, struct policy_judged *j)
{
	struct policy_line l;
	enum policy_line_kind kind = policy_line_read(line, &l);
	for (unsigned n = 0; n < POLICY_LINE_NAMES_MAX; n++) {
		j->names += kind == POLICY_LINE_RULE;
		j->bad += kind == POLICY_LINE_BAD;
		if (kind == POLICY_LINE_RULE
			    ? l.form != POLICY_FORM_HOSTS
			    : n == 0 && kind != POLICY_LINE_LOCAL && kind != POLICY_LINE_BAD)
			return;
		if (l.more.len == 0 || (kind = policy_line_next(&l)) == POLICY_LINE_EMPTY)
			return;
	}
}

static void count(struct span text, struct policy_judged *j)
{
	struct span line;
	while (policy_text_next(&text, &line)) {
		j->lines++;
		count_line(line, j);
	}
}

const char *policy_judge(struct span text, uint64_t names_before, enum policy_shrinking shrinking,
			 struct policy_judged *ret)
{
	*ret = (struct policy_judged){0};
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		text = span_sub(text, 3, text.len); /* a byte order mark */
	const char *why = judge_beginning(text);
	if (why)
		return why;
	count(text, ret);
	if (ret->names == 0 && ret->bad)
		return "nothing in it is a rule about names";
	if (ret->bad > ret->names)
		return "most of it is no rule of any kind";
	if (shrinking == POLICY_SHRINKS_HALF && names_before >= POLICY_SHRINK_FROM &&
	    ret->names < names_before / 2)
		return "it has far fewer names than the last one";
	if (shrinking == POLICY_SHRINKS && names_before && ret->names == 0)
		return "there is no name in it, as there were in the last one";
	return NULL;
}
