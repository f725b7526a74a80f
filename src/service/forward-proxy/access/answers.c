#include "service/forward-proxy/access/answers.h"

#include "proto/http/token.h"

/* ---- what heads say ---- */

static bool is_type(struct span s)
{
	size_t slash = span_find(s, '/');
	return http_is_token(span_sub(s, 0, slash)) && http_is_token(span_sub(s, slash + 1, s.len));
}

/* By which browsers guess. */
static bool is_unknown(struct span s)
{
	return !is_type(s) || span_is(s, "*/*") ||
	       span_equal_nocase(s, span_text("unknown/unknown")) ||
	       span_equal_nocase(s, span_text("application/unknown"));
}

/* Up to the comma that is in no quoted text. */
static size_t one_of_list(struct span s)
{
	bool quoted = false;
	size_t i = 0;
	for (; i < s.len && (quoted || s.data[i] != ','); i++) {
		if (quoted && s.data[i] == '\\')
			i++;
		else if (s.data[i] == '"')
			quoted = !quoted;
	}
	return i < s.len ? i : s.len;
}

void answers_type_add(struct answers_facts *f, struct span value)
{
	do {
		struct span one = span_sub(value, 0, one_of_list(value));
		value = span_sub(value, one.len + 1, value.len);
		one = span_trim(span_sub(one, 0, span_find(one, ';')));
		if (f->types_n == ANSWERS_TYPES_MAX) {
			f->types_more = true;
			return;
		}
		f->types[f->types_n++] = one;
		f->in_parts =
			f->in_parts || span_equal_nocase(one, span_text("multipart/byteranges"));
	} while (value.len);
}

bool answers_size_of_range(struct span value, uint64_t *ret)
{
	struct span s = span_trim(value);
	size_t blank = span_find(s, ' '), slash = span_find(s, '/');
	struct span range = span_sub(s, blank + 1, slash - blank - 1);
	size_t hyphen = span_find(range, '-');
	uint64_t last;
	if (blank >= slash || slash == s.len ||
	    !span_equal_nocase(span_sub(s, 0, blank), span_text("bytes")))
		return false;
	if (span_to_u64(span_sub(s, slash + 1, s.len), UINT64_MAX, ret))
		return true;
	if (!span_to_u64(span_sub(range, hyphen + 1, range.len), UINT64_MAX - 1, &last))
		return false;
	*ret = last + 1;
	return true;
}

/* ---- rules ---- */

/* A type with another star than the one for all of a kind would fit no answer: there are none that
 * are called so (RFC 6838 4.2). */
static bool stars_mean_something(struct span type)
{
	size_t star = span_find(type, '*');
	return star == type.len || (star + 1 == type.len && type.data[star - 1] == '/');
}

bool answers_type_is_valid(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 'A' && text.data[i] <= 'Z')
			return false;
	return span_is(text, "none") || (is_type(text) && stars_mean_something(text));
}

/* wanted: "none", "video/mp4", or the same with a star in the second place. */
static bool type_fits(const char *wanted, struct span type)
{
	struct span w = span_text(wanted);
	if (span_is(w, "none"))
		return is_unknown(type);
	if (w.len > 2 && w.data[w.len - 1] == '*' && w.data[w.len - 2] == '/')
		return !is_unknown(type) &&
		       span_equal_nocase(span_sub(type, 0, w.len - 1), span_sub(w, 0, w.len - 1));
	return span_equal_nocase(type, w);
}

static bool is_wanted(const struct answers_rule *rule, struct span type)
{
	for (size_t i = 0; i < rule->types_n; i++)
		if (type_fits(rule->types[i], type))
			return true;
	return false;
}

static bool types_fit(const struct answers_rule *rule, const struct answers_facts *f)
{
	bool deny = rule->who.action == ACCESS_DENY;
	unsigned in = 0;
	if (rule->types_n == 0)
		return true;
	if (f->in_parts || f->types_more)
		return deny;
	if (f->types_n == 0)
		return !f->typeless && is_wanted(rule, (struct span){0});
	for (unsigned i = 0; i < f->types_n; i++)
		in += is_wanted(rule, f->types[i]);
	return in >= (deny ? 1 : f->types_n);
}

void answers_judge(const struct answers_rules *r, const struct access_facts *who,
		   const struct answers_facts *f, struct answers_verdict *ret)
{
	const struct access_rules times = {.zone = r->zone};
	*ret = (struct answers_verdict){.most = ANSWERS_ANY_SIZE};
	for (size_t i = 0; i < r->n; i++) {
		const struct answers_rule *rule = &r->items[i];
		bool sized = rule->larger != ANSWERS_ANY_SIZE;
		if (!types_fit(rule, f) || !access_rule_fits(&times, &rule->who, who))
			continue;
		if (sized && !f->in_parts && (f->has_size ? f->size <= rule->larger : true)) {
			/* It fits when more comes than that. */
			if (!f->has_size && !f->never_sized && rule->larger < ret->most) {
				ret->most = rule->larger;
				ret->most_rule = i;
			}
			continue;
		}
		ret->denied = rule->who.action == ACCESS_DENY;
		ret->by_size = sized;
		ret->rule = i;
		return;
	}
}
