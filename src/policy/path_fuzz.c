/* A line of a list and an address of strangers, a line's end between them: whatever the readings
 * are, no spelling of a path leads past what is blocked. */
#include "policy/build_test.h"
#include "policy/url.h"

static const struct policy_list_setup lists[] = {{.name = {(const uint8_t *)"list", 4}}};
static const struct policy_rule rules[] = {{.lists = {1}, .schedule = POLICY_ALWAYS}};
static const struct policy_setup setup = {
	.lists = lists, .lists_n = 1, .rules = rules, .rules_n = 1};

static bool has_dots(struct span path)
{
	struct span s = span_sub(path, 0, span_find(path, '?'));
	while (s.len) {
		struct span one = span_sub(s, 0, span_find(s, '/'));
		if (span_is(one, ".") || span_is(one, ".."))
			return true;
		s = span_sub(s, one.len + 1, s.len);
	}
	return false;
}

static void check_readings(const struct policy_readings *r, struct span target)
{
	ASSERT(r->n >= 1 && r->n <= POLICY_READINGS_MAX);
	bool escaped_mark = false; /* a question mark that was escaped is one in the reading */
	for (size_t i = 0; i + 2 < target.len; i++)
		escaped_mark |= target.data[i] == '%' && target.data[i + 1] == '3';
	for (unsigned i = 0; i < r->n; i++) {
		struct span s = r->items[i];
		ASSERT(s.len >= 1 && s.data[0] == '/' && s.len <= target.len + 1);
		for (size_t k = 1; k < s.len; k++)
			ASSERT(s.data[k] != '/' || s.data[k - 1] != '/');
	}
	/* The last one is of who resolves all that he can. */
	if (!escaped_mark && r->n == POLICY_READINGS_MAX)
		ASSERT(!has_dots(r->items[r->n - 1]));
}

/* What the line is about, each line of one policy: does it say what the path alone says? */
static void check_line(const struct policy_line *l, const struct policy_readings *r,
		       struct span text, struct span target)
{
	static const uint8_t seed[16] = "seventeen octets";
	struct policy_build *b = NULL;
	struct policy_built built;
	struct policy_counts counts;
	struct policy *p = NULL;
	struct policy_view view;
	struct policy_match m;
	char line[POLICY_LINE_TEXT_MAX];
	bool fits = false;
	enum err e = policy_build_new(&setup, 10, &b);
	ASSERT(!e);
	e = policy_build_text(b, 0, text, &counts);
	ASSERT(!e && counts.paths == 1);
	e = policy_build_finish(b, seed, &built);
	ASSERT(!e);
	policy_build_free(b);
	e = policy_open(span_of(built.bytes, built.len), &p);
	ASSERT(!e);
	policy_view(p, 0, 0, NULL, &view);
	for (unsigned i = 0; i < r->n; i++) {
		uint32_t steps = POLICY_PATH_STEPS_MAX;
		fits |= policy_path_fits(l->path, r->items[i], true, &steps) !=
			POLICY_PATH_FITS_NOT;
	}
	if (l->scope == POLICY_BELOW || l->exception || l->badfilter)
		fits = false;
	policy_look_url(p, &view, &l->name, target, true, &m);
	ASSERT(fits == (m.verdict == POLICY_SAYS_BLOCK));
	(void)policy_line_format(&m, line);
	policy_look(p, &view, &l->name, &m);
	ASSERT(m.verdict == POLICY_SAYS_NOTHING);
	policy_free(p);
	free(built.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_readings readings;
	struct policy_line l;
	struct span target = span_of(data, size), text;
	if (size > POLICY_URL_MAX || !policy_text_next(&target, &text))
		return 0;
	policy_url_read(target, &readings);
	check_readings(&readings, target);
	if (policy_line_read(text, &l) == POLICY_LINE_RULE && l.path.len)
		check_line(&l, &readings, text, target);
	return 0;
}
