/* The look-up: all ends of a name that the table may have, their lines, and the one that decides.
 */
#include "base/writer.h"
#include "policy/inner.h"
#include "policy/pattern.h"

/* Ranks of policy.h, from the least; 0: it decides nothing. */
enum { RANK_BLOCK = 1, RANK_EXCEPTION, RANK_BLOCK_IMPORTANT, RANK_EXCEPTION_IMPORTANT, RANK_LIST };

struct looking {
	const struct policy *p;
	const struct policy_view *view;
	const struct dns_name *name;
	uint64_t holes[POLICY_WORDS]; /* lists bound to allow whose @@ lines match */
	unsigned best_rank, best_depth;
	struct policy_match best;
	/* The name as text, made when the first pattern is met. */
	uint8_t text[DNS_NAME_MAX];
	size_t text_len;
};

static bool has(const uint64_t *lists, unsigned list)
{
	return lists[list / 64] >> list % 64 & 1;
}

static struct span text_of(struct looking *l)
{
	const struct dns_name *n = l->name;
	if (l->text_len == 0)
		for (size_t at = 0; at + 1 < n->len; at += n->wire[at] + 1u) {
			if (at)
				l->text[l->text_len++] = '.';
			for (size_t i = 1; i <= n->wire[at]; i++)
				l->text[l->text_len++] = n->wire[at + i];
		}
	return span_of(l->text, l->text_len);
}

static bool scope_matches(struct looking *l, const struct policy_match *m)
{
	bool whole = m->name.len + 1 == l->name->len;
	switch (m->scope) {
	case POLICY_SUBTREE: return true;
	case POLICY_EXACT: return whole;
	case POLICY_BELOW: return !whole;
	case POLICY_PATTERN: return policy_pattern_matches(m->pattern, text_of(l));
	}
	return false;
}

static unsigned rank_of(struct looking *l, const struct policy_match *m)
{
	if (has(l->view->allow, m->list)) {
		if (m->exception)
			l->holes[m->list / 64] |= UINT64_C(1) << m->list % 64;
		else if (!has(l->holes, m->list))
			return RANK_LIST;
	}
	if (!has(l->view->block, m->list))
		return 0;
	if (m->exception)
		return m->important ? RANK_EXCEPTION_IMPORTANT : RANK_EXCEPTION;
	return m->important ? RANK_BLOCK_IMPORTANT : RANK_BLOCK;
}

static bool is_better(const struct looking *l, const struct policy_match *m, unsigned rank,
		      unsigned depth)
{
	if (rank != l->best_rank)
		return rank > l->best_rank;
	if (depth != l->best_depth)
		return depth > l->best_depth;
	bool exact = m->scope == POLICY_EXACT, was = l->best.scope == POLICY_EXACT;
	return exact != was ? exact : m->list < l->best.list;
}

const uint8_t *policy_record_line(const uint8_t *at, struct policy_match *ret)
{
	uint8_t flags = *at++;
	unsigned shift = 0;
	ret->scope = flags & POLICY_FLAG_SCOPE;
	ret->form = flags >> POLICY_FLAG_FORM & 3;
	ret->exception = flags & POLICY_FLAG_EXCEPTION;
	ret->important = flags & POLICY_FLAG_IMPORTANT;
	ret->list = *at++;
	ret->line = 0;
	do {
		ret->line |= (uint32_t)(*at & 0x7f) << shift;
		shift += 7;
	} while (*at++ & 0x80);
	ret->pattern = (struct span){0};
	if (ret->scope == POLICY_PATTERN) {
		ret->pattern = span_of(at + 1, *at);
		at += 1 + ret->pattern.len;
	}
	return at;
}

static void weigh(struct looking *l, const uint8_t *record, unsigned depth)
{
	struct policy_match m = {.name = span_of(record + 1, record[0])};
	const uint8_t *at = record + 1 + record[0];
	for (unsigned n = *at++; n; n--) {
		at = policy_record_line(at, &m);
		if (!(has(l->view->block, m.list) || has(l->view->allow, m.list)) ||
		    !scope_matches(l, &m))
			continue;
		unsigned rank = rank_of(l, &m);
		if (rank == 0 || !is_better(l, &m, rank, depth))
			continue;
		m.verdict =
			m.exception || rank == RANK_LIST ? POLICY_SAYS_ALLOW : POLICY_SAYS_BLOCK;
		l->best = m;
		l->best_rank = rank;
		l->best_depth = depth;
	}
}

/* All ends of the name, the root first. */
static void walk(struct looking *l)
{
	const struct policy_names *names = &l->p->names;
	const struct dns_name *n = l->name;
	uint8_t starts[DNS_LABELS_MAX + 1];
	uint64_t hashes[DNS_LABELS_MAX + 1];
	unsigned labels = dns_name_offsets(dns_name_span(n), starts) - 1;
	unsigned most = labels < names->deepest ? labels : names->deepest;
	uint64_t h = policy_hash_root(names->seed);
	for (unsigned depth = 0; depth <= most; depth++) {
		if (depth) {
			const uint8_t *label = n->wire + starts[labels - depth];
			h = policy_hash_label(names->seed, h, label + 1, *label);
		}
		if (!(names->depths[depth / 64] >> depth % 64 & 1))
			continue;
		hashes[depth] = policy_hash_end(names->seed, h);
		__builtin_prefetch(names->tags +
				   (size_t)policy_bucket_of(hashes[depth], names->buckets) *
					   POLICY_BUCKET);
	}
	for (unsigned depth = 0; depth <= most; depth++) {
		if (!(names->depths[depth / 64] >> depth % 64 & 1))
			continue;
		size_t from = starts[labels - depth];
		const uint8_t *record = policy_names_find(
			names, hashes[depth], span_of(n->wire + from, n->len - 1u - from));
		if (record)
			weigh(l, record, depth);
	}
}

static unsigned rule_of(const struct looking *l)
{
	enum policy_action action = l->best_rank == RANK_LIST ? POLICY_ALLOW : POLICY_BLOCK;
	for (unsigned i = 0; i < l->p->setup.rules_n; i++) {
		const struct policy_rule *r = &l->p->setup.rules[i];
		if ((l->view->rules[i / 64] >> i % 64 & 1) && r->action == action &&
		    has(r->lists, l->best.list))
			return i;
	}
	return POLICY_RULES_MAX;
}

static bool has_any(const uint64_t *lists)
{
	uint64_t any = 0;
	for (size_t i = 0; i < POLICY_WORDS; i++)
		any |= lists[i];
	return any != 0;
}

void policy_look(const struct policy *p, const struct policy_view *view,
		 const struct dns_name *name, struct policy_match *ret)
{
	struct looking l = {.p = p, .view = view, .name = name};
	if (!has_any(view->block) && !has_any(view->allow)) {
		*ret = (struct policy_match){0};
		return;
	}
	walk(&l);
	/* An @@ line was met after what it takes out of its list: once more, as all are known. */
	for (unsigned i = 0;
	     i < POLICY_LISTS_MAX && l.best_rank == RANK_LIST && has(l.holes, l.best.list); i++) {
		l.best_rank = l.best_depth = 0;
		l.best = (struct policy_match){0};
		walk(&l);
	}
	if (l.best_rank)
		l.best.rule = rule_of(&l);
	*ret = l.best;
}

/* --- for people --- */

static void write_name(struct writer *w, struct span name)
{
	for (size_t at = 0; at < name.len; at += name.data[at] + 1u) {
		if (at)
			write_u8(w, '.');
		write_bytes(w, name.data + at + 1, name.data[at]);
	}
	if (name.len == 0)
		write_u8(w, '*');
}

const char *policy_line_format(const struct policy_match *m, char buf[POLICY_LINE_TEXT_MAX])
{
	struct writer w = writer_of(buf, POLICY_LINE_TEXT_MAX - 1);
	bool adblock = m->form == POLICY_FORM_ADBLOCK;
	write_text(&w, m->exception ? "@@" : "");
	if (adblock && !(m->pattern.len && m->pattern.data[0] == '|'))
		write_text(&w, m->scope == POLICY_EXACT ? "|" : "||");
	if (m->scope == POLICY_BELOW)
		write_text(&w, "*.");
	if (m->scope == POLICY_PATTERN)
		write_span(&w, m->pattern);
	else
		write_name(&w, m->name);
	if (adblock)
		write_text(&w, m->important ? "^$important" : "^");
	buf[w.pos] = '\0';
	return buf;
}
