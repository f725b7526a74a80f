#include "policy/build.h"

#include "base/siphash.h"
#include "policy/build_inner.h"
#include "policy/form.h"
#include "policy/setup.h"

#include <stdlib.h>

enum {
	POOL_FIRST = 1 << 16,
	SEEDS_MAX = 8,	 /* tables that are tried */
	FILLED_OF_4 = 3, /* three of four slots are in use */
};

/* A line that is kept lies in the pool: u8 length, the name's wire form without the root label (of
 * a line with a path under its anchor's label), u8 flags, u8 list, u32 line, and for patterns and
 * paths u8 length and text. */
struct policy_build {
	uint8_t *pool;
	size_t pool_len, pool_cap;
	size_t lines_n, lines_max;
	uint8_t *setup;
	size_t setup_len;
	bool subdomains[POLICY_LISTS_MAX];
	size_t lists_n;
	uint64_t configuration, generation, made_s;
	bool finished;
};

/* One line while the table is made. */
struct kept {
	uint64_t hash;
	uint32_t at; /* in the pool */
};

/* The setup's octets; the caller's: free(). */
static enum err setup_bytes(const struct policy_setup *setup, uint8_t **ret, size_t *ret_len)
{
	TRY(policy_setup_check(setup));
	size_t size = policy_setup_size(setup);
	uint8_t *bytes = malloc(size);
	if (!bytes)
		return ENOMEM;
	struct writer w = writer_of(bytes, size);
	policy_setup_write(setup, &w);
	if (w.bad) { /* it had no memory to put members in order */
		free(bytes);
		return ENOMEM;
	}
	*ret = bytes;
	*ret_len = w.pos;
	return OK;
}

enum err policy_setup_hash(const struct policy_setup *s, uint64_t *ret)
{
	uint8_t *bytes, subdomains[POLICY_LISTS_MAX] = {0};
	size_t len;
	TRY(setup_bytes(s, &bytes, &len));
	for (size_t i = 0; i < s->lists_n; i++)
		subdomains[i] = s->lists[i].subdomains;
	*ret = siphash24(POLICY_CHECK_KEY, bytes, len) ^
	       siphash13(POLICY_CHECK_KEY, subdomains, sizeof(subdomains));
	free(bytes);
	return OK;
}

enum err policy_build_new(const struct policy_setup *setup, size_t rules_max,
			  struct policy_build **ret)
{
	AUTO(policy_build_free) struct policy_build *b = NULL;
	if (rules_max > POLICY_BUILD_RULES_MAX)
		return ERR_LIMIT;
	b = calloc(1, sizeof(*b));
	if (!b)
		return ENOMEM;
	TRY(setup_bytes(setup, &b->setup, &b->setup_len));
	b->lines_max = rules_max;
	b->lists_n = setup->lists_n;
	for (size_t i = 0; i < setup->lists_n; i++)
		b->subdomains[i] = setup->lists[i].subdomains;
	b->configuration = setup->configuration;
	b->generation = setup->generation;
	b->made_s = setup->made_s;
	*ret = TAKE(b);
	return OK;
}

void policy_build_free(struct policy_build *b)
{
	if (!b)
		return;
	free(b->pool);
	free(b->setup);
	free(b);
}

/* --- lines in --- */

static enum err pool_room(struct policy_build *b, size_t more)
{
	size_t cap = b->pool_cap ? b->pool_cap : POOL_FIRST;
	while (cap - b->pool_len < more)
		cap += cap / 2;
	if (cap > UINT32_MAX)
		return ERR_LIMIT;
	if (cap == b->pool_cap)
		return OK;
	uint8_t *pool = realloc(b->pool, cap);
	if (!pool)
		return ENOMEM;
	b->pool = pool;
	b->pool_cap = cap;
	return OK;
}

static enum err keep(struct policy_build *b, unsigned list, uint32_t number,
		     const struct policy_line *l)
{
	enum policy_scope scope = l->scope;
	if (scope == POLICY_EXACT && l->form != POLICY_FORM_ADBLOCK && b->subdomains[list])
		scope = POLICY_SUBTREE;
	TRY(pool_room(b, DNS_NAME_MAX + 8 + POLICY_PATH_MAX));
	struct writer w = writer_of(b->pool + b->pool_len, b->pool_cap - b->pool_len);
	uint8_t label[POLICY_PATH_LABEL_LEN];
	size_t label_len = l->path.len ? sizeof(label) : 0;
	if (label_len)
		policy_path_label(policy_path_anchor(l->path), label);
	write_u8(&w, (uint8_t)(label_len + l->name.len - 1));
	write_bytes(&w, label, label_len);
	write_bytes(&w, l->name.wire, l->name.len - 1u);
	write_u8(&w, (uint8_t)((unsigned)scope | (unsigned)l->form << POLICY_FLAG_FORM |
			       (l->exception ? POLICY_FLAG_EXCEPTION : 0u) |
			       (l->important ? POLICY_FLAG_IMPORTANT : 0u) |
			       (l->path.len ? POLICY_FLAG_PATH : 0u) |
			       (l->badfilter ? POLICY_FLAG_BAD : 0u)));
	write_u8(&w, (uint8_t)list);
	write_u32(&w, number);
	if (scope == POLICY_PATTERN || l->path.len) {
		struct span text = l->path.len ? l->path : l->pattern;
		write_u8(&w, (uint8_t)text.len);
		write_span(&w, text);
	}
	b->pool_len += w.pos;
	b->lines_n++;
	return OK;
}

enum err policy_build_rule(struct policy_build *b, unsigned list, uint32_t number,
			   const struct policy_line *l, struct policy_counts *c)
{
	ASSERT(list < b->lists_n && !b->finished);
	c->kinds[POLICY_LINE_RULE]++;
	if (b->lines_n >= b->lines_max) {
		c->surplus++;
		return OK;
	}
	TRY(keep(b, list, number, l));
	c->exceptions += l->exception;
	c->patterns += l->scope == POLICY_PATTERN;
	c->paths += l->path.len != 0;
	return OK;
}

/* A line, and for hosts files each of its names. */
static enum err take_line(struct policy_build *b, unsigned list, uint32_t number, struct span text,
			  struct policy_counts *c)
{
	struct policy_line l;
	enum policy_line_kind kind = policy_line_read(text, &l);
	for (unsigned n = 0; n < POLICY_LINE_NAMES_MAX; n++) {
		if (kind == POLICY_LINE_RULE)
			TRY(policy_build_rule(b, list, number, &l, c));
		else
			c->kinds[kind]++;
		if (kind == POLICY_LINE_BAD && c->first_bad == 0)
			c->first_bad = number;
		if (kind == POLICY_LINE_RULE
			    ? l.form != POLICY_FORM_HOSTS
			    : n == 0 && kind != POLICY_LINE_LOCAL && kind != POLICY_LINE_BAD)
			return OK;
		if (l.more.len == 0 || (kind = policy_line_next(&l)) == POLICY_LINE_EMPTY)
			return OK;
	}
	return OK;
}

enum err policy_build_text(struct policy_build *b, unsigned list, struct span text,
			   struct policy_counts *ret)
{
	struct policy_counts c = {0};
	struct span line;
	enum err err = OK;
	ASSERT(list < b->lists_n && !b->finished);
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		text = span_sub(text, 3, text.len); /* a byte order mark */
	while (!err && policy_text_next(&text, &line)) {
		c.lines++;
		err = take_line(b, list,
				c.lines < POLICY_LINE_NUMBER_MAX ? (uint32_t)c.lines
								 : POLICY_LINE_NUMBER_MAX,
				line, &c);
	}
	*ret = c;
	return err;
}

/* --- lines in order --- */

static struct span name_at(const struct policy_build *b, uint32_t at)
{
	return span_of(b->pool + at + 1, b->pool[at]);
}

/* What stands behind the name. */
static const uint8_t *said_at(const struct policy_build *b, uint32_t at)
{
	return b->pool + at + 1 + b->pool[at];
}

static bool has_text(const uint8_t *said)
{
	return (said[0] & POLICY_FLAG_SCOPE) == POLICY_PATTERN || (said[0] & POLICY_FLAG_PATH);
}

/* A pattern, or a path. */
static struct span text_at(const uint8_t *said)
{
	return has_text(said) ? span_of(said + 7, said[6]) : (struct span){0};
}

static size_t said_len(const uint8_t *said)
{
	return 6 + (has_text(said) ? 1u + said[6] : 0u);
}

/* Does it cost a search to compare with it? */
static bool is_search(const uint8_t *said)
{
	return said[0] & POLICY_FLAG_PATH ? policy_path_has_stars(text_at(said)) : has_text(said);
}

static int by_name(const void *left, const void *right, void *arg)
{
	const struct kept *a = left, *b = right;
	const struct policy_build *build = arg;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	struct span x = name_at(build, a->at), y = name_at(build, b->at);
	if (x.len != y.len)
		return x.len < y.len ? -1 : 1;
	int order = memcmp(x.data, y.data, x.len);
	if (order)
		return order;
	/* The pool is in order of lists and lines. */
	return a->at < b->at ? -1 : a->at > b->at;
}

static bool says_same(const uint8_t *a, const uint8_t *b)
{
	const uint8_t what = POLICY_FLAG_SCOPE | POLICY_FLAG_EXCEPTION | POLICY_FLAG_IMPORTANT;
	return (a[0] & what) == (b[0] & what) && span_equal(text_at(a), text_at(b));
}

struct making {
	const struct policy_build *b;
	struct kept *kept; /* lines; of what was written, names with the offsets of their records */
	uint32_t names;
	uint64_t depths[2], path_depths[2];
	uint8_t *bytes; /* the result, while it grows */
	uint8_t *tags, *slots;
	uint32_t buckets;
	struct writer to; /* over its records */
	struct policy_built counts;
};

/* Is line i of a name taken out by a $badfilter, or said before in its list? */
static bool is_superfluous(struct making *m, const struct kept *first, size_t n, size_t i)
{
	const uint8_t *said = said_at(m->b, first[i].at);
	if (said[0] & POLICY_FLAG_BAD) {
		m->counts.badfiltered++;
		return true;
	}
	for (size_t k = 0; k < n && k < POLICY_LINES_MAX; k++) {
		const uint8_t *other = said_at(m->b, first[k].at);
		bool same = k != i && says_same(said, other);
		if (same && (other[0] & POLICY_FLAG_BAD)) {
			m->counts.badfiltered++;
			return true;
		}
		if (same && k < i && other[1] == said[1]) {
			m->counts.twice++;
			return true;
		}
	}
	return false;
}

static void write_line(struct writer *w, const uint8_t *said)
{
	uint32_t line = policy_load_u32(said + 2);
	struct span text = text_at(said);
	write_u8(w, said[0]);
	write_u8(w, said[1]);
	for (; line >= 0x80; line >>= 7)
		write_u8(w, (uint8_t)(line | 0x80));
	write_u8(w, (uint8_t)line);
	if (text.len) {
		write_u8(w, (uint8_t)text.len);
		write_span(w, text);
	}
}

static unsigned labels_of(struct span name)
{
	unsigned n = 0;
	for (size_t at = 0; at < name.len; at += name.data[at] + 1u)
		n++;
	return n;
}

/* One record of n lines of the same name. */
static void write_record(struct making *m, const struct kept *first, size_t n)
{
	struct writer *w = &m->to;
	struct span name = name_at(m->b, first->at);
	size_t begin = w->pos, count_at, lines = 0, patterns = 0;
	unsigned labels = labels_of(name);
	write_u8(w, (uint8_t)name.len);
	write_span(w, name);
	count_at = writer_reserve(w, 1);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *said = said_at(m->b, first[i].at);
		bool pattern = is_search(said);
		if (is_superfluous(m, first, n, i))
			continue;
		if (lines == POLICY_LINES_MAX || (pattern && patterns == POLICY_PATTERNS_MAX)) {
			m->counts.surplus++;
			continue;
		}
		write_line(w, said);
		lines++;
		patterns += pattern;
	}
	if (lines == 0) {
		writer_rewind(w, begin);
		return;
	}
	w->data[count_at] = (uint8_t)lines;
	m->kept[m->names++] = (struct kept){first->hash, (uint32_t)begin}; /* never past `first` */
	m->counts.lines += lines;
	bool paths = policy_path_is_labelled(name);
	labels -= paths;
	uint64_t *depths = paths ? m->path_depths : m->depths;
	depths[labels / 64] |= UINT64_C(1) << labels % 64;
}

/* How many lines from i on have the same name. */
static size_t alike(const struct making *m, size_t i)
{
	struct span name = name_at(m->b, m->kept[i].at);
	size_t n = 1;
	while (i + n < m->b->lines_n && m->kept[i + n].hash == m->kept[i].hash &&
	       span_equal(name, name_at(m->b, m->kept[i + n].at)))
		n++;
	return n;
}

static void sort(struct making *m, struct policy_seed seed)
{
	const struct policy_build *b = m->b;
	uint32_t at = 0;
	for (size_t i = 0; i < b->lines_n; i++) {
		m->kept[i] = (struct kept){policy_hash_name(seed, name_at(b, at)), at};
		at += (uint32_t)(1u + b->pool[at] + said_len(said_at(b, at)));
	}
	qsort_r(m->kept, b->lines_n, sizeof(*m->kept), by_name,
		(void *)(uintptr_t)b); /* only read */
}

/* --- the table --- */

/* Room for the whole: names that lose all their lines leave some of it. */
static enum err make_room(struct making *m)
{
	const struct policy_build *b = m->b;
	size_t names = 0, records = b->pool_len + b->lines_n;
	for (size_t i = 0; i < b->lines_n; i += alike(m, i))
		names++;
	m->buckets = (uint32_t)(names / (POLICY_BUCKET * FILLED_OF_4 / 4) + 1);
	size_t slots_n = (size_t)m->buckets * POLICY_BUCKET;
	size_t before = POLICY_HEADER_LEN + b->setup_len + slots_n * 5;
	if (before + records > POLICY_BYTES_MAX)
		return ERR_LIMIT;
	m->bytes = malloc(before + records);
	if (!m->bytes)
		return ENOMEM;
	m->tags = m->bytes + POLICY_HEADER_LEN + b->setup_len;
	m->slots = m->tags + slots_n;
	memset(m->tags, 0, slots_n * 5);
	m->to = writer_of(m->bytes + before, records);
	return OK;
}

/* False: some name is too far from its place. */
static bool fill_table(const struct making *m, uint32_t *ret_probes)
{
	uint32_t most = 1;
	for (uint32_t i = 0; i < m->names; i++) {
		uint64_t hash = m->kept[i].hash, empty;
		uint32_t bucket = policy_bucket_of(hash, m->buckets), probes = 1;
		while (!(empty = policy_zero_octets(
				 policy_load_u64(m->tags + (size_t)bucket * POLICY_BUCKET)))) {
			if (probes++ == POLICY_PROBES_MAX)
				return false;
			bucket = bucket + 1 == m->buckets ? 0 : bucket + 1;
		}
		size_t slot = (size_t)bucket * POLICY_BUCKET + (unsigned)__builtin_clzll(empty) / 8;
		m->tags[slot] = policy_tag_of(hash);
		put_u32(m->slots + slot * 4, m->kept[i].at);
		most = probes > most ? probes : most;
	}
	*ret_probes = most;
	return true;
}

static void write_header(const struct making *m, struct policy_seed seed, uint32_t probes,
			 size_t len)
{
	const struct policy_build *b = m->b;
	struct writer w = writer_of(m->bytes, POLICY_HEADER_LEN + b->setup_len);
	write_bytes(&w, POLICY_MAGIC, 8);
	write_u32(&w, POLICY_VERSION);
	write_u32(&w, POLICY_HEADER_LEN);
	write_u64(&w, len);
	write_u64(&w, 0); /* the checksum, at last */
	write_u64(&w, b->configuration);
	write_u64(&w, b->generation);
	write_u64(&w, b->made_s);
	write_u64(&w, seed.k0);
	write_u64(&w, seed.k1);
	write_u32(&w, (uint32_t)b->setup_len);
	write_u32(&w, m->buckets);
	write_u32(&w, m->names);
	write_u32(&w, (uint32_t)m->counts.lines);
	write_u32(&w, (uint32_t)m->to.pos);
	write_u32(&w, probes);
	for (unsigned i = 0; i < 16; i++)
		write_u8(&w, (uint8_t)(m->depths[i / 8] >> i % 8 * 8));
	for (unsigned i = 0; i < 16; i++)
		write_u8(&w, (uint8_t)(m->path_depths[i / 8] >> i % 8 * 8));
	write_bytes(&w, b->setup, b->setup_len);
	ASSERT(!w.bad);
	w = writer_of(m->bytes + POLICY_CHECK_AT, 8);
	write_u64(&w, siphash24(POLICY_CHECK_KEY, m->bytes + POLICY_CHECK_AT + 8,
				len - POLICY_CHECK_AT - 8));
}

/* The whole; ERR_EXISTS: another seed is to be tried. */
static enum err make(struct making *m, struct policy_seed seed)
{
	uint32_t probes;
	sort(m, seed);
	TRY(make_room(m));
	for (size_t i = 0, n; i < m->b->lines_n; i += n) {
		n = alike(m, i);
		write_record(m, m->kept + i, n);
	}
	ASSERT(!m->to.bad); /* no record is longer than its lines in the pool, and one octet each */
	if (!fill_table(m, &probes))
		return ERR_EXISTS;
	size_t len = (size_t)(m->to.data - m->bytes) + m->to.pos;
	write_header(m, seed, probes, len);
	uint8_t *fitting = realloc(m->bytes, len);
	m->counts.bytes = fitting ? fitting : m->bytes;
	m->counts.len = len;
	m->counts.names = m->names;
	m->bytes = NULL;
	return OK;
}

enum err policy_build_finish(struct policy_build *b, const uint8_t seed[16],
			     struct policy_built *ret)
{
	struct kept *kept = malloc((b->lines_n ? b->lines_n : 1) * sizeof(*kept));
	struct hash_key key = hash_key_of(seed);
	enum err err = ERR_EXISTS;
	ASSERT(!b->finished);
	b->finished = true;
	if (!kept)
		return ENOMEM;
	for (uint64_t i = 0; err == ERR_EXISTS && i < SEEDS_MAX; i++) {
		struct making m = {.b = b, .kept = kept};
		err = make(&m, (struct policy_seed){siphash13_of(key, &i, sizeof(i)),
						    siphash24(seed, &i, sizeof(i)) | 1});
		free(m.bytes);
		if (!err)
			*ret = m.counts;
	}
	free(kept);
	return err == ERR_EXISTS ? ERR_LIMIT : err;
}
