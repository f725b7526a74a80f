/* The look-up: all ends of a name that the table may have, their lines, and the one that decides.
 */
#include "base/writer.h"
#include "policy/inner.h"
#include "policy/pattern.h"
#include "policy/url.h"

/* Ranks of policy.h, from the least; 0: it decides nothing. */
enum { RANK_BLOCK = 1, RANK_EXCEPTION, RANK_BLOCK_IMPORTANT, RANK_EXCEPTION_IMPORTANT, RANK_LIST };

struct looking {
	const struct policy *p;
	const struct policy_view *view;
	const struct dns_name *name;
	uint64_t holes[POLICY_WORDS]; /* lists bound to allow whose @@ lines match */
	unsigned best_rank, best_depth;
	struct policy_match best;
	/* Of an address: the reading of its path that is judged; empty: of a name alone. */
	struct span reading;
	bool secure;
	bool nameless;	/* the host is an IP address */
	uint32_t steps; /* left for paths */
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

/* What cannot be found out is for the worse: it is blocked, and not allowed. */
static bool path_matches(struct looking *l, const struct policy_match *m)
{
	/* An exception of what allows is one more that is not allowed. */
	bool worse = m->exception == has(l->view->allow, m->list);
	switch (policy_path_fits(m->path, l->reading, l->secure, &l->steps)) {
	case POLICY_PATH_FITS: return true;
	case POLICY_PATH_FITS_NOT: return false;
	case POLICY_PATH_UNSURE: break;
	}
	return worse;
}

static bool scope_matches(struct looking *l, const struct policy_match *m)
{
	bool whole = m->name.len + 1 == l->name->len;
	if (m->path.len && !path_matches(l, m))
		return false;
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
	ret->pattern = ret->path = (struct span){0};
	if (ret->scope == POLICY_PATTERN || flags & POLICY_FLAG_PATH) {
		struct span *text = flags & POLICY_FLAG_PATH ? &ret->path : &ret->pattern;
		*text = span_of(at + 1, *at);
		at += 1 + text->len;
	}
	return at;
}

static void weigh(struct looking *l, const uint8_t *record, unsigned depth)
{
	struct policy_match m = {.name = span_of(record + 1, record[0])};
	const uint8_t *at = record + 1 + record[0];
	if (policy_path_is_labelled(m.name)) {
		/* A name that somebody asks for may look like one of these. */
		if (!l->reading.len)
			return;
		m.name = span_sub(m.name, POLICY_PATH_LABEL_LEN, m.name.len);
		depth += DNS_LABELS_MAX + 1; /* more is said than of any name */
	}
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

/* ---- paths ---- */

/* Labels for all that an anchor of the reading may be: what it begins with, up to each slash. */
struct anchors {
	uint8_t labels[POLICY_PATH_ANCHOR_SLASHES][POLICY_PATH_LABEL_LEN];
	unsigned n;
};

static void anchors_of(struct span reading, struct anchors *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < reading.len && i < POLICY_PATH_MAX; i++)
		if (reading.data[i] == '/' && ret->n < POLICY_PATH_ANCHOR_SLASHES)
			policy_path_label(span_of(reading.data, i + 1), ret->labels[ret->n++]);
}

static void walk_anchors(struct looking *l, const struct anchors *a, uint64_t parent,
			 struct span name, unsigned depth)
{
	const struct policy_names *names = &l->p->names;
	uint8_t key[POLICY_PATH_LABEL_LEN + DNS_NAME_MAX];
	if (name.len + POLICY_PATH_LABEL_LEN >= DNS_NAME_MAX)
		return;
	memcpy(key + POLICY_PATH_LABEL_LEN, name.data, name.len);
	for (unsigned i = 0; i < a->n; i++) {
		memcpy(key, a->labels[i], POLICY_PATH_LABEL_LEN);
		uint64_t h =
			policy_hash_label(names->seed, parent, key + 1, POLICY_PATH_LABEL_LEN - 1);
		const uint8_t *record =
			policy_names_find(names, policy_hash_end(names->seed, h),
					  span_of(key, POLICY_PATH_LABEL_LEN + name.len));
		if (record)
			weigh(l, record, depth);
	}
}

/* All ends of the name at which there are paths. */
static void walk_paths(struct looking *l, const struct anchors *a)
{
	const struct policy_names *names = &l->p->names;
	const struct dns_name *n = l->name;
	uint8_t starts[DNS_LABELS_MAX + 1];
	unsigned labels = dns_name_offsets(dns_name_span(n), starts) - 1;
	uint64_t h = policy_hash_root(names->seed);
	l->steps = POLICY_PATH_STEPS_MAX;
	for (unsigned depth = 0; depth <= labels; depth++) {
		size_t from = starts[labels - depth];
		if (depth)
			h = policy_hash_label(names->seed, h, n->wire + from + 1, n->wire[from]);
		if (names->path_depths[depth / 64] >> depth % 64 & 1)
			walk_anchors(l, a, h, span_of(n->wire + from, n->len - 1u - from), depth);
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

static void walk_all(struct looking *l, const struct anchors *a)
{
	if (!l->nameless)
		walk(l);
	if (a)
		walk_paths(l, a);
}

/* a: NULL: it is about a name alone. */
static void decide(struct looking *l, const struct anchors *a, struct policy_match *ret)
{
	walk_all(l, a);
	/* An @@ line was met after what it takes out of its list: once more, as all are known. */
	for (unsigned i = 0;
	     i < POLICY_LISTS_MAX && l->best_rank == RANK_LIST && has(l->holes, l->best.list);
	     i++) {
		l->best_rank = l->best_depth = 0;
		l->best = (struct policy_match){0};
		walk_all(l, a);
	}
	if (l->best_rank)
		l->best.rule = rule_of(l);
	*ret = l->best;
}

static bool says_nothing(const struct policy_view *view)
{
	return !has_any(view->block) && !has_any(view->allow);
}

void policy_look(const struct policy *p, const struct policy_view *view,
		 const struct dns_name *name, struct policy_match *ret)
{
	struct looking l = {.p = p, .view = view, .name = name};
	if (says_nothing(view))
		*ret = (struct policy_match){0};
	else
		decide(&l, NULL, ret);
}

/* 2: it is blocked; 0: allowed. */
static unsigned badness(enum policy_verdict v)
{
	return v == POLICY_SAYS_BLOCK ? 2 : v == POLICY_SAYS_NOTHING ? 1 : 0;
}

void policy_look_url(const struct policy *p, const struct policy_view *view,
		     const struct dns_name *name, struct span target, bool secure,
		     struct policy_match *ret)
{
	struct policy_readings readings;
	struct policy_match worst = {0};
	if (says_nothing(view) || !(p->names.path_depths[0] | p->names.path_depths[1])) {
		if (policy_is_address(name))
			*ret = (struct policy_match){0};
		else
			policy_look(p, view, name, ret);
		return;
	}
	policy_url_read(target, &readings);
	for (unsigned i = 0; i < readings.n; i++) {
		struct looking l = {.p = p,
				    .view = view,
				    .name = name,
				    .reading = readings.items[i],
				    .secure = secure,
				    .nameless = policy_is_address(name)};
		struct policy_match match;
		struct anchors a;
		anchors_of(readings.items[i], &a);
		decide(&l, &a, &match);
		if (i == 0 || badness(match.verdict) > badness(worst.verdict))
			worst = match;
	}
	*ret = worst;
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
	if (m->path.len && m->path.data[0] & (POLICY_PATH_CLEAR | POLICY_PATH_SECURE))
		write_text(&w, m->path.data[0] & POLICY_PATH_SECURE ? "https://" : "http://");
	if (m->scope == POLICY_BELOW)
		write_text(&w, "*.");
	if (m->scope == POLICY_PATTERN)
		write_span(&w, m->pattern);
	else
		write_name(&w, m->name);
	if (m->path.len)
		policy_path_write(m->path, &w);
	else if (adblock)
		write_u8(&w, '^');
	if (adblock && m->important)
		write_text(&w, "$important");
	if (m->path.len && m->path.data[0] & POLICY_PATH_CASE)
		write_text(&w, m->important ? ",match-case" : "$match-case");
	buf[w.pos] = '\0';
	return buf;
}
